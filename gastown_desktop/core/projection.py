"""The state of one convoy, folded from its events: the only state that the engine and the screens have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead, BeadKind, BeadSize, BeadStatus, Dependency, DependencyKind
from gastown_desktop.core.flakiness import FlakeRecord
from gastown_desktop.core.ids import BY_HAND, BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId
from gastown_desktop.core.planning_folds import PLANNING_FOLDS
from gastown_desktop.core.reviews import ABOUT_REVIEW, REVIEW_FOLDS, heed_word
from gastown_desktop.core.views import (
    BeadView,
    DefaultView,
    ForecastView,
    GateView,
    MergeView,
    MessageView,
    NeedView,
    PolecatView,
    SaidView,
)

__all__ = [
    "BeadView",
    "DefaultView",
    "ForecastView",
    "GateView",
    "MergeView",
    "MessageView",
    "NeedView",
    "PolecatView",
    "Projection",
    "SaidView",
    "fold",
]


@dataclass(slots=True, kw_only=True)
class Projection:
    """One convoy as its events tell it. `apply` is the only way to change it."""

    rig: RigId = field(default=RigId(""))
    convoy: ConvoyId = field(default=ConvoyId(""))
    title: str = ""
    base: Oid = field(default=Oid(""))
    stands_on: Oid = field(default=Oid(""))
    """The commit under the first landing commit: the base, until the convoy is re-stacked on another."""
    target: str = ""
    plan: str = ""
    rehearsal: bool = False
    reviewed: bool = False
    """Whether a reviewer reads what is handed in before it merges."""
    stage: str = "draft"
    stage_reason: str = ""
    started_at: datetime | None = None
    landed_tree: Oid | None = None
    landed_on: str = ""
    """Full name of the ref that the convoy is on; empty until it landed, and after that was undone."""
    landed_commit: Oid | None = None
    landed_before: Oid | None = None
    """Where that ref was before; None when it is not known."""
    landed_remote: str = ""
    """The remote that the landing belongs on as well."""
    pushed: dict[str, Oid] = field(default_factory=dict[str, Oid])
    """What remotes took, by `origin/main`."""
    reverted_by: Oid | None = None
    """The commit that took the landed change back; it may land again on top of that."""
    signed_tip: Oid | None = None
    """The tip of a stack that was made with signatures."""
    beads: dict[BeadId, BeadView] = field(default_factory=dict[BeadId, BeadView])
    dependencies: list[Dependency] = field(default_factory=list[Dependency])
    polecats: dict[PolecatName, PolecatView] = field(default_factory=dict[PolecatName, PolecatView])
    merges: dict[MergeId, MergeView] = field(default_factory=dict[MergeId, MergeView])
    needs_you: dict[str, NeedView] = field(default_factory=dict[str, NeedView])
    answers: dict[str, str] = field(default_factory=dict[str, str])
    by_default: list[DefaultView] = field(default_factory=list[DefaultView])
    """Questions whose default was taken while nobody answered, oldest first."""
    messages: dict[str, MessageView] = field(default_factory=dict[str, MessageView])
    """What the user said to workers, oldest first."""
    mayor: list[SaidView] = field(default_factory=list[SaidView])
    """The talk with the Mayor, oldest first."""
    forecast: ForecastView | None = None
    """What it was expected to cost when it was launched last; None before, and in older histories."""
    removed: set[BeadId] = field(default_factory=set[BeadId])
    """Draft beads that were taken out of the plan."""
    gates: dict[str, GateView] = field(default_factory=dict[str, GateView])
    gate_greens: set[tuple[str, Oid]] = field(default_factory=set[tuple[str, Oid]])
    """Gates with the trees on which they were green, by a run or from memory."""
    gate_reds: dict[tuple[str, Oid], int] = field(default_factory=dict[tuple[str, Oid], int])
    """How often a gate was red on a tree on which it was never green."""
    gate_runs: int = 0
    """Runs in this convoy; cached answers are none."""
    gate_seconds: float = 0.0
    gate_cached: int = 0
    """Answers that were known already."""
    gate_saved_s: float = 0.0
    """Seconds that the runs behind them took."""
    gate_sees: bool | None = None
    gate_noticed: tuple[str, ...] = ()
    """Paths that turn a gate red when they are broken."""
    base_green: bool | None = None
    gate_reason: str = ""
    conflicts: int = 0
    restarts: int = 0
    caps: dict[str, int | None] = field(default_factory=dict[str, int | None])
    last_seq: int = 0
    last_at: datetime | None = None

    def apply(self, envelope: ev.Envelope) -> None:
        """Folds one event in; one that was folded before (by sequence number) changes nothing."""
        if envelope.seq <= self.last_seq:
            return
        self.last_seq = envelope.seq
        self.last_at = envelope.at
        _FOLDS[type(envelope.event)](self, envelope.event, envelope.at)

    def glance(self, event: ev.EphemeralEvent) -> None:
        """Shows an ephemeral event; what it changes is never part of the durable state."""
        if isinstance(event, ev.ActionChanged) and event.polecat in self.polecats:
            self.set_polecat(event.polecat, action=event.action)
        if isinstance(event, ev.HealthChanged) and event.polecat in self.polecats:
            self.set_polecat(event.polecat, health=event.health)

    def may_merge(self, view: MergeView) -> bool:
        """Whether a merge request waits for no review; what the user made by hand needs none."""
        return not self.reviewed or view.passed or view.polecat == BY_HAND

    def merged(self) -> set[BeadId]:
        """Beads whose landing commit is on the convoy branch."""
        return {
            key
            for key, view in self.beads.items()
            if view.status in {"merged", "landed"} and view.bead.kind != "resolve"
        }

    @property
    def missing_on(self) -> str:
        """The remote that lacks what landed here; empty when none does."""
        branch = self.landed_on.removeprefix("refs/heads/")
        taken = self.pushed.get(f"{self.landed_remote}/{branch}")
        return self.landed_remote if taken != self.landed_commit else ""

    def with_status(self, *statuses: str) -> list[BeadId]:
        """Beads in one of these states, in planning order."""
        return [key for key, view in self.beads.items() if view.status in statuses]

    def asking(self) -> set[BeadId]:
        """Beads that wait for the user."""
        return {need.bead for need in self.needs_you.values() if need.bead is not None}

    def unheard(self, bead: BeadId) -> list[MessageView]:
        """What the user said to a bead's worker and nobody has heard yet, oldest first."""
        return [one for one in self.messages.values() if one.bead == bead and one.turn is None]

    def resolved_by(self, bead: BeadId) -> BeadId | None:
        """The bead whose conflict a resolve bead resolves; None for any other bead."""
        if self.beads[bead].bead.kind != "resolve":
            return None
        return next((one.on for one in self.dependencies if one.bead == bead and one.kind == "parent"), None)

    def resolvers_of(self, bead: BeadId) -> list[BeadId]:
        """The resolve beads of a bead, oldest first."""
        return [one.bead for one in self.dependencies if one.on == bead and self.resolved_by(one.bead)]

    def works(self) -> list[BeadId]:
        """Beads that are to be merged: not those that only resolve a conflict, nor what was discarded."""
        return [
            key
            for key, view in self.beads.items()
            if view.bead.kind != "resolve" and view.status != "discarded"
        ]

    def set_bead(self, bead: BeadId, **changes: Any) -> None:
        """Changes fields of a bead's view; for the folds below only."""
        self.beads[bead] = replace(self.beads[bead], **changes)

    def set_gate(self, name: str, **changes: Any) -> None:
        """Changes fields of a gate's view, made when missing; for the folds below only."""
        self.gates[name] = replace(self.gates.get(name, GateView(name=name)), **changes)

    def set_polecat(self, name: PolecatName, **changes: Any) -> None:
        """Changes fields of a worker's view; for the folds below only."""
        self.polecats[name] = replace(self.polecats[name], **changes)

    def close_resolvers(self, bead: BeadId) -> None:
        """Discards what was to resolve a conflict of a bead and no longer will; for the folds below only."""
        for resolver in self.resolvers_of(bead):
            if self.beads[resolver].status not in {"merged", "landed"}:
                self.set_bead(resolver, status="discarded")
                self.release_polecat(resolver, "done")
                self.forget_needs(resolver)

    def forget_needs(self, bead: BeadId) -> None:
        """Nobody has to answer for a bead any more; for the folds below only."""
        self.needs_you = {item: need for item, need in self.needs_you.items() if need.bead != bead}

    def release_polecat(self, bead: BeadId, state: str) -> None:
        """Takes the bead from whoever has it; for the folds below only."""
        for name, view in self.polecats.items():
            if view.bead == bead:
                self.set_polecat(name, bead=None, state=state, action="")


