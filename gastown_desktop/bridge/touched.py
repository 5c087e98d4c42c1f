"""Which cards an event may change: told from what it did to the projection, so that no kind is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.ids import BeadId, MergeId, PolecatName
from gastown_desktop.core.projection import (
    BeadView,
    ForecastView,
    MergeView,
    NeedView,
    PolecatView,
    Projection,
)

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Before:
    """A convoy before an event; its views are frozen, so what is another object has changed."""

    beads: Mapping[BeadId, BeadView]
    polecats: Mapping[PolecatName, PolecatView]
    merges: Mapping[MergeId, MergeView]
    needs: Mapping[str, NeedView]
    dependencies: tuple[Dependency, ...]
    forecast: ForecastView | None

    @classmethod
    def of(cls, state: Projection) -> Before:
        """Remembers how things stand; some microseconds for hundreds of beads."""
        return cls(
            dict(state.beads),
            dict(state.polecats),
            dict(state.merges),
            dict(state.needs_you),
            tuple(state.dependencies),
            state.forecast,
        )

    def touched(self, state: Projection) -> set[BeadId]:
        """Beads whose cards may look otherwise now."""
        needs = _differing(self.needs, state.needs_you)
        if any(need.about == "limit" for need in needs):
            return set(state.beads)  # at the limit, what merges stands in a group of its own
        if state.forecast is not self.forecast:
            return set(state.beads)  # a card says what its bead will cost
        beads = {view.bead.id for view in _differing(self.beads, state.beads)}
        beads |= {view.bead for view in _differing(self.polecats, state.polecats) if view.bead is not None}
        beads |= {view.bead for view in _differing(self.merges, state.merges)}
        beads |= {need.bead for need in needs if need.bead is not None}
        if len(self.dependencies) != len(state.dependencies):
            beads |= {one.bead for one in set(self.dependencies) ^ set(state.dependencies)}
        return beads | self._led_along(state, beads)

    def _led_along(self, state: Projection, beads: set[BeadId]) -> set[BeadId]:
        """Beads whose cards speak of one of these: they wait for it, or it resolves their conflict."""
        return {one.bead for one in state.dependencies if one.on in beads} | {
            one.on for one in state.dependencies if one.bead in beads and one.kind == "parent"
        }


def _differing(before: Mapping[_K, _V], after: Mapping[_K, _V]) -> list[_V]:
    """Values that came, went or were replaced: the old and the new ones."""
    if before.keys() == after.keys():
        changed = [key for key, value in after.items() if before[key] is not value]
        return [*(before[key] for key in changed), *(after[key] for key in changed)]
    gone = [value for key, value in before.items() if after.get(key) is not value]
    return gone + [value for key, value in after.items() if before.get(key) is not value]
