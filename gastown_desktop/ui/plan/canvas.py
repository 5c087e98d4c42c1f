"""The plan as a graph: nodes in waves, edges through the gaps between them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsScene,
    QGraphicsSceneMouseEvent,
    QGraphicsView,
    QStyleOptionGraphicsItem,
    QWidget,
)

from gastown_desktop.bridge.models.plan import PlanRow
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.waves import NODE_H, NODE_W, Edge, Layout, Node, Wave
from gastown_desktop.core.wording import show_model
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import plain_tooltip
from gastown_desktop.ui.widgets.pieces import Piece, baseline, draw_piece
from gastown_desktop.ui.widgets.rows_table import draw_cut

_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_DOTS = 20


class NodeItem(QGraphicsItem):
    """One bead."""

    def __init__(self, canvas: PlanCanvas, node: Node, row: PlanRow) -> None:
        """Stands where the layout says."""
        super().__init__()
        self.node = node
        self.row = row
        self._canvas = canvas
        self.chosen = False
        self.setPos(node.x, node.y)
        self.setZValue(1)
        self.show_row(row)

    def show_row(self, row: PlanRow) -> None:
        """Shows a bead as it is now."""
        if row != self.row or not self.toolTip():
            self.row = row
            self.setToolTip(plain_tooltip(f"{row.bead} {row.title}"))
            self.update()

    def choose(self, chosen: bool) -> None:
        """Has the ink edge or not."""
        self.chosen = chosen
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-2, -2, NODE_W + 4, NODE_H + 4)

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        self._canvas.selected.emit(self.row.bead)

    def mouseDoubleClickEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        self._canvas.activated.emit(self.row.bead)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = 2 if self.chosen else 1
        edge = theme.color("text.primary" if self.chosen else "border.strong")
        painter.setPen(QPen(edge, width))
        painter.setBrush(theme.color("surface.raised"))
        inset = width / 2
        painter.drawRoundedRect(QRectF(inset, inset, NODE_W - width, NODE_H - width), 6 - inset, 6 - inset)
        self._paint_top(painter)
        self._paint_title(painter)
        self._paint_bottom(painter)

    def _paint_top(self, painter: QPainter) -> None:
        row = self.row
        line = QRectF(9, 6, NODE_W - 18, 16)
        size = Piece(text=row.size, role="caption", weight=500)
        draw_piece(painter, size, line.right() - size.width, line)
        left = line.right() - size.width - 18
        if row.state != "queued":
            place = QRectF(left, 8, 12, 12)
            draw_glyph(painter, glyph_of(row.state), state_color(row.state), place)
            left -= 16
        if row.overlaps:
            draw_glyph(painter, "conflict", theme.color("state.conflict"), QRectF(left, 8, 12, 12))
            left -= 16
        ident = Piece(text=row.bead, role="id", color="text.secondary")
        draw_cut(painter, [ident], QRectF(9, 6, left + 4, 16))

    def _paint_title(self, painter: QPainter) -> None:
        written = font("small", 500)
        painter.setFont(written)
        painter.setPen(theme.color("text.primary"))
        for place, text in enumerate(two_lines(self.row.title, QFontMetricsF(written), NODE_W - 18)):
            line = QRectF(9, 23 + 15 * place, NODE_W - 18, 16)
            painter.drawText(QPointF(9, baseline(written, line)), text)

    def _paint_bottom(self, painter: QPainter) -> None:
        row = self.row
        line = QRectF(9, 56, NODE_W - 18, 16)
        cost = Piece(text=row.shown_cost, role="caption", weight=500)
        draw_piece(painter, cost, line.right() - cost.width, line)
        pieces = [Piece(text=show_model(row.model), role="caption", color="text.secondary")] * bool(row.model)
        if row.files:
            pieces.append(Piece(glyph="ui_file", color="text.tertiary", size=12, gap=8))
            pieces.append(Piece(text=str(row.files), role="caption", color="text.secondary", gap=4))
        draw_cut(painter, pieces, line.adjusted(0, 0, -cost.width - 6, 0))


class PlanCanvas(QGraphicsView):
    """Shows a layout; one bead is selected, by click or by the arrow keys."""

    selected = Signal(str)
    activated = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Starts empty."""
        super().__init__(parent)
        self._layout = Layout(nodes=(), waves=(), edges=(), critical=())
        self._items: dict[BeadId, NodeItem] = {}
        self.current: BeadId | None = None
        self.setScene(QGraphicsScene(self))
        self.setAccessibleName("Plan of the convoy")
        self.viewport().setAccessibleName("Plan of the convoy")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", True)
        self.setProperty("radius", 2)
        self.setAcceptDrops(False)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)

    @property
    def items_by_bead(self) -> Mapping[BeadId, NodeItem]:
        """The node of each bead."""
        return self._items

    def show_layout(self, layout: Layout, rows: Mapping[BeadId, PlanRow]) -> None:
        """Shows another plan, or the same one with what its beads do now."""
        if layout != self._layout:
            self._layout = layout
            self.scene().clear()
            self._items = {node.bead: NodeItem(self, node, rows[node.bead]) for node in layout.nodes}
            for item in self._items.values():
                self.scene().addItem(item)
            width, height = layout.size
            self.setSceneRect(0, 0, width, height)
            self._mark(chosen=True)
        for bead, item in self._items.items():
            item.show_row(rows[bead])

    def select(self, bead: BeadId | None) -> None:
        """Selects a bead and brings it into view."""
        self._mark(chosen=False)
        self.current = bead
        item = self._items.get(bead) if bead is not None else None
        self.setAccessibleDescription(item.row.spoken if item is not None else "")
        if item is not None:
            item.choose(True)
            self.ensureVisible(item, 20, 20)
        self.viewport().update()

    def fit(self) -> None:
        """Shows all of the plan, never larger than it is."""
        self.resetTransform()
        whole, seen = self.sceneRect(), self.viewport().rect()
        if whole.width() > seen.width() or whole.height() > seen.height():
            self.fitInView(whole, Qt.AspectRatioMode.KeepAspectRatio)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None:
            found = self._next(*step)
            if found is not None:
                self.selected.emit(found)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.current is not None:
            self.activated.emit(self.current)
        else:
            super().keyPressEvent(event)

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        painter.fillRect(rect, theme.color("surface.content"))
        painter.setPen(QPen(theme.color("border.subtle"), 1.5))
        left, top = int(rect.left()) // _DOTS * _DOTS, int(rect.top()) // _DOTS * _DOTS
        points = [
            QPointF(x + 10, y + 10)
            for x in range(left, int(rect.right()) + 1, _DOTS)
            for y in range(top, int(rect.bottom()) + 1, _DOTS)
        ]
        painter.drawPoints(QPolygonF(points))
        for wave in self._layout.waves:
            _paint_wave(painter, wave)
        for edge in sorted(self._layout.edges, key=lambda one: one.critical):
            _paint_edge(painter, edge)

    def _mark(self, *, chosen: bool) -> None:
        item = self._items.get(self.current) if self.current is not None else None
        if item is not None:
            item.choose(chosen)

    def _next(self, across: int, down: int) -> BeadId | None:
        here = self._items.get(self.current) if self.current is not None else None
        if here is None:
            return next(iter(self._items), None)
        best: tuple[float, BeadId] | None = None
        for bead, item in self._items.items():
            way = item.pos() - here.pos()
            ahead = way.x() * across + way.y() * down
            aside = abs(way.x() * down) + abs(way.y() * across)
            if ahead > 1 and (best is None or ahead + 2 * aside < best[0]):
                best = (ahead + 2 * aside, bead)
        return best[1] if best is not None else None


