"""The history page: a timeline of everything with filters, convoys, rehearsals, recoveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.timeline import (
    KINDS,
    ConvoyRow,
    ConvoysModel,
    Filter,
    TimelineModel,
    TimelineRow,
    convoy_rows,
)
from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.wording import plural, show_day
from gastown_desktop.engine.api import EngineApi
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.history.detail import WIDTH, HistoryDetail
from gastown_desktop.ui.history.rows import convoy_pieces, timeline_pieces
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import MenuButton
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.empty import NoConvoy
from gastown_desktop.ui.widgets.fields import SearchField
from gastown_desktop.ui.widgets.pieces import Piece, draw_row
from gastown_desktop.ui.widgets.rows_table import RowsTable, draw_cut
from gastown_desktop.ui.widgets.town_time import TownTime

_TABS = (
    ("timeline", "Timeline"),
    ("convoys", "Convoys"),
    ("rehearsals", "Rehearsals"),
    ("recovery", "Recovery"),
)
_EMPTY = {
    "timeline": "Nothing has happened here yet. Rehearse a convoy on your own history for $0.",
    "convoys": NoConvoy.WORDS,
    "rehearsals": "No rehearsal yet. Rehearse your own history for $0.",
    "recovery": "Nothing had to be mended so far.",
    "filtered": "Nothing fits this filter.",
}


class HistoryPage(QWidget):
    """Everything that happened in the open repository."""

    bead_wanted = Signal(str)
    """The user wants to see a bead in the fleet."""
    evidence_wanted = Signal(str)
    """The user wants to see the report of a rehearsal, by its convoy."""
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
            api: asked which rehearsals have a report.
            parent: owns it.
            now: the time; None counts on from the newest time that the view saw.
        """
        super().__init__(parent)
        self.setProperty("surface", "content")
        self._view, self._api = view, api
        self._now = now or TownTime(view)
        self._tab = "timeline"
        self._reports: dict[ConvoyId, tuple[int, bool]] = {}
        """Of each rehearsal up to which event its report was asked for, and whether it was there."""
        self.timeline = TimelineModel(view, self)
        self.convoys = ConvoysModel(self)
        self._make_parts()
        self._lay_out()
        self._connect()

    # --- what the window asks of every page ---

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        if changes.envelopes or changes.convoys:
            self.refresh()

    def refresh(self) -> None:
        """Shows everything as it is now."""
        self.timeline.catch_up()
        self._fill_convoys()
        self._tell()

    @property
    def day(self) -> str:
        """The day of the topmost row."""
        return self._top.words[0]

    def show_tab(self, name: str) -> None:
        """Shows another part: `timeline`, `convoys`, `rehearsals` or `recovery`."""
        self._tab = name
        self._tabs.select(name)
        in_time = name in {"timeline", "recovery"}
        for part in (self._workers, self._beads, self._kinds, self._search):
            part.setVisible(name == "timeline")
        kind = "Recovery" if name == "recovery" else ""
        self.timeline.set_filter(Filter(kind=kind))
        self._search.clear()
        self._tell_filter()
        self._lists.setCurrentWidget(self.timeline_table if in_time else self.convoys_table)
        self.detail.show_nothing()
        self.refresh()
        if name == "rehearsals":
            spawn(self._ask_for_reports(), owner=self)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.detail.setFixedWidth(min(WIDTH, max(280, self.width() * 2 // 5)))

    # --- building ---

    def _make_parts(self) -> None:
        self._header = PageHeader("History", reading=True)
        self._tabs = SegmentedControl()
        for name, text in _TABS:
            self._tabs.add(name, text)
        self._workers = MenuButton("All workers")
        self._beads = MenuButton("All beads")
        self._kinds = MenuButton("All kinds")
        self._search = SearchField("Search everything", width=180)
        self._top = _ListHead()
        self.timeline_table = RowsTable(
            self.timeline,
            timeline_pieces,
            name="Timeline, newest first",
            widths=(80, 0, 104, 72),
            stretch=1,
            height=34,
        )
        self.timeline_table.horizontalHeader().hide()
        self.convoys_table = RowsTable(
            self.convoys,
            convoy_pieces,
            name="Convoys, newest first",
            widths=(0, 160, 76, 72, 130, 130),
            stretch=0,
            height=34,
            gone_first=(5, 4),
        )
        self.detail = HistoryDetail(self._view)
        self._empty = NoConvoy()
        self._empty.wanted.connect(self.rehearse_wanted)

    def _lay_out(self) -> None:
        self._header.add_left(self._tabs)
        for part in (self._workers, self._beads, self._kinds, self._search):
            self._header.add_right(part)
        self._lists = QStackedWidget()
        for part in (self.timeline_table, self.convoys_table, self._empty):
            self._lists.addWidget(part)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self._top)
        left.addWidget(self._lists, 1)
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addLayout(left, 1)
        below.addWidget(self.detail)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        page.addLayout(below, 1)

    def _connect(self) -> None:
        self._tabs.chosen.connect(self.show_tab)
        self._search.textChanged.connect(self._search_for)
        self._workers.drop.aboutToShow.connect(
            lambda: self._offer(self._workers, "worker", self.timeline.workers)
        )
        self._beads.drop.aboutToShow.connect(lambda: self._offer(self._beads, "bead", self.timeline.beads))
        self._kinds.drop.aboutToShow.connect(lambda: self._offer(self._kinds, "kind", KINDS))
        for button in (self._workers, self._beads, self._kinds):
            button.drop.addAction("All")
        self.timeline_table.selectionModel().selectionChanged.connect(self._tell_detail)
        self.convoys_table.selectionModel().selectionChanged.connect(self._tell_detail)
        self.timeline_table.verticalScrollBar().valueChanged.connect(self._tell_top)
        self.timeline_table.activated.connect(self._activated)
        self.convoys_table.activated.connect(self._activated)
        self.detail.fleet_wanted.connect(self.bead_wanted)
        self.detail.evidence_wanted.connect(self.evidence_wanted)

    # --- filtering ---

    def _offer(self, button: MenuButton, field: str, values: Iterable[str]) -> None:
        """Fills a filter's menu with what there is now."""
        button.drop.clear()
        everything = button.drop.addAction(f"All {field}s")
        everything.triggered.connect(partial(self._choose, field, None))
        for value in values:
            button.drop.addAction(value).triggered.connect(partial(self._choose, field, value))

    def _choose(self, field: str, value: str | None) -> None:
        self.timeline.change_filter(**{field: "" if field == "kind" and value is None else value})
        self._tell_filter()
        self._tell()

    def _search_for(self, text: str) -> None:
        if self._tab == "timeline":
            self.timeline.change_filter(text=text)
            self._tell()

    def _tell_filter(self) -> None:
        wanted = self.timeline.filter
        self._workers.set_words(wanted.worker or "All workers")
        self._beads.set_words(wanted.bead or "All beads")
        self._kinds.set_words(wanted.kind or "All kinds")

    # --- showing ---

    def _fill_convoys(self) -> None:
        rows = [replace(row, report=self._has_report(row.convoy)) for row in convoy_rows(self._view)]
        if self._tab == "rehearsals":
            rows = [row for row in rows if row.rehearsal]
        self.convoys.set_values(rows)

    def _has_report(self, convoy: ConvoyId) -> bool:
        return self._reports.get(convoy, (0, False))[1]

    async def _ask_for_reports(self) -> None:
        """Asks for the report of each rehearsal that went on since it was last asked for."""
        for convoy, state in list(self._view.convoys.items()):
            known = self._reports.get(convoy)
            if not state.rehearsal or (known is not None and known[0] == state.last_seq):
                continue
            try:
                found = await self._api.evidence(convoy)
            except GasTownError:
                found = None
            self._reports[convoy] = (state.last_seq, found is not None)
        self._fill_convoys()
        self._tell_detail()

    def _tell(self) -> None:
        in_time = self._tab in {"timeline", "recovery"}
        rows = self.timeline.rowCount() if in_time else self.convoys.rowCount()
        if rows:
            self._lists.setCurrentWidget(self.timeline_table if in_time else self.convoys_table)
        else:
            filtered = in_time and self.timeline.filter not in {Filter(), Filter(kind="Recovery")}
            self._empty.set_words(_EMPTY["filtered" if filtered else self._tab])
            self._empty.show_action(not filtered and self._tab != "recovery")
            self._lists.setCurrentWidget(self._empty)
        self._tell_top()
        self._tell_detail()

    def _tell_top(self) -> None:
        if self._tab in {"convoys", "rehearsals"}:
            noun = "rehearsal" if self._tab == "rehearsals" else "convoy"
            self._top.show_words("", f"{plural(self.convoys.rowCount(), noun)}, newest first", "")
            return
        shown, matching = self.timeline.rowCount(), self.timeline.matching
        most = f", the newest {shown:,} are shown" if shown < matching else ", newest first"
        first = self.timeline.value(self.timeline_table.indexAt(self.timeline_table.rect().topLeft()))
        day = ""
        if first is not None:
            day = show_day(first.envelope.at, self._now()).split(":")[0]
            day = "Today" if day.startswith("today") else day[:1].upper() + day[1:]
        self._top.show_words(day, f"{plural(matching, 'event')}{most}", "cost" if shown else "")

    def _tell_detail(self) -> None:
        in_time = self._tab in {"timeline", "recovery"}
        value = self.timeline_table.current if in_time else self.convoys_table.current
        if isinstance(value, TimelineRow):
            self.detail.show_row(value)
        elif isinstance(value, ConvoyRow):
            self.detail.show_convoy(value)
        else:
            self.detail.show_nothing()

    def _activated(self) -> None:
        in_time = self._tab in {"timeline", "recovery"}
        value = self.timeline_table.current if in_time else self.convoys_table.current
        if isinstance(value, TimelineRow) and value.bead is not None:
            self.bead_wanted.emit(value.bead)
        elif isinstance(value, ConvoyRow) and value.report:
            self.evidence_wanted.emit(value.convoy)


class _ListHead(QWidget):
    """The day, how many events there are, and the name of the last column."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ("", "", "")
        self.setFixedHeight(28)

    @property
    def words(self) -> tuple[str, str, str]:
        """Day, count, column."""
        return self._words

    def show_words(self, day: str, count: str, column: str) -> None:
        if (day, count, column) != self._words:
            self._words = (day, count, column)
            self.setAccessibleName(f"{day} {count}".strip())
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        painter.fillRect(QRectF(0, 27, self.width(), 1), theme.color("border.subtle"))
        day, count, column = self._words
        draw_row(painter, [Piece(text=day, role="caption", color="text.secondary")], QRectF(20, 0, 200, 27))
        left = 95 if day else 20
        draw_cut(
            painter, [Piece(text=count, role="caption", color="text.tertiary")], QRectF(left, 0, 400, 27)
        )
        rect = QRectF(0, 0, self.width() - 18, 27)
        draw_cut(painter, [Piece(text=column, role="caption", color="text.tertiary")], rect, right=True)
