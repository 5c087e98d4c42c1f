"""The burn chart: what is spent and promised over time, the limit, and when it would be reached."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.core.burn import Burn, MeterSample
from gastown_desktop.core.wording import show_clock, show_held, show_money
from gastown_desktop.ui.plots.axes import Scale, floor_time, money_step, show_tick, time_step
from gastown_desktop.ui.spend.burn_strokes import Strokes
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import baseline

HEIGHT = 264
_TOP, _FOOT = 27, 32
"""Pixels above the plot for what is said of the limit, and below it for the times."""
_TICK = 66
"""The least pixels between two times."""
_LEAST = timedelta(seconds=10)
_MOST_DRAWN = 1_500
"""Samples that are drawn: more than there are pixels, few enough for a frame."""
_FLAT = 4
"""A limit more than this many times what is shown lies above the chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the chart shows; amounts are nano-dollars."""

    samples: Sequence[MeterSample] = ()
    now: datetime | None = None
    caps: tuple[tuple[datetime, int | None], ...] = ()
    """Each limit with when it was set, oldest first."""
    landings: tuple[datetime, ...] = ()
    burn: Burn | None = None

    @property
    def cap(self) -> int | None:
        """The limit in force."""
        return self.caps[-1][1] if self.caps else None

    @property
    def committed(self) -> int:
        """What is spent or promised now."""
        if not self.samples:
            return 0
        last = self.samples[-1]
        return last.settled + last.assumed + last.held


class BurnChart(QWidget):
    """Painted; the pointer or the arrow keys tell the values of a time."""

    def __init__(self, zone: tzinfo | None = None, parent: QWidget | None = None) -> None:
        """Shows nothing yet.

        Args:
            zone: where the user is; None for the system's.
            parent: owns it.
        """
        super().__init__(parent)
        self._zone = zone
        self._course = Course()
        self._drawn: Sequence[MeterSample] = ()
        self._scale: Scale | None = None
        self._step = timedelta(minutes=30)
        self._money_step = 1
        self._pointed: datetime | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName("Burn: spending over time")

    def set_course(self, course: Course) -> None:
        """Shows another course."""
        self._course = course
        self._drawn = _thinned(course.samples)
        self.setAccessibleDescription(self._spoken())
        self._lay_out()
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(300, HEIGHT)

    @property
    def told(self) -> str:
        """The values of the time that is pointed at; empty when none is."""
        return "" if self._pointed is None else self._values(self._pointed)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._scale is None:
            self._draw_empty(painter)
            return
        strokes = Strokes(painter, self._scale, self._course, self._drawn, self._zone)
        strokes.grid(self._money_step, self._step)
        strokes.forecast()
        strokes.spent()
        strokes.landings()
        strokes.limits()
        if self._pointed is not None:
            strokes.pointed(self._pointed, self._values(self._pointed))
        if self.hasFocus():
            painter.setPen(theme.color("focus.ring"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _draw_empty(self, painter: QPainter) -> None:
        written = font("small")
        painter.setFont(written)
        painter.setPen(theme.color("text.secondary"))
        painter.drawText(QPointF(0, baseline(written, QRectF(0, 0, 100, 28))), "Nothing was spent yet.")

    def resizeEvent(self, event: QEvent) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        course = self._course
        if not course.samples or course.now is None:
            self._scale = None
            return
        top = self._top()
        self._money_step = money_step(top)
        widest = QFontMetricsF(font("caption")).horizontalAdvance(
            show_tick(top - top % self._money_step, self._money_step)
        )
        left = max(34.0, widest + 9)
        plot = QRectF(left, _TOP, max(60.0, self.width() - left), self.height() - _TOP - _FOOT)
        start, end = course.samples[0].at, self._end(course.now)
        end = max(end, start + _LEAST)
        self._step = time_step(end - start, int(plot.width() / _TICK))
        start = floor_time(start, self._step, self._zone)
        end = floor_time(end, self._step, self._zone) + self._step
        self._scale = Scale(plot=plot, start=start, end=end, top=top)

    def _end(self, now: datetime) -> datetime:
        """How far the axis goes: to the end of the forecast, but not far beyond what was."""
        elapsed = now - self._course.samples[0].at
        burn = self._course.burn
        wanted = now + elapsed * 0.1
        if burn is not None and burn.reached_between is not None:
            wanted = max(wanted, burn.reached_between[1])
        return min(wanted, now + max(elapsed * 1.5, _LEAST))

    def _top(self) -> int:
        """The amount at the upper edge: the limit, unless all the rest would lie flat under it."""
        course = self._course
        highest = max(one.settled + one.assumed + one.held for one in course.samples)
        burn = course.burn
        if burn is not None and burn.per_hour_now and course.now is not None:
            ahead = (self._end(course.now) - course.now).total_seconds()
            then = course.committed + round(burn.per_hour_now * ahead / 3_600)
            highest = max(highest, then if course.cap is None else min(then, course.cap))
        known = [cap for _, cap in course.caps if cap is not None and cap <= highest * _FLAT]
        if known:
            return max(*known, highest)
        step = money_step(max(highest, 1))
        return step * (highest // step + 1)

    # --- telling values ---

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        scale = self._scale
        if scale is not None and scale.plot.left() <= event.position().x() <= scale.plot.right():
            self._point(scale.at(event.position().x()))
        else:
            self._point(None)

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)

    def focusOutEvent(self, event: QEvent) -> None:
        self._point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        scale = self._scale
        if step is None or scale is None or self._course.now is None:
            super().keyPressEvent(event)
            return
        here = self._pointed or self._course.now
        there = here + (scale.end - scale.start) / 60 * step
        self._point(min(scale.end, max(scale.start, there)))

    def _point(self, at: datetime | None) -> None:
        if at is not None:
            at = max(at, self._course.samples[0].at)
        if at == self._pointed:
            return
        self._pointed = at
        self.setAccessibleDescription(self.told or self._spoken())
        self.update()

    def _values(self, at: datetime) -> str:
        """What stood there, or would."""
        course, time = self._course, show_clock(at, self._zone)
        if course.now is not None and at > course.now:
            rate = course.burn.per_hour_now if course.burn is not None else None
            if not rate:
                return f"{time}  no forecast"
            amount = course.committed + round(rate * (at - course.now).total_seconds() / 3_600)
            limit = course.cap
            at_limit = limit is not None and amount >= limit
            return f"{time}  limit reached" if at_limit else f"{time}  about {show_money(amount)}"
        place = max(1, bisect_right(course.samples, at, key=lambda one: one.at))
        sample = course.samples[place - 1]
        held = f"  {show_held(sample.held)} held" if sample.held else ""
        assumed = f"  {show_money(sample.assumed)} of it assumed" if sample.assumed else ""
        return f"{time}  {show_money(sample.settled + sample.assumed)} spent{assumed}{held}"

    def _spoken(self) -> str:
        """The chart in a sentence."""
        course = self._course
        if not course.samples or course.now is None:
            return "Nothing was spent yet."
        last = course.samples[-1]
        words = [
            f"From {show_clock(course.samples[0].at, self._zone)} to {show_clock(course.now, self._zone)}:"
            f" {show_money(last.settled + last.assumed)} spent, {show_money(last.held)} held"
        ]
        if course.cap is not None:
            words.append(f"limit {show_money(course.cap)}")
        if course.burn is not None and course.burn.reached_at is not None:
            words.append(f"reached at about {show_clock(course.burn.reached_at, self._zone)}")
        return ", ".join(words) + "."


def _thinned(samples: Sequence[MeterSample]) -> Sequence[MeterSample]:
    """Evenly chosen samples, the last one among them."""
    every = -(-len(samples) // _MOST_DRAWN)
    return samples if every <= 1 else [*samples[:-1:every], samples[-1]]
