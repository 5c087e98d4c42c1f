"""How large a fleet is worth paying for: a simulation of the town with different numbers of workers.

The simulation knows what the rehearsal measured: how long each bead took, how long landing takes,
and which beads wait for which. It spends no money and runs no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import log
from typing import TYPE_CHECKING, Literal

from gastown_desktop.core.errors import ConvoyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_desktop.core.convoy import Dag
    from gastown_desktop.core.ids import BeadId

FLEET_SIZES: tuple[int, ...] = (1, 2, 4, 8, 16, 30)
"""Sizes that the evidence report shows."""
EVERY_SIZE: tuple[int, ...] = tuple(range(1, 31))
"""Sizes from which the knee is read."""
WORTH_A_WORKER = 0.05
"""One more worker is worth it when it adds this share of the speed-up reached without it."""

Verdict = Literal["parallel", "partly", "serial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one bead keeps a worker busy for."""

    bead: BeadId
    seconds_before_gate: float
    """From the start of the slot to the submission, without the worker's own test run."""
    gate_s: float = 0.0
    """The worker's own test run at the submission, in seconds; the Refinery's gates are not in it."""

    @property
    def seconds(self) -> float:
        """From the start of the slot until the worker is free again."""
        return self.seconds_before_gate + self.gate_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSize:
    """One point of the speed-up curve."""

    workers: int
    makespan_s: float
    """From the first start to the last landing, in seconds."""
    speedup: float
    """How many times faster than one worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a fleet pays for this work."""

    verdict: Verdict
    knee: int
    """The number of workers above which one mostly pays for waiting."""
    reasons: tuple[str, ...]
    """Plain sentences with numbers."""


def makespan(
    works: Iterable[Work],
    dag: Dag,
    workers: int,
    *,
    merge_s: float,
    gate_s: float,
    executors: int = 1,
    failure_rate: float = 0.0,
) -> float:
    """Seconds from the first start to the last landing with a fleet of at most `workers`.

    A free worker takes the ready bead with the most work waiting behind it. The Refinery lands all
    that waits together; the beads that wait for these become ready then. A fleet never has to use
    all its workers, so the result is that of its best size: list scheduling alone may take longer
    with one worker more (R. L. Graham, Bounds on Multiprocessing Timing Anomalies, 1969).

    Args:
        works: one for each bead of the DAG.
        dag: which beads wait for which; a bead that runs only if another fails does not run.
        workers: size of the fleet, at least 1.
        merge_s: seconds to build one candidate.
        gate_s: seconds of one run of the Refinery's gates.
        executors: gate runs at the same time.
        failure_rate: chance that a candidate turns the gates red, 0 to below 1.

    Raises:
        ConvoyError: the beads of `works` are not those of the DAG.
        ValueError: a fleet without workers.
    """
    town = _Town(works, dag, merge_s=merge_s, gate_s=gate_s, executors=executors, failure_rate=failure_rate)
    return min(town.run(size) for size in _sizes_up_to(workers))


def speed_up_curve(
    works: Iterable[Work],
    dag: Dag,
    *,
    merge_s: float,
    gate_s: float,
    executors: int = 1,
    failure_rate: float = 0.0,
    sizes: Sequence[int] = FLEET_SIZES,
) -> list[FleetSize]:
    """How fast fleets of those sizes are against one worker; arguments and errors as in `makespan`."""
    town = _Town(works, dag, merge_s=merge_s, gate_s=gate_s, executors=executors, failure_rate=failure_rate)
    best: dict[int, float] = {}
    shortest = float("inf")
    for size in _sizes_up_to(max(sizes)):
        shortest = min(shortest, town.run(size))
        best[size] = shortest
    return [
        FleetSize(workers=size, makespan_s=best[size], speedup=best[1] / best[size] if best[size] else 1.0)
        for size in sizes
    ]


def knee(curve: Sequence[FleetSize]) -> int:
    """The number of workers above which one mostly pays for waiting.

    It is the smallest size from which no larger size is worth its workers: on average each of the
    workers added would add less than 5 % of the speed-up already reached. Looking at all larger
    sizes and not only at the next keeps a plateau in the middle (six equal beads take two rounds
    with three, four and five workers) from passing for the end.

    Args:
        curve: at least one size, smallest first; `EVERY_SIZE` for an exact answer.
    """
    for index, here in enumerate(curve):
        if not any(_worth_going(here, there) for there in curve[index + 1 :]):
            return here.workers
    raise ValueError("a curve has at least one size")


def fit(works: Iterable[Work], dag: Dag, curve: Sequence[FleetSize], hot_spots: Sequence[str] = ()) -> Fit:
    """Says whether a fleet pays: in parallel (knee 6 or more), partly (3 to 5) or not (serial, 2 or less).

    Args:
        works: one for each bead of the DAG.
        dag: which beads wait for which.
        curve: speed-up of every size, smallest first.
        hot_spots: files that serialise the work, worst first.
    """
    seconds = {work.bead: work.seconds for work in works}
    workers = knee(curve)
    speedup = next(size.speedup for size in curve if size.workers == workers)
    chain = dag.critical_path(seconds)
    chain_s = sum(seconds[bead] for bead in chain)
    reasons = [
        f"{dag.independent} of {len(dag.beads)} beads wait for nothing.",
        f"The longest chain has {_counted(len(chain), 'bead')}"
        f" and takes {chain_s:,.0f} s of {sum(seconds.values()):,.0f} s of work.",
        f"{_counted(workers, 'worker')} {'is' if workers == 1 else 'are'} {speedup:.1f} times as fast as one;"
        " above that you pay for waiting.",
    ]
    if hot_spots:
        reasons.append(f"{_counted(len(hot_spots), 'file')} in the way: {', '.join(hot_spots)}.")
    return Fit(verdict=_verdict(workers), knee=workers, reasons=tuple(reasons))


