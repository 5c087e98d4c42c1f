"""How many workers are worth starting as a convoy nears its cap, its $/hour, or the machine's limits."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

SLOWING_SHARE = 4
"""Below one part in this many of the cap, workers start only as far as what is left finishes their beads."""
_FEWEST = 3
"""Finished beads from which the cost of the next is told."""
_BUSY_LOAD = 8.0
"""Runnable processes per core above which no further worker starts."""
_SURE_S = 60.0
"""Worker-seconds before a rate per hour is believed."""


def most_under_cap(free: int | None, cap: int | None, finished: Sequence[int]) -> int | None:
    """Workers that may be at work so that what is left finishes their beads; None where that is no limit.

    Args:
        free: nano-dollars that are left.
        cap: nano-dollars in all; None without a cap.
        finished: what finished beads cost, nano-dollars.
    """
    if cap is None or free is None or free * SLOWING_SHARE >= cap or len(finished) < _FEWEST:
        return None
    typical = int(median(finished))
    return max(1, free // typical) if typical else None


def most_per_hour(limit: int | None, spent: int, worker_s: float) -> int | None:
    """Workers that may be at work so that an hour costs no more than the user wants; None for no limit.

    Args:
        limit: nano-dollars an hour.
        spent: nano-dollars that the workers cost so far.
        worker_s: seconds that they were at work for it, added up.
    """
    if limit is None or worker_s < _SURE_S or not spent:
        return None
    per_worker_hour = spent * 3_600 / worker_s
    return max(1, int(limit / per_worker_hour))


def machine_is_busy(load: float, cores: int) -> bool:
    """Whether a further worker would only make the others slower.

    Args:
        load: runnable processes, averaged over a minute.
        cores: of the machine.
    """
    return load > _BUSY_LOAD * cores
