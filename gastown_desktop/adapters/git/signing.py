"""Signatures on commits, made by the user's own git configuration (gpg, ssh or x509)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.own_config import SIGNING, as_environment, own_config
from gastown_desktop.core.ids import Oid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.engine.git_ports import Commit, Signature

_TRUE = frozenset({"true", "yes", "on", "1", None})
_TIMEOUT_S = 120.0


class GitSigner:
    """Implements the Signer port; what the repository configures has no say in which program signs.

    Args:
        git: runs git.
        town: the folder of town.git, where the commits are.
        source: the user's git folder, for which their configuration is read.
    """

    def __init__(self, git: GitCommand, town: Path, source: Path) -> None:
        self._git = git
        self._town = town
        self._source = source

    async def wanted(self) -> bool:
        """Whether the user's own configuration has commit.gpgSign on."""
        given = [
            entry.value
            for entry in await own_config(self._git, self._source)
            if entry.key == "commit.gpgsign"
        ]
        return bool(given) and (given[-1].lower() if given[-1] else given[-1]) in _TRUE

    async def sign(self, commit: Commit, parents: Sequence[Oid]) -> Oid:
        """The same commit on other parents, with a signature.

        Raises:
            GitError: the program that signs refused, or asked something that nobody answered.
        """
        environment = as_environment(await own_config(self._git, self._source), SIGNING)
        environment |= _named("AUTHOR", commit.author) | _named("COMMITTER", commit.committer)
        made = await self._git.run(
            *("commit-tree", "-S", *(part for parent in parents for part in ("-p", parent)), "-F", "-"),
            commit.tree,
            git_dir=self._town,
            input=commit.message.encode("utf-8", "surrogateescape"),
            environment=environment,
            timeout_s=_TIMEOUT_S,
        )
        return Oid(made.output.decode().strip())


def _named(role: str, who: Signature) -> dict[str, str]:
    offset = who.when.strftime("%z")[:5] or "+0000"
    return {
        f"GIT_{role}_NAME": who.name,
        f"GIT_{role}_EMAIL": who.email,
        f"GIT_{role}_DATE": f"{int(who.when.timestamp())} {offset}",
    }
