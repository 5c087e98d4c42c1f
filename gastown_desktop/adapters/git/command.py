"""The one hardened way to run `git`: it runs no program that a repository or a worker names.

Whatever the configuration of the repository says, hooks, the file-system monitor, pagers, prompts,
remote protocols and lazy fetches are off, nothing of the user's `GIT_*` variables or configuration is
inherited, and the repository is always named explicitly, never discovered.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.files import read_regular
from gastown_desktop.core.disk_errors import SEE_TO_IT
from gastown_desktop.core.errors import (
    DiskBroken,
    DiskFull,
    GasTownError,
    GitError,
    RefLocked,
    Refused,
    StoreError,
)
from gastown_desktop.engine.process_ports import ChildCommand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gastown_desktop.engine.process_ports import Child, Finished, Launcher

OLDEST_VERSION = (2, 39, 0)
REF_LOCK_WAIT_S = 5.0
READING_S = 20.0
"""Seconds that a command may take that reads a few files of a repository: one of them may be a pipe."""
_RETRY_S = 0.05
_STDERR_TAIL = 2000
_SMALL = 1 << 16

_PINNED = {
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "core.autocrlf": "false",
    "core.editor": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.fsync": "committed,loose-object,reference",
    "core.fsyncMethod": "batch",
    "diff.algorithm": "histogram",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "merge.conflictStyle": "merge",
    "merge.directoryRenames": "conflict",
    "merge.renameLimit": "7000",
    "merge.renames": "true",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "tag.gpgSign": "false",
    "commit.gpgSign": "false",
}
_PATCH_OPTIONS = ("--no-ext-diff", "--no-textconv")
_FORCED_OPTIONS = {
    "diff": (*_PATCH_OPTIONS, "--ignore-submodules=dirty"),
    "diff-files": (*_PATCH_OPTIONS, "--ignore-submodules=all"),
    "diff-index": (*_PATCH_OPTIONS, "--ignore-submodules=dirty"),
    "diff-tree": _PATCH_OPTIONS,
    "format-patch": _PATCH_OPTIONS,
    "log": _PATCH_OPTIONS,
    "show": _PATCH_OPTIONS,
    "status": ("--ignore-submodules=all",),
}
_MERGE_DRIVER = "git merge-file -q --marker-size=%L %A %O %B"
_EMPTIED = re.compile(r"filter\..*\.(clean|smudge|process)|diff\..*\.(textconv|command)", re.DOTALL)
_LOCKED = re.compile(rb"\.lock': File exists|[Uu]nable to lock|could not lock|failed to lock")
_FULL = re.compile(rb"[Nn]o space left on device|Disk quota exceeded|[Oo]ut of diskspace")
_DISK_FAILED = re.compile(rb"Input/output error|Read-only file system")
"""What the system says of a disk that is broken (EIO), or was made read-only because it is (EROFS)."""
_UNWRITTEN = re.compile(rb"^(error|fatal): unable to write (\w+ )*file", re.MULTILINE)
"""What git says of a file that it could not write, for whatever reason."""


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """One line of a repository's configuration; `key` has its first and last part in lower case."""

    scope: str
    key: str
    value: str | None
    """None for a key without `=` (it means true)."""


