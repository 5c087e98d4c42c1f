"""Secrets: values that must not come into what a model, a history, a snapshot or a commit gets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, urlsplit

MARK = "‹secret:"
"""How what stands for a secret begins."""
SHORTEST = 8
"""Characters below which a value is no secret: `true`, `5432` and `localhost` stand everywhere."""
_TELLING = re.compile(
    r"key(_|$)|token|secret|passw|credential|private|webhook|(^|_)(auth|authorization|dsn|pwd|salt|cookie)(_|$)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]+|[A-Z]?[a-z]+|[0-9]+|/.*|unix:.*")
"""What is no secret, whatever its name tells: a word that stands in many files, a number, a path."""
_RANDOM = re.compile(r"(?=[^\s]*\d)(?=[^\s]*[A-Za-z])[A-Za-z0-9+/=_.~-]{20,}")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*$")
_SETTING = re.compile(r"""\s*(?:-\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*[:=]\s*(.+?)\s*,?\s*""")
"""A line of YAML, TOML, INI or JSON that sets something."""
_TOKEN = re.compile(r"[A-Za-z0-9+/_.~-]{20,}={0,2}")
_ALONE = re.compile(r"[^\s{}\[\]()<>]{1,1000}")
_LOOKS: Mapping[str, re.Pattern[str]] = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "a key of AWS": re.compile(r"\bA(?:KIA|SIA)(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b"),
    "a token of GitLab": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
    "a key of Anthropic": re.compile(r"\bsk-ant-[A-Za-z0-9_-]{32,}"),
    "a token of Slack": re.compile(r"\bxox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{16,}"),
    "a key of Google": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a key of Stripe": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{20,}\b"),
    "a token of npm": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a token of PyPI": re.compile(r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,}"),
}
"""What keys look like whose makers gave them a form; rather none than one that a test fixture has."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value and what it is called."""

    name: str
    value: str = field(repr=False)


class Secrets:
    """The secrets of this machine that a worker may come across.

    Args:
        known: names and values; those that are too short are left out.
    """

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        self._known = tuple(known)
        spelled: dict[str, str] = {}
        for secret in self._known:
            if len(secret.value) >= SHORTEST:
                for value in (secret.value, quote(secret.value, safe="")):
                    spelled.setdefault(value, secret.name)
        self._names = spelled
        # the longest first: an address with its password before the password alone
        ordered = sorted(spelled, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._any_bytes = (
            re.compile(b"|".join(re.escape(value.encode("utf-8", "surrogateescape")) for value in ordered))
            if ordered
            else None
        )

    def plus(self, name: str, value: str) -> Secrets:
        """These and one more."""
        return Secrets([*self._known, Secret(name, value)])

    def and_these(self, more: Iterable[Secret]) -> Secrets:
        """These and others."""
        return Secrets([*self._known, *more])

    def masked(self, text: str) -> str:
        """The text with `‹secret:NAME›` in the place of each value."""
        if self._any is None:
            return text
        return self._any.sub(lambda found: mark(self._names[found[0]]), text)

    def held_in(self, data: bytes) -> str:
        """The mark of a known value in these bytes; empty when there is none."""
        found = None if self._any_bytes is None else self._any_bytes.search(data)
        return "" if found is None else mark(self._names[found[0].decode("utf-8", "surrogateescape")])


NO_SECRETS = Secrets()


def mark(name: str) -> str:
    """What stands for a secret."""
    return f"{MARK}{name}›"


def looks_secret(text: str) -> list[str]:
    """Kinds of keys that stand in a text by their looks, a plain phrase each."""
    return [kind for kind, look in _LOOKS.items() if look.search(text)]


def secrets_of_env(text: str) -> list[Secret]:
    """The secrets of a file of `NAME=value` lines: by what their name tells, or by the looks of the value."""
    lines = map(_LINE.fullmatch, text.splitlines())
    return [secret for one in lines if one for secret in _secrets_of_value(one[1], _unquoted(one[2]))]


def secrets_of_settings(file: str, text: str) -> list[Secret]:
    """The secrets of a file of settings, whatever its form: JSON, YAML, TOML, INI, lines, or one value alone.

    Args:
        file: its name, which a value without one of its own is called by.
        text: what it holds.
    """
    alone = text.strip()
    if _ALONE.fullmatch(alone) and not _WORD.fullmatch(alone) and not _SETTING.fullmatch(alone):
        return [Secret(file, alone)]
    found = secrets_of_env(text)
    try:
        pairs = list(_pairs(json.loads(text), file))
    except (ValueError, RecursionError):
        lines = map(_SETTING.fullmatch, text.splitlines())
        pairs = [(one[1], _unquoted(one[2])) for one in lines if one]
    for name, value in pairs:
        found += _secrets_of_value(name, value)
    tokens = [one for one in _TOKEN.findall(text) if _RANDOM.fullmatch(one) and not _WORD.fullmatch(one)]
    return [*found, *(Secret(file, one) for one in tokens)]


def _pairs(held: Any, name: str) -> Iterator[tuple[str, str]]:
    """(name, value) of each text in a JSON value; those of a list have the list's name."""
    if isinstance(held, dict):
        for key, value in cast("dict[str, Any]", held).items():
            yield from _pairs(value, key)
    elif isinstance(held, list):
        for value in cast("list[Any]", held):
            yield from _pairs(value, name)
    elif isinstance(held, str):
        yield name, held


def _secrets_of_value(name: str, value: str) -> list[Secret]:
    is_secret = is_telling(name, value) or _RANDOM.fullmatch(value) or looks_secret(value)
    return [*([Secret(name, value)] if is_secret else []), *secrets_of_address(name, value)]


def secrets_of_address(name: str, address: str) -> list[Secret]:
    """The password in an address such as `https://user:password@host`."""
    if "://" not in address:
        return []
    try:
        parts = urlsplit(address)
        password = parts.password or ("" if parts.scheme == "ssh" else parts.username) or ""
    except ValueError:
        return []
    return [Secret(name, password)] if password else []


def secrets_of_variables(variables: Mapping[str, str]) -> list[Secret]:
    """The secrets among environment variables, by what their name tells."""
    return [Secret(name, value) for name, value in variables.items() if is_telling(name, value)]


def is_telling(name: str, value: str) -> bool:
    """Whether a name says that its value is secret, and the value could be."""
    return _TELLING.search(name) is not None and _WORD.fullmatch(value) is None


def _unquoted(value: str) -> str:
    for sign in "\"'":
        if value.startswith(sign):
            return value[1:].partition(sign)[0]
    return value.partition(" #")[0].rstrip()
