"""Dropping a bead: the convoy without it, proven by the gates before its branch moves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gastown_desktop.core import events as ev
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.gates import GateRunner
from gastown_desktop.engine.intents import forget, intend
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.landing_plan import NotLanded, named
from gastown_desktop.engine.landing_recovery import LAND, recover_landing, restacked_event, spelled
from gastown_desktop.engine.restack import Restacked, read_stack, restack

_TRIES = 5
"""Times that it begins again because the Refinery merged meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What is not in the convoy any more."""

    beads: tuple[BeadId, ...]
    tip: Oid


def dependants_of(state: Projection, beads: Collection[BeadId]) -> tuple[BeadId, ...]:
    """Beads that wait for one of these, directly or not, in planning order."""
    dag = Dag(state.beads, state.dependencies)
    found: set[BeadId] = set()
    left = list(beads)
    while left:
        for bead in dag.dependants(left.pop()):
            if bead not in found and bead not in beads and state.beads[bead].status != "discarded":
                found.add(bead)
                left.append(bead)
    return tuple(bead for bead in state.beads if bead in found)


async def drop(kit: Kit, gates: GateRunner, beads: Collection[BeadId], reason: str) -> Dropped | NotLanded:
    """Takes beads out of a convoy that has not landed; whoever works on them is stopped.

    Whether dependants go along is for the caller.

    Args:
        kit: the convoy.
        gates: prove what is left.
        beads: what goes.
        reason: why, for the record.

    Returns:
        What went, or what stands in the way; nothing was moved then.

    Raises:
        Refused: a bead is not in the convoy, or the convoy is on a branch of the user's.
        GitError: the convoy branch moved meanwhile.
    """
    await recover_landing(kit)
    state = kit.bus.state
    for bead in beads:
        if bead not in state.works():
            raise Refused(f"{bead} is not in the convoy.", safe="Nothing was changed.")
    if state.landed_on and state.landed_on != kit.refs.target:
        raise Refused(
            f"The convoy is on {state.landed_on.removeprefix('refs/heads/')}.",
            safe="Nothing was changed.",
            remedy="Undo the landing first.",
        )
    for _ in range(_TRIES):
        outcome = await _try(kit, gates, tuple(beads), reason)
        if outcome is not None:
            return outcome
    raise GitError("The convoy branch moved again and again while a bead was dropped.")


async def _try(
    kit: Kit, gates: GateRunner, beads: tuple[BeadId, ...], reason: str
) -> Dropped | NotLanded | None:
    """Drops beads from the convoy as it is; None where the Refinery moved it meanwhile."""
    tip, state = await kit.tip(), kit.bus.state
    stack = await read_stack(kit.objects, state, tip)
    made = await restack(kit.objects, kit.clock, stack, state.stands_on, without=beads)
    if made.clashes:
        words = "; ".join(f"{clash.bead} builds on it in {named(clash.paths)}" for clash in made.clashes)
        return NotLanded(about="conflict", words=f"{words}. Nothing was moved.", bead=made.clashes[0].bead)
    result = await gates.check(made.tip, purpose="landing", beads=tuple(one.bead for one in made.stack))
    if not result.green:
        words = f"{result.gate} is red without it. Nothing was moved.\n{result.tail}"
        return NotLanded(about="red", words=words)
    workers = [*beads, *(one for bead in beads for one in state.resolvers_of(bead))]
    with kit.holding.standing(*workers):
        for bead in workers:
            await kit.holding.stop(bead)
        async with kit.moving:
            if await kit.tip() != tip:
                return None
            await _move(kit, tip, made, beads, reason)
    return Dropped(beads=beads, tip=made.tip)


async def _move(kit: Kit, tip: Oid, made: Restacked, beads: tuple[BeadId, ...], reason: str) -> None:
    """Intent → compare-and-swap of the convoy branch → events."""
    note = {
        "branch": [tip, made.tip],
        "stack": spelled(made),
        "dropped": beads,
        "reason": reason,
        "target": "",
        "before": tip,
        "landed": tip,
        "remote": "",
    }
    intent = await intend(kit, LAND, note)
    crash_point("restack-swap-before")
    if not await kit.objects.swap_ref(kit.refs.convoy_branch, old=tip, new=made.tip):
        raise GitError("The convoy branch moved while a bead was dropped.")
    crash_point("restack-swap-after")
    await kit.bus.publish(
        restacked_event(kit, spelled(made), made.tip),
        *(ev.BeadDropped(**kit.where, bead=bead, reason=reason) for bead in beads),
    )
    crash_point("restack-told")
    await forget(kit, LAND, intent)
