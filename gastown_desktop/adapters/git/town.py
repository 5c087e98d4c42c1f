"""The rig's own bare repository, `town.git`: made from the user's, refreshed from it, never writing to it.

What the user has is kept below `refs/gastown/source/`: `HEAD`, `heads/*` and `tags/*`. `HEAD` of town.git is
detached at the user's `HEAD`. `refs/heads` holds only branches of ours.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.command import common_dir
from gastown_desktop.adapters.git.objects_command import MERGING
from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.ids import Oid

if TYPE_CHECKING:
    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.engine.git_ports import GitObjects

SOURCE_REFS = "refs/gastown/source"
_NEW = "town.git.new"
_LOCKED_FOLDERS = ("refs/heads/work", "refs/heads/convoy", "refs/heads/rehearsal", "refs/gastown")
_LOCKS = ("packed-refs.lock", "packed-refs.new", "HEAD.lock", "shallow.lock", "config.lock")
_UNFINISHED = ("tmp_*", "pack/tmp_*", "pack/.tmp-*", "??/tmp_obj_*")
"""Below `objects`: what git was writing, under names that nobody reads."""


async def open_town(git: GitCommand, rig_folder: Path, source_git_dir: Path) -> Path:
    """Makes `<rig_folder>/town.git`, or refreshes it with what the user has now.

    It is complete or absent: it is made under another name and renamed. Objects are hard-linked where the
    file system allows it, else copied; it never depends on the source afterwards.

    Args:
        git: runs git.
        rig_folder: a folder of ours; made when missing. The caller holds the rig's lock.
        source_git_dir: the user's git folder (of a linked worktree: its own); only read.

    Raises:
        Refused: the source is a partial clone.
        DiskFull: no space left.
        GitError: the source is damaged.
    """
    town = rig_folder / "town.git"
    await _refuse_partial_clone(git, source_git_dir)
    new = _cleared(rig_folder)
    if not town.exists():
        await _clone(git, common_dir(source_git_dir), new)
        await refresh(git, new, source_git_dir)
        new.rename(town)
    else:
        await refresh(git, town, source_git_dir)
    return town


async def refresh(git: GitCommand, town: Path, source_git_dir: Path) -> None:
    """Fetches the user's branches, tags and `HEAD`; what the user deleted is deleted here.

    Raises:
        GitError: the source is damaged.
    """
    heads = f"+refs/heads/*:{SOURCE_REFS}/heads/*"
    tags = f"+refs/tags/*:{SOURCE_REFS}/tags/*"
    await _fetch(git, town, source_git_dir, "--prune", heads, tags, f"+HEAD:{SOURCE_REFS}/HEAD")
    await git.run("update-ref", "--no-deref", "HEAD", f"{SOURCE_REFS}/HEAD", git_dir=town)


async def fetch_commit(git: GitCommand, town: Path, source_git_dir: Path, oid: Oid) -> None:
    """Makes a commit that no ref of the user reaches available, and keeps it reachable.

    Raises:
        GitError: the source has no such commit.
    """
    await _fetch(git, town, source_git_dir, f"+{oid}:{SOURCE_REFS}/commits/{oid}")


async def fetch_branch(git: GitCommand, town: Path, source_git_dir: Path, branch: str) -> Oid:
    """Makes a branch of the user's, as it is now, available; returns where it is.

    Raises:
        GitError: the source has no such branch.
    """
    name = f"{SOURCE_REFS}/heads/{branch}"
    await _fetch(git, town, source_git_dir, f"+refs/heads/{branch}:{name}")
    at = await git.run("rev-parse", "--verify", f"{name}^{{commit}}", git_dir=town)
    return Oid(at.output.decode().strip())


async def resolve_source(objects: GitObjects, rev: str) -> Oid | None:
    """The commit that a revision means in the user's repository (`main~2`, `v1.0`, `HEAD^`, an id)."""
    spellings = (f"{SOURCE_REFS}/{rev}",) if rev.startswith("HEAD") else ()
    spellings += (f"{SOURCE_REFS}/heads/{rev}", f"{SOURCE_REFS}/tags/{rev}")
    if rev.startswith(("refs/heads/", "refs/tags/")):
        spellings = (f"{SOURCE_REFS}/{rev.removeprefix('refs/')}",)
    for spelling in (*spellings, rev):
        oid = await objects.resolve(spelling)
        if oid is not None:
            return oid
    return None


def sweep(town: Path) -> list[Path]:
    """Removes locks and unfinished files that a killed process left in town.git; returns them.

    Only for a caller who holds the rig's lock and knows that no child of ours lives.
    """
    stale = [lock for folder in _LOCKED_FOLDERS for lock in (town / folder).rglob("*.lock")]
    stale += [town / name for name in _LOCKS]
    stale += [file for pattern in _UNFINISHED for file in (town / "objects").glob(pattern)]
    removed: list[Path] = []
    for file in stale:
        if file.is_file():
            file.unlink()
            removed.append(file)
    for folder in town.glob(f"{MERGING}*"):
        owner = folder.name.removeprefix(MERGING).partition("-")[0]
        if owner.isdecimal() and not lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def lives(pid: int) -> bool:
    """Whether there is a process of this number, which is part of the name of what it makes and deletes."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _cleared(rig_folder: Path) -> Path:
    rig_folder.mkdir(parents=True, exist_ok=True)
    new = rig_folder / _NEW
    if new.exists():
        shutil.rmtree(new)
    return new


async def _refuse_partial_clone(git: GitCommand, source_git_dir: Path) -> None:
    for entry in await git.read_config(source_git_dir):
        if entry.key == "extensions.partialclone" or (
            entry.key.startswith("remote.") and entry.key.endswith(".promisor") and entry.value != "false"
        ):
            raise Refused(
                "The repository is a partial clone: some of its objects are only on its server.",
                remedy="Make a full clone and open that.",
            )


async def _clone(git: GitCommand, source: Path, town: Path) -> None:
    # Hard links would bring along what nothing refers to (a password that was staged once, a stash), and
    # workers see all objects.
    await git.run(
        *("clone", "--quiet", "--bare", "--no-local", "--template=", "--", source, town),
        git_dir=None,
        allow_protocol="file",
    )
    if (town / "objects" / "info" / "alternates").exists():
        await git.run("repack", "-a", "-d", "-q", git_dir=town)
        (town / "objects" / "info" / "alternates").unlink()
    await git.run("config", "--remove-section", "remote.origin", git_dir=town, check=False)
    await git.run("config", "gc.auto", "0", git_dir=town)
    await git.run("config", "core.logAllRefUpdates", "false", git_dir=town)
    listing = await git.run("for-each-ref", "--format=delete %(refname)", git_dir=town)
    await git.run("update-ref", "--no-deref", "--stdin", git_dir=town, input=listing.output)
    _describe(town)


def _describe(town: Path) -> None:
    (town / "description").write_text("Gas Town: work of this rig; the user's repository is elsewhere.\n")
    (town / "info").mkdir(exist_ok=True)
    (town / "info" / "exclude").write_text("")


async def _fetch(git: GitCommand, town: Path, source: Path, *args: str) -> None:
    options = [arg for arg in args if arg.startswith("--")]
    refspecs = [arg for arg in args if not arg.startswith("--")]
    try:
        await git.run(
            *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"),
            *("--update-shallow", *options, "--", source, *refspecs),
            git_dir=town,
            allow_protocol="file",
        )
    except GitError as failure:
        raise GitError(f"The repository could not be read: {failure}") from failure
