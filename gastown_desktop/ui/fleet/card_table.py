"""The dense table: the same cards in rows of 28 pixels, with the same selection."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gastown_desktop.bridge.models.fleet import ShownCards
from gastown_desktop.core.card import Card
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.wording import show_cents, show_held
from gastown_desktop.ui.fleet.ages import action_of, worked_for
from gastown_desktop.ui.fleet.pointing import Pointing
from gastown_desktop.ui.fleet.steps_bar import draw_steps
from gastown_desktop.ui.fleet.written import Hand, cut, width_of, write
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import font, theme

ROW, HEADER = 28, 27
_WIDTHS = {0: 96, 1: 68, 2: 226, 4: 84, 5: 80, 6: 48, 7: 100}
"""By column; the last action has the rest."""
_REST, _LEAST = 3, 120
_GIVES_WAY = 2
_DROPPED = (5, 4, 3)
"""Columns that go, in this order, when width runs out: lines, steps, the last action."""
_EDGE, _LEFT_EDGE, _RIGHT_EDGE = 8, 12, 14
_TIME, _COST = 6, 7
_WORD, _CAPTION = Hand("caption", 500), Hand("caption")
_SMALL, _STRONG = Hand("small"), Hand("small", 500)
_PATH = re.compile(r"\S+/([^\s/]+/[^\s/]+)")


class CardTable(QTableView):
    """Rows of cards."""

    opened = Signal(str)
    """Enter or a double click on the bead."""
    menu_wanted = Signal(object)
    """The place on the screen where the menu of the selected rows is to stand."""
    pointed_at = Signal(bool)
    """The user begins to point at the rows, or the pointer left them."""

    def __init__(self, shown: ShownCards, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        """Shows the cards of a model.

        Args:
            shown: which cards.
            now: the time, for ages.
            parent: owns it.
        """
        super().__init__(parent)
        self._shown, self._now = shown, now
        self.hovered = -1
        """The row under the pointer."""
        self.setAccessibleName("Table of the fleet")
        self.setModel(shown)
        self.setItemDelegate(_Cells(self, now))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        Pointing(self.viewport()).changed.connect(self.pointed_at)
        self.setHorizontalHeader(_Head(self))
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(ROW)
        rows.setDefaultSectionSize(ROW)
        self.entered.connect(self._enter_row)
        self.doubleClicked.connect(self._open)
        theme.changed.connect(self.viewport().update)

    def tick(self) -> None:
        """Repaints the times."""
        for column in (_REST, _TIME):
            left = self.columnViewportPosition(column)
            self.viewport().update(left, 0, self.columnWidth(column), self.viewport().height())

    def top_bead(self) -> BeadId | None:
        """The first row that is wholly in sight."""
        row = self.rowAt(ROW // 2)
        card = self._shown.card(self._shown.index(row, 0)) if row >= 0 else None
        return card.bead if card else None

    def bring_to_top(self, bead: BeadId) -> None:
        """Scrolls so far that a card's row is the first one."""
        index = self._shown.index_of(bead)
        if index.isValid():
            self.verticalScrollBar().setValue(index.row() * ROW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def updateGeometries(self) -> None:
        super().updateGeometries()
        self._share_width()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._open(self.currentIndex())
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            rect = self.visualRect(self.currentIndex())
            self.menu_wanted.emit(self.viewport().mapToGlobal(QPoint(_LEFT_EDGE, rect.bottom())))
        elif self.indexAt(event.pos()).isValid():
            self.menu_wanted.emit(event.globalPos())

    def leaveEvent(self, event: object) -> None:
        self._hover(-1)

    def _share_width(self) -> None:
        dropped = _dropped(self.width())
        for column in _DROPPED:
            if self.isColumnHidden(column) != (column in dropped):
                self.setColumnHidden(column, column in dropped)
        kept = {column: width for column, width in _WIDTHS.items() if column not in dropped}
        rest = self.width() - sum(kept.values()) + kept[_GIVES_WAY]
        bead = rest if _REST in dropped else min(_WIDTHS[_GIVES_WAY], max(_LEAST, rest - _LEAST))
        lane = self.width() - self.viewport().width()
        wanted = {**kept, _GIVES_WAY: bead, _REST: rest - bead, _COST: _WIDTHS[_COST] - lane}
        for column, width in wanted.items():
            if column not in dropped and self.columnWidth(column) != width:
                self.setColumnWidth(column, max(0, width))

    def _open(self, index: QModelIndex) -> None:
        card = self._shown.card(index)
        if card is not None:
            self.opened.emit(card.bead)

    def _enter_row(self, index: QModelIndex) -> None:
        self._hover(index.row())

    def _hover(self, row: int) -> None:
        for one in {self.hovered, row} - {-1}:
            top = self.rowViewportPosition(one)
            self.viewport().update(0, top, self.viewport().width(), ROW)
        self.hovered = row


class _Head(QHeaderView):
    """Titles of the columns, over a line."""

    def __init__(self, table: CardTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._table = table
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(0)
        self.setFixedHeight(HEADER)
        self.setHighlightSections(False)
        self.setFont(font("caption"))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), theme.color("surface.content"))
        painter.setPen(theme.color("text.secondary"))
        for column in range(self.count()):
            title = str(self.model().headerData(column, Qt.Orientation.Horizontal) or "")
            whole = self._table.width()
            at, size = self.sectionViewportPosition(column), self.sectionSize(column)
            left, right = _inside(column, at, size, whole)
            x = right - width_of(title, _CAPTION) if column >= 5 else left
            write(painter, x, 13, title, _CAPTION)
        painter.fillRect(0, HEADER - 1, self.viewport().width(), 1, theme.color("border.default"))


