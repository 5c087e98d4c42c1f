"""History as rows, newest first: filtered by worker, bead and kind, and searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import QObject

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.event_facts import bead_of, facts_of, worker_of
from gastown_desktop.core.history_words import Told, told
from gastown_desktop.core.ids import BeadId, ConvoyId, PolecatName
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import show_clock, show_money

MOST_ROWS = 5_000
"""Rows shown at a time; older ones are found by filter and search."""

KINDS: Mapping[str, tuple[type[ev.Durable], ...]] = {
    "Workers": (ev.BeadSlung, ev.PolecatStateChanged, ev.BeadSubmitted, ev.BeadReopened),
    "Turns": (ev.TurnEnded,),
    "Gates": (ev.GateRun, ev.GateJudged),
    "Merges and landings": (
        ev.MergeStateChanged,
        ev.MergeReviewed,
        ev.BeadMerged,
        ev.ConvoyLanded,
        ev.ConvoyPushed,
        ev.ConvoyRestacked,
        ev.LandingUndone,
    ),
    "You": (
        ev.NeedsYou,
        ev.NeedAnswered,
        ev.MessageSent,
        ev.MessageDelivered,
        ev.CapChanged,
        ev.BeadDropped,
    ),
    "Plan": (
        ev.ConvoyCreated,
        ev.ConvoyRetitled,
        ev.ConvoyForecast,
        ev.BeadAdded,
        ev.BeadEdited,
        ev.BeadRemoved,
        ev.BeadOpened,
        ev.DependencyAdded,
        ev.DependencyRemoved,
        ev.ConvoyStageChanged,
        ev.MayorSaid,
    ),
    "Recovery": (ev.Recovered, ev.DispatchPaused),
}
"""Kinds of events as a user asks for them; every event is in exactly one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One event."""

    convoy: ConvoyId
    envelope: ev.Envelope
    told: Told
    bead: BeadId | None
    worker: PolecatName | None

    @property
    def key(self) -> tuple[ConvoyId, int]:
        """Tells it from all others."""
        return self.convoy, self.envelope.seq

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        cost = f", {show_money(self.told.cost)}" if self.told.cost is not None else ""
        at = show_clock(self.envelope.at, seconds=True)
        return f"{at}, {self.told.what}, {self.told.detail}, {self.bead or ''}{cost}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked for; empty fields ask for everything."""

    worker: PolecatName | None = None
    bead: BeadId | None = None
    kind: str = ""
    """A key of `KINDS`."""
    text: str = ""

    def lets(self, row: TimelineRow) -> bool:
        """Whether a row is asked for; its words are not looked at."""
        event = row.envelope.event
        return (
            (self.worker is None or row.worker == self.worker)
            and (self.bead is None or row.bead == self.bead or self.bead in getattr(event, "beads", ()))
            and (not self.kind or isinstance(event, KINDS[self.kind]))
        )


def _cost(row: TimelineRow) -> str:
    return "" if row.told.cost is None else show_money(row.told.cost)


COLUMNS = (
    Column[TimelineRow](
        "Time", lambda row: show_clock(row.envelope.at, seconds=True), sort=lambda row: row.envelope.at
    ),
    Column[TimelineRow]("What", lambda row: f"{row.told.what} {row.told.detail}".strip()),
    Column[TimelineRow]("Bead", lambda row: row.bead or ""),
    Column[TimelineRow]("Cost", _cost, right=True, sort=lambda row: row.told.cost or 0),
)


