"""The Fleet page: all beads as cards or in a table, and one worker in detail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QCursor, QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.fleet import FleetModel, ShownCards
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.card import Card
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.api import EngineApi
from gastown_desktop.ui.fleet.acting import WorkerActions
from gastown_desktop.ui.fleet.card_grid import MOST_COLUMNS, width_for
from gastown_desktop.ui.fleet.card_list import CardList
from gastown_desktop.ui.fleet.card_table import CardTable
from gastown_desktop.ui.fleet.detail import DetailPane
from gastown_desktop.ui.fleet.filter_chips import FilterChips
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.empty import EmptyState, NoConvoy
from gastown_desktop.ui.widgets.fields import SearchField
from gastown_desktop.ui.widgets.town_time import TownTime

Look = Literal["cards", "table"]
_LEAST_DETAIL, _MOST_DETAIL = 384, 560
_ROOMY = width_for(2) + _LEAST_DETAIL
"""From this width on the detail is always shown."""
_SEARCH, _NARROW_SEARCH = 136, 110
_TICK_MS = 1_000


class FleetPage(QWidget):
    """Cards at the left, the detail of the current one at the right."""

    rehearse_wanted = Signal()
    """The user wants to rehearse: there is no convoy yet."""

    def __init__(
        self,
        view: TownView,
        api: EngineApi,
        parent: QWidget | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Shows a town.

        Args:
            view: what is shown.
            api: what may be asked of the town.
            parent: owns it.
            now: the time; None counts on from the newest time that the view saw.
        """
        super().__init__(parent)
        self._view, self._api = view, api
        self._now = now or TownTime(view)
        self.model = FleetModel(view, self)
        self.shown = ShownCards(self.model, self)
        self._left = QWidget(self)
        self.header = PageHeader("Fleet")
        self.chips = FilterChips()
        self.search = SearchField("Filter", width=_SEARCH)
        self.look = SegmentedControl()
        self.cards = CardList(self.shown, self._now)
        self.table = CardTable(self.shown, self._now)
        self.table.setSelectionModel(self.cards.selectionModel())
        self.stack = QStackedWidget()
        self._empty = NoConvoy()
        self._nothing = EmptyState("No card is like that.", "Show all cards")
        self.detail = DetailPane(view, api, self._now, self)
        self._detail_wanted = False
        self.worker_actions = WorkerActions(view, api, self, self.detail.notice, self.selected)
        self._build()
        self._connect()
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.refresh()

    # --- what the window calls ---

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        self.model.heed(changes)
        if changes.beads or changes.convoys:
            self._tell_counts()
            self._show_current()
        self.detail.heed(changes)

    def refresh(self) -> None:
        """Shows everything anew."""
        self.model.refresh()
        self._tell_counts()

    def open_bead(self, bead: BeadId, tab: str = "transcript") -> None:
        """Selects a bead, brings it into sight and opens its detail."""
        self.model.look_at(bead)
        if not self.shown.index_of(bead).isValid():
            self._show_all()
        index = self.shown.index_of(bead)
        if index.isValid():
            self._select(index)
            self.cards.scrollTo(index)
            self.table.scrollTo(index)
            self._want_detail()
            self.detail.show_tab(tab or "transcript")

    def show_look(self, look: Look) -> None:
        """Shows cards or the table, without telling."""
        self.look.select(look)
        self._choose_sheet()

    def ask_discard(self, bead: BeadId) -> None:
        """Asks whether a bead is to be discarded."""
        card = self._view.card(bead)
        if card is not None:
            self.open_bead(bead)
            self.worker_actions.ask_discard([card])

    @property
    def current(self) -> Card | None:
        """The card that the detail shows."""
        return self.shown.card(self.cards.currentIndex())

    @property
    def content_edge(self) -> int:
        """Where the cards end and the detail begins, in pixels."""
        return self._left.width()

    def selected(self) -> list[Card]:
        """The selected cards, in order."""
        rows = sorted(index.row() for index in self.cards.selectionModel().selectedRows())
        found = (self.shown.card(self.shown.index(row, 0)) for row in rows)
        return [card for card in found if card is not None]

    # --- what Qt calls ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.worker_actions.trigger("worker.discard")
            return
        super().keyPressEvent(event)

    # --- building ---

    def _build(self) -> None:
        self.look.add("cards", "Cards", glyph="ui_grid")
        self.look.add("table", "Table", glyph="ui_list")
        self.header.add_left(self.chips)
        self.header.add_right(self.search)
        self.header.add_right(self.look)
        for widget in (self.cards, self.table, self._empty, self._nothing):
            self.stack.addWidget(widget)
        column = QVBoxLayout(self._left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.setFocusProxy(self.cards)
        column.addWidget(self.header)
        column.addWidget(self.stack, 1)

    def _connect(self) -> None:
        self.chips.chosen.connect(lambda states: self._filter(states=states))
        self.search.textChanged.connect(lambda typed: self._filter(typed=typed))
        self.look.chosen.connect(self._change_look)
        self._empty.wanted.connect(self.rehearse_wanted)
        self._nothing.wanted.connect(self._show_all)
        for view in (self.cards, self.table):
            view.pointed_at.connect(self._hold_order)
            view.opened.connect(self._open)
            view.menu_wanted.connect(self.worker_actions.open_menu)
        self.cards.pressed_button.connect(self._press)
        marked = self.cards.selectionModel()
        marked.currentChanged.connect(self._show_current)
        marked.selectionChanged.connect(self._show_current)
        self.detail.action_wanted.connect(self.worker_actions.trigger)
        self.detail.menu_wanted.connect(self.worker_actions.open_menu)
        self.detail.message_wanted.connect(
            lambda text: self.worker_actions.send(text, self.detail.composer.restore)
        )
        self.detail.close_wanted.connect(self._leave_detail)
        self.worker_actions.message_wanted.connect(self._write_message)
        self.worker_actions.diff_wanted.connect(lambda bead: self.open_bead(bead, "diff"))

    def _arrange(self) -> None:
        """Gives the cards as many columns as fit beside the detail, which takes the rest up to 560.

        Without cards there is no detail.
        """
        whole, height = self.width(), self.height()
        columns = next(
            (count for count in range(MOST_COLUMNS, 1, -1) if width_for(count) + _LEAST_DETAIL <= whole), 1
        )
        detail = min(_MOST_DETAIL, max(_LEAST_DETAIL, whole - width_for(columns)))
        if whole < _ROOMY:
            detail = min(_LEAST_DETAIL, whole) if self._detail_wanted else 0
        if not self.model.rowCount():
            detail = 0
        self.search.setFixedWidth(_SEARCH if whole >= _ROOMY else _NARROW_SEARCH)
        self.detail.setVisible(detail > 0)
        self.detail.setGeometry(whole - detail, 0, detail, height)
        self._left.setGeometry(0, 0, whole - detail, height)

    # --- what happens ---

    def _tick(self) -> None:
        (self.cards if self.look.current == "cards" else self.table).tick()

    def _tell_counts(self) -> None:
        count = self.model.rowCount()
        self.header.set_words(plural(count, "bead"))
        self.chips.set_counts(self.model.counts())
        self._choose_sheet()
        if not self.cards.currentIndex().isValid() and self.shown.rowCount():
            self._select(self.shown.index(0, 0))

    def _choose_sheet(self) -> None:
        """Shows cards, the table, or why there are none."""
        was_empty = self.stack.currentWidget() is self._empty
        if not self.model.rowCount():
            self.stack.setCurrentWidget(self._empty)
        elif not self.shown.rowCount():
            self.stack.setCurrentWidget(self._nothing)
        else:
            self.stack.setCurrentWidget(self.cards if self.look.current == "cards" else self.table)
        if was_empty != (self.stack.currentWidget() is self._empty):
            self._arrange()

    def _filter(self, *, states: frozenset[str] | None = None, typed: str | None = None) -> None:
        self.shown.choose(states=states, typed=typed)  # pyright: ignore[reportArgumentType] - states all
        self._choose_sheet()

    def _show_all(self) -> None:
        self.chips.clear()
        self.search.clear()

    def _change_look(self, look: str) -> None:
        """Shows the other view, with the same bead at its top."""
        before, after = (self.table, self.cards) if look == "cards" else (self.cards, self.table)
        top = before.top_bead()
        self._choose_sheet()
        if top is not None:
            after.bring_to_top(top)
        after.setFocus()

    def _show_current(self) -> None:
        self.detail.show_card(self.current, len(self.cards.selectionModel().selectedRows()))

    def _open(self, bead: str) -> None:
        self.open_bead(BeadId(bead))
        self.detail.transcript.setFocus()

    def _press(self, button: str, bead: str) -> None:
        """A button of a card was pressed."""
        card = self._view.card(BeadId(bead))
        if card is None:
            return
        if button == "more":
            self.worker_actions.open_menu(QCursor.pos())
        elif button == "message":
            self.worker_actions.trigger("worker.message")
        else:
            standing = card.state in {"paused", "paused_budget"}
            self._want_detail()
            self.worker_actions.trigger("worker.resume" if standing else "worker.pause")

    def _write_message(self) -> None:
        self._want_detail()
        self.detail.show_tab("transcript")
        self.detail.composer.field.setFocus()

    def _want_detail(self) -> None:
        if not self._detail_wanted:
            self._detail_wanted = True
            self._arrange()

    def _leave_detail(self) -> None:
        """Back to the cards; in a narrow window the detail goes."""
        self._detail_wanted = False
        self._arrange()
        (self.cards if self.look.current == "cards" else self.table).setFocus()

    def _hold_order(self, held: bool) -> None:
        self.model.hold_order(held)
        if not held:
            self.cards.lay_out()

    def _select(self, index: QModelIndex) -> None:
        flags = QItemSelectionModel.SelectionFlag
        self.cards.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
