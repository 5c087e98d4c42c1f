"""What a repository would run once it is trusted, and which lists the user has agreed to."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gastown_desktop.adapters.git.command import git_failure
from gastown_desktop.adapters.git.files import read_regular
from gastown_desktop.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from gastown_desktop.adapters.git.command import ConfigEntry, GitCommand
    from gastown_desktop.adapters.git.user_repository import RepositoryFacts

# Keys whose value git runs (git-config(1), git 2.39 to 2.50); first and last part in lower case.
_PROGRAMS = re.compile(
    r"""
    core\.(askpass|editor|fsmonitor|gitproxy|hookspath|pager|sshcommand|alternaterefscommand)
    | sequence\.editor | diff\.external | interactive\.difffilter | web\.browser | init\.templatedir
    | filter\..*\.(clean|smudge|process)
    | diff\..*\.(command|textconv)
    | merge\..*\.driver
    | (merge|diff|gui)tool\..*\.(cmd|path) | imap\.tunnel | gc\.recentobjectshook
    | (browser|man|hook)\..*\.(cmd|command|path)
    | gpg(\..*)?\.(program|defaultkeycommand)
    | credential(\..*)?\.helper
    | pager\..* | trailer\..*\.(command|cmd) | tar\..*\.command
    | remote\..*\.(uploadpack|receivepack|vcs)
    | uploadpack\.packobjectshook | receive\.procreceiverefs
    | sendemail(\..*)?\.(sendmailcmd|smtpserver|tocmd|cccmd|headercmd)
    | instaweb\.(httpd|browser)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS_OF_TRUTH = frozenset({"", "true", "false", "yes", "no", "on", "off", "0", "1", None})
_LARGEST_FILE = 1 << 20
_LARGEST_HOOK = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustItem:
    """One thing that would run or be reached."""

    kind: str
    """`unconfined`, `gate`, `setup`, `copy`, `generated`, `network`, `program`, `hook` or `submodule`."""
    name: str
    """The gate's name, the step's number, the path, the host and port, the key, the hook or the submodule."""
    value: str
    """The command, program, content digest or address, or what a host is for; empty where there is none."""


_UNCONFINED = TrustItem(
    kind="unconfined",
    name="no sandbox",
    value="commands run with your rights, and reach every file and host that you can",
)


@dataclass(frozen=True, slots=True)
class TrustList:
    """Everything that would run, in a fixed order, and the digest to which trust is bound."""

    items: tuple[TrustItem, ...]
    digest: str


async def what_would_run(
    git: GitCommand,
    facts: RepositoryFacts,
    gates: Sequence[tuple[str, str]],
    setup: Sequence[str],
    generated: Sequence[tuple[str, str]] = (),
    hosts: Sequence[str] = (),
    *,
    setup_hosts: Sequence[str] = (),
    copied: Sequence[str] = (),
    confined: bool = True,
) -> TrustList:
    """Lists what a trusted repository would run; looking runs nothing.

    Args:
        git: runs git.
        facts: the repository.
        gates: (name, command) of each gate it proposes.
        setup: commands that prepare a slot.
        generated: (path, command) of each file that is made anew.
        hosts: hosts and ports that all of it may reach.
        setup_hosts: hosts and ports that only the setup may reach.
        copied: ignored files that workers and gates get.
        confined: there is a sandbox; without one the list says so, and a consent with one is none.

    Raises:
        GitError: its configuration cannot be parsed.
    """
    own = [entry for entry in await git.read_config(facts.git_dir) if entry.scope in ("local", "worktree")]
    items = [] if confined else [_UNCONFINED]
    items += [TrustItem(kind="gate", name=name, value=command) for name, command in gates]
    items += [TrustItem(kind="setup", name=str(step), value=line) for step, line in enumerate(setup, 1)]
    items += [TrustItem(kind="copy", name=path, value="") for path in copied]
    items += [TrustItem(kind="generated", name=path, value=command) for path, command in generated]
    items += [TrustItem(kind="network", name=host, value="") for host in hosts]
    items += [TrustItem(kind="network", name=host, value="for setup only") for host in setup_hosts]
    items += _programs(own)
    items += _hooks(facts.common_dir, facts.top_level, own)
    items += await _submodules(git, facts, own)
    return _as_list(items)


