"""Turning one text into another by replacements that each occur exactly once."""

from __future__ import annotations

from difflib import SequenceMatcher

_MOST_LINES = 3_000
_MOST_EDITS = 40


def edits_between(before: str, after: str) -> list[tuple[str, str]]:
    """(old, new) pairs that, applied in order, each to its only occurrence, turn `before` into `after`.

    Returns:
        An empty list when that is not possible in a sensible number of edits.
    """
    old_lines, new_lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if max(len(old_lines), len(new_lines)) > _MOST_LINES:
        return []
    opcodes = SequenceMatcher(None, old_lines, new_lines, autojunk=False).get_opcodes()
    changes = [code for code in opcodes if code[0] != "equal"]
    edits: list[tuple[str, str]] = []
    current = before
    for _, start, end, new_start, new_end in reversed(changes):
        edit = _unique(current, old_lines, (start, end), "".join(new_lines[new_start:new_end]))
        if edit is None or len(edits) == _MOST_EDITS:
            return []
        edits.append(edit)
        current = current.replace(*edit)
    return edits if current == after else []


def _unique(text: str, lines: list[str], span: tuple[int, int], replacement: str) -> tuple[str, str] | None:
    """The edit of these lines with as many lines before them as make it unique.

    Lines above the span are still as they were, since changes are made from the bottom up.
    """
    start, end = span
    for first in range(start, -1, -1):
        context = "".join(lines[first:start])
        old = context + "".join(lines[start:end])
        if old and text.find(old) == text.rfind(old) >= 0:
            return old, context + replacement
    return None
