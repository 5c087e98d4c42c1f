"""A merge request in conflict as the user sees it: both sides, their base, and what git left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.projection import MergeView
from gastown_desktop.engine.api import Conflict, ConflictFile
from gastown_desktop.engine.assigning import merge_on
from gastown_desktop.engine.git_ports import GITLINK, GitObjects, Merge, TreeEntry
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.resolving import met_in
from gastown_desktop.engine.taking_over import taken

_IN_CONFLICT = frozenset({"conflicted", "resolving"})
_SAFE = "Nothing was changed."
_MARKS = (b"<<<<<<< ", b"||||||| ", b">>>>>>> ")


@dataclass(frozen=True, slots=True)
class Versions:
    """One path in conflict, in each tree that has it."""

    base: TreeEntry | None
    ours: TreeEntry | None
    theirs: TreeEntry | None
    merged: TreeEntry | None


@dataclass(frozen=True, slots=True)
class Meeting:
    """A merge request on a tip."""

    request: MergeView
    tip: Oid
    merge: Merge
    versions: Mapping[str, Versions]
    """By path in conflict."""


async def conflict_for_user(kit: Kit, bead: BeadId) -> Conflict:
    """The conflict of a bead, or of the one that it resolves, on the convoy's tip as it is now.

    Its files are none where the merge is clean by now.

    Raises:
        Refused: there is no such bead, it is in no conflict, or it is in the user's hands as a whole.
    """
    meeting = await meet(kit, request_in_user_conflict(kit, bead))
    paths = meeting.merge.conflicts
    met = await met_in(kit, meeting.request, paths)
    work = kit.bus.state.beads[meeting.request.bead].bead
    return Conflict(
        bead=work.id,
        ours=", ".join(f"{one.id} {one.title}" for one in met) or "what was merged meanwhile",
        theirs=f"{work.id} {work.title}",
        files=tuple([await _file(kit.objects, path, meeting.versions[path]) for path in paths]),
        tip=meeting.tip,
    )


def request_in_user_conflict(kit: Kit, bead: BeadId) -> MergeView:
    """The merge request in conflict of a bead, or of the one that it resolves.

    Raises:
        Refused: there is no such bead, it is in no conflict, or it is in the user's hands as a whole.
    """
    state = kit.bus.state
    if bead not in state.beads:
        raise Refused(f"There is no bead {bead} here.", safe=_SAFE)
    worked = state.resolved_by(bead) or bead
    for one in (worked, *state.resolvers_of(worked)):
        if taken(kit, one) is not None:
            raise Refused(f"{one} is in your hands.", safe=_SAFE, remedy="Give it back first.")
    merge = state.beads[worked].merge
    if merge is None or state.merges[merge].state not in _IN_CONFLICT:
        raise Refused(f"{worked} is in no conflict.", safe=_SAFE)
    return state.merges[merge]


async def meet(kit: Kit, request: MergeView) -> Meeting:
    """Merges a request with the tip as it is now."""
    objects, tip = kit.objects, await kit.tip()
    merge = await merge_on(kit, request, tip)
    trees = [await objects.tree_of(commit) for commit in (request.base, tip, request.commit)]
    entries = [await _entries(objects, tree, merge.conflicts) for tree in (*trees, merge.tree)]
    versions = {path: Versions(*(one.get(path) for one in entries)) for path in merge.conflicts}
    return Meeting(request, tip, merge, versions)


async def shown(objects: GitObjects, entry: TreeEntry | None) -> bytes | None:
    """The bytes of an entry; of a submodule the line that git's own diffs show."""
    if entry is None:
        return None
    if entry.mode == GITLINK:
        return f"Subproject commit {entry.oid}\n".encode()
    return await objects.read_blob(entry.oid)


def new_marks(data: bytes, *sides: bytes | None) -> bool:
    """Tells whether a file holds a conflict marker that neither side has of its own."""
    old = {line for side in sides if side is not None for line in side.split(b"\n")}
    return any(line.startswith(_MARKS) and line not in old for line in data.split(b"\n"))


async def _entries(objects: GitObjects, tree: Oid, paths: Collection[str]) -> dict[str, TreeEntry]:
    wanted = set(paths)
    if not wanted:
        return {}
    leaves = await objects.list_tree(tree, recursive=True)
    return {leaf.path: leaf for leaf in leaves if leaf.path in wanted}


async def _file(objects: GitObjects, path: str, versions: Versions) -> ConflictFile:
    """A path in conflict; git moves one that a folder needs aside, and only the merge has it then."""
    base, ours = await shown(objects, versions.base), await shown(objects, versions.ours)
    theirs, merged = await shown(objects, versions.theirs), await shown(objects, versions.merged)
    if ours is None and theirs is None:
        theirs = merged
    marked = merged is not None and new_marks(merged, ours, theirs)
    return ConflictFile(
        path=path,
        ours=ours,
        theirs=theirs,
        base=base,
        marked=merged if marked and merged is not None else b"",
        binary=any(side is not None and b"\0" in side for side in (base, ours, theirs)),
    )
