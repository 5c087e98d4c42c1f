"""What sandboxes asked of the network: host, port, bytes and verdict; no paths, no headers."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from gastown_desktop.engine.ports import Clock

Verdict = Literal["allowed", "not listed", "not public", "unreachable", "over limit", "malformed", "silent"]
_LARGEST = 1 << 20


class NetworkLog:
    """A JSON object per connection, in a file and one older file beside it.

    Args:
        path: the file; made with the first line, readable by the user only.
        clock: tells the time.
        largest: bytes after which a new file is begun.
    """

    def __init__(self, path: Path, clock: Clock, *, largest: int = _LARGEST) -> None:
        self._path = path
        self._clock = clock
        self._largest = largest

    def note(self, slot: str, place: tuple[str, int], verdict: Verdict, sent: int, received: int) -> None:
        """Appends a line; a full disk stops no connection."""
        line = {
            "at": self._clock.now().isoformat(timespec="milliseconds"),
            "slot": slot,
            "host": place[0],
            "port": place[1],
            "verdict": verdict,
            "sent": sent,
            "received": received,
        }
        with suppress(OSError):
            self._append((json.dumps(line, ensure_ascii=True) + "\n").encode("ascii"))

    def _append(self, line: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, line)
            full = os.fstat(file).st_size >= self._largest
        finally:
            os.close(file)
        if full:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
