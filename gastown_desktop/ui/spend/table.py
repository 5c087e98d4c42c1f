"""The table of the spend page: rows of 28, painted, figures at the right of their columns."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QWidget,
)

from gastown_desktop.bridge.models.rows import VALUE_ROLE, Column, RowsModel
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import plain_tooltip
from gastown_desktop.ui.widgets.pieces import Piece, baseline, draw_row, row_width

ROW, HEAD, SIDE = 28, 26, 20
"""Height of a row and of the head, and pixels at the table's sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a cell shows, piece by piece; the last text is cut where the column ends."""

    pieces: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """All of it as one text."""
        return " ".join(piece.text for piece in self.pieces if piece.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; its cells stand in the order of the heads."""

    key: Hashable
    cells: tuple[Cell, ...]

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        return ", ".join(cell.text for cell in self.cells if cell.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One column; the first one takes the width that is left."""

    title: str
    width: int = 0
    right: bool = False


class LineTable(QTableView):
    """Rows of what was spent."""

    row_chosen = Signal(object)
    """The key of a row that was double-clicked, or entered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows no row yet."""
        super().__init__(parent)
        self._heads: tuple[Head, ...] = ()
        self.setAccessibleName("What was spent")
        self.setItemDelegate(_CellPainter(self))
        self.setHorizontalHeader(_TableHead(self))
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(ROW)
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(HEAD + 4 * ROW)
        self.activated.connect(self._activated)

    def show_rows(self, heads: Sequence[Head], rows: Sequence[Row]) -> None:
        """Shows rows; of those that were there already, places and selection stay."""
        if tuple(heads) != self._heads:
            self._heads = tuple(heads)
            before = self.model()
            self.setModel(_model(self._heads, self))
            if before is not None:
                before.deleteLater()
            self._set_widths()
        model = self.model()
        assert isinstance(model, RowsModel)
        model.set_values(rows)

    def select_key(self, key: Hashable) -> None:
        """Selects a row and brings it into view."""
        model = self.model()
        if isinstance(model, RowsModel) and (row := model.row_of(key)) is not None:
            self.selectRow(row)
            self.scrollTo(model.index(row, 0))

    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        model = self.model()
        return model.values if isinstance(model, RowsModel) else ()

    def _set_widths(self) -> None:
        header = self.horizontalHeader()
        header.setStretchLastSection(False)
        for number, head in enumerate(self._heads):
            mode = QHeaderView.ResizeMode.Fixed if number else QHeaderView.ResizeMode.Stretch
            header.setSectionResizeMode(number, mode)
            if number:
                header.resizeSection(number, head.width)
        self.updateGeometries()

    def updateGeometries(self) -> None:
        """Lets the figures stand where they are, whether there is a scrollbar or not."""
        super().updateGeometries()
        if self._heads:
            last = len(self._heads) - 1
            self.horizontalHeader().resizeSection(last, self._heads[last].width + self.side)

    @property
    def side(self) -> int:
        """Pixels at the right of the last column; a scrollbar takes its part of them."""
        bar = self.verticalScrollBar()
        return SIDE - (bar.width() if bar.isVisible() else 0)

    def _activated(self, index: QModelIndex) -> None:
        row = index.data(VALUE_ROLE)
        if isinstance(row, Row):
            self.row_chosen.emit(row.key)


def _inside(rect: QRect, column: int, table: LineTable) -> QRectF:
    """A cell's area without the pixels at the table's sides."""
    left = SIDE if column == 0 else 0
    right = table.side if column == table.model().columnCount() - 1 else 0
    return QRectF(rect).adjusted(left, 0, -right, 0)


def _model(heads: Sequence[Head], parent: QWidget) -> RowsModel[Row]:
    columns = [
        Column[Row](head.title, lambda row, at=number: row.cells[at].text, right=head.right)
        for number, head in enumerate(heads)
    ]
    return RowsModel(columns, lambda row: row.key, lambda row: row.spoken, parent)


class _TableHead(QHeaderView):
    """The heads: 26 high, with a line below."""

    def __init__(self, table: LineTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._table = table
        self.setFixedHeight(HEAD)
        self.setSectionsClickable(False)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(40)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:  # noqa: N803
        model = self.model()
        painter.fillRect(rect, theme.color("surface.content"))
        line = QRect(rect.left(), rect.bottom(), rect.width(), 1)
        painter.fillRect(line, theme.color("border.default"))
        title = str(model.headerData(logicalIndex, Qt.Orientation.Horizontal))
        side = model.headerData(logicalIndex, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        written = font("caption", 500)
        painter.setFont(written)
        painter.setPen(theme.color("text.secondary"))
        area = _inside(rect, logicalIndex, self._table)
        left = area.left()
        if Qt.AlignmentFlag.AlignRight in Qt.AlignmentFlag(side):
            left = area.right() - QFontMetricsF(written).horizontalAdvance(title)
        painter.drawText(QPointF(left, baseline(written, area)), title)


class _CellPainter(QStyledItemDelegate):
    """Paints one cell: its ground, its pieces, the line below."""

    def __init__(self, table: LineTable) -> None:
        super().__init__(table)
        self._table = table

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue] - a plain field in Qt
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("surface.selection"))
        line = QRect(rect.left(), rect.bottom(), rect.width(), 1)
        painter.fillRect(line, theme.color("border.subtle"))
        row = index.data(VALUE_ROLE)
        if isinstance(row, Row):
            area = _inside(rect, index.column(), self._table).adjusted(0, 0, 0, -1)
            self._draw(painter, row.cells[index.column()], area, right=_stands_right(index))

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        row = index.data(VALUE_ROLE)
        if event.type() != QEvent.Type.ToolTip or not isinstance(row, Row):
            return False
        QToolTip.showText(event.globalPos(), plain_tooltip(row.cells[index.column()].text), view)
        return True

    def _draw(self, painter: QPainter, cell: Cell, area: QRectF, *, right: bool) -> None:
        pieces = list(cell.pieces)
        if not pieces:
            return
        if right:
            draw_row(painter, pieces, area.adjusted(area.width() - row_width(pieces), 0, 0, 0))
            return
        painter.save()
        painter.setClipRect(area)
        end = draw_row(painter, pieces[:-1], area)
        last = pieces[-1]
        left = end + last.gap if len(pieces) > 1 else end
        room = area.right() - 8 - left
        if last.text and last.width > room:
            cut = QFontMetricsF(last.font).elidedText(last.text, Qt.TextElideMode.ElideRight, max(0, room))
            last = Piece(text=cut, role=last.role, weight=last.weight, color=last.color)
        draw_row(painter, [last], area.adjusted(left - area.left(), 0, 0, 0))
        painter.restore()


def _stands_right(index: QModelIndex | QPersistentModelIndex) -> bool:
    side = index.data(Qt.ItemDataRole.TextAlignmentRole)
    return Qt.AlignmentFlag.AlignRight in Qt.AlignmentFlag(side)
