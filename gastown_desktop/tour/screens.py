"""What the tour looks at: each screen at a moment of the story, as the window would be then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gastown_desktop.core.ids import BeadId
from gastown_desktop.tour.harbor import REHEARSAL
from gastown_desktop.tour.moments import EVENING, FLEET, LIMIT, MERGE, PLAN, REPLAY, Moment
from gastown_desktop.ui.main_window import MainWindow

WIDE, SMALL = (1280, 800), (960, 600)
_NUX = BeadId("hb-9zr4c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One picture of the tour."""

    name: str
    page: str
    """The page behind it, `welcome` for a window without a repository."""
    moment: Moment
    rail_open: bool = False
    size: tuple[int, int] = WIDE
    prepare: Callable[[MainWindow], None] | None = None
    """What is pressed once the page is shown."""


def _select_nux(window: MainWindow) -> None:
    window.open_bead(_NUX)


def _needs(window: MainWindow) -> None:
    window.open_bead(_NUX)
    window.open_needs()


def _evidence(window: MainWindow) -> None:
    window.show_evidence_of(REHEARSAL)


SCREENS = (
    Screen(name="01-welcome", page="welcome", moment=EVENING, rail_open=True),
    Screen(name="02-plan", page="plan", moment=PLAN),
    Screen(name="03-fleet", page="fleet", moment=FLEET, prepare=_select_nux),
    Screen(name="04-graph", page="graph", moment=MERGE),
    Screen(name="05-merge", page="merge", moment=MERGE, rail_open=True),
    Screen(name="07-spend", page="spend", moment=FLEET, rail_open=True),
    Screen(name="08-limit", page="fleet", moment=LIMIT, prepare=_select_nux),
    Screen(name="09-evidence", page="evidence", moment=FLEET, rail_open=True, prepare=_evidence),
    Screen(name="10-history", page="history", moment=REPLAY, rail_open=True),
    Screen(name="11-needs-you", page="fleet", moment=FLEET, prepare=_needs),
    Screen(name="12-fleet-table", page="fleet", moment=FLEET, size=SMALL, prepare=_select_nux),
)
"""In the order of their numbers; 13 is the sheet of signs."""
