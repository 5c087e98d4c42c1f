"""The cards: one painted list in groups, which repaints the lines that changed and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QToolTip, QWidget

from gastown_desktop.bridge.models.fleet import ShownCards
from gastown_desktop.core.card import Card, Group
from gastown_desktop.core.ids import BeadId
from gastown_desktop.ui.fleet.ages import action_of
from gastown_desktop.ui.fleet.card_grid import HEADER, LEFT, CardGrid, Header, columns_in
from gastown_desktop.ui.fleet.card_painter import (
    HEIGHT,
    WIDTH,
    CardPainter,
    button_rects,
    changed_lines,
    ticking_lines,
)
from gastown_desktop.ui.fleet.pointing import Pointing
from gastown_desktop.ui.fleet.written import Hand, write
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.labels import plain_tooltip

_Index = QModelIndex | QPersistentModelIndex
_STEP = 40
"""Pixels that one step of the wheel or of the scroll bar goes."""
_RING = 3
_AROUND = 10
"""Pixels below a card that are scrolled into sight with it."""
_FLAT = QRect(0, 0, WIDTH, HEIGHT)


class CardList(QListView):
    """Groups of cards over several columns; keyboard, selection and accessibility are the list's own."""

    pressed_button = Signal(str, str)
    """(button, bead): one of `card_painter.BUTTONS`."""
    opened = Signal(str)
    """Enter or a double click on the bead."""
    menu_wanted = Signal(object)
    """The place on the screen where the menu of the selected cards is to stand."""
    pointed_at = Signal(bool)
    """The user begins to point at the cards, or the pointer left them."""

    def __init__(self, shown: ShownCards, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        """Shows the cards of a model.

        Args:
            shown: which cards.
            now: the time, for ages.
            parent: owns it.
        """
        super().__init__(parent)
        self._shown, self._now = shown, now
        self._paint = CardPainter()
        self._grid = CardGrid()
        self._cards: list[Card] = []
        """By row, as they were last asked to be painted."""
        self._groups: list[Group] = []
        """By row, as they were last laid out."""
        self._block_of: dict[BeadId, Group] = {}
        """Below which group's head a card stands: its own, unless order is held."""
        self._hover = QPoint(-1, -1)
        self._over: tuple[int | None, str] = (None, "")
        self.setAccessibleName("Cards of the fleet")
        self.setModel(shown)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        Pointing(self.viewport()).changed.connect(self.pointed_at)
        for signal in (shown.rowsInserted, shown.rowsRemoved, shown.rowsMoved, shown.modelReset):
            signal.connect(self.lay_out)
        shown.layoutChanged.connect(self.lay_out)
        theme.changed.connect(self._read_theme)

    # --- what the page calls ---

    def lay_out(self) -> None:
        """Places all cards anew; while order is held, each stays where it stands, below a truthful head."""
        cards = self._shown.shown()
        before = self._block_of if self._shown.cards.is_held else {}
        self._block_of = {card.bead: before.get(card.bead, card.group) for card in cards}
        self._cards = cards
        self._groups = [card.group for card in cards]
        self._grid = CardGrid.of(self._groups, columns_in(self.width()), list(self._block_of.values()))
        self.updateGeometries()
        self.viewport().update()

    @property
    def headers(self) -> Sequence[Header]:
        """The heads of the blocks of cards, from the top."""
        return self._grid.headers

    def tick(self) -> None:
        """Repaints the times of the cards that can be seen."""
        for row in self._rows_in_sight():
            card = self._card(row)
            if card is not None:
                self._update_lines(row, ticking_lines(card))

    def top_bead(self) -> BeadId | None:
        """The first card that is wholly in sight."""
        top = self.verticalScrollBar().value()
        rows = (row for row, card in enumerate(self._grid.cards) if card.top() >= top)
        card = self._card(next(rows, -1))
        return card.bead if card else None

    def bring_to_top(self, bead: BeadId) -> None:
        """Scrolls so far that a card's line is the first one."""
        index = self._shown.index_of(bead)
        if index.isValid() and index.row() < len(self._grid.cards):
            top = self._grid.cards[index.row()].top()
            is_first = any(header.top + HEADER == top for header in self._grid.headers)
            self.verticalScrollBar().setValue(top - (HEADER if is_first else 0))

    # --- what Qt calls: places ---

    def visualRect(self, index: _Index) -> QRect:
        if not index.isValid() or index.row() >= len(self._grid.cards):
            return QRect()
        return self._grid.cards[index.row()].translated(0, -self.verticalOffset())

    def indexAt(self, p: QPoint) -> QModelIndex:
        row = self._grid.row_at(p + QPoint(0, self.verticalOffset()))
        return QModelIndex() if row is None else self._shown.index(row, 0)

    def scrollTo(
        self, index: _Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid() or index.row() >= len(self._grid.cards):
            return
        card, bar, height = self._grid.cards[index.row()], self.verticalScrollBar(), self.viewport().height()
        if card.top() - HEADER < bar.value():
            bar.setValue(card.top() - HEADER)
        elif card.bottom() + _AROUND > bar.value() + height:
            bar.setValue(card.bottom() + _AROUND - height)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: _Index) -> bool:
        return False

    def doItemsLayout(self) -> None:
        self.lay_out()

    def updateGeometries(self) -> None:
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setPageStep(height)
        bar.setSingleStep(_STEP)
        bar.setRange(0, max(0, self._grid.height - height))

    def resizeEvent(self, event: QResizeEvent) -> None:
        if columns_in(self.width()) != self._grid.columns:
            self.lay_out()
        self.updateGeometries()

    def sizeHint(self) -> QSize:
        return QSize(840, 600)

    def moveCursor(
        self,
        cursorAction: QAbstractItemView.CursorAction,  # noqa: N803 - as Qt has it
        modifiers: Qt.KeyboardModifier,
    ) -> QModelIndex:
        if not self._grid.cards:
            return QModelIndex()
        here = self.currentIndex().row()
        if here < 0:
            return self._shown.index(0, 0)
        return self._shown.index(self._moved(here, cursorAction), 0)

    def _moved(self, here: int, action: QAbstractItemView.CursorAction) -> int:
        moves = QAbstractItemView.CursorAction
        page = self._grid.lines_in(self.viewport().height())
        steps = {
            moves.MoveUp: (0, -1),
            moves.MoveDown: (0, 1),
            moves.MovePageUp: (0, -page),
            moves.MovePageDown: (0, page),
            moves.MoveLeft: (-1, 0),
            moves.MovePrevious: (-1, 0),
            moves.MoveRight: (1, 0),
            moves.MoveNext: (1, 0),
        }
        if action == moves.MoveHome:
            return 0
        if action == moves.MoveEnd:
            return len(self._grid.cards) - 1
        return self._grid.moved(here, *steps[action])

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        content = rect.normalized().translated(0, self.verticalOffset())
        picked = QItemSelection()
        for row, card in enumerate(self._grid.cards):
            if card.intersects(content):
                picked.select(self._shown.index(row, 0), self._shown.index(row, 0))
        self.selectionModel().select(picked, command | QItemSelectionModel.SelectionFlag.Rows)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        for index in selection.indexes():
            region += self.visualRect(index).adjusted(-_RING, -_RING, _RING, _RING)
        return region

    # --- what Qt calls: changes ---

    def dataChanged(
        self,
        topLeft: _Index,  # noqa: N803 - as Qt has it
        bottomRight: _Index,  # noqa: N803
        roles: Sequence[int] = (),
    ) -> None:
        for row in range(topLeft.row(), bottomRight.row() + 1):
            card = self._shown.card(self._shown.index(row, 0))
            if card is None or row >= len(self._cards):
                continue
            before, self._cards[row] = self._cards[row], card
            if before.bead == card.bead and before is not card:
                self._update_lines(row, changed_lines(before, card))
        if self._is_regrouped(topLeft.row(), bottomRight.row()):
            self.lay_out()

    def currentChanged(self, current: _Index, previous: _Index) -> None:
        super().currentChanged(current, previous)
        for index in (current, previous):
            self._update_around(index.row())

    def focusInEvent(self, event: QEvent) -> None:
        super().focusInEvent(event)  # pyright: ignore[reportArgumentType] - a focus event
        self._update_around(self.currentIndex().row())

    def focusOutEvent(self, event: QEvent) -> None:
        super().focusOutEvent(event)  # pyright: ignore[reportArgumentType] - a focus event
        self._update_around(self.currentIndex().row())

    # --- what Qt calls: keys and pointer ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        card = self._card(self.currentIndex().row())
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and card is not None:
            self.opened.emit(card.bead)
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Type-ahead looks for workers first, then for ids and titles."""
        cards = self._shown.shown()
        begin = self.currentIndex().row() + (1 if len(search) == 1 else 0)
        order = [*range(max(0, begin), len(cards)), *range(max(0, min(begin, len(cards))))]
        wanted = search.lower()
        for words in (lambda card: card.worker or "", lambda card: card.bead, lambda card: card.title):
            row = next((row for row in order if words(cards[row]).lower().startswith(wanted)), None)
            if row is not None:
                self.setCurrentIndex(self._shown.index(row, 0))
                return

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row, button = self._place_at(event.position().toPoint())
        card = self._card(-1 if row is None else row)
        if card is not None and button and event.button() == Qt.MouseButton.LeftButton:
            if not self.selectionModel().isSelected(self._shown.index(row or 0, 0)):
                self.setCurrentIndex(self._shown.index(row or 0, 0))
            self.pressed_button.emit(button, card.bead)
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row, button = self._place_at(event.position().toPoint())
        card = self._card(-1 if row is None else row)
        if card is not None and not button:
            self.opened.emit(card.bead)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position().toPoint())
        if event.buttons() == Qt.MouseButton.NoButton:
            return
        super().mouseMoveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            rect = self.visualRect(self.currentIndex())
            self.menu_wanted.emit(self.viewport().mapToGlobal(rect.center()))
        elif self.indexAt(event.pos()).isValid():
            self.menu_wanted.emit(event.globalPos())

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point(QPoint(-1, -1))
        elif event.type() == QEvent.Type.ToolTip:
            return self._show_tooltip(event)
        return super().viewportEvent(event)

    def _show_tooltip(self, event: QEvent) -> bool:
        at = self.viewport().mapFromGlobal(event.globalPos())  # pyright: ignore[reportAttributeAccessIssue]
        row, button = self._place_at(at)
        card = self._card(-1 if row is None else row)
        if card is None:
            QToolTip.hideText()
            return True
        QToolTip.showText(
            self.viewport().mapToGlobal(at),
            plain_tooltip(_tooltip(card, button, self._now())),
            self.viewport(),
        )
        return True

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        offset = self.verticalOffset()
        painter.translate(0, -offset)
        region = event.region().translated(0, offset)
        bounds = region.boundingRect()
        ground = theme.color("surface.content")
        painter.fillRect(bounds, ground)
        for header in self._grid.headers:
            if header.top < bounds.bottom() and header.top + HEADER > bounds.top():
                self._paint_header(painter, header)
        self._paint_cards(painter, region, bounds)

    def _paint_cards(self, painter: QPainter, region: QRegion, bounds: QRect) -> None:
        now = self._now()
        current = self.currentIndex().row() if self.hasFocus() else -1
        chosen = {index.row() for index in self.selectionModel().selectedRows()}
        for row in self._grid.within(bounds.top() - _RING, bounds.bottom() + _RING):
            card, place = self._card(row), self._grid.cards[row]
            if card is None:
                continue
            dirty = region.intersected(place.adjusted(-_RING, -_RING, _RING, _RING)).boundingRect()
            if dirty.isEmpty():
                continue
            self._paint.paint(
                painter,
                place,
                card,
                now,
                dirty=dirty,
                selected=row in chosen,
                hovered=self._over[1] if self._over[0] == row else None,
                focused=len(chosen) > 1 and row == current,
            )

    def _paint_header(self, painter: QPainter, header: Header) -> None:
        middle = header.top + HEADER / 2
        end = LEFT
        for title, count in header.parts:
            painter.setPen(theme.color("text.primary"))
            end = write(painter, end, middle, title, _GROUP)
            painter.setPen(theme.color("text.tertiary"))
            end = write(painter, end + 7, middle, str(count), _COUNT) + 9
        painter.fillRect(
            QRectF(end, header.top + 13, self.viewport().width() - end, 1), theme.color("border.subtle")
        )

    # --- of its own ---

    def _card(self, row: int) -> Card | None:
        return self._cards[row] if 0 <= row < len(self._cards) else None

    def _rows_in_sight(self) -> list[int]:
        top = self.verticalOffset()
        return self._grid.within(top, top + self.viewport().height())

    def _is_regrouped(self, first: int, last: int) -> bool:
        known = zip(self._cards[first : last + 1], self._groups[first : last + 1], strict=True)
        return any(card.group != group for card, group in known)

    def _update_lines(self, row: int, lines: list[QRect]) -> None:
        if row >= len(self._grid.cards):
            return
        corner = self._grid.cards[row].topLeft() - QPoint(0, self.verticalOffset())
        for line in lines:
            self.viewport().update(line.translated(corner))

    def _update_around(self, row: int) -> None:
        if 0 <= row < len(self._grid.cards):
            self._update_lines(row, [_FLAT.adjusted(-_RING, -_RING, _RING, _RING)])

    def _place_at(self, point: QPoint) -> tuple[int | None, str]:
        """The card under a point of the viewport, and its button there."""
        content = point + QPoint(0, self.verticalOffset())
        row = self._grid.row_at(content) if point.x() >= 0 else None
        if row is None:
            return None, ""
        rects = button_rects(self._grid.cards[row])
        return row, next((name for name, rect in rects.items() if rect.contains(content)), "")

    def _point(self, point: QPoint) -> None:
        over = self._place_at(point)
        if over != self._over:
            for row in {self._over[0], over[0]}:
                self._update_around(-1 if row is None else row)
            self._over = over

    def _read_theme(self) -> None:
        self._paint.read_theme()
        self.viewport().update()


_GROUP, _COUNT = Hand("small", 600), Hand("small")


def _tooltip(card: Card, button: str, now: datetime) -> str:
    if button == "message":
        return f"Message {card.worker}…" if card.worker else "Nobody works on it yet"
    if button == "more":
        return "More actions"
    if button == "pause":
        return "Resume" if card.state in {"paused", "paused_budget"} else "Pause at the end of the turn"
    who = f"Worker · polecat {card.worker}, {card.word}" if card.worker else card.word
    return "\n".join(part for part in (who, f"{card.bead} {card.title}", action_of(card, now)) if part)
