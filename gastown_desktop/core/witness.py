"""The Witness: tells from facts how a worker fares and what to do about it. It asks no model and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

QUIET_S = 3 * 60
STARTING_S = 5 * 60
STALLED_S = 15 * 60
ESCALATE_S = 30 * 60
MOST_DEATHS = 3
"""Deaths of workers on one bead after which it asks."""

Health = Literal["healthy", "starting", "waiting", "quiet", "stalled", "lost", "dead", "landed", "unknown"]
Action = Literal["leave", "show", "restart", "ask", "archive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is known of a worker at one moment; times are seconds by a clock that does not count sleep."""

    state: str
    """core.polecat.PolecatState."""
    silent_s: float
    """Since its last sign of life: an event of any kind."""
    idle_s: float
    """Since its last progress: a turn that ended, or its start."""
    alive: bool | None
    """Whether its task runs; None when that could not be looked up."""
    has_hook: bool | None
    """Whether its work hangs on a hook; None when that could not be looked up."""
    landed: bool = False
    """Its branch is on the convoy branch already."""
    waits: bool = False
    """It waits for something that is not its own: others' merges, the user, the provider, the budget."""
    deaths: int = 0
    """Deaths of workers on its bead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a worker fares."""

    health: Health
    action: Action
    reason: str = ""


def classify(seen: Sighting) -> Finding:
    """The one rule that applies, most certain first; a look-up that failed never counts as an end."""
    if seen.landed:
        return Finding(health="landed", action="archive", reason="its work is merged already")
    if seen.alive is None or seen.has_hook is None:
        return Finding(health="unknown", action="show", reason="it could not be looked up")
    if not seen.alive:
        return _dead(seen)
    if seen.waits:
        return Finding(health="waiting", action="leave")
    if seen.state == "starting" and seen.silent_s < STARTING_S:
        return Finding(health="starting", action="leave")
    return _by_time(seen)


def _dead(seen: Sighting) -> Finding:
    if not seen.has_hook:
        return Finding(health="lost", action="ask", reason="its worker and its hook are gone")
    if seen.deaths >= MOST_DEATHS:
        return Finding(health="dead", action="ask", reason=f"its worker died {seen.deaths} times")
    return Finding(health="dead", action="restart", reason="its worker died")


def _by_time(seen: Sighting) -> Finding:
    minutes = int(seen.idle_s // 60)
    if seen.idle_s >= ESCALATE_S:
        return Finding(health="stalled", action="ask", reason=f"no progress for {minutes} minutes")
    if seen.idle_s >= STALLED_S:
        return Finding(health="stalled", action="restart", reason=f"no progress for {minutes} minutes")
    if seen.silent_s >= QUIET_S:
        return Finding(
            health="quiet", action="show", reason=f"no sign of life for {int(seen.silent_s // 60)} minutes"
        )
    return Finding(health="healthy", action="leave")
