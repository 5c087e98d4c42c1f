"""A copy of town.git for those who leave: a bare repository with plain names, complete by itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.town import SOURCE_REFS
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import Oid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand

_COPIED = (
    "+refs/heads/convoy/*:refs/heads/convoy/*",
    "+refs/heads/rehearsal/*:refs/heads/rehearsal/*",
    f"+{SOURCE_REFS}/heads/*:refs/heads/source/*",
    f"+{SOURCE_REFS}/tags/*:refs/tags/*",
    "+refs/gastown/convoys/*:refs/gastown/convoys/*",
    "+refs/gastown/rehearsals/*:refs/gastown/rehearsals/*",
)
"""Branches of convoys, those of the user as they were seen last, and the record of each turn."""


@dataclass(frozen=True, slots=True)
class CopiedRepository:
    """What is in the copy."""

    branches: list[str]
    damaged: list[str]
    """Refs that are left out, since objects of theirs cannot be read."""


async def copy_repository(
    git: GitCommand, town: Path, into: Path, hash_name: str, named: Mapping[str, Oid], heads: Sequence[str]
) -> CopiedRepository:
    """Copies branches, tags and records; where something is damaged, all that is whole.

    Args:
        git: runs git.
        town: town.git, which may be at work.
        into: the new repository.
        hash_name: `sha1` or `sha256`.
        named: further branches, by their names without `refs/heads/`.
        heads: branches that a clone may check out; the first that is there counts, else any.

    Raises:
        DiskFull: no space left.
        GitError: nothing can be copied.
    """
    further = [f"+{oid}:refs/heads/{branch}" for branch, oid in named.items()]
    await git.run(
        *("init", "--quiet", "--bare", "--template=", f"--object-format={hash_name}", into), git_dir=None
    )
    damaged: list[str] = []
    try:
        await _fetch(git, town, into, [*_COPIED, *further])
    except GitError:
        damaged = await _fetch_one_by_one(git, town, into, further)
    listed = await git.run("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/", git_dir=into)
    branches = [os.fsdecode(line) for line in listed.output.splitlines()]
    head = next((one for one in (*heads, *branches) if one in branches), None)
    if head is not None:
        await git.run("symbolic-ref", "HEAD", f"refs/heads/{head}", git_dir=into)
    return CopiedRepository(branches, damaged)


async def _fetch(git: GitCommand, town: Path, into: Path, refspecs: Sequence[str]) -> None:
    await git.run(
        *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"),
        *("--update-shallow", "--stdin", "--", town),
        git_dir=into,
        input=os.fsencode("".join(f"{refspec}\n" for refspec in refspecs)),
        allow_protocol="file",
    )


async def _fetch_one_by_one(git: GitCommand, town: Path, into: Path, further: Sequence[str]) -> list[str]:
    """Fetches each ref by itself; returns those that cannot be."""
    listed = await git.run("for-each-ref", "--format=%(refname)", git_dir=town)
    names = [os.fsdecode(line) for line in listed.output.splitlines()]
    damaged: list[str] = []
    for refspec in [*filter(None, map(_copied_as, names)), *further]:
        try:
            await _fetch(git, town, into, [refspec])
        except GitError:
            damaged.append(refspec.rpartition(":")[2].removeprefix("refs/heads/"))
    return damaged


def _copied_as(ref: str) -> str:
    """The refspec that copies one ref; empty for one that is not copied."""
    for refspec in _COPIED:
        source, _, target = refspec[1:].replace("*", "").partition(":")
        if ref.startswith(source):
            return f"+{ref}:{target}{ref.removeprefix(source)}"
    return ""
