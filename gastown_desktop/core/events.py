"""What happened: every change of the town is one of these, and nothing else tells the screens anything.

Two families. *Durable* events are numbered, written down before anybody sees them, replayed at start and
kept readable for ever: fields are only ever added, with a default. *Ephemeral* events (text as it streams,
heartbeats, the meter) are never stored; they say by `key` which earlier one they replace or join, so the
feed holds at most one per worker and kind however much traffic there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from gastown_desktop.core.durable import Durable as Durable
from gastown_desktop.core.glances import (
    ActionChanged as ActionChanged,
)
from gastown_desktop.core.glances import (
    Ephemeral as Ephemeral,
)
from gastown_desktop.core.glances import (
    EphemeralEvent as EphemeralEvent,
)
from gastown_desktop.core.glances import (
    GateProgress as GateProgress,
)
from gastown_desktop.core.glances import (
    HealthChanged as HealthChanged,
)
from gastown_desktop.core.glances import (
    MeterMoved as MeterMoved,
)
from gastown_desktop.core.glances import (
    Progressed as Progressed,
)
from gastown_desktop.core.glances import (
    RunChanged as RunChanged,
)
from gastown_desktop.core.glances import (
    TextStreamed as TextStreamed,
)
from gastown_desktop.core.glances import (
    Troubled as Troubled,
)
from gastown_desktop.core.ids import BeadId, MergeId, Oid, PolecatName
from gastown_desktop.core.planning_events import (
    BeadEdited as BeadEdited,
)
from gastown_desktop.core.planning_events import (
    BeadOpened as BeadOpened,
)
from gastown_desktop.core.planning_events import (
    BeadRemoved as BeadRemoved,
)
from gastown_desktop.core.planning_events import (
    ConvoyForecast as ConvoyForecast,
)
from gastown_desktop.core.planning_events import (
    ConvoyRetitled as ConvoyRetitled,
)
from gastown_desktop.core.planning_events import (
    DependencyRemoved as DependencyRemoved,
)
from gastown_desktop.core.planning_events import (
    MayorSaid as MayorSaid,
)
from gastown_desktop.core.review_events import MergeReviewed as MergeReviewed


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyCreated(Durable):
    """A convoy exists, as a draft; its beads and dependencies follow."""

    kind: ClassVar[Literal["convoy_created"]] = "convoy_created"
    title: str
    base: Oid
    """Commit of the target that the work starts from."""
    target: str
    """Full name of the ref the convoy lands on, in the rig's own repository."""
    plan: str = "given"
    """Where its dependencies come from: `given`, `true`, `predicted` or `none`."""
    rehearsal: bool = False
    reviewed: bool = False
    """Whether a reviewer reads what is handed in before it merges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadAdded(Durable):
    """A bead joined the convoy."""

    kind: ClassVar[Literal["bead_added"]] = "bead_added"
    bead: BeadId
    title: str
    description: str = ""
    acceptance: str = ""
    type: str = "task"
    priority: int = 2
    files: tuple[str, ...] = ()
    size: str = "M"
    model: str | None = None
    status: str = "open"
    labels: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """Fields of an imported bead that we do not know; kept for export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyAdded(Durable):
    """A bead waits for another."""

    kind: ClassVar[Literal["dependency_added"]] = "dependency_added"
    bead: BeadId
    on: BeadId
    type: str = "blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyStageChanged(Durable):
    """The convoy went on to another stage (core.convoy.ConvoyStage)."""

    kind: ClassVar[Literal["convoy_stage_changed"]] = "convoy_stage_changed"
    stage: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadSlung(Durable):
    """A bead was assigned: it hangs on a polecat's hook from now on."""

    kind: ClassVar[Literal["bead_slung"]] = "bead_slung"
    bead: BeadId
    polecat: PolecatName
    epoch: int
    """Counts the starts of this polecat; a message of an older epoch is ignored."""
    base: Oid
    """Commit its slot started from."""
    branch: str
    model: str = ""
    turn: int = 0
    """Turns that an earlier attempt brings along, where the bead goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolecatStateChanged(Durable):
    """A polecat changed its state (core.polecat.PolecatState)."""

    kind: ClassVar[Literal["polecat_state_changed"]] = "polecat_state_changed"
    polecat: PolecatName
    state: str
    reason: str = ""
    death: bool = False
    """It starts again because its worker died or was ended for want of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(Durable):
    """A polecat finished a turn: the reply was paid, its tools ran, the slot was snapshotted to the hook."""

    kind: ClassVar[Literal["turn_ended"]] = "turn_ended"
    polecat: PolecatName
    bead: BeadId
    turn: int
    hook: Oid
    """The hook commit that holds this turn."""
    cost: int
    """Nano-dollars at list price."""
    prompt_tokens: int
    output_tokens: int
    tools: tuple[str, ...] = ()
    """Names of the tools that ran, in order."""
    steps_done: int = 0
    steps: int = 0
    files_changed: int = 0
    """Paths that differ from the bead's base after this turn."""
    tool_s: float = 0.0
    """Seconds that its tools took."""
    lines_added: int = 0
    """Lines that its copy has and its base lacks, after this turn; files without lines count as none."""
    lines_removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadSubmitted(Durable):
    """A bead's work was committed and handed to the Refinery."""

    kind: ClassVar[Literal["bead_submitted"]] = "bead_submitted"
    bead: BeadId
    polecat: PolecatName
    merge: MergeId
    branch: str
    commit: Oid
    base: Oid
    summary: str = ""
    resolver: BeadId | None = None
    """The resolve bead whose work this is, where a conflict of `bead` was resolved."""
    sensitive: tuple[str, ...] = ()
    """What of it somebody has to look at before it lands, as `path: why` (core.sensitive)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeStateChanged(Durable):
    """A merge request changed its state (core.merge_request.MergeState)."""

    kind: ClassVar[Literal["merge_state_changed"]] = "merge_state_changed"
    merge: MergeId
    bead: BeadId
    state: str
    reason: str = ""
    paths: tuple[str, ...] = ()
    """Paths in conflict, where that is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun(Durable):
    """A gate ran once on one tree."""

    kind: ClassVar[Literal["gate_run"]] = "gate_run"
    gate: str
    tree: Oid
    green: bool
    seconds: float
    purpose: str = "candidate"
    """`base`, `sabotage`, `candidate`, `confirm` or `landing`."""
    beads: tuple[BeadId, ...] = ()
    """Beads in the prefix under test."""
    tail: str = ""
    """Last lines of its output when it was red."""
    cached: bool = False
    """It did not run: this is what it said of the same tree in the same environment before."""
    saved_s: float = 0.0
    """Seconds that the remembered run took, where `cached`."""
    environment: str = ""
    """Names command, timeout, sandbox, tools and variables that the answer holds for."""
    flipped: bool = False
    """With this run it was both red and green on this very tree."""
    known_runs: int = 0
    """Its runs on trees known to be good, of all convoys of the rig, this one included."""
    known_flips: int = 0
    """How many of those were red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateJudged(Durable):
    """What is known of the gates before anything is landed on their word."""

    kind: ClassVar[Literal["gate_judged"]] = "gate_judged"
    sees: bool
    """False: no gate noticed a sabotaged source, or there is none."""
    base_green: bool
    reason: str = ""
    seeing: tuple[str, ...] = ()
    """Gates that noticed one."""
    blind: tuple[str, ...] = ()
    """Gates that stayed green on every one."""
    noticed: tuple[str, ...] = ()
    """Paths that turn a gate red when they are broken, in the order of `seeing`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadMerged(Durable):
    """The bead's landing commit is on the convoy branch."""

    kind: ClassVar[Literal["bead_merged"]] = "bead_merged"
    bead: BeadId
    merge: MergeId
    commit: Oid
    tree: Oid
    settled: str = ""
    """How code settled a conflict on the way: `remembered`, `union` or `generated`; the gates proved it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyLanded(Durable):
    """The convoy's tip is on its target."""

    kind: ClassVar[Literal["convoy_landed"]] = "convoy_landed"
    target: str
    commit: Oid
    tree: Oid
    before: Oid | None = None
    """Where the target was; None when that is not known any more."""
    remote: str = ""
    """The remote that it belongs on as well, `origin`; until it was pushed there it is *landed here* only."""
    partial: bool = False
    """Only what was merged so far; more beads are to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyRestacked(Durable):
    """The convoy's commits were made again: on another base, without a bead, or with signatures."""

    kind: ClassVar[Literal["convoy_restacked"]] = "convoy_restacked"
    base: Oid
    """The commit that they stand on now."""
    commit: Oid
    """The convoy's tip."""
    beads: tuple[BeadId, ...]
    """Beads of the stack, in landing order."""
    commits: tuple[Oid, ...]
    """Their landing commits, in the same order."""
    skipped: tuple[BeadId, ...] = ()
    """Merged beads whose change the base holds already."""
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyPushed(Durable):
    """A remote took the convoy's work; without force, so nothing of others was lost."""

    kind: ClassVar[Literal["convoy_pushed"]] = "convoy_pushed"
    remote: str
    branch: str
    """The branch there, without `refs/heads/`."""
    commit: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadDropped(Durable):
    """The user took a bead out of the convoy; its change is not in the stack any more."""

    kind: ClassVar[Literal["bead_dropped"]] = "bead_dropped"
    bead: BeadId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingUndone(Durable):
    """The convoy's change is off its target again."""

    kind: ClassVar[Literal["landing_undone"]] = "landing_undone"
    target: str
    commit: Oid
    """Where the target is now."""
    reverted: bool = False
    """By a commit that takes the change back; else the target is where it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadReopened(Durable):
    """A bead goes back to the queue of open work."""

    kind: ClassVar[Literal["bead_reopened"]] = "bead_reopened"
    bead: BeadId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsYou(Durable):
    """Something waits for the user."""

    kind: ClassVar[Literal["needs_you"]] = "needs_you"
    item: str
    """Its id: the same thing asks once."""
    about: str
    """`question`, `conflict`, `red`, `stuck`, `limit`, `provider`, `model`, `breaker`, `gate`, `review`,
    `taken`; of a landing also `target`, `remote`, `signing`."""
    text: str
    bead: BeadId | None = None
    options: tuple[str, ...] = ()
    default: str | None = None
    scope: str = ""
    """Of `limit`: the scope of the ledger whose cap was reached; empty in histories that do not say it."""
    cap: int | None = None
    """Of `limit`: that cap as it was then, nano-dollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedAnswered(Durable):
    """The user (or what they allowed) answered an item of Needs you."""

    kind: ClassVar[Literal["need_answered"]] = "need_answered"
    item: str
    answer: str
    tree: Oid | None = None
    """What the user made of the bead's copy by hand, where that is the answer."""
    by: str = ""
    """Who answered for the user: `unattended`; empty where it was the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Durable):
    """The user said something to a bead's worker."""

    kind: ClassVar[Literal["message_sent"]] = "message_sent"
    bead: BeadId
    message: str
    """Its id, one of a kind within the convoy."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered(Durable):
    """A worker was told what the user said."""

    kind: ClassVar[Literal["message_delivered"]] = "message_delivered"
    bead: BeadId
    message: str
    turn: int
    """The turn at whose end it was told, 0 before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapChanged(Durable):
    """A spending cap was set."""

    kind: ClassVar[Literal["cap_changed"]] = "cap_changed"
    scope: str
    old: int | None
    new: int | None
    """Nano-dollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Durable):
    """A start after a stop: what was found and mended."""

    kind: ClassVar[Literal["recovered"]] = "recovered"
    assumed_requests: int
    """Requests without a known end that were charged in full."""
    killed_children: int
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPaused(Durable):
    """No new work is started."""

    kind: ClassVar[Literal["dispatch_paused"]] = "dispatch_paused"
    reason: str


DurableEvent = (
    ConvoyCreated
    | BeadAdded
    | DependencyAdded
    | ConvoyStageChanged
    | BeadSlung
    | PolecatStateChanged
    | TurnEnded
    | BeadSubmitted
    | MergeStateChanged
    | GateRun
    | GateJudged
    | BeadMerged
    | ConvoyLanded
    | BeadReopened
    | NeedsYou
    | NeedAnswered
    | CapChanged
    | Recovered
    | DispatchPaused
    | ConvoyRestacked
    | ConvoyPushed
    | BeadDropped
    | LandingUndone
    | MessageSent
    | MessageDelivered
    | ConvoyRetitled
    | BeadEdited
    | BeadRemoved
    | BeadOpened
    | DependencyRemoved
    | MayorSaid
    | ConvoyForecast
    | MergeReviewed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A durable event with its place in history."""

    seq: int
    """1, 2, 3, … within the convoy."""
    at: datetime
    """Aware, UTC."""
    event: DurableEvent
    cause: int | None = None
    """Sequence number of the event that led to this one, where one did."""
