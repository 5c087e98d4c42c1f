"""What sandboxes asked of the network: host, port, bytes and verdict; no paths, no headers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

from gastown_desktop.engine.ports import Clock

Verdict = Literal["allowed", "not listed", "not public", "unreachable", "over limit", "malformed", "silent"]


class NetworkLog:
    """A line of JSON per connection.

    Args:
        append: keeps a line.
        clock: tells the time.
    """

    def __init__(self, append: Callable[[str], None], clock: Clock) -> None:
        self._append = append
        self._clock = clock

    def note(self, slot: str, place: tuple[str, int], verdict: Verdict, sent: int, received: int) -> None:
        """Tells how a connection ended."""
        line = {
            "at": self._clock.now().isoformat(timespec="milliseconds"),
            "slot": slot,
            "host": place[0],
            "port": place[1],
            "verdict": verdict,
            "sent": sent,
            "received": received,
        }
        self._append(json.dumps(line, ensure_ascii=True) + "\n")
