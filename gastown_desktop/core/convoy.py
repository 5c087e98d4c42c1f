"""A convoy: beads that land together, and the order in which they wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gastown_desktop.core.bead import WAITING_KINDS, Dependency
from gastown_desktop.core.errors import ConvoyError, DependencyCycle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from gastown_desktop.core.ids import BeadId

ConvoyStage = Literal["draft", "staged", "running", "paused", "ready_to_land", "landed", "abandoned"]

_NEXT: dict[ConvoyStage, frozenset[ConvoyStage]] = {
    "draft": frozenset({"staged", "abandoned"}),
    "staged": frozenset({"draft", "running", "abandoned"}),
    "running": frozenset({"paused", "ready_to_land", "landed", "abandoned"}),
    "paused": frozenset({"running", "ready_to_land", "abandoned"}),
    "ready_to_land": frozenset({"running", "paused", "landed", "abandoned"}),
    "landed": frozenset({"ready_to_land"}),
    "abandoned": frozenset(),
}


def may_become(now: ConvoyStage, then: ConvoyStage) -> bool:
    """Tells whether a convoy at stage `now` may go to stage `then`; undoing a landing reopens it."""
    return now == then or then in _NEXT[now]


class Dag:
    """Beads and what they wait for: immutable, and never a cycle.

    Only the dependency kinds in `WAITING_KINDS` order work; the others are kept and have no effect.
    Wherever beads are listed, those that nothing orders keep the order in which they were given.

    Args:
        beads: bead ids in the user's order; repeated ids count once.
        dependencies: who waits for whom, or is told about whom.

    Raises:
        DependencyCycle: beads that wait for each other.
        ConvoyError: a bead that waits, or is waited for, but is not among `beads`.
    """

    __slots__ = ("_after", "_before", "_order", "_positions", "all_dependencies", "beads")

    def __init__(self, beads: Iterable[BeadId], dependencies: Iterable[Dependency] = ()) -> None:
        self.beads: tuple[BeadId, ...] = tuple(dict.fromkeys(beads))
        self.all_dependencies: tuple[Dependency, ...] = tuple(dict.fromkeys(dependencies))
        self._positions: dict[BeadId, int] = {bead: index for index, bead in enumerate(self.beads)}
        self._before: dict[BeadId, list[Dependency]] = {bead: [] for bead in self.beads}
        self._after: dict[BeadId, list[Dependency]] = {bead: [] for bead in self.beads}
        for dependency in self.all_dependencies:
            if dependency.kind in WAITING_KINDS:
                self._wire(dependency)
        self._order = self._sorted()

    def with_dependency(self, dependency: Dependency) -> Dag:
        """The same beads with one more dependency.

        Raises:
            DependencyCycle: the beads would wait for each other.
            ConvoyError: one of the two beads is not here.
        """
        return Dag(self.beads, (*self.all_dependencies, dependency))

    def without_dependency(self, dependency: Dependency) -> Dag:
        """The same beads without that dependency."""
        return Dag(self.beads, (kept for kept in self.all_dependencies if kept != dependency))

    def dependencies(self, bead: BeadId) -> tuple[BeadId, ...]:
        """The beads that `bead` itself waits for."""
        return self._in_order({dependency.on for dependency in self._before[bead]})

    def dependants(self, bead: BeadId) -> tuple[BeadId, ...]:
        """The beads that wait for `bead` itself."""
        return self._in_order({dependency.bead for dependency in self._after[bead]})

    @property
    def independent(self) -> int:
        """How many beads wait for nothing."""
        return sum(1 for bead in self.beads if not self._before[bead])

    def waves(self) -> list[list[BeadId]]:
        """Groups beads into waves: each bead comes one wave after the last of its dependencies."""
        wave_of: dict[BeadId, int] = {}
        for bead in self._order:
            wave_of[bead] = max((wave_of[dependency.on] + 1 for dependency in self._before[bead]), default=0)
        waves: list[list[BeadId]] = [[] for _ in range(max(wave_of.values(), default=-1) + 1)]
        for bead in self.beads:
            waves[wave_of[bead]].append(bead)
        return waves

    def ready(
        self,
        done: AbstractSet[BeadId],
        taken: AbstractSet[BeadId],
        failed: AbstractSet[BeadId] = frozenset(),
    ) -> list[BeadId]:
        """The beads that can start now.

        Args:
            done: beads that are merged.
            taken: beads that somebody works on.
            failed: beads that failed; they free only what waits conditionally.
        """

        def satisfied(dependency: Dependency) -> bool:
            return dependency.on in (failed if dependency.kind == "conditional" else done)

        started = done | taken | failed
        return [
            bead for bead in self.beads if bead not in started and all(map(satisfied, self._before[bead]))
        ]

    def unneeded(self, done: AbstractSet[BeadId]) -> list[BeadId]:
        """The beads that were to run only if another failed, and that other is done."""
        return [
            bead
            for bead in self.beads
            if any(
                dependency.kind == "conditional" and dependency.on in done
                for dependency in self._before[bead]
            )
        ]

    def critical_path(self, weight: Mapping[BeadId, float] | None = None) -> list[BeadId]:
        """The heaviest chain of beads that wait for each other, first to start first.

        Args:
            weight: weight of each bead, such as seconds, zero or more; without it each counts 1.
        """
        remaining = self.remaining(weight)
        chain: list[BeadId] = []
        candidates: Collection[BeadId] = self.beads
        while candidates:
            heaviest = max(candidates, key=remaining.__getitem__)
            chain.append(heaviest)
            candidates = self.dependants(heaviest)
        return chain

    def remaining(self, weight: Mapping[BeadId, float] | None = None) -> dict[BeadId, float]:
        """For each bead the weight of the heaviest chain that begins with it, itself included.

        Args:
            weight: weight of each bead, such as seconds, zero or more; without it each counts 1.
        """
        remaining: dict[BeadId, float] = {}
        for bead in reversed(self._order):
            own = 1.0 if weight is None else weight[bead]
            after = max((remaining[dependency.bead] for dependency in self._after[bead]), default=0.0)
            remaining[bead] = own + after
        return {bead: remaining[bead] for bead in self.beads}

    def _wire(self, dependency: Dependency) -> None:
        for bead in (dependency.bead, dependency.on):
            if bead not in self._positions:
                raise ConvoyError(
                    f"{dependency.bead} waits for {dependency.on}, but {bead} is not in this convoy."
                )
        self._before[dependency.bead].append(dependency)
        self._after[dependency.on].append(dependency)

    def _sorted(self) -> tuple[BeadId, ...]:
        """All beads, each after everything it waits for (Kahn's algorithm)."""
        missing = {bead: len(self._before[bead]) for bead in self.beads}
        order = [bead for bead in self.beads if missing[bead] == 0]
        for bead in order:
            for dependency in self._after[bead]:
                missing[dependency.bead] -= 1
                if missing[dependency.bead] == 0:
                    order.append(dependency.bead)
        if len(order) < len(self.beads):
            raise DependencyCycle(self._cycle({bead for bead in self.beads if missing[bead]}))
        return tuple(order)

    def _cycle(self, stuck: AbstractSet[BeadId]) -> list[BeadId]:
        """A cycle among beads each of which waits for another of them."""
        path: list[BeadId] = []
        bead = next(bead for bead in self.beads if bead in stuck)
        while bead not in path:
            path.append(bead)
            bead = next(dependency.on for dependency in self._before[bead] if dependency.on in stuck)
        return [*path[path.index(bead) :], bead]

    def _in_order(self, beads: Iterable[BeadId]) -> tuple[BeadId, ...]:
        return tuple(sorted(beads, key=self._positions.__getitem__))
