"""A remote of the user's, reached from town.git: fetched into refs of ours, pushed to without force.

Neither runs in the user's repository: their remote-tracking refs, FETCH_HEAD and configuration stay as they
are, and nothing that a repository configures decides how the server is reached.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.command import git_failure
from gastown_desktop.adapters.git.own_config import TRANSPORT, as_environment, own_config
from gastown_desktop.core.errors import RefLocked, Refused, RemoteUnreachable, StoreError
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.plain_text import shown_url
from gastown_desktop.engine.landing_ports import PushAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.adapters.git.user_repository import RepositoryFacts
    from gastown_desktop.engine.process_ports import Finished

REMOTE_REFS = "refs/gastown/remote"
_TIMEOUT_S = 120.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"[^/:]+:(?!:)(?!//)")
_OUTSIDE = {"ssh", "https", "http", "git"}
_MISSING = re.compile(rb"couldn't find remote ref")
_LOST_RACE = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old"
)
_ANSWER = re.compile(rb"^!\t[^\t]*\t\[(?:remote )?rejected\] ?(?:\((.*)\))?", re.MULTILINE)
_SAID = re.compile(rb"^remote: (.+?)\s*$", re.MULTILINE)


class GitRemote:
    """Implements the Remote port.

    Args:
        git: runs git.
        town: the folder of town.git.
        source: the user's git folder, for which their configuration is read.
        name: as the user calls it.
        url: where it is fetched from.
        push_url: where it is pushed to.
    """

    def __init__(
        self, git: GitCommand, town: Path, source: Path, *, name: str, url: str, push_url: str
    ) -> None:
        self._git = git
        self._town = town
        self._source = source
        self.name = name
        self.url = url
        self.push_url = push_url
        self.before_talking: Callable[[], Awaitable[None]] | None = None
        """Looks whether what it runs is still what the user agreed to; raises `Refused` where it is not."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its addresses that are folders of this machine: what they would have git run, runs here."""
        found = (url for url in dict.fromkeys((self.url, self.push_url)) if _protocols(url) == {"file"})
        return tuple(map(Path, found))

    async def fetch(self, branch: str) -> Oid | None:
        """Where a branch is there; None when there is none.

        Raises:
            RemoteUnreachable: it did not answer.
        """
        ref = f"{REMOTE_REFS}/{self.name}/{branch}"
        done = await self._talk(
            *(
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--no-prune",
            ),
            *("--update-shallow", "--", self.url, f"+refs/heads/{branch}:{ref}"),
            url=self.url,
        )
        if done.exit_code and _MISSING.search(done.error):
            await self._git.run("update-ref", "--no-deref", "-d", ref, git_dir=self._town)
            return None
        if done.exit_code or done.timed_out:
            raise self._unreachable("fetch", done, self.url)
        at = await self._git.run("rev-parse", "--verify", f"{ref}^{{commit}}", git_dir=self._town)
        return Oid(at.output.decode().strip())

    async def push(self, branch: str, new: Oid) -> PushAnswer:
        """Moves or makes a branch there, never by force.

        Raises:
            RemoteUnreachable: it did not answer; it may have moved all the same.
        """
        done = await self._talk(
            *(
                "push",
                "--porcelain",
                "--no-follow-tags",
                "--recurse-submodules=no",
                "--no-signed",
                "--no-verify",
            ),
            *("--", self.push_url, f"{new}:refs/heads/{branch}"),
            url=self.push_url,
        )
        said = " ".join(line.decode("utf-8", "replace") for line in _SAID.findall(done.error))
        if done.exit_code == 0 and not done.timed_out:
            return PushAnswer(taken=True, words=said)
        found = _ANSWER.search(done.output)
        if found is None:
            raise self._unreachable("push", done, self.push_url)
        reason = (found[1] or b"").decode("utf-8", "replace")
        if _LOST_RACE.search(reason):
            return PushAnswer(taken=False, moved=True)
        return PushAnswer(taken=False, words=f"{reason}. {said}".strip())

    async def _talk(self, *args: str, url: str) -> Finished:
        if self.before_talking is not None:
            await self.before_talking()
        entries = await own_config(self._git, self._source)
        environment = as_environment(entries, TRANSPORT)
        environment["GIT_ALLOW_PROTOCOL"] = ":".join(sorted(_protocols(url)))
        return await self._git.run(
            *args, git_dir=self._town, environment=environment, timeout_s=_TIMEOUT_S, check=False
        )

    def _unreachable(self, command: str, done: Finished, url: str) -> Exception:
        """The error of a command that failed; trouble of the disk here is no silence of the remote."""
        here = git_failure((command,), replace(done, error=_SAID.sub(b"", done.error)))
        if isinstance(here, StoreError | RefLocked):
            return here
        said = f"{self.name} did not answer: {git_failure((command,), done)}"
        is_missing = not done.timed_out and _protocols(url) == {"file"} and not Path(url).exists()
        return RemoteUnreachable(said, waiting_helps=not is_missing)


async def find_remote(git: GitCommand, town: Path, facts: RepositoryFacts, name: str) -> GitRemote:
    """A remote that the user's repository names.

    Raises:
        Refused: there is none of this name, or it is reached in a way that could run a program.
        GitError: the configuration cannot be parsed.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f"{name} is no name of a remote.")
    entries = await git.read_config(facts.git_dir, home=Path.home())
    urls = [entry.value for entry in entries if entry.key == f"remote.{name}.url" and entry.value]
    push_urls = [entry.value for entry in entries if entry.key == f"remote.{name}.pushurl" and entry.value]
    if not urls:
        names = {entry.key.split(".", 1)[1].rpartition(".")[0] for entry in entries if _is_url(entry.key)}
        known = ", ".join(sorted(names)) or "none"
        raise Refused(f"The repository has no remote {name}.", remedy=f"There is: {known}.")
    url, push_url = (_place(given, facts) for given in (urls[0], (push_urls or urls)[0]))
    return GitRemote(git, town, facts.git_dir, name=name, url=url, push_url=push_url)


def _is_url(key: str) -> bool:
    return key.startswith("remote.") and key.endswith(".url")


def _place(url: str, facts: RepositoryFacts) -> str:
    """The address as town.git reaches it.

    Raises:
        Refused: a transport that runs programs, a repository inside the user's, whose hooks would run, or no
            place at all.
    """
    if _protocols(url) != {"file"}:
        return url
    try:
        path = Path(facts.top_level, Path(url.removeprefix("file://")).expanduser()).resolve()
    except RuntimeError:
        raise Refused(f"{shown_url(url)} is in the home folder of nobody who is known here.") from None
    inside = (facts.top_level.resolve(), facts.common_dir.resolve())
    if any(path.is_relative_to(folder) for folder in inside):
        raise Refused(f"{shown_url(url)} is a folder of the repository itself; its hooks would run.")
    return os.fspath(path)


def _protocols(url: str) -> set[str]:
    """The transports that may serve an address, also after the user's own `insteadOf`.

    Raises:
        Refused: none may.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        if "::" in url.partition("/")[0]:
            raise Refused(f"{shown_url(url)} is reached by a program of the repository's choice.")
        return {"ssh", "https"} if _SCP.match(url) else {"file"}
    if scheme[1] == "file":
        return {"file"}
    if scheme[1] not in _OUTSIDE:
        raise Refused(f"{scheme[1]} is no transport that is used here.")
    return {"ssh", "https", scheme[1]}
