"""Where everything of the branch graph stands, in pixels from the top left; painted by the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from PySide6.QtCore import QPointF, QRectF

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import State
from gastown_desktop.core.gate_rounds import Round, red_is_in, usual_seconds
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.lanes import Axis, Landed, Lanes, Stretch, axis_of, fork_times
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.queue_order import QueueEntry, queue
from gastown_desktop.core.wording import show_clock, show_stopwatch, show_took
from gastown_desktop.ui.merge.strip_rows import running_number

TRUNK_X, PILL_X, LANES_X = 84, 98, 290
PILL_W, PILL_H, LANE, BAND_GAP = 176, 22, 48, 16
FRAME_TOP, QUEUE_PITCH, MOST_QUEUED = 36, 24, 8
NAMES_Y, BAND_HEAD = 48, 34
_BELOW = 60
_AFTER_LAST = 18
_AT_WORK = {"starting", "working", "waiting", "merging"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pill:
    """A landed bead beside the trunk."""

    bead: BeadId
    worker: str
    y: float
    clock: str
    """Empty for all but the newest of those that landed together."""
    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stretch of a lane."""

    bead: BeadId
    worker: str
    x: float
    fork: float
    head: float
    commits: tuple[float, ...]
    state: State
    number: int | None
    """Its place in the queue."""
    newest: bool
    """It is the last of its lane, whose name it bears."""
    last: bool
    """It is the last of its bead, whose glyph it bears; an earlier one went back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One convoy."""

    title: str
    count: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """A part of the queue, from one place to another, with two short lines of words."""

    first: int
    last: int
    words: tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Scene:
    """All of it."""

    width: float = 0.0
    height: float = 0.0
    now_y: float = 0.0
    clock: str = ""
    tip: tuple[str, str] = ("", "")
    """Branch and short commit."""
    base: tuple[str, str, float] = ("", "", 0.0)
    """Short commit, time, and where."""
    queue: tuple[QueueEntry, ...] = ()
    more_queued: int = 0
    gating: Bracket | None = None
    red: Bracket | None = None
    pills: tuple[Pill, ...] = ()
    lines: tuple[Line, ...] = ()
    bands: tuple[Band, ...] = ()
    targets: dict[BeadId, QRectF] = field(default_factory=dict[BeadId, QRectF])
    """What is hit by the pointer and reached by the keyboard."""

    def queue_y(self, number: int) -> float:
        """The middle of a place of the queue, from 1."""
        return FRAME_TOP + 40 + (len(self.queue) - number) * QUEUE_PITCH

    @property
    def frame(self) -> QRectF:
        """The frame of the queue."""
        rows = max(1, len(self.queue))
        return QRectF(40, FRAME_TOP, 242, 57 + (rows - 1) * QUEUE_PITCH)


def scene_of(view: TownView, lanes: Lanes, rounds: Sequence[Round], now: datetime) -> Scene:
    """The scene of the convoys at work.

    Args:
        view: the town.
        lanes: its lanes, as far as history goes.
        rounds: rounds of the gates of these convoys, oldest first.
        now: the top of the axis.
    """
    states = view.at_work()
    scene = Scene()
    if not states:
        return scene
    entries = [one for one in queue(states, view.glance, now) if one.position is not None]
    scene.queue, scene.more_queued = tuple(entries[:MOST_QUEUED]), max(0, len(entries) - MOST_QUEUED)
    scene.now_y = scene.frame.bottom() + 11
    scene.clock = show_clock(now)
    scene.gating, scene.red = _gating(scene, view, rounds, now), _red(scene, rounds)
    _add_town(scene, view, states, lanes, now)
    return scene


