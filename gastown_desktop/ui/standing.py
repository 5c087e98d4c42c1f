"""What the top bar says of the town: how many work, what it costs, what can be done with all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.burn import burn_of
from gastown_desktop.core.card import WAITING, State
from gastown_desktop.core.polecat import LIVE_STATES, MOST_POLECATS
from gastown_desktop.core.projection import PolecatView, Projection
from gastown_desktop.core.wording import show_clock, show_money
from gastown_desktop.ui.widgets.meter import Figures

Command = Literal["rehearse", "pause", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The middle of the top bar."""

    state: State | None
    figure: str
    words: str
    command: Command
    """What the fleet button does."""
    refusal: str = ""
    """Why it cannot be pressed."""


def standing_of(view: TownView) -> Standing:
    """How the town stands."""
    convoy = view.current
    if convoy is None:
        return Standing(state=None, figure="", words="nothing running", command="rehearse")
    run = view.runs.get(convoy.convoy)
    size = run.polecats if run is not None else MOST_POLECATS
    count = running_workers(view)
    if run is not None and run.running and not (limit_reached(convoy) and not count):
        command: Command = "resume" if run.held else "pause"
        words = f"of {size} running" + (", paused" if run.held else "")
        return Standing(state="working" if count else None, figure=str(count), words=words, command=command)
    if convoy.stage == "landed":
        return Standing(state="landed", figure="", words="landed", command="rehearse")
    refusal = "The spending limit is reached." if limit_reached(convoy) else ""
    words = f"0 of {size} running"
    return Standing(state=None, figure="", words=words, command="resume", refusal=refusal)


def running_workers(view: TownView) -> int:
    """How many workers are at work, or wait for an answer that they need, in all convoys that run."""
    states = (state for name, state in view.convoys.items() if view.runs_now(name))
    return sum(_works(view, polecat) for state in states for polecat in state.polecats.values())


def _works(view: TownView, polecat: PolecatView) -> bool:
    action, _ = view.glance.actions.get(polecat.name, ("", None))
    return polecat.state in {*LIVE_STATES, "stuck"} and action not in WAITING


def limit_reached(convoy: Projection) -> bool:
    """Whether the spending limit holds a convoy."""
    return any(need.about == "limit" for need in convoy.needs_you.values())


def figures_of(view: TownView, now: datetime) -> Figures | None:
    """What the meter shows; None before anything was asked of a model."""
    meter = view.meter()
    if meter is None:
        return None
    convoy = view.current
    burn = burn_of(tuple(view.samples), meter.cap, now)
    return Figures(
        settled=meter.settled,
        assumed=meter.assumed,
        held=meter.held,
        cap=meter.cap,
        note=_note(view, convoy, burn.per_hour_now, burn.reached_at),
    )


def _note(
    view: TownView, convoy: Projection | None, per_hour: int | None, reached_at: datetime | None
) -> str:
    if convoy is not None and limit_reached(convoy):
        at = next(need.at for need in convoy.needs_you.values() if need.about == "limit")
        return f"$0.00/h, limit reached {show_clock(at)}"
    if convoy is None or not view.runs_now(convoy.convoy):
        return "nothing running"
    if per_hour is None:
        return ""
    rate = f"{show_money(per_hour)}/h"
    return f"{rate}, limit at about {show_clock(reached_at)}" if reached_at is not None else rate
