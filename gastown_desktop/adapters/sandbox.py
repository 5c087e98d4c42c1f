"""Runs commands of repositories and workers: in bubblewrap, or with the user's rights where there is none.

Both kinds start a small `sh` that takes the command from a pipe or a file, never from its arguments: a
command may be longer than the system's argument limit. Everything below a sandbox carries a random mark
in its environment, so that what left the process group is found and killed too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.ports import (
    Child,
    ChildCommand,
    CommandResult,
    Confinement,
    Launcher,
    Shell,
)

_MARK = "GASTOWN_SANDBOX"
_HOME = "/home/worker"
_FILES_INSIDE = "/run/gastown"
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
_CHUNK = 1 << 16
_FAST_BYTES = 1 << 20
_SLOW_READ_S = 0.002
_SHELL_OUTPUT = 30_000
_PROBE_S = 10.0
_TMPFS_BYTES = 4 << 30
_DEATH_S = 2.0

_ROOTS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = """
ld.so.cache ld.so.conf ld.so.conf.d alternatives ssl/certs ssl/openssl.cnf ca-certificates pki/ca-trust
pki/tls/certs crypto-policies passwd group nsswitch.conf hosts host.conf resolv.conf protocols services
localtime timezone os-release debian_version mime.types magic locale.alias locale.conf fonts terminfo
bash.bashrc inputrc perl python3 java java-*-openjdk manpath.config
"""
"""Patterns of what is seen of /etc: no keys, no configuration of package tools, which may hold tokens."""
_PRIVATE = ("/home", "/root", "/tmp", "/run", "/var/run", "/var/tmp")  # noqa: S108 (mounted by us)

_TOOLCHAINS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("PYENV_ROOT", ".pyenv", ("",)),
    ("UV_PYTHON_INSTALL_DIR", ".local/share/uv/python", ("",)),
    ("UV_TOOL_DIR", ".local/share/uv/tools", ("",)),
    ("NVM_DIR", ".nvm", ("",)),
    ("VOLTA_HOME", ".volta", ("",)),
    ("MISE_DATA_DIR", ".local/share/mise", ("installs", "shims", "plugins")),
    ("ASDF_DATA_DIR", ".asdf", ("",)),
    ("RUSTUP_HOME", ".rustup", ("",)),
    ("CARGO_HOME", ".cargo", ("bin", "registry", "git")),
    ("GOMODCACHE", "go/pkg/mod", ("",)),
    ("SDKMAN_DIR", ".sdkman", ("candidates", "bin", "libexec", "src")),
)
"""Variable, place below HOME, parts that are bound: never a folder in which credentials are kept."""

_GIT_CONFIG = "[user]\n\tname = Worker\n\temail = worker@gastown.invalid\n"
_PROLOGUE = f"printf '{_GIT_CONFIG}' >\"$HOME/.gitconfig\"; ".replace("\n", "\\n")
_ONE_COMMAND = (
    'GASTOWN_COMMAND=$(cat); exec 7>&2 2>&1 </dev/null; (eval "$GASTOWN_COMMAND") 7>&-; '
    "set -- $?; times >&7; exit $1"
)
_SHELL = (
    "exec 2>/dev/null 7>&1; "
    "if command -v bash >/dev/null; then bash --noprofile --norc; else sh; fi; "
    'printf "%s%s %d\\n" "$1" "$2" "$?"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the processes of one sandbox may use together before they are killed."""

    processes: int = 512
    memory: int = 4 << 30
    """Bytes of resident memory; pages shared by several processes count for each."""
    interval_s: float = 0.5
    """Seconds between looks."""


@dataclass(frozen=True, slots=True)
class Toolchains:
    """Interpreters and compilers found below the user's HOME."""

    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    """Variables that tell the tools where they are, as HOME is another one inside."""


