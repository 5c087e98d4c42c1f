"""The town as lanes beside a trunk: who works where, since which landing, and how high that is drawn.

Time runs upward and heights are stable: a gap between two landings depends on what lies between them alone,
so what is new pushes everything below it down together, and nothing ever moves sideways.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName

TOGETHER = 24
"""Pixels between two beads that were merged by one gate."""
LEAST_GAP = 38
"""Pixels between two landings at least."""
MOST_GAP = 240
"""Pixels between two landings at most, however much was done and however long it took."""
TIP_GAP = 46
"""Pixels between now and the newest landing at least."""
PER_COMMIT = 14
PER_MINUTE = 3.0

_NOTHING = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One bead on the trunk."""

    bead: BeadId
    convoy: ConvoyId
    worker: PolecatName | None
    commit: Oid
    at: datetime
    group: int
    """Beads that were merged together share it."""
    gate_s: float | None = None
    """How long the gate took that allowed it; None for all but the newest of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One bead in one lane, from its start to its end."""

    bead: BeadId
    worker: PolecatName
    slot: int
    """Which lane of its convoy, from 0."""
    base: Oid
    began: datetime
    commits: tuple[datetime, ...] = ()
    """Ends of turns that changed files."""
    ended: datetime | None = None
    """When it was handed in or taken from the worker; None while it is at work."""
    merged: datetime | None = None


@dataclass(slots=True)
class _Convoy:
    stretches: list[Stretch] = field(default_factory=list[Stretch])
    last: dict[BeadId, int] = field(default_factory=dict[BeadId, int])
    """Where each bead's newest stretch is."""
    slots: list[BeadId | None] = field(default_factory=list["BeadId | None"])
    """Which bead holds each lane: from its start until it is merged or gone."""
    changed: dict[BeadId, tuple[int, int, int]] = field(default_factory=dict[BeadId, tuple[int, int, int]])
    """Files, lines added and removed after each bead's last turn: one that leaves them is no dot."""


class Lanes:
    """Lanes and trunk, gathered as history comes in."""

    def __init__(self) -> None:
        """Starts with none."""
        self._convoys: dict[ConvoyId, _Convoy] = {}
        self._trunk: list[Landed] = []
        self._group = 0
        self._gate: dict[ConvoyId, float] = {}
        self._source: Sequence[ev.Envelope] | None = None
        self._read = 0

    def catch_up(self, history: Sequence[ev.Envelope]) -> bool:
        """Reads what came since; another or a shorter history is read from its begin.

        Returns:
            Whether anything changed.
        """
        if history is not self._source or len(history) < self._read:
            self.__init__()
            self._source = history
        new, self._read = history[self._read :], len(history)
        told = [self._take(envelope.event, envelope.at) for envelope in new]
        return any(told)

    def stretches(self, convoy: ConvoyId) -> list[Stretch]:
        """Stretches of a convoy in the order of their begin."""
        return list(self._convoys[convoy].stretches) if convoy in self._convoys else []

    def width(self, convoy: ConvoyId) -> int:
        """How many lanes a convoy has."""
        return len(self._convoys[convoy].slots) if convoy in self._convoys else 0

    def trunk(self, convoys: Sequence[ConvoyId]) -> list[Landed]:
        """What was merged, oldest first."""
        return sorted((one for one in self._trunk if one.convoy in convoys), key=lambda one: one.at)

    # --- reading history ---

    def _take(self, event: ev.DurableEvent, at: datetime) -> bool:
        match event:
            case ev.BeadSlung():
                self._begin(self._of(event.convoy), event, at)
            case ev.TurnEnded():
                self._turn(self._of(event.convoy), event, at)
            case ev.BeadSubmitted(bead=bead, resolver=resolver):
                self._end(self._of(event.convoy), resolver or bead, at)
            case ev.BeadReopened(bead=bead):
                self._end(self._of(event.convoy), bead, at)
            case ev.BeadDropped(bead=bead):
                self._end(self._of(event.convoy), bead, at)
                self._free(self._of(event.convoy), bead)
            case ev.GateRun() if event.green and not event.cached and event.beads:
                self._gate[event.convoy] = self._gate.get(event.convoy, 0.0) + event.seconds
            case ev.BeadMerged():
                self._merge(self._of(event.convoy), event, at)
            case _:
                return False
        return True

    def _of(self, convoy: ConvoyId) -> _Convoy:
        return self._convoys.setdefault(convoy, _Convoy())

    def _begin(self, convoy: _Convoy, event: ev.BeadSlung, at: datetime) -> None:
        self._end(convoy, event.bead, at)
        slot = _slot_for(convoy, event.bead, event.polecat)
        convoy.slots[slot] = event.bead
        convoy.last[event.bead] = len(convoy.stretches)
        convoy.changed[event.bead] = _NOTHING
        convoy.stretches.append(
            Stretch(bead=event.bead, worker=event.polecat, slot=slot, base=event.base, began=at)
        )

    def _turn(self, convoy: _Convoy, event: ev.TurnEnded, at: datetime) -> None:
        place = convoy.last.get(event.bead)
        changed = (event.files_changed, event.lines_added, event.lines_removed)
        if place is None or changed == convoy.changed.get(event.bead, _NOTHING):
            return
        convoy.changed[event.bead] = changed
        stretch = convoy.stretches[place]
        convoy.stretches[place] = replace(stretch, commits=(*stretch.commits, at))

    def _end(self, convoy: _Convoy, bead: BeadId, at: datetime) -> None:
        place = convoy.last.get(bead)
        if place is not None and convoy.stretches[place].ended is None:
            convoy.stretches[place] = replace(convoy.stretches[place], ended=at)

    def _merge(self, convoy: _Convoy, event: ev.BeadMerged, at: datetime) -> None:
        self._end(convoy, event.bead, at)
        place = convoy.last.get(event.bead)
        worker = None
        if place is not None:
            worker = convoy.stretches[place].worker
            convoy.stretches[place] = replace(convoy.stretches[place], merged=at)
        self._free(convoy, event.bead)
        gate_s = self._gate.pop(event.convoy, None)
        before = self._trunk[-1] if self._trunk else None
        if before is not None and before.convoy == event.convoy and gate_s is None:
            gate_s = before.gate_s
            self._trunk[-1] = replace(before, gate_s=None)
        else:
            self._group += 1
        self._trunk.append(
            Landed(
                bead=event.bead,
                convoy=event.convoy,
                worker=worker,
                commit=event.commit,
                at=at,
                group=self._group,
                gate_s=gate_s,
            )
        )

    def _free(self, convoy: _Convoy, bead: BeadId) -> None:
        convoy.slots = [None if one == bead else one for one in convoy.slots]


