"""What the user holds back: kept in memory only, so that every worker goes on after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from gastown_desktop.core.bead import Bead
from gastown_desktop.core.ids import BeadId, resolved_bead


async def _nobody(bead: BeadId) -> None:
    """Stops nobody, where nobody is at work."""
    del bead


class Held:
    """Beads whose workers stand still at the end of their turn until the user lets them go on."""

    def __init__(self) -> None:
        """Starts with none."""
        self.beads: set[BeadId] = set()
        self.everything = False
        """The user paused: nobody begins or goes on until they say so."""
        self.merges_only = False
        """Nobody but resolvers goes on: what is handed in is to be merged, and no more."""
        self.only: frozenset[BeadId] | None = None
        """Beads of a pilot: no other is begun until it is over."""
        self.afresh: set[BeadId] = set()
        """Beads whose conversation begins anew after the next turn."""
        self.stop: Callable[[BeadId], Awaitable[None]] = _nobody
        """Stops a bead's worker at once; returns when it stands still."""
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after every change from now on; it must not block."""
        self._listeners.append(listener)

    def holds(self, bead: Bead) -> bool:
        """Whether nobody may begin or go on with a bead now."""
        others = self.merges_only and bead.kind != "resolve"
        others = others or (self.only is not None and resolved_bead(bead.id) not in self.only)
        return self.everything or others or bead.id in self.beads

    async def until_held(self, bead: Bead) -> None:
        """Returns once a bead is held."""
        while not self.holds(bead):
            await self._changed.wait()

    @contextmanager
    def standing(self, *beads: BeadId) -> Generator[None]:
        """Holds beads for a while; afterwards they are held as before."""
        added = set(beads) - self.beads
        self.beads |= added
        try:
            yield
        finally:
            self.beads -= added
            self.tell()

    def begin(self, *, merges_only: bool, only: frozenset[BeadId] | None = None) -> None:
        """A new town: nothing is held but what lies outside it, and everything where the user paused before.

        A town begins in the middle of what the user started, after the plan or after a pilot: only the user
        ends their pause.
        """
        self.beads.clear()
        self.afresh.clear()
        self.merges_only, self.only = merges_only, only
        self.tell()

    def tell(self) -> None:
        """Something was changed."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in self._listeners:
            listener()
