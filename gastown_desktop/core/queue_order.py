"""The merge queue as it is shown: who waits, in which order, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gastown_desktop.core.card import Glance, State
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, PolecatName
from gastown_desktop.core.merge_queue import landing_order
from gastown_desktop.core.merge_request import WAITING_STATES, MergeRequest
from gastown_desktop.core.projection import MergeView, Projection

_WORDS: dict[str, tuple[State, str]] = {
    "queued": ("queued", "Queued"),
    "checking": ("merging", "Checking"),
    "gating": ("merging", "Gating"),
    "conflicted": ("conflict", "Conflict"),
    "resolving": ("conflict", "Resolving"),
}
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One merge request of the queue."""

    merge: MergeId
    bead: BeadId
    convoy: ConvoyId
    title: str
    worker: PolecatName
    state: State
    """Gives glyph and colour."""
    word: str
    position: int | None
    """1 lands next; None for one that cannot land now."""
    age: int
    """What its score owes to time: its own and the convoy's, 100 an hour each."""
    urgency: int
    """What its score owes to its priority."""
    retries: int
    """What its score lost by coming back, positive."""
    waited_s: int
    reason: str
    cost: int
    model: str

    @property
    def score(self) -> int:
        """What it is ordered by."""
        return 1000 + self.age + self.urgency - self.retries

    @property
    def parts(self) -> str:
        """The parts of its score."""
        return f"{self.age} + {self.urgency} − {self.retries}"

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        place = f"{self.position}, " if self.position else ""
        return f"{place}{self.bead} {self.title}, {self.worker}, {self.word}, {self.reason}".rstrip(", ")


def queue(states: Sequence[Projection], glance: Glance, now: datetime) -> list[QueueEntry]:
    """Who waits to be merged: first those that can, in the Refinery's order, then those that cannot.

    Args:
        states: convoys that are at work.
        glance: says which gate runs.
        now: the time.
    """
    shown = [(state, view) for state in states for view in state.merges.values() if _waits(state, view)]
    able = {view.id: (state, view) for state, view in shown if view.state in WAITING_STATES}
    requests = [_request(state, view) for state, view in able.values()]
    order = landing_order(requests, now.timestamp(), _started(states))
    ahead = [_entry(*able[one.id], glance, now, place) for place, one in enumerate(order, 1)]
    return ahead + [_entry(state, view, glance, now, None) for state, view in shown if view.id not in able]


def _waits(state: Projection, view: MergeView) -> bool:
    bead = state.beads[view.bead]
    is_open = bead.status not in {"merged", "landed", "discarded", "open", "hooked"}
    return is_open and bead.merge == view.id and view.state in _WORDS


def _started(states: Sequence[Projection]) -> dict[ConvoyId, float]:
    return {state.convoy: state.started_at.timestamp() if state.started_at else 0.0 for state in states}


def _request(state: Projection, view: MergeView) -> MergeRequest:
    bead = state.beads[view.bead]
    merged = [one.submitted_at for one in state.merges.values() if one.state == "merged"]
    return MergeRequest(
        id=view.id,
        bead=view.bead,
        convoy=state.convoy,
        branch=view.branch,
        commit=view.commit,
        base=view.base,
        submitted_at=view.submitted_at.timestamp(),
        retries=bead.rework,
        overtaken=sum(1 for at in merged if at > view.submitted_at),
        priority=bead.bead.priority,
    )


def _entry(
    state: Projection, view: MergeView, glance: Glance, now: datetime, position: int | None
) -> QueueEntry:
    bead = state.beads[view.bead]
    glyph, word = _WORDS[view.state]
    gate = glance.gate
    if gate is not None and gate.running and view.bead in gate.beads:
        glyph, word = "merging", "Gating"
    waited = max(0.0, (now - view.submitted_at).total_seconds())
    convoy_s = max(0.0, (now - (state.started_at or now)).total_seconds())
    return QueueEntry(
        merge=view.id,
        bead=view.bead,
        convoy=state.convoy,
        title=bead.bead.title,
        worker=view.polecat,
        state=glyph,
        word=word,
        position=position,
        age=round(100 * (waited + convoy_s) / _HOUR_S),
        urgency=100 * (4 - bead.bead.priority),
        retries=min(50 * bead.rework, 300),
        waited_s=int(waited),
        reason=view.reason,
        cost=bead.cost,
        model=bead.model,
    )
