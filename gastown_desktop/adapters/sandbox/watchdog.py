"""Limits on a sandbox, and who kills what is over them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gastown_desktop.adapters.sandbox.disk_use import DiskUse
from gastown_desktop.adapters.sandbox.process_tree import (
    bytes_in_memory_files,
    children_of,
    kill,
    resident_bytes,
    seen_inside,
    tree,
)
from gastown_desktop.core.disk import MOST_IN_A_SLOT, show_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the processes of one sandbox may use together before they are killed."""

    processes: int = 512
    memory: int = 4 << 30
    """Bytes of resident memory; pages shared by several processes count for each, files that lie in the
    memory of a sandbox as well."""
    disk: int = MOST_IN_A_SLOT
    """Bytes that they may write in their folder and below TMPDIR, where that is on the disk."""
    interval_s: float = 0.5
    """Seconds between looks."""


class Watchdog:
    """Looks at a tree every half second, oftener at first and at a big one; kills what is over a limit.

    Tried as root on two cores: bombs that start a process at a time end within 0.7 s; one that doubles
    may hold thousands before it is seen, and the kernel needs seconds to bury those. Users other than
    root have a hard limit below this (`Bubblewrap`). What is written on the disk is looked at in a thread,
    and seldom (`DiskUse`).
    """

    def __init__(
        self, root: Callable[[], int | None], limits: Limits, disk: DiskUse, *, confined: bool
    ) -> None:
        self._disk = disk
        self._walking: asyncio.Future[bool] | None = None
        self._stopped = False
        self._root = root
        self._limits = limits
        self._confined = confined
        self._loop = asyncio.get_running_loop()
        self.reason = ""
        """Why it killed, a sentence; empty when it did not."""
        self._timer = self._loop.call_later(limits.interval_s / 5, self._look)

    def stop(self) -> None:
        """Looks no more."""
        self._stopped = True
        self._timer.cancel()

    def _look(self) -> None:
        root = self._root()
        size = 0 if root is None else self._judge(root)
        if not self.reason:
            hurry = 5 if size > self._limits.processes // 8 or self._disk.fills else 1
            self._timer = self._loop.call_later(self._limits.interval_s / hurry, self._look)

    def _judge(self, root: int) -> int:
        limits = self._limits
        if self._confined:
            members, processes = seen_inside(root)
        else:
            members, processes = tree(root, limits.processes), Path("/proc")
        if len(members) > limits.processes:
            self._end(root, f"more than {limits.processes} processes")
        elif self._used(members, processes) > limits.memory:
            self._end(root, f"more than {limits.memory >> 20} MB of memory")
        elif self._walking is None and self._disk.is_due(self._loop.time()):
            self._walk([processes / str(member) for member in members])
        return len(members)

    def _walk(self, members: list[Path]) -> None:
        """Looks in a thread how much was written."""
        began = self._loop.time()
        self._walking = self._loop.run_in_executor(None, self._disk.is_over, members)
        self._walking.add_done_callback(lambda found: self._walked(found, began))

    def _walked(self, found: asyncio.Future[bool], began: float) -> None:
        self._walking = None
        self._disk.looked(began, self._loop.time())
        root = None if self._stopped or self.reason else self._root()
        if root is not None and not found.cancelled() and found.exception() is None and found.result():
            self._timer.cancel()
            self._end(root, f"more than {show_bytes(self._limits.disk)} of the disk")
            self.reason += " Delete what it left before you go on."

    def _used(self, members: list[int], processes: Path) -> int:
        used = sum(resident_bytes(member, processes) for member in members)
        return used + (bytes_in_memory_files(processes) if self._confined else 0)

    def _end(self, root: int, what: str) -> None:
        self.reason = f"Stopped: the command used {what}."
        doomed = children_of(root) if self._confined else tree(root, self._limits.processes)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(root, signal.SIGKILL)
        for member in doomed:
            kill(member)

    def explained(self, output: bytes) -> bytes:
        """The output with the reason below it."""
        return output + f"\n[{self.reason}]\n".encode() if self.reason else output
