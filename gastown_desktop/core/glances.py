"""What only the eye wants: text as it streams, heartbeats, the meter. Never stored, never missed.

Each says by `key` which earlier one it replaces or joins, so that what waits to be shown stays bounded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from gastown_desktop.core.ids import BeadId, ConvoyId, PolecatName, RigId


@dataclass(frozen=True, slots=True, kw_only=True)
class Ephemeral(ABC):
    """Base of the events that only the eye wants."""

    rig: RigId

    @property
    @abstractmethod
    def key(self) -> tuple[str, ...]:
        """Events with the same key merge into one."""

    def merged_with(self, later: Ephemeral) -> Ephemeral:
        """This and a later one of the same key as one event."""
        return later


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStreamed(Ephemeral):
    """A worker's reply grew."""

    kind: ClassVar[Literal["text_streamed"]] = "text_streamed"
    polecat: PolecatName
    text: str

    @property
    def key(self) -> tuple[str, ...]:
        """One per worker."""
        return (self.kind, self.polecat)

    def merged_with(self, later: Ephemeral) -> Ephemeral:
        """The texts joined."""
        if not isinstance(later, TextStreamed) or later.key != self.key:
            raise ValueError("only texts of the same worker merge")
        return replace(later, text=self.text + later.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChanged(Ephemeral):
    """What a worker does right now, in words; also its heartbeat."""

    kind: ClassVar[Literal["action_changed"]] = "action_changed"
    polecat: PolecatName
    action: str

    @property
    def key(self) -> tuple[str, ...]:
        """One per worker."""
        return (self.kind, self.polecat)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged(Ephemeral):
    """The Witness sees a worker fare otherwise than before; no sign of life of the worker's own."""

    kind: ClassVar[Literal["health_changed"]] = "health_changed"
    polecat: PolecatName
    health: str
    """core.witness.Health."""
    reason: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """One per worker."""
        return (self.kind, self.polecat)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterMoved(Ephemeral):
    """The money of a scope moved; nano-dollars."""

    kind: ClassVar[Literal["meter_moved"]] = "meter_moved"
    scope: str
    """`town`, `day:<date><offset>`, `convoy:<id>`, `bead:<id>` or `polecat:<name>`."""
    cap: int | None
    settled: int
    held: int
    assumed: int
    reserve: int = 0
    """What of the cap is kept for landing."""

    @property
    def left(self) -> int | None:
        """What work may still use below the cap, nano-dollars; None without one."""
        if self.cap is None:
            return None
        return max(0, self.cap - self.settled - self.assumed - self.held - self.reserve)

    @property
    def key(self) -> tuple[str, ...]:
        """One per scope."""
        return (self.kind, self.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateProgress(Ephemeral):
    """A gate is running."""

    kind: ClassVar[Literal["gate_progress"]] = "gate_progress"
    gate: str
    beads: tuple[BeadId, ...]
    running: bool

    @property
    def key(self) -> tuple[str, ...]:
        """One for the Refinery."""
        return (self.kind,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed(Ephemeral):
    """A task of the user's that is not the town's work goes on: planning, a clone."""

    kind: ClassVar[Literal["progressed"]] = "progressed"
    task: str
    """`plan` or `clone`."""
    done: int
    all: int
    """0 while the end is not known."""
    words: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """One per task."""
        return (self.kind, self.task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubled(Ephemeral):
    """A convoy stopped for a reason that is not the work's: a full disk, git, a broken log."""

    kind: ClassVar[Literal["troubled"]] = "troubled"
    convoy: ConvoyId
    what: str
    safe: str = ""
    """What is safe all the same."""
    remedy: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """One per convoy."""
        return (self.kind, self.convoy)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged(Ephemeral):
    """A convoy began to run in this process, or does so no more; its history knows nothing of processes."""

    kind: ClassVar[Literal["run_changed"]] = "run_changed"
    convoy: ConvoyId
    running: bool
    polecats: int = 0
    """Size of its fleet."""
    held: bool = False
    """The user paused it: nothing new starts."""

    @property
    def key(self) -> tuple[str, ...]:
        """One per convoy."""
        return (self.kind, self.convoy)


EphemeralEvent = (
    TextStreamed
    | ActionChanged
    | HealthChanged
    | MeterMoved
    | GateProgress
    | Progressed
    | Troubled
    | RunChanged
)
