"""Files of a slot for the tools that run in our process.

A worker may replace any folder by a link or any file by a pipe at any moment, so nothing is opened by path:
each step goes through the descriptor of the folder before it, without following links, and what comes out
must be a regular file.
"""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Generator
from pathlib import Path

from gastown_desktop.core.disk_errors import BROKEN, unwritten
from gastown_desktop.core.errors import ToolRefused

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SlotFiles:
    """Implements the SlotFiles port for one slot."""

    def __init__(self, folder: Path) -> None:
        """Works below `folder`."""
        self._folder = folder

    def read(self, path: str, limit: int) -> bytes:
        """Reads a regular file of at most `limit` bytes.

        Raises:
            ToolRefused: it leads out of the slot, is no regular file, is too large, or does not exist.
        """
        with self._parent(path, make=False) as (parent, name):
            handle = _opened(path, name, _READ, parent)
        try:
            size = _regular_size(path, handle)
            if size > limit:
                raise ToolRefused(f"{path} has {size} bytes; at most {limit} can be read.")
            with os.fdopen(os.dup(handle), "rb") as file:
                return file.read(limit)
        finally:
            os.close(handle)

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file; folders on the way are made, its mode stays.

        Raises:
            ToolRefused: it leads out of the slot or something else than a regular file is there.
        """
        with self._parent(path, make=True) as (parent, name):
            handle = _opened(path, name, _WRITE, parent)
        try:
            _regular_size(path, handle)
            with _refusing(path, "written"):
                os.ftruncate(handle, 0)
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _parent(self, path: str, *, make: bool) -> Generator[tuple[int, str], None, None]:
        """The descriptor of the folder that holds `path`, and the name in it."""
        parts = _parts(path)
        current = os.open(self._folder, _FOLDER)
        try:
            for part in parts[:-1]:
                if make:
                    with _refusing(path, "opened"), contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=current)
                below = _opened(path, part, _FOLDER, current)
                os.close(current)
                current = below
            yield current, parts[-1]
        finally:
            os.close(current)


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if not path or path.startswith("/") or "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise ToolRefused(f"{path!r} is not a path inside the repository.")
    if any(_is_git_folder(part) for part in parts):
        raise ToolRefused("The .git folder is not for tools; use the shell's git.")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ToolRefused(f"{path!r} cannot be the name of a file.") from None
    return parts


def _is_git_folder(name: str) -> bool:
    """Whether some file system takes it for `.git`: by case, characters left out, or its short name."""
    seen = "".join(one for one in name if unicodedata.category(one) != "Cf")
    return seen.casefold().rstrip(". ") in {".git", "git~1"}


@contextlib.contextmanager
def _refusing(path: str, what: str) -> Generator[None, None, None]:
    """Tells the model what the system refused; a broken disk is not its affair, nor one bead's.

    Raises:
        ToolRefused: the system refused.
        DiskBroken: the disk did; where it is full, the worker may make room.
    """
    try:
        yield
    except OSError as error:
        if error.errno in BROKEN:
            safe = "Finished turns and merged work are kept."
            raise unwritten(error, "A working folder", safe=safe) from error
        raise ToolRefused(f"{path} cannot be {what}: {os.strerror(error.errno or 0)}.") from error


def _opened(path: str, name: str, flags: int, folder: int) -> int:
    with _refusing(path, "opened"):
        try:
            return os.open(name, flags, 0o644, dir_fd=folder)
        except FileNotFoundError:
            raise ToolRefused(f"{path} does not exist.") from None


def _regular_size(path: str, handle: int) -> int:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise ToolRefused(f"{path} is not a regular file.")
    return status.st_size
