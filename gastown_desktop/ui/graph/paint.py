"""How the branch graph is painted; `scene` says where."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from gastown_desktop.core.ids import BeadId
from gastown_desktop.ui.graph.scene import (
    BAND_HEAD,
    LANE,
    NAMES_Y,
    PILL_H,
    PILL_W,
    PILL_X,
    TRUNK_X,
    Band,
    Bracket,
    Line,
    Pill,
    Scene,
)
from gastown_desktop.ui.merge.strip import draw_number
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_piece
from gastown_desktop.ui.widgets.rows_table import draw_cut

_ELBOW = 8.0
_LEAST_STEP = 9
"""Pixels between two commits that are both drawn."""
_QUIET = 0.5
"""How strong a lane is drawn whose bead has landed."""


def paint_scene(painter: QPainter, scene: Scene, area: QRectF, selected: BeadId | None) -> None:
    """Paints everything but the names above the lanes, which stay where they are.

    Args:
        painter: in the scene's pixels.
        scene: what is painted.
        area: the part of the scene that is seen.
        selected: whose head or pill has the ink edge.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for band in scene.bands:
        _paint_band(painter, band, area)
    seen = [one for one in scene.lines if one.fork >= area.top() - 40 and one.head <= area.bottom() + 40]
    _paint_trunk(painter, scene, area)
    for line in seen:
        _paint_fork(painter, line)
    _paint_base(painter, scene)
    for line in seen:
        _paint_line(painter, line, selected=line.bead == selected)
    for place, pill in enumerate(scene.pills):
        if area.top() - 30 <= pill.y <= area.bottom() + 30:
            _paint_pill(painter, pill, selected=pill.bead == selected)
        _paint_together(painter, scene, place)
    _paint_queue(painter, scene)


