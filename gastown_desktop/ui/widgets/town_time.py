"""The time as a page counts it: what the town saw last, and how long ago that was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QElapsedTimer

from gastown_desktop.bridge.town_view import TownView

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class TownTime:
    """Goes on from the newest time that the view saw; a replay's screens live at the replay's time."""

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
