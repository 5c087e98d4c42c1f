from __future__ import annotations

import pytest

from gastown_desktop.adapters.repository_config import RepositoryConfig, parse
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.preparation import SetupStep
from gastown_desktop.core.serialising import Generated, SerialisingFiles, as_toml
from gastown_desktop.engine.gates import GATE_TIMEOUT_S, Gate


def test_an_empty_file_proposes_nothing() -> None:
    assert parse(b"") == RepositoryConfig()


def test_gates_are_commands_with_a_name_and_a_timeout() -> None:
    text = b'[[gates]]\nname = "tests"\ncommand = "pytest -q"\ntimeout_s = 60\n'
    text += b'[[gates]]\nname = "l"\ncommand = "ruff"'
    assert parse(text).gates == (Gate("tests", "pytest -q", 60.0), Gate("l", "ruff", GATE_TIMEOUT_S))


def test_a_gate_may_be_a_command_alone() -> None:
    assert parse(b'gates = ["make test", "make lint"]').gates == (
        Gate("gate 1", "make test"),
        Gate("gate 2", "make lint"),
    )


@pytest.mark.parametrize(
    "key",
    [
        "cap",
        "base_url",
        "key",
        "provider",
        "sandbox",
        "network",
        "landing",
        "push",
        "tools",
        "trust",
        "gate",
        "allowed_hosts",
        "allow_host",
        "setup_hosts",
        "setup_host",
        "copy_files",
    ],
)
def test_what_a_repository_may_not_say_is_listed_as_ignored(key: str) -> None:
    config = parse(f'{key} = "mine"\nprefix = "gt"'.encode())
    assert config.ignored == (key,)
    assert config.prefix == "gt"


def test_proposals_that_are_used_elsewhere_are_not_called_ignored() -> None:
    text = b'setup = ["make"]\ncopy = [".env"]\ngenerated = []\nunion = []\nserial = []'
    assert parse(text).ignored == ()


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ('setup = "uv sync"', (SetupStep("uv sync"),)),
        ('setup = ["npm ci", "make"]', (SetupStep("npm ci"), SetupStep("make"))),
        ('[[setup]]\ncommand = "npm ci"\ntimeout_s = 60\n', (SetupStep("npm ci", 60.0),)),
        ('[[setup]]\ncommand = "a"\n[[setup]]\ncommand = "b"\n', (SetupStep("a"), SetupStep("b"))),
        ("setup = []", ()),
    ],
)
def test_setup_is_a_command_several_or_tables(text: str, steps: tuple[SetupStep, ...]) -> None:
    assert parse(text.encode()).setup == steps


def test_files_to_copy_are_patterns_below_the_top() -> None:
    text = b'copy = ["config/*.json", "/.env.test", "**/local.yaml", ".env.test"]'
    assert parse(text).copied == ("config/*.json", ".env.test", "**/local.yaml")


def test_serialising_files_are_paths_with_commands_and_patterns() -> None:
    text = b'union = ["CHANGELOG.md", "/docs/**/*.news"]\nserial = ["db/migrations/*"]\n'
    text += b'[[generated]]\npath = "web/pnpm-lock.yaml"\ncommand = "pnpm install --lockfile-only"\n'
    config = parse(text)
    assert config.serialising == SerialisingFiles(
        generated=(Generated(path="web/pnpm-lock.yaml", command="pnpm install --lockfile-only"),),
        union=("CHANGELOG.md", "/docs/**/*.news"),
        serial=("db/migrations/*",),
    )
    assert config.ignored == ()
    assert parse(as_toml(config.serialising).encode()) == config


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", ".git/config", "x/.GIT/hooks", "a\\\\b"],
)
def test_a_generated_file_stays_in_the_repository(path: str) -> None:
    with pytest.raises(Refused, match=r"^\.gastown\.toml: generated"):
        parse(f'[[generated]]\npath = "{path}"\ncommand = "make"\n'.encode())


@pytest.mark.parametrize(
    "text",
    [
        b'union = "x"',
        b"union = [7]",
        b'union = ["../x"]',
        b'union = [""]',
        b'union = ["a\\u0007"]',
        b'serial = [".git/*"]',
        b'generated = ["x"]',
        b'[[generated]]\npath = "x"',
        b'[[generated]]\npath = "x"\ncommand = ""',
        b'[[generated]]\npath = "x"\ncommand = "y"\nshell = "z"',
        b'[[generated]]\npath = "x"\ncommand = "y"\n[[generated]]\npath = "x"\ncommand = "z"',
        b'setup = ""',
        b'setup = "  "',
        b"setup = 7",
        b"setup = [7]",
        b'setup = [""]',
        b"setup = [" + b'"x",' * 21 + b"]",
        b'setup = { command = "x" }',
        b'[[setup]]\ncommand = ""',
        b"[[setup]]\ntimeout_s = 5",
        b'[[setup]]\ncommand = "x"\ntimeout_s = 0',
        b'[[setup]]\ncommand = "x"\nhosts = ["pypi.org"]',
        b'copy = "x"',
        b"copy = [7]",
        b'copy = [""]',
        b'copy = ["../x"]',
        b'copy = ["/etc/../../x"]',
        b'copy = ["a/../../x"]',
        b'copy = ["//etc/passwd"]',
        b'copy = [".git/config"]',
        b'copy = ["config/"]',
        b'copy = ["a\\u0000"]',
        b"gates = [",
        b"\xff\xfe",
        b"a = 1\na = 2",
        b"gates = 7",
        b"gates = [7]",
        b'[[gates]]\nname = "x"',
        b'[[gates]]\nname = ""\ncommand = "x"',
        b'[[gates]]\nname = "x"\ncommand = ""',
        b'[[gates]]\nname = "x"\ncommand = "y"\nsandbox = false',
        b'[[gates]]\nname = "x"\ncommand = "y"\ntimeout_s = 0',
        b'[[gates]]\nname = "x"\ncommand = "y"\ntimeout_s = inf',
        b'[[gates]]\nname = "x"\ncommand = "y"\ntimeout_s = nan',
        b'[[gates]]\nname = "x"\ncommand = "y"\ntimeout_s = "5"',
        b'prefix = "Upper"',
        b'prefix = "toolongaprefix"',
        b'prefix = "9a"',
        b'prefix = "a\\n"',
        b'prefix = "../x"',
        b"gates = [" + b'"x",' * 21 + b"]",
        b"a = " + b"[" * 20_000,
    ],
)
def test_what_makes_no_sense_is_refused_by_the_file_s_name(text: bytes) -> None:
    with pytest.raises(Refused, match=r"^\.gastown\.toml") as refused:
        parse(text)
    assert refused.value.remedy


@pytest.mark.parametrize(
    "text", [b"x = " + b"9" * 5_000, b"a" + b".a" * 100_000 + b" = 1", b"x = " + b"[" * 100_000, b"\xff"]
)
def test_what_nobody_writes_is_refused_in_a_sentence(text: bytes) -> None:
    with pytest.raises(Refused, match=r"^\.gastown\.toml cannot be read"):
        parse(text)
