"""Diffs: how a bead's work differs from its base, file by file and line by line."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterator
from typing import Literal

from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.api import DiffLine, FileDiff
from gastown_desktop.engine.git_ports import EXECUTABLE, REGULAR, SYMLINK, GitObjects, TreeChange
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.transcripts import newest_attempt

MOST_FILES = 200
MOST_LINES = 4_000
"""Lines of a file's diff that are shown."""
LARGEST_FILE = 1 << 20
_CONTEXT = 3
_TEXT_MODES = frozenset({0, REGULAR, EXECUTABLE, SYMLINK})


async def diff_of(kit: Kit, bead: BeadId) -> tuple[FileDiff, ...]:
    """What a bead has changed so far: its landing commit where it is merged, else its newest copy."""
    trees = await _trees(kit, bead)
    if trees is None:
        return ()
    changes = await kit.objects.diff_trees(*trees)
    return tuple([await file_diff(kit.objects, change) for change in changes[:MOST_FILES]])


async def file_diff(objects: GitObjects, change: TreeChange) -> FileDiff:
    """How one path differs."""
    kind = _kind(change)
    if not {change.old_mode, change.new_mode} <= _TEXT_MODES:
        return FileDiff(path=change.path, change="binary")
    before, after = await _text(objects, change.old_oid), await _text(objects, change.new_oid)
    if before == "too_large" or after == "too_large":
        return FileDiff(path=change.path, change="too_large")
    if isinstance(before, str) or isinstance(after, str):
        return FileDiff(path=change.path, change="binary")
    hunks, added, removed = await asyncio.to_thread(_hunks, before, after)
    return FileDiff(path=change.path, change=kind, added=added, removed=removed, hunks=hunks)


async def _trees(kit: Kit, bead: BeadId) -> tuple[Oid, Oid] | None:
    """The trees before and after; None where there is nothing to compare."""
    view = kit.bus.state.beads.get(bead)
    if view is None:
        return None
    if view.commit is not None:
        commit = await kit.objects.read_commit(view.commit)
        if commit.parents:
            return await kit.objects.tree_of(commit.parents[0]), commit.tree
    hook = await newest_attempt(kit, bead)
    if hook is None:
        return None
    base = await kit.objects.tree_of(hook.assignment.base)
    return base, hook.wip or base


def _kind(change: TreeChange) -> Literal["added", "deleted", "modified", "mode"]:
    if change.old_oid is None:
        return "added"
    if change.new_oid is None:
        return "deleted"
    return "mode" if change.old_oid == change.new_oid else "modified"


async def _text(objects: GitObjects, blob: Oid | None) -> list[str] | Literal["binary", "too_large"]:
    if blob is None:
        return []
    if await objects.blob_size(blob) > LARGEST_FILE:
        return "too_large"
    data = await objects.read_blob(blob)
    return "binary" if b"\0" in data else data.decode("utf-8", "replace").split("\n")


def _hunks(before: list[str], after: list[str]) -> tuple[tuple[tuple[DiffLine, ...], ...], int, int]:
    """Hunks with three lines around each change, and how many lines came and went."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=len(before) + len(after) > MOST_LINES)
    hunks: list[tuple[DiffLine, ...]] = []
    shown = added = removed = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        lines = tuple(_lines(before, after, group))
        added += sum(line.sign == "+" for line in lines)
        removed += sum(line.sign == "-" for line in lines)
        if shown < MOST_LINES:
            hunks.append(lines[: MOST_LINES - shown])
        shown += len(lines)
    return tuple(hunks), added, removed


def _lines(
    before: list[str], after: list[str], group: list[tuple[str, int, int, int, int]]
) -> Iterator[DiffLine]:
    for tag, old, old_end, new, new_end in group:
        if tag == "equal":
            for at in range(old_end - old):
                yield DiffLine(sign=" ", old=old + at + 1, new=new + at + 1, text=before[old + at])
            continue
        for at in range(old, old_end):
            yield DiffLine(sign="-", old=at + 1, new=None, text=before[at])
        for at in range(new, new_end):
            yield DiffLine(sign="+", old=None, new=at + 1, text=after[at])
