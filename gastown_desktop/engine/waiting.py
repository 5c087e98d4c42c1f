"""Who waits for others to be merged: such a worker does not count against the size of the fleet."""

from __future__ import annotations

from collections.abc import Callable

from gastown_desktop.core.ids import BeadId


class Waiting:
    """Beads whose workers can only go on when something else is merged."""

    def __init__(self) -> None:
        """Starts with none."""
        self.beads: set[BeadId] = set()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after every change from now on; it must not block."""
        self._listeners.append(listener)

    def begin(self, bead: BeadId) -> None:
        """The worker of this bead waits."""
        self.beads.add(bead)
        self._tell()

    def end(self, bead: BeadId) -> None:
        """It goes on."""
        self.beads.discard(bead)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
