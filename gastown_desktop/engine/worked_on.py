"""Whether a bead has a worker, or may have one again: what else a command to its worker is refused for."""

from __future__ import annotations

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import BeadView
from gastown_desktop.engine.kit import Kit

OVER = frozenset({"merged", "landed", "discarded", "failed"})
"""Statuses in which nobody works on a bead any more."""


def require_worked_on(kit: Kit, bead: BeadId) -> BeadView:
    """A bead that somebody has begun, and that somebody may work on again.

    Raises:
        Refused: there is no such bead, nobody has begun it, or its work is over.
    """
    view = require_unfinished(kit, bead)
    if not view.attempts:
        raise Refused(
            f"Nobody has begun {bead} yet.",
            safe="Nothing was changed.",
            remedy="Do this when its worker has started.",
        )
    return view


def require_unfinished(kit: Kit, bead: BeadId) -> BeadView:
    """A bead whose work is not over.

    Raises:
        Refused: there is no such bead, or its work is over.
    """
    view = kit.bus.state.beads.get(bead)
    if view is None:
        raise Refused(f"There is no bead {bead} here.", safe="Nothing was changed.")
    if (why := _over(kit, view)) is not None:
        raise Refused(f"Nobody works on {bead} any more: {why}.", safe="Nothing was changed.")
    return view


def _over(kit: Kit, view: BeadView) -> str | None:
    """Why nobody will work on a bead any more; None where somebody may."""
    if view.status in OVER:
        return f"it is {view.status}"
    parent = kit.bus.state.resolved_by(view.bead.id)
    return f"its resolution is handed in for {parent}" if parent and view.status == "submitted" else None
