"""Replaying a past commit on another base: plan, stand-in and mechanical paths rest on it."""

from __future__ import annotations

from dataclasses import dataclass

from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.serialising import SerialisingFiles, settle
from gastown_desktop.engine.git_ports import GitObjects, Merge, TreeChange

NO_RULES = SerialisingFiles()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWork:
    """A commit of the user's history as a bead: a merge commit stands for its whole branch."""

    bead: BeadId
    commit: Oid
    subject: str
    body: str
    tree: Oid
    before: Oid
    """Tree of its first parent."""
    changes: tuple[TreeChange, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths it touches."""
        return tuple(change.path for change in self.changes)

    @property
    def folders_changed(self) -> set[str]:
        """Folders that it brings files into or takes files out of."""
        moved = (change.path for change in self.changes if change.old_oid is None or change.new_oid is None)
        return {path.rpartition("/")[0] for path in moved}


class Replays:
    """Replays past work on any tree, remembering results."""

    def __init__(self, objects: GitObjects, rules: SerialisingFiles = NO_RULES) -> None:
        """Works on the rig's own repository.

        Args:
            objects: the repository.
            rules: of files whose lines are kept from both sides, no conflict is made.
        """
        self._objects = objects
        self._rules = rules
        self._known: dict[tuple[Oid, Oid, Oid], Merge] = {}

    async def merge(self, base: Oid, ours: Oid, theirs: Oid) -> Merge:
        """A three-way merge of trees; trivial ones are answered without git."""
        if base == theirs or ours == theirs:
            return Merge(ours, ())
        if base == ours:
            return Merge(theirs, ())
        key = (base, ours, theirs)
        if key not in self._known:
            merged = await self._objects.merge_trees(base, ours, theirs)
            union = settle(merged.conflicts, self._rules).union
            if union:
                merged = await self._objects.merge_trees(base, ours, theirs, union=union)
            self._known[key] = merged
        return self._known[key]

    async def on(self, work: PastWork, tree: Oid) -> Merge:
        """What the work would have made of another tree."""
        return await self.merge(work.before, tree, work.tree)
