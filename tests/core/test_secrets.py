"""Secrets are known by where they stand and by their looks, and are kept back whole."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from gastown_desktop.core.secrets import (
    Secret,
    Secrets,
    left_out,
    looks_secret,
    secrets_of_address,
    secrets_of_env,
    secrets_of_settings,
    secrets_of_variables,
)

TOKEN = "tok-8f3a9c1e"


def test_each_value_is_replaced_by_its_name_wherever_it_stands() -> None:
    secrets = Secrets([Secret("API_TOKEN", TOKEN)])
    assert secrets.masked(f"a={TOKEN}; b='{TOKEN}'") == "a=‹secret:API_TOKEN›; b='‹secret:API_TOKEN›'"
    assert secrets.masked("nothing here") == "nothing here"


def test_the_longer_value_goes_first() -> None:
    secrets = Secrets([Secret("PASSWORD", TOKEN), Secret("URL", f"https://u:{TOKEN}@h/")])
    assert secrets.masked(f"https://u:{TOKEN}@h/ {TOKEN}") == "‹secret:URL› ‹secret:PASSWORD›"


def test_a_value_is_known_as_an_address_spells_it() -> None:
    assert Secrets([Secret("P", "a b/c:d@e")]).masked("x://u:a%20b%2Fc%3Ad%40e@h") == "x://u:‹secret:P›@h"


def test_short_values_stand_everywhere_and_are_no_secrets() -> None:
    assert Secrets([Secret("PORT_KEY", "5432"), Secret("EMPTY", "")]).masked("5432") == "5432"


def test_bytes_are_searched_whatever_stands_around() -> None:
    secrets = Secrets([Secret("K", "grün-9-Passwort")])
    assert secrets.held_in(b"\0\xff" + "grün-9-Passwort".encode() + b"\xff") == "‹secret:K›"
    assert secrets.held_in(b"\0\xff") == ""
    assert Secrets().held_in(b"x") == ""


def test_a_secret_does_not_show_itself() -> None:
    assert TOKEN not in repr(Secret("K", TOKEN))


def test_lines_of_an_env_file_are_secret_by_name_or_by_looks() -> None:
    text = f"""
