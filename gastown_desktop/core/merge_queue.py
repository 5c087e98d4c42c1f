"""The Refinery's decisions: who lands next, and which stack of candidates to gate next.

All of it is arithmetic over values; running gates and moving refs is the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, log1p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gastown_desktop.core.ids import ConvoyId, MergeId
    from gastown_desktop.core.merge_request import MergeRequest

MAX_OVERTAKEN = 10
"""After so many later requests have landed before it, nothing later passes a request any more."""

_HOUR_S = 3600.0
_MOST_WEIGHT = 400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a merge request is ordered by, in its parts."""

    age: float
    """What it owes to time: its own and its convoy's, 100 an hour each."""
    urgency: int
    """What it owes to its priority."""
    retries: int
    """What it lost by coming back, positive."""

    @property
    def total(self) -> float:
        """The higher, the sooner it lands."""
        return 1000 + self.age + self.urgency - self.retries


def score(entry: MergeRequest, now: float, convoy_started_at: float | None) -> Score:
    """What a merge request is ordered by.

    Args:
        entry: a merge request that waits.
        now: seconds since the epoch.
        convoy_started_at: seconds since the epoch; None for a bead without a convoy, which adds nothing.
    """
    convoy_age_h = 0.0 if convoy_started_at is None else (now - convoy_started_at) / _HOUR_S
    own_age_h = (now - entry.submitted_at) / _HOUR_S
    return Score(
        age=100 * max(0.0, convoy_age_h) + 100 * max(0.0, own_age_h),
        urgency=100 * (4 - entry.priority),
        retries=min(50 * entry.retries, 300),
    )


def landing_order(
    entries: Iterable[MergeRequest], now: float, convoy_started_at: Mapping[ConvoyId, float]
) -> list[MergeRequest]:
    """Sorts waiting requests by score, first come first served among equals.

    Whatever prefix of the result lands, nobody is overtaken more than `MAX_OVERTAKEN` times: a
    request that has been, or that the prefix would overtake so often, is a barrier that nothing
    submitted later passes.

    Args:
        entries: requests that could land now; one whose dependencies have not landed is not among them.
        now: seconds since the epoch.
        convoy_started_at: start of each convoy, seconds since the epoch.
    """

    def urgency(entry: MergeRequest) -> float:
        started_at = None if entry.convoy is None else convoy_started_at.get(entry.convoy)
        return score(entry, now, started_at).total

    waiting = sorted(entries, key=_arrival)
    overtaken = {entry.id: entry.overtaken for entry in waiting}
    order: list[MergeRequest] = []
    while waiting:
        barrier = next((at for at, entry in enumerate(waiting) if overtaken[entry.id] >= MAX_OVERTAKEN), None)
        may_go = waiting if barrier is None else waiting[: barrier + 1]
        chosen = may_go.index(max(may_go, key=urgency))
        for passed in waiting[:chosen]:
            overtaken[passed.id] += 1
        order.append(waiting.pop(chosen))
    return order


def after_landing(entries: Iterable[MergeRequest], landed_ids: Collection[MergeId]) -> list[MergeRequest]:
    """The requests that still wait, each having counted the later ones that landed before it.

    Args:
        entries: all requests that could have landed, those that did included.
        landed_ids: those that did.
    """
    entries = list(entries)
    landed = [_arrival(entry) for entry in entries if entry.id in landed_ids]
    return [
        replace(entry, overtaken=entry.overtaken + sum(arrival > _arrival(entry) for arrival in landed))
        for entry in entries
        if entry.id not in landed_ids
    ]


