"""A table of 28 px rows whose cells are painted from pieces: glyphs and texts, the last one cut to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QPainter, QResizeEvent
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

from gastown_desktop.bridge.models.rows import VALUE_ROLE, RowsModel
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import plain_tooltip
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width

Pieces = Callable[[Any, int], Sequence[Piece]]
"""Pieces of a value in a column."""
_V = TypeVar("_V")
_Index = QModelIndex | QPersistentModelIndex
_SIDE = 8
LEAST_STRETCH = 220
"""Pixels of the stretching column below which others go."""


class PieceDelegate(QStyledItemDelegate):
    """Paints the ground, the hairline below and the pieces of a cell."""

    def __init__(self, pieces: Pieces, *, height: int, parent: QWidget) -> None:
        """Makes one for a table.

        Args:
            pieces: what is painted of a value in a column.
            height: of a row.
            parent: the table.
        """
        super().__init__(parent)
        self._pieces = pieces
        self._height = height

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue] - plain fields in Qt
        state = option.state  # pyright: ignore[reportAttributeAccessIssue]
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("surface.selection"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("surface.hover"))
        painter.fillRect(
            QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), theme.color("border.subtle")
        )
        value = index.data(VALUE_ROLE)
        if value is None:
            return
        is_first = index.column() == 0
        inner = rect.adjusted(20 if is_first else _SIDE, 0, -2 if is_first else -_SIDE, -1)
        pieces = self._pieces(value, index.column())
        align = index.data(Qt.ItemDataRole.TextAlignmentRole)
        right = align is not None and bool(align & Qt.AlignmentFlag.AlignRight)
        draw_cut(painter, pieces, inner, right=right)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(40, self._height)

    def helpEvent(
        self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: _Index
    ) -> bool:
        if event.type() != QEvent.Type.ToolTip:
            return super().helpEvent(event, view, option, index)
        text = index.data(Qt.ItemDataRole.AccessibleTextRole) or ""
        QToolTip.showText(event.globalPos(), plain_tooltip(text), view)
        return True


class RowsTable(QTableView):
    """Shows a `RowsModel`; one row is selected at a time, Enter activates it."""

    def __init__(
        self,
        model: RowsModel[_V],
        pieces: Pieces,
        *,
        name: str,
        widths: Sequence[int],
        stretch: int,
        height: int = 28,
        gone_first: Sequence[int] = (),
        parent: QWidget | None = None,
    ) -> None:
        """Makes a table.

        Args:
            model: its rows.
            pieces: what is painted of a value in a column.
            name: what a screen reader calls it.
            widths: of the columns, in pixels; that of the stretching one does not matter.
            stretch: the column that takes the rest.
            height: of a row.
            gone_first: columns that go where the width ends, in this order.
            parent: owns it.
        """
        super().__init__(parent)
        self._stretch = stretch
        self._gone_first = tuple(gone_first)
        self.rows = model
        self.setModel(model)
        self.setItemDelegate(PieceDelegate(pieces, height=height, parent=self))
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setAcceptDrops(False)
        self.setProperty("ring", True)
        self.setProperty("radius", 2)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(height)
        self._widths = tuple(widths)
        header = self.horizontalHeader()
        header.setProperty("role", "rows")
        header.setFixedHeight(26)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(16)
        header.setFont(font("small"))
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate(widths):
            if column != stretch:
                self.setColumnWidth(column, width)

    @property
    def current(self) -> Any:
        """The value of the selected row; None when there is none."""
        rows = self.selectionModel().selectedRows()
        return self.rows.value(rows[0]) if rows else None

    def select_row(self, row: int) -> None:
        """Selects a row and shows it."""
        index = self.rows.index(row, 0)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def natural_height(self) -> int:
        """Pixels that the header and all rows take."""
        header = 0 if self.horizontalHeader().isHidden() else self.horizontalHeader().height()
        return header + self.rows.rowCount() * self.verticalHeader().defaultSectionSize()

    def resizeEvent(self, event: QResizeEvent) -> None:
        room = self.viewport().width() - LEAST_STRETCH
        widths = {
            column: self.horizontalHeader().sectionSize(column) or self._widths[column]
            for column in range(self.rows.columnCount())
            if column != self._stretch
        }
        for column in self._gone_first:
            widths[column] = self._widths[column]
        gone = set[int]()
        for column in self._gone_first:
            if sum(width for one, width in widths.items() if one not in gone) > room:
                gone.add(column)
        for column in self._gone_first:
            self.setColumnHidden(column, column in gone)
        super().resizeEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(400, self.natural_height())


def draw_cut(painter: QPainter, pieces: Sequence[Piece], rect: QRectF, *, right: bool = False) -> None:
    """Paints pieces in a row; where they are too wide, the last text is cut at its right."""
    if not pieces:
        return
    wide = row_width(pieces)
    if wide > rect.width():
        *head, last = pieces
        room = rect.width() - (row_width(head) + last.gap if head else 0)
        text = QFontMetricsF(last.font).elidedText(last.text, Qt.TextElideMode.ElideRight, max(0.0, room))
        pieces = [*head, replace(last, text=text)] if not last.glyph else head
        wide = min(row_width(pieces), rect.width())
    painter.save()
    painter.setClipRect(rect.adjusted(-2, -2, 2, 2), Qt.ClipOperation.IntersectClip)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    place = rect.adjusted(rect.width() - wide, 0, 0, 0) if right else rect
    draw_row(painter, pieces, place)
    painter.restore()