# API_KEY=in-a-comment-1
DEBUG=true
PORT=5432
APP_NAME=gas-town-desktop
API_TOKEN={TOKEN}
export DB_PASSWORD="with # and 'quotes' 1" # a comment
SINGLE_SECRET='x y 9 z w'
PLAIN=AbCd1234efgh5678IJKL90
SESSION_SECRET=changeme
GIT_AUTHOR_NAME=Ada Lovelace 1815
DATABASE=postgres://ada:hun-ter-22@localhost/db
"""
    found = {secret.name: secret.value for secret in secrets_of_env(text)}
    assert found == {
        "API_TOKEN": TOKEN,
        "DB_PASSWORD": "with # and 'quotes' 1",
        "SINGLE_SECRET": "x y 9 z w",
        "PLAIN": "AbCd1234efgh5678IJKL90",
        "DATABASE": "hun-ter-22",
    }


@pytest.mark.parametrize(
    ("address", "password"),
    [
        ("https://ada:hunter22x@example.org/x", "hunter22x"),
        ("https://ghp-token-alone@example.org/x", "ghp-token-alone"),
        ("https://example.org/x", None),
        ("ssh://git@example.org/x", None),
        ("git@example.org:x", None),
        ("https://[broken/x", None),
    ],
)
def test_addresses_hold_a_password_or_a_token(address: str, password: str | None) -> None:
    assert [secret.value for secret in secrets_of_address("remote", address)] == [password] * bool(password)


def test_variables_are_secret_by_name_and_paths_are_none() -> None:
    given = {"ANTHROPIC_API_KEY": TOKEN, "HOME": "/home/x9", "SSH_AUTH_SOCK": "/run/9/agent", "PWD": "/x9"}
    assert [secret.name for secret in secrets_of_variables(given)] == ["ANTHROPIC_API_KEY"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("aws = AKIA" + "Z7Q4" * 4, "a key of AWS"),
        ("ghp_" + "a1B2" * 9, "a token of GitHub"),
        ("-----BEGIN RSA PRIVATE KEY-----\n" + "A1b2" * 16, "a private key"),
        ("sk-ant-api03-" + "x9_-" * 10, "a key of Anthropic"),
        ("npm_" + "a1B2" * 9, "a token of npm"),
    ],
)
def test_keys_whose_makers_gave_them_a_form_are_seen(text: str, kind: str) -> None:
    assert looks_secret(f"x = '{text}'\n") == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxx",
        "-----BEGIN PRIVATE KEY-----\n(your key here)",
        "-----BEGIN PUBLIC KEY-----\n" + "A1b2" * 16,
        "sk-ant-...",
        "4a5b6c7d8e9f" * 4,
    ],
)
def test_what_only_resembles_a_key_is_none(text: str) -> None:
    assert looks_secret(text) == []


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        (
            "local.json",
            '{"db": {"password": "pa55-word-1", "host": "localhost"}}',
            {"password": "pa55-word-1"},
        ),
        ("local.json", '{"tokens": ["tok-8f3a9c1e"], "port": 5432}', {"tokens": "tok-8f3a9c1e"}),
        ("local.yaml", "db:\n  user: ada\n  password: 'pa55-word-1'  # why\n", {"password": "pa55-word-1"}),
        ("local.yaml", "- api_key: tok-8f3a9c1e\n", {"api_key": "tok-8f3a9c1e"}),
        ("local.toml", '[db]\nsecret = "tok-8f3a9c1e"\nname = "app"\n', {"secret": "tok-8f3a9c1e"}),
        (".env.test", "export API_TOKEN=tok-8f3a9c1e\nDEBUG=true\n", {"API_TOKEN": "tok-8f3a9c1e"}),
        ("master.key", "0f3a9c1e7b5d2468ace0\n", {"master.key": "0f3a9c1e7b5d2468ace0"}),
        ("db.conf", "url = postgres://ada:s3cr3t-1@db/x\n", {"url": "s3cr3t-1"}),
        ("notes", "the key is AbCd1234efgh5678IJKL90 here\n", {"notes": "AbCd1234efgh5678IJKL90"}),
        ("local.json", '{"debug": true, "level": "info", "hosts": ["localhost"]}', {}),
        ("local.json", "[" * 100_000, {}),
    ],
)
def test_settings_are_secret_by_name_or_by_looks_whatever_their_form(
    file: str, text: str, found: dict[str, str]
) -> None:
    assert {one.name: one.value for one in secrets_of_settings(file, text)} == found


HARD = 'p"a\\s/ü <w>&+=9~x'
_DATA = HARD.encode()


@pytest.mark.parametrize(
    "encoded",
    [
        quote(HARD),
        quote(HARD, safe=""),
        quote_plus(HARD),
        quote(HARD, safe="").replace("%2F", "%2f").replace("%C3%BC", "%c3%bc").replace("%3C", "%3c").lower(),
        json.dumps(HARD)[1:-1],
        json.dumps(HARD, ensure_ascii=False)[1:-1],
        json.dumps(HARD)[1:-1].replace("/", "\\/"),
        json.dumps(HARD)[1:-1].replace("u00fc", "u00FC"),
        json.dumps(HARD)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        _DATA.hex(),
        _DATA.hex().upper(),
    ],
)
def test_a_value_is_known_in_other_spellings(encoded: str) -> None:
    secrets = Secrets([Secret("P", HARD)])
    assert secrets.masked(f"<{encoded}>") == "<‹secret:P›>"
    assert secrets.held_in(f"<{encoded}>".encode()) == "‹secret:P›"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user1:"])
@pytest.mark.parametrize("signs", [b"+/", b"-_"])
def test_a_value_is_known_in_base64_wherever_it_begins(before: str, signs: bytes) -> None:
    value = "\u00ff\u00fe?>>tok-8f3a9c1e-Zz"
    text = base64.b64encode(f"{before}{value}@host".encode(), signs).decode()
    first, last = -(-8 * len(before) // 6), 8 * (len(before) + len(value.encode())) // 6
    assert Secrets([Secret("P", value)]).masked(text) == f"{text[:first]}‹secret:P›{text[last:]}"


def test_each_longer_line_of_a_value_is_known_alone() -> None:
    lines = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG",
        "9w0BAQEFAASCBKcwggSj",
        "-----END PRIVATE KEY-----",
    ]
    secrets = Secrets([Secret("KEY", "\n".join(lines))])
    shown = secrets.masked("\n".join(f"{number}\t{line}" for number, line in enumerate(lines, 1)))
    assert shown.splitlines() == [f"1\t{lines[0]}", "2\t‹secret:KEY›", "3\t‹secret:KEY›", f"4\t{lines[3]}"]
    assert secrets.masked("\n".join(lines)) == "‹secret:KEY›"


def test_values_of_an_env_file_may_go_over_several_lines() -> None:
    text = """
