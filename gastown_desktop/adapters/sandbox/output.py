"""What commands print: it may be endless, and the `sh` around them tells the time they took."""

from __future__ import annotations

import re

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.secrets import left_out

_TIMES = re.compile(rb"(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$")


class Ends:
    """Keeps the first and the last bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes | bytearray) -> None:
        """Takes the next bytes."""
        self.total += len(data)
        room = max(0, self._half - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[: max(0, len(self._tail) - self._half)]

    def content(self) -> bytes:
        """What was kept, with a line in the place of what was not: secrets that it parts are known by it."""
        lost = self.total - len(self._head) - len(self._tail)
        mark = left_out(lost).encode() if lost else b""
        return bytes(self._head) + mark + bytes(self._tail)


def reported_cpu(error: bytes) -> float:
    """User + system seconds as the `sh` around a command told them: bubblewrap does not wait for its child.

    Raises:
        Refused: bubblewrap spoke instead.
    """
    told = _TIMES.search(error)
    if told is None and error.startswith(b"bwrap: "):
        reason = error.decode("utf-8", "replace").splitlines()[0]
        raise Refused(f"The sandbox cannot be made: {reason}", safe="The command was not run.")
    if told is None:
        return 0.0
    minutes_user, user, minutes_system, system = map(float, told.groups())
    return 60 * (minutes_user + minutes_system) + user + system
