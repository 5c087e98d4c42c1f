"""Days of the ledger: local calendar days, each fixed with its offset when it begins.

A day is a scope, `day:2026-11-25+01:00`. It lasts until its own clock and the machine's have both left it,
so neither a journey nor a change of the clock makes room before a day is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

DAY = "day:"
"""What the scope of a day begins with."""
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day that has begun."""

    date: date
    offset: timedelta
    """Of its clock, east of UTC."""

    @classmethod
    def at(cls, local: datetime) -> Day:
        """The calendar day of an aware moment, by its own offset."""
        return cls(date=local.date(), offset=local.utcoffset() or timedelta())

    @classmethod
    def of(cls, scope: str) -> Day | None:
        """The day that a scope names; None where it names none with an offset."""
        if not scope.startswith(DAY):
            return None
        try:
            begin = datetime.fromisoformat(f"{scope[len(DAY) : len(DAY) + 10]}T00:00{scope[len(DAY) + 10 :]}")
        except ValueError:
            return None
        return None if begin.utcoffset() is None else cls.at(begin)

    @property
    def scope(self) -> str:
        """Its name in the ledger."""
        return f"{DAY}{self.begin.isoformat()[:10]}{self.begin.isoformat()[19:]}"

    def next(self, local: datetime) -> Day:
        """The day of a moment, which is this one until both clocks say that it is over.

        Args:
            local: aware, with the machine's offset.
        """
        today = local.date()
        ahead = self.date - today > _ONE  # no place on earth is so far ahead: the clock was wrong
        if ahead or (today > self.date and local >= self.begin + _ONE):
            return Day.at(local)
        return self

    def is_over(self, local: datetime) -> bool:
        """Whether a moment, aware and with the machine's offset, belongs to another day."""
        return self.next(local) != self

    @property
    def begin(self) -> datetime:
        """Its midnight, aware."""
        return datetime.combine(self.date, time(), timezone(self.offset))
