"""The moments at which the story is looked at, and what was going on just then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

DAY = "2026-11-24"
"""The day on which the story plays; its clock is UTC."""


def at(clock: str) -> datetime:
    """A time of the story's day: `14:32:08`."""
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One point of time with all that is not kept: promises, actions, the gate that runs."""

    clock: str
    held: tuple[tuple[str, str], ...] = ()
    """Dollars promised, by bead."""
    actions: tuple[tuple[str, str, str], ...] = ()
    """(worker, since, what it does)."""
    gate: tuple[str, str, tuple[str, ...]] | None = None
    """(since, name, beads) of the gate that runs."""
    streamed: tuple[tuple[str, str], ...] = ()
    """(worker, what its reply says so far)."""
    running: bool = True
    away: bool = False
    """Nobody answers, and there are limits beyond the convoy's."""
    limit: bool = False
    """The spending limit is reached."""

    @property
    def at(self) -> datetime:
        """When it is."""
        return at(self.clock)


PLAN = Moment(clock="13:04:40", running=False)
REPLAY = Moment(clock="14:02:11", actions=(("Toast", "14:01:52", "Editing admin/keys.py"),))
FLEET = Moment(
    clock="14:32:08",
    held=(
        ("hb-9zr4c", "0.31"),
        ("hb-k5t0n", "0.27"),
        ("hb-r7uf3", "0.12"),
        ("hb-0vjq5", "0.29"),
        ("hb-f6n2g", "0.02"),
        ("hb-t3x7p", "0.30"),
        ("hb-5gq0h", "0.33"),
        ("hb-c0m5w", "0.22"),
    ),
    actions=(
        ("Nux", "14:31:40", "Editing src/harbor/api/middleware.py"),
        ("Toast", "14:31:26", "Running tests"),
        ("Rictus", "14:31:50", "Reading src/harbor/limits/bucket.py"),
        ("Valkyrie", "14:31:30", "Writing tests/test_limit_metrics.py"),
        ("Jack", "14:31:55", "Editing docs/rate-limits.md"),
        ("Giddy", "14:30:53", "Running tests"),
        ("Corpus", "14:31:48", "Searching “session_key” in 212 files"),
        ("Glory", "14:31:47", "Running set-up: uv sync"),
    ),
    gate=("14:30:16", "pytest", ("hb-2pl8d",)),
    streamed=(
        (
            "Nux",
            "All API tests pass. Next: the limit decision goes into the request log, so that the metrics "
            "bead can read it without another lookup ",
        ),
    ),
)
MERGE = Moment(
    clock="15:18:41",
    held=(
        ("hb-9zr4c", "0.34"),
        ("hb-k5t0n", "0.32"),
        ("hb-0vjq5", "0.29"),
        ("hb-5gq0h", "0.33"),
        ("hb-y6k8a", "0.24"),
        ("hb-c0m5w", "0.22"),
    ),
    actions=(
        ("Nux", "15:18:10", "Editing src/harbor/api/middleware.py"),
        ("Toast", "15:18:02", "Running tests"),
        ("Valkyrie", "15:18:20", "Writing tests/test_limit_metrics.py"),
        ("Corpus", "15:18:30", "Reading src/harbor/sessions/migrate.py"),
        ("Maadi", "15:18:12", "Running tests"),
        ("Glory", "15:18:15", "Editing src/harbor/sessions/logout.py"),
        ("Ace", "15:18:20", "Running set-up: uv sync"),
    ),
    gate=("15:17:29", "pytest", ("hb-x4h6s", "hb-r7uf3")),
)
NIGHT = replace(MERGE, away=True)
LIMIT = Moment(clock="15:46:12", gate=("15:43:52", "pytest", ("hb-0vjq5",)), limit=True)
EVENING = Moment(clock="17:20:00", running=False, limit=True)
"""After the day's work: the program was started anew."""
