"""A card: everything that the fleet's page shows of one bead, told from the projection alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, PolecatName
from gastown_desktop.core.projection import BeadView, MergeView, NeedView, PolecatView, Projection
from gastown_desktop.core.sensitive import look_words

State = Literal[
    "needs_you",
    "conflict",
    "failed",
    "stalled",
    "review",
    "paused_budget",
    "paused",
    "merging",
    "working",
    "waiting",
    "starting",
    "queued",
    "landed",
]
STATES: tuple[State, ...] = get_args(State)
"""In the order in which cards are sorted."""

WORDS: Mapping[State, str] = {
    "needs_you": "Needs you",
    "conflict": "Conflict",
    "failed": "Failed",
    "stalled": "Stalled",
    "review": "Review",
    "paused_budget": "Paused: budget",
    "paused": "Paused",
    "merging": "Merging",
    "working": "Working",
    "waiting": "Waiting",
    "starting": "Starting",
    "queued": "Queued",
    "landed": "Landed",
}

Group = Literal["Your turn", "Paused: budget", "At work", "Merging", "Paused", "Queued", "Landed"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""In the order in which they are shown."""

_GROUP_OF: Mapping[State, Group] = {
    "needs_you": "Your turn",
    "conflict": "Your turn",
    "failed": "Your turn",
    "stalled": "Your turn",
    "review": "Your turn",
    "paused_budget": "Paused: budget",
    "paused": "Paused",
    "merging": "At work",
    "working": "At work",
    "waiting": "At work",
    "starting": "At work",
    "queued": "Queued",
    "landed": "Landed",
}

_STATE_OF_NEED: Mapping[str, State] = {
    "conflict": "conflict",
    "red": "failed",
    "model": "failed",
    "stuck": "stalled",
    "review": "review",
    "limit": "paused_budget",
}
"""What a bead is while such an item waits; any other item asks the user something."""

WAITS = "Waiting for earlier work to merge"
"""What a worker does that does not count against the size of the fleet."""
WAITS_FOR_ROOM = "Waiting for room under the limit"
"""What a worker does that is held back near the end of a limit, until others have handed in."""
WAITING = frozenset({WAITS, WAITS_FOR_ROOM})
"""What workers do that are not at work."""
_MONEY_WAITS = "budget"
"""How the reason of a worker begins that the spending limit paused."""


