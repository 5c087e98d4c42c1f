"""Whether the system goes to sleep: until it is awake again nothing is begun and no request leaves.

A request that is under way when the system sleeps is charged in full, so none is sent at the last moment.
"""

from __future__ import annotations

from collections.abc import Callable


class SystemSleep:
    """Told by whoever hears it from the system; awake where nobody does."""

    def __init__(self) -> None:
        """The system is awake."""
        self.near = False
        """The system is about to sleep, or sleeps."""
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after every change from now on; it must not block."""
        self._listeners.append(listener)

    def tell(self, near: bool) -> None:
        """The system goes to sleep, or is awake again."""
        if near == self.near:
            return
        self.near = near
        for listener in self._listeners:
            listener()
