"""The stand-in's patience: past work that cannot be done where it starts is tried again on later tips.

A real worker would look at what the others did. The stand-in waits until the earlier beads on the same files
are merged or stuck and replays on the tip; if that conflicts too, or changes nothing, it waits until nothing
else can change any more, tries once more, and gives up. It waits before it asks, as a request under way would
hold money that the earlier beads may need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BeadId, Oid, resolved_bead
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.replay import PastWork, Replays
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.waiting import Waiting

_SETTLED = frozenset({"merged", "landed", "blocked", "deferred", "failed", "discarded"})
"""States of beads that will not change what is merged, unless the user acts."""


@dataclass(frozen=True, slots=True)
class LaterTip:
    """A commit of the convoy branch on which past work replays cleanly, and what comes out."""

    commit: Oid
    tree: Oid


class SentAway(Exception):
    """A worker that waits is to stand still instead, since nothing more is merged before the user goes on."""


class Patience:
    """Waits for better tips on behalf of the beads of one rehearsal."""

    def __init__(
        self,
        objects: GitObjects,
        replays: Replays,
        works: Mapping[BeadId, PastWork],
        *,
        bus: Bus,
        refs: RefNames,
        waiting: Waiting,
    ) -> None:
        """Watches the town through its bus."""
        self._objects = objects
        self._replays = replays
        self._works = works
        self._bus = bus
        self._refs = refs
        self._waiting = waiting
        self._news = asyncio.Event()
        bus.listen(self._heard)
        waiting.listen(self._tell)

    async def later_tip(self, worker: BeadId, base: Oid) -> LaterTip | None:
        """The first other tip on which a bead's work is clean; None when there will be none.

        Args:
            worker: the bead, or the one that resolves its conflict.
            base: the tip on which it cannot be done.

        Raises:
            SentAway: it is to wait no longer.
        """
        bead = resolved_bead(worker)
        self._waiting.begin(worker)
        try:
            while True:
                if worker in self._waiting.sent_away:
                    raise SentAway
                news, last = self._news, self._is_last(bead)
                if last or self._predecessors_are_settled(bead):
                    found = await self._on_the_tip(bead, base)
                    if found is not None or last:
                        return found
                if news is self._news:
                    self._waiting.sleeps(worker)
                await news.wait()
        finally:
            self._waiting.end(worker)

    async def _on_the_tip(self, bead: BeadId, base: Oid) -> LaterTip | None:
        tip = await self._objects.read_ref(self._refs.convoy_branch)
        if tip is None:
            raise GitError("The convoy branch is gone.")
        if tip == base:
            return None
        there = await self._objects.tree_of(tip)
        replay = await self._replays.on(self._works[bead], there)
        return None if replay.conflicts or replay.tree == there else LaterTip(tip, replay.tree)

    def _predecessors_are_settled(self, bead: BeadId) -> bool:
        paths = set(self._works[bead].paths)
        for earlier, work in self._works.items():
            if earlier == bead:
                return True
            if paths & set(work.paths) and not self._is_settled(earlier):
                return False
        return True

    def _is_last(self, bead: BeadId) -> bool:
        """Tells whether nobody but later waiting beads could still change what is merged."""
        order = list(self._works)
        waiting = {resolved_bead(one) for one in self._waiting.beads}
        if self._waiting.in_vain and bead == min(waiting, key=order.index):
            return True
        later = set(order[order.index(bead) :]) & waiting
        return all(self._is_settled(other) or other in later for other in order)

    def _is_settled(self, bead: BeadId) -> bool:
        """Whether a bead changes nothing more by itself: a resolver of it that asks stands for it."""
        state = self._bus.state
        if state.beads[bead].status in _SETTLED:
            return True
        return any(state.beads[one].status == "blocked" for one in state.resolvers_of(bead))

    def _heard(self, event: ev.Envelope | ev.EphemeralEvent) -> None:
        if isinstance(event, ev.Envelope):
            self._tell()

    def _tell(self) -> None:
        self._waiting.wake()
        news, self._news = self._news, asyncio.Event()
        news.set()