def fold(envelopes: list[ev.Envelope]) -> Projection:
    """The projection of a whole history."""
    projection = Projection()
    for envelope in envelopes:
        projection.apply(envelope)
    return projection


# --- one fold per event ---------------------------------------------------------------------------


def _convoy_created(town: Projection, event: ev.ConvoyCreated, at: datetime) -> None:
    town.rig, town.convoy, town.title = event.rig, event.convoy, event.title
    town.base, town.target, town.plan = event.base, event.target, event.plan
    town.stands_on = event.base
    town.rehearsal, town.reviewed = event.rehearsal, event.reviewed
    town.started_at = at


def _bead_added(town: Projection, event: ev.BeadAdded, at: datetime) -> None:
    del at
    town.beads[event.bead] = BeadView(
        bead=Bead(
            id=event.bead,
            title=event.title,
            description=event.description,
            acceptance=event.acceptance,
            kind=cast("BeadKind", event.type),
            priority=event.priority,
            files=event.files,
            size=cast("BeadSize", event.size),
            model=event.model,
            labels=event.labels,
            extra=event.extra,
        ),
        status=cast("BeadStatus", event.status),
    )


def _dependency_added(town: Projection, event: ev.DependencyAdded, at: datetime) -> None:
    del at
    town.dependencies.append(
        Dependency(bead=event.bead, on=event.on, kind=cast("DependencyKind", event.type))
    )


