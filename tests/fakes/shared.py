"""A user's repository, a bare remote, a colleague who pushes to it, and a convoy that is to land on both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.remote import find_remote
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.adapters.git.user_repository import inspect
from gastown_desktop.adapters.git.user_target import UserTarget
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.landing import Landing
from gastown_desktop.engine.landing_ports import Remote, Target
from tests.builders import RepositoryBuilder
from tests.fakes.town import found_town

_L = TypeVar("_L", bound=Landing)
GATE = "check"
LINES = "".join(f"line {number}\n" for number in range(1, 21))
BEADS = ("gt-a", "gt-b")
_UPDATE_HOOK = """#!/bin/sh
if test -e "$GIT_DIR/race"; then
    mv "$GIT_DIR/race" "$GIT_DIR/raced"
    theirs=$(git -c user.name=Racer -c user.email=racer@example.org commit-tree -p "$2" -m Racer "$2^{tree}")
    git update-ref "$1" "$theirs" "$2"
    echo "$theirs" > "$GIT_DIR/raced"
    echo "forward $2 $theirs" >> "$GIT_DIR/updates"
fi
case "$2" in *[1-9a-f]*)
    git merge-base --is-ancestor "$2" "$3" && how=forward || how=FORCED ;;
*) how=new ;;
esac
echo "$how $2 $3" >> "$GIT_DIR/updates"
"""
"""Writes every update down; a file `race` lets a commit of somebody else come first, amid a push."""


class Moments:
    """Any port, with a call of `tick` before and after each of its methods."""

    def __init__(self, port: Any, tick: Callable[[str], None]) -> None:
        self._port = port
        self._tick = tick

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def with_moments(*args: Any, **kwargs: Any) -> Any:
            self._tick(f"before {name}")
            answer = await found(*args, **kwargs)
            self._tick(f"after {name}")
            return answer

        return with_moments


class Shared:
    """The whole scene. `tick` is called at every moment at which something else could happen."""

    def __init__(self, git: GitCommand, folder: Path) -> None:
        self.git = git
        self.folder = folder
        self.ticks: list[str] = []
        self.at_tick: Callable[[str], None] = lambda _moment: None
        self.colleagues: list[Oid] = []
        self.town: Any
        self.objects: PygitObjects

    async def build(self) -> Shared:
        """Makes it: one commit that everybody has, and two merged beads on it."""
        self.repo = RepositoryBuilder(self.folder / "rig")
        self.start = Oid(self.repo.write("a.txt", LINES).write("own.txt", "own\n").commit("Start"))
        self.origin = self.folder / "origin.git"
        self.repo.git("clone", "-q", "--bare", str(self.repo.folder), str(self.origin))
        (self.origin / "hooks").mkdir(exist_ok=True)
        (self.origin / "hooks" / "update").write_text(_UPDATE_HOOK)
        (self.origin / "hooks" / "update").chmod(0o755)
        self.repo.git("remote", "add", "origin", str(self.origin))
        self.repo.git("fetch", "-q", "origin")
        self.untouched = self._not_ours()
        self.other = RepositoryBuilder(self.folder / "colleague")
        self.other.git("remote", "add", "origin", str(self.origin))
        self.town_git = await open_town(self.git, self.folder / "data", self.repo.git_dir)
        self.objects = PygitObjects(self.git, self.town_git)
        self.town = await found_town(self.objects, base=self.start)
        await self.town.merge("gt-a", a_txt=LINES.replace("line 15\n", "A\n"))
        await self.town.merge("gt-b", b_txt="B\n")
        return self

    def close(self) -> None:
        self.objects.close()

    async def target(self, branch: str = "main") -> Target:
        facts = await inspect(self.git, self.repo.folder)
        return UserTarget(self.git, self.objects, self.town_git, facts, branch)

    async def remote(self) -> Remote:
        return await find_remote(self.git, self.town_git, await inspect(self.git, self.repo.folder), "origin")

    async def landing(
        self, branch: str = "main", *, shared: bool = True, signer: Any = None, kind: type[_L] = Landing
    ) -> _L:
        """A landing on the user's branch, and on origin's where it is `shared`; or another kind of it."""
        target: Any = Moments(await self.target(branch), self._tick)
        remote: Any = Moments(await self.remote(), self._tick) if shared else None
        kit: Any = self.town.kit
        kit.objects = Moments(self.objects, self._tick)
        sandbox: Any = self.town.sandbox
        self.town.sandbox = sandbox if isinstance(sandbox, Moments) else Moments(sandbox, self._tick)
        return kind(kit, self.town.runner(GATE), target, remote, signer)

    def _tick(self, moment: str) -> None:
        self.ticks.append(moment)
        self.at_tick(moment)

    def colleague(self, **files: str) -> Oid:
        """Somebody else's commit on top of what origin has, pushed."""
        number = len(self.colleagues) + 1
        self.other.git("fetch", "-q", "origin", "main")
        self.other.git("checkout", "-q", "-B", "main", "FETCH_HEAD")
        for name, text in (files or {f"theirs{number}_txt": f"{number}\n"}).items():
            self.other.write(name.replace("_", "."), text)
        self.other._minute = 100 + number
        commit = Oid(self.other.commit(f"Colleague {number}"))
        race, aside = self.origin / "race", self.origin / "race-later"
        if race.exists():
            race.rename(aside)
        self.other.git("push", "-q", "origin", "main")
        if aside.exists():
            aside.rename(race)
        self.colleagues.append(commit)
        return commit

    def race(self) -> None:
        """A commit of somebody else will arrive in the middle of the next push."""
        (self.origin / "race").touch()

    def raced(self) -> list[Oid]:
        """That commit, once it arrived."""
        file = self.origin / "raced"
        return [Oid(file.read_text().strip())] if file.exists() else []

    # --- what came of it ---

    def there(self, branch: str = "main") -> Oid:
        return Oid(self.repo.git("--git-dir", str(self.origin), "rev-parse", f"refs/heads/{branch}"))

    def here(self, branch: str = "main") -> Oid:
        return Oid(self.repo.git("rev-parse", f"refs/heads/{branch}"))

    def log(self, branch: str = "main") -> list[str]:
        """Subjects on origin's branch, oldest first, without the first commit."""
        told = self.repo.git("--git-dir", str(self.origin), "log", "--reverse", "--format=%s", branch)
        return told.splitlines()[1:]

    def has(self, commit: str) -> bool:
        """Whether a commit is on origin's main."""
        listed = self.repo.git("--git-dir", str(self.origin), "rev-list", "main").split()
        return commit in listed

    def updates(self) -> list[list[str]]:
        """How, from where and to where origin's refs moved."""
        file = self.origin / "updates"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def broken_promises(self) -> list[str]:
        """What does not hold of a landing that went through."""
        state, found = self.town.bus.state, list[str]()
        theirs = [*self.colleagues, *self.raced()]
        found += [f"the colleague's {commit} is lost" for commit in theirs if not self.has(commit)]
        for bead in BEADS:
            commit = state.beads[BeadId(bead)].commit
            if commit is None or not self.has(commit):
                found.append(f"{bead} is not on the remote")
        found += [f"forced: {update}" for update in self.updates() if update[0] == "FORCED"]
        green = {run.tree for run in self.town.events("gate_run") if run.green}
        for event in self.town.events("convoy_pushed"):
            tree = self.repo.git("--git-dir", str(self.town_git), "rev-parse", f"{event.commit}^{{tree}}")
            if tree not in green:
                found.append(f"{event.commit} was pushed and never gated")
        if self.repo.git("rev-parse", "main^{tree}") not in green:
            found.append("the user's branch holds a tree that was never gated")
        if not self.has(self.here()):
            found.append("the user's branch is beside the remote's")
        if self.repo.git("status", "--porcelain"):
            found.append("the user's checkout does not hold what its branch says")
        if self._not_ours() != self.untouched:
            found.append("remote-tracking refs, FETCH_HEAD, configuration or hooks of the user changed")
        return found

    def _not_ours(self) -> list[str]:
        """What no landing may touch."""
        files = [self.repo.git_dir / name for name in ("FETCH_HEAD", "config", "info/exclude")]
        files += sorted((self.repo.git_dir / "hooks").glob("*"))
        texts = [file.read_text() if file.exists() else "" for file in files]
        return [self.repo.git("for-each-ref", "refs/remotes", "refs/tags"), *texts]
