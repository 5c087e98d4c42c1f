"""Secrets: values that must not come into what a model, a history, a snapshot or a commit gets."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, cast
from urllib.parse import quote_from_bytes, quote_plus, urlsplit

MARK = "‹secret:"
"""How what stands for a secret begins."""
SHORTEST = 8
"""Characters below which a value is no secret: `true`, `5432` and `localhost` stand everywhere."""
_SHORTEST_LINE = 16
"""Characters below which a line of a longer value is no secret of its own."""
_MOST_LINES = 200
"""Lines that a value in quotes may have."""
_SHORTEST_PART = 4
"""Characters that a cut leaves of a value and that are still told apart from other text."""
CUT_HERE = "\n… cut here"
"""How the line begins that ends a text which was cut."""
_GAP = re.compile(rf"\n\[… \d+ bytes left out …\]\n|{CUT_HERE}[^\n]*(?:\n|\Z)")
_TORN = "\ufffd"
"""What a character becomes that was cut in two."""
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_UNICODE = re.compile(r"\\u([0-9a-f]{4})")
_UNSAFE_IN_PAGES = ("<>&", "<>&'=", "<>&'+")
"""Characters that some writers of JSON escape, so that it can stand in a page."""
_DEEPEST = 40
"""Groups within groups that a pattern may have."""
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

    A value is known as it is and as `forms_of` spells it; one of several lines by its longer lines, too.
    Not known is what is encoded twice or in another way (compressed, base32, wrapped base64, turned round),
    and a part that somebody cuts out on purpose. Of base64 the characters stay that the value shares with
    what stands beside it, one on either side.

    Args:
        known: names and values; those that are too short are left out.
    """

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        self._known = tuple(known)

    def plus(self, name: str, value: str) -> Secrets:
        """These and one more."""
        return Secrets([*self._known, Secret(name, value)])

    def and_these(self, more: Iterable[Secret]) -> Secrets:
        """These and others."""
        return Secrets([*self._known, *more])

    def masked(self, text: str) -> str:
        """The text with `‹secret:NAME›` in the place of each value, and of what a cut left of one.

        Text that is cut is to say so by `left_out` or `CUT_HERE`: what stands beside that line and is the
        beginning or the end of a value goes as well.
        """
        if self._any is None:
            return text
        whole = self._any.sub(lambda found: mark(self._names[found[0]]), text)
        gaps = list(_GAP.finditer(whole))
        if not gaps:
            return whole
        ends = [0, *(one.end() for one in gaps)]
        starts = [*(one.start() for one in gaps), len(whole)]
        parts: list[str] = []
        for number, (first, last) in enumerate(zip(ends, starts, strict=True)):
            part = whole[first:last]
            part = self._ending.masked(part) if number < len(gaps) else part
            part = self._beginning.masked(part[::-1])[::-1] if number else part
            parts += [part, gaps[number][0] if number < len(gaps) else ""]
        return "".join(parts)

    def held_in(self, data: bytes) -> str:
        """The mark of a known value in these bytes; empty when there is none."""
        found = None if self._any_bytes is None else self._any_bytes.search(data)
        if found is None:
            return ""
        return mark(next(name for form, name in self._names.items() if _bytes_of(form) == found[0]))

    @cached_property
    def _names(self) -> dict[str, str]:
        """What each form of a value is called by."""
        spelled: dict[str, str] = {}
        for secret in self._known:
            for value in _values_of(secret.value):
                for form in forms_of(value):
                    spelled.setdefault(form, secret.name)
        return spelled

    @cached_property
    def _any(self) -> re.Pattern[str] | None:
        return re.compile(_any_of(sorted(self._names))) if self._names else None

    @cached_property
    def _any_bytes(self) -> re.Pattern[bytes] | None:
        if not self._names:
            return None
        # one character for each byte, so that text and bytes go the same way
        spelled = sorted(_bytes_of(form).decode("latin-1") for form in self._names)
        return re.compile(_any_of(spelled).encode("latin-1"))

    @cached_property
    def _ending(self) -> _Edge:
        return _Edge(self._names)

    @cached_property
    def _beginning(self) -> _Edge:
        """For text that is turned round, as its values are."""
        return _Edge({form[::-1]: name for form, name in self._names.items()}, turned=True)


class _Edge:
    """Finds what a cut left of a value at the end of a text."""

    def __init__(self, names: Mapping[str, str], *, turned: bool = False) -> None:
        self._names = names
        self._turned = -1 if turned else 1
        self._sorted = sorted(names)
        self._longest = max(map(len, names), default=0)

    def masked(self, text: str) -> str:
        """The text without the beginning of a value that it ends with, the longest there is."""
        kept = text.rstrip(_TORN)
        for start in range(max(0, len(kept) - self._longest), len(kept) - _SHORTEST_PART + 1):
            if name := self._begun_by(kept[start:]):
                return kept[:start] + mark(name)[:: self._turned]
        return text

    def _begun_by(self, part: str) -> str:
        at = bisect_left(self._sorted, part)
        form = self._sorted[at] if at < len(self._sorted) else ""
        return self._names[form] if form.startswith(part) else ""


