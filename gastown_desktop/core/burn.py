"""How fast money burns, told from where the meter stood at times; no prices are guessed here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

WINDOW = timedelta(minutes=10)
"""What `now` means in dollars an hour."""
LEAST = timedelta(seconds=20)
"""Shorter than this nothing is said: a rate over a few seconds says nothing."""
THRESHOLDS = (50, 80, 95)
"""Percent of the limit at which the user is told."""
_HOUR_S = 3_600


class MeterSample(Protocol):
    """Where the meter stood at a time; nano-dollars."""

    @property
    def at(self) -> datetime:
        """When."""
        ...

    @property
    def settled(self) -> int:
        """What was paid."""
        ...

    @property
    def assumed(self) -> int:
        """What counts as paid because nobody knows."""
        ...

    @property
    def held(self) -> int:
        """What was promised on top."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """Rates in nano-dollars an hour; None where too little is known."""

    per_hour_now: int | None
    """Over the last ten minutes, or what there is of them."""
    per_hour: int | None
    """Over the whole run."""
    reached_at: datetime | None
    """When the limit would be reached at the rate of now."""
    reached_between: tuple[datetime, datetime] | None
    """The same for the faster and the slower of the rates: of now, and of the run, each a fifth off."""


def burn_of(samples: Sequence[MeterSample], cap: int | None, now: datetime) -> Burn:
    """How fast money burns.

    Args:
        samples: where the meter stood, oldest first.
        cap: the limit in nano-dollars; None without one.
        now: the time.
    """
    recent = [one for one in samples if one.at >= now - WINDOW]
    quick = _rate(recent if len(recent) > 1 else samples[-2:])
    whole = _rate(samples)
    if not samples or cap is None or not quick:
        return Burn(per_hour_now=quick, per_hour=whole, reached_at=None, reached_between=None)
    last = samples[-1]
    left = cap - last.settled - last.assumed
    rates = [quick, whole or quick]
    fast, slow = max(rates) * 6 // 5, max(1, min(rates) * 4 // 5)
    return Burn(
        per_hour_now=quick,
        per_hour=whole,
        reached_at=_after(last.at, left, quick),
        reached_between=(_after(last.at, left, fast), _after(last.at, left, slow)),
    )


def crossed(used: int, cap: int | None, told: Collection[int]) -> int | None:
    """The highest threshold, in percent, that is crossed and was not told of; None when there is none."""
    if not cap:
        return None
    due = [percent for percent in THRESHOLDS if used * 100 >= cap * percent]
    return due[-1] if due and due[-1] not in told else None


def _rate(samples: Sequence[MeterSample]) -> int | None:
    if len(samples) < 2 or samples[-1].at - samples[0].at < LEAST:
        return None
    first, last = samples[0], samples[-1]
    spent = last.settled + last.assumed - first.settled - first.assumed
    return round(spent * _HOUR_S / (last.at - first.at).total_seconds())


def _after(at: datetime, left: int, per_hour: int) -> datetime:
    return at + timedelta(seconds=min(max(0, left) * _HOUR_S / per_hour, 10 * 365 * 86_400))
