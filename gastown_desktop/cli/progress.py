"""What a running convoy looks like: a live table on a terminal, else plain lines, JSON lines if asked.

Progress goes to standard error, so that standard output holds the result alone; only `--json-lines` prints
events there, each after it was written down: what was printed is never lost.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gastown_desktop.core import events as ev
from gastown_desktop.core.event_lines import encode
from gastown_desktop.core.flakiness import FlakeRecord, describe
from gastown_desktop.core.money import show_usd
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.spend_gate import SpendGate

_FRAMES_PER_SECOND = 8
_BAR = 24


class Progress:
    """Shows how a rehearsal goes on."""

    def __init__(self, *, json_lines: bool) -> None:
        """Shows plain lines; `--json-lines` adds events on standard output."""
        self._json_lines = json_lines

    def say(self, text: str) -> None:
        """A sentence."""
        print(printable(text), file=sys.stderr, flush=True)

    def planned(self, done: int, all_: int) -> None:
        """How far planning is; plain output only says the end."""
        if done == all_:
            self.say(f"Planned {all_} beads")

    def watch(self, bus: Bus, gate: SpendGate) -> None:
        """Shows a running town from now on."""
        del gate
        bus.listen(lambda event: self._heard(bus.state, event))

    def _heard(self, state: Projection, event: ev.Envelope | ev.EphemeralEvent) -> None:
        if not isinstance(event, ev.Envelope):
            return
        if self._json_lines:
            print(encode(event).partition(b" ")[2].decode("ascii").rstrip(), flush=True)
        elif (line := plain_line(state, event)) is not None:
            self.say(line)


class LiveProgress(Progress):
    """Redraws a table of workers, the meter and the queue a few times a second."""

    def __init__(self, live: Live) -> None:
        """Draws on `live`."""
        super().__init__(json_lines=False)
        self._live = live

    def say(self, text: str) -> None:
        """A sentence above the table."""
        self._live.console.print(Text(printable(text)))

    def planned(self, done: int, all_: int) -> None:
        """How far planning is."""
        self._live.update(Text(f"Planning {done} of {all_}"))

    def watch(self, bus: Bus, gate: SpendGate) -> None:
        """Draws a running town from now on."""
        self._live.get_renderable = lambda: _town(bus.state, gate)  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def open_progress(given: argparse.Namespace) -> Generator[Progress]:
    """The kind of progress that fits where it goes."""
    console = Console(stderr=True)
    if given.json_lines or given.json or not console.is_terminal:
        yield Progress(json_lines=given.json_lines)
        return
    with Live(console=console, refresh_per_second=_FRAMES_PER_SECOND, transient=True) as live:
        yield LiveProgress(live)


def plain_line(state: Projection, envelope: ev.Envelope) -> str | None:
    """One line for an event worth a line."""
    text = _work_line(state, envelope.event) or _town_line(envelope.event)
    return printable(text) if text else None


def _work_line(state: Projection, event: ev.DurableEvent) -> str:
    """What became of a bead; empty for other events."""
    match event:
        case ev.BeadSlung(polecat=polecat, bead=bead):
            return f"{polecat} starts {bead} {state.beads[bead].bead.title}"
        case ev.BeadMerged(bead=bead):
            return f"merged {bead} ({len(state.merged())} of {len(state.works())})"
        case ev.MergeStateChanged(bead=bead, state="conflicted" | "resolving" as now, reason=reason):
            return f"{bead} is {now}: {reason}"
        case ev.MergeReviewed(bead=bead, verdict="approved"):
            return f"{bead} is approved by a reviewer"
        case ev.BeadReopened(bead=bead, reason=reason):
            return f"{bead} goes back: {next(iter(reason.splitlines()), '')}".rstrip(": ")
        case _:
            return ""


def _town_line(event: ev.DurableEvent) -> str:
    """What concerns more than one bead; empty for other events."""
    match event:
        case ev.GateRun() as run:
            return _gate_line(run)
        case ev.GateJudged(sees=sees, reason=reason, blind=blind):
            return reason if blind or not sees else "The gate notices a broken source."
        case ev.NeedsYou(text=need):
            return f"needs you: {need}"
        case ev.ConvoyLanded(commit=commit):
            return f"landed {commit[:10]}"
        case ev.DispatchPaused(reason=reason):
            return f"paused: {reason}"
        case _:
            return ""


def _gate_line(run: ev.GateRun) -> str:
    """How a gate answered; a flip is said with what it means."""
    how = "known from before" if run.cached else f"{run.seconds:.1f} s"
    text = f"{run.gate} is {'green' if run.green else 'red'} ({run.purpose}, {how})"
    if not run.flipped:
        return text
    return f"{text}; {describe(run.gate, FlakeRecord(runs=run.known_runs, flips=run.known_flips))}"


def _town(state: Projection, gate: SpendGate) -> Group:
    return Group(_workers(state), _footer(state, gate))


def _workers(state: Projection) -> Table:
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    table.add_column(no_wrap=True, justify="right")
    for view in state.polecats.values():
        if view.bead is None:
            continue
        action = view.action or view.state
        title = state.beads[view.bead].bead.title
        steps = f"{view.steps_done}/{view.steps}" if view.steps else ""
        told = (view.name, view.bead, f"{action} — {title}", steps)
        # as texts: a string would be read as markup
        table.add_row(*(Text(printable(one).replace("\n", " ")) for one in told))
    return table


def _footer(state: Projection, gate: SpendGate) -> Text:
    totals = gate.ledger.totals(f"convoy:{state.convoy}")
    merged, beads = len(state.merged()), len(state.works())
    waiting = sum(1 for view in state.merges.values() if view.state == "queued")
    done = _BAR * merged // beads if beads else 0
    kind = "at list price" if state.rehearsal else "spent"
    meter = f"{show_usd(totals.settled + totals.assumed)} {kind} + {show_usd(totals.held)} held"
    if totals.cap is not None:
        meter += f" of {show_usd(totals.cap)}"
    bar = "█" * done + "░" * (_BAR - done)
    return Text(f"{bar} {merged}/{beads} merged · {waiting} in the queue · {meter}", style="dim")


def event_json(envelope: ev.Envelope) -> dict[str, Any]:
    """An event as JSON values."""
    return json.loads(encode(envelope).partition(b" ")[2])