def paint_names(painter: QPainter, scene: Scene, top: float, selected: BeadId | None) -> None:
    """Paints the head of each convoy and the names of its lanes, at the top of what is seen."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for band in scene.bands:
        rect = QRectF(band.x, top, band.width, BAND_HEAD + 26)
        painter.fillRect(rect, theme.color("surface.raised"))
        count = Piece(text=band.count, role="caption", color="text.tertiary", gap=14)
        title = Piece(text=band.title, weight=600)
        room = QRectF(band.x + 12, top, band.width - 24 - count.width - 14, BAND_HEAD)
        draw_cut(painter, [title], room)
        left = min(band.x + 12 + title.width + 14, band.x + band.width - 12 - count.width)
        draw_piece(painter, count, left, QRectF(band.x, top, band.width, BAND_HEAD))
        line = QRectF(band.x, top + BAND_HEAD, band.width, 1)
        painter.fillRect(line, theme.color("border.subtle"))
        _paint_edges(painter, band, rect)
    for one in scene.lines:
        if one.newest:
            weight = 600 if one.bead == selected else 500
            name = Piece(text=one.worker, role="caption", weight=weight)
            width = min(name.width, LANE - 2)
            place = QRectF(one.x - width / 2, top + NAMES_Y - 8, width + 1, 16)
            draw_cut(painter, [name], place)


def _paint_band(painter: QPainter, band: Band, area: QRectF) -> None:
    rect = QRectF(band.x, area.top(), band.width, area.height())
    painter.fillRect(rect, theme.color("surface.raised"))
    _paint_edges(painter, band, rect)


def _paint_edges(painter: QPainter, band: Band, rect: QRectF) -> None:
    edge = theme.color("border.subtle")
    painter.fillRect(QRectF(band.x, rect.top(), 1, rect.height()), edge)
    painter.fillRect(QRectF(band.x + band.width - 1, rect.top(), 1, rect.height()), edge)


def _paint_trunk(painter: QPainter, scene: Scene, area: QRectF) -> None:
    bottom = scene.base[2]
    tip = scene.pills[-1].y if scene.pills else bottom
    ink = theme.color("text.primary")
    painter.fillRect(QRectF(TRUNK_X - 2, tip, 4, max(bottom, area.bottom()) - tip), ink)
    _dotted(painter, QPointF(TRUNK_X, scene.frame.bottom() - 8), QPointF(TRUNK_X, tip - 6), ink)
    _dotted(painter, QPointF(48, scene.now_y), QPointF(282, scene.now_y), theme.color("text.secondary"))
    now = QRectF(0, scene.now_y - 8, 60, 16)
    draw_piece(painter, Piece(text=scene.clock, role="caption", weight=600), 12, now)
    branch, short = scene.tip
    line = QRectF(0, scene.now_y + 14, 280, 16)
    name = Piece(text=branch, role="caption", weight=600)
    draw_piece(painter, name, PILL_X, line)
    mono = Piece(text=short, role="id", color="text.tertiary")
    draw_piece(painter, mono, PILL_X + name.width + 6, line)


def _paint_base(painter: QPainter, scene: Scene) -> None:
    """Where the work began; over the lines that leave the trunk there."""
    commit, clock, bottom = scene.base
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("text.primary"))
    painter.drawEllipse(QPointF(TRUNK_X, bottom), 4, 4)
    row = QRectF(0, bottom - 8, 280, 16)
    draw_piece(painter, Piece(text=clock, role="caption", color="text.tertiary"), 12, row)
    name = Piece(text=f"{commit} base".strip(), role="id", color="text.secondary")
    ground = QRectF(PILL_X - 4, bottom - 8, name.width + 8, 16)
    painter.fillRect(ground, theme.color("surface.content"))
    draw_piece(painter, name, PILL_X, row)


def _paint_fork(painter: QPainter, line: Line) -> None:
    if line.fork - line.head < 2:
        return
    path = QPainterPath(QPointF(TRUNK_X, line.fork))
    path.lineTo(line.x - _ELBOW, line.fork)
    path.quadTo(line.x, line.fork, line.x, line.fork - _ELBOW)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("border.strong"), 1))
    painter.drawPath(path)


def _paint_line(painter: QPainter, line: Line, *, selected: bool) -> None:
    color = state_color(line.state)
    painter.save()
    if line.state == "landed":
        painter.setOpacity(_QUIET)
    if line.newest:
        faint = theme.color("border.default")
        _dotted(painter, QPointF(line.x, BAND_HEAD + 26), QPointF(line.x, line.head - 10), faint)
    painter.setPen(QPen(color, 2))
    painter.drawLine(QPointF(line.x, line.fork - _ELBOW), QPointF(line.x, line.head))
    painter.setBrush(color)
    painter.setPen(QPen(theme.color("surface.raised"), 1))
    below = line.fork
    for y in line.commits:
        if line.head + 12 < y < below - _LEAST_STEP:
            painter.drawEllipse(QPointF(line.x, y), 4, 4)
            below = y
    painter.restore()
    _paint_head(painter, line, color, selected=selected)


def _paint_head(painter: QPainter, line: Line, color: QColor, *, selected: bool) -> None:
    middle = QPointF(line.x, line.head)
    if not line.last:
        painter.setPen(QPen(color, 1.5))
        painter.setBrush(theme.color("surface.raised"))
        painter.drawEllipse(middle, 3.5, 3.5)
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("surface.raised"))
    painter.drawEllipse(middle, 9, 9)
    if line.number is not None:
        ring = "state.merging" if line.state == "merging" else "text.tertiary"
        draw_number(
            painter, QRectF(line.x - 8.5, line.head - 8.5, 17, 17), line.number, ring, "surface.raised"
        )
    else:
        side = 12 if line.state == "landed" else 16
        place = QRectF(round(line.x - side / 2), round(line.head - side / 2), side, side)
        draw_glyph(painter, glyph_of(line.state), color, place)
    if selected:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("text.primary"), 2))
        painter.drawEllipse(middle, 12, 12)


def _paint_pill(painter: QPainter, pill: Pill, *, selected: bool) -> None:
    landed = theme.color("state.landed")
    painter.fillRect(QRectF(TRUNK_X, pill.y - 0.5, PILL_X - TRUNK_X, 1), theme.color("border.strong"))
    painter.setPen(QPen(theme.color("surface.content"), 1))
    painter.setBrush(landed)
    painter.drawEllipse(QPointF(TRUNK_X, pill.y), 5.5, 5.5)
    rect = QRectF(PILL_X, pill.y - PILL_H / 2, PILL_W, PILL_H)
    edge, width = ("text.primary", 2) if selected else ("border.default", 1)
    painter.setPen(QPen(theme.color(edge), width))
    painter.setBrush(theme.color("surface.raised"))
    inset = width / 2
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), 11 - inset, 11 - inset)
    draw_glyph(painter, "landed", landed, QRectF(PILL_X + 7, pill.y - 6, 12, 12))
    name = Piece(text=pill.worker, role="caption", weight=500)
    draw_cut(painter, [name], QRectF(PILL_X + 25, rect.top(), 50, PILL_H))
    ident = Piece(text=pill.bead, role="id", color="text.secondary")
    draw_piece(painter, ident, PILL_X + 76, rect)
    gate = Piece(text=pill.gate, role="caption", color="text.tertiary")
    if PILL_X + 76 + ident.width + 6 < rect.right() - 8 - gate.width:
        draw_piece(painter, gate, rect.right() - 8 - gate.width, rect)
    if pill.clock:
        row = QRectF(0, pill.y - 8, 60, 16)
        draw_piece(painter, Piece(text=pill.clock, role="caption", color="text.tertiary"), 12, row)


def _paint_together(painter: QPainter, scene: Scene, place: int) -> None:
    """The green bracket of what one gate allowed, from its newest."""
    pill = scene.pills[place]
    first = place
    while first and not scene.pills[first - 1].clock:
        first -= 1
    if pill.clock and first < place:
        top, bottom = pill.y - 6, scene.pills[first].y + 6
        _bracket(painter, 66, 70, top, bottom, theme.color("state.landed"), 1.5)


def _paint_queue(painter: QPainter, scene: Scene) -> None:
    pen = QPen(theme.color("border.strong"), 1)
    pen.setDashPattern([4, 3])
    painter.setPen(pen)
    painter.setBrush(theme.color("surface.content"))
    painter.drawRoundedRect(scene.frame.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    words = "Queue, next to land at the bottom" if scene.queue else "Nothing waits to be merged"
    if scene.more_queued:
        words += f", {scene.more_queued} more"
    title = Piece(text=words, role="caption", weight=600, color="text.secondary")
    draw_cut(painter, [title], QRectF(50, scene.frame.top() + 5, 228, 16))
    _paint_places(painter, scene)
    if scene.gating is not None:
        _paint_part(painter, scene, scene.gating, "state.merging", left=True)
    if scene.red is not None:
        _paint_part(painter, scene, scene.red, "state.failed", left=False)


def _paint_places(painter: QPainter, scene: Scene) -> None:
    """Who waits at each place; ids go where words stand beside them and there is no room for both."""
    has_words = scene.gating is not None or scene.red is not None
    names = [Piece(text=entry.worker, role="caption", weight=500).width for entry in scene.queue]
    id_x = 101 + max([33.0, *names]) + 6
    for entry in scene.queue:
        assert entry.position is not None
        y = scene.queue_y(entry.position)
        ring = "state.merging" if entry.word == "Gating" else "text.tertiary"
        place = QRectF(TRUNK_X - 8.5, y - 8.5, 17, 17)
        draw_number(painter, place, entry.position, ring, "surface.content")
        row = QRectF(0, y - 8, 190, 16)
        draw_piece(painter, Piece(text=entry.worker, role="caption", weight=500), 101, row)
        ident = Piece(text=entry.bead, role="id", color="text.tertiary")
        if id_x + ident.width < (195 if has_words else scene.frame.right()):
            draw_piece(painter, ident, id_x, row)


def _paint_part(painter: QPainter, scene: Scene, part: Bracket, color: str, *, left: bool) -> None:
    top, bottom = scene.queue_y(part.last) - 10, scene.queue_y(part.first) + 10
    ink = theme.color(color)
    if left:
        _bracket(painter, 62, 68, top, bottom, ink, 2)
    else:
        _bracket(painter, 201, 196, top, bottom, ink, 1.5)
    middle = scene.queue_y(part.first) - 4 if left else scene.queue_y(part.last) + 10
    for line, text in enumerate(part.words):
        piece = Piece(text=text, role="caption", weight=500, color=color)
        draw_cut(painter, [piece], QRectF(206, middle - 15 + 15 * line, 76, 15))


def _bracket(
    painter: QPainter, spine: float, tips: float, top: float, bottom: float, color: QColor, width: float
) -> None:
    path = QPainterPath(QPointF(tips, top))
    path.lineTo(spine, top)
    path.lineTo(spine, bottom)
    path.lineTo(tips, bottom)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, width))
    painter.drawPath(path)


def _dotted(painter: QPainter, start: QPointF, end: QPointF, color: QColor) -> None:
    pen = QPen(color, 1)
    pen.setDashPattern([1, 4])
    painter.setPen(pen)
    painter.drawLine(start, end)
