"""A folder of somebody else's, only read: no link is followed, and nothing waits for a pipe.

Each step of a path goes through the descriptor of the folder before it, as the owner may change it meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gastown_desktop.core.errors import Unusable
from gastown_desktop.core.plain_text import shown_path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_A_LINK = frozenset({errno.ELOOP, errno.ENOTDIR})


class ForeignFolder:
    """Reads below one folder.

    Args:
        top: the folder; what leads to it is the user's own word, and may be a link.
    """

    def __init__(self, top: Path) -> None:
        self._top = top.resolve()

    def read(self, path: str, limit: int) -> str | None:
        """The text of a regular file; None where nothing is. What is no UTF-8 in it shows as a replacement.

        Args:
            path: relative, with slashes.
            limit: the most bytes that a file may have.

        Raises:
            Unusable: it is a link or behind one, no regular file, or too large; says which.
        """
        with self._above(path) as (folder, name):
            handle = None if folder is None else _opened(path, name, _FILE, folder)
        if handle is None:
            return None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Unusable(f"{shown_path(path)} is no regular file.")
            if status.st_size > limit:
                raise Unusable(f"{shown_path(path)} has {status.st_size} bytes; at most {limit} are read.")
            with os.fdopen(os.dup(handle), "rb") as file:
                return file.read(limit).decode("utf-8", "replace")
        finally:
            os.close(handle)

    def names(self, path: str, most: int) -> list[str]:
        """Names in a folder, sorted; none where there is no such folder.

        Args:
            path: relative, with slashes; empty for the top.
            most: names that are read.

        Raises:
            Unusable: it is a link or behind one, or has more names.
        """
        with self._above(f"{path}/." if path else ".") as (folder, _):
            if folder is None:
                return []
            found: list[str] = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) > most:
                        raise Unusable(f"{shown_path(path) or 'The folder'} holds more than {most} names.")
        return sorted(found)

    @contextmanager
    def _above(self, path: str) -> Generator[tuple[int | None, str]]:
        """The descriptor of the folder that holds a path, None where there is none; and the name in it."""
        *folders, name = path.split("/")
        if path.startswith("/") or "\0" in path or any(part in {"", ".."} for part in (*folders, name)):
            raise Unusable(f"{shown_path(path)} leads out of the folder.")
        current: int | None = os.open(self._top, _FOLDER)
        try:
            for part in folders:
                below = None if current is None else _opened(path, part, _FOLDER, current)
                if current is not None:
                    os.close(current)
                current = below
            yield current, name
        finally:
            if current is not None:
                os.close(current)


def _opened(path: str, name: str, flags: int, folder: int) -> int | None:
    """A descriptor; None where nothing is.

    Raises:
        Unusable: a link, a name that no file can have, or something that the system does not open.
    """
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        return None
    except ValueError:
        raise Unusable(f"{shown_path(path)} is no name that a file can have.") from None
    except OSError as error:
        if error.errno in _A_LINK:
            raise Unusable(f"{shown_path(path)} is a link or behind something that is no folder.") from None
        raise Unusable(f"{shown_path(path)} cannot be read: {os.strerror(error.errno or 0)}.") from None
