"""The days that requests of a ledger were counted under."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gastown_desktop.core.days import Day
from gastown_desktop.core.ledger import Record, Reserve


def day_at(known: Day | None, local: datetime) -> Day:
    """The day of a moment, where the newest that requests were counted under is known.

    Args:
        known: that day; None where there is none yet.
        local: aware, with the machine's offset.
    """
    return Day.at(local) if known is None else known.next(local)


def newest_day(records: Sequence[Record]) -> Day | None:
    """The day of the newest request that was counted under one."""
    days = (day_of(record) for record in reversed(records) if isinstance(record, Reserve))
    return next(filter(None, days), None)


def day_of(request: Reserve) -> Day | None:
    """The day that a request was counted under; None for none."""
    return next(filter(None, map(Day.of, request.scopes)), None)
