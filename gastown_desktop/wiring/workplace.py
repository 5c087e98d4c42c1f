"""Puts the town together: which adapter serves which port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from gastown_desktop.adapters.file_lock import FileLock
from gastown_desktop.adapters.gate_proposals import FILES, FOLDERS, LARGEST_FILE, VENV_PYTHON
from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.files import delete_any, read_regular
from gastown_desktop.adapters.git.objects import PygitObjects, open_objects
from gastown_desktop.adapters.git.objects_command import CommandObjects
from gastown_desktop.adapters.git.remote import GitRemote
from gastown_desktop.adapters.git.signing import GitSigner
from gastown_desktop.adapters.git.town import fetch_commit, open_town, resolve_source, sweep
from gastown_desktop.adapters.git.trust import (
    TrustItem,
    TrustList,
    TrustStore,
    what_runs_there,
    what_would_run,
)
from gastown_desktop.adapters.git.user_repository import RepositoryFacts, gone, inspect
from gastown_desktop.adapters.git.user_target import UserTarget
from gastown_desktop.adapters.known_secrets import find_secrets
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.repository_config import NAME, RepositoryConfig, parse
from gastown_desktop.adapters.sandbox import find_sandbox, kill_orphans
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.ids import ConvoyId, Oid, RigId
from gastown_desktop.core.preparation import NO_PREPARATION, Preparation
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.core.serialising import Generated
from gastown_desktop.core.toml_text import LARGEST as LARGEST_TOML
from gastown_desktop.core.wording import show_hidden
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import EXECUTABLE, REGULAR, GitObjects
from gastown_desktop.engine.rig import Rig
from gastown_desktop.paths import data_folder, settings_file, slots_folder

RIG_LOCK = "rig.lock"
"""File in the rig's folder that whoever works on the rig holds."""
FORGOTTEN = "forgotten"
"""Folder in the data folder where a rig is while it is deleted: it goes at once, or not at all."""
SCRATCH = "scratch"
"""Folder of a rig or of one of its convoys for what only an open convoy needs: command files, and without a
sandbox HOME and TMPDIR of workers."""
_FOLDER = 0o040000
OwnObjects = PygitObjects | CommandObjects


@dataclass(slots=True, kw_only=True)
class Workplace:
    """One rig, opened."""

    data: Path
    launcher: LocalLauncher
    git: GitCommand
    facts: RepositoryFacts
    rig: Rig
    clock: SystemClock
    slots_root: Path
    settings_file: Path
    """What the user wants when the command does not say."""
    lock: FileLock | None = None
    objects: OwnObjects | None = None
    """The rig's own repository, once it was entered."""
    secrets: Secrets = NO_SECRETS
    """What a worker may come across and nobody is told, known once the rig was entered."""
    swept: int = 0
    """Children of a killed process that were still running when the rig was entered."""

    def rehearsal_folder(self, convoy: ConvoyId) -> Path:
        """Where a rehearsal keeps its ledger and bill."""
        return rehearsal_folder(self.rig.folder, convoy)

    def work_folder(self, convoy: ConvoyId) -> Path:
        """Where a convoy of real work keeps what is not in git: scratch files and its report."""
        return self.rig.folder / "convoys" / convoy

    @property
    def money_file(self) -> Path:
        """The ledger of all real work, whatever the rig."""
        return self.data / "money" / "money.log"

    def events_file(self, convoy: ConvoyId) -> Path:
        """The history of a convoy."""
        return self.rig.folder / "events" / f"{convoy}.jsonl"

    async def config(self, objects: GitObjects, commit: Oid) -> RepositoryConfig:
        """What `.gastown.toml` proposes at a commit.

        Raises:
            Refused: it is none, or nothing that makes sense.
        """
        for entry in await objects.list_tree(await objects.tree_of(commit), recursive=False):
            if entry.path == NAME:
                if (
                    entry.mode not in {REGULAR, EXECUTABLE}
                    or await objects.blob_size(entry.oid) > LARGEST_TOML
                ):
                    raise Refused(f"{NAME} is no file, or far too large.", remedy="Mend it and commit it.")
                return parse(await objects.read_blob(entry.oid))
        return RepositoryConfig()

    async def gate_hints(self, objects: GitObjects, commit: Oid) -> dict[str, bytes]:
        """Files of a commit, by path, from which gates can be proposed; the interpreter is the checkout's."""
        hints: dict[str, bytes] = {}
        for entry in await objects.list_tree(await objects.tree_of(commit), recursive=False):
            is_file = entry.mode in {REGULAR, EXECUTABLE}
            if entry.mode == _FOLDER and f"{entry.path}/" in FOLDERS:
                hints[f"{entry.path}/"] = b""
            elif is_file and entry.path in FILES and await objects.blob_size(entry.oid) <= LARGEST_FILE:
                hints[entry.path] = await objects.read_blob(entry.oid)
        if (self.rig.checkout / VENV_PYTHON).is_file():
            hints[VENV_PYTHON] = b""
        return hints

    def target(self, objects: GitObjects, branch: str) -> UserTarget:
        """A branch of the user's that something is to land on; without `refs/heads/`."""
        return UserTarget(self.git, objects, self.rig.town_git, self.facts, branch)

    def signer(self) -> GitSigner:
        """Who signs what lands, if the user's git would."""
        return GitSigner(self.git, self.rig.town_git, self.facts.git_dir)

    async def close(self) -> None:
        """Ends every child, drops folders of slots that are empty now, and gives the lock back."""
        if self.objects is not None:
            self.objects.close()
        await self.launcher.close()
        for folder in (self.slots_root, self.slots_root.parent, self.rig.folder / "indexes"):
            with suppress(OSError):
                folder.rmdir()
        if self.lock is not None:
            self.lock.close()


