"""How much commits and copies change: lines that came and went, file by file, compared as bags.

Lines are compared as a bag, so moved ones do not count, and a comparison costs no more than reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import EXECUTABLE, REGULAR, GitObjects, TreeChange

MOST_FILES = 1_000
"""Files of one difference whose lines are counted; of more the rest counts none."""
_LARGEST_FILE = 1 << 20
_FILES = {EXECUTABLE, REGULAR}
_MOST_REMEMBERED = 4_096

_Lines = tuple[int, int]
"""Lines that came and lines that went."""


async def changed_lines(objects: GitObjects, commits: Iterable[Oid]) -> dict[str, int]:
    """Lines that commits add or take away against their first parents, by path.

    A binary or large file counts as one line.
    """
    total: Counter[str] = Counter()
    for oid in commits:
        commit = await objects.read_commit(oid)
        if not commit.parents:
            continue
        before = await objects.tree_of(commit.parents[0])
        for change in await objects.diff_trees(before, commit.tree):
            if _is_of_files(change):
                total[change.path] += max(1, sum(await _lines(objects, change)))
    return dict(total)


class LineCounts:
    """Counts the lines of growing differences; what was counted once costs nothing again."""

    def __init__(self) -> None:
        """Starts with nothing remembered."""
        self._known: dict[tuple[Oid | None, Oid | None], _Lines] = {}

    async def count(self, objects: GitObjects, changes: Iterable[TreeChange]) -> _Lines:
        """Lines that a difference adds and removes; links, submodules, binary and large files have none."""
        files = [change for change in changes if _is_of_files(change)]
        counts = [await self._of(objects, change) for change in files[:MOST_FILES]]
        return sum(added for added, _ in counts), sum(removed for _, removed in counts)

    async def _of(self, objects: GitObjects, change: TreeChange) -> _Lines:
        key = (change.old_oid, change.new_oid)
        if key not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = await _lines(objects, change)
        return self._known[key]


def _is_of_files(change: TreeChange) -> bool:
    return {change.old_mode, change.new_mode} <= {0, *_FILES}


async def _lines(objects: GitObjects, change: TreeChange) -> _Lines:
    """Lines that one path gained and lost; none where a side has no lines that could be told."""
    old = await _bag(objects, change.old_oid)
    new = await _bag(objects, change.new_oid)
    if old is None or new is None:
        return 0, 0
    return (new - old).total(), (old - new).total()


async def _bag(objects: GitObjects, blob: Oid | None) -> Counter[bytes] | None:
    if blob is None:
        return Counter()
    if await objects.blob_size(blob) > _LARGEST_FILE:
        return None
    data = await objects.read_blob(blob)
    return None if b"\0" in data else Counter(data.splitlines())
