"""Near the end of a cap the money goes to the beads that it finishes, instead of a little to each.

A fleet that shares the last of a cap evenly ends with thirty beads begun and few done. From where a quarter
of the cap is left, the most advanced go on, as many as what is left finishes, and the others wait between two
turns; they go on as soon as there is room for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median

from gastown_desktop.core.errors import CapReached
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.slowing import (
    FEWEST_FINISHED,
    FINISHING_SHARE,
    SLOWING_SHARE,
    go_on,
    level_of,
    whole_of,
)
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.waiting import Waiting

_FINISHED = frozenset({"submitted", "merged", "landed"})


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is left, where it is not enough for all; nano-dollars."""

    scope: str
    cap: int
    left: int
    """When the requests under way have cost what the turns before them did."""
    typical: dict[BeadId, float]
    """What each bead that shares it costs in all."""


class FinishingFirst:
    """Who of the workers of a convoy asks the model, when there is not enough left for all."""

    def __init__(
        self, gate: SpendGate, scopes: tuple[str, ...], state: Callable[[], Projection], waiting: Waiting
    ) -> None:
        """Starts with nobody at work.

        Args:
            gate: knows what is left.
            scopes: of every request of the convoy.
            state: the convoy now.
            waiting: beads that wait for others' merges; what is left is not kept for them.
        """
        self._gate = gate
        self._scopes = scopes
        self._state = state
        self._waiting = waiting
        self._at_work: list[BeadId] = []
        self._chosen: dict[BeadId, int] = {}
        """Who goes on since there is not enough for all, with what each had cost when it was chosen."""
        self.held_back: set[BeadId] = set()
        """Beads whose workers wait between two turns."""

    @contextmanager
    def at_work(self, bead: BeadId) -> Generator[None, None, None]:
        """Counts a bead among those that what is left is for, while in the block."""
        self._at_work.append(bead)
        try:
            yield
        finally:
            self._at_work.remove(bead)
            self._chosen.pop(bead, None)
            self._gate.look_again()

    def may_begin(self, bead: BeadId) -> bool:
        """Whether what is left finishes this bead too, besides those at work; true where all of them wait."""
        standing = self._standing((*self._at_work, bead), SLOWING_SHARE)
        alone = all(one in self._waiting.beads for one in self._at_work)
        if standing is None or alone or self._lands(bead):
            return True
        return bead in self._also_chosen(standing)

    def may_ask(self, bead: BeadId) -> bool:
        """Whether this bead's worker may ask for its next turn now.

        Raises:
            CapReached: what is left is very little and finishes neither this bead nor another.
        """
        standing = self._standing(self._at_work, FINISHING_SHARE)
        if standing is None:
            self._chosen.clear()
            return True
        if self._lands(bead):
            return True
        also = self._also_chosen(standing)
        self._chosen |= also
        if also.keys() - {bead}:
            self._gate.look_again()  # they may have looked when less was known, and wait since then
        if not self._chosen:
            self._gate.met.add(standing.scope)
            raise CapReached("What is left finishes no bead.", scope=standing.scope, fits_later=False)
        return bead in self._chosen

    async def until_it_may(self, bead: BeadId) -> None:
        """Waits until this bead's worker may ask, or never will."""
        self.held_back.add(bead)
        try:
            with suppress(CapReached):
                while True:
                    news = self._gate.news()  # before the look: what happens in it is news too
                    if self.may_ask(bead):
                        return
                    await news.wait()
        finally:
            self.held_back.discard(bead)

    def _lands(self, bead: BeadId) -> bool:
        """Whether it lands what is done: resolvers have the closing reserve."""
        return self._state().beads[bead].bead.kind == "resolve"

    def _standing(self, beads: Iterable[BeadId], share: int) -> _Standing | None:
        """Where the money stands; None with one part in `share` left, or where no bead's cost is known."""
        room = self._gate.room(self._scopes)
        if room is None:
            return None
        left = room.free + sum(map(self._comes_back, self._at_work))
        if left * share >= room.cap:
            return None
        shared = [one for one in beads if one not in self._waiting.beads and not self._lands(one)]
        typical = self._typical(shared)
        return None if typical is None else _Standing(room.scope, room.cap, left, typical)

    def _also_chosen(self, standing: _Standing) -> dict[BeadId, int]:
        """Who goes on besides those that were chosen, with what each cost so far."""
        spent = {one: self._spent(one) for one in standing.typical}
        needs: dict[BeadId, int] = {}
        for bead, typical in standing.typical.items():
            whole = whole_of(self._chosen.get(bead, spent[bead]), typical)
            needs[bead] = max(whole - spent[bead], self._turn_of(bead))
        others = [one for one in needs if one not in self._chosen]
        others.sort(key=lambda one: -spent[one] / standing.typical[one])
        return {one: spent[one] for one in go_on(needs, others, left=standing.left, cap=standing.cap)}

    def _typical(self, beads: Collection[BeadId]) -> dict[BeadId, float] | None:
        """What each costs by what was foreseen and what others really cost; nano-dollars."""
        forecast, views = self._state().forecast, self._state().beads
        likely: Mapping[str, int] = forecast.bead_p50 if forecast is not None else {}
        finished = [one for one, view in views.items() if view.status in _FINISHED and not self._lands(one)]
        usual = max(likely.values(), default=0)
        if not usual and len(finished) >= FEWEST_FINISHED:
            usual = int(median(map(self._spent, finished)))
        if not usual:
            return None
        foreseen = {one: likely.get(one) or usual for one in (*beads, *finished, *self._at_work)}
        level = level_of(
            [self._spent(one) / foreseen[one] for one in finished],
            [self._spent(one) / foreseen[one] for one in self._at_work],
        )
        return {one: max(1.0, level * foreseen[one]) for one in beads}

    def _spent(self, bead: BeadId) -> int:
        totals = self._gate.ledger.totals(f"bead:{bead}")
        return totals.committed - self._comes_back(bead)

    def _turn_of(self, bead: BeadId) -> int:
        return self._spent(bead) // max(self._state().beads[bead].turns, 1)

    def _comes_back(self, bead: BeadId) -> int:
        """What a bead's request under way holds beyond what its turns cost so far."""
        totals, turns = self._gate.ledger.totals(f"bead:{bead}"), self._state().beads[bead].turns
        return max(0, totals.held - (totals.settled + totals.assumed) // turns) if turns else 0
