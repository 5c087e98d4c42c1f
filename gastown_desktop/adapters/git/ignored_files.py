"""Files that the user's repository ignores: which of them a pattern means. Nothing runs, nothing is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.command import READING_S
from gastown_desktop.adapters.git.files import RealFolders

if TYPE_CHECKING:
    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.adapters.git.user_repository import RepositoryFacts


async def find_ignored(
    git: GitCommand, facts: RepositoryFacts, patterns: Sequence[str], *, largest: int
) -> tuple[list[str], list[str]]:
    """Regular files that are ignored in the user's checkout and that one of the patterns means.

    Args:
        git: runs git.
        facts: the repository.
        patterns: as git's `:(glob)` has them, relative to the top: `*` within a part, `**` for any parts.
        largest: bytes of the largest file that is wanted.

    Returns:
        Their paths, sorted, and a half sentence for each path that is none: a link, too large.

    Raises:
        GitError: the repository cannot be read.
    """
    if not patterns:
        return [], []
    listing = await git.run(
        *("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--"),
        *(f":(top,glob){pattern}" for pattern in patterns),
        git_dir=facts.git_dir,
        work_tree=facts.top_level,
        overrides=await git.overrides_for(facts.git_dir),
        timeout_s=READING_S,
    )
    folders, fits, others = RealFolders(facts.top_level), list[str](), list[str]()
    for path in sorted(set(os.fsdecode(listing.output).split("\0")) - {""}):
        info = folders.look(path)
        if info is None or not stat.S_ISREG(info.st_mode):
            others.append(f"{path} is no plain file")
        elif info.st_size > largest:
            others.append(f"{path} is larger than {largest // 1_000_000} MB")
        else:
            fits.append(path)
    return fits, others
