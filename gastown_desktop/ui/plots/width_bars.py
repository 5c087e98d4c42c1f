"""How many beads can run at the same time, step by step, against the suggested fleet."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.core.wording import plural
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import baseline

_HEIGHT, _TOP, _FLOOR = 148, 16, 112
_LEFT, _RIGHT = 34, 26
_PITCH = 66
_NUMBERED = 18
"""Bars closer than this have no numbers of their own."""


class WidthBars(QWidget):
    """Painted; the dashed line is the suggested fleet."""

    def __init__(self, widths: Sequence[int], fleet: int, parent: QWidget | None = None) -> None:
        """Shows steps.

        Args:
            widths: beads that can run at the same time, step by step.
            fleet: the suggested number of workers.
            parent: owns it.
        """
        super().__init__(parent)
        self._widths = tuple(widths)
        self._fleet = fleet
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        steps = ", ".join(f"{width} in step {number}" for number, width in enumerate(self._widths, 1))
        self.setAccessibleName(f"Beads that can run at the same time: {steps}")
        self.setAccessibleDescription(f"Suggested fleet: {plural(fleet, 'worker')}.")

    def minimumSizeHint(self) -> QSize:
        return QSize(280, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._widths:
            return
        right = self.width() - _RIGHT
        pitch = min(_PITCH, (right - _LEFT) / (len(self._widths) - 1 / 3))
        end = _LEFT + pitch * len(self._widths) - pitch / 3
        top = max(*self._widths, self._fleet)
        painter.fillRect(QRectF(_LEFT, _FLOOR, end - _LEFT, 1), theme.color("border.default"))
        line = _FLOOR - (_FLOOR - _TOP) * self._fleet / top
        self._draw_bars(painter, pitch, top)
        self._draw_fleet(painter, line, end)
        self._draw_numbers(painter, pitch, top)
        _say(painter, "step in line", _LEFT - 4, _FLOOR + 28, "text.tertiary")

    def _draw_bars(self, painter: QPainter, pitch: float, top: int) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border.control"))
        for number, width in enumerate(self._widths):
            height = max(2.0, (_FLOOR - _TOP) * width / top)
            bar = QRectF(_LEFT + number * pitch, _FLOOR - height, pitch * 2 / 3, height)
            painter.drawRoundedRect(bar, min(2.0, bar.width() / 2), 2)

    def _draw_fleet(self, painter: QPainter, line: float, end: float) -> None:
        pen = QPen(theme.color("accent.base"), 1.5)
        pen.setDashPattern([2, 2])
        painter.setPen(pen)
        painter.drawLine(QPointF(_LEFT, line), QPointF(end, line))
        words = plural(self._fleet, "worker")
        left = max(_LEFT, end - QFontMetricsF(font("caption")).horizontalAdvance(words))
        _say(painter, words, left, line - 8, "text.secondary")

    def _draw_numbers(self, painter: QPainter, pitch: float, top: int) -> None:
        """The number over each bar, cut out of the dashed line, and the step below."""
        every = 1 if pitch >= _NUMBERED else -(-_NUMBERED // max(1, int(pitch)))
        for number, width in enumerate(self._widths):
            if number % every:
                continue
            middle = _LEFT + number * pitch + pitch / 3
            y = _FLOOR - max(2.0, (_FLOOR - _TOP) * width / top) - 9
            text = f"{width}"
            wide = QFontMetricsF(font("caption", 600)).horizontalAdvance(text)
            if width != top:
                ground = QRectF(middle - wide / 2 - 8, y - 7, wide + 16, 14)
                painter.fillRect(ground, theme.color("surface.content"))
            _say(painter, text, middle - wide / 2, y, "text.primary", weight=600)
            step = f"{number + 1}"
            wide = QFontMetricsF(font("caption")).horizontalAdvance(step)
            _say(painter, step, middle - wide / 2, _FLOOR + 12, "text.secondary")


def _say(
    painter: QPainter, text: str, left: float, middle: float, color: str, weight: int | None = None
) -> None:
    written = font("caption", weight)
    painter.setFont(written)
    painter.setPen(theme.color(color))
    painter.drawText(QPointF(left, baseline(written, QRectF(0, middle - 8, 10, 16))), text)
