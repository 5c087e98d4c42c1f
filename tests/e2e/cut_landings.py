"""Landings on a branch that is checked out, cut short while git moves the files; then landed again.

    python -m tests.e2e.cut_landings --runs 40
    python -m tests.e2e.cut_landings --runs 10 --ways full

Killed (SIGKILL, the process alone), killed and at once landed again, interrupted, or on a disk without room
for all files. Each time the user's checkout has to be whole: all of the landing or nothing of it, their own
edit as it was, no lock of git's left. Landing again finishes it. The small disk needs the right to mount.
Ends with exit code 1 if any run breaks a promise.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.builders import RepositoryBuilder
from tests.e2e import left_behind
from tests.e2e.full_disk import fill, small_disk
from tests.e2e.warm import WarmProcess, warm_python

WAYS = ("kill", "kill-and-land", "interrupt", "full")
_FILES = 1_500
_LINES = 120
_MINE = "typed by the user, never committed\n"
_PATIENCE_S = 60.0
_LOOKS_EVERY_S = 0.0005
_pause = threading.Event().wait


@dataclass
class Scene:
    """A repository with two large commits that the town has merged; its branch `mine` is where they began."""

    folder: Path
    old: str = ""
    tree: str = ""
    """The tree of the user's branch once all landed."""
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def repo(self) -> Path:
        """The checkout."""
        return self.folder / "repo"

    @property
    def data(self) -> Path:
        """The program's folder."""
        return self.folder / "data"

    @property
    def index_lock(self) -> Path:
        """Is there while git moves files."""
        return self.repo / ".git" / "index.lock"

    def build(self) -> None:
        """Makes it, and keeps a copy."""
        home = self.folder / "home"
        home.mkdir(parents=True)
        self.environment = {**os.environ, "HOME": str(home)}
        repo = RepositoryBuilder(self.repo)
        repo.write("notes.txt", "notes\n")
        for version in range(3):
            for number in range(_FILES):
                name = f"part{number % 40}/file{number}.txt"
                if version == 1 and number % 7 == 0:
                    (self.repo / name).unlink()
                elif version == 0 or number % 7 or version == 2:
                    text = "".join(f"{number} {line} of {version}\n" for line in range(_LINES))
                    repo.write(name, text)
            repo.commit(f"Version {version}")
        self.tree = repo.git("rev-parse", "HEAD^{tree}")
        done = self.run("rehearse", str(self.repo), "--last", "2", "--no-gate")
        if done.wait() != 0:
            raise SystemExit(f"the rehearsal did not end: {done.stderr.read()[-2000:]}")
        repo.git("checkout", "-q", "-b", "mine", "HEAD~2")
        self.old = repo.git("rev-parse", "HEAD")
        repo.write("notes.txt", _MINE)
        repo.git("status", "--porcelain")
        for part in ("repo", "data"):
            shutil.copytree(self.folder / part, self.folder / f"{part}.kept", symlinks=True)

    def restore(self) -> None:
        """As it was built; at the same place, which is part of a rig's name."""
        for part in ("repo", "data"):
            shutil.rmtree(self.folder / part)
            shutil.copytree(self.folder / f"{part}.kept", self.folder / part, symlinks=True)
        self.git("status", "--porcelain")

    def run(self, *command: str) -> WarmProcess:
        """Starts one command of the program."""
        return warm_python().start([*command, "--data-dir", str(self.data)], self.environment)

    def land(self) -> WarmProcess:
        """Starts a landing on the branch that is checked out."""
        return self.run("land", str(self.repo), "--on", "mine", "--yes")

    def git(self, *args: str) -> str:
        """What git says in the checkout."""
        done = subprocess.run(
            ["git", *args], cwd=self.repo, env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stdout.rstrip("\n") if done.returncode == 0 else f"git {args[0]}: {done.stderr.strip()}"

    def wait_for_git(self) -> None:
        """What finishes by itself after the program died."""
        until = time.monotonic() + _PATIENCE_S
        while self.processes() and time.monotonic() < until:
            _pause(0.02)

    def processes(self) -> list[str]:
        """Of the program's, also those that only know the checkout."""
        return left_behind.processes(self.folder / "home", self.data)

    def state(self) -> tuple[str, list[str]]:
        """Whether it is `landed` or `untouched`, and what is not whole about it."""
        problems: list[str] = []
        head, status = self.git("rev-parse", "HEAD"), self.git("status", "--porcelain", "-unormal")
        word = "untouched" if head == self.old else "landed"
        if word == "landed" and self.git("rev-parse", "HEAD^{tree}") != self.tree:
            problems.append(f"the branch is at {head}, which is neither")
        if status != " M notes.txt":
            changed = status.splitlines()
            problems.append(f"half {word}: {len(changed)} paths differ, as {changed[:3]}")
        if (self.repo / "notes.txt").read_text() != _MINE:
            problems.append("the user's edit is gone")
        problems += [f"left: {one.name}" for one in (self.repo / ".git").glob("**/*.lock")]
        return word, problems


def _ended(process: WarmProcess) -> tuple[int, str]:
    said = process.stdout.read() + process.stderr.read()
    code = process.wait()
    process.stdout.close()
    process.stderr.close()
    return code, said


def _when_git_moves(scene: Scene, dice: random.Random) -> float:
    """Waits for some moment of a landing: mostly while files move; returns seconds since the lock, or -1."""
    if dice.random() < 0.2:
        _pause(dice.uniform(0.1, 1.2))
        return -1
    until = time.monotonic() + _PATIENCE_S
    while not scene.index_lock.exists() and time.monotonic() < until:
        _pause(_LOOKS_EVERY_S)
    after = dice.choice((0, dice.uniform(0, 0.05), dice.uniform(0, 0.3)))
    _pause(after)
    return after


def _cut(scene: Scene, way: str, dice: random.Random) -> tuple[str, list[str]]:
    """One landing that is cut short; returns what was seen, and what does not hold."""
    if way == "full":
        leave = dice.choice((0, 300_000, dice.randrange(8_000_000)))
        filler = fill(scene.folder, leave)
        code, said = _ended(scene.land())
        filler.unlink()
        word, problems = scene.state()
        if "Traceback" in said or (code and not said.strip()):
            problems.append(f"no plain sentence: {said[-500:]}")
        return f"{leave} bytes left, exit {code}, {word}", problems
    process = scene.land()
    after = _when_git_moves(scene, dice)
    number = signal.SIGINT if way == "interrupt" else signal.SIGKILL
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)
    code, _ = _ended(process)
    seen = f"{after:.2f} s after the lock, exit {code}"
    if way == "kill-and-land":
        return seen, []
    if way == "kill":
        scene.wait_for_git()
    word, problems = scene.state()
    return f"{seen}, {word}", problems


def one(scene: Scene, way: str, dice: random.Random) -> list[str]:
    """Cuts one landing short, judges, lands again and judges again."""
    scene.restore()
    seen, problems = _cut(scene, way, dice)
    code, said = _ended(scene.land())
    word, after = scene.state()
    if code != 0 or word != "landed":
        problems.append(f"landing again: exit {code}, {word}: {said.strip()[-400:]}")
    problems += after + left_behind.files(scene.data) + scene.processes()
    print(f"{way:14} {seen:44} {'; '.join(problems) or 'held'}", flush=True)
    return problems


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    given = parser.parse_args()
    dice, failures = random.Random(given.seed), 0
    with tempfile.TemporaryDirectory(prefix="cut-landings-") as name:
        scenes: dict[bool, Scene] = {}
        with small_disk(Path(name) / "disk", "160m") as disk:
            for number in range(given.runs):
                way = given.ways[number % len(given.ways)]
                place = disk if way == "full" else Path(name) / "room"
                scene = scenes.get(way == "full")
                if scene is None:
                    scene = scenes[way == "full"] = Scene(place)
                    scene.build()
                failures += bool(one(scene, way, dice))
    print(f"{given.runs} landings, {failures} of them do not hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
