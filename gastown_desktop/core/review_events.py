"""What a reviewer says of work that was handed in: a durable event, part of `core.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gastown_desktop.core.durable import Durable
from gastown_desktop.core.ids import BeadId, MergeId

ReviewVerdict = Literal["approved", "changes", "none", "short"]
"""It may merge, it goes back, there is no verdict, or the bead's own limit left no room for a review."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReviewed(Durable):
    """A reviewer read a merge request."""

    kind: ClassVar[Literal["merge_reviewed"]] = "merge_reviewed"
    merge: MergeId
    bead: BeadId
    verdict: ReviewVerdict
    text: str
    """What was found, or why there is no verdict."""
    model: str
    turns: int = 0
    cost: int = 0
    """Nano-dollars."""
    prompt_tokens: int = 0
    output_tokens: int = 0
