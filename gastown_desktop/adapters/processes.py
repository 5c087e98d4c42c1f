"""Starts every child of this program, in its own session, and leaves none behind.

A child's group ends with the child: what it left running in the background is killed when it exits.
The group is killed while its leader is still a zombie, so that the number cannot mean another process.

A child that *finishes* is never killed: who is cancelled waits for it, and so does who sweeps after a crash.
It writes into files instead of pipes, since a pipe whose reader died would end it halfway.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import Finished
from gastown_desktop.engine.to_its_end import to_its_end

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from gastown_desktop.engine.process_ports import ChildCommand

_CHUNK = 1 << 16
_END_OF_OUTPUT_WAIT_S = 1.0
_MOST_BYTES = 1 << 20
"""Of the record of children, before it is written anew."""
_DEATH_WAIT_S = 5.0
_POLL_S = 0.02


def start_time(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot (field 22 of `/proc/<pid>/stat`).

    Returns:
        None when there is no such process, it is a zombie, or the system has no `/proc`.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


class CappedOutput:
    """Keeps the head and the tail of a stream of bytes.

    Args:
        limit: bytes to keep; None keeps all.
    """

    def __init__(self, limit: int | None) -> None:
        self._head_limit = limit if limit is None else limit - limit // 2
        self._tail_limit = 0 if limit is None else limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._lost = 0

    def add(self, data: bytes) -> None:
        """Takes the next bytes."""
        if self._head_limit is None:
            self._head += data
            return
        room = self._head_limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        surplus = len(self._tail) - self._tail_limit
        if surplus > 0:
            del self._tail[:surplus]
            self._lost += surplus

    def content(self) -> bytes:
        """What was kept; a line says how much is missing between head and tail."""
        if not self._lost:
            return bytes(self._head + self._tail)
        mark = f"\n[… {self._lost} bytes left out …]\n".encode()
        return bytes(self._head) + mark + bytes(self._tail)


@dataclass(frozen=True, slots=True)
class _Known:
    """A child that is recorded as alive."""

    pid: int
    started: int
    owner: tuple[int, int]
    """Pid and start time of the process that started it."""
    finishes: bool

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return bool(self.started) and start_time(self.pid) == self.started

    @property
    def is_orphan(self) -> bool:
        """Whether its owner is dead."""
        return start_time(self.owner[0]) != self.owner[1]

    def line(self) -> str:
        """As it is written down."""
        sign = "=" if self.finishes else "+"
        return f"{self.owner[0]} {self.owner[1]} {sign} {self.pid} {self.started}\n"


class _Journal:
    """Lines `owner-pid owner-start + pid start`, shared by processes under a file lock.

    `=` instead of `+` is one that finishes, `-` one that ended.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._owner = (os.getpid(), start_time(os.getpid()) or 0)

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def note(self, sign: str, pid: int, started: int) -> None:
        """Appends one line."""
        line = f"{self._owner[0]} {self._owner[1]} {sign} {pid} {started}\n"
        with self._locked():
            os.write(self._file, line.encode())
            if os.fstat(self._file).st_size > _MOST_BYTES:
                self._rewrite([one for one in self._known() if one.lives])

    def orphans(self) -> list[_Known]:
        """Children whose owner is dead."""
        with self._locked():
            return [one for one in self._known() if one.is_orphan]

    def tidy(self) -> None:
        """Forgets children that ended."""
        with self._locked():
            self._rewrite([one for one in self._known() if one.lives or not one.is_orphan])

    def _rewrite(self, kept: Sequence[_Known]) -> None:
        """Over the old lines, which are longer: no room is needed, and a kill in between loses none."""
        content = "".join(one.line() for one in kept).encode()
        file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(file, content, 0)
            os.ftruncate(file, len(content))
        finally:
            os.close(file)

    def _known(self) -> list[_Known]:
        size = os.fstat(self._file).st_size
        found: dict[tuple[int, int], _Known] = {}
        for line in os.pread(self._file, size, 0).decode("ascii", "replace").splitlines():
            parts = line.split()
            if len(parts) != 5 or not all(part.isdecimal() for part in (*parts[:2], *parts[3:])):
                continue
            child = (int(parts[3]), int(parts[4]))
            if parts[2] in {"+", "="}:
                owner = (int(parts[0]), int(parts[1]))
                found[child] = _Known(*child, owner=owner, finishes=parts[2] == "=")
            else:
                found.pop(child, None)
        return list(found.values())

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


