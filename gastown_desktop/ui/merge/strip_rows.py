"""What the prefix strip shows: candidates side by side, and under them a row per round of the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gastown_desktop.bridge.models.queue import round_answer
from gastown_desktop.core.card import Glance, State
from gastown_desktop.core.gate_rounds import Round, candidates, red_is_in, usual_seconds
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import BeadView, Projection
from gastown_desktop.core.queue_order import QueueEntry
from gastown_desktop.core.wording import show_clock, show_stopwatch, show_took

MOST_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One candidate."""

    bead: BeadId
    worker: str
    number: int | None
    """Its place in the queue; None for what waits no more."""
    state: State
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of a row, over the candidates from `first` to `last`."""

    first: int
    last: int
    kind: Literal["green", "red", "running", "known_red"]
    text: str
    right: str = ""
    share: float = 0.0
    """How much of it is done, 0 to 1, while it runs and that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One round of the gates."""

    title: str
    clock: str
    boxes: tuple[Box, ...]
    key: str
    """Of its round; empty for the one that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """All of it."""

    cells: tuple[Cell, ...] = ()
    rows: tuple[Row, ...] = ()
    hidden: int = 0
    """Candidates for which there is no room."""


def strip_of(
    states: Sequence[Projection],
    rounds: Sequence[Round],
    entries: Sequence[QueueEntry],
    glance: Glance,
    now: datetime,
    columns: int,
) -> Strip:
    """The strip of the convoys at work.

    Args:
        states: the convoys.
        rounds: their rounds, oldest first.
        entries: the queue.
        glance: says which gate runs.
        now: the time.
        columns: how many candidates have room.
    """
    running = glance.gate if glance.gate is not None and glance.gate.running else None
    tested = [one for one in rounds if one.purpose in {"candidate", "confirm"}]
    shown = tested[-(MOST_ROWS - (running is not None)) :]
    waiting = [entry.bead for entry in entries if entry.position is not None]
    row = candidates(shown, waiting)
    beads = {bead: view for state in states for bead, view in state.beads.items()}
    row = [bead for bead in row if bead in beads]
    start = _start(beads, row, columns)
    window = row[start : start + max(1, columns)]
    rows = [_row(shown, place, window) for place in range(len(shown))]
    if running is not None:
        rows.append(_running_row(rounds, glance, window, now))
    by_bead = {entry.bead: entry for entry in entries}
    cells = tuple(_cell(beads[bead], by_bead.get(bead)) for bead in window)
    kept = tuple(one for one in rows if one.boxes)
    return Strip(cells=cells, rows=kept, hidden=max(0, len(row) - start - len(window)))


def running_number(rounds: Sequence[Round], glance: Glance) -> int:
    """Number of the round that runs: the last one where this gate goes on with it, else the next."""
    gate = glance.gate
    last = rounds[-1] if rounds else None
    if last is None or gate is None:
        return 1
    asked = {answer.gate for answer in last.answers}
    goes_on = last.beads == gate.beads and last.green and not last.merged and gate.gate not in asked
    return last.number if goes_on else last.number + 1


def _start(beads: Mapping[BeadId, BeadView], row: Sequence[BeadId], columns: int) -> int:
    """The first candidate that is shown: what waits comes before what is merged."""
    done = {"merged", "landed"}
    is_open = next((place for place, bead in enumerate(row) if beads[bead].status not in done), len(row))
    return min(is_open, max(0, len(row) - columns))


def _cell(view: BeadView, entry: QueueEntry | None) -> Cell:
    bead = view.bead.id
    if entry is not None and entry.position is not None:
        word = "Waits" if entry.word == "Queued" else entry.word
        return Cell(bead=bead, worker=entry.worker, number=entry.position, state=entry.state, word=word)
    worker = view.polecat or bead
    if view.status in {"merged", "landed"}:
        word = "Landed" if view.status == "landed" else "Merged"
        return Cell(bead=bead, worker=worker, number=None, state="landed", word=word)
    if entry is not None:
        return Cell(bead=bead, worker=worker, number=None, state=entry.state, word=entry.word)
    return Cell(bead=bead, worker=worker, number=None, state="failed", word="Went back")


def _row(shown: Sequence[Round], place: int, window: Sequence[BeadId]) -> Row:
    one = shown[place]
    took = "known" if one.cached else show_took(one.seconds)
    boxes = [
        Box(first=first, last=last, kind="green" if one.green else "red", text=round_answer(one), right=took)
        for first, last in spans(one.beads, window)
    ]
    boxes += [
        Box(first=first, last=last, kind="known_red", text="The red is in here")
        for first, last in spans(red_is_in(shown, place), window)
    ]
    return Row(title=f"Run {one.number}", clock=show_clock(one.ended), boxes=tuple(boxes), key=one.key)


def _running_row(
    rounds: Sequence[Round],
    glance: Glance,
    window: Sequence[BeadId],
    now: datetime,
) -> Row:
    gate, since = glance.gate, glance.gate_since
    assert gate is not None
    elapsed = (now - since).total_seconds() if since is not None else 0.0
    usual = usual_seconds(rounds, gate.gate)
    share = min(1.0, elapsed / usual) if usual else 0.0
    right = f"of about {show_took(usual)}" if usual else ""
    where = spans(gate.beads, window) if gate.beads else [(0, len(window) - 1)] if window else []
    text = f"{gate.gate} {show_stopwatch(elapsed)}"
    boxes = tuple(
        Box(first=first, last=end, kind="running", text=text, right=right, share=share)
        for first, end in where
    )
    return Row(
        title=f"Run {running_number(rounds, glance)}",
        clock=show_clock(since) if since is not None else "",
        boxes=boxes,
        key="",
    )


def spans(beads: Sequence[BeadId], window: Sequence[BeadId]) -> list[tuple[int, int]]:
    """Runs of neighbours among the shown candidates that these beads cover."""
    places = sorted(window.index(bead) for bead in beads if bead in window)
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found
