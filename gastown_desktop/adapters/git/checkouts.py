"""Where a branch of the user's repository is checked out, and what stands in the way there."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git import command
from gastown_desktop.adapters.git.files import RealFolders, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.adapters.git.user_repository import RepositoryFacts
    from gastown_desktop.engine.git_ports import TreeChange

_SMALL = 1 << 16
_POLL_S = 0.05
_RULE_FILES = (".gitattributes", ".gitignore")
"""What git reads in each folder on the way to a file that it writes."""
_LISTING_TIMEOUT_S = 120.0
_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
_REBASED = ("rebase-merge/head-name", "rebase-apply/head-name", "rebase-merge/update-refs", "BISECT_START")
"""Files of a git folder that name branches which will move, or be checked out again, when that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A worktree that has a branch, or will have it once what is under way there is over."""

    git_dir: Path
    folder: Path
    reachable: bool = True
    """False when the folder is not there, or does not belong to this repository any more."""
    under_way: str = ""
    """`a rebase` and the like; empty when nothing is."""


async def checkouts_of(git: GitCommand, facts: RepositoryFacts, ref: str) -> list[Checkout]:
    """Every worktree of the repository that has the branch `ref`.

    Raises:
        GitError: the configuration cannot be parsed.
    """
    found: list[Checkout] = []
    for git_dir in (facts.common_dir, *sorted(facts.common_dir.glob("worktrees/*"))):
        if not (git_dir / "HEAD").exists() or not await _has(git, git_dir, ref):
            continue
        if git_dir == facts.common_dir and await _is_bare(git, git_dir):
            continue
        folder = _folder_of(git_dir, facts)
        found.append(
            Checkout(
                git_dir=git_dir,
                folder=folder or git_dir,
                reachable=folder is not None and _belongs(folder, git_dir),
                under_way=next((what for name, what in _UNDER_WAY.items() if (git_dir / name).exists()), ""),
            )
        )
    return found


async def has_files_of(git: GitCommand, checkout: Checkout, commit: str) -> bool:
    """Whether the index of a checkout is that of a commit: somebody who switched after a branch moved."""
    same = await git.run(
        *("diff-index", "--cached", "--quiet", commit, "--"),
        git_dir=checkout.git_dir,
        work_tree=checkout.folder,
        check=False,
    )
    return same.exit_code == 0


async def _has(git: GitCommand, git_dir: Path, ref: str) -> bool:
    head = await git.run("symbolic-ref", "--quiet", "HEAD", git_dir=git_dir, check=False)
    if os.fsdecode(head.output.strip()) == ref:
        return True
    names = (read_regular(git_dir / name, _SMALL) or b"" for name in _REBASED)
    short = ref.removeprefix("refs/heads/")
    return any(line in {ref, short} for text in names for line in os.fsdecode(text).splitlines())


async def _is_bare(git: GitCommand, git_dir: Path) -> bool:
    entries = await git.read_config(git_dir)
    return next((one.value for one in reversed(entries) if one.key == "core.bare"), "") == "true"


def _folder_of(git_dir: Path, facts: RepositoryFacts) -> Path | None:
    """The worktree of a git folder; core.worktree is not believed, it could name any folder."""
    if git_dir == facts.git_dir:
        return facts.top_level
    if git_dir == facts.common_dir:
        return git_dir.parent if git_dir.name == ".git" else None
    link = (read_regular(git_dir / "gitdir", _SMALL) or b"").rstrip(b"\r\n")
    return Path(git_dir, os.fsdecode(link)).parent if link else None


def _belongs(folder: Path, git_dir: Path) -> bool:
    """Tells whether a folder's `.git` leads to this git folder, as git itself would find it."""
    link = folder / ".git"
    if link.is_dir():
        return link.resolve() == git_dir.resolve()
    text = read_regular(link, _SMALL) or b""
    target = os.fsdecode(text.removeprefix(b"gitdir:").strip())
    return text.startswith(b"gitdir:") and (folder / target).resolve() == git_dir.resolve()