class TimelineModel(RowsModel[TimelineRow]):
    """The newest rows that the filter lets through."""

    def __init__(self, view: TownView, parent: QObject | None = None) -> None:
        """Starts empty; `catch_up` fills it."""
        super().__init__(COLUMNS, lambda row: row.key, lambda row: row.spoken, parent)
        self._view = view
        self._all: list[TimelineRow] = []
        """Oldest first."""
        self._haystacks: dict[tuple[ConvoyId, int], str] = {}
        """What a search looks through, case folded; made when the row is first searched."""
        self._source: list[ev.Envelope] | None = None
        self.filter = Filter()
        self.matching = 0
        """How many rows the filter lets through, those included for which there is no room."""

    @property
    def workers(self) -> list[PolecatName]:
        """Workers that are spoken of, in the order of their first event."""
        return list(dict.fromkeys(row.worker for row in self._all if row.worker is not None))

    @property
    def beads(self) -> list[BeadId]:
        """Beads that are spoken of, in the order of their first event."""
        return list(dict.fromkeys(row.bead for row in self._all if row.bead is not None))

    def catch_up(self) -> None:
        """Reads what came since; another history is read from its begin."""
        history = self._view.timeline
        if history is not self._source or len(history) < len(self._all):
            self._all, self._source = [], history
            self._haystacks.clear()
            self.matching = 0
            self.set_values([])
        fresh = [self._row(envelope) for envelope in history[len(self._all) :]]
        self._all += fresh
        matching = [row for row in fresh if self._lets(row)]
        if matching:
            self.matching += len(matching)
            self._insert(0, matching[: -MOST_ROWS - 1 : -1])
            if self.rowCount() > MOST_ROWS:
                self._remove(MOST_ROWS, self.rowCount())

    def set_filter(self, wanted: Filter) -> None:
        """Shows other rows."""
        if wanted == self.filter:
            return
        self.filter = wanted
        matching = [row for row in self._all if self._lets(row)]
        self.matching = len(matching)
        newest = matching[-MOST_ROWS:]
        self.set_values(reversed(newest))

    def change_filter(self, **changes: object) -> None:
        """Changes fields of the filter."""
        self.set_filter(replace(self.filter, **changes))  # pyright: ignore[reportArgumentType]

    def _lets(self, row: TimelineRow) -> bool:
        words = self.filter.text.casefold().split()
        return self.filter.lets(row) and (not words or all(word in self._haystack(row) for word in words))

    def _haystack(self, row: TimelineRow) -> str:
        known = self._haystacks.get(row.key)
        if known is None:
            known = self._haystacks[row.key] = self._words(row).casefold()
        return known

    def _words(self, row: TimelineRow) -> str:
        state = self._view.convoys.get(row.convoy)
        view = state.beads.get(row.bead) if state is not None and row.bead is not None else None
        facts = facts_of(row.envelope.event)
        told = (row.told.what, row.told.detail, row.bead or "", row.worker or "", facts.text)
        title = view.bead.title if view is not None else ""
        return " ".join([*told, title, *(value for _, value in facts.facts)])

    def _row(self, envelope: ev.Envelope) -> TimelineRow:
        state = self._view.convoys.get(envelope.event.convoy) or Projection()
        line = told(state, envelope)
        return TimelineRow(
            convoy=envelope.event.convoy,
            envelope=envelope,
            told=line,
            bead=line.bead or bead_of(envelope.event),
            worker=worker_of(state, envelope.event),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyRow:
    """One convoy of the past, or the one at work."""

    convoy: ConvoyId
    title: str
    stage: str
    reason: str
    merged: int
    beads: int
    cost: int
    began: datetime | None
    last: datetime | None
    rehearsal: bool
    report: bool = False
    """A rehearsal's report is there."""

    @property
    def count(self) -> str:
        """How far it is."""
        return f"{self.merged} of {self.beads}"

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        kind = "Rehearsal" if self.rehearsal else "Convoy"
        return f"{kind} {self.title}, {self.stage}, {self.count} merged, {show_money(self.cost)}"


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone():%d %b %Y} {show_clock(at)}"


CONVOY_COLUMNS = (
    Column[ConvoyRow]("Convoy", lambda row: row.title),
    Column[ConvoyRow]("Stage", lambda row: row.stage),
    Column[ConvoyRow]("Merged", lambda row: row.count, right=True, sort=lambda row: row.merged),
    Column[ConvoyRow]("Cost", lambda row: show_money(row.cost), right=True, sort=lambda row: row.cost),
    Column[ConvoyRow]("Began", lambda row: _when(row.began), right=True),
    Column[ConvoyRow]("Last event", lambda row: _when(row.last), right=True),
)


class ConvoysModel(RowsModel[ConvoyRow]):
    """Convoys, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Starts empty."""
        super().__init__(CONVOY_COLUMNS, lambda row: row.convoy, lambda row: row.spoken, parent)


def convoy_rows(view: TownView) -> list[ConvoyRow]:
    """All convoys that the view knows, newest first."""
    rows = [
        ConvoyRow(
            convoy=convoy,
            title=state.title,
            stage=state.stage.replace("_", " "),
            reason=state.stage_reason,
            merged=len(state.merged()),
            beads=len(state.works()),
            cost=sum(bead.cost for bead in state.beads.values()),
            began=state.started_at,
            last=state.last_at,
            rehearsal=state.rehearsal,
        )
        for convoy, state in view.convoys.items()
    ]
    return rows[::-1]
