"""The spend page: what is spent and promised, how fast, of which limit, and for what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.burn import burn_of
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.wording import show_model
from gastown_desktop.engine.api import Bill, EngineApi
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.plots.share_bars import BESIDE, ShareBars
from gastown_desktop.ui.spend.amounts import LimitEditor
from gastown_desktop.ui.spend.burn_chart import BurnChart, Course
from gastown_desktop.ui.spend.check_box import CheckBox
from gastown_desktop.ui.spend.figures import (
    as_csv,
    course_of,
    landings_of,
    shares_of,
    to_check,
)
from gastown_desktop.ui.spend.gauge import Gauge, Legend, MoneyStanding
from gastown_desktop.ui.spend.headline import Headline
from gastown_desktop.ui.spend.limits import AwayBox, Limits
from gastown_desktop.ui.spend.lines import TABS, covered, heads_of, rows_of
from gastown_desktop.ui.spend.table import LineTable
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.choices import TabBar
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel

_ASK_MS = 1_000
"""The bill is asked for at most once in this time."""
_BEAT_MS = 5_000
"""Rates fall while nothing comes: they are told anew."""


class SpendPage(QWidget):
    """Shows the newest convoy's bill while it is visible."""

    bead_chosen = Signal(str)
    """A bead's row was double-clicked, or entered."""

    def __init__(
        self,
        view: TownView,
        api: EngineApi,
        *,
        now: Callable[[], datetime] | None = None,
        zone: tzinfo | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Makes the page.

        Args:
            view: what is known of the town.
            api: answers with bills and sets limits.
            now: the time; None for the newest time that the view has seen.
            zone: where the user is; None for the system's.
            parent: owns it.
        """
        super().__init__(parent)
        self._view, self._api = view, api
        self._now, self._zone = now, zone
        self._bill: Bill | None = None
        self._bills: dict[ConvoyId, Bill] = {}
        self._asking = False
        self._stale = True
        self._wants_limit = False
        self._make_parts()
        self._lay_out()
        self._connect()
        self._show_nothing()

    # --- what comes ---

    def heed(self, changes: Changes) -> None:
        """Takes a tick's changes."""
        if changes.money or changes.turns or changes.convoys or changes.needs:
            self._stale = True
            self._ask_soon()
        if changes.beads and self._bill is not None and self.isVisible():
            self._show_rows()

    def refresh(self) -> None:
        """Shows everything anew: another repository is open."""
        self._bills.clear()
        self._bill = None
        self._stale = True
        self._show_nothing()
        self._ask_soon()

    def ask_for_limit(self) -> None:
        """Opens the editor of the limit, now or once the bill is there."""
        self._wants_limit = True
        self._open_editor()

    def showEvent(self, event: QEvent) -> None:
        self._stale = True
        self._ask_soon()
        self._beat.start()

    def hideEvent(self, event: QEvent) -> None:
        self._beat.stop()

    def _ask_soon(self) -> None:
        if self.isVisible() and self._stale and not self._asking and not self._pause.isActive():
            self._asking = True
            spawn(self._ask(), owner=self)

    async def _ask(self) -> None:
        """Asks for the bills: the shown convoy's each time, the others' once."""
        self._stale = False
        try:
            state = self._view.current
            current = state.convoy if state is not None else None
            for convoy in [one for one in self._view.convoys if one == current or one not in self._bills]:
                self._bills[convoy] = await self._api.bill(convoy)
            self._bills = {one: bill for one, bill in self._bills.items() if one in self._view.convoys}
            self._bill = self._bills.get(state.convoy) if state is not None else None
            self._show()
        finally:
            self._asking = False
            self._pause.start()

    # --- showing ---

    def _show(self) -> None:
        bill, state = self._bill, self._view.current
        if bill is None or state is None:
            self._show_nothing()
            return
        self._empty.hide()
        self._whole.show()
        self._header.set_words(covered(bill, self._view, self._zone))
        self.export.setEnabled(True)
        self.change.setEnabled(self.editor.isHidden())
        self._open_editor()
        standing = MoneyStanding.of(bill)
        self.gauge.set_standing(standing)
        self._legend.set_standing(standing)
        self._show_course()
        self._models.set_rows(shares_of(bill.by_model, [show_model(one.name) for one in bill.by_model]))
        self._roles.set_rows(shares_of(bill.by_role, [one.name for one in bill.by_role]))
        self.limits.show_bill(bill)
        self.away.show_absence(bill.absence, state.by_default, self._view.now)
        self.check.set_requests(to_check(bill), self._zone)
        self._show_rows()

    def _show_nothing(self) -> None:
        self._whole.hide()
        self._empty.show()
        self._header.set_words("")
        for button in (self.export, self.change):
            button.setEnabled(False)

    def _show_course(self) -> None:
        bill, state = self._bill, self._view.current
        if bill is None or state is None:
            return
        own = f"convoy:{bill.convoy}"
        has_own = own in self._view.glance.meters
        samples = course_of(bill, self._view.course(own) if has_own else self._view.samples)
        now = self._now() if self._now is not None else self._view.now
        now = max([one.at for one in samples[-1:]] + [now] if now is not None else [samples[-1].at])
        burn = burn_of(samples, bill.cap, now)
        self.headline.set_figures(MoneyStanding.of(bill), burn, rehearsal=state.rehearsal)
        landings = landings_of(self._view.convoys.values())
        self.chart.set_course(Course(samples=samples, now=now, caps=bill.caps, landings=landings, burn=burn))

    def _show_rows(self) -> None:
        if self._bill is not None:
            tab = self.tabs.current
            rows = rows_of(tab, self._bill, self._bills, self._view, self._zone)
            self.table.show_rows(heads_of(tab), rows)

    # --- what the user does ---

    def _open_editor(self) -> None:
        if self._bill is not None and self._wants_limit:
            self._wants_limit = False
            self.editor.begin(MoneyStanding.of(self._bill))
            self.change.setEnabled(False)

    def _leave_limit(self) -> None:
        self.editor.hide()
        self.change.setEnabled(self._bill is not None)
        self.change.setFocus()

    def _limit_wanted(self, cap: int) -> None:
        spawn(self._set_limit(cap), owner=self)

    async def _set_limit(self, cap: int) -> None:
        """Sets the limit; then the bill is asked for anew."""
        if self._bill is None:
            return
        try:
            await self._api.set_cap(self._bill.convoy, cap)
        except GasTownError as refused:
            self.editor.say(str(refused))
            return
        self._leave_limit()
        self._stale = True
        self._ask_soon()

    def _check_requests(self) -> None:
        if self._bill is None:
            return
        self.tabs.select("Request")
        self._show_rows()
        newest = to_check(self._bill).requests[:1]
        for one in newest:
            self.table.select_key(one.id)
            self.table.setFocus()

    def _export(self) -> None:
        if self._bill is None:
            return
        bill = self._bill
        dialog = QFileDialog(self, "Export the requests")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Comma-separated values (*.csv)"])
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(f"spend-{bill.convoy}.csv")
        dialog.fileSelected.connect(lambda name: self._write(Path(name), bill))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _write(self, file: Path, bill: Bill) -> None:
        try:
            file.write_text(as_csv(bill), encoding="utf-8")
        except OSError as error:
            self._said.setText(f"The file could not be written ({error.strerror}). Nothing else changed.")
            self._said.set_color("state.failed")
        else:
            self._said.setText(f"{len(bill.requests):,} requests written to {file.name}.")
            self._said.set_color("text.secondary")
        self._said.show()

    def _row_chosen(self, key: object) -> None:
        if self.tabs.current == "Bead" and isinstance(key, str):
            self.bead_chosen.emit(key)

    # --- making ---

    def _make_parts(self) -> None:
        self._header = PageHeader("Spend", reading=True)
        self.export = Button("Export CSV", small=True)
        self.change = Button("Change limit…", small=True)
        self.editor = LimitEditor()
        self.headline = Headline(self._zone)
        self.gauge = Gauge()
        self._legend = Legend()
        self.chart = BurnChart(self._zone)
        self._models = ShareBars("By model", BESIDE)
        self._roles = ShareBars("By role", BESIDE)
        self.limits = Limits()
        self.away = AwayBox(self._zone)
        self.check = CheckBox()
        self.tabs = TabBar()
        for tab in TABS:
            self.tabs.add(tab, tab)
        self.tabs.select("Bead")
        self.table = LineTable()
        self._said = Paragraph("", "small")
        self._said.hide()
        self._empty = Paragraph("Nothing was spent here yet. What a convoy costs is shown once it runs.")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_ASK_MS)
        self._beat = QTimer(self)
        self._beat.setInterval(_BEAT_MS)

    def _lay_out(self) -> None:
        self._header.add_right(self.export)
        self._header.add_right(self.change)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._header)
        outer.addWidget(self.editor)
        self._empty.setContentsMargins(0, 0, 0, 0)
        empty = QHBoxLayout()
        empty.setContentsMargins(20, 0, 20, 0)
        empty.addWidget(self._empty)
        outer.addLayout(empty)
        self._whole = self._scrolled()
        outer.addWidget(self._whole, 1)
        outer.addStretch(0)

    def _scrolled(self) -> QScrollArea:
        content = QWidget()
        content.setProperty("surface", "content")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        upper = QVBoxLayout()
        upper.setContentsMargins(20, 0, 20, 12)
        upper.setSpacing(0)
        upper.addWidget(self.headline)
        upper.addWidget(self.gauge)
        upper.addSpacing(3)
        upper.addWidget(self._legend)
        upper.addWidget(self._said)
        upper.addLayout(self._beyond())
        upper.addSpacing(17)
        upper.addLayout(self._middle())
        column.addLayout(upper)
        column.addWidget(Hairline(color="border.default"))
        self.tabs.setContentsMargins(16, 0, 16, 0)
        column.addWidget(self.tabs)
        column.addWidget(self.table, 1)
        area = QScrollArea()
        area.setAccessibleName("Spend")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(content)
        return area

    def _beyond(self) -> QHBoxLayout:
        """What there is besides the convoy's own limit."""
        row = QHBoxLayout()
        row.setSpacing(36)
        row.addWidget(self.limits, 1, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.away, 1, Qt.AlignmentFlag.AlignTop)
        return row

    def _middle(self) -> QHBoxLayout:
        left = QVBoxLayout()
        left.setContentsMargins(0, 1, 0, 0)
        left.setSpacing(0)
        left.addWidget(_title("Burn"))
        left.addSpacing(8)
        left.addWidget(self.chart)
        left.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(_title("By model"))
        right.addSpacing(4)
        right.addWidget(self._models)
        right.addSpacing(14)
        right.addWidget(_title("By role"))
        right.addSpacing(4)
        right.addWidget(self._roles)
        right.addSpacing(14)
        right.addWidget(self.check)
        right.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addLayout(left, 624)
        row.addSpacing(36)
        row.addWidget(Hairline(upright=True, color="border.subtle"))
        row.addSpacing(20)
        row.addLayout(right, 359)
        return row

    def _connect(self) -> None:
        self._pause.timeout.connect(self._ask_soon)
        self._beat.timeout.connect(self._show_course)
        self.tabs.chosen.connect(self._show_rows)
        self.table.row_chosen.connect(self._row_chosen)
        self.change.clicked.connect(self.ask_for_limit)
        self.export.clicked.connect(self._export)
        self.editor.wanted.connect(self._limit_wanted)
        self.editor.left.connect(self._leave_limit)
        self.check.wanted.connect(self._check_requests)


def _title(text: str) -> PlainLabel:
    return PlainLabel(text, "strong")
