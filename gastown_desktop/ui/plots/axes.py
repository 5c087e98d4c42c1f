"""Axes: round values for money and time, and where they stand on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import ceil, log10

from PySide6.QtCore import QRectF

from gastown_desktop.core.money import NANO
from gastown_desktop.core.wording import show_clock

_STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800)
_MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A plot of amounts over time."""

    plot: QRectF
    start: datetime
    end: datetime
    top: int
    """The amount at the plot's upper edge, nano-dollars."""

    def x(self, at: datetime) -> float:
        """Where a time stands."""
        return self.plot.left() + self.plot.width() * ((at - self.start) / (self.end - self.start))

    def y(self, amount: float) -> float:
        """Where an amount stands."""
        return self.plot.bottom() - self.plot.height() * amount / self.top

    def at(self, x: float) -> datetime:
        """The time that stands there."""
        return self.start + (self.end - self.start) * ((x - self.plot.left()) / self.plot.width())


def money_step(top: int, most: int = 5) -> int:
    """A round amount (1, 2 or 5 times a power of ten) of which at most `most` go into `top` nano-dollars."""
    least = max(top, 1) / most
    unit = 10 ** int(log10(least))
    return next(unit * factor for factor in (1, 2, 5, 10, 20) if unit * factor >= least)


def show_tick(amount: int, step: int) -> str:
    """An amount on an axis: cents only where the steps are finer than a dollar."""
    if step >= NANO:
        return f"${amount // NANO:,}"
    digits = max(2, ceil(-log10(step / NANO)))
    return f"${amount / NANO:.{digits}f}" if amount else "$0"


def time_step(span: timedelta, most: int) -> timedelta:
    """A round length of time of which at most `most` go into a span."""
    wanted = span.total_seconds() / max(1, most)
    return timedelta(seconds=next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1]))


def floor_time(at: datetime, step: timedelta, zone: tzinfo | None) -> datetime:
    """The last round time at or before, where the user is."""
    local = at.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + step * ((local - midnight) // step)


def time_ticks(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """Round times from a round start to an end."""
    return [start + step * number for number in range((end - start) // step + 1)]


def show_time_tick(at: datetime, step: timedelta, zone: tzinfo | None) -> str:
    """A time on an axis: seconds only where the steps are finer than a minute, days where they are days."""
    if step >= timedelta(days=1):
        local = at.astimezone(zone)
        return f"{local.day} {local:%b}"
    return show_clock(at, zone, seconds=step < timedelta(seconds=_MINUTE_S))
