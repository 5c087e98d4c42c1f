"""Looks at files that somebody else may have planted: never through links, never waiting for a pipe."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

_TRIES = 5


def read_regular(path: Path, limit: int, *, follow: bool = False) -> bytes | None:
    """Up to `limit` bytes of a regular file; None for anything else.

    Args:
        path: the file; links above it are followed, see `RealFolders`.
        limit: bytes to read at most.
        follow: the file itself may be a link.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(limit) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None


def is_folder(path: Path) -> bool:
    """Tells whether a path is a folder, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


class RealFolders:
    """Answers which folders below a top folder are reached without a link; remembers its answers.

    Args:
        top: the folder to start from.
    """

    def __init__(self, top: Path) -> None:
        self._top = top
        self._real: dict[str, bool] = {"": True}

    def reaches(self, path: str) -> bool:
        """Tells whether every folder above a relative path is a real one."""
        return self._is_real(path.rstrip("/").rpartition("/")[0])

    def look(self, path: str) -> os.stat_result | None:
        """What is at a relative path; None when nothing is, or when a link leads there."""
        if not self.reaches(path):
            return None
        try:
            return (self._top / path.rstrip("/")).lstat()
        except OSError:
            return None

    def _is_real(self, folder: str) -> bool:
        if folder not in self._real:
            above = folder.rpartition("/")[0]
            self._real[folder] = self._is_real(above) and is_folder(self._top / folder)
        return self._real[folder]


def delete_any(path: Path) -> None:
    """Deletes a file, a link or a whole folder, also one that took its write permission away.

    Another process may delete the same meanwhile.

    Raises:
        OSError: it could not be deleted.
    """
    if not is_folder(path):
        path.unlink(missing_ok=True)
        return
    with suppress(OSError):
        shutil.rmtree(path, onerror=_unless_gone)
        return
    _make_writable(path)
    for parent, folders, _ in os.walk(path):
        for folder in (Path(parent, name) for name in folders):
            if is_folder(folder):
                _make_writable(folder)
    for _ in range(_TRIES):  # a process that is being killed may still have written
        with suppress(OSError):
            shutil.rmtree(path, onerror=_unless_gone)
            return
    shutil.rmtree(path, onerror=_unless_gone)


def _make_writable(folder: Path) -> None:
    with suppress(FileNotFoundError):
        folder.chmod(0o700)


def _unless_gone(_function: object, _path: str, failed: tuple[object, BaseException, object]) -> None:
    if not isinstance(failed[1], FileNotFoundError):
        raise failed[1]


def empty_folder(path: Path) -> None:
    """Makes sure that there is an empty folder."""
    if is_folder(path) and any(path.iterdir()):
        delete_any(path)
    path.mkdir(parents=True, exist_ok=True)


def remove_planted(folder: Path, names: tuple[str, ...]) -> bool:
    """Removes pipes, sockets and devices of these names anywhere below; tells whether there were any."""
    removed = False
    for parent, _, found in os.walk(folder):
        for path in (Path(parent, name) for name in names if name in found):
            if not stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink():
                path.unlink()
                removed = True
    return removed
