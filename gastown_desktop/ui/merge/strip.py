"""The prefix strip: candidates in landing order, and rounds of the gates drawn over those that they test."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.ui.merge.strip_rows import Box, Cell, Row, Strip
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_row
from gastown_desktop.ui.widgets.rows_table import draw_cut

_LEFT, _LABEL, _CELL, _GAP, _RIGHT = 20, 96, 132, 4, 16
_CELLS_TOP, _CELL_HIGH, _ROWS_TOP = 44, 52, 110
_ROW, _PITCH = 30, 36
_LANDS = {
    "green": "state.landed",
    "red": "state.failed",
    "running": "state.merging",
    "known_red": "state.failed",
}
_HINT = (
    "A red counts only after a second run confirms it. "
    "Nobody is sent back before the search has found the branch."
)


class PrefixStrip(QWidget):
    """Shows a `Strip`; a row is selected by click or by the arrow keys."""

    round_chosen = Signal(str)
    """The user selected a round, by its key; empty for the one that runs."""
    columns_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Starts empty."""
        super().__init__(parent)
        self._strip = Strip()
        self._selected = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", True)
        self.setProperty("radius", 2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Prefix search")

    @property
    def columns(self) -> int:
        """How many candidates have room."""
        return max(1, (self.width() - _LEFT - _LABEL - _RIGHT + _GAP) // (_CELL + _GAP))

    @property
    def strip(self) -> Strip:
        """What is shown."""
        return self._strip

    def show_strip(self, strip: Strip, selected: str) -> None:
        """Shows another strip with the round of this key selected."""
        if (strip, selected) == (self._strip, self._selected):
            return
        is_taller = len(strip.rows) != len(self._strip.rows)
        self._strip, self._selected = strip, selected
        self.setAccessibleDescription("; ".join(_spoken(row) for row in strip.rows))
        if is_taller:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        rows = len(self._strip.rows)
        return QSize(600, _ROWS_TOP + rows * _PITCH + (42 if rows else 6))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.columns_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        rows = self._strip.rows
        if step is None or not rows:
            super().keyPressEvent(event)
            return
        keys = [row.key for row in rows]
        here = keys.index(self._selected) if self._selected in keys else len(keys)
        self.round_chosen.emit(keys[max(0, min(len(keys) - 1, here + step))])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = int((event.position().y() - _ROWS_TOP) // _PITCH)
        if 0 <= place < len(self._strip.rows):
            self.round_chosen.emit(self._strip.rows[place].key)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_head(painter)
        for place, cell in enumerate(self._strip.cells):
            _paint_cell(painter, self._cell_rect(place), cell)
        for place, row in enumerate(self._strip.rows):
            self._paint_row(painter, place, row)
        if self._strip.rows:
            top = _ROWS_TOP + len(self._strip.rows) * _PITCH + 4
            hint = Piece(text=_HINT, role="caption", color="text.tertiary")
            rect = QRectF(_LEFT + _LABEL, top, self.width() - _LEFT - _LABEL - _RIGHT, 18)
            draw_cut(painter, [hint], rect)

    def _paint_head(self, painter: QPainter) -> None:
        words = "Gates the longest run of branches likely to be green, lands it, then searches the red part"
        pieces = [
            Piece(text="Prefix search", role="strong"),
            Piece(text=words, color="text.tertiary", gap=8),
        ]
        draw_cut(painter, pieces, QRectF(_LEFT, 14, self.width() - _LEFT - 150, 22))
        if self._strip.hidden:
            more = Piece(text=f"{self._strip.hidden} more wait", color="text.secondary")
            draw_cut(painter, [more], QRectF(_LEFT, 14, self.width() - _LEFT - 20, 22), right=True)
        for line, text in enumerate(("Candidates,", "first lands first")):
            rect = QRectF(_LEFT, _CELLS_TOP + 4 + 15 * line, _LABEL, 15)
            draw_row(painter, [Piece(text=text, role="caption", color="text.tertiary")], rect)

    def _paint_row(self, painter: QPainter, place: int, row: Row) -> None:
        top = _ROWS_TOP + place * _PITCH
        weight = 600 if row.key == self._selected else 500
        title = Piece(text=row.title, role="caption", weight=weight)
        draw_row(painter, [title], QRectF(_LEFT, top + 1, _LABEL, 15))
        clock = Piece(text=row.clock, role="caption", color="text.tertiary")
        draw_row(painter, [clock], QRectF(_LEFT, top + 16, _LABEL, 15))
        for box in row.boxes:
            first, last = self._cell_rect(box.first), self._cell_rect(box.last)
            rect = QRectF(first.left(), top, last.right() - first.left(), _ROW)
            _paint_box(painter, rect, box, selected=bool(row.key) and row.key == self._selected)

    def _cell_rect(self, place: int) -> QRectF:
        return QRectF(_LEFT + _LABEL + place * (_CELL + _GAP), _CELLS_TOP, _CELL, _CELL_HIGH)


def _paint_cell(painter: QPainter, rect: QRectF, cell: Cell) -> None:
    waits = cell.number is not None
    painter.setPen(QPen(theme.color("border.strong" if waits else "border.default"), 1))
    painter.setBrush(theme.color("surface.raised" if waits else "surface.content"))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 5.5, 5.5)
    color = state_color(cell.state)
    if cell.number is None:
        place = QRectF(rect.left() + 11, rect.top() + 10, 14, 14)
        draw_glyph(painter, glyph_of(cell.state), color, place)
    else:
        disc = QRectF(rect.left() + 11, rect.top() + 9, 16, 16)
        draw_number(
            painter, disc, cell.number, "state.merging" if cell.state == "merging" else "text.tertiary"
        )
    name = Piece(text=cell.worker, role="body", weight=500)
    draw_cut(painter, [name], QRectF(rect.left() + 34, rect.top() + 8, rect.width() - 42, 18))
    below = QRectF(rect.left() + 12, rect.top() + 29, rect.width() - 22, 16)
    draw_row(painter, [Piece(text=cell.bead, role="id", color="text.tertiary")], below)
    tone = "text.tertiary" if cell.word == "Waits" else f"state.{cell.state}"
    draw_cut(painter, [Piece(text=cell.word, role="caption", color=tone)], below, right=True)


def draw_number(painter: QPainter, rect: QRectF, number: int, color: str, ground: str = "") -> None:
    """Draws a place in the queue: its number in a ring of its colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color(color), 1.5))
    painter.setBrush(theme.color(ground) if ground else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(rect.adjusted(0.75, 0.75, -0.75, -0.75))
    digits = font("caption", 600)
    digits.setPixelSize(10)
    painter.setFont(digits)
    painter.setPen(theme.color("text.primary"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.restore()


def _paint_box(painter: QPainter, rect: QRectF, box: Box, *, selected: bool) -> None:
    color = theme.color(_LANDS[box.kind])
    frame = rect.adjusted(0.5, 0.5, -0.5, -0.5)
    pen = QPen(color, 1)
    if box.kind == "known_red":
        pen.setDashPattern([3, 3])
    painter.setBrush(theme.color("surface.content"))
    if box.kind == "running":
        _fill_running(painter, rect, box.share)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawRoundedRect(frame, 4, 4)
    if selected and box.kind != "known_red":
        painter.setPen(QPen(theme.color("text.primary"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 4, 4)
    glyph = {"green": "landed", "red": "failed", "running": "merging"}.get(box.kind)
    tone = "state.failed" if box.kind == "known_red" else "text.primary"
    weight = 400 if box.kind == "known_red" else 500
    text = Piece(text=box.text, color=tone, weight=weight, gap=7)
    pieces = [Piece(glyph=glyph, color=_LANDS[box.kind], size=12), text] if glyph else [text]
    inner = rect.adjusted(11, 0, -11, 0)
    right = [Piece(text=box.right, role="caption", color="text.secondary")] if box.right else []
    room = right[0].width + 10 if right else 0
    if inner.width() - room > 60:
        draw_cut(painter, right, inner, right=True)
        inner = inner.adjusted(0, 0, -room, 0)
    draw_cut(painter, pieces, inner)


def _fill_running(painter: QPainter, rect: QRectF, share: float) -> None:
    """The tint of what runs now, stronger from the left as far as it is."""
    shape = QPainterPath()
    shape.addRoundedRect(rect, 4, 4)
    painter.save()
    painter.setClipPath(shape)
    painter.fillRect(rect, theme.color("tint.merging"))
    done = theme.color("state.merging")
    done.setAlphaF(0.28)
    painter.fillRect(QRectF(rect.left(), rect.top(), rect.width() * share, rect.height()), done)
    painter.restore()


def _spoken(row: Row) -> str:
    return f"{row.title} at {row.clock}: " + ", ".join(box.text for box in row.boxes)
