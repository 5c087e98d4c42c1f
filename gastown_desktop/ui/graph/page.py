"""The graph page: the town's branches, and what is selected of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.gate_rounds import GateRounds
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.lanes import Lanes
from gastown_desktop.engine.api import EngineApi
from gastown_desktop.ui.frame.page_header import PageHeader, under_header
from gastown_desktop.ui.graph.canvas import GraphCanvas
from gastown_desktop.ui.graph.inspector import GraphInspector
from gastown_desktop.ui.graph.scene import scene_of
from gastown_desktop.ui.widgets.empty import NoConvoy
from gastown_desktop.ui.widgets.fields import SearchField
from gastown_desktop.ui.widgets.town_time import TownTime


class GraphPage(QWidget):
    """Trunk, lanes and queue of the convoys at work."""

    bead_wanted = Signal(str)
    """The user wants to see a bead in the fleet."""
    rehearse_wanted = Signal()

    def __init__(
        self,
        view: TownView,
        api: EngineApi,
        parent: QWidget | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Makes the page; it fills itself when it is shown.

        Args:
            view: what it shows.
            api: not asked yet: everything here is in the view.
            parent: owns it.
            now: the time; None counts on from the newest time that the view saw.
        """
        super().__init__(parent)
        self.setProperty("surface", "content")
        self._view = view
        self._now = now or TownTime(view)
        self._lanes = Lanes()
        self._rounds = GateRounds()
        self._header = PageHeader("Graph")
        self._search = SearchField("Commit, bead, file", width=150)
        self._header.add_right(self._search)
        self.canvas = GraphCanvas()
        self.inspector = GraphInspector(view)
        self._empty = NoConvoy()
        self.setFocusProxy(self.canvas)
        self._lay_out()
        self._tick = QTimer(self)
        self._tick.setInterval(1_000)
        self._tick.timeout.connect(self._show_scene)
        self._empty.wanted.connect(self.rehearse_wanted)
        self.canvas.selected.connect(self.select_bead)
        self.canvas.activated.connect(self.bead_wanted)
        self.inspector.fleet_wanted.connect(self.bead_wanted)
        self._search.textEdited.connect(self._find)

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        if changes.beads or changes.convoys or changes.queue or changes.envelopes:
            self.refresh()

    def refresh(self) -> None:
        """Shows everything as it is now."""
        self._lanes.catch_up(self._view.timeline)
        self._rounds.catch_up(self._view.timeline)
        states = self._view.at_work()
        self._stack.setCurrentWidget(self._content if states else self._empty_whole)
        if self.canvas.current is not None and self._view.projection_of(self.canvas.current) is None:
            self.canvas.select(None)
        self._show_scene()
        self.inspector.show_bead(self.canvas.current)

    def select_bead(self, bead: str) -> None:
        """Selects a bead, as a click on it does."""
        known = BeadId(bead)
        card = self._view.card(known)
        self.canvas.select(known, card.spoken if card is not None else bead)
        self.inspector.show_bead(known)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._tick.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tick.stop()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self._header)
        left.addWidget(self.canvas, 1)
        self._content = QWidget()
        row = QHBoxLayout(self._content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(left, 1)
        row.addWidget(self.inspector)
        self._stack = QStackedWidget()
        self._empty_whole = under_header("Graph", self._empty)
        self._stack.addWidget(self._empty_whole)
        self._stack.addWidget(self._content)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self._stack)

    def _show_scene(self) -> None:
        states = self._view.at_work()
        rounds = self._rounds.of({state.convoy for state in states})
        self.canvas.show_scene(scene_of(self._view, self._lanes, rounds, self._now()))

    def _find(self, text: str) -> None:
        """Selects the first bead that has this in its id, title, worker, commit or files."""
        wanted = text.strip().casefold()
        if not wanted:
            return
        for state in self._view.at_work():
            for bead, view in state.beads.items():
                words = (bead, view.bead.title, view.polecat or "", view.commit or "", *view.bead.files)
                shown = bead in self.canvas.scene.targets
                if shown and any(wanted in word.casefold() for word in words):
                    self.select_bead(bead)
                    return
