"""The one way of events to the screens: in order, from any thread, bounded however fast they come."""

from __future__ import annotations

import threading
from typing import cast

from gastown_desktop.core.events import Envelope, Ephemeral, EphemeralEvent

FeedItem = Envelope | EphemeralEvent


class EventFeed:
    """Holds events until the screen's thread takes them.

    An ephemeral event joins the waiting one of its key, unless a durable event came between: what was
    streamed before a turn ended never shows up after its end. So at most one ephemeral event per worker
    and kind waits after the newest durable one.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._lock = threading.Lock()
        self._items: list[Envelope | Ephemeral] = []
        self._places: dict[tuple[str, ...], int] = {}

    def put(self, item: FeedItem) -> None:
        """Adds an event; never blocks for long."""
        with self._lock:
            if isinstance(item, Envelope):
                self._places.clear()
                self._items.append(item)
                return
            place = self._places.get(item.key)
            if place is None:
                self._places[item.key] = len(self._items)
                self._items.append(item)
            else:
                waiting = self._items[place]
                assert not isinstance(waiting, Envelope)
                self._items[place] = waiting.merged_with(item)

    def drain(self) -> list[FeedItem]:
        """Takes everything that waits, oldest first."""
        with self._lock:
            items, self._items = self._items, []
            self._places.clear()
        return cast("list[FeedItem]", items)

    def __len__(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._items)
