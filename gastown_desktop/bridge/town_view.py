"""What the screens know of the town: the fold of everything that came through the feed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gastown_desktop.bridge.event_feed import FeedItem
from gastown_desktop.bridge.touched import Before
from gastown_desktop.core import events as ev
from gastown_desktop.core.card import Card, Glance, card_of
from gastown_desktop.core.days import DAY, Day
from gastown_desktop.core.ids import MAYOR, BeadId, ConvoyId, PolecatName
from gastown_desktop.core.ledger import TOWN_SCOPE
from gastown_desktop.core.projection import NeedView, PolecatView, Projection

LONGEST_LIVE_TEXT = 20_000
"""Characters of a reply kept while it streams; all of it is in the transcript once its turn ended."""
_SAMPLE_EVERY = timedelta(seconds=2)
_MOST_SAMPLES = 20_000
"""For each limit that may be shown."""
_OF_THE_QUEUE = ev.MergeStateChanged | ev.MergeReviewed | ev.GateRun | ev.BeadSubmitted | ev.BeadMerged


@dataclass(slots=True)
class Changes:
    """What changed since the last tick, so that each screen can decide whether it is concerned."""

    beads: set[BeadId] = field(default_factory=set[BeadId])
    """Whose card may look otherwise."""
    texts: set[PolecatName] = field(default_factory=set[PolecatName])
    """Whose reply grew."""
    turns: set[BeadId] = field(default_factory=set[BeadId])
    """Of which a turn ended."""
    envelopes: list[ev.Envelope] = field(default_factory=list[ev.Envelope])
    """New history."""
    convoys: bool = False
    """Convoys came, went, or went on to another stage."""
    needs: bool = False
    money: bool = False
    queue: bool = False
    """Merge requests or gates."""
    progress: bool = False
    troubles: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.beads
            or self.texts
            or self.envelopes
            or self.convoys
            or self.needs
            or self.money
            or self.queue
            or self.progress
            or self.troubles
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the meter stood at a time; nano-dollars."""

    at: datetime
    settled: int
    assumed: int
    held: int


