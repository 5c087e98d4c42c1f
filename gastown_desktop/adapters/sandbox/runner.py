"""What both kinds of sandbox share: one command to its end, or a shell that stays.

Both start a small `sh` that takes the command from a pipe or a file, never from its arguments: a command may
be longer than the system's argument limit.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from gastown_desktop.adapters.sandbox.disk_use import DiskUse
from gastown_desktop.adapters.sandbox.door import Door, not_opened, run_behind
from gastown_desktop.adapters.sandbox.entry import Entry, encoded
from gastown_desktop.adapters.sandbox.output import reported_cpu
from gastown_desktop.adapters.sandbox.process_tree import carries, children_of, kill_marked, new_mark
from gastown_desktop.adapters.sandbox.shell import PersistentShell
from gastown_desktop.adapters.sandbox.watchdog import Limits, Watchdog
from gastown_desktop.engine.process_ports import (
    ChildCommand,
    CommandResult,
    Confinement,
    Launcher,
    Network,
    Shell,
)

_ONE_COMMAND = (
    'GASTOWN_COMMAND=$(cat); exec 7>&2 2>&1 </dev/null; (eval "$GASTOWN_COMMAND") 7>&-; '
    "set -- $?; times >&7; exit $1"
)


class Runner(ABC):
    """Starts commands and shells; a kind of sandbox says how to get in."""

    confined: bool
    network: Network | None = None
    """The hosts that are reached from inside; None where there is no network, or no confinement."""

    def __init__(
        self,
        launcher: Launcher,
        scratch: Path,
        limits: Limits | None,
        environment: Mapping[str, str] | None,
    ) -> None:
        self._launcher = launcher
        self._scratch = scratch
        self.limits = limits or Limits()
        self._caller: Mapping[str, str] = os.environ if environment is None else environment

    @abstractmethod
    def enter(
        self, confinement: Confinement, mark: str, files: Path | None, door: Door | None = None
    ) -> Entry:
        """Says how to start something in a new sandbox."""

    def written(self, confinement: Confinement) -> tuple[Path, ...]:
        """Folders of the disk in which a sandbox may write."""
        return (confinement.slot,)

    def _disk(self, confinement: Confinement) -> DiskUse:
        return DiskUse(
            self.written(confinement),
            since=confinement.since,
            limit=self.limits.disk,
            began=asyncio.get_running_loop().time(),
        )

    def _base_environment(self) -> dict[str, str]:
        return {
            "LANG": self._caller.get("LANG") or "C.UTF-8",
            "TERM": "dumb",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }

    async def run(
        self, command: str, confinement: Confinement, *, timeout_s: float, output_limit: int = 30_000
    ) -> CommandResult:
        """Runs one `sh` command to its end; what it leaves running is killed.

        Raises:
            Refused: the sandbox cannot be made.
        """
        door = self._door(confinement)
        if door is None:
            return await self._run(command, confinement, timeout_s, output_limit, None)
        try:
            return await self._run(command, confinement, timeout_s, output_limit, door)
        finally:
            await door.close()

    async def _run(
        self, command: str, confinement: Confinement, timeout_s: float, output_limit: int, door: Door | None
    ) -> CommandResult:
        mark = new_mark()
        entry = self.enter(confinement, mark, None, door)
        known: list[int] = []

        def root() -> int | None:
            known[:] = known or [pid for pid in children_of(os.getpid()) if carries(pid, mark)]
            return known[0] if known else None

        watchdog = Watchdog(root, self.limits, self._disk(confinement), confined=self.confined)
        child = ChildCommand(
            argv=(*entry.prefix, "sh", "-c", entry.prologue + _ONE_COMMAND),
            environment=entry.environment,
            folder=entry.folder,
            input=encoded(command),
            timeout_s=timeout_s,
            output_limit=output_limit,
            files=() if door is None else (door.file,),
        )
        whole = False
        try:
            if door is None:
                finished = await self._launcher.run(child)
            else:
                finished = await run_behind(door, self._launcher, child)
            whole = self.confined and not finished.timed_out and not watchdog.reason
        finally:
            watchdog.stop()
            if not whole:
                await kill_marked(mark)
        cpu_s = max(finished.cpu_s, reported_cpu(finished.error))
        if door is not None and whole and not door.opened:
            raise not_opened()
        return CommandResult(
            exit_code=finished.exit_code,
            output=watchdog.explained(finished.output),
            timed_out=finished.timed_out,
            elapsed_s=finished.elapsed_s,
            cpu_s=cpu_s,
        )

    async def shell(self, confinement: Confinement) -> Shell:
        """Opens a persistent bash (sh where there is none); it starts with its first command."""
        return PersistentShell(
            lambda mark, files, door: self.enter(confinement, mark, files, door),
            self._launcher,
            self._scratch,
            self.limits,
            lambda: self._disk(confinement),
            confined=self.confined,
            door=lambda: self._door(confinement),
        )

    def _door(self, confinement: Confinement) -> Door | None:
        return None if self.network is None else Door(self.network, confinement.slot.name)
