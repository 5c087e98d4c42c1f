"""Remembered resolutions: how files in conflict came out once, used again for exactly the same conflict.

They are kept in the rig's own repository, as a tree that a ref points at: one entry for each file, named by
the three versions that met, holding what came of them. The user's `rr-cache` is never read or written.
"""

from __future__ import annotations

from hashlib import sha256

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import EXECUTABLE, REGULAR, GitObjects, Merge, TreeEntry

_TRIES = 5
_FILES = frozenset({REGULAR, EXECUTABLE})


class Resolutions:
    """The memory of one rig."""

    def __init__(self, objects: GitObjects, ref: str) -> None:
        """Opens it.

        Args:
            objects: the rig's own repository.
            ref: full name of the ref that keeps it.
        """
        self._objects = objects
        self._ref = ref

    async def learn(self, base: Oid, ours: Oid, theirs: Oid, result: Oid) -> int:
        """Remembers how the conflicts of a three-way merge of trees came out; returns how many files."""
        merge = await self._objects.merge_trees(base, ours, theirs)
        made = await self._files(result)
        names = await self._names(base, ours, theirs, merge.conflicts)
        learnt = {name: made[path] for path, name in names.items() if path in made}
        if learnt:
            await self._keep(learnt)
        return len(learnt)

    async def recall(self, base: Oid, ours: Oid, theirs: Oid, merge: Merge) -> Oid | None:
        """The merged tree, where every file in conflict is remembered; else None.

        Args:
            base: the tree both sides came from.
            ours: the tree that is merged into.
            theirs: the tree that is merged.
            merge: how git merges them.
        """
        names = await self._names(base, ours, theirs, merge.conflicts)
        known = await self._known()
        if not merge.conflicts or any(names.get(path) not in known for path in merge.conflicts):
            return None
        return await self._objects.edit_tree(merge.tree, {path: known[name] for path, name in names.items()})

    async def _names(self, base: Oid, ours: Oid, theirs: Oid, paths: tuple[str, ...]) -> dict[str, str]:
        """Names of conflicts in files that all three sides have; others depend on more than their path."""
        sides = [await self._files(tree) for tree in (base, ours, theirs)]
        return {
            path: _digest([path, *(side[path][1] for side in sides)])
            for path in paths
            if all(path in side for side in sides)
        }

    async def _files(self, tree: Oid) -> dict[str, tuple[int, Oid]]:
        leaves = await self._objects.list_tree(tree, recursive=True)
        return {leaf.path: (leaf.mode, leaf.oid) for leaf in leaves if leaf.mode in _FILES}

    async def _known(self) -> dict[str, tuple[int, Oid]]:
        kept = await self._objects.read_ref(self._ref)
        return {} if kept is None else await self._files(kept)

    async def _keep(self, learnt: dict[str, tuple[int, Oid]]) -> None:
        """Adds to the memory; others may add meanwhile. What cannot be kept is not known, no more."""
        for _ in range(_TRIES):
            old = await self._objects.read_ref(self._ref)
            known = {} if old is None else await self._files(old)
            grown = {**known, **learnt}
            entries = [TreeEntry(name, mode, oid) for name, (mode, oid) in sorted(grown.items())]
            if await self._objects.swap_ref(self._ref, old=old, new=await self._objects.write_tree(entries)):
                return


def _digest(parts: list[str]) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
