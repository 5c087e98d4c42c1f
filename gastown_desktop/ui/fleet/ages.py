"""How long things last, in the words of a card."""

from __future__ import annotations

from datetime import datetime

from gastown_desktop.core.card import Card
from gastown_desktop.core.wording import show_age, show_stopwatch


def worked_for(card: Card, now: datetime) -> str:
    """How long a bead has been in hands, or was; empty before anybody began it."""
    if card.started_at is None:
        return ""
    end = card.ended_at or now
    return show_age((end - card.started_at).total_seconds())


def action_of(card: Card, now: datetime) -> str:
    """The last action, with how long it has been going on where that is worth counting."""
    if card.action_since is None:
        return card.action
    return f"{card.action} {show_stopwatch((now - card.action_since).total_seconds())}"