class _Pipe:
    """One end of a pipe, driven by the loop's readiness callbacks."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self._file = file
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def collect(self, output: CappedOutput) -> None:
        """Reads everything into `output` as it comes; `closed` is done at the end."""

        def ready() -> None:
            try:
                data = os.read(self._file, _CHUNK)
            except BlockingIOError:
                return
            if data:
                output.add(data)
            else:
                self.close()

        self._loop.add_reader(self._file, ready)

    def feed(self, data: bytes) -> None:
        """Writes `data` as the reader takes it, then closes."""
        view = memoryview(data)

        def ready() -> None:
            nonlocal view
            try:
                view = view[os.write(self._file, view[:_CHUNK]) :]
            except BlockingIOError:
                return
            except BrokenPipeError:
                view = view[:0]
            if not view:
                self.close()

        self._loop.add_writer(self._file, ready)

    async def read(self, limit: int) -> bytes:
        """Reads up to `limit` bytes; empty at the end."""
        while not self.closed.done():
            try:
                data = os.read(self._file, limit)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
                continue
            if not data:
                self.close()
            return data
        return b""

    async def write(self, data: bytes) -> None:
        """Writes all of `data`; a reader that is gone is no error."""
        view = memoryview(data)
        while view and not self.closed.done():
            try:
                view = view[os.write(self._file, view) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)
            except BrokenPipeError:
                return

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], object]) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()

        def wake(*_: object) -> None:
            if not waiter.done():
                waiter.set_result(None)

        add(self._file, wake)
        self.closed.add_done_callback(wake)
        try:
            await waiter
        finally:
            self.closed.remove_done_callback(wake)
            if not self.closed.done():
                remove(self._file)

    def close(self) -> None:
        """Closes this end; twice is no error."""
        if self.closed.done():
            return
        self._loop.remove_reader(self._file)
        self._loop.remove_writer(self._file)
        os.close(self._file)
        self.closed.set_result(None)


class RunningChild:
    """A child in its own session; made by `LocalLauncher`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        pipes: tuple[int | None, int | None, int | None],
        *,
        finishes: bool,
    ) -> None:
        self._process = process
        self._finishes = finishes
        self._stdin, self._stdout, self._stderr = (None if file is None else _Pipe(file) for file in pipes)
        self._loop = asyncio.get_running_loop()
        self.started = start_time(process.pid) or 0
        self.exited: asyncio.Future[tuple[int, float]] = self._loop.create_future()
        self._watch()

    @property
    def pid(self) -> int:
        """The process id (also the id of its group)."""
        return self._process.pid

    def collect(self, data: bytes, output: CappedOutput, error: CappedOutput) -> None:
        """Feeds standard input and gathers both outputs from now on."""
        if self._stdin is not None:
            self._stdin.feed(data)
        for pipe, sink in ((self._stdout, output), (self._stderr, error)):
            if pipe is not None:
                pipe.collect(sink)

    async def write(self, data: bytes) -> None:
        """Writes to its standard input; what a dead child does not read is dropped."""
        if self._stdin is not None:
            await self._stdin.write(data)

    async def read(self, limit: int) -> bytes:
        """Reads up to `limit` bytes of its output; empty at the end."""
        return b"" if self._stdout is None else await self._stdout.read(limit)

    async def finish(self) -> None:
        """Waits for the exit and the end of its output (1 s for those who escaped with the pipe)."""
        await asyncio.shield(self.exited)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_OF_OUTPUT_WAIT_S):
                for pipe in (self._stdout, self._stderr):
                    if pipe is not None:
                        await asyncio.shield(pipe.closed)

    async def kill(self) -> None:
        """Kills its whole group, unless it finishes, and waits for it; a dead child is no error."""
        if not self.exited.done():
            if not self._finishes:
                _kill_group(self.pid)
            await asyncio.shield(self.exited)
        self.close_pipes()

    def close_pipes(self) -> None:
        """Closes our ends."""
        for pipe in (self._stdin, self._stdout, self._stderr):
            if pipe is not None:
                pipe.close()

    def _watch(self) -> None:
        try:
            handle = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            threading.Thread(target=self._wait_in_thread, name=f"reaper-{self.pid}", daemon=True).start()
            return

        def ended() -> None:
            self._loop.remove_reader(handle)
            os.close(handle)
            self._reap()

        self._loop.add_reader(handle, ended)

    def _wait_in_thread(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._reap)

    def _reap(self) -> None:
        _kill_group(self.pid)
        _, status, usage = os.wait4(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        self.exited.set_result((code, usage.ru_utime + usage.ru_stime))


class LocalLauncher:
    """Starts children on this machine (the `Launcher` port), from the thread of the running loop.

    Args:
        journal: the file in which live children are recorded; processes may share it.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = _Journal(journal)
        self._children: set[RunningChild] = set()
        self.cpu_by_kind: defaultdict[str, float] = defaultdict(float)
        """CPU seconds of ended children and theirs, by `git` and `other`."""
        self.starts_by_kind: Counter[str] = Counter()
        """Children started, by `git` and `other`."""

    async def run(self, command: ChildCommand) -> Finished:
        """Runs a child to its end; cancellation and time-out kill its group, unless it finishes.

        Raises:
            Refused: the program cannot be started.
        """
        if not command.finishes:
            return await self._run(command)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as error:
            finished = await to_its_end(self._run(command, output, error))
            for file in (output, error):
                file.seek(0)
            return replace(finished, output=output.read(), error=error.read())

    async def _run(
        self, command: ChildCommand, out: IO[bytes] | None = None, err: IO[bytes] | None = None
    ) -> Finished:
        began = time.monotonic()
        child = self._spawn(
            command,
            stdin=subprocess.PIPE if command.input else subprocess.DEVNULL,
            stdout=out or subprocess.PIPE,
            stderr=err or subprocess.PIPE,
        )
        output, error = CappedOutput(command.output_limit), CappedOutput(command.output_limit)
        child.collect(command.input, output, error)
        timed_out = False
        try:
            async with asyncio.timeout(command.timeout_s):
                await child.finish()
        except TimeoutError:
            timed_out = True
        finally:
            await child.kill()
        code, cpu_s = child.exited.result()
        return Finished(
            exit_code=code,
            output=output.content(),
            error=error.content(),
            timed_out=timed_out,
            elapsed_s=time.monotonic() - began,
            cpu_s=cpu_s,
        )

    async def start(self, command: ChildCommand) -> RunningChild:
        """Starts a child and leaves it running; its standard error is dropped unless merged.

        Raises:
            Refused: the program cannot be started.
        """
        child = self._spawn(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if command.input:
            await child.write(command.input)
        return child

    async def sweep(self) -> int:
        """Kills recorded children of a dead process that still run, and waits for those that finish.

        Returns:
            How many were killed; all of them are gone, or what cannot die yet is still recorded.
        """
        left = [one for one in self._journal.orphans() if one.lives]
        killed = [one for one in left if not one.finishes]
        for one in killed:
            _kill_group(one.pid)
        patience = time.monotonic() + _DEATH_WAIT_S
        for one in left:
            while one.lives and (one.finishes or time.monotonic() < patience):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
        self._journal.tidy()
        return len(killed)

    async def close(self) -> None:
        """Kills every child that still runs, but for those that finish, and closes the journal."""
        for child in tuple(self._children):
            await child.kill()
        await asyncio.sleep(0)  # their last lines are written by callbacks
        self._journal.close()

    def _spawn(
        self,
        command: ChildCommand,
        *,
        stdin: int,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> RunningChild:
        try:
            process = subprocess.Popen(
                command.argv,
                env=dict(command.environment),
                cwd=command.folder,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.STDOUT if command.merge_error else stderr,
                start_new_session=True,
                pass_fds=command.files,
                bufsize=0,
            )
        except OSError as failure:
            program = os.fsdecode(command.argv[0])
            raise Refused(f"{program} cannot be started: {failure.strerror}.") from failure
        pipes = tuple(
            None if stream is None else os.dup(stream.fileno())
            for stream in (process.stdin, process.stdout, process.stderr)
        )
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.stdin = process.stdout = process.stderr = None
        child = RunningChild(process, (pipes[0], pipes[1], pipes[2]), finishes=command.finishes)
        try:
            self._journal.note("=" if command.finishes else "+", child.pid, child.started)
        except OSError:
            # nobody would find it after a crash; a child that was just started has done nothing yet
            _kill_group(child.pid)
            child.close_pipes()
            raise
        kind = _kind(command)
        self.starts_by_kind[kind] += 1
        self._children.add(child)
        child.exited.add_done_callback(lambda ended: self._ended(child, kind, ended.result()[1]))
        return child

    def _ended(self, child: RunningChild, kind: str, cpu_s: float) -> None:
        self._children.discard(child)
        self.cpu_by_kind[kind] += cpu_s
        self._journal.note("-", child.pid, child.started)


def _kind(command: ChildCommand) -> str:
    return "git" if os.fsdecode(command.argv[0]).rpartition("/")[2] == "git" else "other"


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
