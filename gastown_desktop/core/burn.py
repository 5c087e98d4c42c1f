"""How fast money burns, told from where the meter stood at times; no prices are guessed here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

WINDOW = timedelta(minutes=10)
"""What `now` means in dollars an hour."""
LEAST = timedelta(seconds=20)
"""Shorter than this nothing is said: a rate over a few seconds says nothing."""
THRESHOLDS = (50, 80, 95)
"""Percent of the limit at which the user is told."""
_HOUR_S = 3_600
_LOOKED_AT = timedelta(hours=1)
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(minutes=5)
_STRETCHES, _FEWEST = 12, 4


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
    """The soonest and the latest that is likely, as `burn_of` says."""


def burn_of(samples: Sequence[MeterSample], cap: int | None, now: datetime) -> Burn:
    """How fast money burns.

    The forecast starts from what is spent or promised. It goes on at the rate of now; around it lies a
    wedge: the run's last hour is cut into stretches (a twelfth of it each, one to five minutes), and the
    limit is reached the soonest at the pace that nine of ten stretches stay below (P90), the latest at the
    pace of the middle one (P50). The wedge holds the rates of now and of the run, and a fifth more either
    way: a forecast is no sharper than that.

    Args:
        samples: where the meter stood, oldest first.
        cap: the limit in nano-dollars; None without one.
        now: the time.
    """
    if not samples:
        return Burn(per_hour_now=None, per_hour=None, reached_at=None, reached_between=None)
    until = max(now, samples[-1].at)
    quick = _rate(samples, max(until - WINDOW, samples[0].at), until)
    whole = _rate(samples, samples[0].at, until)
    if cap is None or not quick:
        return Burn(per_hour_now=quick, per_hour=whole, reached_at=None, reached_between=None)
    last = samples[-1]
    left = cap - last.settled - last.assumed - last.held
    middle, fast = _paces(samples, until) or (quick, quick)
    rates = (quick, whole or quick)
    return Burn(
        per_hour_now=quick,
        per_hour=whole,
        reached_at=_after(until, left, quick),
        reached_between=(
            _after(until, left, max(fast, max(rates) * 6 // 5)),
            _after(until, left, max(1, min(middle, min(rates) * 4 // 5))),
        ),
    )


def crossed(used: int, cap: int | None, told: Collection[int]) -> int | None:
    """The highest threshold, in percent, that is crossed and was not told of; None when there is none."""
    if not cap:
        return None
    due = [percent for percent in THRESHOLDS if used * 100 >= cap * percent]
    return due[-1] if due and due[-1] not in told else None


def _rate(samples: Sequence[MeterSample], since: datetime, until: datetime) -> int | None:
    if until - since < LEAST:
        return None
    spent = _spent_at(samples, until) - _spent_at(samples, since)
    return round(spent * _HOUR_S / (until - since).total_seconds())


def _spent_at(samples: Sequence[MeterSample], at: datetime) -> float:
    """What was spent at a time: between two samples as if money flowed evenly."""
    place = bisect_right(samples, at, key=lambda one: one.at)
    if place == 0:
        return _spent(samples[0])
    before = samples[place - 1]
    if place == len(samples):
        return _spent(before)
    after = samples[place]
    share = (at - before.at) / (after.at - before.at)
    return _spent(before) + share * (_spent(after) - _spent(before))


def _spent(sample: MeterSample) -> int:
    return sample.settled + sample.assumed


def _paces(samples: Sequence[MeterSample], until: datetime) -> tuple[int, int] | None:
    """The middle and the ninth tenth of the last hour's paces; None where it has too few stretches."""
    since = max(samples[0].at, until - _LOOKED_AT)
    stretch = min(_LONGEST, max(_SHORTEST, (until - since) / _STRETCHES))
    count = int((until - since) / stretch)
    if count < _FEWEST:
        return None
    ends = [until - stretch * number for number in range(count + 1)]
    spent = [_spent_at(samples, end) for end in ends]
    paces = sorted(
        round((later - earlier) * _HOUR_S / stretch.total_seconds()) for later, earlier in pairwise(spent)
    )
    return paces[count // 2], paces[count * 9 // 10]


def _after(at: datetime, left: int, per_hour: int) -> datetime:
    return at + timedelta(seconds=min(max(0, left) * _HOUR_S / per_hour, 10 * 365 * 86_400))
