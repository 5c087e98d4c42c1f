"""What the top bar says of the town: how many work, what it costs, what can be done with all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.burn import burn_of
from gastown_desktop.core.card import WAITING, State
from gastown_desktop.core.days import Day
from gastown_desktop.core.ledger import LimitKind, limit_kind
from gastown_desktop.core.polecat import LIVE_STATES, MOST_POLECATS
from gastown_desktop.core.projection import NeedView, PolecatView, Projection
from gastown_desktop.core.wording import show_clock, show_money
from gastown_desktop.engine.api import Settings
from gastown_desktop.ui.limit_names import refusal_words
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


def standing_of(view: TownView, at_limit: str = "") -> Standing:
    """How the town stands.

    Args:
        view: what is known.
        at_limit: why a limit lets the convoy not go on; empty where none does.
    """
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
    words = f"0 of {size} running"
    return Standing(state=None, figure="", words=words, command="resume", refusal=at_limit)


def running_workers(view: TownView) -> int:
    """How many workers are at work, or wait for an answer that they need, in all convoys that run."""
    states = (state for name, state in view.convoys.items() if view.runs_now(name))
    return sum(_works(view, polecat) for state in states for polecat in state.polecats.values())


def _works(view: TownView, polecat: PolecatView) -> bool:
    action, _ = view.glance.actions.get(polecat.name, ("", None))
    return polecat.state in {*LIVE_STATES, "stuck"} and action not in WAITING


def limit_need(convoy: Projection) -> NeedView | None:
    """What says that a spending limit stopped a convoy; None where none did."""
    return next((need for need in convoy.needs_you.values() if need.about == "limit"), None)


def limit_reached(convoy: Projection) -> bool:
    """Whether a spending limit stopped a convoy."""
    return limit_need(convoy) is not None


def refusal_at_limit(convoy: Projection, settings: Settings | None, now: datetime) -> str:
    """Why a convoy that a limit stopped cannot go on; empty where there may be room again.

    Args:
        convoy: which.
        settings: the limits that hold once it goes on; None where they are not known.
        now: the time.
    """
    need = limit_need(convoy)
    if need is None or _may_have_room(convoy, need, settings, now):
        return ""
    return refusal_words(limit_kind(need.scope))


def _may_have_room(convoy: Projection, need: NeedView, settings: Settings | None, now: datetime) -> bool:
    """Whether the limit was raised since it was reached, or was that of a day that is over."""
    kind, day = limit_kind(need.scope), Day.of(need.scope)
    if day is not None and day.is_over(now.astimezone()):
        return True
    if need.cap is None:
        return False
    if kind == "convoy":
        return (convoy.caps.get(need.scope) or 0) > need.cap
    if settings is None or settings.trouble:
        return False
    cap = settings.day_cap if kind == "day" else settings.town_cap
    return cap is None or cap > need.cap


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
        kind=shown_kind(view, meter),
        note=_note(view, convoy, burn.per_hour_now, burn.reached_at),
    )


def shown_kind(view: TownView, meter: ev.MeterMoved) -> LimitKind:
    """Whose limit a meter shows; where no other is known it needs no name, and counts as the convoy's own."""
    capped = [one for one in view.meters() if one.cap is not None]
    return limit_kind(meter.scope) if len(capped) > 1 else "convoy"


def _note(
    view: TownView, convoy: Projection | None, per_hour: int | None, reached_at: datetime | None
) -> str:
    need = limit_need(convoy) if convoy is not None else None
    if need is not None:
        return f"$0.00/h, limit reached {show_clock(need.at)}"
    if convoy is None or not view.runs_now(convoy.convoy):
        return "nothing running"
    if per_hour is None:
        return ""
    rate = f"{show_money(per_hour)}/h"
    return f"{rate}, limit at about {show_clock(reached_at)}" if reached_at is not None else rate
