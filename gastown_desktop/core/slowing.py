"""How many workers are worth starting as a convoy nears its cap, its $/hour, or the machine's limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import ceil, exp, fsum, log
from statistics import quantiles

from gastown_desktop.core.ids import BeadId

SLOWING_SHARE = 4
"""Below one part in this many of the cap, beads are begun only as far as what is left finishes them."""
FINISHING_SHARE = 5
"""Below one part in this many, those at work go on only as far as what is left finishes them."""
LAST_SHARE = 40
"""One part in this many of the cap is not begun with for a bead that it does not finish."""
HOPE = 1.25
"""What is left counts for so much, so that no worker stands still for beads that end sooner than thought."""
FEWEST_FINISHED = 3
"""Finished beads that tell what one costs where nothing was foreseen."""
_BUSY_LOAD = 8.0
"""Runnable processes per core above which no further worker starts."""
_SURE_S = 60.0
"""Worker-seconds before a rate per hour is believed."""


def level_of(finished: Sequence[float], at_work: Sequence[float]) -> float:
    """What beads really cost, as a multiple of what was foreseen.

    What was foreseen weighs as much as one finished bead. Those at work count as well: they cost at least
    what they cost so far, and whoever finishes first was cheaper than the others.

    Args:
        finished: of each bead that is finished.
        at_work: of each at work, so far.
    """
    known = exp(fsum(log(one) for one in finished if one > 0) / (len(finished) + 1))
    return max(known, quantiles(at_work, n=4)[2]) if len(at_work) > 1 else known


def whole_of(spent: int, typical: float) -> int:
    """What a bead will have cost when it is handed in, nano-dollars: at least half more than it cost so far.

    That is about the median for a log-normal cost with the spread that beads have (core.forecast), of a bead
    that cost two thirds to twice as much as one of its kind.

    Args:
        spent: nano-dollars so far.
        typical: what such a bead costs, nano-dollars.
    """
    return max(ceil(typical), spent + spent // 2)


def go_on(
    needs: Mapping[BeadId, int], candidates: Sequence[BeadId], *, left: int, cap: int
) -> Collection[BeadId]:
    """Who goes on besides those that were chosen: a quarter more than what is left finishes, in order.

    Somebody always goes on, unless what is left is very little and would finish nobody.

    Args:
        needs: nano-dollars that each bead that goes on or would like to still costs.
        candidates: those who would like to, the first to be chosen first.
        left: nano-dollars.
        cap: nano-dollars in all.
    """
    hoped = left * HOPE - sum(needs[bead] for bead in needs.keys() - candidates)
    nobody = len(needs) == len(candidates)
    chosen: list[BeadId] = []
    for bead in candidates:
        hoped -= needs[bead]
        if hoped < 0 and (chosen or not nobody or left * LAST_SHARE < cap):
            break
        chosen.append(bead)
    return chosen


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
