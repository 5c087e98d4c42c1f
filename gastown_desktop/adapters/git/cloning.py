"""New repositories of the user's: cloned from an address, or made of a plain folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.own_config import TRANSPORT, as_environment, own_config
from gastown_desktop.core.errors import GitError, Refused

if TYPE_CHECKING:
    from gastown_desktop.adapters.git.command import GitCommand

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"[^/:\s]+:(?!:)(?!//)\S")
_PROGRESS = re.compile(r"([A-Z][a-z ]+): +(\d{1,3})% \((\d+)/(\d+)\)")
_TELLS_NOTHING = "fatal: Could not read from remote repository."
_CHUNK = 4_096
_TAIL = 2_000
_PROTOCOLS = {"https": "https", "ssh": "ssh", "git": "git", "http": "http", "file": "file"}


def protocol_of(url: str) -> str:
    """The one transport by which an address is reached.

    Raises:
        Refused: a transport that could run a program, or no address at all.
    """
    if (scheme := _SCHEME.match(url)) is not None and scheme[1].lower() in _PROTOCOLS:
        return _PROTOCOLS[scheme[1].lower()]
    if scheme is None and _SCP.match(url):
        return "ssh"
    if scheme is None and Path(url).expanduser().is_absolute():
        return "file"
    raise Refused(
        f"{url} is no address that can be cloned.",
        remedy="Give one that begins with https:// or ssh://, git@host:path, or the path of a folder.",
    )


async def clone(git: GitCommand, url: str, into: Path, told: Callable[[str, int, int], None]) -> Path:
    """Clones into a folder that does not exist or is empty; nothing stays of a clone that did not finish.

    Args:
        git: runs git.
        url: where from; the user's own configuration decides how it is reached.
        into: the new checkout.
        told: hears (phase, done, all).

    Raises:
        Refused: the address or the folder will not do.
        GitError: git failed; says what it said.
    """
    protocol = protocol_of(url)
    part = _make_room(into)
    source = _local(url) if protocol == "file" and "://" not in url else url
    said = ""
    environment = as_environment(await own_config(git, part), TRANSPORT)
    try:
        child = await git.start(
            *("clone", "--progress", "--template=", "--", source, part),
            allow_protocol=protocol,
            environment=environment,
        )
        try:
            while data := await child.read(_CHUNK):
                said = (said + data.decode("utf-8", "replace"))[-_TAIL:]
                _tell(said, told)
        finally:
            await child.kill()
        _put_in_place(part, into, said)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return into


async def initialise(git: GitCommand, folder: Path, who: tuple[str, str]) -> None:
    """Makes a plain folder a repository whose first commit has everything in it that is not ignored.

    Args:
        git: runs git.
        folder: without a repository in it.
        who: name and address of the user.

    Raises:
        Refused: there is nothing to commit.
        GitError: git failed; the folder is as it was.
    """
    git_dir = folder / ".git"
    name, email = who
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", email))
    }
    try:
        await git.run("init", "--quiet", "--template=", "--initial-branch=main", folder, git_dir=None)
        await git.run("add", "--all", git_dir=git_dir, work_tree=folder)
        listed = await git.run("ls-files", "-z", git_dir=git_dir, work_tree=folder)
        if not listed.output:
            raise Refused(f"{folder} holds no files.", remedy="Put some work into it, then open it again.")
        await git.run(
            *("commit", "--quiet", "--message", "Begin"),
            git_dir=git_dir,
            work_tree=folder,
            environment=identity,
        )
    except BaseException:
        shutil.rmtree(git_dir, ignore_errors=True)
        raise


def _make_room(into: Path) -> Path:
    """The folder beside `into` that is cloned into."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Refused(f"{into} is not empty.", safe="Nothing was changed.", remedy="Choose another folder.")
    into.parent.mkdir(parents=True, exist_ok=True)
    part = into.with_name(f".{into.name}.cloning")
    shutil.rmtree(part, ignore_errors=True)
    return part


def _put_in_place(part: Path, into: Path, said: str) -> None:
    if not (part / ".git" / "HEAD").is_file():
        raise GitError(f"The clone failed: {_last_words(said)}", safe="Nothing was left behind.")
    if into.is_dir():
        into.rmdir()
    part.rename(into)


def _local(url: str) -> str:
    return str(Path(url).expanduser())


def _tell(said: str, told: Callable[[str, int, int], None]) -> None:
    """Tells the newest progress among the last words."""
    found = _PROGRESS.findall(said.replace("\r", "\n"))
    if found:
        phase, _, done, all_ = found[-1]
        told(phase, int(done), int(all_))


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.replace("\r", "\n").splitlines() if line.strip()]
    if _TELLS_NOTHING in lines:
        lines = lines[: lines.index(_TELLS_NOTHING)] or [_TELLS_NOTHING]  # why stands before it
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (telling or lines or ["git said nothing"])[-1]
