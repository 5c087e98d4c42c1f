"""Conflict markers: a marked text in parts, and the text that a choice for each part gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Choice = Literal["ours", "theirs", "both", "open"]

_OURS, _MIDDLE, _THEIRS, _BASE = b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a marked text: plain lines where `ours` and `theirs` are None, else one conflict."""

    plain: bytes = b""
    ours: bytes | None = None
    theirs: bytes | None = None
    marked: bytes = b""
    """The conflict as it stands, markers and all."""

    @property
    def is_conflict(self) -> bool:
        """Whether it has two sides."""
        return self.ours is not None


def parts_of(marked: bytes) -> tuple[Part, ...]:
    """Takes a marked text apart; joined again with every choice `open` it is the same bytes."""
    parts: list[Part] = []
    plain: list[bytes] = []
    lines = marked.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        end = _end_of_conflict(lines, at)
        if end is None:
            plain.append(lines[at])
            at += 1
            continue
        if plain:
            parts.append(Part(plain=b"".join(plain)))
            plain = []
        parts.append(_conflict(lines[at:end]))
        at = end
    if plain:
        parts.append(Part(plain=b"".join(plain)))
    return tuple(parts)


def joined(parts: Sequence[Part], choices: Sequence[Choice]) -> bytes:
    """The text with a choice for each conflict, in order.

    Raises:
        ValueError: not as many choices as conflicts.
    """
    left = iter(choices)
    try:
        text = b"".join(_chosen(part, next(left)) if part.is_conflict else part.plain for part in parts)
    except (StopIteration, RuntimeError) as error:
        raise ValueError("a conflict has no choice") from error
    if next(left, None) is not None:
        raise ValueError("there are more choices than conflicts")
    return text


def has_markers(text: bytes) -> bool:
    """Whether a text holds a whole conflict: a line that opens one and a later one that ends it."""
    lines = text.splitlines()
    opened = next((at for at, line in enumerate(lines) if line.startswith(_OURS + b" ")), None)
    return opened is not None and any(line.startswith(_THEIRS + b" ") for line in lines[opened:])


def _chosen(part: Part, choice: Choice) -> bytes:
    assert part.ours is not None
    assert part.theirs is not None
    return {
        "ours": part.ours,
        "theirs": part.theirs,
        "both": part.ours + part.theirs,
        "open": part.marked,
    }[choice]


def _end_of_conflict(lines: Sequence[bytes], at: int) -> int | None:
    """The line after a conflict that opens at `at`; None when none does."""
    if not lines[at].startswith(_OURS + b" "):
        return None
    middle = False
    for end in range(at + 1, len(lines)):
        if lines[end].rstrip(b"\r\n") == _MIDDLE:
            middle = True
        elif lines[end].startswith(_THEIRS + b" "):
            return end + 1 if middle else None
        elif lines[end].startswith(_OURS + b" "):
            return None
    return None


def _conflict(lines: Sequence[bytes]) -> Part:
    middle = next(at for at, line in enumerate(lines) if line.rstrip(b"\r\n") == _MIDDLE)
    base = next((at for at, line in enumerate(lines[:middle]) if line.startswith(_BASE)), middle)
    return Part(ours=b"".join(lines[1:base]), theirs=b"".join(lines[middle + 1 : -1]), marked=b"".join(lines))
