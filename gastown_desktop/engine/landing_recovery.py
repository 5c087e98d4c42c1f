"""What a landing that was stopped had done: the events that were lost with the process."""

from __future__ import annotations

from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.intents import forget, intended
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.ports import Target

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


async def _tell_landed(kit: Kit, note: dict[str, Any], target: Target | None) -> None:
    name, landed = str(note["target"]), Oid(note["landed"])
    if target is not None and target.name == name:
        at = await target.tip()
    else:
        at = await kit.objects.read_ref(name)
    state = kit.bus.state
    told = (state.landed_on, state.landed_commit) == (name, landed)
    if at is None or told or landed == note["before"] or not await kit.objects.is_ancestor(landed, at):
        return
    await kit.bus.publish(await landed_event(kit, name, landed, Oid(note["before"]), str(note["remote"])))


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
    tree = await kit.objects.tree_of(commit)
    return ev.ConvoyLanded(**kit.where, target=target, commit=commit, tree=tree, before=before, remote=remote)
