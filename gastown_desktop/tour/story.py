"""The story as events: the table told in the order of time, and what only the eye wants at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from gastown_desktop.bridge.event_feed import FeedItem
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId, merge_id
from gastown_desktop.core.money import usd
from gastown_desktop.tour.beads import API, BEADS, COURSE, GATES, OTHER_SPENDING, SESSIONS, TITLES
from gastown_desktop.tour.lives import (
    Answered,
    Asks,
    Collides,
    Gate,
    Lands,
    Line,
    Pauses,
    Row,
    SentBack,
    Starts,
    Submits,
    Told,
    Worked,
)
from gastown_desktop.tour.moments import DAY, Moment, at

RIG = RigId("harbor-4f1c09")
CAP = usd("40")
RESERVE = usd("2")
TODAY = f"day:{DAY}+00:00"
DAY_CAP = usd("36")
"""The limit of a day, where there is one."""
WORKERS = 30
"""Size of the fleet."""
_MAIN = "refs/heads/main"
_RENEWED_AT = at("13:40:00")
_METER_EVERY = timedelta(seconds=30)
_GATE_NAMES = ("ruff", "pyright", "pytest")
_Timed = tuple[datetime, FeedItem]


@dataclass(frozen=True, slots=True)
class Totals:
    """Where the town's meter stands; nano-dollars."""

    settled: int
    held: int
    assumed: int


def oid(seed: str, begins: str = "") -> Oid:
    """A commit's or tree's name that depends on nothing but the seed.

    Args:
        seed: what it names.
        begins: its first digits, where they are given.
    """
    return Oid(begins + sha256(seed.encode()).hexdigest()[: 40 - len(begins)])


def story(moment: Moment) -> list[_Timed]:
    """Everything that comes through the feed until a moment, with its time, oldest first."""
    timed = [*_meters(moment), *_numbered(_durable(moment), moment), *_glances(moment)]
    return sorted(timed, key=lambda one: one[0])


def durable_until(row: Row, moment: Moment) -> list[tuple[datetime, ev.DurableEvent]]:
    """A bead's own events until a moment, in order."""
    return [(when, event) for when, event in _Life(row).events() if when <= moment.at]


def spent_by(row: Row, moment: Moment) -> int:
    """What a bead's worker has spent until a moment, in nano-dollars."""
    done = [line for line in row.life if isinstance(line, Worked) and at(line.at) <= moment.at]
    return usd(done[-1].spent) if done else 0


def spent_otherwise(role: str, moment: Moment) -> int:
    """What a role without beads has spent until a moment, in nano-dollars."""
    return sum(
        usd(dollars) for clock, who, _, dollars in OTHER_SPENDING if who == role and at(clock) <= moment.at
    )


