"""What landing needs from the world: where a convoy lands, a remote, and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import Commit


class Target(Protocol):
    """Where a convoy lands: one branch, of town.git or of the user's repository.

    What cannot be done is told in words that name files and places; nothing was moved then. Only what git
    does not expect is raised, as `GitError`.
    """

    @property
    def name(self) -> str:
        """The full name of the ref."""
        ...

    async def tip(self) -> Oid | None:
        """The commit it is at, with all its objects in town.git; None when there is no such branch."""
        ...

    async def refusal(self, old: Oid, new: Oid) -> str:
        """Why it could not go from `old` to `new` now; empty when it could. Changes nothing."""
        ...

    async def advance(self, old: Oid, new: Oid) -> str:
        """Moves it from `old` to a descendant; empty when it moved, else why not."""
        ...

    async def take_back(self, new: Oid, old: Oid) -> str:
        """Moves it back to the `old` that it was advanced from; empty when it moved, else why not."""
        ...

    async def places(self) -> tuple[str, ...]:
        """Folders in which it is checked out; none for most."""
        ...


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What a remote said to a push."""

    taken: bool
    moved: bool = False
    """It was not taken because the branch has commits that were not fetched."""
    words: str = ""
    """What it said: why not, or where a pull request is opened."""


class Remote(Protocol):
    """The place that a landing is shared at; nothing of the user's repository is written for it."""

    @property
    def name(self) -> str:
        """As the user calls it: `origin`."""
        ...

    async def fetch(self, branch: str) -> Oid | None:
        """Where a branch (without `refs/heads/`) is there, its objects in town.git; None when there is none.

        Raises:
            RemoteUnreachable: it did not answer.
        """
        ...

    async def push(self, branch: str, new: Oid) -> PushAnswer:
        """Moves or makes a branch there, never by force.

        Raises:
            RemoteUnreachable: it did not answer; it may have moved all the same.
        """
        ...


class Signer(Protocol):
    """Signs commits as the user's own git would."""

    async def wanted(self) -> bool:
        """Whether the user's configuration asks for signed commits."""
        ...

    async def sign(self, commit: Commit, parents: Sequence[Oid]) -> Oid:
        """The same commit on other parents, with a signature.

        Raises:
            GitError: it could not be signed.
        """
        ...