def _stage_changed(town: Projection, event: ev.ConvoyStageChanged, at: datetime) -> None:
    del at
    town.stage, town.stage_reason = event.stage, event.reason


def _slung(town: Projection, event: ev.BeadSlung, at: datetime) -> None:
    before = town.beads[event.bead]
    town.set_bead(
        event.bead,
        status="hooked",
        polecat=event.polecat,
        attempts=before.attempts + 1,
        model=event.model,
        first_slung_at=before.first_slung_at or at,
        slung_at=at,
        reason="",
        goes_on=False,
        handed_back=None,
    )
    town.polecats[event.polecat] = PolecatView(
        name=event.polecat,
        bead=event.bead,
        epoch=event.epoch,
        base=event.base,
        branch=event.branch,
        model=event.model,
        turn=event.turn,
    )


def _polecat_state(town: Projection, event: ev.PolecatStateChanged, at: datetime) -> None:
    del at
    view = town.polecats.get(event.polecat)
    if view is None:
        return
    town.set_polecat(event.polecat, state=event.state, reason=event.reason)
    if event.state == "starting" and view.bead is not None:
        town.restarts += 1
        bead = town.beads[view.bead]
        town.set_bead(view.bead, restarts=bead.restarts + 1, deaths=bead.deaths + event.death)


def _turn_ended(town: Projection, event: ev.TurnEnded, at: datetime) -> None:
    del at
    bead = town.beads[event.bead]
    town.set_bead(
        event.bead,
        cost=bead.cost + event.cost,
        turns=bead.turns + 1,
        tool_s=bead.tool_s + event.tool_s,
        prompt_tokens=bead.prompt_tokens + event.prompt_tokens,
        output_tokens=bead.output_tokens + event.output_tokens,
        steps_done=event.steps_done,
        steps=event.steps,
        files_changed=event.files_changed,
        lines_added=event.lines_added,
        lines_removed=event.lines_removed,
    )
    if event.polecat in town.polecats:
        town.set_polecat(
            event.polecat,
            turn=event.turn,
            cost=town.polecats[event.polecat].cost + event.cost,
            steps_done=event.steps_done,
            steps=event.steps,
            files_changed=event.files_changed,
        )


