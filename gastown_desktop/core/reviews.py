"""Reviews: how a reviewer's verdict, and the user's word on it, change the projection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gastown_desktop.core.durable import Durable
from gastown_desktop.core.review_events import MergeReviewed

if TYPE_CHECKING:
    from gastown_desktop.core.ids import BeadId
    from gastown_desktop.core.projection import Projection
    from gastown_desktop.core.views import MergeView

ABOUT_REVIEW = "reviewer"
"""What an item of Needs you is about that a review led to."""
AS_IT_IS = "Merge it as it is"
REVIEW_AGAIN = "Review it again"


def review_item(view: MergeView, *, short: bool = False) -> str:
    """Names the item of Needs you that a review leads to.

    Args:
        view: what was reviewed.
        short: it is about the bead's own limit.
    """
    return f"{view.bead}:{'review-cap' if short else 'review'}:{view.id}:{view.reviews}"


def _reviewed(town: Projection, event: MergeReviewed, at: datetime) -> None:
    del at
    view, bead = town.merges[event.merge], town.beads[event.bead]
    reviews = view.reviews + 1
    town.merges[event.merge] = replace(view, verdict=event.verdict, review=event.text, reviews=reviews)
    town.set_bead(
        event.bead,
        cost=bead.cost + event.cost,
        prompt_tokens=bead.prompt_tokens + event.prompt_tokens,
        output_tokens=bead.output_tokens + event.output_tokens,
    )


def heed_word(town: Projection, bead: BeadId, answer: str) -> bool:
    """Puts a merge request that waits for the user's word on its review back into the queue.

    Returns:
        False where the answer is another one, which the bead's worker is to hear.
    """
    merge = town.beads[bead].merge
    if merge is None or answer not in {AS_IT_IS, REVIEW_AGAIN}:
        return False
    verdict = "waived" if answer == AS_IT_IS else ""
    town.merges[merge] = replace(town.merges[merge], state="queued", reason="", verdict=verdict)
    town.set_bead(bead, status="submitted", reason="", rounds=0)
    return True


REVIEW_FOLDS: Mapping[type[Durable], Callable[[Projection, Any, datetime], None]] = {MergeReviewed: _reviewed}
