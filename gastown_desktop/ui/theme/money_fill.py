"""How money is drawn, the same everywhere: settled solid, assumed dotted, held hatched, free empty."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap

from gastown_desktop.ui.theme.theme import theme

_DENSITY = 4
"""Tiles are drawn this many times finer than the pixels, so that they stay sharp on dense screens."""


_PITCH, _LARGE_PITCH = 5.75, 8.5
"""Level distance of the hatch's lines in pixels: 4 and 6 across them, to a whole pixel of a tile."""


def settled_brush() -> QBrush:
    """What is paid."""
    return QBrush(theme.color("money.settled"))


def held_brush(*, large: bool = False, over: str = "money.held") -> QBrush:
    """What is promised and not yet spent: a 45° hatch.

    Args:
        large: the wider hatch of the 20–26 px gauge.
        over: the colour of its lines.
    """
    return QBrush(_hatch(theme.color(over).name(), _LARGE_PITCH if large else _PITCH, 2.0 if large else 1.5))


def assumed_brush() -> QBrush:
    """What was charged in full because nobody knows: dots."""
    return QBrush(_dots(theme.color("money.assumed").name()))


def reserve_brush() -> QBrush:
    """What is kept for landing."""
    return QBrush(theme.color("money.reserve"))


def fill(painter: QPainter, rect: QRectF, brush: QBrush) -> None:
    """Fills a part of a bar; the pattern stays where the widget is, so that it never crawls."""
    painter.save()
    painter.setBrushOrigin(QPointF(0, 0))
    painter.fillRect(rect, brush)
    painter.restore()


def draw_bar(
    painter: QPainter,
    rect: QRectF,
    parts: tuple[tuple[float, QBrush], ...],
    *,
    track: QColor,
    border: QColor | None = None,
    radius: float = 2.0,
) -> None:
    """Draws a bar of parts, each a share of the whole from 0 to 1, from left to right."""
    shape = QPainterPath()
    shape.addRoundedRect(rect, radius, radius)
    painter.save()
    painter.setClipPath(shape)
    painter.fillRect(rect, track)
    left = rect.left()
    for share, brush in parts:
        width = rect.width() * max(0.0, min(1.0, share))
        fill(painter, QRectF(left, rect.top(), width, rect.height()), brush)
        left += width
    painter.restore()
    if border is not None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(border, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        painter.restore()


@lru_cache(maxsize=32)
def _hatch(color: str, pitch: float, stroke: float) -> QPixmap:
    tile, painter = _tile(pitch)
    pen = QPen(QColor(color), stroke)
    pen.setCapStyle(Qt.PenCapStyle.SquareCap)
    painter.setPen(pen)
    for shift in (-pitch, 0.0, pitch):
        painter.drawLine(QPointF(shift, pitch), QPointF(shift + pitch, 0))
    painter.end()
    return tile


@lru_cache(maxsize=16)
def _dots(color: str) -> QPixmap:
    tile, painter = _tile(4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    painter.drawEllipse(QPointF(2, 2), 1.2, 1.2)
    painter.end()
    return tile


def _tile(side: float) -> tuple[QPixmap, QPainter]:
    tile = QPixmap(round(side * _DENSITY), round(side * _DENSITY))
    tile.setDevicePixelRatio(_DENSITY)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    return tile, painter
