"""The parts of the burn chart, each painted by one method."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from gastown_desktop.core.burn import THRESHOLDS, Burn, MeterSample
from gastown_desktop.core.wording import show_clock, show_money
from gastown_desktop.ui.plots.axes import Scale, show_tick, show_time_tick, time_ticks
from gastown_desktop.ui.theme import money_fill
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import baseline

_NO_BREAK = "\N{NO-BREAK SPACE}"
_NEAR = 14
"""Landings closer than so many pixels share one glyph."""


class Drawn(Protocol):
    """What the strokes need to know of a course."""

    @property
    def now(self) -> datetime | None:
        """The time."""
        ...

    @property
    def caps(self) -> tuple[tuple[datetime, int | None], ...]:
        """Each limit with when it was set."""
        ...

    @property
    def landings(self) -> tuple[datetime, ...]:
        """When something was merged."""
        ...

    @property
    def burn(self) -> Burn | None:
        """The rates."""
        ...

    @property
    def cap(self) -> int | None:
        """The limit in force."""
        ...

    @property
    def committed(self) -> int:
        """What is spent or promised now."""
        ...


class Strokes:
    """Paints a course onto a scale."""

    def __init__(
        self,
        painter: QPainter,
        scale: Scale,
        course: Drawn,
        samples: Sequence[MeterSample],
        zone: tzinfo | None,
    ) -> None:
        """Paints nothing yet; the pattern of what is held stays where the widget is.

        Args:
            painter: paints on the widget.
            scale: where things stand.
            course: what is told.
            samples: those of its samples that are drawn.
            zone: where the user is.
        """
        self._painter = painter
        self._scale = scale
        self._course = course
        self._samples = samples
        self._zone = zone
        self._label_of_limit = QRectF()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrushOrigin(QPointF(0, 0))

    def grid(self, money_step: int, time_step: timedelta) -> None:
        """Level lines with their amounts, the axis with its times, and the thresholds at the right."""
        plot, scale = self._scale.plot, self._scale
        for amount in range(0, scale.top + 1, money_step):
            y = round(scale.y(amount))
            color = "border.subtle" if amount else "border.default"
            self._painter.fillRect(QRectF(plot.left() - 2, y, plot.width() + 2, 1), theme.color(color))
            text = show_tick(amount, money_step)
            self._say(text, plot.left() - 8 - self._width(text), y, "text.secondary")
        for at in time_ticks(scale.start, scale.end, time_step)[:-1]:
            text = show_time_tick(at, time_step, self._zone)
            left = max(plot.left(), scale.x(at) - self._width(text) / 2)
            self._say(text, left, plot.bottom() + 18, "text.secondary")
        self._thresholds()

    def forecast(self) -> None:
        """The dashed line on from now, and the wedge around it."""
        course, burn = self._course, self._course.burn
        if burn is None or not burn.per_hour_now or course.now is None:
            return
        rate, now = burn.per_hour_now, course.now
        here = self._point(now, course.committed)
        self._painter.save()
        self._painter.setClipRect(self._scale.plot.adjusted(0, -1, 0, 0))
        if burn.reached_between is not None and course.cap is not None:
            wedge = [here, *(self._point(at, course.cap) for at in burn.reached_between)]
            self._painter.setPen(Qt.PenStyle.NoPen)
            self._painter.setBrush(theme.color("surface.sunken"))
            self._painter.drawPolygon(QPolygonF(wedge))
        end = burn.reached_at or self._scale.end
        ahead = course.committed + rate * (end - now).total_seconds() / 3_600
        pen = QPen(theme.color("text.secondary"), 1.5)
        pen.setDashPattern([2.7, 2])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        self._painter.setPen(pen)
        self._painter.drawLine(here, self._point(end, ahead))
        self._painter.restore()

    def spent(self) -> None:
        """The line of what is spent over its fill, and the band of what is held on top."""
        scale, course = self._scale, self._course
        paid, promised = self._curves()
        if course.now is not None and scale.x(course.now) > paid[-1].x():
            right = scale.x(course.now)
            paid.append(QPointF(right, paid[-1].y()))
            promised.append(QPointF(right, promised[-1].y()))
        floor = scale.plot.bottom()
        fill = QColor(theme.color("money.settled"))
        fill.setAlphaF(0.12)
        painter = self._painter
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        ends = [QPointF(paid[-1].x(), floor), QPointF(paid[0].x(), floor)]
        painter.drawPolygon(QPolygonF([*paid, *ends]))
        painter.setBrush(money_fill.held_brush(large=True))
        painter.drawPolygon(QPolygonF([*promised, *reversed(paid)]))
        line = QPen(theme.color("money.settled"), 2)
        line.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(paid))
        painter.setPen(QPen(theme.color("border.strong"), 1.5))
        painter.drawLine(QPointF(paid[-1].x(), floor), promised[-1])

    def landings(self) -> None:
        """A glyph on the axis for each landing; those beside each other share one."""
        floor, last = self._scale.plot.bottom(), -1_000.0
        color = theme.color("state.landed")
        for at in self._course.landings:
            x = self._scale.x(at)
            if x - last < _NEAR or not self._scale.plot.left() <= x <= self._scale.plot.right():
                continue
            last = x
            draw_glyph(self._painter, "landed", color, QRectF(round(x) - 6, floor - 25, 12, 12))
            self._painter.fillRect(QRectF(round(x) - 0.75, floor - 10, 1.5, 9), color)

    def limits(self) -> None:
        """The limit as it was set and moved, and where the forecast meets it."""
        steps = [(at, cap) for at, cap in self._course.caps if cap is not None]
        scale = self._scale
        if not steps:
            return
        ends = [*(at for at, _ in steps[1:]), scale.end]
        for number, ((at, cap), until) in enumerate(zip(steps, ends, strict=True)):
            if cap <= scale.top:
                self._limit(at, cap, until, current=number == len(steps) - 1)
        at, cap = steps[-1]
        if cap > scale.top:
            text = f"limit {show_money(cap)}, above this chart"
            self._say(text, scale.plot.right() - self._width(text), scale.plot.top() - 11, "text.tertiary")
            return
        self._words_of_limit(at, cap)
        self._meeting(cap)

    def pointed(self, at: datetime, text: str) -> None:
        """A line at a time, with its values in a small frame."""
        painter, plot = self._painter, self._scale.plot
        x = self._scale.x(at)
        painter.setPen(QPen(theme.color("text.secondary"), 1))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        width = self._width(text) + 16
        left = x + 8 if x + 8 + width <= plot.right() else x - 8 - width
        frame = QRectF(max(0.5, round(left) + 0.5), plot.top() + 12.5, width, 23)
        painter.setPen(QPen(theme.color("border.strong"), 1))
        painter.setBrush(theme.color("surface.overlay"))
        painter.drawRoundedRect(frame, 5, 5)
        self._say(text, frame.left() + 8, frame.center().y(), "text.primary")

    # --- pieces ---

    def _curves(self) -> tuple[list[QPointF], list[QPointF]]:
        """The spent and the committed line, one point a pixel column."""
        paid: list[QPointF] = []
        promised: list[QPointF] = []
        last = -1
        for one in self._samples:
            spent, column = one.settled + one.assumed, int(self._scale.x(one.at))
            if column == last:
                paid.pop()
                promised.pop()
            last = column
            paid.append(self._point(one.at, spent))
            promised.append(self._point(one.at, spent + one.held))
        return paid, promised

    def _limit(self, at: datetime, cap: int, until: datetime, *, current: bool) -> None:
        scale, painter = self._scale, self._painter
        left = max(scale.plot.left(), scale.x(at))
        y = round(scale.y(cap))
        color = theme.color("money.cap" if current else "border.strong")
        painter.fillRect(QRectF(left, y - 1, scale.x(until) - left, 2), color)
        if scale.x(at) >= scale.plot.left():
            pen = QPen(theme.color("border.strong"), 1.5)
            pen.setDashPattern([1.4, 1.6])
            painter.setPen(pen)
            painter.drawLine(QPointF(left, y + 2), QPointF(left, scale.plot.bottom()))

    def _words_of_limit(self, at: datetime, cap: int) -> None:
        scale = self._scale
        text = f"limit set to {show_money(cap)} at {show_clock(at, self._zone)}"
        left = max(scale.plot.left(), scale.x(at)) + 6
        left = min(left, scale.plot.right() - self._width(text))
        y = scale.y(cap) - 11
        self._say(text, left, y, "text.secondary")
        self._label_of_limit = QRectF(left, y - 7, self._width(text), 14)

    def _meets(self, cap: int) -> QPointF | None:
        """Where the forecast meets the limit; None where that is not in sight."""
        burn = self._course.burn
        if burn is None or burn.reached_at is None or burn.reached_at > self._scale.end:
            return None
        return self._point(burn.reached_at, cap)

    def _meeting(self, cap: int) -> None:
        burn, middle = self._course.burn, self._meets(cap)
        if middle is None or burn is None or burn.reached_at is None:
            return
        self._painter.setPen(QPen(theme.color("money.cap"), 2))
        self._painter.setBrush(theme.color("surface.content"))
        self._painter.drawEllipse(middle, 4, 4)
        text = f"about {show_clock(burn.reached_at, self._zone)}"
        width = QFontMetricsF(font("caption", 600)).horizontalAdvance(text)
        left = min(middle.x() - width / 2, self._scale.plot.right() - width)
        box = QRectF(left, middle.y() - 20, width, 14)
        if not box.intersects(self._label_of_limit.adjusted(-6, 0, 6, 0)):
            self._say(text, left, middle.y() - 12.5, "text.primary", weight=600)

    def _thresholds(self) -> None:
        cap, plot = self._course.cap, self._scale.plot
        if cap is None or cap > self._scale.top:
            return
        meets = self._meets(cap)
        for percent in THRESHOLDS:
            y = self._scale.y(cap * percent / 100)
            text = f"{percent}{_NO_BREAK}%"
            left = plot.right() - 10 - self._width(text)
            ground = QRectF(left - 2, y - 6, self._width(text) + 6, 12)
            told = meets is None or not ground.adjusted(-6, -6, 6, 6).contains(meets)
            if told:
                self._painter.fillRect(ground, theme.color("surface.content"))
                self._say(text, left, y, "text.tertiary")
            self._painter.fillRect(QRectF(plot.right() - 6, y - 0.5, 6, 1.5), theme.color("text.secondary"))

    def _point(self, at: datetime, amount: float) -> QPointF:
        return QPointF(self._scale.x(at), self._scale.y(amount))

    def _say(self, text: str, left: float, middle: float, color: str, weight: int | None = None) -> None:
        written = font("caption", weight)
        self._painter.setFont(written)
        self._painter.setPen(theme.color(color))
        self._painter.drawText(QPointF(left, baseline(written, QRectF(0, middle - 8, 10, 16))), text)

    def _width(self, text: str) -> float:
        return QFontMetricsF(font("caption")).horizontalAdvance(text)
