"""Objects from town.git to another repository, as a pack: no transport, hook or configuration takes part."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.core.ids import Oid

_UNPACKED_UP_TO = 100
"""Objects that are written loose; more stay a pack (fetch.unpackLimit's default)."""


async def bring(
    git: GitCommand, source: Path, target: Path, wanted: Iterable[Oid], known: Iterable[Oid]
) -> None:
    """Copies what a repository lacks of some commits.

    Args:
        git: runs git.
        source: the repository that has them.
        target: the common git folder of the other.
        wanted: the commits.
        known: commits that both have, with all that they reach.

    Raises:
        DiskFull: no space left.
        GitError: git failed; no ref was touched.
    """
    revs = [*wanted, *(f"^{oid}" for oid in known)]
    pack = await git.run(
        *("pack-objects", "--quiet", "--revs", "--stdout", "--delta-base-offset"),
        git_dir=source,
        input="".join(f"{rev}\n" for rev in revs).encode(),
    )
    many = int.from_bytes(pack.output[8:12], "big") > _UNPACKED_UP_TO
    args = ("index-pack", "--stdin") if many else ("unpack-objects", "-q")
    await git.run(*args, git_dir=target, input=pack.output)