def forms_of(value: str) -> set[str]:
    """A value as it is, percent-encoded, as JSON has it, in base64 wherever it begins there, and in hex."""
    data = _bytes_of(value)
    percent = {quote_from_bytes(data, safe) for safe in ("", "/")} | {quote_plus(data)}
    spelled = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for signs in _UNSAFE_IN_PAGES:
        spelled |= {one.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in signs}) for one in spelled}
    escaped = spelled | {_UNICODE.sub(_in_capitals, one) for one in spelled}
    return {
        value,
        *percent,
        *(_PERCENT.sub(_in_small_letters, one) for one in percent),
        *escaped,
        *(one.replace("/", "\\/") for one in escaped),
        *_base64_of(data),
        data.hex(),
        data.hex().upper(),
    }


def _base64_of(data: bytes) -> set[str]:
    """What stands in every base64 text that holds these bytes, for each of the three places in a group."""
    found: set[str] = set()
    for before in range(3):
        text = b64encode(b"\0" * before + data).decode("ascii")
        fixed = text[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        found |= {fixed, fixed.replace("+", "-").replace("/", "_")}
    return found


def _values_of(value: str) -> list[str]:
    """A value and its longer lines, as a tool shows one after the other; none that is too short."""
    lines = [one.strip() for one in value.splitlines()] if "\n" in value else []
    long = [one for one in lines if len(one) >= _SHORTEST_LINE and not one.startswith("-----")]
    return [one for one in (value, *long) if len(one) >= SHORTEST]


def _any_of(words: Sequence[str], depth: int = 0) -> str:
    """A pattern for any of these sorted words, the longest that fits; what they begin with is tried once."""
    if depth == _DEEPEST:
        return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    branches: list[str] = []
    for _, group in groupby(filter(None, words), key=lambda one: one[0]):
        alike = list(group)
        common = _common(alike[0], alike[-1])
        rests = [one[len(common) :] for one in alike]
        below = "" if rests == [""] else f"(?:{_any_of(rests, depth + 1)})" + ("" if rests[0] else "?")
        branches.append(re.escape(common) + below)
    return "|".join(branches)


def _common(first: str, last: str) -> str:
    """What the first and the last of sorted words begin with, and so all between them."""
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((at for at, (one, other) in pairs if one != other), min(len(first), len(last)))]


def _bytes_of(value: str) -> bytes:
    """A text as a file has it; half a surrogate pair is carried along."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _in_small_letters(found: re.Match[str]) -> str:
    return found[0].lower()


def _in_capitals(found: re.Match[str]) -> str:
    return "\\u" + found[1].upper()


def left_out(count: int) -> str:
    """The line that stands where bytes were left out of a long text."""
    return f"\n[… {count} bytes left out …]\n"


NO_SECRETS = Secrets()


def mark(name: str) -> str:
    """What stands for a secret."""
    return f"{MARK}{name}›"


def looks_secret(text: str) -> list[str]:
    """Kinds of keys that stand in a text by their looks, a plain phrase each."""
    return [kind for kind, look in _LOOKS.items() if look.search(text)]


def secrets_of_env(text: str) -> list[Secret]:
    r"""The secrets of a file of `NAME=value` lines: by what their name tells, or by the looks of the value.

    A value in quotes may go over several lines; one in double quotes may have them as `\n`.
    """
    lines = text.splitlines()
    found: list[Secret] = []
    for number, line in enumerate(lines):
        if one := _LINE.fullmatch(line):
            for value in (_unquoted(one[2]), *_other_readings(one[2], lines[number + 1 :][:_MOST_LINES])):
                found += _secrets_of_value(one[1], value)
    return found


def _other_readings(begun: str, following: Sequence[str]) -> list[str]:
    """What a value is to those who know quotes over several lines, and escaped line ends."""
    sign = next((one for one in ('"""', "'''", '"', "'") if begun.startswith(one)), "")
    if not sign:
        return []
    if sign not in begun[len(sign) :]:
        last = next((at for at, line in enumerate(following) if sign in line), None)
        begun = begun if last is None else "\n".join([begun, *following[: last + 1]])
    value = begun[len(sign) :].partition(sign)[0]
    spread = [value.replace("\\n", "\n")] if '"' in sign and "\\n" in value else []
    return [one for one in (value, *spread) if "\n" in one]


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
