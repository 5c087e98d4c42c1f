"""Rounds of the gates: what was asked of one tree together, read from the runs of single gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What one gate said in a round."""

    gate: str
    green: bool
    seconds: float
    cached: bool = False
    tail: str = ""
    """Last lines of its output when it was red."""
    flipped: bool = False
    """With this it was both red and green on this very tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """All gates on one tree, up to the first red."""

    number: int
    """1, 2, 3, … among those it is listed with, in the order of time."""
    convoy: ConvoyId
    began: datetime
    ended: datetime
    purpose: str
    """`base`, `sabotage`, `candidate`, `confirm` or `landing`."""
    tree: Oid
    beads: tuple[BeadId, ...]
    """Beads in the prefix under test, first to land first."""
    answers: tuple[GateAnswer, ...]
    merged: int = 0
    """How many beads were merged on its word."""

    @property
    def key(self) -> str:
        """Tells it from all others."""
        return f"{self.convoy} {self.began.isoformat()} {self.purpose} {self.tree}"

    @property
    def green(self) -> bool:
        """Whether every gate that was asked was green."""
        return all(answer.green for answer in self.answers)

    @property
    def cached(self) -> bool:
        """Whether nothing ran: all of it was known."""
        return all(answer.cached for answer in self.answers)

    @property
    def seconds(self) -> float:
        """Time that its runs took."""
        return sum(answer.seconds for answer in self.answers)

    @property
    def tail(self) -> str:
        """What the red gate printed last; empty when there is none."""
        return next((answer.tail for answer in self.answers if not answer.green), "")


class GateRounds:
    """Rounds of all convoys, gathered as history comes in."""

    def __init__(self) -> None:
        """Starts with none."""
        self._rounds: list[Round] = []
        self._counts: dict[ConvoyId, int] = {}
        self._last: dict[ConvoyId, int] = {}
        """Where in the list each convoy's last round is."""
        self._source: Sequence[ev.Envelope] | None = None
        self._read = 0

    @property
    def rounds(self) -> tuple[Round, ...]:
        """All rounds in the order of time."""
        return tuple(self._rounds)

    def of(self, convoys: Collection[ConvoyId]) -> list[Round]:
        """Rounds of some convoys, oldest first."""
        found = sorted((one for one in self._rounds if one.convoy in convoys), key=lambda one: one.ended)
        return [replace(one, number=number) for number, one in enumerate(found, 1)]

    def catch_up(self, history: Sequence[ev.Envelope]) -> bool:
        """Reads what came since; another or a shorter history is read from its begin.

        Returns:
            Whether there are other rounds now.
        """
        if history is not self._source or len(history) < self._read:
            self.__init__()
            self._source = history
        new, self._read = history[self._read :], len(history)
        told = [self._take(envelope) for envelope in new]
        return any(told)

    def _take(self, envelope: ev.Envelope) -> bool:
        match envelope.event:
            case ev.GateRun() as run:
                self._take_run(run, envelope.at)
                return True
            case ev.BeadMerged(convoy=convoy, bead=bead):
                return self._take_merged(convoy, bead)
            case _:
                return False

    def _take_run(self, run: ev.GateRun, at: datetime) -> None:
        answer = GateAnswer(
            gate=run.gate,
            green=run.green,
            seconds=0.0 if run.cached else run.seconds,
            cached=run.cached,
            tail=run.tail,
            flipped=run.flipped,
        )
        place = self._last.get(run.convoy)
        if place is not None and _continues(self._rounds[place], run):
            before = self._rounds[place]
            self._rounds[place] = replace(before, ended=at, answers=(*before.answers, answer))
            return
        number = self._counts[run.convoy] = self._counts.get(run.convoy, 0) + 1
        self._last[run.convoy] = len(self._rounds)
        self._rounds.append(
            Round(
                number=number,
                convoy=run.convoy,
                began=at - timedelta(seconds=answer.seconds),
                ended=at,
                purpose=run.purpose,
                tree=run.tree,
                beads=run.beads,
                answers=(answer,),
            )
        )

    def _take_merged(self, convoy: ConvoyId, bead: BeadId) -> bool:
        place = self._last.get(convoy)
        if place is None or not self._rounds[place].green or bead not in self._rounds[place].beads:
            return False
        self._rounds[place] = replace(self._rounds[place], merged=self._rounds[place].merged + 1)
        return True


def usual_seconds(rounds: Iterable[Round], gate: str) -> float | None:
    """How long a gate usually takes: the median of its runs; None while it has none."""
    ran = [
        answer.seconds
        for one in rounds
        for answer in one.answers
        if answer.gate == gate and not answer.cached
    ]
    return median(ran) if ran else None


def candidates(rounds: Sequence[Round], waiting: Iterable[BeadId]) -> list[BeadId]:
    """Beads of some rounds and of the queue in one row, so that each round spans neighbours where it can.

    Args:
        rounds: oldest first.
        waiting: beads of the queue in landing order.
    """
    row: list[BeadId] = []
    for beads in [*(one.beads for one in rounds), tuple(waiting)]:
        place = next((row.index(bead) for bead in beads if bead in row), len(row))
        for bead in beads:
            if bead in row:
                place = max(place, row.index(bead) + 1)
            else:
                row.insert(place, bead)
                place += 1
    return row


def red_is_in(rounds: Sequence[Round], place: int) -> tuple[BeadId, ...]:
    """Where a red must be once a shorter prefix was green: beads of the red round that the green one lacks.

    Args:
        rounds: oldest first.
        place: of the green round among them.

    Returns:
        Nothing when no earlier round was red on a longer prefix.
    """
    green = rounds[place]
    if not green.green or not green.beads:
        return ()
    for earlier in reversed(rounds[:place]):
        if earlier.purpose != "candidate" or not earlier.beads:
            continue
        longer = len(earlier.beads) > len(green.beads) and set(green.beads) <= set(earlier.beads)
        if earlier.green or not longer:
            return ()
        return tuple(bead for bead in earlier.beads if bead not in green.beads)
    return ()


def _continues(last: Round, run: ev.GateRun) -> bool:
    """Whether a run belongs to the round before it: the same question, and nothing was red yet."""
    same = (last.purpose, last.tree, last.beads) == (run.purpose, run.tree, run.beads)
    asked = run.gate in {answer.gate for answer in last.answers}
    return same and last.green and not asked and not last.merged