def group_of(state: State, *, limit_reached: bool = False) -> Group:
    """The group of a state; at the limit what merges stands by itself, since it goes on alone."""
    return "Merging" if limit_reached and state == "merging" else _GROUP_OF[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One bead as it is shown; sums are nano-dollars, times are aware."""

    bead: BeadId
    convoy: ConvoyId
    title: str
    state: State
    group: Group
    worker: PolecatName | None
    model: str
    """Model id; empty while that is not known."""
    action: str
    """What happens now, in words, in one line."""
    action_since: datetime | None = None
    """When that began, where it is worth counting: a running command."""
    steps_done: int = 0
    steps: int = 0
    added: int = 0
    removed: int = 0
    files: int = 0
    started_at: datetime | None = None
    """When somebody first worked on it."""
    ended_at: datetime | None = None
    """When it was merged."""
    cost: int = 0
    held: int = 0
    likely: int | None = None
    """The forecast's P50; None while there is none."""
    at_most: int | None = None
    """The forecast's P90."""
    need: str | None = None
    """Its first open item of Needs you."""
    sensitive: tuple[str, ...] = ()
    """What of its work somebody has to look at before it lands, as `path: why`."""

    @property
    def word(self) -> str:
        """The state in words."""
        return WORDS[self.state]

    @property
    def spoken(self) -> str:
        """The card for a screen reader."""
        worker = self.worker or "no worker yet"
        said = f"{worker}, {self.word}, {self.bead} {self.title}, {self.action}".rstrip(", ")
        return ", ".join([said, *look_words(self.sensitive)])


@dataclass(slots=True, kw_only=True)
class Glance:
    """What only the eye wants of a convoy: the newest ephemeral facts, by what they are about."""

    meters: dict[str, ev.MeterMoved] = field(default_factory=dict[str, ev.MeterMoved])
    """By ledger scope."""
    actions: dict[PolecatName, tuple[str, datetime]] = field(
        default_factory=dict[PolecatName, tuple[str, datetime]]
    )
    """What each worker does, and since when."""
    gate: ev.GateProgress | None = None
    """The gate that runs."""
    gate_since: datetime | None = None


def cards(state: Projection, glance: Glance) -> list[Card]:
    """Cards of all beads that are shown, in planning order."""
    found = (card_of(state, glance, bead) for bead in state.beads)
    return [card for card in found if card is not None]


def sort_key(card: Card) -> tuple[int, int]:
    """Orders cards: by group, then by state; planning order decides among equals."""
    return GROUPS.index(card.group), STATES.index(card.state)


def card_of(state: Projection, glance: Glance, bead: BeadId) -> Card | None:
    """The card of a bead; None for one that is not shown: discarded, or a resolution that is done."""
    view = state.beads.get(bead)
    if view is None or view.status == "discarded":
        return None
    if view.bead.kind == "resolve" and view.status in {"submitted", "merged", "landed"}:
        return None
    worker = state.polecats.get(view.polecat) if view.polecat else None
    at_work = worker if worker is not None and worker.bead == bead else None
    need = next((one for one in state.needs_you.values() if one.bead == bead), None)
    merge = state.merges.get(view.merge) if view.merge else None
    now = _state(glance, view, at_work, need, merge)
    limit = any(one.about == "limit" for one in state.needs_you.values())
    meter = glance.meters.get(f"bead:{bead}")
    action, since = _action(state, glance, now, view, at_work, need, merge)
    return Card(
        bead=bead,
        convoy=state.convoy,
        title=view.bead.title,
        state=now,
        group=group_of(now, limit_reached=limit),
        worker=view.polecat,
        model=(at_work.model if at_work else view.model) or view.bead.model or "",
        action=action,
        action_since=since,
        steps_done=view.steps_done,
        steps=view.steps,
        added=view.lines_added,
        removed=view.lines_removed,
        files=view.files_changed,
        started_at=view.first_slung_at,
        ended_at=view.merged_at,
        cost=meter.settled + meter.assumed if meter else view.cost,
        held=meter.held if meter else 0,
        likely=likely_cost(state, bead),
        at_most=_at_most(state, bead),
        need=need.item if need else None,
        sensitive=merge.sensitive if merge is not None and _stands(view, merge) else (),
    )


def _state(
    glance: Glance,
    view: BeadView,
    worker: PolecatView | None,
    need: NeedView | None,
    merge: MergeView | None,
) -> State:
    """The one state of a bead, most urgent first."""
    if view.status in {"merged", "landed"}:
        return "landed"
    if need is not None:
        return _STATE_OF_NEED.get(need.about, "needs_you")
    if view.status == "submitted":
        in_conflict = merge is not None and merge.state in {"conflicted", "resolving"}
        return "conflict" if in_conflict else "merging"
    if worker is None:
        return "queued"
    return _state_of_worker(worker, waits=_acts(glance, worker)[0] in WAITING)


def _state_of_worker(worker: PolecatView, *, waits: bool) -> State:
    if worker.state == "paused":
        return "paused_budget" if worker.reason.startswith(_MONEY_WAITS) else "paused"
    if worker.state == "starting":
        return "starting"
    if worker.state == "failed":
        return "failed"
    stalled = worker.state == "stuck" or worker.health in {"stalled", "quiet", "lost", "dead"}
    if stalled:
        return "stalled"
    return "waiting" if waits else "working"


def _stands(view: BeadView, merge: MergeView) -> bool:
    """Whether a bead's merge request is its work as it is, and has not landed."""
    waits = view.status == "blocked" and merge.state in {"queued", "conflicted"}
    return waits or view.status in {"submitted", "merged"}


def _action(
    state: Projection,
    glance: Glance,
    now: State,
    view: BeadView,
    worker: PolecatView | None,
    need: NeedView | None,
    merge: MergeView | None,
) -> tuple[str, datetime | None]:
    """What happens with a bead in words, and since when where that is worth counting."""
    if need is not None:
        return _asks(need), None
    match now:
        case "landed":
            return ("Landed" if view.status == "landed" else "Merged"), None
        case "conflict" if merge is not None:
            return _collides(state, merge), None
        case "merging":
            return _merging(glance, view.bead.id)
        case "paused_budget":
            done = f" at step {view.steps_done} of {view.steps}" if view.steps else ""
            return f"Committed{done}", None
        case "queued":
            return _waits(state, view), None
        case _:
            return _does(glance, worker)


def _asks(need: NeedView) -> str:
    first = need.text.strip().splitlines()[0] if need.text.strip() else need.about
    return f"Asks: {_within_a_sentence(first)}" if need.about == "question" else first


def _within_a_sentence(text: str) -> str:
    """The text with a small first letter, unless its first word is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _collides(state: Projection, merge: MergeView) -> str:
    count = len(merge.paths)
    files = f"{count} file collides" if count == 1 else f"{count} files collide"
    resolver = next((one for one in reversed(state.resolvers_of(merge.bead))), None)
    who = state.beads[resolver].polecat if resolver else None
    return f"{files}; {who} resolves it" if who else files


def _merging(glance: Glance, bead: BeadId) -> tuple[str, datetime | None]:
    gate = glance.gate
    if gate is not None and gate.running and bead in gate.beads:
        return f"Gate {gate.gate}", glance.gate_since
    return "In the queue", None


def _waits(state: Projection, view: BeadView) -> str:
    merged = state.merged()
    on = [
        one.on
        for one in state.dependencies
        if one.bead == view.bead.id and one.kind in {"blocks", "merge-blocks"} and one.on not in merged
    ]
    if not on:
        return "Went back: " + view.reason.splitlines()[0] if view.reason else "Ready"
    return f"Waits for {on[0]}" if len(on) == 1 else f"Waits for {len(on)} beads"


def _does(glance: Glance, worker: PolecatView | None) -> tuple[str, datetime | None]:
    if worker is None:
        return "", None
    action, since = _acts(glance, worker)
    if not action:
        return (worker.reason or "Preparing its copy" if worker.state == "starting" else worker.reason), None
    return action, since if action.startswith("Running") else None


def _acts(glance: Glance, worker: PolecatView) -> tuple[str, datetime | None]:
    """What a worker said last that it does, and since when."""
    return glance.actions.get(worker.name, (worker.action, None))


def likely_cost(state: Projection, bead: BeadId) -> int | None:
    """P50 of a bead, as foreseen at the launch, else as it was imported; None where nobody said."""
    foreseen = state.forecast.bead_p50.get(bead) if state.forecast is not None else None
    return _imported(state.beads[bead], "p50") if foreseen is None else foreseen


def _at_most(state: Projection, bead: BeadId) -> int | None:
    """The same with P90."""
    foreseen = state.forecast.bead_p90.get(bead) if state.forecast is not None else None
    return _imported(state.beads[bead], "p90") if foreseen is None else foreseen


def _imported(view: BeadView, name: str) -> int | None:
    value = view.bead.extra.get(name)
    return value if isinstance(value, int) else None
