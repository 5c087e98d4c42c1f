"""What differs between two trees, as a few lines that a person can read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import GitObjects

_MOST_PATHS = 3
_MOST_LINES = 24
_LONGEST_LINE = 160
_LARGEST_FILE = 400_000


async def shown_difference(
    objects: GitObjects, made: Oid, wanted: Oid, paths: Iterable[str]
) -> tuple[str, ...]:
    """Lines of a unified diff from the tree that was made to the one that was wanted.

    Files that are no text, or large, are named only; the lines are cut to what fits into a report.
    """
    wanted_paths = set(paths)
    lines: list[str] = []
    changes = [one for one in await objects.diff_trees(made, wanted) if one.path in wanted_paths]
    for change in changes[:_MOST_PATHS]:
        before, after = await _text(objects, change.old_oid), await _text(objects, change.new_oid)
        if before is None or after is None:
            lines.append(f"{change.path}: not shown, it is no text or large")
            continue
        diff = difflib.unified_diff(
            before, after, f"merged/{change.path}", f"history/{change.path}", "", "", 2, ""
        )
        lines += [line[:_LONGEST_LINE] for line in diff]
    if len(changes) > _MOST_PATHS:
        lines.append(f"… and {len(changes) - _MOST_PATHS} more files")
    return (*lines[:_MOST_LINES], "…") if len(lines) > _MOST_LINES else tuple(lines)


async def _text(objects: GitObjects, blob: Oid | None) -> list[str] | None:
    if blob is None:
        return []
    if await objects.blob_size(blob) > _LARGEST_FILE:
        return None
    data = await objects.read_blob(blob)
    return None if b"\0" in data else data.decode("utf-8", "replace").splitlines()
