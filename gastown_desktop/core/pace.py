"""How many workers the provider lets run: fewer when it says no, one more as it answers again.

Additive increase and multiplicative decrease, as TCP has them (RFC 5681): a window of replies without a
refusal lets one more run. Where a share p of requests is refused whatever is done, about √(10/3p) workers are
kept, ten at three in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gastown_desktop.core.rate_limits import RateRoom

QUIET_S = 60.0
"""Seconds without a refusal after which one more may run, however few replies came."""
_KEPT = (7, 10)
"""Share of the workers that a refusal leaves (RFC 9438 has the same)."""
_NO_ROOM, _LITTLE_ROOM = 0.02, 0.2
"""Shares of a limit below which nobody asks until it is whole again, and below which fewer run."""
_LONGEST_HOLD_S = 60.0
_SAME_REFUSAL_S = 5.0
"""Refusals so close together are one: many workers hear of the same limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Additive increase, multiplicative decrease; times are seconds by a clock that does not count sleep."""

    size: int
    """Workers that the user wants."""
    allowed: int
    """Workers that may run, as of `since`."""
    since: float | None = None
    """When the provider last refused; None when it never did."""
    hold_until: float = 0.0
    """No request is sent before."""
    answered: int = 0
    """Replies since one more was let run."""

    @staticmethod
    def of(size: int) -> Pace:
        """Begins with all of them."""
        return Pace(size=size, allowed=size)

    def resized(self, size: int) -> Pace:
        """The user wants another number of workers."""
        return replace(self, size=size, allowed=size if self.since is None else self.allowed)

    def limited(self, now: float, retry_after_s: float) -> Pace:
        """The provider refused a request for its rate."""
        hold = max(self.hold_until, now + retry_after_s)
        if self.since is not None and now - self.since < _SAME_REFUSAL_S:
            return replace(self, hold_until=hold)
        kept = self.at(now) * _KEPT[0] // _KEPT[1]
        return replace(self, allowed=max(1, kept), since=now, hold_until=hold, answered=0)

    def replied(self, now: float) -> Pace:
        """The provider answered a request: after as many replies as workers may run, one more may."""
        if self.since is None or self.at(now) >= self.size:
            return self
        if self.answered + 1 < self.at(now):
            return replace(self, answered=self.answered + 1)
        return replace(self, allowed=self.allowed + 1, answered=0)

    def told(self, now: float, room: RateRoom) -> Pace:
        """The provider said how much room its limits leave: fewer run before it has to refuse."""
        if room.share < _NO_ROOM:
            hold = max(self.hold_until, now + min(room.reset_s, _LONGEST_HOLD_S))
            return replace(self, hold_until=hold)
        if room.share >= _LITTLE_ROOM:
            return self
        allowed = max(1, ceil(self.size * room.share / _LITTLE_ROOM))
        return self if self.at(now) <= allowed else replace(self, allowed=allowed, since=now, answered=0)

    def at(self, now: float) -> int:
        """Workers that may run now."""
        if self.since is None:
            return self.size
        return min(self.size, self.allowed + int((now - self.since) // QUIET_S))

    def wait_s(self, now: float) -> float:
        """Seconds until a request may be sent."""
        return max(0.0, self.hold_until - now)