def _arrival(entry: MergeRequest) -> tuple[float, MergeId]:
    return (entry.submitted_at, entry.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRate:
    """How often a candidate turns the gates red: the Beta posterior of one rig."""

    alpha: float = 1.0
    """Candidates blamed, on top of the one that the prior counts."""
    beta: float = 19.0
    """Candidates landed, on top of the nineteen that the prior counts."""

    @property
    def p(self) -> float:
        """Expected share of candidates that fail, strictly between 0 and 1."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def counts(self) -> tuple[int, int]:
        """Candidates landed and blamed that give this rate again, rounded."""
        return max(0, round(self.beta - 19)), max(0, round(self.alpha - 1))

    def seen(self, green: int, red: int) -> FailureRate:
        """The rate after so many more candidates landed (green) and were blamed (red).

        Beyond the last few hundred candidates the past fades, so that a rate kept for years still learns.
        """
        alpha, beta = self.alpha + red, self.beta + green
        fading = min(1.0, _MOST_WEIGHT / (alpha + beta))
        return FailureRate(alpha=alpha * fading, beta=beta * fading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One run of the gates on the first `length` candidates of the stack."""

    length: int
    confirming: bool = False
    """True for the second run of a red, which bypasses the cache of gate results."""


class PrefixSearch:
    """What is known about one stack of candidates, and what to gate next.

    A length is green or red as its exact tree was gated; length 0, the landing branch itself, is
    green. A red is searched down to one candidate, whose red is then confirmed by a second run
    before that candidate is blamed. After a blame the caller lands what is landable, ejects the
    blamed candidate and begins a new search with the rest.

    Args:
        stack: the candidates, first to land first.
        rate: how often candidates fail.

    Attributes:
        blamed: the candidate that turned its green predecessor red twice; None while there is none.
        flaky: true once a red came out green in its confirming run.
    """

    def __init__(self, stack: Iterable[MergeId], rate: FailureRate) -> None:
        self.blamed: MergeId | None = None
        self.flaky = False
        self._stack: list[MergeId] = list(stack)
        self._rate = rate
        self._green = 0
        self._red: set[int] = set()

    @property
    def stack(self) -> tuple[MergeId, ...]:
        """The candidates that have not landed, first to land first."""
        return tuple(self._stack)

    @property
    def landable(self) -> int:
        """Length of the longest prefix that was gated green."""
        return self._green

    def extend(self, ids: Iterable[MergeId]) -> None:
        """Puts more candidates on top of the stack."""
        self._stack.extend(ids)

    def next_probe(self) -> Probe | None:
        """The most useful prefix to gate; None when all is green or somebody is blamed."""
        return next(iter(self.probes(1)), None)

    def probes(self, executors: int) -> list[Probe]:
        """Up to `executors` different prefixes that are worth gating at the same time, shortest first.

        The outcomes may be recorded in any order, all before anything is landed.
        """
        if self.blamed is not None or executors < 1:
            return []
        if not self._red:
            lengths = _first_lengths(self._rate.p, len(self._stack) - self._green, executors)
            return [Probe(length=self._green + length) for length in lengths]
        gap = min(self._red) - self._green
        if gap == 1:
            return [Probe(length=min(self._red), confirming=True)]
        return [Probe(length=self._green + length) for length in _splits(self._rate.p, gap, executors)]

    def record(self, probe: Probe, green: bool) -> None:
        """Notes how a run of the gates ended.

        Raises:
            ValueError: the stack has no prefix of that length.
        """
        if not 1 <= probe.length <= len(self._stack):
            raise ValueError(f"no prefix of {probe.length} in a stack of {len(self._stack)}")
        if green:
            self._record_green(probe)
        else:
            self._record_red(probe)

    def landed(self, n: int) -> None:
        """Takes the first `n` candidates off the stack, after they landed.

        Raises:
            ValueError: more than is landable, or less than nothing.
        """
        if not 0 <= n <= self._green:
            raise ValueError(f"{n} candidates cannot have landed: {self._green} are green")
        del self._stack[:n]
        self._green -= n
        self._red = {length - n for length in self._red}

    def _record_green(self, probe: Probe) -> None:
        self.flaky = self.flaky or (probe.confirming and probe.length in self._red)
        self._green = max(self._green, probe.length)
        self._red = {length for length in self._red if length > self._green}

    def _record_red(self, probe: Probe) -> None:
        if probe.length <= self._green:
            return
        self._red.add(probe.length)
        if probe.confirming and probe.length == self._green + 1:
            self.blamed = self._stack[probe.length - 1]


def _first_lengths(p: float, available: int, executors: int) -> list[int]:
    """Prefixes that cut the chance of an all-green run into equal parts; for one executor ln 2 / −ln(1 − p).

    Args:
        p: chance that one candidate fails.
        available: candidates that have not been gated.
        executors: how many prefixes at most.
    """
    if available < 1:
        return []
    parts = executors + 1
    ideal = (log(parts / (parts - part)) / -log1p(-p) for part in range(1, parts))
    return sorted({min(max(1, int(length)), available) for length in ideal})


def _splits(p: float, gap: int, executors: int) -> list[int]:
    """Inner lengths that cut a red gap into parts equally likely to hold the first failure.

    Args:
        p: chance that one candidate fails.
        gap: the first `gap` candidates together are red; at least 2.
        executors: how many lengths at most.
    """
    fails_within = [1 - (1 - p) ** length for length in range(gap + 1)]

    def nearest(share: float) -> int:
        return min(range(1, gap), key=lambda length: abs(fails_within[length] - share * fails_within[gap]))

    return sorted({nearest(part / (executors + 1)) for part in range(1, executors + 1)})
