"""Keeps a rig's own repository quick to read while work fills it: packs its objects and refs.

Nothing that a ref reaches is ever dropped, and what none reaches stays for two weeks, so it may run beside
whoever reads or writes there, as git's own maintenance does.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from gastown_desktop.core.errors import GitError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand

LOOSE_OBJECTS = 2_000
"""Above so many, about, they are packed; git's own limit is 6,700."""
LOOSE_REFS = 500
PACKS = 20
"""Above so many they become one."""
_UNREACHED = "2.weeks.ago"
_SAMPLED = "17"
"""One of the 256 folders of loose objects: ids are spread evenly."""
_log = logging.getLogger(__name__)


class Janitor:
    """Of one repository of ours.

    Args:
        git: runs git.
        town: the repository.
    """

    def __init__(self, git: GitCommand, town: Path) -> None:
        self._git = git
        self._town = town

    async def tidy(self) -> bool:
        """Packs where there is enough to pack; tells whether there was.

        What git cannot do just now is left for the next time, and logged.
        """
        try:
            return await self._pack()
        except (GitError, StoreError, OSError):
            _log.warning("town.git could not be tidied", exc_info=True)
            return False

    async def _pack(self) -> bool:
        loose = len(_entries(self._town / "objects" / _SAMPLED)) * 256
        packs = sum(path.suffix == ".pack" for path in _entries(self._town / "objects" / "pack"))
        if loose > LOOSE_OBJECTS:
            await self._repack("-d")
        if packs > PACKS:
            await self._repack("-A", "-d", f"--unpack-unreachable={_UNREACHED}")
            await self._git.run("prune", f"--expire={_UNREACHED}", git_dir=self._town)
        refs = _files(self._town / "refs")
        if refs > LOOSE_REFS:
            await self._git.run("pack-refs", "--all", git_dir=self._town)
        return loose > LOOSE_OBJECTS or packs > PACKS or refs > LOOSE_REFS

    async def _repack(self, *how: str) -> None:
        pinned = {"pack.threads": "1", "repack.writeBitmaps": "false"}
        await self._git.run("repack", "-l", "-q", *how, git_dir=self._town, pinned=pinned)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))
