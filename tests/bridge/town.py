"""A small town's events for the bridge's tests, a call each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from gastown_desktop.bridge.event_feed import FeedItem
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId

RIG, CONVOY = RigId("calc-0a1b2c"), ConvoyId("cv-1")
WHERE: Any = {"rig": RIG, "convoy": CONVOY}
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
A, B, C = BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-c")
NUX, SLIT = PolecatName("Nux"), PolecatName("Slit")
OID = Oid("1" * 40)


def enveloped(*events: ev.DurableEvent, first: int = 1) -> list[ev.Envelope]:
    """Events in envelopes, a second apart."""
    return [
        ev.Envelope(seq=seq, at=START + timedelta(seconds=seq), event=event)
        for seq, event in enumerate(events, first)
    ]


def begun(*beads: BeadId, convoy: ConvoyId = CONVOY, reviewed: bool = False) -> list[ev.DurableEvent]:
    """A convoy with beads."""
    where: Any = {"rig": RIG, "convoy": convoy}
    created = ev.ConvoyCreated(**where, title="Things", base=OID, target="refs/heads/main", reviewed=reviewed)
    return [created, *(ev.BeadAdded(**where, bead=bead, title=f"Do {bead}") for bead in beads)]


def waits(bead: BeadId, on: BeadId, kind: str = "blocks") -> ev.DependencyAdded:
    return ev.DependencyAdded(**WHERE, bead=bead, on=on, type=kind)


def resolving(bead: BeadId, conflicted: BeadId) -> list[ev.DurableEvent]:
    """A bead that resolves the conflict of another."""
    added = ev.BeadAdded(**WHERE, bead=bead, title=f"Resolve {conflicted}", type="resolve")
    return [added, waits(bead, conflicted, "parent")]


def slung(bead: BeadId = A, polecat: PolecatName = NUX) -> ev.BeadSlung:
    branch = f"refs/heads/work/{polecat}/{bead}"
    return ev.BeadSlung(**WHERE, bead=bead, polecat=polecat, epoch=1, base=OID, branch=branch, model="m")


def became(state: str, polecat: PolecatName = NUX, reason: str = "") -> ev.PolecatStateChanged:
    return ev.PolecatStateChanged(**WHERE, polecat=polecat, state=state, reason=reason)


def turned(bead: BeadId = A, polecat: PolecatName = NUX, turn: int = 1) -> ev.TurnEnded:
    return ev.TurnEnded(
        **WHERE,
        polecat=polecat,
        bead=bead,
        turn=turn,
        hook=OID,
        cost=10,
        prompt_tokens=100,
        output_tokens=7,
        steps_done=turn,
        steps=5,
        lines_added=3,
    )


def submitted(
    bead: BeadId = A,
    polecat: PolecatName = NUX,
    resolver: BeadId | None = None,
    sensitive: tuple[str, ...] = (),
) -> ev.BeadSubmitted:
    return ev.BeadSubmitted(
        **WHERE,
        bead=bead,
        polecat=polecat,
        merge=MergeId(f"mr-{bead}"),
        branch="refs/heads/x",
        commit=OID,
        base=OID,
        resolver=resolver,
        sensitive=sensitive,
    )


def merging(state: str, bead: BeadId = A, **fields: Any) -> ev.MergeStateChanged:
    return ev.MergeStateChanged(**WHERE, merge=MergeId(f"mr-{bead}"), bead=bead, state=state, **fields)


def approved(bead: BeadId = A) -> ev.MergeReviewed:
    return ev.MergeReviewed(
        **WHERE, merge=MergeId(f"mr-{bead}"), bead=bead, verdict="approved", text="Fine.", model="m"
    )


def merged(bead: BeadId = A) -> ev.BeadMerged:
    return ev.BeadMerged(**WHERE, bead=bead, merge=MergeId(f"mr-{bead}"), commit=OID, tree=OID)


def needs(item: str, about: str = "question", bead: BeadId | None = A) -> ev.NeedsYou:
    return ev.NeedsYou(**WHERE, item=item, about=about, text=f"About {item}?", bead=bead)


def answered(item: str) -> ev.NeedAnswered:
    return ev.NeedAnswered(**WHERE, item=item, answer="Yes.")


def streamed(text: str, polecat: PolecatName = NUX) -> ev.TextStreamed:
    return ev.TextStreamed(rig=RIG, polecat=polecat, text=text)


def acting(action: str, polecat: PolecatName = NUX) -> ev.ActionChanged:
    return ev.ActionChanged(rig=RIG, polecat=polecat, action=action)


def metered(scope: str, settled: int, **fields: Any) -> ev.MeterMoved:
    known: Any = {"rig": RIG, "cap": None, "held": 0, "assumed": 0, **fields}
    return ev.MeterMoved(scope=scope, settled=settled, **known)


def gate(name: str, *beads: BeadId, running: bool = True) -> ev.GateProgress:
    return ev.GateProgress(rig=RIG, gate=name, beads=beads, running=running)


def gate_run(*beads: BeadId, green: bool = True, **fields: Any) -> ev.GateRun:
    """The gate pytest ran over the stack of these."""
    known: Any = {"tree": Oid("3" * 40), "seconds": 12.0, **fields}
    return ev.GateRun(**WHERE, gate="pytest", green=green, beads=beads, **known)


def shown(*events: ev.DurableEvent) -> TownView:
    """A view that has folded these."""
    view = TownView()
    tell(view, enveloped(*events))
    return view


def tell(view: TownView, items: Iterable[FeedItem], at: datetime = START) -> Changes:
    """Folds items in; answers what changed."""
    changes = Changes()
    for item in items:
        view.apply(item, at, changes)
    return changes


def then(view: TownView, *events: ev.DurableEvent) -> Changes:
    """Folds the next durable events of the convoy in; answers what changed."""
    state = view.convoys[CONVOY]
    return tell(view, enveloped(*events, first=state.last_seq + 1))