def _submitted(town: Projection, event: ev.BeadSubmitted, at: datetime) -> None:
    for merge, view in town.merges.items():
        if view.bead == event.bead and view.state not in {"merged", "ejected"}:
            town.merges[merge] = replace(view, state="superseded")
    town.set_bead(event.bead, status="submitted", merge=event.merge, submitted_at=at)
    worked = event.resolver or event.bead
    if event.resolver is not None:
        town.set_bead(event.resolver, status="submitted", submitted_at=at)
    town.release_polecat(worked, "done")
    town.merges[event.merge] = MergeView(
        id=event.merge,
        bead=event.bead,
        branch=event.branch,
        commit=event.commit,
        base=event.base,
        polecat=event.polecat,
        resolver=event.resolver,
        sensitive=event.sensitive,
        submitted_at=at,
    )


def _merge_state(town: Projection, event: ev.MergeStateChanged, at: datetime) -> None:
    del at
    view = town.merges[event.merge]
    town.merges[event.merge] = replace(view, state=event.state, reason=event.reason, paths=event.paths)
    if event.state == "conflicted":
        town.conflicts += 1
    if event.state == "resolving":
        bead = town.beads[event.bead]
        town.set_bead(event.bead, rework=bead.rework + 1, rounds=bead.rounds + 1)
    else:
        town.close_resolvers(event.bead)


def _gate_run(town: Projection, event: ev.GateRun, at: datetime) -> None:
    del at
    answer = (event.gate, event.tree)
    if event.green:
        town.gate_greens.add(answer)
        town.gate_reds.pop(answer, None)
    elif answer not in town.gate_greens and not event.cached:
        town.gate_reds[answer] = town.gate_reds.get(answer, 0) + 1
    record = FlakeRecord(runs=event.known_runs, flips=event.known_flips)
    if event.cached:
        town.gate_cached += 1
        town.gate_saved_s += event.saved_s
        town.set_gate(event.gate, record=record)
        return
    town.gate_runs += 1
    town.gate_seconds += event.seconds
    ran = town.gates[event.gate].runs if event.gate in town.gates else 0
    town.set_gate(event.gate, runs=ran + 1, record=record)


def _gate_judged(town: Projection, event: ev.GateJudged, at: datetime) -> None:
    del at
    town.gate_sees, town.base_green, town.gate_reason = event.sees, event.base_green, event.reason
    town.gate_noticed = event.noticed
    for sees, names in ((True, event.seeing), (False, event.blind)):
        for name in names:
            town.set_gate(name, sees=sees)


def _merged(town: Projection, event: ev.BeadMerged, at: datetime) -> None:
    town.set_bead(event.bead, status="merged", commit=event.commit, merged_at=at, reason="")
    for resolver in town.resolvers_of(event.bead):
        if town.beads[resolver].status == "submitted":
            town.set_bead(resolver, status="merged", merged_at=at)
    town.merges[event.merge] = replace(town.merges[event.merge], state="merged", reason="")


def _landed(town: Projection, event: ev.ConvoyLanded, at: datetime) -> None:
    del at
    town.landed_tree = event.tree
    town.landed_on, town.landed_commit, town.landed_before = event.target, event.commit, event.before
    town.landed_remote, town.reverted_by = event.remote, None
    if not event.partial:
        town.stage, town.stage_reason = "landed", ""
    for bead in town.with_status("merged"):
        town.set_bead(bead, status="landed", reason="")


def _restacked(town: Projection, event: ev.ConvoyRestacked, at: datetime) -> None:
    del at
    town.stands_on = event.base
    town.signed_tip = event.commit if event.signed else None
    for bead, commit in zip(event.beads, event.commits, strict=False):
        town.set_bead(bead, commit=commit)
    for bead in event.skipped:
        town.set_bead(bead, commit=event.base)


def _pushed(town: Projection, event: ev.ConvoyPushed, at: datetime) -> None:
    del at
    town.pushed[f"{event.remote}/{event.branch}"] = event.commit


def _dropped(town: Projection, event: ev.BeadDropped, at: datetime) -> None:
    del at
    town.release_polecat(event.bead, "done")
    town.close_resolvers(event.bead)
    town.set_bead(event.bead, status="discarded", reason=event.reason)
    town.forget_needs(event.bead)
    for merge, view in town.merges.items():
        if view.bead == event.bead and view.state != "merged":
            town.merges[merge] = replace(view, state="ejected")