def two_lines(text: str, metrics: QFontMetricsF, width: float) -> list[str]:
    """A title over at most two lines, the second cut at its right."""
    words, first = text.split(), ""
    while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= width:
        first = f"{first} {words.pop(0)}".strip()
    if not words:
        return [first]
    if not first:
        return [metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)]
    return [first, metrics.elidedText(" ".join(words), Qt.TextElideMode.ElideRight, width)]


def _paint_wave(painter: QPainter, wave: Wave) -> None:
    painter.fillRect(QRectF(20, wave.top, 1, wave.bottom - wave.top), theme.color("border.strong"))
    number = Piece(text=str(wave.number), role="caption", color="text.secondary")
    draw_piece(painter, number, 7, QRectF(0, wave.top, 18, 16))


def _paint_edge(painter: QPainter, edge: Edge) -> None:
    color = theme.color("text.primary" if edge.critical else "border.strong")
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2 if edge.critical else 1.25))
    painter.drawPath(_curve(edge))
    x, y = edge.points[-1]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([QPointF(x - 4, y - 6), QPointF(x + 4, y - 6), QPointF(x, y)]))


def _curve(edge: Edge) -> QPainterPath:
    points = [QPointF(x, y) for x, y in edge.points]
    points[-1] = points[-1] - QPointF(0, 4)
    path = QPainterPath(points[0])
    for start, end in itertools.pairwise(points):
        if start.x() == end.x():
            path.lineTo(end)
            continue
        middle = (start.y() + end.y()) / 2
        path.cubicTo(QPointF(start.x(), middle + 4), QPointF(end.x(), middle - 4), end)
    return path