class TownView:
    """The screens' state. `apply` is the only way to change it; screens only read."""

    def __init__(self) -> None:
        """Starts with no convoy."""
        self.convoys: dict[ConvoyId, Projection] = {}
        self.glance = Glance()
        self.live: dict[PolecatName, str] = {}
        """Each worker's reply as far as it streamed."""
        self.timeline: list[ev.Envelope] = []
        """History of all convoys in the order of its coming."""
        self._courses: dict[str, deque[Sample]] = {}
        """Where each meter stood that the top bar may show, by scope."""
        self._newest: Day | None = None
        """The newest day that has a meter."""
        self.progress: dict[str, ev.Progressed] = {}
        self.runs: dict[ConvoyId, ev.RunChanged] = {}
        """Which convoys this process runs, and how."""
        self.troubles: dict[ConvoyId, ev.Troubled] = {}
        """Why a convoy stopped that should not have; taken off when it runs again."""
        self.now: datetime | None = None
        """The newest time that was seen."""

    # --- reading ---

    @property
    def current(self) -> Projection | None:
        """The newest convoy that this process runs, else the newest of all; None while there is none."""
        return next(reversed(self.at_work()), None)

    def at_work(self) -> list[Projection]:
        """Convoys that this process runs; the newest one where it runs none."""
        running = [state for convoy, state in self.convoys.items() if self.runs_now(convoy)]
        return running or list(self.convoys.values())[-1:]

    def at_hand(self) -> list[Projection]:
        """Convoys at work, and those that wait for the user."""
        names = {state.convoy for state in self.at_work()}
        return [one for name, one in self.convoys.items() if name in names or one.needs_you]

    def projection_of(self, bead: BeadId) -> Projection | None:
        """The convoy of a bead."""
        return next((one for one in reversed(self.convoys.values()) if bead in one.beads), None)

    def card(self, bead: BeadId) -> Card | None:
        """The card of a bead; None when it is not shown."""
        state = self.projection_of(bead)
        return None if state is None else card_of(state, self.glance, bead)

    def cards(self, states: Iterable[Projection] | None = None) -> list[Card]:
        """Cards of some convoys, or of all, convoy by convoy, in planning order."""
        chosen = self.convoys.values() if states is None else states
        found = (card_of(state, self.glance, bead) for state in chosen for bead in state.beads)
        return [card for card in found if card is not None]

    def runs_now(self, convoy: ConvoyId) -> bool:
        """Whether this process runs a convoy."""
        run = self.runs.get(convoy)
        return run is not None and run.running

    def workers(self) -> list[PolecatView]:
        """Workers that have a bead."""
        return [
            view
            for state in self.convoys.values()
            for view in state.polecats.values()
            if view.bead is not None
        ]

    def needs(self) -> list[tuple[Projection, NeedView]]:
        """Items that wait for the user: what blocks others first, then the newest."""
        found = [(state, need) for state in self.convoys.values() for need in state.needs_you.values()]
        return sorted(
            found, key=lambda one: (self.blocked_by(*one) == 0, -one[1].at.timestamp(), one[1].item)
        )

    def blocked_by(self, state: Projection, need: NeedView) -> int:
        """How many beads wait for the bead of an item; all that are not merged where it is about no bead."""
        if need.bead is None:
            return len(state.works()) - len(state.merged())
        waiting = {one.bead for one in state.dependencies if one.on == need.bead and one.kind != "parent"}
        return len(waiting - state.merged())

    def meter(self) -> ev.MeterMoved | None:
        """The meter of the top bar: of the limits that hold for the current convoy the one with least left.

        Where two have as little left it is the convoy's own; where none is set, what the convoy costs.
        """
        known = self.meters()
        capped = [(meter.left, meter) for meter in known if meter.left is not None]
        nearest = min(capped, key=lambda one: one[0], default=None)
        return nearest[1] if nearest is not None else next(iter(known), None)

    def meters(self) -> list[ev.MeterMoved]:
        """Meters whose limits hold for the current convoy: its own, today's, that of everything.

        For a rehearsal only its own does.
        """
        meters = self.glance.meters
        return [meters[scope] for scope in self._scopes() if scope in meters]

    def _scopes(self) -> list[str]:
        state, day = self.current, self._today()
        own = [f"convoy:{state.convoy}"] if state is not None else []
        if state is not None and state.rehearsal:
            return own  # it spends nothing
        return [*own, *([day.scope] if day is not None else []), TOWN_SCOPE]

    def _today(self) -> Day | None:
        """The newest day that anything was counted under; None where none was, or where it is over."""
        day, now = self._newest, self.now
        return None if day is None or now is None or day.is_over(now.astimezone()) else day

    @property
    def samples(self) -> Sequence[Sample]:
        """Where the meter of the top bar stood."""
        meter = self.meter()
        return () if meter is None else self.course(meter.scope)

    def course(self, scope: str) -> Sequence[Sample]:
        """Where the meter of a scope stood; empty where it is none that the top bar may show."""
        return self._courses.get(scope, ())

    # --- changing ---

    def apply(self, item: FeedItem, at: datetime, changes: Changes) -> None:
        """Folds one item in.

        Args:
            item: what came.
            at: the time now, for what carries none.
            changes: is told what changed.
        """
        if isinstance(item, ev.Envelope):
            self._fold(item, changes)
        else:
            self.now = at
            self._glance(item, at, changes)

    def forget(self) -> None:
        """Another repository: nothing of the last one stays."""
        self.__init__()

    def _fold(self, envelope: ev.Envelope, changes: Changes) -> None:
        event = envelope.event
        state = self.convoys.get(event.convoy)
        if state is None:
            state = self.convoys[event.convoy] = Projection()
            changes.convoys = True
        if envelope.seq <= state.last_seq:
            return
        before = Before.of(state)
        state.apply(envelope)
        self.now = envelope.at
        self.timeline.append(envelope)
        changes.envelopes.append(envelope)
        changes.beads |= before.touched(state)
        if state.needs_you != before.needs:
            changes.needs = True
        if isinstance(event, ev.TurnEnded):
            changes.turns.add(event.bead)
            self.live.pop(event.polecat, None)
            changes.texts.add(event.polecat)
        if isinstance(event, _OF_THE_QUEUE):
            changes.queue = True
        if isinstance(event, ev.ConvoyRetitled):
            changes.convoys = True
        if isinstance(event, ev.MayorSaid):
            self.live.pop(MAYOR, None)
            changes.texts.add(MAYOR)
        if isinstance(event, ev.ConvoyStageChanged | ev.ConvoyCreated | ev.ConvoyLanded | ev.LandingUndone):
            changes.convoys = True
            changes.beads |= set(state.beads)
        if isinstance(event, ev.CapChanged):
            changes.money = True

    def _glance(self, event: ev.EphemeralEvent, at: datetime, changes: Changes) -> None:
        match event:
            case ev.TextStreamed(polecat=polecat, text=text):
                self.live[polecat] = (self.live.get(polecat, "") + text)[-LONGEST_LIVE_TEXT:]
                changes.texts.add(polecat)
            case ev.ActionChanged(polecat=polecat, action=action):
                if self.glance.actions.get(polecat, ("", at))[0] != action:
                    self.glance.actions[polecat] = (action, at)
                    self._tell_worker(event, polecat, changes)
            case ev.HealthChanged(polecat=polecat):
                self._tell_worker(event, polecat, changes)
            case ev.Progressed(task=task):
                self.progress.pop(task, None)  # the newest comes last
                self.progress[task] = event
                changes.progress = True
            case ev.Troubled(convoy=convoy):
                self.troubles[convoy] = event
                changes.troubles = True
            case _:
                self._glance_of_town(event, at, changes)

    def _glance_of_town(
        self, event: ev.MeterMoved | ev.GateProgress | ev.RunChanged, at: datetime, changes: Changes
    ) -> None:
        match event:
            case ev.MeterMoved(scope=scope):
                self.glance.meters[scope] = event
                self._note_day(scope)
                changes.money = True
                kind, _, name = scope.partition(":")
                if kind == "bead":
                    changes.beads.add(BeadId(name))
                self._sample(event, at)
            case ev.GateProgress(running=running, beads=beads):
                before = self.glance.gate
                self.glance.gate, self.glance.gate_since = event, at if running else None
                changes.queue = True
                changes.beads |= {*beads, *(before.beads if before else ())}
            case ev.RunChanged(convoy=convoy, running=running):
                self.runs[convoy] = event
                changes.convoys = True
                if running:
                    self.troubles.pop(convoy, None)

    def _tell_worker(
        self, event: ev.ActionChanged | ev.HealthChanged, polecat: PolecatName, changes: Changes
    ) -> None:
        for state in self.convoys.values():
            view = state.polecats.get(polecat)
            if view is not None and view.bead is not None:
                state.glance(event)
                changes.beads.add(view.bead)

    def _note_day(self, scope: str) -> None:
        day = Day.of(scope) if scope.startswith(DAY) else None
        if day is not None and (self._newest is None or day.begin > self._newest.begin):
            self._newest = day

    def _sample(self, meter: ev.MeterMoved, at: datetime) -> None:
        """Keeps the course of a meter that the top bar may show, a point every two seconds at most.

        Courses of other convoys and of days that are over are forgotten.
        """
        scopes = self._scopes()
        if meter.scope not in scopes:
            return
        for scope in self._courses.keys() - set(scopes):
            del self._courses[scope]
        course = self._courses.setdefault(meter.scope, deque(maxlen=_MOST_SAMPLES))
        if course and at - course[-1].at < _SAMPLE_EVERY:
            course[-1] = Sample(course[-1].at, meter.settled, meter.assumed, meter.held)
        else:
            course.append(Sample(at, meter.settled, meter.assumed, meter.held))
