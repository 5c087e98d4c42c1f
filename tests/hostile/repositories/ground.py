"""The ground on which a case plays: a user's HOME, a checkout, listeners, and who acts there."""

from __future__ import annotations

import os
import pty
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects, open_objects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.adapters.git.user_repository import RepositoryFacts, fingerprint, inspect
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import GitObjects, Slot
from tests.e2e.conftest import ROOT, Done, ended_at_last
from tests.hostile.injections.world import World

PATIENCE_S = 60.0
"""Seconds after which something waits for ever."""
_EVIL = """#!/bin/sh
echo "$0 $*" >> {canary}
exec timeout 1 cat 2>/dev/null
"""
_DRIVERS = ("clean", "smudge", "process", "textconv", "command", "driver", "included", "conditional", "own")
_FILTERED = tuple(f"{name}.txt" for name in _DRIVERS)
_ATTRIBUTES = "".join(f"{name}.txt filter={name} diff={name} merge={name}\n" for name in _DRIVERS)
"""Each file has drivers of its own, so that one does not keep another from running."""


@dataclass(frozen=True, slots=True)
class Rig:
    """The program's own adapters over the checkout."""

    launcher: LocalLauncher
    git: GitCommand
    facts: RepositoryFacts
    town: Path
    objects: GitObjects
    slots: GitSlots
    tip: Oid

    async def slot(self, name: str = "Nux") -> Slot:
        """A slot at the tip."""
        return await self.slots.prepare(name, self.tip)


