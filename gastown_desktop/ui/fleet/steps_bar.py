"""The bar of a plan: a segment for each step, those that are done dark."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

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
    if steps <= 0:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    dark, pale = theme.color("border.control"), theme.color("border.default")
    if steps > _MOST:
        painter.setBrush(pale)
        painter.drawRoundedRect(rect, 1, 1)
        painter.setBrush(dark)
        share = min(done, steps) / steps
        painter.drawRoundedRect(QRectF(rect.left(), rect.top(), rect.width() * share, rect.height()), 1, 1)
        return
    width = (rect.width() - _GAP * (steps - 1)) / steps
    for place in range(steps):
        painter.setBrush(dark if place < done else pale)
        left = rect.left() + place * (width + _GAP)
        painter.drawRoundedRect(QRectF(left, rect.top(), width, rect.height()), 1, 1)


class StepsBar(QWidget):
    """The bar by itself, 52 × 4."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows no plan."""
        super().__init__(parent)
        self._done, self._steps = 0, 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_steps(self, done: int, steps: int) -> None:
        """Shows how far a plan is."""
        if (done, steps) != (self._done, self._steps):
            self._done, self._steps = done, steps
            self.setAccessibleName(f"{done} of {steps} steps done" if steps else "No plan yet")
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(52, 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_steps(painter, QRectF(self.rect()), self._done, self._steps)