async def what_runs_there(git: GitCommand, place: Path) -> TrustList:
    """Lists what fetching from, or pushing to, a repository that is a folder runs: its hooks and programs.

    Empty where there is none of them, or no repository.

    Args:
        git: runs git.
        place: the folder, as git is given it.

    Raises:
        GitError: its configuration cannot be parsed.
    """
    items: list[TrustItem] = []
    for folder in _served_as(place):
        entries = await git.read_config(folder)
        own = [entry for entry in entries if entry.scope in ("local", "worktree")]
        items += [*_programs(own), *_hooks(folder, folder, own), *_pushed_hooks(folder, own)]
    return _as_list(items)


def _served_as(place: Path) -> list[Path]:
    """The git folders that git may take a folder for (`enter_repo`, gitrepository-layout(5))."""
    found: list[Path] = []
    for suffix in ("/.git", "", ".git/.git", ".git"):
        folder = Path(f"{place}{suffix}")
        text = read_regular(folder, _LARGEST_FILE, follow=True) or b""
        if text.startswith(b"gitdir:"):
            folder = folder.parent / os.fsdecode(text.removeprefix(b"gitdir:").strip())
        if (folder / "HEAD").exists():
            found.append(folder)
    return found


def _as_list(items: Sequence[TrustItem]) -> TrustList:
    spelled = json.dumps([(item.kind, item.name, item.value) for item in items])
    return TrustList(tuple(items), hashlib.sha256(spelled.encode()).hexdigest())


def _programs(own: Iterable[ConfigEntry]) -> list[TrustItem]:
    return [
        TrustItem(kind="program", name=entry.key, value=entry.value or "") for entry in own if _runs(entry)
    ]


def _runs(entry: ConfigEntry) -> bool:
    key, value = entry.key, entry.value
    if key.startswith("alias."):
        return (value or "").lstrip().startswith("!")
    if key.startswith("submodule.") and key.endswith(".update"):
        return (value or "").startswith("!")
    if key.startswith(("remote.", "url.")):
        if (value or "").startswith("ext::") or "ext::" in key:
            return True
    elif key.startswith("protocol.ext."):
        return True
    if _PROGRAMS.fullmatch(key) is None:
        return False
    is_switch = key == "core.fsmonitor" or key.startswith("pager.")
    return not (is_switch and (value is None or value.lower() in _WORDS_OF_TRUTH))


def _hooks(git_dir: Path, top_level: Path, own: Iterable[ConfigEntry]) -> list[TrustItem]:
    folder = _hooks_folder(git_dir, top_level, own)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - undecodable names
    except OSError:
        return []
    items: list[TrustItem] = []
    for name in names:
        hook = folder / name
        # A hook that is a link runs too: what counts is what it leads to.
        if not name.endswith(".sample") and hook.is_file() and os.access(hook, os.X_OK):
            items.append(TrustItem(kind="hook", name=name, value=_named_content(hook)))
    return items


def _hooks_folder(git_dir: Path, top_level: Path, own: Iterable[ConfigEntry]) -> Path:
    """Where git looks for hooks; a relative path begins where it runs them."""
    folder = git_dir / "hooks"
    for entry in own:
        if entry.key == "core.hookspath" and entry.value:
            named = Path(entry.value)
            with suppress(RuntimeError):  # nobody is called so: git gives up, too
                named = named.expanduser()
            folder = top_level / named
    return folder


def _named_content(hook: Path) -> str:
    """Names what a hook holds; of more than can be read here also its size and when it was changed."""
    digest = hashlib.sha256(read_regular(hook, _LARGEST_HOOK, follow=True) or b"").hexdigest()
    info = hook.stat()
    if info.st_size <= _LARGEST_HOOK:
        return f"sha256 {digest}"
    return f"sha256 {digest} of its beginning, {info.st_size} bytes, changed at {info.st_ctime_ns} ns"


