"""A shell that stays, with its directory and variables; what runs in it is found and killed."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gastown_desktop.adapters.sandbox.disk_use import DiskUse
from gastown_desktop.adapters.sandbox.door import Door, not_opened
from gastown_desktop.adapters.sandbox.entry import Entry, encoded, folder_in
from gastown_desktop.adapters.sandbox.output import Ends, reported_cpu
from gastown_desktop.adapters.sandbox.process_tree import (
    cpu_seconds,
    hold_still,
    is_child_of,
    kill_marked,
    let_go,
    new_mark,
)
from gastown_desktop.adapters.sandbox.watchdog import Limits, Watchdog
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import Child, ChildCommand, CommandResult, Launcher

_CHUNK = 1 << 16
_FAST_BYTES = 1 << 20
_SLOW_READ_S = 0.002
_SHELL_OUTPUT = 30_000
_SHELL = (
    "exec 2>/dev/null 7>&1; "
    "if command -v bash >/dev/null; then bash --noprofile --norc; else sh; fi; "
    'printf "%s%s %d\\n" "$1" "$2" "$?"'
)


@dataclass(frozen=True, slots=True)
class _Ending:
    """Where an output ends, and how."""

    start: int
    end: int
    status: int


def _ending(data: bytearray, begin: bytes) -> _Ending | None:
    """The first line, or rest of one, of `begin`, a blank and an exit status; None where none is whole."""
    start = data.find(begin + b" ")
    while start >= 0:
        number = start + len(begin) + 1
        end = data.find(b"\n", number)
        if end < 0:
            return None
        if data[number:end].isdigit():
            return _Ending(start, end + 1, int(data[number:end]))
        start = data.find(begin + b" ", start + 1)
    return None


@dataclass(slots=True)
class _Session:
    """One life of a shell: a sandbox with a bash that reads control lines from its standard input."""

    child: Child
    mark: str
    files: Path
    files_inside: str
    farewell: bytes
    """What the `sh` around it prints, before the exit status, when the bash has ended."""
    watchdog: Watchdog
    door: Door | None
    """Its way to the allowed hosts."""
    unread: bytearray = field(default_factory=bytearray)

    async def order(self, command: str) -> bytes:
        """Gives it a command; returns what begins the line after its output, as the farewell does."""
        nonce = secrets.token_hex(16)
        (self.files / "command").write_bytes(encoded(command))
        where = self.files_inside.replace("'", "'\\''")
        line = (
            f"eval \"$(cat '{where}/command')\" </dev/null >&7 2>&1 7>&-; "
            f"printf '%s %d\\n' {nonce} \"$?\" >&7; set +e\n"
        )
        await self.child.write(os.fsencode(line))
        return nonce.encode()

    async def collect(self, end: bytes, output: Ends) -> tuple[int, bool]:
        """Reads until the end; returns the exit status and whether the shell still lives."""
        longest = len(self.farewell) + 16
        while True:
            found = _ending(self.unread, end) or _ending(self.unread, self.farewell)
            if found is not None:
                output.add(self.unread[: found.start])
                says_farewell = self.unread.startswith(self.farewell, found.start)
                del self.unread[: found.end]
                return found.status, not says_farewell
            surplus = len(self.unread) - longest
            if surplus > 0:
                output.add(self.unread[:surplus])
                del self.unread[:surplus]
            data = await self.child.read(_CHUNK)
            if not data:
                output.add(self.unread)
                return -signal.SIGKILL, False
            self.unread += data
            # a full pipe never suspends `read`: give way, and hold back a flood
            await asyncio.sleep(_SLOW_READ_S if output.total > _FAST_BYTES else 0)

    async def end(self) -> None:
        """Kills everything in it and removes its files."""
        self.watchdog.stop()
        try:
            await self.child.kill()
            await kill_marked(self.mark)
            if self.door is not None:
                await self.door.close()
        finally:
            shutil.rmtree(self.files, ignore_errors=True)


class PersistentShell:
    """A bash (sh where there is none) in a sandbox (the `Shell` port).

    Args:
        enter: says how to start something in a new sandbox, given its mark, its files' folder, and its door.
        launcher: starts children.
        scratch: a folder for command files.
        limits: when to kill.
        disk: tells where it writes, for each of its lives.
        confined: the sandbox hides its processes from others.
        door: makes the way to the allowed hosts, where there are any.
    """

    def __init__(
        self,
        enter: Callable[[str, Path, Door | None], Entry],
        launcher: Launcher,
        scratch: Path,
        limits: Limits,
        disk: Callable[[], DiskUse],
        *,
        confined: bool,
        door: Callable[[], Door | None] = lambda: None,
    ) -> None:
        self._enter = enter
        self._door = door
        self._launcher = launcher
        self._scratch = scratch
        self._limits = limits
        self._disk = disk
        self._confined = confined
        self._session: _Session | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def run(self, command: str, *, timeout_s: float) -> CommandResult:
        """Runs one command; directory and variables persist. A time-out kills and restarts the shell.

        Raises:
            Refused: the shell was closed, or the sandbox cannot be made.
        """
        async with self._turn:
            if self._closed:
                raise Refused("This shell is closed.")
            began = time.monotonic()
            session = self._session = self._session or await self._open()
            limit = self._limits.processes
            cpu_before = cpu_seconds(session.child.pid, limit)
            cpu_s = 0.0
            output = Ends(_SHELL_OUTPUT)
            status, alive, timed_out = -signal.SIGKILL, False, False
            try:
                async with asyncio.timeout(timeout_s):
                    status, alive = await session.collect(await session.order(command), output)
                    if session.watchdog.reason:  # it may be dying while its last words are read
                        alive = False
            except TimeoutError:
                timed_out = True
                output.add(session.unread)
            finally:
                cpu_s = max(0.0, cpu_seconds(session.child.pid, limit) - cpu_before)
                if not alive:
                    self._session = None
                    await session.end()
            if output.content().startswith(b"bwrap: ") and status < 0 and not timed_out:
                reported_cpu(output.content())
            return CommandResult(
                exit_code=status,
                output=session.watchdog.explained(output.content()),
                timed_out=timed_out,
                elapsed_s=time.monotonic() - began,
                cpu_s=cpu_s,
            )

    @asynccontextmanager
    async def still(self) -> AsyncGenerator[None]:
        """Nothing in it runs meanwhile; what does not stop is killed, and the shell starts anew."""
        async with self._turn:
            session, most = self._session, self._limits.processes
            if session is None:
                yield
                return
            root = session.child.pid
            lives = is_child_of(root, os.getpid())
            if not (lives and await hold_still(root, most, confined=self._confined)):
                self._session = None
                await session.end()
                yield
                return
            try:
                yield
            finally:
                let_go(root, most)

    async def close(self) -> None:
        """Kills everything in it; twice is no error."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.end()

    async def _open(self) -> _Session:
        files = folder_in(self._scratch, "shell-")
        mark = new_mark()
        farewell = (secrets.token_hex(8), secrets.token_hex(8))
        door = self._door()
        try:
            entry = self._enter(mark, files, door)
            child = await self._launcher.start(
                ChildCommand(
                    # in two halves, so that a `ps` does not print what ends the output
                    argv=(*entry.prefix, "sh", "-c", entry.prologue + _SHELL, "sh", *farewell),
                    environment=entry.environment,
                    folder=entry.folder,
                    merge_error=True,
                    files=() if door is None else (door.file,),
                )
            )
        except Refused:
            if door is not None:
                await door.close()
            raise
        watchdog = Watchdog(lambda: child.pid, self._limits, self._disk(), confined=self._confined)
        session = _Session(child, mark, files, entry.files, "".join(farewell).encode(), watchdog, door)
        return session if door is None else await _behind(door, session)


async def _behind(door: Door, session: _Session) -> _Session:
    """The session, once its door is open."""
    door.started()
    try:
        if await door.open():
            return session
    except BaseException:
        await session.end()
        raise
    await session.end()
    raise not_opened()
