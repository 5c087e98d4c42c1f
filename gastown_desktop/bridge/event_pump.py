"""The pump: brings events from the feed to the screens, at most thirty times a second, a few ms at a time."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from gastown_desktop.bridge.event_feed import EventFeed, FeedItem
from gastown_desktop.bridge.town_view import Changes, TownView

_log = logging.getLogger(__name__)
INTERVAL_MS = 33
BUDGET_S = 0.008
"""How long one tick may fold events; what is left waits for the next."""
_CHECK_EVERY = 16
"""Items between two looks at the clock."""


class EventPump(QObject):
    """Folds what comes through the feed into a `TownView` and says once a tick what changed.

    It sleeps while nothing comes: the feed's first event wakes it, whatever thread puts it in.
    """

    changed = Signal(object)
    """`Changes`, once a tick, only when there are some."""
    _woken = Signal()

    def __init__(self, view: TownView, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        """Makes a pump with a feed of its own.

        Args:
            view: the screens' state.
            now: the time, for events that carry none.
            parent: owns it.
        """
        super().__init__(parent)
        self.view = view
        self.feed = EventFeed()
        self._now = now
        self._waiting: deque[FeedItem] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._woken.connect(self._wake, Qt.ConnectionType.QueuedConnection)
        self._asleep = True
        self._stopped = False
        self.longest_tick_s = 0.0

    def put(self, item: FeedItem) -> None:
        """Takes an event, from any thread."""
        self.feed.put(item)
        if self._asleep:
            self._asleep = False
            self._woken.emit()

    def tick(self) -> None:
        """Folds what waits, within the budget, and tells what changed."""
        began = time.perf_counter()
        self._waiting.extend(self.feed.drain())
        if not self._waiting:
            self._sleep()
            return
        changes, at, count = Changes(), self._now(), 0
        while self._waiting:
            self._fold(self._waiting.popleft(), at, changes)
            count += 1
            if count % _CHECK_EVERY == 0 and time.perf_counter() - began > BUDGET_S:
                break
        if changes:
            self.changed.emit(changes)
        self.longest_tick_s = max(self.longest_tick_s, time.perf_counter() - began)

    def flush(self) -> None:
        """Folds everything that waits, at once; for a start with a stored history."""
        while self._waiting or len(self.feed):
            self.tick()

    def stop(self) -> None:
        """No tick comes any more."""
        self._stopped = True
        self._timer.stop()

    def _fold(self, item: FeedItem, at: datetime, changes: Changes) -> None:
        try:
            self.view.apply(item, at, changes)
        except Exception:  # noqa: BLE001 - one item that cannot be shown must not hide all others
            _log.exception("an event could not be shown: %s", type(item).__name__)

    def _wake(self) -> None:
        if not self._stopped:
            self._timer.start()

    def _sleep(self) -> None:
        self._asleep = True
        self._timer.stop()
        if len(self.feed):  # put in between the drain and the line above
            self._asleep = False
            self._timer.start()
