"""The bar of a plan: a segment for each step, those that are done dark."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from gastown_desktop.ui.theme.theme import theme

_GAP = 2.0
_MOST = 13
"""More segments than this could not be told apart."""


def draw_steps(painter: QPainter, rect: QRectF, done: int, steps: int) -> None:
    """Draws a bar of segments.

    Args:
        painter: paints, antialiased.
        rect: where, 4 pixels high.
        done: how many are dark.
        steps: how many there are; none draws nothing.
    """
    device = painter.device()
    if steps > 0 and device is not None:
        ratio = device.devicePixelRatioF()
        painter.drawPixmap(rect.topLeft(), _bar(rect.size().toTuple(), done, steps, theme.scheme, ratio))


@lru_cache(maxsize=500)
def _bar(size: tuple[float, float], done: int, steps: int, _scheme: str, ratio: float) -> QPixmap:
    """A painted bar; a fleet's cards show few different ones."""
    made = QPixmap(round(size[0] * ratio), round(size[1] * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for left, width, dark in _segments(size[0], done, steps):
        painter.setBrush(theme.color("border.control" if dark else "border.default"))
        painter.drawRoundedRect(QRectF(left, 0, width, size[1]), 1, 1)
    painter.end()
    return made


def _segments(width: float, done: int, steps: int) -> list[tuple[float, float, bool]]:
    """Left, width and darkness of each part; a plan of many steps is one bar."""
    if steps > _MOST:
        return [(0.0, width, False), (0.0, width * min(done, steps) / steps, True)]
    each = (width - _GAP * (steps - 1)) / steps
    return [(place * (each + _GAP), each, place < done) for place in range(steps)]
