"""A rig: one repository of the user's, and where its work is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gastown_desktop.core.ids import ConvoyId, PolecatName, RigId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A repository as the engine knows it."""

    id: RigId
    checkout: Path
    """The user's top level; only read, until Land."""
    folder: Path
    """`<data>/rigs/<id>`."""
    town_git: Path
    """`<folder>/town.git`, where all work lives."""
    prefix: str
    """What its bead ids begin with."""
    user_name: str
    user_email: str


@dataclass(frozen=True, slots=True)
class RefNames:
    """How the refs of one convoy are named in town.git.

    Each convoy keeps its own below `refs/gastown/convoys/<convoy>`, a rehearsal below
    `refs/gastown/rehearsals/<convoy>`, so that one that waits is in nobody's way.
    """

    convoy: ConvoyId
    rehearsal: bool

    @property
    def _root(self) -> str:
        return f"refs/gastown/{'rehearsals' if self.rehearsal else 'convoys'}/{self.convoy}"

    @property
    def convoy_branch(self) -> str:
        """Where beads are merged."""
        return f"refs/heads/convoy/{self.convoy}"

    @property
    def hooks(self) -> str:
        """Prefix of the hooks."""
        return f"{self._root}/hooks/"

    @property
    def transcripts(self) -> str:
        """Prefix of what finished beads leave: their last hook."""
        return f"{self._root}/transcripts/"

    @property
    def intents(self) -> str:
        """Prefix of landing intents."""
        return f"{self._root}/merges/"

    @property
    def resolutions(self) -> str:
        """Where remembered resolutions are kept: a rehearsal's for itself, those of real work for the rig."""
        return f"{self._root}/resolutions" if self.rehearsal else "refs/gastown/resolutions"

    @property
    def target(self) -> str:
        """Where a rehearsal lands; real work lands on the user's target instead."""
        return f"refs/heads/rehearsal/{self.convoy}"

    @property
    def mayor(self) -> str:
        """The talk with the Mayor: a chain of commits, one for each thing said."""
        return f"{self._root}/mayor"

    def hook(self, polecat: PolecatName) -> str:
        """The hook of one polecat."""
        return self.hooks + polecat