def rehearsal_folder(rig_folder: Path, convoy: ConvoyId) -> Path:
    """Where a rehearsal of a rig keeps its ledger, bill and report."""
    return rig_folder / "rehearsals" / convoy


async def open_workplace(repo: Path, data_override: Path | None) -> Workplace:
    """Looks at a repository and opens its rig, without writing anything but folders of our own.

    Raises:
        Refused: it is no repository that can be worked on; says why.
    """
    data = data_folder(data_override)
    launcher = LocalLauncher(data / "children")
    git = GitCommand(launcher, git_path(), data / "empty-hooks")
    await git.version()
    return _workplace(data, launcher, git, await inspect(git, repo), data_override)


async def open_kept(repo: Path, data_override: Path | None) -> Workplace:
    """The same for those who need only what is kept of a repository: it may be gone by now.

    Raises:
        Refused: it is no repository that can be worked on, and nothing is kept of one at its path.
    """
    try:
        return await open_workplace(repo, data_override)
    except Refused:
        data, top_level = data_folder(data_override), _absolute(repo)
        rig = rig_id(top_level)
        if not (data / "rigs" / rig).is_dir() and not half_forgotten(data, rig):
            raise
    launcher = LocalLauncher(data / "children")
    git = GitCommand(launcher, git_path(), data / "empty-hooks")
    return _workplace(data, launcher, git, gone(top_level), data_override)


def _absolute(path: Path) -> Path:
    return path.resolve()


def _workplace(
    data: Path, launcher: LocalLauncher, git: GitCommand, facts: RepositoryFacts, data_override: Path | None
) -> Workplace:
    rig = rig_id(facts.top_level)
    folder = data / "rigs" / rig
    return Workplace(
        data=data,
        launcher=launcher,
        git=git,
        facts=facts,
        clock=SystemClock(),
        slots_root=slots_folder(data_override) / rig[-6:],
        settings_file=settings_file(data_override),
        rig=Rig(
            id=rig,
            checkout=facts.top_level,
            folder=folder,
            town_git=folder / "town.git",
            prefix=_prefix(facts.top_level.name),
            user_name=facts.user_name or "Gas Town",
            user_email=facts.user_email or "town@gastown.invalid",
        ),
    )


