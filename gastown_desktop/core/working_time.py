"""Working time: how long workers really worked, and how long the convoy ran meanwhile.

A worker works while its copy is prepared, from when a turn's request was reserved until the turn ended, and
until the work is handed in. What lies between two turns is waiting: for the limit, for the provider, for an
answer. The convoy runs while its stage is `running`; paused or with the program closed it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from gastown_desktop.core import events as ev
from gastown_desktop.core.charges import Charge
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.projection import Projection

RECOVERY = timedelta(minutes=1)
"""A start tells what was lost within this time before it says `Recovered`."""
_FINISHED = frozenset({"merged", "landed", "failed", "discarded"})
_STANDS_STILL = frozenset({"waiting", "paused", "stuck", "failed", "done"})

Period = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingTime:
    """Seconds, all of them inside the time that the convoy ran."""

    own_s: float
    """Of the beads themselves, added up; resolvers, whom a single worker would not need, are left out."""
    busy_s: float
    """Of all workers, added up."""
    busy_unfinished_s: float
    """The same, while beads were unfinished."""
    ran_s: float
    """How long the convoy ran."""
    unfinished_s: float
    """How long it ran with beads that were not finished."""
    most_at_once: int
    """The largest number of workers that had a bead at the same time."""


def working_time_of(envelopes: Sequence[ev.Envelope], charges: Iterable[Charge]) -> WorkingTime:
    """How long workers worked, and how long the convoy ran.

    Args:
        envelopes: the convoy's history, oldest first.
        charges: its requests; they tell when a turn really began.
    """
    spans, clock = _Spans(charges), _Clock()
    state = Projection()
    for envelope in envelopes:
        state.apply(envelope)
        spans.heed(envelope)
        clock.heed(state, envelope.at)
    if envelopes:
        clock.end(envelopes[-1].at)
    stops = _stops(envelopes)
    running, unfinished = _without(clock.running, stops), _without(clock.unfinished, stops)
    own = [span for bead, span in spans.found if not _resolves(state, bead)]
    every = [span for _, span in spans.found]
    return WorkingTime(
        own_s=_overlap_s(own, running),
        busy_s=_overlap_s(every, running),
        busy_unfinished_s=_overlap_s(every, unfinished),
        ran_s=_length_s(running),
        unfinished_s=_length_s(unfinished),
        most_at_once=spans.most_at_once,
    )


def bead_seconds(envelopes: Sequence[ev.Envelope], charges: Iterable[Charge]) -> dict[BeadId, float]:
    """Seconds of work by bead, all attempts; a resolver's are those of the bead whose conflict it resolves.

    Args:
        envelopes: the convoy's history, oldest first.
        charges: its requests; they tell when a turn really began.
    """
    spans, state = _Spans(charges), Projection()
    for envelope in envelopes:
        state.apply(envelope)
        spans.heed(envelope)
    seconds: dict[BeadId, float] = {}
    for worked_on, (since, until) in spans.found:
        bead = (state.resolved_by(worked_on) if worked_on in state.beads else None) or worked_on
        seconds[bead] = seconds.get(bead, 0.0) + (until - since).total_seconds()
    return seconds


@dataclass(slots=True)
class _Worker:
    """A worker as the history has it so far."""

    bead: BeadId
    mark: datetime
    """Since when what it does next may have been going on."""
    prepares: bool = True
    """Its copy is being made; else what comes after `mark` counts from its next request."""
    stands: bool = False


class _Spans:
    """Collects the stretches in which workers worked, with the bead that was worked on."""

    def __init__(self, charges: Iterable[Charge]) -> None:
        self.found: list[tuple[BeadId, Period]] = []
        self.most_at_once = 0
        self._workers: dict[PolecatName, _Worker] = {}
        self._asked: dict[str, list[datetime]] = {}
        for charge in charges:
            if charge.state == "settled":
                self._asked.setdefault(charge.what, []).append(charge.at)

    def heed(self, envelope: ev.Envelope) -> None:
        """Takes in one event."""
        at = envelope.at
        match envelope.event:
            case ev.BeadSlung(polecat=name, bead=bead):
                self._workers[name] = _Worker(bead, at)
            case ev.PolecatStateChanged(polecat=name, state=state):
                self._changed(name, state, at)
            case ev.TurnEnded() as turn:
                self._turned(turn, at)
            case ev.BeadSubmitted(polecat=name):
                self._handed_in(name, at)
            case ev.NeedsYou(bead=bead) | ev.BeadReopened(bead=bead) | ev.BeadDropped(bead=bead):
                self._left(bead)
            case _:
                return
        at_work = sum(not worker.stands for worker in self._workers.values())
        self.most_at_once = max(self.most_at_once, at_work)

    def _changed(self, name: PolecatName, state: str, at: datetime) -> None:
        worker = self._workers.get(name)
        if worker is None:
            return
        if state == "working" and worker.prepares and not worker.stands:
            self._add(worker, worker.mark, at)
        worker.mark, worker.prepares = at, state == "starting"
        worker.stands = state in _STANDS_STILL

    def _turned(self, turn: ev.TurnEnded, at: datetime) -> None:
        worker = self._workers.setdefault(turn.polecat, _Worker(turn.bead, at))
        asked = self._asked.get(f"{turn.bead} {turn.polecat} turn {turn.turn}", [])
        began = next((one for one in asked if worker.mark <= one <= at), worker.mark)
        self._add(worker, began, at)
        worker.mark, worker.prepares, worker.stands = at, False, False

    def _handed_in(self, name: PolecatName, at: datetime) -> None:
        worker = self._workers.pop(name, None)
        if worker is not None and not worker.stands:
            self._add(worker, worker.mark, at)

    def _left(self, bead: BeadId | None) -> None:
        self._workers = {name: one for name, one in self._workers.items() if one.bead != bead}

    def _add(self, worker: _Worker, since: datetime, until: datetime) -> None:
        self.found.append((worker.bead, (since, until)))


@dataclass(slots=True)
class _Clock:
    """Collects when the convoy ran, and when it ran with unfinished beads."""

    running: list[Period] = field(default_factory=list[Period])
    unfinished: list[Period] = field(default_factory=list[Period])
    _runs_since: datetime | None = None
    _unfinished_since: datetime | None = None

    def heed(self, state: Projection, at: datetime) -> None:
        """Takes in where the convoy stands after an event."""
        runs = state.stage == "running"
        unfinished = runs and any(state.beads[one].status not in _FINISHED for one in state.works())
        self._runs_since = _turn(self.running, self._runs_since, at, on=runs)
        self._unfinished_since = _turn(self.unfinished, self._unfinished_since, at, on=unfinished)

    def end(self, at: datetime) -> None:
        """The history ends here; whatever runs goes on unseen."""
        self._runs_since = _turn(self.running, self._runs_since, at, on=False)
        self._unfinished_since = _turn(self.unfinished, self._unfinished_since, at, on=False)


def _turn(periods: list[Period], since: datetime | None, at: datetime, *, on: bool) -> datetime | None:
    """Begins or ends a period; returns since when one lasts."""
    if on:
        return since or at
    if since is not None:
        periods.append((since, at))
    return None


def _resolves(state: Projection, bead: BeadId) -> bool:
    return bead in state.beads and state.beads[bead].bead.kind == "resolve"


def _stops(envelopes: Sequence[ev.Envelope]) -> list[Period]:
    """When the program was closed or dead: the longest silence that ended just before a recovery."""
    stops: list[Period] = []
    pairs = [(before.at, after.at) for before, after in pairwise(envelopes)]
    for number, envelope in enumerate(envelopes):
        if isinstance(envelope.event, ev.Recovered):
            recent = [pair for pair in pairs[:number] if pair[1] >= envelope.at - RECOVERY]
            stops += [max(recent, key=lambda pair: pair[1] - pair[0])] if recent else []
    return stops


def _without(periods: list[Period], stops: list[Period]) -> list[Period]:
    """Periods with stops cut out."""
    for stop_since, stop_until in stops:
        cut: list[Period] = []
        for since, until in periods:
            cut += [(since, min(until, stop_since)), (max(since, stop_until), until)]
        periods = [(since, until) for since, until in cut if since < until]
    return periods


def _overlap_s(spans: Iterable[Period], periods: Sequence[Period]) -> float:
    """Seconds of spans inside periods; spans that overlap count each."""
    return sum(
        max(0.0, (min(until, end) - max(since, begin)).total_seconds())
        for since, until in spans
        for begin, end in periods
    )


def _length_s(periods: Iterable[Period]) -> float:
    return sum((until - since).total_seconds() for since, until in periods)
