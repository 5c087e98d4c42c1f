"""What happened: every change of the town is one of these, and nothing else tells the screens anything.

Two families. *Durable* events are numbered, written down before anybody sees them, replayed at start and
kept readable for ever: fields are only ever added, with a default. *Ephemeral* events (text as it streams,
heartbeats, the meter) are never stored; they say by `key` which earlier one they replace or join, so the
feed holds at most one per worker and kind however much traffic there is.
"""

from __future__ import annotations

import json
import zlib
from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeVar, get_args

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId

VERSION = 1
"""Version of the durable form; a reader loads this and every smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """Base of the events that are kept."""

    rig: RigId
    """The repository it happened in."""
    convoy: ConvoyId
    """The convoy whose history it belongs to."""


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
    """`question`, `conflict`, `red`, `stuck`, `limit`, `model`, `breaker`, `gate`, `review`, `taken`; of a
    landing also `target`, `remote`, `signing`."""
    text: str
    bead: BeadId | None = None
    options: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedAnswered(Durable):
    """The user (or what they allowed) answered an item of Needs you."""

    kind: ClassVar[Literal["need_answered"]] = "need_answered"
    item: str
    answer: str
    tree: Oid | None = None
    """What the user made of the bead's copy by hand, where that is the answer."""


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


# --- ephemeral ------------------------------------------------------------------------------------


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
    """`town`, `day`, `convoy:<id>`, `bead:<id>` or `polecat:<name>`."""
    cap: int | None
    settled: int
    held: int
    assumed: int
    reserve: int = 0
    """What of the cap is kept for landing."""

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
)
EphemeralEvent = TextStreamed | ActionChanged | HealthChanged | MeterMoved | GateProgress | Progressed

_KINDS: dict[str, type[Durable]] = {event.kind: event for event in get_args(DurableEvent)}


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


def encode(envelope: Envelope) -> bytes:
    """One line: the CRC-32 of the JSON in eight hex digits, a space, the JSON, a newline."""
    event = envelope.event
    body = {
        "v": VERSION,
        "seq": envelope.seq,
        "at": envelope.at.isoformat(),
        "cause": envelope.cause,
        "kind": event.kind,
        **{one.name: getattr(event, one.name) for one in fields(event)},
    }
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Envelope:
    """Reads a line of `encode`, of this or an older version.

    Raises:
        StoreError: the line is damaged, of a newer version, or of an unknown kind.
    """
    if not is_intact(line):
        raise StoreError("A line of the history is damaged.")
    try:
        return _read(json.loads(line.partition(b" ")[2]))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A line of the history cannot be understood ({error!r}).") from error


def is_intact(line: bytes) -> bool:
    """Tells whether a line is whole and as it was written, of whatever version it is."""
    checksum, _, text = line.removesuffix(b"\n").partition(b" ")
    return line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(text)


def _read(body: dict[str, Any]) -> Envelope:
    if body["v"] > VERSION:
        raise StoreError("This history was written by a newer version of Gas Town Desktop.")
    event_type = _KINDS.get(body["kind"])
    if event_type is None:
        raise StoreError(f"The history holds an event of an unknown kind: {body['kind']}.")
    return Envelope(
        seq=body["seq"],
        at=datetime.fromisoformat(body["at"]),
        cause=body["cause"],
        event=_build(event_type, body),  # pyright: ignore[reportArgumentType]
    )


_E = TypeVar("_E", bound=Durable)


def _build(event_type: type[_E], body: dict[str, Any]) -> _E:
    values: dict[str, Any] = {}
    for one in fields(event_type):
        if one.name in body:
            value = body[one.name]
            values[one.name] = tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]
        elif one.default is MISSING and one.default_factory is MISSING:
            raise StoreError(f"An event of kind {body['kind']} lacks {one.name}.")
    return event_type(**values)
