"""The user's repository: found, described and fingerprinted by reading only; nothing of it runs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.command import READING_S, common_dir, git_failure
from gastown_desktop.adapters.git.files import RealFolders, read_regular
from gastown_desktop.adapters.git.objects_command import read_shallow
from gastown_desktop.core.errors import GasTownError, Refused, StoreError
from gastown_desktop.core.ids import Oid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gastown_desktop.adapters.git.command import ConfigEntry, GitCommand

_HASHED_UP_TO = 20_000_000
_SMALL = 1 << 16
_PACKED_REFS = 1 << 28
_LISTING_TIMEOUT_S = 120.0
_ONLY_READ = ("config", "config.worktree", "info/attributes", "info/exclude", "info/sparse-checkout")
"""Files that may be links to anywhere, as some keep them at one place for all of their repositories."""
_USED_BY_GIT = (
    *("HEAD", "ORIG_HEAD", "MERGE_HEAD", "index", "packed-refs", "shallow", "commondir", "gitdir"),
    *("refs", "logs", "info", "objects", "reftable", "worktrees"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """What is known about a user's repository after looking at it."""

    top_level: Path
    """The folder of the checkout."""
    git_dir: Path
    """Its git folder; for a linked worktree the worktree's own."""
    common_dir: Path
    """The git folder that all worktrees share."""
    hash_name: str
    """`sha1` or `sha256`."""
    ref_format: str
    """`files` or `reftable`."""
    head_oid: Oid
    head_branch: str | None
    """The branch without `refs/heads/`; None when HEAD is detached."""
    shallow: frozenset[Oid]
    """Commits at which history was cut; empty for a whole repository."""
    partial: bool
    """Some objects are only on the server."""
    dirty: bool
    """Tracked files or the index differ from HEAD."""
    submodules: tuple[str, ...]
    """Paths of submodules in the index."""
    user_name: str
    """The user's name for commits; empty when not configured."""
    user_email: str
    """The user's address for commits; empty when not configured."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything about a repository that must not change behind the user's back, as digests by name."""

    parts: Mapping[str, str]


