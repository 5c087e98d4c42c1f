"""The merge page: who waits, what the gates said, what is merged, and the way onto a branch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from statistics import median

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.queue import (
    GatesModel,
    MergedModel,
    QueueModel,
    RoundsModel,
)
from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.gate_rounds import GateRounds, Round
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import show_took
from gastown_desktop.engine.api import EngineApi, Outcome
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.merge.detail import QueueDetail
from gastown_desktop.ui.merge.landing_sheet import LandingSheetView
from gastown_desktop.ui.merge.output import GateOutput
from gastown_desktop.ui.merge.rows import gate_pieces, merged_pieces, queue_pieces, round_pieces
from gastown_desktop.ui.merge.strip import PrefixStrip
from gastown_desktop.ui.merge.strip_rows import running_number, strip_of
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.empty import NoConvoy
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.rows_table import RowsTable
from gastown_desktop.ui.widgets.town_time import TownTime

_NOTHING_WAITS = "Nothing waits. A bead comes here when its worker hands it in."


class MergePage(QWidget):
    """The Refinery's page."""

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
            api: lands, and takes a landing back.
            parent: owns it.
            now: the time; None counts on from the newest time that the view saw.
        """
        super().__init__(parent)
        self.setProperty("surface", "content")
        self._view, self._api = view, api
        self._now = now or TownTime(view)
        self._rounds = GateRounds()
        self._states: list[Projection] = []
        self._shown: list[Round] = []
        self._chosen = ""
        """Key of the round that the user selected; empty follows the newest."""
        self._branch_hint = "name of a branch"
        self.queue = QueueModel(self)
        self.merged = MergedModel(self)
        self.rounds = RoundsModel(self)
        self.gates = GatesModel(self)
        self._tick = QTimer(self)
        self._tick.setInterval(1_000)
        self._tick.timeout.connect(self._refresh_times)
        self._make_parts()
        self._lay_out()
        self._connect()

    # --- what the window asks of every page ---

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        if changes.queue or changes.convoys or changes.beads or changes.envelopes:
            self.refresh()

    def refresh(self) -> None:
        """Shows everything as it is now."""
        self._rounds.catch_up(self._view.timeline)
        self._states = self._view.at_work()
        self._shown = self._rounds.of({state.convoy for state in self._states})
        self._stack.setCurrentWidget(self._content if self._states else self._empty)
        self.rounds.refresh(self._shown)
        self.merged.refresh(self._states)
        self.gates.refresh(self._states)
        self._tell_header()
        self._refresh_times()

    def set_branch_hint(self, branch: str) -> None:
        """Names the repository's branch; it is a hint where none is chosen for the user."""
        self._branch_hint = branch or "name of a branch"

    @property
    def said(self) -> str:
        """How the last landing, or its undoing, ended."""
        return self._said.text()

    @property
    def figures(self) -> str:
        """What the header says of what is merged."""
        return self._figures.text()

    def ask_for_landing(self) -> None:
        """Opens the landing sheet."""
        state = self._view.current
        if state is None:
            return
        branch = "" if state.rehearsal else state.target.removeprefix("refs/heads/")
        sheet = LandingSheetView(self, self._api, state.convoy, branch, self._branch_hint)
        sheet.landed.connect(self._say_outcome)
        sheet.closed.connect(sheet.deleteLater)
        sheet.open()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._tick.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tick.stop()

    # --- building ---

    def _make_parts(self) -> None:
        self._header = PageHeader("Merge")
        self._tabs = SegmentedControl()
        for name, text in (("queue", "Queue"), ("rounds", "Gate runs"), ("gates", "Gates")):
            self._tabs.add(name, text)
        self._figures = PlainLabel("", "small", "secondary")
        self._land_button = Button("Land…")
        self._undo_button = Button("Undo landing", icon="ui_undo")
        self._said = Paragraph("", "small", "text.secondary")
        self._said.hide()
        self._strip = PrefixStrip()
        self._queue_title = PlainLabel("Queue", "strong")
        self._queue_count = PlainLabel("", "small", "tertiary")
        self._fleet_button = Button("Open in fleet", icon="ui_fleet", small=True)
        self.queue_table = RowsTable(
            self.queue,
            queue_pieces,
            name="Merge queue",
            widths=(58, 0, 84, 58, 128, 84, 72),
            stretch=1,
            gone_first=(4, 3),
        )
        self.queue_table.setMinimumHeight(26 + 28)
        self._nothing = _Indented(Paragraph(_NOTHING_WAITS, "small", "text.tertiary"))
        self._detail = QueueDetail()
        self._merged_title = PlainLabel("Merged", "small", "secondary", weight=600)
        self.merged_table = RowsTable(
            self.merged, merged_pieces, name="Merged beads", widths=(112, 0, 84, 72, 72), stretch=1
        )
        self.merged_table.horizontalHeader().hide()
        self.merged_table.setMinimumHeight(28)
        self.rounds_table = RowsTable(
            self.rounds, round_pieces, name="Gate runs", widths=(60, 64, 190, 0, 72), stretch=3
        )
        self.gates_table = RowsTable(
            self.gates, gate_pieces, name="Gates", widths=(140, 240, 80, 200, 0), stretch=4
        )
        self._output = GateOutput()

    def _lay_out(self) -> None:
        self._header.add_left(self._tabs)
        self._header.add_right(self._figures)
        self._header.add_right(self._undo_button)
        self._header.add_right(self._land_button)
        self._left = QStackedWidget()
        self._left.addWidget(self._queue_part())
        self._left.addWidget(self.rounds_table)
        self._left.addWidget(self.gates_table)
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addWidget(self._left, 1)
        below.addWidget(self._output)
        self._content = QWidget()
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._strip)
        column.addWidget(Hairline(color="border.default"))
        column.addLayout(below, 1)
        self._empty = NoConvoy()
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._content)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        said = QHBoxLayout()
        said.setContentsMargins(20, 0, 20, 0)
        said.addWidget(self._said, 1)
        page.addLayout(said)
        page.addWidget(self._stack, 1)

    def _queue_part(self) -> QWidget:
        part = QWidget()
        head = QHBoxLayout()
        head.setContentsMargins(20, 8, 12, 4)
        head.setSpacing(8)
        head.addWidget(self._queue_title)
        head.addWidget(self._queue_count)
        head.addStretch(1)
        head.addWidget(self._fleet_button)
        merged = QHBoxLayout()
        merged.setContentsMargins(20, 10, 20, 2)
        merged.addWidget(self._merged_title)
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.queue_table)
        column.addWidget(self._nothing)
        column.addWidget(self._detail)
        column.addWidget(Hairline())
        column.addLayout(merged)
        column.addWidget(self.merged_table, 1)
        return part

    def _connect(self) -> None:
        self._empty.wanted.connect(self.rehearse_wanted)
        self._tabs.chosen.connect(self._show_tab)
        self._land_button.clicked.connect(self.ask_for_landing)
        self._undo_button.clicked.connect(self._undo)
        self._strip.round_chosen.connect(self._choose_round)
        self._strip.columns_changed.connect(self._refresh_times)
        self.rounds_table.selectionModel().selectionChanged.connect(self._round_selected)
        self.queue_table.selectionModel().selectionChanged.connect(self._tell_detail)
        self.queue_table.activated.connect(self._open_selected)
        self.merged_table.activated.connect(self._open_selected)
        self._fleet_button.clicked.connect(self._open_selected)

    # --- showing ---

    def _refresh_times(self) -> None:
        """What depends on the hour: waiting times, scores, the gate that runs."""
        if not self._states:
            return
        now = self._now()
        self.queue.refresh(self._view, self._states, now)
        entries = self.queue.values
        if entries and self.queue_table.current is None:
            self.queue_table.select_row(0)
        strip = strip_of(self._states, self._shown, entries, self._view.glance, now, self._strip.columns)
        self._strip.setVisible(bool(strip.cells or strip.rows))
        self._strip.show_strip(strip, self._chosen)
        self._queue_count.setText(str(len(entries)))
        self.queue_table.setVisible(bool(entries))
        self.queue_table.setMaximumHeight(min(self.queue_table.natural_height(), 26 + 28 * 6))
        self._nothing.setVisible(not entries)
        self._merged_title.setText(f"Merged {self.merged.rowCount()}" if self.merged.rowCount() else "")
        self._tell_detail()
        self._tell_output()

    def _tell_header(self) -> None:
        state = self._view.current
        self._land_button.setVisible(state is not None)
        self._undo_button.setVisible(state is not None and _is_on_branch_of_user(state))
        if state is None:
            self._header.set_words("")
            return
        count = self.merged.rowCount()
        self._land_button.setEnabled(bool(state.merged()))
        took = [one.seconds for one in self._shown if one.beads and not one.cached]
        gate = f", median gate {show_took(median(took))}" if took else ""
        onto = "rehearsal" if state.rehearsal else f"onto {state.target.removeprefix('refs/heads/')}"
        word = "landed" if state.stage == "landed" and not state.rehearsal else "merged"
        self._header.set_words(onto)
        looks = sum(bool(one.sensitive) for one in self.merged.values)
        look = f", {looks} to look at before landing" if looks else ""
        self._figures.setText(f"{count} {word}{gate}{look}")

    def _tell_detail(self) -> None:
        entry = self.queue_table.current
        self._fleet_button.setEnabled(entry is not None or self.merged_table.current is not None)
        self._detail.show_entry(self._view.convoys.get(entry.convoy) if entry else None, entry)

    def _tell_output(self) -> None:
        gate = self._view.glance.gate
        chosen = next((one for one in self._shown if one.key == self._chosen), None)
        if chosen is None and gate is not None and gate.running:
            number = running_number(self._shown, self._view.glance)
            self._output.show_running(self._states, self._shown, number, self._view.glance, self._now())
        elif chosen is not None or self._shown:
            self._output.show_round(self._states, chosen or self._shown[-1])
        else:
            self._output.show_nothing()

    # --- acting ---

    def _show_tab(self, name: str) -> None:
        self._left.setCurrentIndex(("queue", "rounds", "gates").index(name))

    def _choose_round(self, key: str) -> None:
        self._chosen = key
        self._refresh_times()

    def _round_selected(self) -> None:
        one = self.rounds_table.current
        if isinstance(one, Round):
            self._choose_round(one.key)

    def _open_selected(self) -> None:
        shown = self.merged_table if self.merged_table.hasFocus() else self.queue_table
        value = shown.current or self.queue_table.current or self.merged_table.current
        if value is not None:
            self.bead_wanted.emit(str(BeadId(value.bead)))

    def _undo(self) -> None:
        state = self._view.current
        if state is not None:
            spawn(self._undo_landing(state.convoy), owner=self)

    async def _undo_landing(self, convoy: ConvoyId) -> None:
        self._undo_button.setEnabled(False)
        try:
            self._say_outcome(await self._api.undo_land(convoy))
        except GasTownError as error:
            text = error.whole
            self._say_outcome(Outcome(done=False, words=text))
        finally:
            self._undo_button.setEnabled(True)

    def _say_outcome(self, outcome: Outcome) -> None:
        self._said.setText(outcome.words)
        self._said.set_color("text.primary" if outcome.done else "state.failed")
        self._said.show()


class _Indented(QWidget):
    """A paragraph in line with the tables' first column."""

    def __init__(self, paragraph: Paragraph) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 4, 20, 12)
        row.addWidget(paragraph)


def _is_on_branch_of_user(state: Projection) -> bool:
    """A rehearsal first lands on a branch of its own, from which there is nothing to take back."""
    own = "refs/heads/rehearsal/"
    return state.landed_on.startswith("refs/heads/") and not state.landed_on.startswith(own)