def find_toolchains(home: Path, environment: Mapping[str, str]) -> Toolchains:
    """Looks for toolchains where their variables or their customs say.

    Args:
        home: the user's real HOME.
        environment: the variables of the caller.
    """
    folders: list[Path] = []
    variables: dict[str, str] = {}
    for variable, custom, parts in _TOOLCHAINS:
        given = Path(environment.get(variable, ""))
        root = given if given.is_absolute() and not home.is_relative_to(given) else home / custom
        found = [root / part for part in parts if _readable(root / part)]
        if found:
            folders += found
            variables[variable] = str(root)
    return Toolchains(tuple(folders), variables)


def _readable(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except PermissionError:
        return False


# --- process trees --------------------------------------------------------------------------------

_CHILDREN_FILE = Path("/proc/thread-self/children").exists()
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def _children(pid: int) -> list[int]:
    try:
        if not _CHILDREN_FILE:
            return [child.pid for child in psutil.Process(pid).children()]
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_bytes().split()]
    except (OSError, psutil.Error):
        return []


def _tree(pid: int, limit: int) -> list[int]:
    """A process and those below it; stops soon after `limit`, a fork bomb is longer than the time we have."""
    found = [pid]
    for parent in found:
        if len(found) > limit:
            break
        found += _children(parent)
    return found


def _resident(pid: int, processes: Path) -> int:
    try:
        if _CHILDREN_FILE:
            return int((processes / str(pid) / "statm").read_bytes().split()[1]) * _PAGE
        return psutil.Process(pid).memory_info().rss
    except (OSError, IndexError, psutil.Error):
        return 0


def _inside(root: int) -> tuple[list[int], Path]:
    """The processes of a bubblewrap, by their numbers inside, and the `/proc` that shows them.

    Unlike a walk of the tree this waits for no kernel lock, and a fork bomb holds those.
    """
    for init in _children(root):
        processes = Path(f"/proc/{init}/root/proc")
        with contextlib.suppress(OSError):
            return [int(entry.name) for entry in processes.iterdir() if entry.name.isdecimal()], processes
    return [], Path("/proc")


