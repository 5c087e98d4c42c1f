"""How much past commits changed each file: the sources that matter most are the ones to break for a proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.ports import EXECUTABLE, REGULAR, GitObjects, TreeChange

_LARGEST_FILE = 1 << 20
_FILES = {EXECUTABLE, REGULAR}


async def changed_lines(objects: GitObjects, commits: Iterable[Oid]) -> dict[str, int]:
    """Lines that commits add or take away against their first parents, by path.

    Lines are compared as a bag, so moved ones do not count; a binary or large file counts as one line.
    """
    total: Counter[str] = Counter()
    for oid in commits:
        commit = await objects.read_commit(oid)
        if not commit.parents:
            continue
        before = await objects.tree_of(commit.parents[0])
        for change in await objects.diff_trees(before, commit.tree):
            if {change.old_mode, change.new_mode} <= {0, *_FILES}:
                total[change.path] += await _lines(objects, change)
    return dict(total)


async def _lines(objects: GitObjects, change: TreeChange) -> int:
    old = await _bag(objects, change.old_oid)
    new = await _bag(objects, change.new_oid)
    return max(1, (old - new).total() + (new - old).total())


async def _bag(objects: GitObjects, blob: Oid | None) -> Counter[bytes]:
    if blob is None or await objects.blob_size(blob) > _LARGEST_FILE:
        return Counter()
    data = await objects.read_blob(blob)
    return Counter() if b"\0" in data else Counter(data.splitlines())
