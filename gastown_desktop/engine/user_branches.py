"""What the window sees of the user's branches: what would land on one, and what is published as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName
from gastown_desktop.core.sensitive import SensitiveChange


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingLine:
    """One bead of a landing."""

    bead: BeadId
    title: str
    paths: tuple[str, ...]
    sensitive: tuple[SensitiveChange, ...] = ()
    """What of it somebody has to look at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingSheet:
    """What a landing would do; `stands_in_the_way` says why it cannot."""

    convoy: ConvoyId
    branch: str
    lines: tuple[LandingLine, ...]
    here: Oid | None
    """Where the branch is."""
    lands: Oid | None
    gates: tuple[str, ...]
    signed: bool
    checked_out: tuple[str, ...]
    """Places where the branch is checked out."""
    approved: Mapping[BeadId, str] = field(default_factory=dict[BeadId, str])
    """Patch-id of each bead as shown: what is agreed to."""
    stands_in_the_way: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command on the user's branch ended, in words."""

    done: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TownBranch:
    """A branch of the work that can be copied into the user's repository."""

    name: str
    """In the rig's own repository, without `refs/heads/`."""
    kind: Literal["convoy", "worker", "landing"]
    """Where beads are merged, one worker's, or where a rehearsal landed."""
    commit: Oid
    convoy: ConvoyId | None = None
    bead: BeadId | None = None
    worker: PolecatName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchLine:
    """A branch of the user's as publishing leaves it, or would."""

    source: str
    branch: str
    """Without `refs/heads/`."""
    commit: Oid
    before: Oid | None
    """Where it was; None for a new one."""
    outcome: Literal["created", "moved", "there"]
    refusal: str = ""
    """Why it cannot be published; empty when it can."""
