"""What the merge page lists: the queue, what was merged, and the rounds of the gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.flakiness import reds_needed
from gastown_desktop.core.gate_rounds import Round
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.projection import BeadView, GateView, Projection
from gastown_desktop.core.queue_order import QueueEntry, queue
from gastown_desktop.core.sensitive import look_words
from gastown_desktop.core.wording import UNKNOWN, show_age, show_clock, show_money, show_took

_PURPOSES = {
    "base": "the base, before anything is merged",
    "sabotage": "a broken source, to see whether it is noticed",
    "candidate": "a stack of branches",
    "confirm": "the same stack again",
    "landing": "what would land",
}


def _place(entry: QueueEntry) -> int:
    return entry.position or 1_000_000


QUEUE_COLUMNS = (
    Column[QueueEntry]("#", lambda one: str(one.position or ""), sort=_place),
    Column[QueueEntry]("Bead", lambda one: f"{one.bead} {one.title}"),
    Column[QueueEntry]("Worker", lambda one: one.worker),
    Column[QueueEntry](
        "Score",
        lambda one: f"{one.score.total:,.0f}" if one.position else "",
        right=True,
        sort=lambda one: one.score.total,
    ),
    Column[QueueEntry](
        "age, priority, retries", lambda one: one.parts if one.position and not one.reason else one.reason
    ),
    Column[QueueEntry]("State", lambda one: one.word),
    Column[QueueEntry](
        "Waiting", lambda one: show_age(one.waited_s), right=True, sort=lambda one: one.waited_s
    ),
)


class QueueModel(RowsModel[QueueEntry]):
    """The queue of a convoy."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Starts empty."""
        super().__init__(QUEUE_COLUMNS, lambda one: one.merge, lambda one: one.spoken, parent)

    def refresh(self, view: TownView, states: Sequence[Projection], now: datetime) -> None:
        """Shows who waits now."""
        self.set_values(queue(states, view.glance, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedBead:
    """A bead whose change is in the convoy, and perhaps on its target."""

    bead: BeadId
    title: str
    worker: PolecatName | None
    at: datetime
    cost: int
    landed: bool
    commit: str
    sensitive: tuple[str, ...] = ()
    """What of it somebody has to look at before it lands, as `path: why`."""

    @property
    def word(self) -> str:
        """How far it is."""
        return "Landed" if self.landed else "Merged"

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        said = f"{self.bead} {self.title}, {self.word} at {show_clock(self.at)}"
        return ", ".join([said, *look_words(self.sensitive)])


MERGED_COLUMNS = (
    Column[MergedBead]("", lambda one: one.word),
    Column[MergedBead]("Bead", lambda one: f"{one.bead} {one.title}"),
    Column[MergedBead]("Worker", lambda one: one.worker or ""),
    Column[MergedBead]("Cost", lambda one: show_money(one.cost), right=True, sort=lambda one: one.cost),
    Column[MergedBead]("Merged", lambda one: show_clock(one.at), right=True, sort=lambda one: one.at),
)


class MergedModel(RowsModel[MergedBead]):
    """Merged beads of a convoy, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Starts empty."""
        super().__init__(
            MERGED_COLUMNS,
            lambda one: one.bead,
            lambda one: one.spoken,
            parent,
        )

    def refresh(self, states: Sequence[Projection]) -> None:
        """Shows what is merged now."""
        self.set_values(merged_beads(states))


def merged_beads(states: Sequence[Projection]) -> list[MergedBead]:
    """Merged beads, newest first."""
    merged = {bead for state in states for bead in state.merged()}
    found = [
        MergedBead(
            bead=bead,
            title=view.bead.title,
            worker=view.polecat,
            at=view.merged_at,
            cost=view.cost,
            landed=view.status == "landed",
            commit=view.commit or "",
            sensitive=_sensitive(state, view),
        )
        for state in states
        for bead, view in state.beads.items()
        if view.merged_at is not None and bead in merged
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _sensitive(state: Projection, view: BeadView) -> tuple[str, ...]:
    """What is to be looked at in a merged bead; nothing once it has landed."""
    if view.merge is None or view.status == "landed":
        return ()
    return state.merges[view.merge].sensitive


def round_answer(one: Round) -> str:
    """How a round ended, in words."""
    if one.green:
        if one.purpose == "confirm":
            return "Green the second time, so the red was chance"
        if one.merged:
            return f"Green, {one.merged} merged together" if one.merged > 1 else "Green, merged"
        return "Known to be green" if one.cached else "Green"
    red = next(answer for answer in one.answers if not answer.green)
    how = "Red again" if one.purpose == "confirm" else "Known to be red" if red.cached else "Red"
    said = next((line.strip() for line in reversed(red.tail.splitlines()) if line.strip()), "")
    return f"{how}, {red.gate}: {said}" if said else f"{how}, {red.gate}"


ROUND_COLUMNS = (
    Column[Round]("Run", lambda one: str(one.number), sort=lambda one: one.number),
    Column[Round]("Ended", lambda one: show_clock(one.ended), sort=lambda one: one.ended),
    Column[Round]("Tests", lambda one: ", ".join(one.beads) or _PURPOSES.get(one.purpose, one.purpose)),
    Column[Round]("Answer", round_answer),
    Column[Round](
        "Took",
        lambda one: "known" if one.cached else show_took(one.seconds),
        right=True,
        sort=lambda one: one.seconds,
    ),
)


class RoundsModel(RowsModel[Round]):
    """Rounds of the gates of a convoy, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Starts empty."""
        super().__init__(
            ROUND_COLUMNS,
            lambda one: one.key,
            lambda one: f"Run {one.number}, {round_answer(one)}, {', '.join(one.beads) or one.purpose}",
            parent,
        )

    def refresh(self, rounds: Sequence[Round]) -> None:
        """Shows what has ended so far.

        Args:
            rounds: oldest first.
        """
        self.set_values(reversed(rounds))


def _sees(gate: GateView) -> str:
    if gate.sees is None:
        return "not known yet"
    return "notices a broken source" if gate.sees else "blind: stays green on a broken source"


def _by_chance(gate: GateView) -> str:
    record = gate.record
    if not record.runs:
        return UNKNOWN
    return f"{record.flips} of {record.runs} runs on good trees"


def _trust(gate: GateView) -> str:
    if gate.record.quarantined:
        return "in quarantine: " + _reds(gate)
    return _reds(gate)


def _reds(gate: GateView) -> str:
    needed = reds_needed(gate.record)
    return "its reds blame nobody" if needed is None else f"{needed} reds in a row blame a branch"


GATE_COLUMNS = (
    Column[GateView]("Gate", lambda one: one.name),
    Column[GateView]("Sees", _sees),
    Column[GateView]("Runs here", lambda one: str(one.runs), right=True, sort=lambda one: one.runs),
    Column[GateView]("Red by chance", _by_chance),
    Column[GateView]("Trust", _trust),
)


class GatesModel(RowsModel[GateView]):
    """How good the gates are."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Starts empty."""
        super().__init__(
            GATE_COLUMNS,
            lambda one: one.name,
            lambda one: f"{one.name}, {_sees(one)}, red by chance in {_by_chance(one)}, {_trust(one)}",
            parent,
        )

    def refresh(self, states: Sequence[Projection]) -> None:
        """Shows what is known now."""
        self.set_values({gate.name: gate for state in states for gate in state.gates.values()}.values())
