"""Re-stacking: the merged beads of a convoy, one commit each, made again on another commit.

Nothing but objects is written: which ref moves to the new stack, and whether, is for the caller.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.git_ports import Commit, GitObjects
from gastown_desktop.engine.ports import Clock

LONGEST_STACK = 10_000
"""Commits of a convoy that are looked at."""
_BEAD_TRAILER = re.compile(r"^Gastown-Bead: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stacked:
    """A bead and its landing commit."""

    bead: BeadId
    commit: Commit


@dataclass(frozen=True, slots=True)
class Clash:
    """A bead that does not go onto what is under it."""

    bead: BeadId
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restacked:
    """What came of it."""

    base: Oid
    """The commit that it stands on."""
    tip: Oid
    """The last landing commit; the base when nothing is left to land."""
    stack: tuple[Stacked, ...]
    """The new landing commits, in landing order."""
    skipped: tuple[BeadId, ...] = ()
    """Beads whose change is there already."""
    clashes: tuple[Clash, ...] = ()
    """Beads in conflict; when there are any, nothing above them may be used."""
    signed: bool = False


async def read_stack(objects: GitObjects, state: Projection, tip: Oid) -> tuple[Stacked, ...]:
    """The landing commits of a convoy, oldest first, each with its bead.

    Raises:
        GitError: a commit between the convoy's base and its tip belongs to no bead.
    """
    known = {view.commit: bead for bead, view in state.beads.items() if view.commit is not None}
    stack: list[Stacked] = []
    for commit in await objects.first_parents(tip, LONGEST_STACK):
        if commit.oid == state.stands_on:
            return tuple(reversed(stack))
        bead = known.get(commit.oid) or bead_named_by(commit, state)
        if bead is None:
            raise GitError(f"{commit.oid[:12]} on the convoy branch belongs to no bead.")
        stack.append(Stacked(bead, commit))
    raise GitError("The convoy branch does not stand on the commit that the convoy started from.")


def bead_named_by(commit: Commit, state: Projection) -> BeadId | None:
    """The bead of the convoy that a commit's trailer names."""
    named = _BEAD_TRAILER.findall(commit.message)
    return BeadId(named[-1]) if named and named[-1] in state.beads else None


async def restack(
    objects: GitObjects,
    clock: Clock,
    stack: Sequence[Stacked],
    onto: Oid,
    *,
    without: Collection[BeadId] = (),
) -> Restacked:
    """Makes the landing commits again on another commit, in the same order.

    Each bead is merged three-way: its own parent's tree is the base, what is under it now is ours, its
    landing tree is theirs. Author, author date and message stay; the committer keeps name and gets the time.

    Args:
        objects: the rig's own repository.
        clock: gives the committer's date.
        stack: landing commits, in landing order.
        onto: the commit to stand on.
        without: beads that are left out.
    """
    under, tree = onto, await objects.tree_of(onto)
    made: list[Stacked] = []
    skipped: list[BeadId] = []
    clashes: list[Clash] = []
    for one in stack:
        if one.bead in without:
            continue
        before = await objects.tree_of(one.commit.parents[0])
        merge = await objects.merge_trees(before, tree, one.commit.tree)
        if merge.conflicts:
            clashes.append(Clash(one.bead, merge.conflicts))
        elif merge.tree == tree:
            skipped.append(one.bead)
        elif one.commit.parents == (under,):
            made.append(one)
            under, tree = one.commit.oid, one.commit.tree
        else:
            committer = replace(one.commit.committer, when=clock.now())
            oid = await objects.write_commit(
                merge.tree, (under,), one.commit.message, one.commit.author, committer
            )
            made.append(Stacked(one.bead, await objects.read_commit(oid)))
            under, tree = oid, merge.tree
    return Restacked(base=onto, tip=under, stack=tuple(made), skipped=tuple(skipped), clashes=tuple(clashes))


async def patch_ids(objects: GitObjects, stack: Sequence[Stacked]) -> dict[BeadId, str]:
    """The patch-id of each landing commit: what an approval is bound to."""
    return {
        one.bead: await objects.patch_id(await objects.tree_of(one.commit.parents[0]), one.commit.tree)
        for one in stack
    }
