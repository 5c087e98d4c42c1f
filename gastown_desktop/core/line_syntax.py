"""The syntax of `core.line_pattern`: a pattern's text as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gastown_desktop.core.errors import ToolRefused

MOST_REPEATS = 500
_DEEPEST = 40
_ENDLESS = -1

Category = Literal["d", "D", "w", "W", "s", "S"]


@dataclass(frozen=True, slots=True)
class CharSet:
    """Characters that may stand at one place."""

    ranges: tuple[tuple[str, str], ...] = ()
    categories: tuple[str, ...] = ()
    negated: bool = False

    def has(self, one: str, *, folds: bool) -> bool:
        """Tells whether a character is in it; `folds` takes upper and lower case for the same."""
        forms = {one, one.lower(), one.upper()} if folds else {one}
        return any(map(self._holds, forms)) != self.negated

    def _holds(self, one: str) -> bool:
        if len(one) == 1 and any(first <= one <= last for first, last in self.ranges):
            return True
        return any(_is_in(one, category) for category in self.categories)


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something about a place between characters."""

    kind: Literal["start", "end", "boundary", "inside"]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; `most` None is without end."""

    part: Node
    least: int
    most: int | None


Node = CharSet | Assertion | Sequence | Alternatives | Repeat


@dataclass(frozen=True, slots=True)
class Parsed:
    """A whole pattern."""

    node: Node
    ignore_case: bool


ANY = CharSet((("\n", "\n"),), negated=True)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_PLACES: dict[str, Assertion] = {
    "b": Assertion("boundary"),
    "B": Assertion("inside"),
    "A": Assertion("start"),
    "Z": Assertion("end"),
}


def parse_pattern(text: str) -> Parsed:
    """Reads a pattern.

    Raises:
        ToolRefused: it is none, or uses what is not supported.
    """
    if not text:
        raise ToolRefused("The pattern is empty.")
    ignore_case = text.startswith("(?i)")
    reader = _Reader(text[4:] if ignore_case else text)
    node = reader.alternatives(0)
    if not reader.at_end:
        raise ToolRefused(f"The pattern has a `)` too many at character {reader.at + 1}.")
    return Parsed(node, ignore_case)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    @property
    def at_end(self) -> bool:
        return self.at >= len(self._text)

    def _next(self) -> str:
        if self.at_end:
            raise ToolRefused("The pattern breaks off in the middle.")
        self.at += 1
        return self._text[self.at - 1]

    def _take(self, text: str) -> bool:
        taken = self._text.startswith(text, self.at)
        self.at += len(text) if taken else 0
        return taken

    def alternatives(self, depth: int) -> Node:
        """Parts with `|` between them."""
        if depth > _DEEPEST:
            raise ToolRefused("The pattern has too many groups in each other.")
        parts = [self._sequence(depth)]
        while self._take("|"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while not self.at_end and self._text[self.at] not in "|)":
            parts.append(self._repeated(self._part(depth)))
        return Sequence(tuple(parts))

    def _part(self, depth: int) -> Node:
        one = self._next()
        match one:
            case "(":
                return self._group(depth)
            case "[":
                return self._set()
            case ".":
                return ANY
            case "^":
                return Assertion("start")
            case "$":
                return Assertion("end")
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise ToolRefused(f"There is nothing to repeat before the `{one}` at character {self.at}.")
            case _:
                return _literal(one)

    def _group(self, depth: int) -> Node:
        if self._take("?"):
            self._group_kind()
        node = self.alternatives(depth + 1)
        if not self._take(")"):
            raise ToolRefused("The pattern lacks a `)`.")
        return node

    def _group_kind(self) -> None:
        if self._take(":"):
            return
        if self._take("P<"):
            while self._next() != ">":
                pass
            return
        raise ToolRefused(
            "Look-around, conditions and flags inside a pattern are not supported; for upper and lower case "
            "use `ignore_case`."
        )

    def _repeated(self, part: Node) -> Node:
        while not self.at_end:
            if self._take("*"):
                part = Repeat(part, 0, None)
            elif self._take("+"):
                part = Repeat(part, 1, None)
            elif self._take("?"):
                part = Repeat(part, 0, 1)
            elif (counts := self._counts()) is not None:
                part = Repeat(part, counts[0], None if counts[1] == _ENDLESS else counts[1])
            else:
                return part
            self._take("?")  # lazy and greedy hold the same lines
        return part

    def _counts(self) -> tuple[int, int] | None:
        """Reads `{m}`, `{m,}`, `{,n}` or `{m,n}`; anything else in braces is text."""
        end = self._text.find("}", self.at)
        if self._text[self.at] != "{" or end < 0:
            return None
        first, comma, last = self._text[self.at + 1 : end].partition(",")
        digits = first + last
        if not digits.isascii() or not digits.isdigit() or len(digits) > 8:
            return None
        least = int(first or "0")
        most = (int(last) if last else _ENDLESS) if comma else least
        if max(least, most) > MOST_REPEATS or (most != _ENDLESS and most < least):
            raise ToolRefused(f"A count is from small to large and at most {MOST_REPEATS}.")
        self.at = end + 1
        return least, most

    def _escape(self) -> Node:
        one = self._next()
        if one in _PLACES:
            return _PLACES[one]
        if one in "dDwWsS":
            return CharSet(categories=(one,))
        return _literal(self._escaped(one))

    def _escaped(self, one: str) -> str:
        """The character that an escape stands for."""
        if one in _CONTROLS:
            return _CONTROLS[one]
        if one in "xuU":
            length = {"x": 2, "u": 4, "U": 8}[one]
            digits = self._text[self.at : self.at + length]
            try:
                self.at += length
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise ToolRefused(f"`\\{one}{digits}` is no character.") from None
        if one.isdigit():
            raise ToolRefused(f"`\\{one}` refers back to a group, which is not supported.")
        if one.isascii() and one.isalpha():
            raise ToolRefused(f"`\\{one}` is not known.")
        return one

    def _set(self) -> Node:
        negated = self._take("^")
        ranges: list[tuple[str, str]] = []
        categories: list[str] = []
        first = True
        while first or not self._take("]"):
            first = False
            one = self._member()
            if len(one) > 1:
                categories.append(one[1])
                continue
            last = one
            if self._text.startswith("-", self.at) and not self._text.startswith("-]", self.at):
                self.at += 1
                last = self._member()
            if len(last) > 1 or last < one:
                raise ToolRefused("A range in `[…]` goes from one character to a later one.")
            ranges.append((one, last))
        return CharSet(tuple(ranges), tuple(categories), negated)

    def _member(self) -> str:
        """A character of a set, or a backslash and a category's letter."""
        one = self._next()
        if one != "\\":
            return one
        escaped = self._next()
        if escaped in "dDwWsS":
            return "\\" + escaped
        return "\b" if escaped == "b" else self._escaped(escaped)


def _literal(one: str) -> CharSet:
    return CharSet(((one, one),))


def _is_in(one: str, category: str) -> bool:
    match category.lower():
        case "d":
            found = one.isdecimal()
        case "w":
            found = one.isalnum() or one == "_"
        case _:
            found = one.isspace()
    return found != category.isupper()
