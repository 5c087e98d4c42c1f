"""Work that no reviewer lets pass: the user decides."""

from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.projection import MergeView
from gastown_desktop.core.reviews import ABOUT_REVIEW, AS_IT_IS, REVIEW_AGAIN, review_item
from gastown_desktop.engine.kit import Kit


def ask_about_review(kit: Kit, request: MergeView) -> ev.NeedsYou:
    """Lets the user decide about work that no reviewer lets pass."""
    short = request.verdict == "short"
    texts = {
        "changes": f"A reviewer still wants changes:\n{request.review}",
        "short": f"{request.review} Reviewing it again lets it have as much again.",
    }
    return ev.NeedsYou(
        **kit.where,
        item=review_item(request, short=short),
        about=ABOUT_REVIEW,
        text=texts.get(request.verdict, f"It was not reviewed. {request.review}"),
        bead=request.bead,
        options=(AS_IT_IS, REVIEW_AGAIN),
    )
