"""The speed-up of a fleet over its size, on a logarithmic axis, with the size that is worth its price."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.core.wording import plural
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import baseline

_HEIGHT, _TOP, _FLOOR = 272, 12, 230
_LEFT, _RIGHT = 34, 70
_HEADROOM = 1.125
"""How much higher than the bound the plot reaches."""


class Speed(Protocol):
    """One size of a fleet, and how many times faster than one worker it is."""

    @property
    def workers(self) -> int:
        """At least 1."""
        ...

    @property
    def speedup(self) -> float:
        """1 for one worker."""
        ...


class SpeedUpPlot(QWidget):
    """Painted; the region above the knee is shaded: there one pays for waiting."""

    def __init__(
        self,
        curve: Sequence[Speed],
        knee: Speed,
        bound: tuple[float, str] | None,
        parent: QWidget | None = None,
    ) -> None:
        """Shows a curve.

        Args:
            curve: sizes of the fleet, smallest first.
            knee: the size that is worth its price.
            bound: the speed-up that no fleet passes, with what is said of it.
            parent: owns it.
        """
        super().__init__(parent)
        known = [one for one in curve if one.workers != knee.workers]
        self._curve = sorted([*known, knee], key=lambda one: one.workers)
        self._knee = knee
        self._bound = bound
        highest = max([one.speedup for one in self._curve] + ([bound[0]] if bound else []))
        self._top = max(1.2, highest * _HEADROOM)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        sizes = ", ".join(f"{one.speedup:.1f} times with {one.workers}" for one in self._curve)
        self.setAccessibleName(f"Speed-up by number of workers: {sizes}")
        self.setAccessibleDescription(f"Above {plural(knee.workers, 'worker')} you pay for waiting.")

    def minimumSizeHint(self) -> QSize:
        return QSize(320, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_ground(painter)
        self._draw_bound(painter)
        self._draw_one_for_one(painter)
        self._draw_curve(painter)
        self._draw_knee(painter)
        self._draw_sizes(painter)

    # --- places ---

    @property
    def _right(self) -> float:
        return self.width() - _RIGHT

    def _x(self, workers: float) -> float:
        last = max(2, self._curve[-1].workers)
        return _LEFT + (self._right - _LEFT) * log2(workers) / log2(last)

    def _y(self, speedup: float) -> float:
        return _FLOOR - (_FLOOR - _TOP) * speedup / self._top

    # --- parts ---

    def _draw_ground(self, painter: QPainter) -> None:
        left = self._x(self._knee.workers)
        shade = QRectF(left, _TOP, self._right - left, _FLOOR - _TOP)
        painter.fillRect(shade, theme.color("surface.sunken"))
        step = next((step for step in (1, 2, 5, 10) if self._top / step < 5), 20)
        highest = self._bound[0] * 0.92 if self._bound else self._top
        for times in range(0, int(highest) + 1, step):
            y = round(self._y(times))
            color = "border.subtle" if times else "border.default"
            painter.fillRect(QRectF(_LEFT, y, self._right - _LEFT, 1), theme.color(color))
            text = f"{times}×"
            self._say(painter, text, _LEFT - 8 - _width(text), y, "text.tertiary")

    def _draw_bound(self, painter: QPainter) -> None:
        if self._bound is None:
            return
        bound, words = self._bound
        y = round(self._y(bound))
        painter.fillRect(QRectF(_LEFT, y, self._right - _LEFT, 1), theme.color("border.control"))
        self._say(painter, words, _LEFT + 4, y - 9, "text.tertiary")

    def _draw_one_for_one(self, painter: QPainter) -> None:
        """What a fleet would do if nobody waited for anybody."""
        last = min(self._bound[0] if self._bound else self._top, self._curve[-1].workers)
        points = [1 + (last - 1) * number / 40 for number in range(41)]
        pen = QPen(theme.color("border.strong"), 1)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF([QPointF(self._x(one), self._y(one)) for one in points]))
        if last > 3:
            at, words = last * 0.79, "one for one"
            left = self._x(at) - 44 - _width(words)
            if left > _LEFT:
                self._say(painter, words, left, self._y(at), "text.tertiary")

    def _draw_curve(self, painter: QPainter) -> None:
        ink = theme.color("text.primary")
        points = [QPointF(self._x(one.workers), self._y(one.speedup)) for one in self._curve]
        painter.setPen(QPen(ink, 2))
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        for point in points:
            painter.drawEllipse(point, 3, 3)
        last = self._curve[-1]
        words = f"{last.speedup:.1f}× at {last.workers}"
        self._say(painter, words, points[-1].x() + 8, points[-1].y() + 12, "text.tertiary")

    def _draw_knee(self, painter: QPainter) -> None:
        accent = theme.color("accent.base")
        point = QPointF(self._x(self._knee.workers), self._y(self._knee.speedup))
        pen = QPen(accent, 1.5)
        pen.setDashPattern([2, 2])
        painter.setPen(pen)
        painter.drawLine(point, QPointF(point.x(), _FLOOR))
        painter.setPen(QPen(accent, 3))
        painter.setBrush(theme.color("surface.content"))
        painter.drawEllipse(point, 6, 6)
        title = f"{plural(self._knee.workers, 'worker')}: {self._knee.speedup:.1f}×"
        width = _width(title, "strong")
        left = point.x() + 12
        if left + width > self._right:
            left = point.x() - 12 - width
        top = min(point.y() + 25, _FLOOR - 44)
        self._say(painter, title, left, top, "text.primary", role="strong")
        self._say(painter, "above that you", left, top + 17, "text.secondary")
        self._say(painter, "pay for waiting", left, top + 31, "text.secondary")

    def _draw_sizes(self, painter: QPainter) -> None:
        """Sizes below the axis, the suggested one first; others only where they have room."""
        taken: list[tuple[float, float]] = []
        for one in sorted(self._curve, key=lambda size: size.workers != self._knee.workers):
            here = one.workers == self._knee.workers
            text, width = f"{one.workers}", _width(f"{one.workers}")
            left = self._x(one.workers) - width / 2
            if any(left < end + 6 and begin < left + width + 6 for begin, end in taken):
                continue
            taken.append((left, left + width))
            color = "text.primary" if here else "text.secondary"
            self._say(painter, text, left, _FLOOR + 14, color, weight=600 if here else None)
        middle = (_LEFT + self._right) / 2
        self._say(painter, "workers", middle - _width("workers") / 2, _FLOOR + 29, "text.tertiary")

    def _say(
        self,
        painter: QPainter,
        text: str,
        left: float,
        middle: float,
        color: str,
        *,
        role: str = "caption",
        weight: int | None = None,
    ) -> None:
        written = font(role, weight)
        painter.setFont(written)
        painter.setPen(theme.color(color))
        painter.drawText(QPointF(left, baseline(written, QRectF(0, middle - 8, 10, 16))), text)


def _width(text: str, role: str = "caption") -> float:
    return QFontMetricsF(font(role)).horizontalAdvance(text)
