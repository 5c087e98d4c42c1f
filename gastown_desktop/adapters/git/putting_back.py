"""What a git command left half done in a user's checkout is put back: the disk was full, or a lock stayed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.checkouts import is_clean
from gastown_desktop.adapters.git.files import RealFolders
from gastown_desktop.core.errors import GitError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_desktop.adapters.git.checkouts import Checkout
    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.core.ids import Oid
    from gastown_desktop.engine.git_ports import TreeChange

_SUBMODULE = 0o160000
_COARSE_NS = 20_000_000
"""By so much the time of a file may lie before the clock."""


async def put_back(
    git: GitCommand,
    checkout: Checkout,
    changes: Sequence[TreeChange],
    *,
    old: Oid,
    new: Oid,
    began_ns: int,
    overrides: Mapping[str, str],
    pinned: Mapping[str, str],
) -> bool:
    """Gives files and index of a checkout the state again in which its branch still is.

    Only for paths that were clean before, as `in_the_way` found them; what was not touched since stays.

    Args:
        git: runs git.
        checkout: where it went wrong.
        changes: all paths that the command was to change, and from what to what.
        old: where the branch is.
        new: where it was to go.
        began_ns: when the command began; what it changed is newer (nanoseconds since the epoch).
        overrides: configuration of the command that failed.
        pinned: the same, that wins over everything.

    Returns:
        Whether all is as before.
    """

    async def run(*args: str, given: bytes = b"") -> None:
        with contextlib.suppress(GitError, StoreError):
            await git.run(
                *args,
                git_dir=checkout.git_dir,
                work_tree=checkout.folder,
                input=given,
                overrides=overrides,
                pinned=pinned,
                finishes=True,
            )

    # where the index is at `new` already, it goes back; where it is at `old`, nothing happens
    await run("read-tree", "-m", "-u", new, old)
    since_ns = began_ns - _COARSE_NS
    added = [change.path for change in changes if change.old_oid is None]
    await asyncio.to_thread(_remove_newer, checkout.folder, added, since_ns)
    kept = [one.path for one in changes if one.old_oid is not None and one.old_mode != _SUBMODULE]
    touched = await asyncio.to_thread(_newer, checkout.folder, kept, since_ns)
    listed = b"".join(os.fsencode(path) + b"\0" for path in touched)
    await run("checkout-index", "--force", "--quiet", "-z", "--stdin", given=listed)
    try:
        return await is_clean(git, checkout, changes)
    except (GitError, StoreError):
        return False


def _newer(folder: Path, paths: Sequence[str], since_ns: int) -> list[str]:
    """Those that were changed since, or are gone."""
    folders = RealFolders(folder)
    found = [(path, folders.look(path)) for path in paths]
    return [path for path, info in found if info is None or info.st_ctime_ns >= since_ns]


def _remove_newer(folder: Path, paths: Sequence[str], since_ns: int) -> None:
    """Removes files that were not there then, and folders that are empty without them."""
    folders = RealFolders(folder)
    for path in paths:
        info = folders.look(path)
        if info is None or info.st_ctime_ns < since_ns:
            continue
        with contextlib.suppress(OSError):
            (folder / path).unlink()
        parent = (folder / path).parent
        with contextlib.suppress(OSError):
            while parent != folder:
                parent.rmdir()
                parent = parent.parent
