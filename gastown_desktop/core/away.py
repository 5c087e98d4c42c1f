"""The user is away: until when, and what may be spent meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from gastown_desktop.core.ledger import Record, Release, Reserve, Settle, Shrink
from gastown_desktop.core.money import NanoUsd, exact_usd, show_usd

_MINUTE = timedelta(minutes=1)
_FARTHEST_MIN = 49 * 60
"""A time of the day comes within this many minutes, however the clock is changed."""


def next_time(wanted: time, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The next whole minute at which the local clock shows a time of the day, or has just jumped past it.

    Args:
        wanted: hour and minute.
        now: aware.
        zone: where the clock hangs; None for the machine's own.

    Returns:
        The moment, in UTC, later than `now`. Where the clock is put back, a time that it shows twice comes
        again; where it is put forward over it, the moment is that of the jump.
    """
    moment = now.astimezone(UTC).replace(second=0, microsecond=0)
    before = moment.astimezone(zone).replace(tzinfo=None)
    for _ in range(_FARTHEST_MIN):
        moment += _MINUTE
        after = moment.astimezone(zone).replace(tzinfo=None)
        if any(before < datetime.combine(day, wanted) <= after for day in (before.date(), after.date())):
            return moment
        before = after
    raise AssertionError(f"no clock shows {wanted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """Nobody answers for a while."""

    until: datetime | None = None
    """When the user is back, aware; None for not before the convoy is at its end."""
    at_most: int | None = None
    """Nano-dollars that may be spent meanwhile; None for the convoy's cap alone."""
    spent_before: int = 0
    """Nano-dollars that the convoy had committed when this began."""

    def lasts(self, now: datetime) -> bool:
        """Whether the user is still away."""
        return self.until is None or now < self.until

    def cap(self, cap: int, now: datetime) -> NanoUsd:
        """The cap in force, in nano-dollars: the user's own, and the sum as well while they are away."""
        if self.at_most is None or not self.lasts(now):
            return NanoUsd(cap)
        return NanoUsd(min(cap, self.spent_before + self.at_most))

    def spent(self, records: Iterable[Record], scope: str) -> NanoUsd:
        """What requests that were reserved before the user is back have committed meanwhile, in nano-dollars.

        Args:
            records: of the ledger, oldest first.
            scope: the convoy's.
        """
        amounts: dict[str, int] = {}
        for record in records:
            if isinstance(record, Reserve):
                if scope in record.scopes and self.lasts(datetime.fromisoformat(record.at)):
                    amounts[record.id] = record.amount
            elif isinstance(record, Shrink | Settle) and record.id in amounts:
                amounts[record.id] = record.amount
            elif isinstance(record, Release):
                amounts.pop(record.id, None)
        return NanoUsd(max(0, sum(amounts.values()) - self.spent_before))

    def words(self, spent: int, zone: tzinfo | None = None) -> str:
        """`unattended until 07:00, $3.10 of $15`.

        Args:
            spent: nano-dollars so far.
            zone: whose clock is read; None for the machine's own.
        """
        until = f" until {self.clock(zone)}" if self.until is not None else ""
        of = f", {show_usd(spent)} of {exact_usd(self.at_most)}" if self.at_most is not None else ""
        return f"unattended{until}{of}"

    def limit(self, zone: tzinfo | None = None) -> str:
        """The sum as a limit: `the limit of $15 until 07:00`; empty without one."""
        if self.at_most is None:
            return ""
        until = f"until {self.clock(zone)}" if self.until is not None else "while nobody answers"
        return f"the limit of {exact_usd(self.at_most)} {until}"

    def clock(self, zone: tzinfo | None = None) -> str:
        """The time of the day at which the user is back, `07:00`; empty without one."""
        return "" if self.until is None else f"{self.until.astimezone(zone):%H:%M}"