def _cpu_seconds(pid: int, limit: int) -> float:
    total = 0.0
    for member in _tree(pid, limit):
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(member).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _carries(pid: int, mark: str) -> bool:
    try:
        process = psutil.Process(pid)
        return process.environ().get(_MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


def _kill(pid: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


async def _kill_marked(mark: str) -> None:
    """Kills what carries the mark until nothing does; stops it first, so that it cannot outrun us."""
    deadline = time.monotonic() + _DEATH_S
    while marked := [pid for pid in psutil.pids() if _carries(pid, mark)]:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in marked:
                _kill(pid, number)
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.005)


class _Watchdog:
    """Looks at a tree every half second, oftener at first and at a big one; kills what is over a limit.

    Tried as root on two cores: bombs that start a process at a time end within 0.7 s; one that doubles
    may hold thousands before it is seen, and the kernel needs seconds to bury those. Users other than
    root have a hard limit below this (`Bubblewrap`).
    """

    def __init__(self, root: Callable[[], int | None], limits: Limits, *, confined: bool) -> None:
        self._root = root
        self._limits = limits
        self._confined = confined
        self._loop = asyncio.get_running_loop()
        self.reason = ""
        """Why it killed, a sentence; empty when it did not."""
        self._timer = self._loop.call_later(limits.interval_s / 5, self._look)

    def stop(self) -> None:
        """Looks no more."""
        self._timer.cancel()

    def _look(self) -> None:
        root = self._root()
        size = 0 if root is None else self._judge(root)
        if not self.reason:
            hurry = 5 if size > self._limits.processes // 8 else 1
            self._timer = self._loop.call_later(self._limits.interval_s / hurry, self._look)

    def _judge(self, root: int) -> int:
        limits = self._limits
        if self._confined:
            members, processes = _inside(root)
        else:
            members, processes = _tree(root, limits.processes), Path("/proc")
        if len(members) > limits.processes:
            self._end(root, f"more than {limits.processes} processes")
        elif sum(_resident(member, processes) for member in members) > limits.memory:
            self._end(root, f"more than {limits.memory >> 20} MB of memory")
        return len(members)

    def _end(self, root: int, what: str) -> None:
        self.reason = f"Stopped: the command used {what}."
        doomed = _children(root) if self._confined else _tree(root, self._limits.processes)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(root, signal.SIGKILL)
        for member in doomed:
            _kill(member)

    def explained(self, output: bytes) -> bytes:
        """The output with the reason below it."""
        return output + f"\n[{self.reason}]\n".encode() if self.reason else output


# --- what both kinds share ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """How to get into a sandbox: what to write before `sh`, with which variables, and where."""

    prefix: tuple[str, ...]
    environment: Mapping[str, str]
    prologue: str = ""
    folder: Path | None = None
    files: str = ""
    """Where a shell finds the folder of its command file."""


class _Runner(ABC):
    confined: bool

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
    def enter(self, confinement: Confinement, mark: str, files: Path | None) -> _Entry:
        """Says how to start something in a new sandbox."""

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
        mark = secrets.token_hex(16)
        entry = self.enter(confinement, mark, None)
        known: list[int] = []

        def root() -> int | None:
            known[:] = known or [pid for pid in _children(os.getpid()) if _carries(pid, mark)]
            return known[0] if known else None

        watchdog = _Watchdog(root, self.limits, confined=self.confined)
        child = ChildCommand(
            argv=(*entry.prefix, "sh", "-c", entry.prologue + _ONE_COMMAND),
            environment=entry.environment,
            folder=entry.folder,
            input=_encoded(command),
            timeout_s=timeout_s,
            output_limit=output_limit,
        )
        whole = False
        try:
            finished = await self._launcher.run(child)
            whole = self.confined and not finished.timed_out and not watchdog.reason
        finally:
            watchdog.stop()
            if not whole:
                await _kill_marked(mark)
        return CommandResult(
            exit_code=finished.exit_code,
            output=watchdog.explained(finished.output),
            timed_out=finished.timed_out,
            elapsed_s=finished.elapsed_s,
            cpu_s=max(finished.cpu_s, _reported_cpu(finished.error)),
        )

    async def shell(self, confinement: Confinement) -> Shell:
        """Opens a persistent bash (sh where there is none); it starts with its first command."""
        return _PersistentShell(self, self._launcher, confinement, self._scratch)


_TIMES = re.compile(rb"(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$")


def _reported_cpu(error: bytes) -> float:
    """User + system seconds as the `sh` around a command told them: bubblewrap does not wait for its child.

    Raises:
        Refused: bubblewrap spoke instead.
    """
    told = _TIMES.search(error)
    if told is None and error.startswith(b"bwrap: "):
        reason = error.decode("utf-8", "replace").splitlines()[0]
        raise Refused(f"The sandbox cannot be made: {reason}", safe="The command was not run.")
    if told is None:
        return 0.0
    minutes_user, user, minutes_system, system = map(float, told.groups())
    return 60 * (minutes_user + minutes_system) + user + system


def _encoded(command: str) -> bytes:
    try:
        return command.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return command.encode("utf-8", "replace")


def _folder_in(scratch: Path, prefix: str) -> Path:
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch))