class Ground(World):
    """One case's world, without a model in it."""

    def __init__(self) -> None:
        super().__init__()
        self.attack = "attack"
        """The case that is planted now; what its programs make bears its name."""
        self.linked = self.root / "linked"
        """A worktree that has the branch `scratch`."""
        self.other = self.root / "other"
        """Another repository of the user's."""
        self.said: list[str] = []
        """What commands printed."""
        self.heard: list[str] = []
        """What came to a worker, a model or a plain reader."""
        self.noticed: list[str] = []
        self.reached = f"REACHED-{secrets.token_hex(4)}"
        self.notes: dict[str, Any] = {}
        """What the steps of a case have to tell each other."""
        self._ends: list[Callable[[], object]] = []

    # --- planting ---

    @property
    def canary(self) -> Path:
        """What a planted program makes when it runs."""
        return self.root / f"planted-{self.attack}-{self.token}"

    @property
    def evil(self) -> str:
        """A program of the case, in an ignored folder of the checkout, that must not run."""
        program = self.project / "ignored" / f"{self.attack}.sh"
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            program.write_text(_EVIL.format(canary=self.canary))
            program.chmod(0o755)
        return str(program)

    def history(self) -> None:
        """Three commits of some work; `scratch`, checked out beside, has the first. Twice is once."""
        repo = self.repo
        if self.linked.exists():
            return
        repo.write(".gitattributes", _ATTRIBUTES).write("a.txt", "one\n")
        for name in _FILTERED:
            repo.write(name, "one\n")
        repo.commit("Begin")
        repo.git("branch", "scratch")
        repo.git("branch", "side")
        for name in _FILTERED:
            repo.write(name, "one\ntwo\n")
        repo.write("a.txt", "one\ntwo\n").commit("Two")
        repo.write("b.txt", "b\n").commit("Three")
        repo.switch("side").write("a.txt", "zero\n").write("driver.txt", "zero\n").commit("Zero")
        repo.switch("main")
        repo.git("worktree", "add", "-q", str(self.linked), "scratch")
        repo.git("clone", "-q", "--bare", "--no-hardlinks", ".", str(self.remote))
        repo.git("remote", "add", "origin", str(self.remote))

    def make_other(self) -> None:
        """Another repository of the user's, with something private in it."""
        self.other.mkdir()
        self.plain("init", "-q", "-b", "main", cwd=self.other)
        (self.other / "private.txt").write_text(f"password {self.secret}\n")
        self.plain("add", "-A", cwd=self.other)
        self.plain("commit", "-qm", "Private", cwd=self.other)

    def configure(self, key: str, value: str, *, file: Path | None = None) -> None:
        """Writes a line of the repository's configuration."""
        where = ("--file", str(file)) if file else ("--local",)
        self.plain("config", *where, key, value)

    def hook(self, name: str, folder: Path | None = None) -> None:
        """Plants a hook."""
        place = (folder or self.repo.git_dir / "hooks") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(_EVIL.format(canary=self.canary))
        place.chmod(0o755)

    def settle(self) -> None:
        """Forgets what planting set off, and takes down how things are."""
        for canary in self.root.glob("planted-*"):
            canary.unlink()
        self.traps.caught.clear()
        self.said.clear()
        self.heard.clear()
        self.noticed.clear()
        self.remember()

    # --- acting ---

    def plain(
        self, *args: str, cwd: Path | None = None, seconds: float = PATIENCE_S, terminal: bool = False
    ) -> str:
        """Git as a user types it; whatever the repository configures is in force."""
        return self.shell("git", *args, cwd=cwd, seconds=seconds, terminal=terminal)

    def shell(
        self, *args: str, cwd: Path | None = None, seconds: float = PATIENCE_S, terminal: bool = False
    ) -> str:
        """Any command as the user runs it; what it prints is said and heard."""
        environment = {**self.command_line.environment, **self.environment, "GIT_TERMINAL_PROMPT": "0"}
        del environment["SSH_AUTH_SOCK"], environment["PYTHONPATH"]
        with _terminal() if terminal else _pipe() as out:
            process = subprocess.Popen(
                args,
                cwd=cwd or self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out.file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.noticed.append(f"{' '.join(args)[:80]} waits for ever")
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, 9)
                    process.wait()
        text = out.text()
        self.said.append(text)
        self.heard.append(text)
        return text

    def command(
        self,
        *args: str | Path,
        environment: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        seconds: float = PATIENCE_S,
    ) -> Done:
        """Runs `gastown-desktop`; what it prints is said."""
        process = self.command_line.start(*args, environment=environment, prefix=prefix)
        with ended_at_last(process):
            try:
                out, err = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.noticed.append(f"gastown-desktop {' '.join(map(str, args))[:60]} waits for ever")
                return Done(-9, "", "")
        self.said += [out, err]
        assert f'File "{ROOT / "gastown_desktop"}' not in err, err
        return Done(process.returncode, out, err)

    def rehearse(self, *more: str, gated: bool = False, code: int = 0, **given: Any) -> Done:
        """Rehearses everything since `scratch`; a code below zero takes any."""
        gate = () if gated else ("--no-gate",)
        span = ("--range", "scratch..HEAD", "--polecats", "2")
        done = self.command("rehearse", self.project, *gate, *span, *more, **given)
        return done if code < 0 else done.ended(code)

    def land(self, *more: str, code: int = 0, **given: Any) -> Done:
        """Lands the rehearsal on the branch that is checked out beside."""
        done = self.command("land", self.project, "--on", "scratch", "--yes", *more, **given).ended(code)
        self.remember()
        return done

    def confess(self) -> None:
        """Lets every command that only tells something tell it."""
        for name in ("status", "audit", "inbox", "report"):
            self.command(name, self.project)

    @property
    def without_bubblewrap(self) -> dict[str, str]:
        """A PATH on which git and Python are, and bubblewrap is not."""
        folder = self.root / "bin"
        if not folder.exists():
            folder.mkdir()
            for name in ("git", "python3", "sh", "cat", "touch", "sleep", "bash", "env"):
                (folder / name).symlink_to(shutil.which(name) or name)
        return {"PATH": str(folder)}

    async def opened(self) -> Done:
        """Opens the repository as every command does: looks, takes it over, checks it out, stores a snapshot.

        A refusal is as good: it comes as exit code 2.
        """
        try:
            async with self.rig() as rig:
                await fingerprint(rig.git, rig.facts)
                slot = await rig.slot()
                await rig.slots.snapshot(slot)
        except GasTownError as error:
            return Done(2, "", str(error))
        return Done(0, "", "")

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        """The adapters, as the program wires them."""
        launcher = LocalLauncher(self.data / "children")
        try:
            git = GitCommand(launcher, Path(shutil.which("git") or "git"), self.data / "empty-hooks")
            facts = await inspect(git, self.project, home=self.home)
            town = await open_town(git, self.data / "rigs" / "rig", facts.git_dir)
            objects = await open_objects(git, town)
            try:
                slots = GitSlots(git, objects, town, self.slots, self.data / "indexes")
                yield Rig(launcher, git, facts, town, objects, slots, facts.head_oid)
            finally:
                if isinstance(objects, PygitObjects):
                    objects.close()
        finally:
            await launcher.close()

    # --- others on this ground ---

    def at_end(self, end: Callable[[], object]) -> None:
        """Does something when the ground is closed."""
        self._ends.append(end)

    def bystander(self) -> int:
        """A process of the user's with a secret in its environment."""
        process = subprocess.Popen(["sleep", "120"], env={"TOKEN": self.secret, "PATH": os.environ["PATH"]})
        self.at_end(lambda: (process.kill(), process.wait()))
        self.notes["bystander"] = process
        return process.pid

    def asks_for_passwords(self) -> str:
        """A web server that wants to know who asks; returns its address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _WantsPassword)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.at_end(lambda: (server.shutdown(), server.server_close(), thread.join()))
        return f"http://127.0.0.1:{server.server_address[1]}"

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """This process has the HOME of the ground, and nothing else of the real user's."""
        before = dict(os.environ)
        for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_", "SSH_", "ANTHROPIC_"))]:
            del os.environ[name]
        os.environ |= {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config")}
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def close(self) -> None:
        """Ends everybody and takes everything away."""
        for end in reversed(self._ends):
            end()
        super().close()


class _WantsPassword(BaseHTTPRequestHandler):
    """Answers everything with 401."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _Output:
    """Where a command prints to."""

    def __init__(self, file: int, read: int) -> None:
        self.file = file
        self._read = read
        self._data = bytearray()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        try:
            while data := os.read(self._read, 1 << 16):
                self._data += data[: max(0, (1 << 20) - len(self._data))]
        except OSError:
            return  # the terminal was closed

    def end(self) -> None:
        """Nobody prints any more."""
        os.close(self.file)
        self._thread.join(5)
        os.close(self._read)

    def text(self) -> str:
        """What was printed; line ends of a terminal are those of a file."""
        return self._data.decode("utf-8", "replace").replace("\r\n", "\n")


@contextmanager
def _pipe() -> Iterator[_Output]:
    read, write = os.pipe()
    out = _Output(write, read)
    try:
        yield out
    finally:
        out.end()


@contextmanager
def _terminal() -> Iterator[_Output]:
    user, side = pty.openpty()
    out = _Output(side, user)
    try:
        yield out
    finally:
        out.end()


PYTHON = sys.executable