def _slot_for(convoy: _Convoy, bead: BeadId, worker: PolecatName) -> int:
    """The bead's own lane, else its worker's last one if that is free, else the first free one."""
    if bead in convoy.slots:
        return convoy.slots.index(bead)
    of_worker = [one.slot for one in convoy.stretches if one.worker == worker]
    if of_worker and convoy.slots[of_worker[-1]] is None:
        return of_worker[-1]
    if None in convoy.slots:
        return convoy.slots.index(None)
    convoy.slots.append(None)
    return len(convoy.slots) - 1


# --- heights --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a time is drawn: 0 is now, larger is further down; straight between two landings."""

    times: tuple[datetime, ...]
    """Oldest first; several landings may share a time."""
    heights: tuple[float, ...]
    """Of each of them."""

    def at(self, when: datetime) -> float:
        """The height of a time; before all of it, the bottom."""
        if not self.times or when >= self.times[-1]:
            return 0.0
        place = bisect_left(self.times, when)
        if self.times[place] == when or place == 0:
            return self.heights[place]
        older, newer = self.times[place - 1], self.times[place]
        last_of_older = place - 1
        share = (when - older).total_seconds() / (newer - older).total_seconds()
        top = self.heights[last_of_older]
        return top + share * (self.heights[place] - top)

    @property
    def bottom(self) -> float:
        """The height of the oldest time."""
        return self.heights[0] if self.heights else 0.0


def axis_of(
    began: datetime, trunk: Sequence[Landed], stretches: Sequence[Stretch], now: datetime
) -> tuple[Axis, list[float]]:
    """The axis of a town, and the height of each landing.

    Args:
        began: when the first convoy was planned; the bottom.
        trunk: landings, oldest first.
        stretches: what lies in the lanes.
        now: the top.

    Returns:
        The axis, and a height for each of `trunk`.
    """
    times = [began, *(one.at for one in trunk), max(now, trunk[-1].at if trunk else began)]
    most = _most_commits(times, stretches)
    gaps = [
        _gap(
            times[place - 1],
            times[place],
            most[place],
            together=1 < place <= len(trunk) and trunk[place - 1].group == trunk[place - 2].group,
            tip=place == len(times) - 1,
        )
        for place in range(1, len(times))
    ]
    heights = [0.0] * len(times)
    for place in range(len(times) - 2, -1, -1):
        heights[place] = heights[place + 1] + gaps[place]
    return Axis(tuple(times), tuple(heights)), heights[1:-1]


def _most_commits(times: Sequence[datetime], stretches: Sequence[Stretch]) -> list[int]:
    """For each time the most commits that one lane has between the time before and it."""
    most = [0] * len(times)
    for one in stretches:
        for place, count in Counter(bisect_right(times, at) for at in one.commits).items():
            if place < len(most):
                most[place] = max(most[place], count)
    return most


def _gap(older: datetime, newer: datetime, most: int, *, together: bool, tip: bool) -> float:
    if together:
        return TOGETHER
    wanted = max(PER_COMMIT * (most + 1), PER_MINUTE * (newer - older).total_seconds() / 60)
    return max(TIP_GAP if tip else LEAST_GAP, min(MOST_GAP, wanted))


def fork_times(
    stretches: Sequence[Stretch], trunk: Sequence[Landed], began: datetime
) -> Mapping[tuple[BeadId, datetime], datetime]:
    """Where each stretch leaves the trunk: at the commit that it started from.

    A lane that was still in use then is left at the time of its begin instead.

    Returns:
        The time, by bead and begin.
    """
    commits = {one.commit: one.at for one in trunk}
    forks: dict[tuple[BeadId, datetime], datetime] = {}
    ends: dict[int, datetime] = {}
    for one in sorted(stretches, key=lambda stretch: stretch.began):
        at = min(commits.get(one.base, began), one.began)
        busy_until = ends.get(one.slot)
        forks[one.bead, one.began] = one.began if busy_until is not None and busy_until > at else at
        ends[one.slot] = max(one.ended or one.began, one.commits[-1] if one.commits else one.began)
    return forks