class _Ends:
    """Keeps the first and the last bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes | bytearray) -> None:
        """Takes the next bytes."""
        self.total += len(data)
        room = max(0, self._half - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[: max(0, len(self._tail) - self._half)]

    def content(self) -> bytes:
        """What was kept, with a line in the place of what was not."""
        lost = self.total - len(self._head) - len(self._tail)
        mark = f"\n[… {lost} bytes left out …]\n".encode() if lost else b""
        return bytes(self._head) + mark + bytes(self._tail)


# --- the persistent shell -------------------------------------------------------------------------


@dataclass(slots=True)
class _Session:
    """One life of a shell: a sandbox with a bash that reads control lines from its standard input."""

    child: Child
    mark: str
    files: Path
    files_inside: str
    farewell: bytes
    """What the `sh` around it prints, before the exit status, when the bash has ended."""
    watchdog: _Watchdog
    unread: bytearray = field(default_factory=bytearray)

    async def order(self, command: str) -> re.Pattern[bytes]:
        """Gives it a command; returns what ends its output."""
        nonce = secrets.token_hex(16)
        (self.files / "command").write_bytes(_encoded(command))
        where = self.files_inside.replace("'", "'\\''")
        line = (
            f"eval \"$(cat '{where}/command')\" </dev/null >&7 2>&1 7>&-; "
            f"printf '%s %d\\n' {nonce} \"$?\" >&7; set +e\n"
        )
        await self.child.write(os.fsencode(line))
        return re.compile(rb"(%b|%b) (\d+)\n" % (nonce.encode(), self.farewell))

    async def collect(self, end: re.Pattern[bytes], output: _Ends) -> tuple[int, bool]:
        """Reads until the end; returns the exit status and whether the shell still lives."""
        longest = len(self.farewell) + 16
        while True:
            found = end.search(self.unread)
            if found:
                output.add(self.unread[: found.start()])
                status, farewell = int(found[2]), found[1] == self.farewell
                del self.unread[: found.end()]
                return status, not farewell
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
            await _kill_marked(self.mark)
        finally:
            shutil.rmtree(self.files, ignore_errors=True)


class _PersistentShell:
    def __init__(self, runner: _Runner, launcher: Launcher, confinement: Confinement, scratch: Path) -> None:
        self._runner = runner
        self._launcher = launcher
        self._confinement = confinement
        self._scratch = scratch
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
            limit = self._runner.limits.processes
            cpu_before = _cpu_seconds(session.child.pid, limit)
            cpu_s = 0.0
            output = _Ends(_SHELL_OUTPUT)
            status, alive, timed_out = -signal.SIGKILL, False, False
            try:
                async with asyncio.timeout(timeout_s):
                    status, alive = await session.collect(await session.order(command), output)
            except TimeoutError:
                timed_out = True
                output.add(session.unread)
            finally:
                cpu_s = max(0.0, _cpu_seconds(session.child.pid, limit) - cpu_before)
                if not alive:
                    self._session = None
                    await session.end()
            if output.content().startswith(b"bwrap: ") and status < 0 and not timed_out:
                _reported_cpu(output.content())
            return CommandResult(
                exit_code=status,
                output=session.watchdog.explained(output.content()),
                timed_out=timed_out,
                elapsed_s=time.monotonic() - began,
                cpu_s=cpu_s,
            )

    async def close(self) -> None:
        """Kills everything in it; twice is no error."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.end()

    async def _open(self) -> _Session:
        files = _folder_in(self._scratch, "shell-")
        mark = secrets.token_hex(16)
        farewell = (secrets.token_hex(8), secrets.token_hex(8))
        entry = self._runner.enter(self._confinement, mark, files)
        child = await self._launcher.start(
            ChildCommand(
                # in two halves, so that a `ps` does not print what ends the output
                argv=(*entry.prefix, "sh", "-c", entry.prologue + _SHELL, "sh", *farewell),
                environment=entry.environment,
                folder=entry.folder,
                merge_error=True,
            )
        )
        runner = self._runner
        watchdog = _Watchdog(lambda: child.pid, runner.limits, confined=runner.confined)
        return _Session(child, mark, files, entry.files, "".join(farewell).encode(), watchdog)


# --- the two kinds --------------------------------------------------------------------------------