async def enter(workplace: Workplace) -> GitObjects:
    """Takes the rig, sweeps what a killed process left, and opens its repository.

    What of any rig was to be forgotten, and was left when its deletion was killed or failed, goes now.

    Raises:
        Refused: another process works on this rig.
    """
    workplace.lock = FileLock(workplace.rig.folder / RIG_LOCK, "Work on this repository")
    workplace.swept = await workplace.launcher.sweep()
    await kill_orphans()
    await asyncio.to_thread(_finish_forgetting, workplace.data)
    await asyncio.to_thread(_clear_scratch, workplace.rig.folder)
    if workplace.rig.town_git.exists():
        sweep(workplace.rig.town_git)
    town = await open_town(workplace.git, workplace.rig.folder, workplace.facts.git_dir)
    workplace.objects = await open_objects(workplace.git, town)
    workplace.secrets = await _secrets(workplace, workplace.objects)
    return workplace.objects


def half_forgotten(data: Path, rig: str = "*") -> list[Path]:
    """What is left of a rig, or of any, that was forgotten: its deletion goes on, was killed, or failed."""
    return sorted((data / FORGOTTEN).glob(f"{rig}.*"))


def _finish_forgetting(data: Path) -> None:
    """Deletes what is left of forgotten rigs; what cannot be deleted now is found by the next time."""
    for left in half_forgotten(data):
        with suppress(OSError):
            delete_any(left)


def _clear_scratch(rig_folder: Path) -> None:
    """Deletes what a killed process needed while it had the rig; what cannot be deleted is left."""
    for places in ("", "convoys/*/", "rehearsals/*/"):
        for left in rig_folder.glob(f"{places}{SCRATCH}"):
            with suppress(OSError):
                delete_any(left)


async def _secrets(workplace: Workplace, objects: GitObjects) -> Secrets:
    facts, home = workplace.facts, Path.home()
    entries = await workplace.git.read_config(facts.git_dir, home=home)
    tree = await objects.tree_of(facts.head_oid)
    tracked = frozenset(entry.path for entry in await objects.list_tree(tree, recursive=False))
    return Secrets(
        find_secrets(
            facts.top_level,
            home,
            [(entry.key, entry.value or "") for entry in entries],
            os.environ,
            tracked=tracked,
            read=read_regular,
        )
    )


async def resolve(workplace: Workplace, objects: GitObjects, rev: str) -> Oid:
    """The commit that a revision means in the user's repository.

    Raises:
        Refused: it means none.
    """
    found = await resolve_source(objects, rev)
    if found is None and re.fullmatch(r"[0-9a-f]{40,64}", rev):
        with contextlib.suppress(GitError):  # there is no such commit
            await fetch_commit(workplace.git, workplace.rig.town_git, workplace.facts.git_dir, Oid(rev))
        found = await objects.resolve(rev)
    if found is None:
        raise Refused(f"{rev} names no commit here.")
    return found


async def runs_list(
    workplace: Workplace,
    gates: tuple[Gate, ...],
    generated: tuple[Generated, ...],
    hosts: tuple[str, ...] = (),
    preparation: Preparation = NO_PREPARATION,
    *,
    confined: bool,
) -> TrustList:
    """What would run in a trusted rig with these gates and files made anew, and which hosts it may reach.

    What prepares working folders belongs to it: commands, their own hosts, and files that are copied.
    """
    return await what_would_run(
        workplace.git,
        workplace.facts,
        [(gate.name, gate.command) for gate in gates],
        [step.command for step in preparation.steps],
        [(one.path, one.command) for one in generated],
        hosts,
        setup_hosts=preparation.hosts,
        copied=preparation.copied,
        confined=confined,
    )


async def is_confined(workplace: Workplace) -> bool:
    """Whether commands run in a sandbox on this machine."""
    with tempfile.TemporaryDirectory(prefix="gastown-sandbox-") as scratch:
        sandbox = await find_sandbox(
            workplace.launcher,
            home=Path.home(),
            town_objects=workplace.rig.town_git / "objects",
            scratch=Path(scratch),
        )
    return sandbox.confined


