"""Before a repository is open: what is on this machine, what is at a path, recents, clones, the sample."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from gastown_desktop.adapters.git.cloning import clone, initialise
from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.user_repository import RepositoryFacts, find, inspect
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.recent_repositories import Opened, RecentRepositories
from gastown_desktop.adapters.sandbox import find_sandbox
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.core.errors import GasTownError, Refused
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.glances import EphemeralEvent, Progressed
from gastown_desktop.core.ids import RigId
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.engine.api import Kind, Looked, Recent, System
from gastown_desktop.paths import data_folder
from gastown_desktop.wiring.sample import make_sample
from gastown_desktop.wiring.workplace import git_path, rig_id

NO_RIG = RigId("")


class Opening:
    """What can be done without an open repository."""

    def __init__(self, data_override: Path | None, show: Callable[[EphemeralEvent], None]) -> None:
        """Looks at nothing yet.

        Args:
            data_override: what `--data-dir` says.
            show: takes events of progress.
        """
        self._override = data_override
        self._show = show
        self._data = data_folder(data_override)
        self._clock = SystemClock()
        self._launcher = LocalLauncher(self._data / "children")
        self._recents = RecentRepositories(self._data / "recents.json")

    def _git(self) -> GitCommand:
        return GitCommand(self._launcher, git_path(), self._data / "empty-hooks")

    async def system(self) -> System:
        """What was found on this machine.

        Raises:
            Refused: git is missing or too old.
        """
        version = await self._git().version()
        sandbox = await find_sandbox(
            self._launcher, home=Path.home(), town_objects=self._data, scratch=self._data / "scratch"
        )
        named = " ".join(sandbox.profile.split()[:2]) if sandbox.confined else ""
        return System(git=".".join(str(part) for part in version), sandbox=named)

    async def recents(self) -> tuple[Recent, ...]:
        """Repositories that were opened before, newest first."""
        opened = self._recents.all()
        return tuple(await asyncio.to_thread(lambda: [self._recent(one) for one in opened]))

    async def forget(self, path: Path) -> None:
        """Takes a repository off the list."""
        self._recents.remove(path)

    def remember(self, path: Path) -> None:
        """Puts a repository in front of the list."""
        self._recents.add(path, self._clock.now())

    async def look(self, path: Path) -> Looked:
        """Says what is at a path, in one sentence; nothing of it runs."""
        plain = _plain_kind(path)
        if plain is not None:
            return plain
        try:
            facts = await inspect(self._git(), path)
        except Refused as refused:
            kind = _kind_of(path, refused)
            return Looked(kind=kind, path=path, sentence=str(refused), remedy=refused.remedy)
        except GasTownError as error:
            return Looked(kind="broken", path=path, sentence=str(error), remedy=error.remedy)
        inside = not _is_same(facts.top_level, path)
        return Looked(
            kind="inside" if inside else "repository",
            path=facts.top_level,
            sentence=f"{path.name} is inside the repository {facts.top_level.name}." if inside else "",
            branch=facts.head_branch,
            notes=oddities(facts),
        )

    async def initialise(self, path: Path) -> Path:
        """Makes a plain folder a repository."""
        git = self._git()
        entries = await git.read_config(path / ".git", home=Path.home())
        settings = {entry.key: entry.value or "" for entry in entries}
        who = (settings.get("user.name") or "Gas Town", settings.get("user.email") or "town@gastown.invalid")
        await initialise(git, path, who)
        return path

    async def clone(self, url: str, into: Path) -> Path:
        """Clones; tells how far it is."""

        def told(phase: str, done: int, all_: int) -> None:
            self._show(Progressed(rig=NO_RIG, task="clone", done=done, all=all_, words=phase))

        return await clone(self._git(), url.strip(), into, told)

    def rig_folder(self, top_level: Path) -> Path:
        """Where everything of a checkout's rig is kept."""
        return self._data / "rigs" / rig_id(top_level)

    async def make_sample(self) -> Path:
        """The sample repository."""
        return await make_sample(self._override)

    async def close(self) -> None:
        """Ends every child."""
        await self._launcher.close()

    def _recent(self, opened: Opened) -> Recent:
        if not opened.path.is_dir():
            return _recent(opened, state="missing", words="folder not found")
        state = self._newest(opened.path)
        if state is None:
            return _recent(opened, branch=_branch(opened.path))
        works, merged = len(state.works()), len(state.merged())
        if state.rehearsal:
            apart = works - len({one.bead for one in state.dependencies if one.kind == "blocks"})
            words, name = f"rehearsed, {apart} of {works} apart", "rehearsed"
        elif state.stage == "landed":
            words, name = f"{merged} landed", "landed"
        else:
            words, name = f"{merged} of {works} merged", "merging"
        spent = 0 if state.rehearsal else sum(view.cost for view in state.beads.values())
        cap = None if state.rehearsal else state.caps.get(f"convoy:{state.convoy}")
        return _recent(opened, state=name, words=words, spent=spent, cap=cap, branch=_branch(opened.path))

    def _newest(self, path: Path) -> Projection | None:
        files = list((self.rig_folder(path) / "events").glob("*.jsonl"))
        if not files:
            return None
        try:
            return fold(
                [decode(line) for line in read_lines(max(files, key=lambda one: one.stat().st_mtime))]
            )
        except GasTownError:
            return None


def oddities(facts: RepositoryFacts) -> tuple[str, ...]:
    """What is unusual about a repository and does not hinder, a plain sentence each."""
    notes: list[str] = []
    if facts.dirty:
        notes.append("You have uncommitted changes; they stay as they are and are not rehearsed.")
    if facts.head_branch is None:
        notes.append("HEAD is detached; its commit is the newest that is rehearsed.")
    if facts.shallow:
        notes.append("Its history is cut off (a shallow clone); only what is here can be rehearsed.")
    if facts.partial:
        notes.append("Some of its objects are only on the server (a partial clone).")
    if facts.submodules:
        notes.append(f"It has submodules ({', '.join(facts.submodules[:3])}); they are left as they are.")
    return tuple(notes)


def _plain_kind(path: Path) -> Looked | None:
    """What a path is where it cannot be a repository."""
    if not path.exists():
        sentence = f"There is nothing at {path}."
        return Looked(kind="missing", path=path, sentence=sentence, remedy="Check the path.")
    if not path.is_dir():
        sentence = f"{path.name} is a file."
        return Looked(kind="file", path=path, sentence=sentence, remedy="Drop its folder instead.")
    return None


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _kind_of(path: Path, refused: Refused) -> Kind:
    try:
        find(path)
    except Refused:
        words = str(refused)
        if "not in a git repository" in words:
            return "plain_folder"
        if "belongs to another user" in words:
            return "foreign"
        return "bare" if "bare repository" in words else "broken"
    words = str(refused)
    if "no commits" in words:
        return "empty"
    return "bare" if "bare repository" in words else "refused"


def _branch(path: Path) -> str:
    """The branch that is checked out, read from HEAD alone."""
    try:
        _, git_dir = find(path)
        head = (git_dir / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except (OSError, GasTownError):
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else head[:10]


def _recent(
    opened: Opened,
    *,
    state: str = "",
    words: str = "",
    spent: int = 0,
    cap: int | None = None,
    branch: str = "",
) -> Recent:
    return Recent(
        path=opened.path,
        name=os.fsencode(opened.path.name).decode("utf-8", "replace"),
        branch=branch,
        state=state,
        words=words,
        spent=spent,
        cap=cap,
        at=opened.at,
    )
