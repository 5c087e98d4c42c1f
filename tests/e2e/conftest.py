"""The command line as a user has it: its own process, a fresh HOME, and a data folder."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import RepositoryBuilder, small_python_repository
from tests.e2e import left_behind, warm

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parents[2]
_RUN_S = 100
GATE = "python3 check.py"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert self.out, self.err
        return json.loads(self.out)

    def ended(self, code: int) -> Done:
        """Asserts the exit code; what was said tells why it is another."""
        assert self.code == code, f"exit {self.code}\n{self.err}\n{self.out[-3000:]}"
        assert f'File "{ROOT / "gastown_desktop"}' not in self.err, self.err
        return self


class CommandLine:
    """Runs `gastown-desktop` with a HOME and a data folder of its own.

    Args:
        folder: where they are.
        shared: other test processes use them too, so that a process that is left cannot be told from theirs.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self.shared = shared
        self.home = folder / "home"
        self.data = folder / "data"
        self.home.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
        }

    def start(
        self,
        *args: str | Path,
        environment: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Starts a command, in a session of its own, perhaps below another (`prefix`)."""
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "gastown_desktop", *map(str, args), "--data-dir", str(self.data)],
            env={**self.environment, **(environment or {})},
            cwd=self.home,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_interrupts,
        )

    def run(
        self, *args: str | Path, environment: dict[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> Done:
        """Runs a command to its end; it leaves no process behind."""
        done = self.run_beside(*args, environment=environment, prefix=prefix)
        assert self.shared or self.processes() == []
        return done

    def run_beside(
        self, *args: str | Path, environment: dict[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> Done:
        """Runs a command to its end while others may run."""
        if not prefix and warm.is_for(environment or {}):
            given = [*map(str, args), "--data-dir", str(self.data)]
            done = warm.run_warm(given, {**self.environment, **(environment or {})}, _RUN_S, self.home)
            return Done(done.returncode, done.stdout, done.stderr)
        process = self.start(*args, environment=environment, prefix=prefix)
        with ended_at_last(process):
            out, err = process.communicate(timeout=_RUN_S)
        return Done(process.returncode, out, err)

    def processes(self) -> list[str]:
        """Command lines of living processes that have to do with this HOME or data folder."""
        return left_behind.processes(self.home, self.data)

    def rig(self) -> Path:
        """The folder of the only rig."""
        (rig,) = (self.data / "rigs").iterdir()
        return rig

    def left_behind(self) -> list[str]:
        """Slots and locks that should not be there after a command ended."""
        return left_behind.files(self.data)


def _heed_interrupts() -> None:
    """Undoes what a shell does to its background jobs, below which these tests may run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def ended_at_last(process: subprocess.Popen[str]) -> Generator[None]:
    """Ends a process that a failing test would leave running."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def contents(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below a folder with mode, time of change and bytes.

    The times of git's loose objects do not count: town.git has hard links to them, and git sets the time of
    an object that it would have written again.
    """
    found: dict[str, tuple[int, int, bytes]] = {}
    for path in folder.rglob("*"):
        info, name = path.lstat(), path.relative_to(folder)
        loose = path.is_file() and name.parts[:2] == (".git", "objects")
        content = path.read_bytes() if path.is_file() else b""
        found[str(name)] = (info.st_mode, 0 if loose else info.st_mtime_ns, content)
    return found


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "user")


@pytest.fixture
def small(tmp_path: Path) -> RepositoryBuilder:
    return small_python_repository(tmp_path / "greetings")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A rehearsal that is over, for tests that only look."""

    command_line: CommandLine
    done: Done
    report: Path
    result: dict[str, Any]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """The sample, rehearsed once with `--json` and `--report`, whichever worker comes first."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    report, told = folder / "sample" / "report", folder / "sample" / "told.json"
    command_line = CommandLine(folder / "sample")
    with (folder / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            done = command_line.run("rehearse", "sample", "--json", "--report", report).ended(0)
            told.write_text(json.dumps(asdict(done)))
    done = Done(**json.loads(told.read_text()))
    return Rehearsed(CommandLine(folder / "sample", shared=True), done, report, done.json)