PRIVATE_KEY="-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG
-----END PRIVATE KEY-----"
API_TOKEN=tok-8f3a9c1e
OTHER_KEY="-----BEGIN-----\\nMIIEvQIBADANBgkqhkiH\\n-----END-----" # a comment
OPEN_SECRET='never closed 1
"""
    values = [secret.value for secret in secrets_of_env(text)]
    assert "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----" in values
    assert "-----BEGIN-----\nMIIEvQIBADANBgkqhkiH\n-----END-----" in values
    assert "tok-8f3a9c1e" in values
    assert "never closed 1" in values


def test_a_value_of_odd_bytes_is_known() -> None:
    for value in ("p\udcff-8f3a9c1e", "p\ud800-8f3a9c1e"):
        secrets = Secrets([Secret("P", value)])
        assert secrets.masked(f"<{value}>") == "<‹secret:P›>"
    assert Secrets([Secret("P", "p\udcff-8f3a9c1e")]).held_in(b"<p\xff-8f3a9c1e>") == "‹secret:P›"


@pytest.mark.parametrize("kept", range(4, len(TOKEN)))
def test_what_a_cut_leaves_of_a_value_goes_too(kept: int) -> None:
    secrets = Secrets([Secret("T", TOKEN)])
    gap = left_out(40)
    assert secrets.masked(f"a {TOKEN[:kept]}{gap}b") == f"a ‹secret:T›{gap}b"
    assert secrets.masked(f"a{gap}{TOKEN[-kept:]} b") == f"a{gap}‹secret:T› b"
    assert secrets.masked(f"a {TOKEN[:kept]}\n… cut here.") == "a ‹secret:T›\n… cut here."
    assert secrets.masked(f"a {TOKEN[:kept]}") == f"a {TOKEN[:kept]}"


def test_a_cut_through_a_character_hides_nothing() -> None:
    secrets = Secrets([Secret("T", "grün-9-Passwört")])
    gap = left_out(1)
    data = "grün-9-Passwört".encode()
    head, tail = data[:3].decode("utf-8", "replace"), data[-3:].decode("utf-8", "replace")
    assert secrets.masked(f"grün-9-Passw{head[-1]}{gap}") == f"‹secret:T›{gap}"
    assert secrets.masked(f"{gap}{tail}") == f"{gap}{tail}"
    tail = data[3:].decode("utf-8", "replace")
    assert secrets.masked(f"{gap}{tail}") == f"{gap}‹secret:T›"


def test_many_secrets_and_many_gaps_cost_little() -> None:
    secrets = Secrets([Secret(f"K{number}", f"{number:x}-Zz{number * 7919:x}-0aB1") for number in range(300)])
    secrets.masked(left_out(1))
    began = time.perf_counter()
    secrets.masked(("0-Zz" + left_out(1)) * 1_000)
    secrets.masked("lorem ipsum 0aB1 " * 4_000)
    assert time.perf_counter() - began < 2.0
