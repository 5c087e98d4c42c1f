"""Who waits for others to be merged: such a worker does not count against the size of the fleet."""

from __future__ import annotations

from collections.abc import Callable

from gastown_desktop.core.ids import BeadId


class Waiting:
    """Beads whose workers can only go on when something else is merged."""

    def __init__(self) -> None:
        """Starts with none."""
        self.beads: set[BeadId] = set()
        self.asleep: set[BeadId] = set()
        """Those of them that have looked at all there is and sleep until something happens."""
        self.sent_away: set[BeadId] = set()
        """Those of them that are to stand still."""
        self.in_vain = False
        """Whether nothing else will be merged while they all wait: one of them has to give up."""
        self._listeners: list[Callable[[], None]] = []
        self._sleep_listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after every change of who waits from now on; it must not block."""
        self._listeners.append(listener)

    def listen_for_sleep(self, listener: Callable[[], None]) -> None:
        """Calls `listener` from now on when somebody fell asleep; it must not block."""
        self._sleep_listeners.append(listener)

    def begin(self, bead: BeadId) -> None:
        """The worker of this bead waits."""
        self.beads.add(bead)
        self._tell()

    def end(self, bead: BeadId) -> None:
        """It goes on."""
        for some in (self.beads, self.asleep, self.sent_away):
            some.discard(bead)
        self.in_vain = False
        self._tell()

    def sleeps(self, bead: BeadId) -> None:
        """Its worker looked at everything, in vain."""
        self.asleep.add(bead)
        for listener in self._sleep_listeners:
            listener()

    def wake(self) -> None:
        """Something happened: all look again."""
        self.asleep.clear()

    def send_away(self) -> None:
        """Nothing more is merged before the user goes on: all stand still."""
        self.sent_away |= self.beads
        self._tell()

    def give_up(self) -> None:
        """Nothing more will be merged: the first of them gives up."""
        self.in_vain = True
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
