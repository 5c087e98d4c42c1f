"""A merge request: one finished branch on its way to the landing branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid

MergeState = Literal[
    "queued", "checking", "gating", "merged", "conflicted", "resolving", "red", "ejected", "superseded"
]
MERGE_STATES: tuple[MergeState, ...] = get_args(MergeState)

WAITING_STATES: frozenset[MergeState] = frozenset({"queued", "checking", "gating"})
"""States in which the Refinery itself will take the next step."""

_NEXT: dict[MergeState, frozenset[MergeState]] = {
    "queued": frozenset({"checking", "ejected", "superseded"}),
    "checking": frozenset({"queued", "gating", "conflicted", "ejected", "superseded"}),
    "gating": frozenset({"queued", "merged", "conflicted", "red", "ejected", "superseded"}),
    "merged": frozenset({"queued", "ejected"}),
    "conflicted": frozenset({"queued", "resolving", "ejected", "superseded"}),
    "resolving": frozenset({"queued", "conflicted", "ejected", "superseded"}),
    "red": frozenset({"queued", "ejected", "superseded"}),
    "ejected": frozenset({"queued", "superseded"}),
    "superseded": frozenset(),
}


def may_become(now: MergeState, then: MergeState) -> bool:
    """Tells whether a merge request in state `now` may go to state `then`.

    A merged one goes back to the queue when the convoy is restacked on a moved target, and is
    ejected when the user drops its bead. Every resolution goes back through the gates.
    """
    return now == then or then in _NEXT[now]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequest:
    """A branch that asks to land."""

    id: MergeId
    bead: BeadId
    convoy: ConvoyId | None
    """None for a bead that runs by itself."""
    branch: str
    """Full name without `refs/heads/`."""
    commit: Oid
    """Tip of the branch when it was submitted."""
    base: Oid
    """The commit from which the work began."""
    state: MergeState = "queued"
    submitted_at: float
    """Seconds since the epoch."""
    retries: int = 0
    """How often it went back to the queue."""
    overtaken: int = 0
    """How many requests that were submitted later have landed before it."""
    priority: int = 2
    """Of its bead: 0 is most urgent, 4 least."""

    def repeats(self, other: MergeRequest) -> bool:
        """Tells whether both ask for the same commit of the same branch."""
        return (self.branch, self.commit) == (other.branch, other.commit)

    def supersedes(self, other: MergeRequest) -> bool:
        """Tells whether this is a later submission of other work for the same bead."""
        return self.bead == other.bead and not self.repeats(other) and self.submitted_at > other.submitted_at