class _Town:
    """The plan and the speeds of one simulated town; `run` plays it from the start."""

    def __init__(
        self,
        works: Iterable[Work],
        dag: Dag,
        *,
        merge_s: float,
        gate_s: float,
        executors: int,
        failure_rate: float,
    ) -> None:
        self.seconds: dict[BeadId, float] = {work.bead: work.seconds for work in works}
        if self.seconds.keys() != set(dag.beads):
            raise ConvoyError("The durations and the beads of this convoy do not match.")
        self.dag = dag
        self.rank = _ranks(dag, self.seconds)
        self.unneeded = frozenset(dag.unneeded(set(dag.beads)))
        self.merge_s = merge_s
        self.gate_s = gate_s
        self.executors = executors
        self.failure_rate = failure_rate

    def run(self, workers: int) -> float:
        """Seconds until the last landing."""
        return _Run(self, workers).until_all_landed()

    def landing_s(self, candidates: int) -> float:
        """Seconds that the Refinery takes to land so many candidates together."""
        runs = expected_gate_runs(candidates, self.failure_rate, self.executors)
        return candidates * self.merge_s + runs * self.gate_s


class _Run:
    """One run of a simulated town: what is ready, who is busy, what waits to land."""

    def __init__(self, town: _Town, workers: int) -> None:
        self._town = town
        self._idle = workers
        self._now = 0.0
        self._missing = {bead: len(town.dag.dependencies(bead)) for bead in town.dag.beads}
        self._ready = [
            (town.rank[bead], bead)
            for bead in town.dag.beads
            if not self._missing[bead] and bead not in town.unneeded
        ]
        heapify(self._ready)
        self._working: list[tuple[float, int, BeadId]] = []
        self._submitted: list[BeadId] = []
        self._landing: list[BeadId] = []
        self._landing_ends = float("inf")

    def until_all_landed(self) -> float:
        """Plays the run; returns the seconds at its end."""
        self._dispatch()
        while self._working or self._landing:
            if self._working and self._working[0][0] <= self._landing_ends:
                self._submit()
            else:
                self._land()
            self._dispatch()
        return self._now

    def _dispatch(self) -> None:
        while self._idle and self._ready:
            rank, bead = heappop(self._ready)
            self._idle -= 1
            heappush(self._working, (self._now + self._town.seconds[bead], rank, bead))

    def _submit(self) -> None:
        self._now = self._working[0][0]
        while self._working and self._working[0][0] == self._now:
            self._submitted.append(heappop(self._working)[2])
            self._idle += 1
        if not self._landing:
            self._start_landing()

    def _land(self) -> None:
        self._now = self._landing_ends
        for bead in self._landing:
            for dependant in self._town.dag.dependants(bead):
                self._missing[dependant] -= 1
                if not self._missing[dependant] and dependant not in self._town.unneeded:
                    heappush(self._ready, (self._town.rank[dependant], dependant))
        self._start_landing()

    def _start_landing(self) -> None:
        self._landing, self._submitted = self._submitted, []
        if self._landing:
            self._landing_ends = self._now + self._town.landing_s(len(self._landing))
        else:
            self._landing_ends = float("inf")


def expected_gate_runs(candidates: int, failure_rate: float, executors: int = 1) -> float:
    """Gate times to land so many candidates together, on average.

    One run shows that all are green; else a search halves the stack (with several executors cuts
    it into more parts) down to one candidate, and one more run confirms it.

    Args:
        candidates: at least 1.
        failure_rate: chance that one of them fails, 0 to below 1.
        executors: gate runs at the same time, at least 1.
    """
    some_red = 1 - (1 - failure_rate) ** candidates
    return 1 + some_red * (log(candidates) / log(executors + 1) + 1)


def _ranks(dag: Dag, seconds: Mapping[BeadId, float]) -> dict[BeadId, int]:
    """Numbers the beads by urgency: those with the longest chain behind them come first."""
    remaining = dag.remaining(seconds)
    by_urgency = sorted(dag.beads, key=lambda bead: -remaining[bead])
    return {bead: rank for rank, bead in enumerate(by_urgency)}


def _sizes_up_to(workers: int) -> range:
    if workers < 1:
        raise ValueError(f"a fleet has at least one worker, not {workers}")
    return range(1, workers + 1)


def _worth_going(here: FleetSize, there: FleetSize) -> bool:
    added = there.workers - here.workers
    return there.speedup >= here.speedup * (1 + WORTH_A_WORKER * added)


def _verdict(workers: int) -> Verdict:
    if workers >= 6:
        return "parallel"
    return "partly" if workers >= 3 else "serial"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