def _pushed_hooks(git_dir: Path, own: Sequence[ConfigEntry]) -> list[TrustItem]:
    """A checkout that a push updates, with hooks among its files: what is pushed runs."""
    work_tree = git_dir.parent.resolve()
    updated = any(
        one.key == "receive.denycurrentbranch" and (one.value or "").lower() == "updateinstead" for one in own
    )
    hooks = _hooks_folder(git_dir, git_dir, own).resolve()
    if not updated or not hooks.is_relative_to(work_tree) or hooks.is_relative_to(git_dir.resolve()):
        return []
    return [TrustItem(kind="hook", name="whatever is pushed", value=f"to {hooks} runs with your rights")]


async def _submodules(git: GitCommand, facts: RepositoryFacts, own: Iterable[ConfigEntry]) -> list[TrustItem]:
    urls = {
        entry.key: entry.value or ""
        for entry in own
        if entry.key.startswith("submodule.") and entry.key.endswith(".url")
    }
    text = read_regular(facts.top_level / ".gitmodules", _LARGEST_FILE)
    if text:
        args = ("config", "--file", "-", "--list", "-z")
        listing = await git.run(*args, git_dir=facts.git_dir, input=text, check=False)
        if listing.exit_code:
            raise git_failure(args, listing)
        for line in os.fsdecode(listing.output).split("\0")[:-1]:
            key, _, value = line.partition("\n")
            if key.endswith(".url"):
                urls.setdefault(key, value)
    return [
        TrustItem(kind="submodule", name=key.removeprefix("submodule.").removesuffix(".url"), value=url)
        for key, url in sorted(urls.items())
    ]


class TrustStore:
    """Which repositories the user trusts, as a small JSON file (path → digest of the list agreed to).

    What a repository's remote runs, where that is a folder, is agreed to for this repository.

    Args:
        path: the file; made when first needed, readable by the user only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_trusted(self, repository: Path, digest: str, *, remote: Path | None = None) -> bool:
        """Tells whether exactly this list of this path was agreed to; a damaged file trusts nothing."""
        return self._load().get(_key(repository, remote)) == digest

    def knows(self, repository: Path) -> bool:
        """Tells whether any list of this path was agreed to."""
        return any(_is_of(key, repository) for key in self._load())

    def trust(self, repository: Path, digest: str, *, remote: Path | None = None) -> None:
        """Remembers that the user agreed.

        Raises:
            StoreError: it could not be written.
        """
        with self._locked():
            self._save(self._load() | {_key(repository, remote): digest})

    def forget(self, repository: Path) -> None:
        """Takes trust back, also in its remotes; no error when there was none.

        Raises:
            StoreError: it could not be written.
        """
        if not self.knows(repository):
            return
        with self._locked():
            self._save({key: digest for key, digest in self._load().items() if not _is_of(key, repository)})

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Keeps other processes from saving meanwhile what they loaded before."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            name = self._path.with_name(f"{self._path.name}.lock")
            file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            raise self._unwritten(failure) from failure
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _load(self) -> dict[str, str]:
        try:
            loaded: Any = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(loaded, dict):
            return {}
        pairs = cast("dict[str, object]", loaded)
        return {path: digest for path, digest in pairs.items() if isinstance(digest, str)}

    def _save(self, known: dict[str, str]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(known, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as failure:
            with suppress(OSError):
                new.unlink()
            raise self._unwritten(failure) from failure

    def _unwritten(self, failure: OSError) -> StoreError:
        return StoreError(f"Trust could not be written to {self._path}: {failure.strerror}.")


def _key(repository: Path, remote: Path | None = None) -> str:
    own = str(repository.resolve())
    return own if remote is None else f"{own}\n{remote.resolve()}"


def _is_of(key: str, repository: Path) -> bool:
    """Whether a key is of a repository, or of a remote of it."""
    own = _key(repository)
    return key == own or key.startswith(f"{own}\n")
