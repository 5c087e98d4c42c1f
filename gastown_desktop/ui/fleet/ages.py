"""The time as the page counts it: what the town saw last, and how long ago that was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QElapsedTimer

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import Card
from gastown_desktop.core.wording import show_age, show_stopwatch

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class TownTime:
    """Goes on from the newest time that the view saw: a town that is looked at later stands still."""

    def __init__(self, view: TownView) -> None:
        """Reads a view's time."""
        self._view = view
        self._seen: datetime | None = None
        self._since = QElapsedTimer()

    def __call__(self) -> datetime:
        """The time now, aware."""
        if self._view.now is not self._seen:
            self._seen = self._view.now
            self._since.start()
        if self._seen is None:
            return _NEVER
        return self._seen + timedelta(milliseconds=self._since.elapsed())


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
