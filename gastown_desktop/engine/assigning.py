"""Assigning: where a worker begins. Afresh on the tip, on a conflict, or where the last attempt stopped."""

from __future__ import annotations

from dataclasses import dataclass

from gastown_desktop.core.errors import ConvoyError
from gastown_desktop.core.ids import BeadId, Oid, PolecatName, base36
from gastown_desktop.core.projection import BeadView, MergeView
from gastown_desktop.engine.conversation import place_text, task_text
from gastown_desktop.engine.git_ports import Merge
from gastown_desktop.engine.hooks import Assignment, Hook, Interjection
from gastown_desktop.engine.kit import Kit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    """What a conversation begins with."""

    task: str
    base: Oid
    start: Oid | None = None
    earlier: Hook | None = None
    said: tuple[Interjection, ...] = ()


async def assign(
    kit: Kit, bead: BeadId, polecat: PolecatName, fleet_model: str
) -> tuple[Assignment, Hook | None]:
    """What a polecat is given for a bead, and the attempt whose conversation it goes on with, if it does.

    Raises:
        GitError: the convoy branch is gone.
    """
    view = kit.bus.state.beads[bead]
    earlier = await _earlier(kit, view)
    if earlier is not None:
        begun = await _going_on(kit, view, earlier)
    elif view.bead.kind == "resolve":
        begun = await _resolving(kit, view, polecat)
    else:
        tip = await kit.tip()
        begun = _Beginning(task=task_text(view.bead, polecat, tip, remark=view.reason), base=tip)
    moment = base36(int(kit.clock.now().timestamp() * 1000))
    assignment = Assignment(
        polecat=polecat,
        bead=bead,
        base=begun.base,
        branch=f"refs/heads/work/{polecat}/{bead}-{moment}",
        epoch=view.attempts + 1,
        model=view.bead.model or fleet_model,
        task=begun.task,
        start=begun.start,
        carried=len(begun.earlier.turns) if begun.earlier else 0,
        said=begun.said,
    )
    return assignment, begun.earlier


async def conflict_of(kit: Kit, request: MergeView) -> Merge:
    """A merge request on the tip as it is now; clean when it conflicts no more."""
    return await merge_on(kit, request, await kit.tip())


async def merge_on(kit: Kit, request: MergeView, tip: Oid) -> Merge:
    """A merge request on a commit."""
    trees = [await kit.objects.tree_of(commit) for commit in (request.base, tip, request.commit)]
    return await kit.objects.merge_trees(*trees)


def request_in_conflict(kit: Kit, resolver: BeadId) -> MergeView:
    """The merge request that a resolve bead is about.

    Raises:
        ConvoyError: the bead resolves nothing.
    """
    state = kit.bus.state
    parent = state.resolved_by(resolver)
    merge = state.beads[parent].merge if parent else None
    if merge is None:
        raise ConvoyError(f"{resolver} resolves no merge request.")
    return state.merges[merge]


def _last_request(kit: Kit, view: BeadView) -> MergeView:
    """The bead's newest merge request: its worker's, or that of a resolver after it.

    Raises:
        ConvoyError: nothing was handed in for the bead.
    """
    if view.merge is None:
        raise ConvoyError(f"{view.bead.id} has no merge request.")
    return kit.bus.state.merges[view.merge]


async def _earlier(kit: Kit, view: BeadView) -> Hook | None:
    """The last attempt, where its conversation is to go on and there is one."""
    if not view.goes_on:
        return None
    earlier = await kit.hooks.attempt(view.bead.id, view.attempts)
    return earlier if earlier is not None and earlier.turns else None


async def _resolving(kit: Kit, view: BeadView, polecat: PolecatName) -> _Beginning:
    """A resolver begins on the tip, with the merge as git left it: markers and all."""
    merged = await conflict_of(kit, request_in_conflict(kit, view.bead.id))
    tip = await kit.tip()
    task = task_text(view.bead, polecat, tip, start=merged.tree, remark=view.reason)
    return _Beginning(task=task, base=tip, start=merged.tree)


async def _going_on(kit: Kit, view: BeadView, earlier: Hook) -> _Beginning:
    """What was handed in and came back goes on on the tip; an answered question, where it was asked."""
    before, said = earlier.assignment, view.reason
    base, start = before.base, view.handed_back or earlier.wip
    if earlier.submitted is not None and view.handed_back is None:
        base = await kit.tip()
        merged = await conflict_of(kit, _last_request(kit, view))
        start = merged.tree
        said += "\n\nYour work was put on what was merged meanwhile."
        if merged.conflicts:
            said += " It holds conflict markers in: " + ", ".join(merged.conflicts)
    said += f"\n\n{place_text(base, start)}"
    turns = len(earlier.turns)
    kept = tuple(one for one in before.said if one.after != turns)
    last = [one for one in before.said if one.after == turns]
    unheard = "".join(f"{one.text}\n\n" for one in last)
    heard = tuple(message for one in last for message in one.heard)
    return _Beginning(
        task=before.task,
        base=base,
        start=start,
        earlier=earlier,
        said=(*kept, Interjection(turns, unheard + said, heard)),
    )