class Bubblewrap(_Runner):
    """Confines with Linux namespaces (the `Sandbox` port): no network, one writable folder.

    Args:
        launcher: starts children.
        bwrap: the bubblewrap program.
        home: the user's real HOME, where toolchains are looked for.
        town_objects: the object folder that slots use as alternates; bound read-only at its own path.
        scratch: a folder for command files.
        version: bubblewrap's version, for the profile's name.
        limits: when to kill.
        environment: the caller's variables; None takes this process's.
    """

    confined = True

    def __init__(
        self,
        launcher: Launcher,
        bwrap: Path,
        home: Path,
        town_objects: Path,
        scratch: Path,
        *,
        version: str = "",
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(launcher, scratch, limits, environment)
        self._bwrap = bwrap
        self._town_objects = town_objects
        self.profile = " ".join(filter(None, ("bubblewrap", version, "profile 1")))
        self.toolchains = find_toolchains(home, self._caller)
        self._tmpfs = (
            ("--size", str(_TMPFS_BYTES), "--tmpfs") if _numbers(version) >= (0, 7) else ("--tmpfs",)
        )
        self._system = tuple(_system_arguments())
        # below the watchdog's feet; root is exempt, and before Linux 5.14 the user's other processes count
        counts = os.geteuid() != 0 and _numbers(os.uname().release) >= (5, 14)
        most = 2 * self.limits.processes
        self._hard_limit = (
            f"(ulimit -p {most}) 2>/dev/null && ulimit -p {most} || ulimit -u {most}; " * counts
        )

    def enter(self, confinement: Confinement, mark: str, files: Path | None) -> _Entry:
        """Writes bubblewrap's arguments; later mounts lie over earlier ones."""
        seen = confinement.seen_at
        if not seen.is_absolute() or seen == Path("/"):
            raise Refused(f"{seen} cannot be the folder of a sandbox.")
        arguments = [str(self._bwrap), "--unshare-all", "--die-with-parent", "--new-session"]
        arguments += ["--cap-drop", "ALL", *self._system, "--proc", "/proc", "--dev", "/dev"]
        for private in _PRIVATE:
            arguments += [*self._tmpfs, private]
        arguments += ["--dir", _HOME]
        for folder in (*self.toolchains.folders, self._town_objects):
            if not folder.is_relative_to(seen):
                arguments += _read_only(folder)
        arguments += ["--bind", str(confinement.slot), str(seen)]
        for real, inside in confinement.read_only:
            arguments += ["--ro-bind-try", str(real), str(inside)]
        if files is not None:
            arguments += ["--ro-bind", str(files), _FILES_INSIDE]
        for name, value in self._environment(confinement).items():
            arguments += ["--setenv", name, value]
        # the variables of a rig must not reach bubblewrap itself: LD_PRELOAD would run outside
        return _Entry(
            prefix=(*arguments, "--chdir", str(seen), "--"),
            environment={_MARK: mark},
            prologue=_PROLOGUE + self._hard_limit,
            files=_FILES_INSIDE,
        )

    def _environment(self, confinement: Confinement) -> dict[str, str]:
        inside = [Path(root) for root in ("/usr", "/opt", *_ROOTS)]
        inside += self.toolchains.folders
        entries = [
            entry
            for entry in self._caller.get("PATH", "").split(os.pathsep)
            if any(Path(entry).is_relative_to(root) for root in inside)
        ]
        return {
            "PATH": os.pathsep.join(dict.fromkeys((*entries, *_SYSTEM_PATH))),
            "HOME": _HOME,
            "TMPDIR": "/tmp",  # noqa: S108 (private to the sandbox)
            **self._base_environment(),
            **self.toolchains.environment,
            **confinement.environment,
        }


def _read_only(folder: Path) -> list[str]:
    """Binds a folder at its path and, where that is a link, also at the path it leads to."""
    real = folder.resolve()
    arguments = ["--ro-bind-try", str(folder), str(folder)]
    return arguments if real == folder else [*arguments, "--ro-bind-try", str(real), str(real)]


def _system_arguments() -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/opt", "/opt", "--dir", "/etc"]
    for root in map(Path, _ROOTS):
        if root.is_symlink():
            arguments += ["--symlink", str(root.readlink()), str(root)]
        elif root.exists():
            arguments += ["--ro-bind", str(root), str(root)]
    for pattern in _ETC.split():
        for part in Path("/etc").glob(pattern):
            arguments += ["--ro-bind-try", str(part), str(part)]
    return arguments


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


class Unconfined(_Runner):
    """Runs with the user's rights (the `Sandbox` port): only variables, folder and limits are set.

    The user's installed environment is put first in PATH, and the slot in PYTHONPATH, so that an editable
    install tests the slot and not the user's files.

    Args:
        launcher: starts children.
        scratch: a folder for command files, HOME and temporary files.
        limits: when to kill.
        environment: the caller's variables; None takes this process's.
        reason: why there is no sandbox, a sentence for the user.
    """

    confined = False
    profile = "none"

    def __init__(
        self,
        launcher: Launcher,
        scratch: Path,
        *,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        home: Path | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(launcher, scratch, limits, environment)
        self.reason = reason
        self.toolchains = find_toolchains(home or Path.home(), self._caller)

    def enter(self, confinement: Confinement, mark: str, files: Path | None) -> _Entry:
        """Makes HOME and the folder for temporary files."""
        home, temporary = self._scratch / "home", self._scratch / "tmp"
        for folder in (home, temporary):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (home / ".gitconfig").exists():
            (home / ".gitconfig").write_text(_GIT_CONFIG, encoding="utf-8")
        return _Entry(
            prefix=(),
            environment={
                "PATH": self._path(confinement),
                "HOME": str(home),
                "TMPDIR": str(temporary),
                **self._base_environment(),
                **self.toolchains.environment,
                **self._python_path(confinement),
                **confinement.environment,
                _MARK: mark,
            },
            folder=confinement.slot,
            files="" if files is None else str(files),
        )

    def _path(self, confinement: Confinement) -> str:
        programs = [real / name for real, _ in confinement.read_only for name in ("bin", ".bin")]
        entries = [str(folder) for folder in programs if folder.is_dir()]
        entries += filter(os.path.isabs, self._caller.get("PATH", "").split(os.pathsep))
        return os.pathsep.join(dict.fromkeys((*entries, *_SYSTEM_PATH)))

    def _python_path(self, confinement: Confinement) -> dict[str, str]:
        if not any((real / "pyvenv.cfg").is_file() for real, _ in confinement.read_only):
            return {}
        sources = [confinement.slot, confinement.slot / "src"]
        return {"PYTHONPATH": os.pathsep.join(str(folder) for folder in sources if folder.is_dir())}


async def find_sandbox(
    launcher: Launcher,
    *,
    home: Path,
    town_objects: Path,
    scratch: Path,
    limits: Limits | None = None,
    environment: Mapping[str, str] | None = None,
) -> Bubblewrap | Unconfined:
    """Gives bubblewrap where it works (namespaces may be restricted), else none, with the reason."""
    caller = os.environ if environment is None else environment
    program = shutil.which("bwrap", path=caller.get("PATH", os.defpath))
    if program is None:
        reason = "bubblewrap is not installed."
    else:
        version = await launcher.run(
            ChildCommand(argv=(program, "--version"), environment={}, timeout_s=_PROBE_S)
        )
        sandbox = Bubblewrap(
            launcher,
            Path(program),
            home,
            town_objects,
            scratch,
            version=".".join(map(str, re.findall(r"\d+", version.output.decode("ascii", "replace")))),
            limits=limits,
            environment=caller,
        )
        reason = await _why_not(sandbox, scratch)
        if not reason:
            return sandbox
    return Unconfined(launcher, scratch, limits=limits, environment=caller, home=home, reason=reason)


async def _why_not(sandbox: Bubblewrap, scratch: Path) -> str:
    slot = _folder_in(scratch, "probe-")
    try:
        confinement = Confinement(slot=slot, seen_at=Path("/home/probe"))
        result = await sandbox.run("true", confinement, timeout_s=_PROBE_S)
    except Refused as refusal:
        return str(refusal)
    finally:
        shutil.rmtree(slot, ignore_errors=True)
    return "" if result.exit_code == 0 else "bubblewrap is installed but does not work here."
