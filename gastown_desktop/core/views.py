"""What the projection holds: frozen views of beads, workers, merge requests, gates and more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gastown_desktop.core.bead import Bead, BeadStatus
from gastown_desktop.core.flakiness import FlakeRecord
from gastown_desktop.core.ids import BeadId, MergeId, Oid, PolecatName


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadView:
    """Where a bead stands."""

    bead: Bead
    status: BeadStatus = "open"
    polecat: PolecatName | None = None
    attempts: int = 0
    """How often it was slung."""
    restarts: int = 0
    deaths: int = 0
    """Restarts because its worker died, since the user last had a say."""
    rework: int = 0
    """Times that it went back to a worker, or to a resolver, after a red gate or a conflict."""
    rounds: int = 0
    """Those since the user last had a say."""
    handed_back: Oid | None = None
    """Tree that the user made of its copy by hand; its next attempt goes on from that."""
    goes_on: bool = False
    """Its next attempt goes on with the conversation of the last, and is told `reason`."""
    merge: MergeId | None = None
    commit: Oid | None = None
    """Its landing commit on the convoy branch, once merged."""
    cost: int = 0
    """Nano-dollars at list price, all attempts."""
    turns: int = 0
    tool_s: float = 0.0
    """Seconds that its tools took, all attempts."""
    prompt_tokens: int = 0
    output_tokens: int = 0
    reason: str = ""
    model: str = ""
    """Of its newest attempt."""
    steps_done: int = 0
    steps: int = 0
    files_changed: int = 0
    """Paths that its newest attempt changed, and lines that it added and removed, against its base."""
    lines_added: int = 0
    lines_removed: int = 0
    first_slung_at: datetime | None = None
    slung_at: datetime | None = None
    submitted_at: datetime | None = None
    merged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolecatView:
    """Where a worker stands."""

    name: PolecatName
    state: str = "starting"
    bead: BeadId | None = None
    epoch: int = 0
    base: Oid | None = None
    branch: str = ""
    model: str = ""
    turn: int = 0
    cost: int = 0
    action: str = ""
    health: str = "healthy"
    """As the Witness sees it (core.witness.Health)."""
    steps_done: int = 0
    steps: int = 0
    files_changed: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeView:
    """Where a merge request stands."""

    id: MergeId
    bead: BeadId
    branch: str
    commit: Oid
    base: Oid
    polecat: PolecatName
    state: str = "queued"
    reason: str = ""
    paths: tuple[str, ...] = ()
    resolver: BeadId | None = None
    """The resolve bead that made it, where one did."""
    sensitive: tuple[str, ...] = ()
    """What of it somebody has to look at before it lands, as `path: why`."""
    verdict: str = ""
    """What its newest review came to (core.review_events), or `waived`; empty before any."""
    review: str = ""
    """What that review says."""
    reviews: int = 0
    submitted_at: datetime

    @property
    def passed(self) -> bool:
        """Whether a reviewer let it pass, or the user did without one."""
        return self.verdict in {"approved", "waived"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    """One open item of Needs you."""

    item: str
    about: str
    text: str
    bead: BeadId | None
    options: tuple[str, ...]
    default: str | None
    at: datetime
    scope: str = ""
    """The scope of the ledger whose cap was reached, where it is about one and says so."""
    cap: int | None = None
    """That cap as it was then, nano-dollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultView:
    """A question whose default was taken, since nobody answered it."""

    bead: BeadId | None
    question: str
    answer: str
    at: datetime

    @property
    def words(self) -> str:
        """`gt-a, Seconds or date? Seconds.`, in one line."""
        first = self.question.strip().splitlines()[0] if self.question.strip() else "It asked"
        about = f"{self.bead}, " if self.bead is not None else ""
        return f"{about}{first} {self.answer.rstrip('.')}."


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """Where a gate stands."""

    name: str
    sees: bool | None = None
    """Whether it notices a broken source; None while that is not known."""
    runs: int = 0
    """Runs in this convoy; cached answers are none."""
    record: FlakeRecord = field(default=FlakeRecord())
    """What is known of it from all convoys of the rig."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """Something that the user said to a worker."""

    id: str
    bead: BeadId
    text: str
    sent_at: datetime
    turn: int | None = None
    """The turn at whose end it was heard, 0 before the first; None while nobody has heard it."""
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidView:
    """Something that was said in the talk with the Mayor."""

    who: str
    """`you` or `mayor`."""
    turn: int
    text: str
    at: datetime
    tools: tuple[str, ...] = ()
    shown: tuple[BeadId, ...] = ()
    """Beads that the Mayor wants the user to look at."""
    cost: int = 0
    """Nano-dollars at list price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastView:
    """What the convoy was expected to cost when it was launched; amounts are nano-dollars."""

    p50: int
    p90: int
    beads: int
    """How many beads are counted."""
    basis: str
    """What it rests on, in words."""
    source: str
    """The same in a word (core.forecast.Source)."""
    spent: int
    """What the convoy had cost before; no part of the forecast."""
    bead_p50: Mapping[str, int]
    bead_p90: Mapping[str, int]
    workers: int
    """Size of the fleet."""
    knee: int
    per_hour: tuple[int, ...]
    """What 1, 2, 3, … workers burn an hour."""
    at: datetime | None = None
    """None before it is launched."""

    def per_hour_with(self, workers: int) -> int:
        """What so many workers burn an hour; more than were reckoned burn no more."""
        return self.per_hour[min(workers, len(self.per_hour)) - 1] if self.per_hour and workers else 0
