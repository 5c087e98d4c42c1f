"""The breaker: when so much fails that starting more work would only burn money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gastown_desktop.core.ids import BeadId

DEATHS, DEATHS_WITHIN_S = 3, 30.0
FAILING_BEADS, FAILING_WITHIN_S = 20, 30 * 60.0
ATTEMPTS = 5
"""Times that a bead is tried to be dispatched."""
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 600.0


def wait_after(failures: int) -> float | None:
    """Seconds until a bead may be dispatched again after so many failures (from 1); None: never by itself."""
    if failures >= ATTEMPTS:
        return None
    return min(FIRST_WAIT_S * 2 ** (failures - 1), LONGEST_WAIT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What failed lately; times are seconds by a clock that does not count sleep."""

    deaths: Mapping[BeadId, float] = field(default_factory=dict[BeadId, float])
    """When a worker last died, by its bead: one bead that kills its workers asks by itself."""
    failures: Mapping[BeadId, Sequence[float]] = field(default_factory=dict[BeadId, Sequence[float]])
    """When each bead could not be dispatched."""

    def died(self, bead: BeadId, now: float) -> Breaker:
        """A worker on this bead died."""
        return replace(self, deaths={**self.deaths, bead: now})

    def failed(self, bead: BeadId, now: float) -> Breaker:
        """A bead could not be dispatched."""
        return replace(self, failures={**self.failures, bead: (*self.failures.get(bead, ()), now)})

    def dispatched(self, bead: BeadId) -> Breaker:
        """A bead was dispatched: its failures are forgotten."""
        return replace(
            self, failures={other: times for other, times in self.failures.items() if other != bead}
        )

    def may_try(self, bead: BeadId, now: float) -> bool:
        """Tells whether a bead may be dispatched now."""
        times = self.failures.get(bead, ())
        if not times:
            return True
        wait = wait_after(len(times))
        return wait is not None and now - times[-1] >= wait

    def is_given_up(self, bead: BeadId) -> bool:
        """Tells whether a bead failed so often that only the user can go on with it."""
        return len(self.failures.get(bead, ())) >= ATTEMPTS

    def next_try(self, now: float) -> float | None:
        """Seconds until some bead may be tried again; None when none waits."""
        waits = [
            times[-1] + wait - now
            for times in self.failures.values()
            if (wait := wait_after(len(times))) is not None
        ]
        return max(0.0, min(waits)) if waits else None

    def tripped(self, now: float) -> str:
        """Why no new work may be started; empty while it may."""
        died = [bead for bead, at in self.deaths.items() if now - at <= DEATHS_WITHIN_S]
        if len(died) >= DEATHS:
            return f"The workers of {len(died)} beads died within {DEATHS_WITHIN_S:.0f} seconds."
        failing = [bead for bead, times in self.failures.items() if now - times[-1] <= FAILING_WITHIN_S]
        if len(failing) >= FAILING_BEADS:
            return f"{len(failing)} beads could not be started within {FAILING_WITHIN_S / 60:.0f} minutes."
        return ""