class _Cells(QStyledItemDelegate):
    """Paints the cells."""

    def __init__(self, table: CardTable, now: Callable[[], datetime]) -> None:
        super().__init__(table)
        self._table, self._now = table, now
        self._painters = (
            self._state,
            self._worker,
            self._bead,
            self._action,
            self._steps,
            self._lines,
            self._time,
            self._cost,
        )

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        card = self._table._shown.card(index)
        if card is None:
            return
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue] - a plain field in Qt
        state = option.state  # pyright: ignore[reportAttributeAccessIssue]
        ground = "surface.content"
        if state & QStyle.StateFlag.State_Selected:
            ground = "surface.selection"
        elif index.row() == self._table.hovered:
            ground = "surface.hover"
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(rect.adjusted(0, 0, 0, -1), theme.color(ground))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("border.subtle"))
        left, right = _inside(index.column(), rect.left(), rect.width(), self._table.width())
        middle = rect.top() + (ROW - 1) / 2
        self._painters[index.column()](painter, card, left, right, middle)
        painter.restore()

    def _state(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        color = state_color(card.state)
        draw_glyph(painter, glyph_of(card.state), color, QRectF(left, round(middle - 6), 12, 12))
        painter.setPen(color)
        write(painter, left + 17, middle, cut(card.word, _WORD, right - left - 17 + _EDGE), _WORD)

    def _worker(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        painter.setPen(theme.color("text.primary" if card.worker else "text.tertiary"))
        hand = _STRONG if card.worker else _SMALL
        write(painter, left, middle, cut(card.worker or "none yet", hand, right - left + _EDGE), hand)

    def _bead(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        painter.setPen(theme.color("text.primary"))
        write(painter, left, middle, cut(card.title, _SMALL, right - left), _SMALL)

    def _action(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        painter.setPen(theme.color("text.secondary"))
        words, width = action_of(card, self._now()), right - left
        if width_of(words, _SMALL) > width:
            words = _PATH.sub(r"…/\1", words)
        write(painter, left, middle, cut(words, _SMALL, width), _SMALL)

    def _steps(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        if not card.steps or right - left < 44:
            return
        draw_steps(painter, QRectF(left, round(middle - 2), 44, 4), card.steps_done, card.steps)
        painter.setPen(theme.color("text.tertiary"))
        write(painter, left + 50, middle, f"{card.steps_done}/{card.steps}", _CAPTION)

    def _lines(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        if card.started_at is None or not card.steps:
            return
        added, removed = f"+{card.added}", f"−{card.removed}"
        left = right - width_of(removed, _CAPTION)
        painter.setPen(theme.color("diff.del_text"))
        write(painter, left, middle, removed, _CAPTION)
        painter.setPen(theme.color("diff.add_text"))
        write(painter, left - 4 - width_of(added, _CAPTION), middle, added, _CAPTION)

    def _time(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        words = worked_for(card, self._now())
        minutes, found, _ = words.partition(" m ")
        words = f"{minutes} m" if found and "h" not in minutes else words
        painter.setPen(theme.color("text.secondary"))
        write(painter, right - width_of(words, _SMALL), middle, words, _SMALL)

    def _cost(self, painter: QPainter, card: Card, left: float, right: float, middle: float) -> None:
        if card.started_at is None and not card.cost and not card.held:
            if card.likely is not None:
                words = f"about {show_cents(card.likely)}"
                painter.setPen(theme.color("text.tertiary"))
                write(painter, right - width_of(words, _SMALL), middle, words, _SMALL)
            return
        if card.held:
            painter.setPen(theme.color("text.secondary"))
            held = show_held(card.held)
            write(painter, right - width_of(held, _SMALL), middle, held, _SMALL)
        cost = show_cents(card.cost)
        painter.setPen(theme.color("text.primary"))
        write(painter, right - _HELD_WIDTH - width_of(cost, _STRONG), middle, cost, _STRONG)


_HELD_WIDTH = 38
"""Pixels that the held sums have, so that they and the settled ones each stand in a column."""


def _inside(column: int, left: int, width: int, whole: int) -> tuple[float, float]:
    """Where a cell's content may be, from and to; the last column ends where the whole table says."""
    first = _LEFT_EDGE if column == 0 else _EDGE
    return left + first, whole - _RIGHT_EDGE if column == _COST else left + width - _EDGE


def _dropped(width: int) -> frozenset[int]:
    """Which columns have no room in a table of this width."""
    gone: set[int] = set()
    for column in (None, *_DROPPED):
        if column is not None:
            gone.add(column)
        fixed = sum(one for at, one in _WIDTHS.items() if at not in gone and at != _GIVES_WAY)
        if width - fixed >= _LEAST + (0 if _REST in gone else _LEAST):
            break
    return frozenset(gone)