async def inspect(git: GitCommand, path: Path, *, home: Path | None = None) -> RepositoryFacts:
    """Finds the repository that a path belongs to and describes it.

    Args:
        git: runs git.
        path: a folder or file in the checkout.
        home: where the user's own configuration is; by default their home folder.

    Raises:
        Refused: there is nothing at the path, no repository, a bare one, one without commits, or one that
            belongs to another user; the remedy says what to do.
        GitError: its configuration cannot be parsed.
    """
    top_level, git_dir = find(path)
    await asyncio.to_thread(_refuse_odd_files, git_dir)
    entries = await git.read_config(git_dir, home=home or Path.home())
    settings = _settings(entries)
    _refuse_odd_rules(settings, top_level, git_dir)
    own = _settings([entry for entry in entries if entry.scope in ("local", "worktree")])
    if own.get("core.bare") == "true" and git_dir == common_dir(git_dir):
        raise _bare(git_dir)
    asked = ("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    head = await git.run(*asked, git_dir=git_dir, check=False, timeout_s=READING_S)
    if head.timed_out or head.error.strip():
        raise _unread(top_level, git_failure(asked, head))
    if head.exit_code:
        raise Refused(f"{top_level} has no commits yet.", remedy="Make a first commit, then open it again.")
    branch = await git.run("symbolic-ref", "--quiet", "--short", "HEAD", git_dir=git_dir, check=False)
    hash_name = own.get("extensions.objectformat", "sha1").lower()
    ref_format = own.get("extensions.refstorage", "files").lower()
    return RepositoryFacts(
        top_level=top_level,
        git_dir=git_dir,
        common_dir=common_dir(git_dir),
        hash_name=hash_name,
        ref_format=ref_format,
        head_oid=Oid(head.output.decode().strip()),
        head_branch=os.fsdecode(branch.output.strip()) or None,
        shallow=read_shallow(git_dir),
        partial="extensions.partialclone" in own or any(key.endswith(".promisor") for key in own),
        dirty=await _is_dirty(git, top_level, git_dir),
        submodules=await _submodules(git, top_level, git_dir),
        user_name=settings.get("user.name", ""),
        user_email=settings.get("user.email", ""),
    )


def _unread(top_level: Path, failure: GasTownError) -> GasTownError:
    """The error of a repository in which git finds no HEAD for another reason than that there is none."""
    if isinstance(failure, StoreError):
        return failure
    return Refused(f"git cannot read {top_level}: {failure}", safe="Nothing was changed.")


def gone(top_level: Path) -> RepositoryFacts:
    """What is known of a repository that is not there any more: where it was."""
    git_dir = top_level / ".git"
    return RepositoryFacts(
        top_level=top_level,
        git_dir=git_dir,
        common_dir=git_dir,
        hash_name="sha1",
        ref_format="files",
        head_oid=Oid(""),
        head_branch=None,
        shallow=frozenset(),
        partial=False,
        dirty=False,
        submodules=(),
        user_name="",
        user_email="",
    )


def find(path: Path) -> tuple[Path, Path]:
    """Finds the checkout and the git folder of a path, upwards, without running anything.

    Raises:
        Refused: as `inspect`, except for what only the configuration tells.
    """
    if not path.exists():
        raise Refused(f"There is nothing at {path}.", remedy="Check the path.")
    start = path.resolve()
    for folder in (start, *start.parents):
        git_dir = _git_dir_of(folder)
        if git_dir is not None:
            _refuse_foreign(folder, git_dir)
            _refuse_borrowed(folder, git_dir)
            return folder, git_dir
        if _is_git_dir(folder):
            _refuse_foreign(folder, folder)
            if folder.name == ".git":
                return folder.parent, folder
            raise _bare(folder)
    raise Refused(
        f"{path} is not in a git repository.",
        remedy="Open a folder with a repository, or run `git init` there.",
    )


def _git_dir_of(folder: Path) -> Path | None:
    link = folder / ".git"
    if link.is_dir():
        return link if _is_git_dir(link) else None
    text = read_regular(link, _SMALL) or b""
    if not text.startswith(b"gitdir:"):
        return None
    target = (folder / os.fsdecode(text.removeprefix(b"gitdir:").strip())).resolve()
    if not _is_git_dir(target):
        raise Refused(
            f"{link} points to {target}, which is not a repository.",
            remedy="Run `git worktree repair` there.",
        )
    return target


def _is_git_dir(folder: Path) -> bool:
    shared = common_dir(folder)
    return (folder / "HEAD").is_file() and (shared / "objects").is_dir() and (shared / "refs").exists()


def _refuse_foreign(top_level: Path, git_dir: Path) -> None:
    if not hasattr(os, "geteuid"):
        return
    for place in (top_level, git_dir, common_dir(git_dir)):
        if place.stat().st_uid != os.geteuid():
            raise Refused(
                f"{place} belongs to another user.",
                remedy="Clone it into a folder of yours and open the clone.",
            )


def _refuse_borrowed(folder: Path, git_dir: Path) -> None:
    """Refuses a git folder that is another checkout's, or says that it shares another repository's.

    Work on it would move that other repository's branches and give its content to workers.
    """
    shared, real = common_dir(git_dir), git_dir.resolve()
    if shared == git_dir:
        whose = real.parent if real.name == ".git" else folder
    elif real.parent != (shared / "worktrees").resolve():
        raise Refused(
            f"{git_dir} uses the repository {shared}, which has no such worktree.",
            remedy=f"Open {shared.parent if shared.name == '.git' else shared} itself.",
        )
    else:
        link = (read_regular(git_dir / "gitdir", _SMALL) or b"").rstrip(b"\r\n")
        whose = Path(real, os.fsdecode(link)).parent.resolve() if link else folder
    if whose != folder:
        raise Refused(
            f"{folder / '.git'} leads to the git folder of {whose}.",
            remedy=f"Open that itself; if it was moved to {folder}, run `git worktree repair` there.",
        )


def _refuse_odd_files(git_dir: Path) -> None:
    """Refuses what would let git wait for ever or write somewhere else: pipes, devices, links out."""
    folders = list(dict.fromkeys((git_dir, common_dir(git_dir))))
    within = [folder.resolve() for folder in folders]
    only_read = {folder / name for folder in folders for name in _ONLY_READ}
    for file in _used_by_git(folders):
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise Refused(
                f"{file} is no file, and git would wait for it.", remedy="Delete it, or clone anew."
            )
        leads_out = not any(_led_to(file).is_relative_to(place) for place in within)
        if leads_out and (file not in only_read or file.is_dir()):
            raise Refused(
                f"{file} leads out of the repository, and git would write there.",
                remedy="Clone it and open the clone.",
            )


def _refuse_odd_rules(settings: Mapping[str, str], *folders: Path) -> None:
    """The same for the files of rules that a configuration names, relative to where git runs."""
    for key in ("core.attributesfile", "core.excludesfile"):
        try:
            named = Path(settings.get(key) or os.devnull).expanduser()
        except RuntimeError:  # there is no such user; git says so when it reads it
            continue
        for file in (folder / named for folder in folders):
            if file.exists() and not (file.is_file() or file.is_dir() or str(file) == os.devnull):
                raise Refused(f"{file} is no file, and git would wait for it.", remedy=f"Mend {key}.")


def _led_to(file: Path) -> Path:
    """Where a path leads, whether something is there or not; a circle of links leads nowhere."""
    return Path(os.path.realpath(file))


def _used_by_git(folders: Iterable[Path]) -> Iterator[Path]:
    """What git reads or writes in its folders; below those that are listed only what is no plain file."""
    seen: set[Path] = set()
    waiting = [folder / name for folder in folders for name in (*_ONLY_READ, *_USED_BY_GIT)]
    while waiting:
        place = waiting.pop()
        yield place
        real = _led_to(place)
        if real in seen or not real.is_dir():
            continue
        seen.add(real)
        with suppress(OSError), os.scandir(place) as entries:
            waiting += [Path(entry.path) for entry in entries if not entry.is_file(follow_symlinks=False)]


def _bare(git_dir: Path) -> Refused:
    return Refused(
        f"{git_dir} is a bare repository: it has no files to work on.",
        remedy="Clone it, or add a worktree with `git worktree add`, and open that.",
    )


def _settings(entries: Iterable[ConfigEntry]) -> dict[str, str]:
    return {entry.key: entry.value if entry.value is not None else "true" for entry in entries}


async def _is_dirty(git: GitCommand, top_level: Path, git_dir: Path) -> bool:
    listed = await git.run(
        *("status", "--porcelain", "-z", "--untracked-files=no"),
        git_dir=git_dir,
        work_tree=top_level,
        overrides=await git.overrides_for(git_dir),
        timeout_s=_LISTING_TIMEOUT_S,
    )
    return bool(listed.output)


async def _submodules(git: GitCommand, top_level: Path, git_dir: Path) -> tuple[str, ...]:
    listing = await git.run("ls-files", "--stage", "-z", git_dir=git_dir, work_tree=top_level)
    lines = (line for line in listing.output.split(b"\0") if line.startswith(b"160000 "))
    return tuple(os.fsdecode(line.partition(b"\t")[2]) for line in lines)


# --- fingerprint ---


async def fingerprint(git: GitCommand, facts: RepositoryFacts) -> Fingerprint:
    """Digests HEAD, refs, index, configuration, hooks, `info/` and the files that git does not ignore.

    Content of files up to 20 MB is read, larger ones count by size, times and inode. No filter runs, no link
    is followed.

    Raises:
        GitError: the index cannot be read.
    """
    listing = await git.run(
        *("ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        git_dir=facts.git_dir,
        work_tree=facts.top_level,
        timeout_s=_LISTING_TIMEOUT_S,
    )
    paths = [os.fsdecode(path) for path in listing.output.split(b"\0")[:-1]]
    return await asyncio.to_thread(_fingerprint, facts, paths)


def differences(before: Fingerprint, after: Fingerprint) -> list[str]:
    """What changed between two fingerprints, one plain line each, sorted; empty when nothing did."""
    lines: list[str] = []
    for name in sorted(before.parts.keys() | after.parts.keys()):
        old, new = before.parts.get(name), after.parts.get(name)
        if old != new:
            lines.append(f"{name} was {'added' if old is None else 'removed' if new is None else 'changed'}")
    return lines


def _fingerprint(facts: RepositoryFacts, paths: list[str]) -> Fingerprint:
    shared = facts.common_dir
    parts = {f"ref {name}": oid for name, oid in _refs(shared).items()}
    for name in ("HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "index", "config.worktree"):
        parts |= _part(name, facts.git_dir / name)
    for name in ("config", "shallow", "objects/info/alternates"):
        parts |= _part(name, shared / name)
    places = [shared / "hooks", shared / "info", shared / "reftable"]
    for file in (file for place in places for file in sorted(place.rglob("*"))):
        parts |= _part(file.relative_to(shared).as_posix(), file)
    for head in sorted(shared.glob("worktrees/*/HEAD")):
        parts |= _part(head.relative_to(shared).as_posix(), head)
    folders = RealFolders(facts.top_level)
    for path in filter(folders.reaches, paths):
        parts |= _part(f"file {path}", facts.top_level / path.rstrip("/"))
    return Fingerprint(parts)


def _refs(shared: Path) -> dict[str, str]:
    refs: dict[str, str] = {}
    for line in (read_regular(shared / "packed-refs", _PACKED_REFS) or b"").splitlines():
        if line and line[:1] not in b"#^":
            oid, _, name = line.partition(b" ")
            refs[os.fsdecode(name)] = oid.decode("ascii", "replace")
    for file in (shared / "refs").rglob("*"):
        if file.is_file() and not file.is_symlink():
            refs[file.relative_to(shared).as_posix()] = os.fsdecode(
                (read_regular(file, _SMALL) or b"").strip()
            )
    return refs


def _part(name: str, path: Path) -> dict[str, str]:
    try:
        info = path.lstat()
    except OSError:
        return {}
    mode = f"{info.st_mode:o}"
    if stat.S_ISLNK(info.st_mode):
        return {name: f"{mode} {path.readlink()}"}
    if stat.S_ISREG(info.st_mode) and info.st_size <= _HASHED_UP_TO:
        digest = hashlib.sha256(read_regular(path, _HASHED_UP_TO) or b"").hexdigest()
        return {name: f"{mode} {digest}"}
    if stat.S_ISREG(info.st_mode):
        return {name: f"{mode} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}"}
    return {name: mode}
