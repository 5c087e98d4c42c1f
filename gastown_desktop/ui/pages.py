"""The pages behind the rail, each made in one place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.engine.api import EngineApi
from gastown_desktop.ui.evidence.page import EvidencePage
from gastown_desktop.ui.fleet.acting import WorkerActions
from gastown_desktop.ui.fleet.page import FleetPage
from gastown_desktop.ui.flows import rehearsing, settings
from gastown_desktop.ui.graph.page import GraphPage
from gastown_desktop.ui.history.page import HistoryPage
from gastown_desktop.ui.merge.page import MergePage
from gastown_desktop.ui.plan.page import PlanPage
from gastown_desktop.ui.settings.page import SettingsPage
from gastown_desktop.ui.spend.page import SpendPage

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow


class Page(Protocol):
    """What every page can do."""

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick; called only while the page is shown."""
        ...

    def refresh(self) -> None:
        """Shows everything anew: another repository is open."""
        ...


class ReportPlace(QWidget):
    """Where the report of a rehearsal is shown; a newer one takes the place of the last."""

    def __init__(self) -> None:
        """Is empty."""
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._report: QWidget | None = None

    def put(self, report: QWidget) -> None:
        """Shows a report."""
        if self._report is not None:
            self._column.removeWidget(self._report)
            self._report.deleteLater()
        self._report = report
        self._column.addWidget(report)


class Pages:
    """All pages of a window."""

    def __init__(self, view: TownView, api: EngineApi, now: Callable[[], datetime]) -> None:
        """Makes them.

        Args:
            view: what they show.
            api: what they may ask of the town.
            now: the time.
        """
        self.plan = PlanPage(view, api)
        self.fleet = FleetPage(view, api, now=now)
        self.graph = GraphPage(view, api, now=now)
        self.merge = MergePage(view, api, now=now)
        self.spend = SpendPage(view, api, now=now)
        self.history = HistoryPage(view, api, now=now)
        self.settings = SettingsPage(api)
        self._report = ReportPlace()
        self._live: dict[str, Page] = {
            "plan": self.plan,
            "fleet": self.fleet,
            "graph": self.graph,
            "merge": self.merge,
            "spend": self.spend,
            "history": self.history,
        }
        """Those that show the town."""
        self.by_name: dict[str, QWidget] = {
            **cast("dict[str, QWidget]", self._live),
            "evidence": self._report,
            "settings": self.settings,
        }

    @property
    def worker_actions(self) -> WorkerActions:
        """What can be done with the selected workers."""
        return self.fleet.worker_actions

    def connect_to(self, window: MainWindow) -> None:
        """Connects what the pages want with what the window does."""
        for page in (self.plan, self.graph, self.merge, self.history):
            page.bead_wanted.connect(lambda bead: window.open_bead(BeadId(bead)))
        for page in (self.plan, self.fleet, self.graph, self.merge, self.history):
            page.rehearse_wanted.connect(window.ask_for_rehearsal)
        self.history.evidence_wanted.connect(lambda one: window.show_evidence_of(ConvoyId(one)))
        self.settings.settings_read.connect(lambda read: settings.seen(window, read))
        self.settings.settings_changed.connect(lambda wanted: settings.changed(window, wanted))
        self.spend.bead_chosen.connect(lambda bead: window.open_bead(BeadId(bead)))

    def heed(self, changes: Changes, shown: str) -> None:
        """Gives a tick's changes to the page that is shown."""
        page = self._live.get(shown)
        if page is not None:
            page.heed(changes)

    def content_edge(self, shown: str, width: int) -> int:
        """Where the content of a page ends, before its detail; pixels from its left."""
        return self.fleet.content_edge if shown == "fleet" else width

    def refresh(self) -> None:
        """Shows everything anew: another repository is open."""
        for page in self._live.values():
            page.refresh()

    def open_bead(self, bead: BeadId, tab: str = "") -> None:
        """Shows a bead in the fleet."""
        self.fleet.open_bead(bead, tab)

    def ask_discard(self, bead: BeadId) -> None:
        """Asks whether a bead is to be discarded."""
        self.fleet.open_bead(bead)
        self.worker_actions.trigger("worker.discard")

    def ask_for_limit(self) -> None:
        """Opens the editor of the limit."""
        self.spend.ask_for_limit()

    def ask_for_landing(self) -> None:
        """Opens the landing sheet."""
        self.merge.ask_for_landing()

    def show_evidence(self, window: MainWindow, convoy: ConvoyId, result: dict[str, Any]) -> None:
        """Makes the page of a report."""
        page = EvidencePage(result)
        page.back_wanted.connect(lambda: window.show_page("history"))
        page.export_wanted.connect(
            lambda folder: window.run(rehearsing.export_evidence(window, convoy, folder))
        )
        page.plan_wanted.connect(window.ask_for_rehearsal_with)
        self._report.put(page)