async def in_the_way(git: GitCommand, checkout: Checkout, changes: Sequence[TreeChange]) -> str:
    """Why a checkout cannot take these changes, naming files; empty when it can.

    A lock of the index is waited for up to 5 s and never removed.
    """
    if not checkout.reachable:
        return f"{checkout.folder} has it checked out and cannot be reached; try `git worktree prune`."
    if checkout.under_way:
        return f"{checkout.under_way} is under way in {checkout.folder}; finish or abort it first."
    if await _stays_locked(checkout):
        return f"{checkout.git_dir / 'index.lock'} is there: another git is at work in {checkout.folder}."
    touched = {change.path for change in changes}
    pipes = _odd_rule_files(checkout.folder, touched)
    if pipes:
        return f"git would wait for what is no file in {checkout.folder}: {_listed(pipes)}; delete it."
    dirty = touched & set(await _changed_files(git, checkout))
    if dirty:
        return f"you have changes in {checkout.folder} to {_listed(dirty)}; commit or stash them first."
    untracked = _untracked(checkout.folder, changes)
    if untracked:
        return f"untracked files in {checkout.folder} are in the way: {_listed(untracked)}; move them away."
    return ""


async def is_clean(git: GitCommand, checkout: Checkout, changes: Sequence[TreeChange]) -> bool:
    """Whether a checkout has none of these paths changed, and nothing untracked in their place."""
    touched = {change.path for change in changes}
    changed = touched & set(await _changed_files(git, checkout))
    return not changed and not _untracked(checkout.folder, changes)


async def _stays_locked(checkout: Checkout) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + command.REF_LOCK_WAIT_S
    while (checkout.git_dir / "index.lock").exists():
        if loop.time() >= deadline:
            return True
        await asyncio.sleep(_POLL_S)
    return False


async def _changed_files(git: GitCommand, checkout: Checkout) -> list[str]:
    listed = await git.run(
        *("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames"),
        git_dir=checkout.git_dir,
        work_tree=checkout.folder,
        overrides=await git.overrides_for(checkout.git_dir),
        timeout_s=_LISTING_TIMEOUT_S,
    )
    return [os.fsdecode(line[3:]) for line in listed.output.split(b"\0")[:-1]]


def _odd_rule_files(folder: Path, touched: Iterable[str]) -> set[str]:
    """Pipes, sockets and devices in the place of files that git reads before it writes others."""
    above = {"", *(f"{parent}/" for path in touched for parent in _folders_above(path))}
    folders = RealFolders(folder)
    found = {f"{parent}{name}" for parent in above for name in _RULE_FILES}
    modes = {path: info.st_mode for path in found if (info := folders.look(path)) is not None}
    return {
        path
        for path, mode in modes.items()
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))
    }


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _untracked(folder: Path, changes: Sequence[TreeChange]) -> set[str]:
    """Files that nobody tracks where the changes put something; ignored ones too, git would replace them."""
    gone = {change.path for change in changes if change.new_oid is None}
    folders = RealFolders(folder)
    found: set[str] = set()
    for change in changes:
        if change.old_oid is not None or change.new_oid is None:
            continue
        for parent in _folders_above(change.path):
            if parent not in gone and os.path.lexists(folder / parent) and not (folder / parent).is_dir():
                found.add(parent)
        if folders.look(change.path) is not None and not _vanishes(change.path, gone):
            found.add(change.path)
    return found


def _vanishes(path: str, gone: Iterable[str]) -> bool:
    """Tells whether tracked files make room for a file of their folder's name; git looks closer."""
    return any(other.startswith(f"{path}/") for other in gone)


def _listed(paths: Iterable[str]) -> str:
    ordered = sorted(paths)
    more = f" and {len(ordered) - 10} more" if len(ordered) > 10 else ""
    return ", ".join(ordered[:10]) + more
