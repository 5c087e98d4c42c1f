"""The words in which the story's table tells what became of a bead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Starts:
    """A worker takes the bead; it is ready for work after `setup_s` seconds."""

    at: str
    setup_s: int = 30


@dataclass(frozen=True, slots=True)
class Worked:
    """Where the bead stood after some more turns; all figures but `turns` are totals."""

    at: str
    turns: int
    """How many more turns it took since the line before."""
    spent: str
    """Dollars."""
    steps: tuple[int, int]
    """Done, of."""
    lines: tuple[int, int]
    """Added, removed."""
    files: int
    edits: int = 3
    """How many of these turns changed lines."""


@dataclass(frozen=True, slots=True)
class Asks:
    """The bead waits for the user."""

    at: str
    about: str
    text: str
    options: tuple[str, ...] = ()
    state: str = "waiting"
    """What its worker is meanwhile (core.polecat.PolecatState)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The user answered; the same worker goes on."""

    at: str
    answer: str


@dataclass(frozen=True, slots=True)
class Submits:
    """The work goes to the Refinery."""

    at: str
    summary: str = ""
    state: str = "done"
    """What its worker is meanwhile: `submitting` while it waits for the gate with its place kept."""
    sensitive: tuple[str, ...] = ()
    """What of it somebody has to look at before it lands, as `path: why`."""


@dataclass(frozen=True, slots=True)
class Collides:
    """The work does not merge."""

    at: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lands:
    """The gate was green and the bead is merged."""

    at: str
    commit: str = ""
    """First digits of its landing commit, where a picture shows them."""


@dataclass(frozen=True, slots=True)
class SentBack:
    """The gate found the bead red; the same worker goes on with it."""

    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pauses:
    """The spending limit stops its worker."""

    at: str


@dataclass(frozen=True, slots=True)
class Told:
    """The user told the worker something."""

    at: str
    text: str
    delivered: str
    turn: int
    """The turn after which the worker heard it."""


Line = Starts | Worked | Asks | Answered | Submits | Collides | Lands | SentBack | Pauses | Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bead of the story: the plan, then its life in the order of time."""

    id: str
    convoy: str
    title: str
    size: str
    model: str
    likely: str
    """Forecast P50 in dollars."""
    at_most: str
    """Forecast P90 in dollars."""
    files: tuple[str, ...]
    waits: tuple[str, ...] = ()
    worker: str = ""
    life: tuple[Line, ...] = ()
    description: str = ""
    acceptance: str = ""
    labels: tuple[str, ...] = ()
    renewed: str = ""
    """The forecast P50 once the first beads landed, where it is another."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One run of the gates, when it ended."""

    at: str
    seconds: int
    green: bool
    beads: tuple[str, ...]
    purpose: str = "candidate"
    tail: str = ""
