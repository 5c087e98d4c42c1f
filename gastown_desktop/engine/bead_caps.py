"""Caps of single beads: what one bead may cost before the user is asked about it."""

from __future__ import annotations

from collections.abc import Mapping

from gastown_desktop.core import events as ev
from gastown_desktop.core.forecast import LEAST_BEAD_CAP
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.kit import Kit


async def set_bead_caps(kit: Kit, caps: Mapping[BeadId, int]) -> None:
    """Gives every bead that was not begun its cap, on top of what one of the same name cost before.

    Args:
        kit: the convoy.
        caps: nano-dollars that each bead may cost; one that is not in it has the least cap.
    """
    told: list[ev.CapChanged] = []
    for bead in kit.bus.state.works():
        totals = kit.gate.ledger.totals(f"bead:{bead}")
        allowed = caps.get(bead, LEAST_BEAD_CAP)
        if totals.cap is None or (
            totals.cap - totals.committed <= 0 and not kit.bus.state.beads[bead].attempts
        ):
            told.append(await _set_cap(kit, bead, totals.committed + allowed))
    await kit.bus.publish(*told)


async def renew_bead_cap(kit: Kit, bead: BeadId) -> None:
    """Lets a bead have as much again, where the user said so after it had used its cap up."""
    if f"{bead}:cap:{kit.bus.state.beads[bead].attempts}" in kit.bus.state.answers:
        await allow_as_much_again(kit, bead)


async def allow_as_much_again(kit: Kit, bead: BeadId) -> None:
    """Raises a bead's cap by as much as it was, where it has one that is used up that far."""
    totals = kit.gate.ledger.totals(f"bead:{bead}")
    if totals.cap is None:
        return
    cap = totals.committed + max(LEAST_BEAD_CAP, totals.cap)
    if cap > totals.cap:
        await kit.bus.publish(await _set_cap(kit, bead, cap))


async def _set_cap(kit: Kit, bead: BeadId, cap: int) -> ev.CapChanged:
    """Sets a bead's cap in nano-dollars; returns what tells of it."""
    scope = f"bead:{bead}"
    old = kit.gate.ledger.totals(scope).cap
    await kit.gate.set_cap(scope, NanoUsd(cap))
    return ev.CapChanged(**kit.where, scope=scope, old=old, new=cap)
