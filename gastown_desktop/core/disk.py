"""How much disk a fleet may count on: below some it begins nothing, below less it asks no model."""

from __future__ import annotations

from dataclasses import dataclass

_FOR_A_SLOT = 2 * 10**9
_FOR_A_REQUEST = 500 * 10**6
MOST_IN_A_SLOT = 20 * 10**9
"""Bytes that commands may write in one working folder: what a build with its dependencies leaves is a few
gigabytes, so that who comes here is in a loop, or wants the disk full."""
_LOW_SHARE, _LOW_AT_MOST = 20, 20 * 10**9
"""One part in twenty of a disk is little, unless that is a large part of a large disk."""
_SMALL_SLOT_SHARE, _SMALL_REQUEST_SHARE = 10, 40
"""Of a disk on which the other figures would leave nothing to work with."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, in bytes."""

    free: int
    """What a user's process may still write."""
    total: int

    @property
    def takes_slot(self) -> bool:
        """Whether one more worker may be given a folder."""
        return self.free >= self._low

    @property
    def takes_request(self) -> bool:
        """Whether a model may be asked: what it answers has to be kept."""
        return self.free >= min(_FOR_A_REQUEST, self.total // _SMALL_REQUEST_SHARE)

    def slots_that_fit(self, each: int) -> int:
        """How many folders of `each` bytes it takes before it is low."""
        return max(0, self.free - self._low) // max(each, 1)

    @property
    def most_in_a_slot(self) -> int:
        """Bytes that commands may write in one working folder: never more than half of what is free."""
        return min(MOST_IN_A_SLOT, self.free // 2)

    @property
    def _low(self) -> int:
        share = min(self.total // _LOW_SHARE, _LOW_AT_MOST)
        return min(max(_FOR_A_SLOT, share), self.total // _SMALL_SLOT_SHARE)


PLENTY = Disk(free=10**15, total=10**15)
"""The disk of who does not look."""


def show_bytes(number: int) -> str:
    """A size for people: `1.5 GB`, in thousands."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{number} bytes"