def _add_town(
    scene: Scene, view: TownView, states: Sequence[Projection], lanes: Lanes, now: datetime
) -> None:
    """Trunk and lanes on one axis."""
    trunk = lanes.trunk([state.convoy for state in states])
    began = min((state.started_at for state in states if state.started_at is not None), default=now)
    every = [one for state in states for one in lanes.stretches(state.convoy)]
    axis, heights = axis_of(began, trunk, every, now)
    scene.pills = tuple(_pills(trunk, [scene.now_y + height for height in heights]))
    newest = states[-1]
    branch = "rehearsal" if newest.rehearsal else newest.target.removeprefix("refs/heads/")
    tip = trunk[-1].commit if trunk else newest.base
    scene.tip = (branch, tip[:7])
    scene.base = (newest.base[:7], show_clock(began), scene.now_y + axis.bottom)
    numbers = {entry.bead: entry.position for entry in scene.queue}
    left, lines, bands = float(LANES_X), list[Line](), list[Band]()
    for state in states:
        own = lanes.stretches(state.convoy)
        forks = fork_times(own, trunk, began)
        last = {one.slot: one for one in own}
        newest_of = {one.bead: one for one in own}
        for one in own:
            fork = scene.now_y + axis.at(forks[one.bead, one.began])
            state_now = _state_of(view, one)
            head = scene.now_y + _head(axis, one, state_now)
            lines.append(
                Line(
                    bead=one.bead,
                    worker=one.worker,
                    x=left + one.slot * LANE + LANE / 2,
                    fork=fork,
                    head=min(head, fork - 16),
                    commits=tuple(scene.now_y + axis.at(at) for at in one.commits),
                    state=state_now,
                    number=numbers.get(one.bead) if one.ended and newest_of[one.bead] is one else None,
                    newest=last[one.slot] is one,
                    last=newest_of[one.bead] is one,
                )
            )
        width = max(4, lanes.width(state.convoy)) * LANE
        count = f"{len(state.merged())} of {len(state.works())} landed"
        bands.append(Band(title=state.title, count=count, x=left, width=width))
        left += width + BAND_GAP
    scene.lines, scene.bands = tuple(lines), tuple(bands)
    scene.width, scene.height = left, scene.base[2] + _BELOW
    _aim(scene)


def _head(axis: Axis, one: Stretch, state: State) -> float:
    """A lane at work ends a little below now, so that its glyph stands free; others after their last step."""
    if one.ended is not None:
        return axis.at(one.ended)
    if state in _AT_WORK:
        return 12.0
    return max(12.0, axis.at(one.commits[-1] if one.commits else one.began) - _AFTER_LAST)


def _state_of(view: TownView, one: Stretch) -> State:
    if one.merged is not None:
        return "landed"
    card = view.card(one.bead)
    return card.state if card is not None else "failed"


def _pills(trunk: Sequence[Landed], heights: Sequence[float]) -> list[Pill]:
    made: list[Pill] = []
    for place, (one, y) in enumerate(zip(trunk, heights, strict=True)):
        is_top = place + 1 == len(trunk) or trunk[place + 1].group != one.group
        gate = show_took(one.gate_s) if is_top and one.gate_s is not None else ""
        clock = show_clock(one.at) if is_top else ""
        made.append(Pill(bead=one.bead, worker=one.worker or "", y=y, clock=clock, gate=gate))
    return made


def _gating(scene: Scene, view: TownView, rounds: Sequence[Round], now: datetime) -> Bracket | None:
    gate = view.glance.gate
    if gate is None or not gate.running:
        return None
    places = [entry.position for entry in scene.queue if entry.bead in gate.beads and entry.position]
    if not places:
        return None
    since = view.glance.gate_since
    elapsed = (now - since).total_seconds() if since is not None else 0.0
    usual = usual_seconds(rounds, gate.gate)
    took = show_stopwatch(elapsed) + (f" of {show_took(usual)}" if usual else "")
    words = (f"Run {running_number(rounds, view.glance)}", took)
    return Bracket(first=min(places), last=max(places), words=words)


def _red(scene: Scene, rounds: Sequence[Round]) -> Bracket | None:
    """Where the red must be that was seen last, as far as it still waits."""
    tested = [one for one in rounds if one.beads]
    place = next((at for at in range(len(tested) - 1, -1, -1) if not tested[at].green), None)
    if place is None:
        return None
    within: Sequence[BeadId] = tested[place].beads
    for later in range(place + 1, len(tested)):
        within = red_is_in(tested, later) or within
    places = [entry.position for entry in scene.queue if entry.bead in within and entry.position]
    if not places:
        return None
    count = len(places)
    words = (f"Run {tested[place].number} red", "is this one" if count == 1 else f"in these {count}")
    return Bracket(first=min(places), last=max(places), words=words)


def _aim(scene: Scene) -> None:
    for pill in scene.pills:
        scene.targets[pill.bead] = QRectF(PILL_X, pill.y - PILL_H / 2, PILL_W, PILL_H)
    for line in scene.lines:
        if (line.last and line.state != "landed") or line.bead not in scene.targets:
            scene.targets[line.bead] = _around(QPointF(line.x, line.head))


def _around(point: QPointF) -> QRectF:
    return QRectF(point.x() - 12, point.y() - 12, 24, 24)