async def require_trust(
    workplace: Workplace,
    gates: tuple[Gate, ...],
    generated: tuple[Generated, ...],
    hosts: tuple[str, ...] = (),
    preparation: Preparation = NO_PREPARATION,
    *,
    trust: bool,
    workers: bool = False,
    confined: bool | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Lets gates, and what makes files anew, run only in a rig that the user trusts with exactly that.

    The same for what prepares working folders, for hosts that commands may reach, and for commands of workers
    where there is no sandbox: they belong to the list.

    Args:
        workplace: the rig.
        gates: gates that would run.
        generated: files that would be made anew.
        hosts: hosts that commands may reach.
        preparation: what prepares working folders.
        trust: the user agrees to the list as it is now.
        workers: a model's commands run as well.
        confined: whether there is a sandbox, where that is known.
        say: hears to which list the user has agreed.

    Raises:
        Refused: it is not trusted; lists what would run.
    """
    if confined is None:
        confined = await is_confined(workplace)
    if not gates and not hosts and not preparation and (confined or not workers):
        return
    listed = await runs_list(workplace, gates, generated, hosts, preparation, confined=confined)
    store, named = TrustStore(workplace.data / "trust.json"), _named(listed)
    if store.is_trusted(workplace.facts.top_level, listed.digest):
        return
    if not trust:
        raise Refused(
            f"This repository is not trusted, and these would run ({named}):\n{_spelled(listed)}",
            remedy="\nRead them, then add --trust; or rehearse with --no-gate, which runs nothing of it.",
        )
    store.trust(workplace.facts.top_level, listed.digest)
    say(f"Trusted from now on with what would run ({named}).")


async def require_trusted_remote(
    workplace: Workplace, remote: GitRemote, *, trust: bool, say: Callable[[str], None] = lambda _: None
) -> None:
    """Lets a remote that is a folder run its hooks and programs only where the user agreed to them.

    They run with the user's rights, outside every sandbox, and the repository says which folder it is. From
    then on it is looked at again whenever something is fetched or pushed.

    Raises:
        Refused: the user did not; lists what would run.
    """
    store, own = TrustStore(workplace.data / "trust.json"), workplace.facts.top_level
    remote.before_talking = partial(require_trusted_remote, workplace, remote, trust=False)
    for folder in remote.folders:
        listed = await what_runs_there(workplace.git, folder)
        if not listed.items or store.is_trusted(own, listed.digest, remote=folder):
            continue
        if not trust:
            raise Refused(
                f"{remote.name} is the folder {folder}, which would run these with your rights "
                f"({_named(listed)}):\n{_spelled(listed)}",
                safe="Nothing was sent.",
                remedy="\nRead them, then add --trust.",
            )
        store.trust(own, listed.digest, remote=folder)
        say(f"{folder} is trusted from now on with what it would run ({_named(listed)}).")


def _named(listed: TrustList) -> str:
    return f"list {listed.digest[:12]}"


def _spelled(listed: TrustList) -> str:
    return "\n".join(f"  {item.kind}: {_shown(item)}".rstrip() for item in listed.items)


def _shown(item: TrustItem) -> str:
    """One thing on one line; a line end in a command must not look like the next thing."""
    return show_hidden(f"{item.name} {item.value}").replace("\n", "‹U+000A›").replace("\t", " ")


def git_path() -> Path:
    """Where git is.

    Raises:
        Refused: it is not installed.
    """
    found = shutil.which("git")
    if found is None:
        raise Refused(
            "git is not installed.", remedy="Install git 2.39 or later from your system's packages."
        )
    return Path(found)


def rig_id(top_level: Path) -> RigId:
    """The id of the rig of a checkout: its name, and what tells it from others of that name."""
    name = re.sub(r"[^a-z0-9]+", "-", top_level.name.lower()).strip("-") or "rig"
    return RigId(f"{name[:30]}-{sha256(os.fsencode(top_level)).hexdigest()[:6]}")


def _prefix(name: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", name.lower())[:4]
    return letters if letters[:1].isalpha() else f"g{letters[:3]}"
