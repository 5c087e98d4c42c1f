"""What a landing that was stopped had done: the events that were lost with the process."""

from __future__ import annotations

from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.intents import forget, intended
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.landing_ports import Target
from gastown_desktop.engine.restack import Restacked

LAND = "land"
"""Name of the intent of a landing."""


async def recover_landing(kit: Kit, target: Target | None = None) -> None:
    """Tells what an intent to land announced and git proves, then takes the intent down.

    Args:
        kit: the convoy.
        target: the target of the landing that follows; without it only what town.git proves is told, and the
            rest by the next landing, which finds the convoy on its target.
    """
    note = await intended(kit, LAND)
    if note is None:
        return
    if "branch" in note:
        await _tell_restacked(kit, note)
        await _tell_landed(kit, note, target)
    await forget(kit, LAND)


async def _tell_restacked(kit: Kit, note: dict[str, Any]) -> None:
    stack, (_, new) = note["stack"], note["branch"]
    state = kit.bus.state
    if stack is None or await kit.objects.read_ref(kit.refs.convoy_branch) != new:
        return
    known = [state.beads[bead].commit for bead in stack["beads"]]
    if state.stands_on != stack["base"] or known != stack["commits"]:
        await kit.bus.publish(restacked_event(kit, stack, Oid(new)))
    for bead in note.get("dropped", ()):
        if state.beads[bead].status != "discarded":
            await kit.bus.publish(ev.BeadDropped(**kit.where, bead=BeadId(bead), reason=str(note["reason"])))


async def _tell_landed(kit: Kit, note: dict[str, Any], target: Target | None) -> None:
    name, landed, before = str(note["target"]), Oid(note["landed"]), Oid(note["before"])
    if not name or landed == before:
        return
    known = target is not None and target.name == name
    at = await target.tip() if target and known else await kit.objects.read_ref(name)
    state = kit.bus.state
    if at is None:
        return
    if note.get("undo"):
        went_back = await kit.objects.is_ancestor(landed, before)
        moved = at == landed if went_back else await kit.objects.is_ancestor(landed, at)
        if moved and state.landed_on == name:
            await kit.bus.publish(undone_event(kit, name, landed, reverted=not went_back))
    elif (state.landed_on, state.landed_commit) != (name, landed) and await kit.objects.is_ancestor(
        landed, at
    ):
        await kit.bus.publish(await landed_event(kit, name, landed, before, str(note["remote"])))


def undone_event(kit: Kit, target: str, commit: Oid, *, reverted: bool) -> ev.LandingUndone:
    """The event that tells that the convoy is off its target."""
    return ev.LandingUndone(**kit.where, target=target, commit=commit, reverted=reverted)


def spelled(stack: Restacked) -> dict[str, Any]:
    """A stack as an intent spells it."""
    return {
        "base": stack.base,
        "beads": [one.bead for one in stack.stack],
        "commits": [one.commit.oid for one in stack.stack],
        "skipped": list(stack.skipped),
        "signed": stack.signed,
    }


def restacked_event(kit: Kit, stack: dict[str, Any], tip: Oid) -> ev.ConvoyRestacked:
    """The event that tells of a stack, as an intent spells it."""
    return ev.ConvoyRestacked(
        **kit.where,
        base=Oid(stack["base"]),
        commit=tip,
        beads=tuple(BeadId(bead) for bead in stack["beads"]),
        commits=tuple(Oid(commit) for commit in stack["commits"]),
        skipped=tuple(BeadId(bead) for bead in stack["skipped"]),
        signed=bool(stack["signed"]),
    )


async def landed_event(
    kit: Kit, target: str, commit: Oid, before: Oid | None, remote: str = ""
) -> ev.ConvoyLanded:
    """The event that tells that the convoy is on its target."""
    return ev.ConvoyLanded(
        **kit.where,
        target=target,
        commit=commit,
        tree=await kit.objects.tree_of(commit),
        before=before,
        remote=remote,
        partial=is_partial(kit),
    )


def is_partial(kit: Kit) -> bool:
    """Tells whether beads of the convoy are still to be merged."""
    return len(kit.bus.state.merged()) < len(kit.bus.state.works())