def _undone(town: Projection, event: ev.LandingUndone, at: datetime) -> None:
    del at
    town.stage, town.stage_reason = "ready_to_land", "The landing was undone."
    town.reverted_by = event.commit if event.reverted else None
    town.landed_on, town.landed_remote = "", ""
    town.landed_commit = town.landed_before = town.landed_tree = None
    for bead in town.with_status("landed"):
        town.set_bead(bead, status="merged")


def _reopened(town: Projection, event: ev.BeadReopened, at: datetime) -> None:
    del at
    view = town.beads[event.bead]
    reworked = view.status == "submitted"
    town.set_bead(
        event.bead,
        status="open",
        reason=event.reason,
        rework=view.rework + (1 if reworked else 0),
        rounds=view.rounds + (1 if reworked else 0),
        goes_on=reworked,
    )
    town.release_polecat(event.bead, "done")
    town.close_resolvers(event.bead)


def _needs_you(town: Projection, event: ev.NeedsYou, at: datetime) -> None:
    town.needs_you[event.item] = NeedView(
        item=event.item,
        about=event.about,
        text=event.text,
        bead=event.bead,
        options=event.options,
        default=event.default,
        at=at,
        scope=event.scope,
        cap=event.cap,
    )
    if event.bead is not None and town.beads[event.bead].status not in {"merged", "landed"}:
        town.set_bead(event.bead, status="blocked", reason=event.text)
        town.release_polecat(event.bead, "waiting")


def _answered(town: Projection, event: ev.NeedAnswered, at: datetime) -> None:
    need = town.needs_you.pop(event.item, None)
    town.answers[event.item] = event.answer
    if need is not None and event.by:
        taken = DefaultView(bead=need.bead, question=need.text, answer=event.answer, at=at)
        town.by_default.append(taken)
    if need is None or need.bead is None:
        return
    bead = need.bead
    if event.tree is not None:
        town.set_bead(bead, handed_back=event.tree)
    if need.about == ABOUT_REVIEW and heed_word(town, bead, event.answer):
        return
    if bead not in town.asking() and town.beads[bead].status == "blocked":
        told = event.answer if event.tree else _told_by_user(need.text, event.answer)
        town.set_bead(bead, status="open", reason=told, rounds=0, deaths=0, goes_on=True)


def _told_by_user(text: str, answer: str) -> str:
    return f"{text}\n\nThe user answers: {answer}"


def _message_sent(town: Projection, event: ev.MessageSent, at: datetime) -> None:
    town.messages[event.message] = MessageView(id=event.message, bead=event.bead, text=event.text, sent_at=at)


def _message_delivered(town: Projection, event: ev.MessageDelivered, at: datetime) -> None:
    known = town.messages.get(event.message)
    if known is not None and known.turn is None:
        town.messages[event.message] = replace(known, turn=event.turn, delivered_at=at)


def _cap_changed(town: Projection, event: ev.CapChanged, at: datetime) -> None:
    del at
    town.caps[event.scope] = event.new


def _only_told(town: Projection, event: ev.DurableEvent, at: datetime) -> None:
    del town, event, at


_FOLDS: dict[type[ev.Durable], Callable[[Projection, Any, datetime], None]] = {
    ev.ConvoyCreated: _convoy_created,
    ev.BeadAdded: _bead_added,
    ev.DependencyAdded: _dependency_added,
    ev.ConvoyStageChanged: _stage_changed,
    ev.BeadSlung: _slung,
    ev.PolecatStateChanged: _polecat_state,
    ev.TurnEnded: _turn_ended,
    ev.BeadSubmitted: _submitted,
    ev.MergeStateChanged: _merge_state,
    ev.GateRun: _gate_run,
    ev.GateJudged: _gate_judged,
    ev.BeadMerged: _merged,
    ev.ConvoyLanded: _landed,
    ev.BeadReopened: _reopened,
    ev.NeedsYou: _needs_you,
    ev.NeedAnswered: _answered,
    ev.CapChanged: _cap_changed,
    ev.Recovered: _only_told,
    ev.DispatchPaused: _only_told,
    ev.ConvoyRestacked: _restacked,
    ev.ConvoyPushed: _pushed,
    ev.BeadDropped: _dropped,
    ev.LandingUndone: _undone,
    ev.MessageSent: _message_sent,
    ev.MessageDelivered: _message_delivered,
    **PLANNING_FOLDS,
    **REVIEW_FOLDS,
}
