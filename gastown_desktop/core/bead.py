"""A bead: one unit of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gastown_desktop.core.ids import BeadId

BeadKind = Literal["task", "bug", "feature", "chore", "epic", "decision", "resolve"]
BeadStatus = Literal[
    "draft", "open", "hooked", "submitted", "merged", "landed", "blocked", "deferred", "failed", "discarded"
]
BeadSize = Literal["S", "M", "L"]
DependencyKind = Literal["blocks", "merge-blocks", "conditional", "parent", "related", "discovered-from"]

BEAD_KINDS: tuple[str, ...] = get_args(BeadKind)
BEAD_STATUSES: tuple[str, ...] = get_args(BeadStatus)
DEPENDENCY_KINDS: tuple[str, ...] = get_args(DependencyKind)
NOT_DISPATCHABLE: frozenset[str] = frozenset({"epic", "decision"})
WAITING_KINDS: frozenset[str] = frozenset({"blocks", "merge-blocks", "conditional"})
"""Dependencies that hold a bead back; the other kinds only tell."""

_NEXT: dict[BeadStatus, frozenset[BeadStatus]] = {
    "draft": frozenset({"open", "deferred", "discarded"}),
    "open": frozenset({"hooked", "blocked", "deferred", "discarded"}),
    "hooked": frozenset({"open", "submitted", "blocked", "failed", "discarded"}),
    "submitted": frozenset({"merged", "hooked", "open", "blocked", "failed", "discarded"}),
    "merged": frozenset({"landed", "open", "discarded"}),
    "landed": frozenset({"open"}),
    "blocked": frozenset({"open", "hooked", "submitted", "failed", "deferred", "discarded"}),
    "deferred": frozenset({"open", "discarded"}),
    "failed": frozenset({"open", "discarded"}),
    "discarded": frozenset({"open"}),
}


def may_become(now: BeadStatus, then: BeadStatus) -> bool:
    """Tells whether a bead in status `now` may take status `then`."""
    return now == then or then in _NEXT[now]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """`bead` waits for (or is told about) `on`."""

    bead: BeadId
    on: BeadId
    kind: DependencyKind = "blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bead:
    """What is to be done; where it stands is kept by the projection."""

    id: BeadId
    title: str
    description: str = ""
    acceptance: str = ""
    kind: BeadKind = "task"
    priority: int = 2
    """0 is most urgent, 4 least."""
    files: tuple[str, ...] = ()
    """Paths it expects to touch, relative to the repository's top level."""
    size: BeadSize = "M"
    model: str | None = None
    """Model id that overrides the fleet's; None takes the fleet's."""
    labels: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """Fields of an imported bead that we do not know; kept for export."""

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= 4:
            raise ValueError(f"priority is 0 to 4, not {self.priority}")
