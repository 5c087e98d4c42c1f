"""What happens to a plan while it is made: durable events, part of `core.events`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from gastown_desktop.core.durable import Durable
from gastown_desktop.core.ids import BeadId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyRetitled(Durable):
    """The convoy has another title."""

    kind: ClassVar[Literal["convoy_retitled"]] = "convoy_retitled"
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadEdited(Durable):
    """What a bead says was changed; None leaves a field as it was."""

    kind: ClassVar[Literal["bead_edited"]] = "bead_edited"
    bead: BeadId
    title: str | None = None
    description: str | None = None
    acceptance: str | None = None
    type: str | None = None
    priority: int | None = None
    files: tuple[str, ...] | None = None
    size: str | None = None
    model: str | None = None
    """Empty for the fleet's."""
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadRemoved(Durable):
    """A draft bead was taken out of the plan, with what waited for it or it for; nobody had worked on it."""

    kind: ClassVar[Literal["bead_removed"]] = "bead_removed"
    bead: BeadId


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadOpened(Durable):
    """A draft bead may be worked on from now on: its convoy was launched."""

    kind: ClassVar[Literal["bead_opened"]] = "bead_opened"
    bead: BeadId


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRemoved(Durable):
    """A bead does not wait for another any more."""

    kind: ClassVar[Literal["dependency_removed"]] = "dependency_removed"
    bead: BeadId
    on: BeadId
    type: str = "blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class MayorSaid(Durable):
    """Something was said in the talk with the Mayor, by the user or by the model."""

    kind: ClassVar[Literal["mayor_said"]] = "mayor_said"
    who: str
    """`you` or `mayor`."""
    turn: int
    """Its place in the talk, from 1; both count."""
    text: str = ""
    """At most 8,000 characters; empty where the model only called tools."""
    tools: tuple[str, ...] = ()
    """Names of the tools that the model called, in order."""
    shown: tuple[BeadId, ...] = ()
    """Beads that it wants the user to look at."""
    cost: int = 0
    """Nano-dollars at list price."""
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyForecast(Durable):
    """What the convoy was expected to cost when it was launched; amounts are nano-dollars."""

    kind: ClassVar[Literal["convoy_forecast"]] = "convoy_forecast"
    p50: int
    """Of the beads that are counted, together; with one chance in two they cost no more."""
    p90: int
    """The same with nine chances in ten."""
    beads: int
    """How many beads are counted: those that were still to be done."""
    basis: str
    """What it rests on: `12 beads of this rig on claude-opus-5-5`."""
    source: str = ""
    """The same in a word (core.forecast.Source)."""
    spent: int = 0
    """What the convoy had cost before, its plan above all; no part of the forecast."""
    bead_p50: dict[str, int] = field(default_factory=dict[str, int])
    """By bead."""
    bead_p90: dict[str, int] = field(default_factory=dict[str, int])
    workers: int = 0
    """Size of the fleet."""
    knee: int = 0
    """Above so many workers one mostly pays for waiting."""
    per_hour: tuple[int, ...] = ()
    """What 1, 2, 3, … workers burn an hour."""
