"""Holding: the user stops workers at the end of their turn or at once, and lets them go on.

What is held is known to this process only: when a convoy is resumed, all its workers go on.
"""

from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.worked_on import require_unfinished, require_worked_on

BY_YOU = "by you"
"""Why a worker or a convoy is paused that the user paused."""


async def pause_bead(kit: Kit, bead: BeadId) -> None:
    """Its worker stands still at the end of its turn and keeps its hook; one that waits is not begun.

    Raises:
        Refused: there is no such bead, or its work is over.
    """
    require_unfinished(kit, bead)
    kit.holding.beads.add(bead)
    kit.holding.tell()


async def resume_bead(kit: Kit, bead: BeadId) -> None:
    """Its worker goes on, unless everything is held.

    Raises:
        Refused: there is no such bead, or its work is over.
    """
    require_unfinished(kit, bead)
    kit.holding.beads.discard(bead)
    kit.holding.tell()


async def stop_bead(kit: Kit, bead: BeadId) -> None:
    """Its worker stops at once and keeps its hook; a request in flight is charged in full.

    Returns when the worker stands still. All its finished turns are kept.

    Raises:
        Refused: there is no such bead, or its work is over.
    """
    await pause_bead(kit, bead)
    await kit.holding.stop(bead)


async def fresh_context(kit: Kit, bead: BeadId) -> None:
    """Its worker begins a new conversation on the same copy, at the end of its turn.

    Raises:
        Refused: there is no such bead, nobody has begun it, or its work is over.
    """
    require_worked_on(kit, bead)
    kit.holding.afresh.add(bead)


async def pause_all(kit: Kit) -> None:
    """Nothing is begun any more, workers stand still at the end of their turn; merges go on."""
    kit.holding.everything = True
    kit.holding.tell()
    if kit.bus.state.stage == "running":
        paused = ev.ConvoyStageChanged(**kit.where, stage="paused", reason=BY_YOU)
        await kit.bus.publish(paused)


async def resume_all(kit: Kit) -> None:
    """Everybody goes on but those whose bead is held by itself."""
    await _let_go(kit, merges_only=False)


async def finish_merges(kit: Kit) -> None:
    """Only resolvers go on, so that what is handed in merges; others stand still at the end of their turn."""
    await _let_go(kit, merges_only=True)


async def _let_go(kit: Kit, *, merges_only: bool) -> None:
    kit.holding.everything, kit.holding.merges_only = False, merges_only
    kit.holding.tell()
    state = kit.bus.state
    if (state.stage, state.stage_reason) == ("paused", BY_YOU):
        await kit.bus.publish(ev.ConvoyStageChanged(**kit.where, stage="running"))
