"""What setups printed, in a file of the convoy's folder and one older file beside it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gastown_desktop.engine.ports import Clock

_LARGEST = 1 << 20


class SetupLog:
    """Takes what is told, with the time.

    Args:
        path: the file; made with the first entry, readable by the user only.
        clock: tells the time.
        largest: bytes after which a new file is begun.
    """

    def __init__(self, path: Path, clock: Clock, *, largest: int = _LARGEST) -> None:
        self._path = path
        self._clock = clock
        self._largest = largest

    def note(self, text: str) -> None:
        """Appends an entry; a full disk stops no setup."""
        entry = f"[{self._clock.now().isoformat(timespec='seconds')}] {text}\n"
        with suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, entry.encode("utf-8", "replace"))
                full = os.fstat(file).st_size >= self._largest
            finally:
                os.close(file)
            if full:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
