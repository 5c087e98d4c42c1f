"""The merge queue of convoys: who waits, in which order, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gastown_desktop.core.card import Glance, State
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, PolecatName
from gastown_desktop.core.merge_queue import Score, landing_order, score
from gastown_desktop.core.merge_request import WAITING_STATES, MergeRequest
from gastown_desktop.core.projection import MergeView, Projection
from gastown_desktop.core.sensitive import look_words

_WORDS: dict[str, tuple[State, str]] = {
    "queued": ("queued", "Queued"),
    "checking": ("merging", "Checking"),
    "gating": ("merging", "Gating"),
    "conflicted": ("conflict", "Conflict"),
    "resolving": ("conflict", "Resolving"),
}


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
    score: Score
    waited_s: int
    reason: str
    cost: int
    model: str
    sensitive: tuple[str, ...] = ()
    """What of it somebody has to look at before it lands, as `path: why`."""

    @property
    def parts(self) -> str:
        """The parts of its score."""
        return f"{self.score.age:.0f} + {self.score.urgency} − {self.score.retries}"

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        place = f"{self.position}, " if self.position else ""
        said = f"{place}{self.bead} {self.title}, {self.worker}, {self.word}, {self.reason}".rstrip(", ")
        return ", ".join([said, *look_words(self.sensitive)])


def queue(states: Sequence[Projection], glance: Glance, now: datetime) -> list[QueueEntry]:
    """Who waits to be merged: first those that can, in the Refinery's order, then those that cannot.

    Args:
        states: convoys that are at work.
        glance: says which gate runs.
        now: the time.
    """
    shown = [(state, view) for state in states for view in state.merges.values() if _waits(state, view)]
    able = {view.id: (state, view) for state, view in shown if _can_land(state, view)}
    order = in_order(able.values(), now)
    ahead = [_entry(*able[one.id], glance, now, place) for place, one in enumerate(order, 1)]
    return ahead + [_entry(state, view, glance, now, None) for state, view in shown if view.id not in able]


def in_order(waiting: Iterable[tuple[Projection, MergeView]], now: datetime) -> list[MergeRequest]:
    """Those that can land, with their convoys, in the order in which the Refinery takes them."""
    known = list(waiting)
    started = {state.convoy: state.started_at.timestamp() for state, _ in known if state.started_at}
    return landing_order([_request(*one) for one in known], now.timestamp(), started)


def _waits(state: Projection, view: MergeView) -> bool:
    bead = state.beads[view.bead]
    is_open = bead.status not in {"merged", "landed", "discarded", "open", "hooked"}
    return is_open and bead.merge == view.id and view.state in _WORDS


def _can_land(state: Projection, view: MergeView) -> bool:
    return view.state in WAITING_STATES and state.may_merge(view)


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
    if view.state == "queued" and not state.may_merge(view):
        glyph, word = "review", "In review"
    gate = glance.gate
    if gate is not None and gate.running and view.bead in gate.beads:
        glyph, word = "merging", "Gating"
    started = state.started_at.timestamp() if state.started_at else None
    return QueueEntry(
        merge=view.id,
        bead=view.bead,
        convoy=state.convoy,
        title=bead.bead.title,
        worker=view.polecat,
        state=glyph,
        word=word,
        position=position,
        score=score(_request(state, view), now.timestamp(), started),
        waited_s=max(0, int((now - view.submitted_at).total_seconds())),
        reason=view.reason,
        cost=bead.cost,
        model=bead.model,
        sensitive=view.sensitive,
    )
