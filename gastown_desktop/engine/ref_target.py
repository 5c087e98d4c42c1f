"""The target of a rehearsal: a ref of town.git, which nobody has checked out."""

from __future__ import annotations

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import GitObjects

MOVED = "moved meanwhile"
"""Part of what a target says whose branch is not where it was."""


class RefTarget:
    """Implements the Target port by compare-and-swap.

    Args:
        objects: the repository that has the ref.
        name: its full name.
    """

    def __init__(self, objects: GitObjects, name: str) -> None:
        self._objects = objects
        self.name = name

    async def tip(self) -> Oid | None:
        """The commit it is at; None when there is no such ref."""
        return await self._objects.read_ref(self.name)

    async def refusal(self, old: Oid, new: Oid) -> str:
        """Why it could not move: only because it is somewhere else."""
        del new
        return "" if await self.tip() == old else self._elsewhere

    async def advance(self, old: Oid, new: Oid) -> str:
        """Moves it; empty when it moved."""
        return "" if await self._objects.swap_ref(self.name, old=old, new=new) else self._elsewhere

    async def take_back(self, new: Oid, old: Oid) -> str:
        """Moves it back; empty when it moved."""
        return await self.advance(new, old)

    async def places(self) -> tuple[str, ...]:
        """Nowhere."""
        return ()

    @property
    def _elsewhere(self) -> str:
        return f"{self.name} {MOVED}."
