"""What the tour looks at: each screen at a moment of the story, as the window would be then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QAbstractButton, QWidget

from gastown_desktop.core.ids import BeadId
from gastown_desktop.tour.harbor import REHEARSAL
from gastown_desktop.tour.moments import EVENING, FLEET, LIMIT, MERGE, NIGHT, PLAN, REPLAY, Moment
from gastown_desktop.ui.fleet.page import FleetPage
from gastown_desktop.ui.graph.page import GraphPage
from gastown_desktop.ui.main_window import MainWindow
from gastown_desktop.ui.merge.page import MergePage
from gastown_desktop.ui.plan.page import PlanPage

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
    then: Callable[[MainWindow], None] | None = None
    """What is pressed once that was answered."""


def _select_nux(window: MainWindow) -> None:
    window.open_bead(_NUX)


def _plan(window: MainWindow) -> None:
    page = window.frame.page("plan")
    assert isinstance(page, PlanPage)
    page.select_bead(_NUX)


def _graph(window: MainWindow) -> None:
    page = window.frame.page("graph")
    assert isinstance(page, GraphPage)
    page.select_bead(_NUX)


def _merge(window: MainWindow) -> None:
    page = window.frame.page("merge")
    assert isinstance(page, MergePage)
    page.queue_table.select_row(page.queue.rowCount() - 1)


def _table(window: MainWindow) -> None:
    page = window.frame.page("fleet")
    assert isinstance(page, FleetPage)
    _press(page, "Table")
    window.open_bead(_NUX)
    page.detail.close_wanted.emit()


def _press(within: QWidget, name: str) -> None:
    """Presses a button by what a screen reader calls it.

    Raises:
        LookupError: there is no such button.
    """
    for button in within.findChildren(QAbstractButton):
        if button.accessibleName() == name:
            button.click()
            return
    raise LookupError(f"no button is called {name}")


def _needs(window: MainWindow) -> None:
    window.open_bead(_NUX)
    window.open_needs()


def _settings(window: MainWindow) -> None:
    window.show_settings()


def _landing(window: MainWindow) -> None:
    window.ask_for_landing()
    _press(window, "Show what would land")


def _publish(window: MainWindow) -> None:
    window.ask_for_publishing()


def _look_first(window: MainWindow) -> None:
    _press(window, "Show what would change")


def _evidence(window: MainWindow) -> None:
    window.show_evidence_of(REHEARSAL)


SCREENS = (
    Screen(name="01-welcome", page="welcome", moment=EVENING, rail_open=True),
    Screen(name="02-plan", page="plan", moment=PLAN, prepare=_plan),
    Screen(name="03-fleet", page="fleet", moment=FLEET, prepare=_select_nux),
    Screen(name="04-graph", page="graph", moment=MERGE, prepare=_graph),
    Screen(name="05-merge", page="merge", moment=MERGE, rail_open=True, prepare=_merge),
    Screen(name="07-spend", page="spend", moment=FLEET, rail_open=True),
    Screen(name="08-limit", page="fleet", moment=LIMIT, prepare=_select_nux),
    Screen(name="09-evidence", page="evidence", moment=FLEET, rail_open=True, prepare=_evidence),
    Screen(name="10-history", page="history", moment=REPLAY, rail_open=True),
    Screen(name="11-needs-you", page="fleet", moment=FLEET, prepare=_needs),
    Screen(name="12-fleet-table", page="fleet", moment=FLEET, size=SMALL, prepare=_table),
    Screen(name="14-settings", page="settings", moment=FLEET, rail_open=True, prepare=_settings),
    Screen(name="15-landing", page="merge", moment=MERGE, rail_open=True, prepare=_landing),
    Screen(name="16-publish", page="fleet", moment=FLEET, prepare=_publish, then=_look_first),
    Screen(name="17-limits", page="spend", moment=NIGHT, rail_open=True),
)
"""In the order of their numbers; 13 is the sheet of signs."""
