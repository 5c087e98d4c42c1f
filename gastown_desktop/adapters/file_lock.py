"""A lock that ends with its process, and says whose it is."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from gastown_desktop.core.errors import Refused


class FileLock:
    """An exclusive lock on a file of ours."""

    def __init__(self, path: Path, what: str) -> None:
        """Takes the lock.

        Args:
            path: the lock file; made when missing, never removed.
            what: what is locked, as the subject of a sentence.

        Raises:
            Refused: another process has it; names the process.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            raise Refused(
                f"{what} is already running (process {holder or 'unknown'}).",
                remedy="Wait until it is done, or stop it.",
            ) from None
        with suppress(OSError):  # on a full disk nobody reads whose it is, and it is held all the same
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode("ascii"))

    def close(self) -> None:
        """Gives the lock back."""
        os.close(self._file)
