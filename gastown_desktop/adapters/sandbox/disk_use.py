"""What the commands of one sandbox write on the disk: looked at when the disk gets fuller, else now and then.

A look walks through folders that may hold a hundred thousand files, so it is taken in a thread and only when
it may matter: when the file system lost an eighth of the limit since the last one, whoever wrote it; and
every half minute or more, since somebody else may free as much as is written here. It takes at most a fifth
of a processor while the disk fills, and one part in a hundred else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from gastown_desktop.core.disk import MOST_IN_A_SLOT

_PARTS = 8
_REST_WHILE_FILLING, _REST = 4, 100
"""How many times as long as a look took nobody looks again."""
_SELDOM_S = 30.0
_LEAST_FILE = 4096
"""Bytes that a file counts for at least: an empty one takes an inode, and a disk runs out of those too."""


@dataclass(slots=True)
class DiskUse:
    """The folders in which one sandbox may write.

    Args:
        folders: where; links in them are not followed.
        since: seconds since 1970 before which what is there was not written by a command.
        limit: bytes.
        began: when the sandbox was made, in seconds of a clock that is not set.
    """

    folders: tuple[Path, ...]
    since: float
    limit: int = MOST_IN_A_SLOT
    began: float = 0.0
    fills: bool = field(init=False, default=False)
    """The file system got fuller so fast that the next look should come soon."""
    _room: int | None = field(init=False, default=None)
    """Bytes that were free at the last look."""
    _ended: float = field(init=False, default=0.0)
    _took: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._room, self._ended = self._free(), self.began

    def is_due(self, now: float) -> bool:
        """Whether to look; costs a `statvfs` for each folder."""
        room, rested = self._free(), now - self._ended
        if room is None or self._room is None:
            return False
        self.fills = self._room - room >= self.limit // _PARTS
        if self.fills:
            return rested >= _REST_WHILE_FILLING * self._took
        return rested >= max(_SELDOM_S, _REST * self._took)

    def looked(self, began: float, ended: float) -> None:
        """Takes down that a look was taken."""
        self._room, self._ended, self._took = self._free(), ended, ended - began

    def is_over(self, processes: Iterable[Path]) -> bool:
        """Whether more than the limit was written, deleted files that are still open included.

        Args:
            processes: folders of `/proc` of the sandbox's processes.
        """
        seen: set[tuple[int, int]] = set()
        used = 0
        for info in chain(_open_but_gone(processes, set(self._rooms())), _files_below(self.folders)):
            if info.st_ctime >= self.since and (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                used += max(info.st_blocks * 512, _LEAST_FILE)
                if used > self.limit:
                    return True
        return False

    def _free(self) -> int | None:
        """Bytes that are free, an inode counted as the least file; None when that is not known."""
        return sum(self._rooms().values()) or None

    def _rooms(self) -> dict[int, int]:
        """The same by file system."""
        rooms: dict[int, int] = {}
        for folder in self.folders:
            with suppress(OSError):
                told = os.statvfs(folder)
                room = told.f_bavail * told.f_frsize + told.f_favail * _LEAST_FILE
                rooms[folder.stat().st_dev] = room
        return rooms


def _files_below(folders: Iterable[Path]) -> Iterable[os.stat_result]:
    waiting = [os.fspath(folder) for folder in folders]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    info = entry.stat(follow_symlinks=False)
                    yield info
                    if stat.S_ISDIR(info.st_mode):
                        waiting.append(entry.path)


def _open_but_gone(processes: Iterable[Path], devices: set[int]) -> list[os.stat_result]:
    found: list[os.stat_result] = []
    for process in processes:
        with suppress(OSError):
            for file in (process / "fd").iterdir():
                with suppress(OSError):
                    info = file.stat()
                    if stat.S_ISREG(info.st_mode) and info.st_nlink == 0 and info.st_dev in devices:
                        found.append(info)
    return found