class GitCommand:
    """Runs git without letting a repository choose what runs.

    Args:
        launcher: starts the children.
        git_path: the git program.
        empty_hooks_folder: an empty folder that nobody else writes to.
        trusted_config: leave the filters and merge drivers of user repositories in force
            (`overrides_for` then answers nothing).
    """

    def __init__(
        self, launcher: Launcher, git_path: Path, empty_hooks_folder: Path, trusted_config: bool = False
    ) -> None:
        self._launcher = launcher
        self._git_path = git_path
        self._trusted_config = trusted_config
        empty_hooks_folder.mkdir(parents=True, exist_ok=True)
        self._flags = ["--no-optional-locks", "--no-pager", "-c", f"core.hooksPath={empty_hooks_folder}"]
        for key, value in _PINNED.items():
            self._flags += ["-c", f"{key}={value}"]

    async def run(
        self,
        *args: str | bytes | Path,
        git_dir: Path | None,
        work_tree: Path | None = None,
        index_file: Path | None = None,
        input: bytes = b"",  # noqa: A002 - the name that subprocess uses
        object_directory: Path | None = None,
        alternates: Sequence[Path] = (),
        allow_protocol: str | None = None,
        check: bool = True,
        overrides: Mapping[str, str] | None = None,
        pinned: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        finishes: bool = False,
    ) -> Finished:
        """Runs one git command.

        Args:
            args: the command and its arguments.
            git_dir: the repository; None only for commands without one (`clone`).
            work_tree: the folder to work in, else the command has none.
            index_file: an index other than the repository's.
            input: bytes for its standard input.
            object_directory: where objects are written instead.
            alternates: further object folders to read from.
            allow_protocol: the one transport that may be used (`file`, `ssh`, `https`).
            check: wait for locked refs and raise when the exit status is not 0.
            overrides: configuration that wins over the repository's.
            pinned: configuration that wins over everything, also over what is pinned for all commands.
            environment: further variables, or other values for those that are set; only for commands in a
                repository of ours, or with values of ours.
            timeout_s: seconds after which it is killed.
            finishes: it is never killed, since it would leave the user's files half changed.

        Raises:
            RefLocked: a ref or file stayed locked for 5 s.
            DiskFull: no space left.
            GitError: any other failure.
            Refused: git cannot be started.
        """
        command = ChildCommand(
            argv=(
                str(self._git_path),
                *self._protocol(allow_protocol),
                *(part for key, value in (pinned or {}).items() for part in ("-c", f"{key}={value}")),
                *_forced(args),
            ),
            environment={
                **self._environment(
                    git_dir, work_tree, index_file, object_directory, alternates, allow_protocol, overrides
                ),
                **(environment or {}),
            },
            folder=work_tree or git_dir,
            input=input,
            timeout_s=timeout_s,
            finishes=finishes,
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REF_LOCK_WAIT_S
        while True:
            finished = await self._launcher.run(command)
            if not check or (finished.exit_code == 0 and not finished.timed_out):
                return finished
            failure = git_failure(args, finished)
            if not isinstance(failure, RefLocked) or loop.time() >= deadline:
                raise failure
            await asyncio.sleep(_RETRY_S)

    async def start(
        self,
        *args: str | bytes | Path,
        allow_protocol: str | None,
        environment: Mapping[str, str],
    ) -> Child:
        """Starts a command without a repository (`clone`) whose words are read while it runs.

        Args:
            args: the command and its arguments.
            allow_protocol: the one transport that may be used.
            environment: further variables.

        Raises:
            Refused: git cannot be started.
        """
        base = self._environment(None, None, None, None, (), allow_protocol, None)
        return await self._launcher.start(
            ChildCommand(
                argv=(str(self._git_path), *self._protocol(allow_protocol), *_forced(args)),
                environment={**base, **environment},
                merge_error=True,
            )
        )

    async def version(self) -> tuple[int, int, int]:
        """The version of git.

        Raises:
            Refused: git is missing or older than 2.39.
        """
        remedy = "Install git 2.39 or newer."
        try:
            finished = await self._launcher.run(
                ChildCommand(argv=(str(self._git_path), "version"), environment=self._base())
            )
        except Refused as failure:
            raise Refused("git is not installed.", remedy=remedy) from failure
        found = re.search(rb"git version (\d+)\.(\d+)(?:\.(\d+))?", finished.output)
        if found is None:
            raise Refused(f"{self._git_path} does not answer like git.", remedy=remedy)
        version = (int(found[1]), int(found[2]), int(found[3] or 0))
        if version < OLDEST_VERSION:
            spelled = ".".join(str(part) for part in version)
            raise Refused(f"git {spelled} is too old.", remedy=remedy)
        return version

    async def read_config(
        self, git_dir: Path, *, home: Path | None = None, system: bool = False
    ) -> list[ConfigEntry]:
        """The configuration in force, includes followed; reading it runs nothing.

        Args:
            git_dir: the repository, which need not exist yet.
            home: also read the user's own configuration below this folder.
            system: also read what the machine's administrator configured.

        Raises:
            GitError: the configuration cannot be parsed.
        """
        environment = self._environment(git_dir, None, None, None, (), None, None)
        if home is not None:
            del environment["GIT_CONFIG_GLOBAL"]
            if system:
                del environment["GIT_CONFIG_NOSYSTEM"]
            environment["HOME"] = str(home)
            xdg = os.environ.get("XDG_CONFIG_HOME")
            if xdg:
                environment["XDG_CONFIG_HOME"] = xdg
        args = ("config", "--list", "-z", "--show-scope", "--includes")
        finished = await self._launcher.run(
            ChildCommand(
                argv=(str(self._git_path), *args),
                environment=environment,
                folder=_made(git_dir),
                timeout_s=READING_S,
            )
        )
        if finished.exit_code or finished.timed_out:
            raise git_failure(args, finished)
        return _parse_config(finished.output)

    async def overrides_for(self, git_dir: Path) -> dict[str, str]:
        """What `run` must override so that no filter, driver or converter of a user's repository runs.

        Raises:
            GitError: its configuration cannot be parsed.
        """
        if self._trusted_config:
            return {}
        return neutralised(entry.key for entry in await self.read_config(git_dir))

    def _protocol(self, allowed: str | None) -> list[str]:
        return self._flags if allowed is None else [*self._flags, "-c", f"protocol.{allowed}.allow=always"]

    @staticmethod
    def _base() -> dict[str, str]:
        environment = {
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            "PATH": os.environ.get("PATH", os.defpath),
        }
        if "SYSTEMROOT" in os.environ:
            environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        return environment

    def _environment(
        self,
        git_dir: Path | None,
        work_tree: Path | None,
        index_file: Path | None,
        object_directory: Path | None,
        alternates: Sequence[Path],
        allow_protocol: str | None,
        overrides: Mapping[str, str] | None,
    ) -> dict[str, str]:
        environment = self._base()
        # A git that does not know GIT_NO_LAZY_FETCH is held back by having no transport.
        environment["GIT_ALLOW_PROTOCOL"] = allow_protocol or "none"
        if git_dir is not None:
            environment["GIT_DIR"] = str(git_dir)
            environment["GIT_COMMON_DIR"] = str(common_dir(git_dir))
        for name, path in (
            ("GIT_WORK_TREE", work_tree),
            ("GIT_INDEX_FILE", index_file),
            ("GIT_OBJECT_DIRECTORY", object_directory),
        ):
            if path is not None:
                environment[name] = str(path)
        if alternates:
            environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.pathsep.join(map(_quoted, alternates))
        # Variables carry keys that -c cannot (a `=` inside the name of a filter).
        for number, (key, value) in enumerate((overrides or {}).items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        if overrides:
            environment["GIT_CONFIG_COUNT"] = str(len(overrides))
        return environment


def neutralised(keys: Iterable[str]) -> dict[str, str]:
    """Values that make configured filters, converters and merge drivers harmless."""
    overrides: dict[str, str] = {}
    for key in keys:
        if _EMPTIED.fullmatch(key):
            overrides[key] = ""
            if key.startswith("filter."):
                overrides[key.rpartition(".")[0] + ".required"] = "false"
        elif key.startswith("merge.") and key.endswith(".driver"):
            # An empty driver makes merge-tree fail with 128.
            overrides[key] = _MERGE_DRIVER
    return overrides


def common_dir(git_dir: Path) -> Path:
    """The folder that a linked worktree shares with its repository; else the same folder."""
    written = read_regular(git_dir / "commondir", _SMALL)
    if written is None:
        return git_dir
    return (git_dir / os.fsdecode(written.rstrip(b"\r\n"))).resolve()


def git_failure(args: Sequence[str | bytes | Path], finished: Finished) -> GasTownError:
    """The error that a failed command means: `DiskFull`, `DiskBroken`, `RefLocked` or `GitError`."""
    command = "git " + os.fsdecode(args[0])
    said = finished.error[-_STDERR_TAIL:].decode("utf-8", "replace").strip()
    if finished.timed_out:
        return GitError(f"{command} took longer than {finished.elapsed_s:.0f} s and was stopped.")
    if (trouble := trouble_said(command, finished.error)) is not None:
        return trouble
    if _UNWRITTEN.search(finished.error):
        return DiskFull(
            f"{command} could not write its files: the disk may be full.",
            safe="Nothing that was done before is lost.",
            remedy="Free some space and try again.",
        )
    if _LOCKED.search(finished.error):
        return RefLocked(f"{command}: something stayed locked for {REF_LOCK_WAIT_S:.0f} s: {said}")
    return GitError(f"{command} failed ({finished.exit_code}): {said}")


def trouble_said(who: str, words: bytes) -> StoreError | None:
    """What words of the system mean for the disk: `DiskFull`, `DiskBroken`, or nothing about it."""
    if _FULL.search(words):
        return DiskFull(
            f"{who}: the disk is full.", safe="Nothing was changed.", remedy="Free some space and try again."
        )
    if said := _DISK_FAILED.search(words):
        return DiskBroken(
            f"{who}: the disk does not read or write a file ({said[0].decode()}).",
            safe="Everything that was finished before is kept.",
            remedy=SEE_TO_IT,
        )
    return None


def _forced(args: Sequence[str | bytes | Path]) -> list[str | bytes]:
    spelled = [os.fspath(arg) for arg in args]
    return [spelled[0], *_FORCED_OPTIONS.get(os.fsdecode(spelled[0]), ()), *spelled[1:]]


def _quoted(path: Path) -> str:
    text = str(path)
    if os.pathsep not in text and not text.startswith('"'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parse_config(listing: bytes) -> list[ConfigEntry]:
    fields = os.fsdecode(listing).split("\0")[:-1]
    entries: list[ConfigEntry] = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=True):
        key, separator, value = entry.partition("\n")
        entries.append(ConfigEntry(scope, key, value if separator else None))
    return entries


def _made(folder: Path) -> Path | None:
    """A folder that commands can run in; None for one that is not made yet."""
    return folder if folder.is_dir() else None
