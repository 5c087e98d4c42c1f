"""What a landing would do: from where target and remote are to what each gets. Only objects are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.git_ports import Signature
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.restack import Restacked, patch_ids, read_stack, restack

MOST_NAMED = 10
"""Paths of a conflict that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLanded:
    """Why nothing landed; nothing of the target moved."""

    about: str
    """What the item of Needs you is about: `conflict`, `review`, `red`, `target`, `remote`, `secret` or
    `signing`."""
    words: str
    bead: BeadId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPlan:
    """What a landing would do."""

    here: Oid
    """Where the target is."""
    there: Oid | None
    """Where the remote's branch is; None without a remote, where it has none, or when it did not answer."""
    stack: Restacked | None
    """The convoy's commits as they would land; None when they are on the target or the remote already."""
    lands: Oid
    """What the target would be at; `here` when it has everything."""
    pushes: Oid | None
    """What the remote would get; None when there is nothing to push."""
    silent: bool = False
    """In a preview: the remote did not answer, so that only the target here is sure to get it."""

    @property
    def joins(self) -> bool:
        """Whether what landed earlier is merged with the remote's: useless where that does not answer."""
        return self.stack is None and self.lands != self.here and self.pushes is not None

    @property
    def gated(self) -> Oid:
        """The commit that has to pass the gates."""
        return self.lands if self.lands != self.here else self.pushes or self.lands


async def plan_landing(
    kit: Kit,
    target: str,
    here: Oid,
    there: Oid | None,
    *,
    pushing: bool,
    approved: Mapping[BeadId, str] | None,
) -> LandingPlan | NotLanded:
    """Plans a landing.

    Args:
        kit: the convoy.
        target: full name of the ref that it lands on.
        here: where the target is.
        there: where the remote's branch is, if that is known.
        pushing: whether the remote is to get it.
        approved: the patch-id of each bead that the user agreed to; None when they agreed to whatever comes.

    Returns:
        The plan, or why there is none.
    """
    objects, state = kit.objects, kit.bus.state
    tip = await kit.tip()
    ground = await _ground(kit, here, there)
    if await _holds(kit, tip, here):
        known = state.landed_commit if state.landed_on == target else None
        landed = tip if known is None or not await objects.is_ancestor(known, here) else known
        return await _already_here(kit, here, there, landed, pushing=pushing)
    if ground is None:
        return NotLanded(about="remote", words=_diverged(here, there))
    if await _holds(kit, tip, ground):
        return LandingPlan(here=here, there=there, stack=None, lands=ground, pushes=None)
    stack = await _stack_on(kit, ground, tip)
    stands_in_the_way = _clash(stack) or await _unread(kit, stack, approved)
    if stands_in_the_way is not None:
        return stands_in_the_way
    pushes = stack.tip if pushing and stack.tip != there else None
    return LandingPlan(here=here, there=there, stack=stack, lands=stack.tip, pushes=pushes)


async def _stack_on(kit: Kit, ground: Oid, tip: Oid) -> Restacked:
    """The convoy's commits on this ground: as they are, where they stand on it."""
    stack = await read_stack(kit.objects, kit.bus.state, tip)
    if ground == kit.bus.state.stands_on:
        return Restacked(base=ground, tip=tip, stack=stack)
    landed = next((at for at, one in enumerate(stack, 1) if one.commit.oid == ground), None)
    if landed is not None:
        return Restacked(base=ground, tip=tip, stack=stack[landed:])
    return await restack(kit.objects, kit.clock, stack, ground)


async def _holds(kit: Kit, tip: Oid, at: Oid) -> bool:
    """Tells whether the convoy's tip is on a branch, and was not taken back there."""
    if not await kit.objects.is_ancestor(tip, at):
        return False
    undone = kit.bus.state.reverted_by
    return undone is None or not await kit.objects.is_ancestor(undone, at)


async def _ground(kit: Kit, here: Oid, there: Oid | None) -> Oid | None:
    """The newer of target and remote; None when each has commits that the other lacks."""
    if there is None or await kit.objects.is_ancestor(there, here):
        return here
    return there if await kit.objects.is_ancestor(here, there) else None


async def _already_here(
    kit: Kit, here: Oid, there: Oid | None, landed: Oid, *, pushing: bool
) -> LandingPlan | NotLanded:
    """The target has it; the remote may still lack it."""
    plan = LandingPlan(here=here, there=there, stack=None, lands=here, pushes=None)
    if not pushing or (there is not None and await kit.objects.is_ancestor(landed, there)):
        return plan
    if there is None or await kit.objects.is_ancestor(there, landed):
        return LandingPlan(here=here, there=there, stack=None, lands=here, pushes=landed)
    if here != landed:
        return NotLanded(about="remote", words=_diverged(here, there))
    return await _join(kit, here, there)


async def _join(kit: Kit, here: Oid, there: Oid) -> LandingPlan | NotLanded:
    """A merge of what landed here alone with what came to the remote meanwhile."""
    objects, before = kit.objects, kit.bus.state.landed_before
    if before is None or not await objects.is_ancestor(before, there):
        return NotLanded(about="remote", words=_diverged(here, there))
    trees = [await objects.tree_of(commit) for commit in (before, there, here)]
    merge = await objects.merge_trees(*trees)
    if merge.conflicts:
        words = f"What landed here conflicts with what was pushed meanwhile in {named(merge.conflicts)}."
        return NotLanded(about="conflict", words=words)
    who = Signature(kit.rig.user_name, kit.rig.user_email, kit.clock.now())
    message = f"Merge {kit.refs.convoy} with what was pushed meanwhile\n"
    joined = await objects.write_commit(merge.tree, (here, there), message, who, who)
    return LandingPlan(here=here, there=there, stack=None, lands=joined, pushes=joined)


def _clash(stack: Restacked) -> NotLanded | None:
    if not stack.clashes:
        return None
    words = "; ".join(f"{clash.bead} conflicts in {named(clash.paths)}" for clash in stack.clashes)
    return NotLanded(
        about="conflict",
        bead=stack.clashes[0].bead,
        words=f"The target moved, and {words}. Nothing was moved.",
    )


async def _unread(kit: Kit, stack: Restacked, approved: Mapping[BeadId, str] | None) -> NotLanded | None:
    """A bead whose change is not the one that the user agreed to."""
    if approved is None:
        return None
    changed = [
        bead
        for bead, patch in (await patch_ids(kit.objects, stack.stack)).items()
        if approved.get(bead) != patch
    ]
    if not changed:
        return None
    words = f"{', '.join(changed)} changed since you read it, because the target moved. Nothing was moved."
    return NotLanded(about="review", bead=changed[0], words=words)


def _diverged(here: Oid, there: Oid | None) -> str:
    """Says that target and remote each have commits of their own."""
    ends = f"{here[:10]} here, {there[:10]} there" if there else here[:10]
    return f"The branch and the remote's have both moved on ({ends}). Bring them together first: git pull."


def named(paths: tuple[str, ...]) -> str:
    """Some paths, in words."""
    more = len(paths) - MOST_NAMED
    return ", ".join(paths[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
