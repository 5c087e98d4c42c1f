"""A log file that begins anew when it is large; one older file stays beside it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LARGEST = 1 << 20


class RollingFile:
    """Takes what is to be kept; a full disk stops nobody.

    Args:
        path: the file; made with the first entry, readable by the user only.
        largest: bytes after which a new file is begun.
    """

    def __init__(self, path: Path, *, largest: int = _LARGEST) -> None:
        self._path = path
        self._largest = largest

    def append(self, entry: str) -> None:
        """Adds text as UTF-8, in one write."""
        with suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, entry.encode("utf-8", "replace"))
                full = os.fstat(file).st_size >= self._largest
            finally:
                os.close(file)
            if full:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