def totals(when: datetime) -> Totals:
    """Where the town's meter stood at a time."""
    points = [(at(clock), [usd(part) for part in parts]) for clock, *parts in COURSE]
    if when <= points[0][0]:
        return Totals(*points[0][1])
    for (begin, low), (end, high) in pairwise(points):
        if when <= end:
            done, whole = when - begin, end - begin
            micro = timedelta(microseconds=1)
            return Totals(
                *(
                    one + (two - one) * (done // micro) // (whole // micro)
                    for one, two in zip(low, high, strict=True)
                )
            )
    return Totals(*points[-1][1])


# --- what is kept ---------------------------------------------------------------------------------


def _numbered(events: Iterable[tuple[datetime, ev.DurableEvent]], moment: Moment) -> Iterator[_Timed]:
    """Puts events into envelopes, numbered within their convoys."""
    last: dict[ConvoyId, int] = {}
    for when, event in sorted(events, key=lambda one: one[0]):
        if when > moment.at:
            return
        last[event.convoy] = last.get(event.convoy, 0) + 1
        yield when, ev.Envelope(seq=last[event.convoy], at=when, event=event)


def _durable(moment: Moment) -> Iterator[tuple[datetime, ev.DurableEvent]]:
    """All durable events of the day; those of one time stand in the order in which they belong."""
    yield from _planned(API, "13:02:10", "13:04:00", moment)
    yield from _planned(SESSIONS, "13:20:10", "13:22:40", moment)
    for row in BEADS:
        yield from (_answered_by(one, moment) for one in _Life(row).events())
    for gate in GATES:
        yield from _gate_run(gate)
    if moment.limit:
        yield from _limit_reached()


def _answered_by(one: tuple[datetime, ev.DurableEvent], moment: Moment) -> tuple[datetime, ev.DurableEvent]:
    """An event as it was, or with nobody there to answer."""
    when, event = one
    if moment.away and isinstance(event, ev.NeedAnswered):
        return when, replace(event, by="unattended")
    return one


def _planned(
    convoy: str, drafted: str, staged: str, moment: Moment
) -> Iterator[tuple[datetime, ev.DurableEvent]]:
    where = {"rig": RIG, "convoy": ConvoyId(convoy)}
    rows = [row for row in BEADS if row.convoy == convoy]
    begin = at(drafted)
    yield (
        begin,
        ev.ConvoyCreated(
            **where, title=TITLES[convoy], base=oid("release", "4f1c09e"), target=_MAIN, plan="predicted"
        ),
    )
    for row in rows:
        yield begin, _added(row, moment)
    for row in rows:
        for other in row.waits:
            yield begin, ev.DependencyAdded(**where, bead=BeadId(row.id), on=BeadId(other))
    yield at(staged), ev.ConvoyStageChanged(**where, stage="staged")
    launched = at("13:05:31") if convoy == API else at("13:24:10")
    if convoy == API:
        yield at("13:05:02"), ev.CapChanged(**where, scope="town", old=None, new=CAP)
        yield at("13:05:52"), ev.GateJudged(**where, sees=True, base_green=True, seeing=_GATE_NAMES)
    yield launched, ev.ConvoyStageChanged(**where, stage="running")


def _added(row: Row, moment: Moment) -> ev.BeadAdded:
    renewed = row.renewed if row.renewed and moment.at > _RENEWED_AT else row.likely
    return ev.BeadAdded(
        rig=RIG,
        convoy=ConvoyId(row.convoy),
        bead=BeadId(row.id),
        title=row.title,
        description=row.description,
        acceptance=row.acceptance,
        files=row.files,
        size=row.size,
        model=row.model,
        labels=row.labels,
        extra={"p50": usd(renewed), "p90": usd(row.at_most)},
    )


def _gate_run(gate: Gate) -> Iterator[tuple[datetime, ev.DurableEvent]]:
    convoys = {row.convoy for row in BEADS if row.id in gate.beads} or {API}
    for convoy in sorted(convoys):
        yield (
            at(gate.at),
            ev.GateRun(
                rig=RIG,
                convoy=ConvoyId(convoy),
                gate="pytest",
                tree=oid(f"tree {gate.at}"),
                green=gate.green,
                seconds=gate.seconds,
                purpose=gate.purpose,
                beads=tuple(BeadId(bead) for bead in gate.beads),
                tail=gate.tail,
                known_runs=412,
            ),
        )


def _limit_reached() -> Iterator[tuple[datetime, ev.DurableEvent]]:
    text = (
        "Spending limit reached. 7 workers paused, their work is committed\n"
        "The smallest request that waits could cost $0.34, so it does not fit."
    )
    for convoy in (API, SESSIONS):
        yield (
            at("15:46:10"),
            ev.NeedsYou(
                rig=RIG, convoy=ConvoyId(convoy), item="limit", about="limit", text=text, options=("raise",)
            ),
        )


class _Life:
    """Tells a row's life as events."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._bead, self._worker = BeadId(row.id), PolecatName(row.worker)
        self._convoy = ConvoyId(row.convoy)
        self._attempt = 0
        self._turn = 0
        self._since: datetime | None = None
        self._before = Worked("", 0, "0", (0, 0), (0, 0), 0)
        self._asked = ""

    def events(self) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        """Its events in order."""
        for line in self._row.life:
            when = at(line.at)
            yield from self._told(line, when)
            if not isinstance(line, Told):
                self._since = when

    def _told(self, line: Line, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        match line:
            case Starts(setup_s=setup_s):
                yield from self._slung(when)
                yield self._state(when + timedelta(seconds=setup_s), "working")
            case Worked():
                yield from self._turns(line, when)
            case Asks():
                yield from self._asks(line, when)
            case Answered(answer=answer):
                yield when, ev.NeedAnswered(rig=RIG, convoy=self._convoy, item=self._asked, answer=answer)
                yield from self._goes_on(when)
            case SentBack(reason=reason):
                yield when, ev.BeadReopened(rig=RIG, convoy=self._convoy, bead=self._bead, reason=reason)
                yield from self._goes_on(when)
            case Pauses():
                yield self._state(when, "paused", "budget: the town's limit of $40.00 is reached")
            case Told():
                yield from self._message(line, when)
            case _:
                yield from self._merging(line, when)

    def _slung(self, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        self._attempt += 1
        yield (
            when,
            ev.BeadSlung(
                rig=RIG,
                convoy=self._convoy,
                bead=self._bead,
                polecat=self._worker,
                epoch=self._attempt,
                base=oid("release", "4f1c09e"),
                branch=f"work/{self._worker}/{self._bead}",
                model=self._row.model,
                turn=self._turn,
            ),
        )

    def _goes_on(self, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        yield from self._slung(when + timedelta(seconds=2))
        yield self._state(when + timedelta(seconds=4), "working")

    def _state(self, when: datetime, state: str, reason: str = "") -> tuple[datetime, ev.DurableEvent]:
        return when, ev.PolecatStateChanged(
            rig=RIG, convoy=self._convoy, polecat=self._worker, state=state, reason=reason
        )

    def _turns(self, line: Worked, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        """The turns since the line before, evenly spread; the last ends at the line's own time."""
        before, begin = self._before, self._since or when
        for number in range(1, line.turns + 1):
            self._turn += 1
            share = (number, line.turns)
            edits = number * line.edits // line.turns if line.edits else 0
            done = (edits, line.edits) if line.edits else (int(number == line.turns), 1)
            yield (
                begin + (when - begin) * number / line.turns,
                ev.TurnEnded(
                    rig=RIG,
                    convoy=self._convoy,
                    polecat=self._worker,
                    bead=self._bead,
                    turn=self._turn,
                    hook=oid(f"{self._bead} turn {self._turn}"),
                    cost=_between(0, usd(line.spent) - usd(before.spent), *share)
                    - _between(0, usd(line.spent) - usd(before.spent), number - 1, line.turns),
                    prompt_tokens=61_000,
                    output_tokens=1_150,
                    tools=("read", "edit", "bash") if edits else ("read", "search"),
                    steps_done=_between(before.steps[0], line.steps[0], *share),
                    steps=line.steps[1],
                    files_changed=_between(before.files, line.files, *done),
                    tool_s=4.1,
                    lines_added=_between(before.lines[0], line.lines[0], *done),
                    lines_removed=_between(before.lines[1], line.lines[1], *done),
                ),
            )
        self._before = line

    def _message(self, line: Told, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        message = f"{self._bead}:{line.turn}"
        yield (
            when,
            ev.MessageSent(rig=RIG, convoy=self._convoy, bead=self._bead, message=message, text=line.text),
        )
        yield (
            at(line.delivered),
            ev.MessageDelivered(
                rig=RIG, convoy=self._convoy, bead=self._bead, message=message, turn=line.turn
            ),
        )

    def _asks(self, line: Asks, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        self._asked = f"{line.about}:{self._bead}:{self._attempt}"
        yield (
            when,
            ev.NeedsYou(
                rig=RIG,
                convoy=self._convoy,
                item=self._asked,
                about=line.about,
                text=line.text,
                bead=self._bead,
                options=line.options,
            ),
        )
        yield self._state(when, line.state)

    def _merging(self, line: Line, when: datetime) -> Iterator[tuple[datetime, ev.DurableEvent]]:
        where = {"rig": RIG, "convoy": self._convoy, "bead": self._bead}
        merge: MergeId = merge_id(self._bead, self._attempt)
        match line:
            case Submits(summary=summary, sensitive=sensitive):
                yield (
                    when,
                    ev.BeadSubmitted(
                        **where,
                        polecat=self._worker,
                        merge=merge,
                        branch=f"work/{self._worker}/{self._bead}",
                        commit=oid(f"{merge} commit"),
                        base=oid("release", "4f1c09e"),
                        summary=summary,
                        sensitive=sensitive,
                    ),
                )
            case Collides(paths=paths):
                yield when, ev.MergeStateChanged(**where, merge=merge, state="conflicted", paths=paths)
            case Lands(commit=commit):
                landed, tree = oid(f"{self._bead} landed", commit), oid(f"{self._bead} tree")
                yield when, ev.BeadMerged(**where, merge=merge, commit=landed, tree=tree)
                yield (
                    when,
                    ev.ConvoyLanded(
                        rig=RIG, convoy=self._convoy, target=_MAIN, commit=landed, tree=tree, partial=True
                    ),
                )
            case _:
                raise AssertionError(line)


def _between(low: int, high: int, part: int, whole: int) -> int:
    return low + (high - low) * part // whole


# --- what only the eye wants ----------------------------------------------------------------------


def _meters(moment: Moment) -> Iterator[_Timed]:
    """The town's meter as it went, a point every half minute, counted back from the moment itself."""
    when = moment.at
    while when >= at(COURSE[0][0]):
        yield when, _meter(when)
        if moment.away:
            yield when, replace(_meter(when), scope=TODAY, cap=DAY_CAP, reserve=0)
        when -= _METER_EVERY


def _meter(when: datetime) -> ev.MeterMoved:
    now = totals(when)
    cap = CAP if when >= at("13:04:00") else None
    return ev.MeterMoved(
        rig=RIG,
        scope="town",
        cap=cap,
        settled=now.settled,
        held=now.held,
        assumed=now.assumed,
        reserve=RESERVE,
    )


def _glances(moment: Moment) -> Iterator[_Timed]:
    for convoy in (API, SESSIONS):
        yield (
            moment.at,
            ev.RunChanged(rig=RIG, convoy=ConvoyId(convoy), running=moment.running, polecats=WORKERS),
        )
    held = {bead: usd(dollars) for bead, dollars in moment.held}
    for row in BEADS:
        yield (
            moment.at,
            ev.MeterMoved(
                rig=RIG,
                scope=f"bead:{row.id}",
                cap=None,
                settled=spent_by(row, moment),
                held=held.get(row.id, 0),
                assumed=0,
            ),
        )
    for worker, since, action in moment.actions:
        yield at(since), ev.ActionChanged(rig=RIG, polecat=PolecatName(worker), action=action)
    if moment.gate is not None:
        since, gate, beads = moment.gate
        yield (
            at(since),
            ev.GateProgress(rig=RIG, gate=gate, beads=tuple(BeadId(bead) for bead in beads), running=True),
        )
    for worker, text in moment.streamed:
        yield moment.at, ev.TextStreamed(rig=RIG, polecat=PolecatName(worker), text=text)
