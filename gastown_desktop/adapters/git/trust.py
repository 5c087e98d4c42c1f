"""What a repository would run once it is trusted, and which lists the user has agreed to."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gastown_desktop.adapters.git.command import git_failure
from gastown_desktop.adapters.git.files import read_regular
from gastown_desktop.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    | (merge|diff|gui)tool\..*\.cmd
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
        items += [*_programs(own), *_hooks(folder, folder, own)]
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
    folder = git_dir / "hooks"
    for entry in own:
        if entry.key == "core.hookspath" and entry.value:
            folder = top_level / Path(entry.value).expanduser()
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - undecodable names
    except OSError:
        return []
    items: list[TrustItem] = []
    for name in names:
        hook = folder / name
        # A hook that is a link runs too: what counts is what it leads to.
        if not name.endswith(".sample") and hook.is_file() and os.access(hook, os.X_OK):
            digest = hashlib.sha256(read_regular(hook, _LARGEST_FILE, follow=True) or b"").hexdigest()
            items.append(TrustItem(kind="hook", name=name, value=f"sha256 {digest}"))
    return items


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

    Args:
        path: the file; made when first needed, readable by the user only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_trusted(self, repository: Path, digest: str) -> bool:
        """Tells whether exactly this list of this path was agreed to; a damaged file trusts nothing."""
        return self._load().get(_key(repository)) == digest

    def knows(self, repository: Path) -> bool:
        """Tells whether any list of this path was agreed to."""
        return _key(repository) in self._load()

    def trust(self, repository: Path, digest: str) -> None:
        """Remembers that the user agreed.

        Raises:
            StoreError: it could not be written.
        """
        self._save(self._load() | {_key(repository): digest})

    def forget(self, repository: Path) -> None:
        """Takes trust back; no error when there was none.

        Raises:
            StoreError: it could not be written.
        """
        known = self._load()
        if known.pop(_key(repository), None) is not None:
            self._save(known)

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
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # mkstemp makes the file for the user only (0600).
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(known, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError as failure:
            raise StoreError(f"Trust could not be written to {self._path}: {failure.strerror}.") from failure


def _key(repository: Path) -> str:
    return str(repository.resolve())
