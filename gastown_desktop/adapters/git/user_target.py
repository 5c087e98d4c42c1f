"""A branch of the user's repository as a landing target: the one place that writes there.

A ref never moves under a checkout: the user's next `git commit -a` would take back what landed. Where the
branch is checked out in exactly one worktree, `git merge --ff-only` moves branch, index and files together
and keeps edits that do not overlap. Objects are brought over as a pack, through no transport, so that neither
FETCH_HEAD nor remote-tracking refs nor a configured remote take part.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.adapters.git.checkouts import Checkout, checkouts_of, has_files_of, in_the_way
from gastown_desktop.adapters.git.packs import bring
from gastown_desktop.adapters.git.putting_back import put_back
from gastown_desktop.adapters.git.town import fetch_branch
from gastown_desktop.core.errors import GasTownError, GitError, RefLocked, StoreError
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.ref_target import MOVED
from gastown_desktop.engine.to_its_end import to_its_end

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.adapters.git.user_repository import RepositoryFacts
    from gastown_desktop.engine.git_ports import GitObjects

_MERGE = (
    *("merge", "--ff-only", "--quiet", "--commit", "--no-squash", "--no-edit", "--no-stat", "--no-autostash"),
    *("--no-overwrite-ignore", "--no-verify-signatures", "--no-gpg-sign", "--no-signoff", "--no-log"),
)
"""A fast-forward that runs and keeps nothing else, whatever `merge.*` says."""
_NAMED_FILES = re.compile(r"^\t(.+)$", re.MULTILINE)


class UserTarget:
    """Implements the Target port.

    Args:
        git: runs git.
        objects: the rig's own repository, where the stack is.
        town: its folder.
        facts: the user's repository.
        branch: the branch without `refs/heads/`.
    """

    def __init__(
        self, git: GitCommand, objects: GitObjects, town: Path, facts: RepositoryFacts, branch: str
    ) -> None:
        self._git = git
        self._objects = objects
        self._town = town
        self._facts = facts
        self._branch = branch
        self.name = f"refs/heads/{branch}"

    async def tip(self) -> Oid | None:
        """Where the branch is, fetched into town.git; None when the user has no such branch."""
        if await self._at() is None:
            return None
        return await fetch_branch(self._git, self._town, self._facts.git_dir, self._branch)

    async def places(self) -> tuple[str, ...]:
        """Folders in which the branch is checked out."""
        found = await checkouts_of(self._git, self._facts, self.name)
        return tuple(str(checkout.folder) for checkout in found)

    async def refusal(self, old: Oid, new: Oid) -> str:
        """Why the branch could not go from one commit to another; empty when it could."""
        return (await self._plan(old, new))[1]

    async def advance(self, old: Oid, new: Oid) -> str:
        """Moves the branch, and the one checkout that has it; empty when it moved."""
        checkout, words = await self._plan(old, new)
        if words:
            return words
        await bring(self._git, self._town, self._facts.common_dir, [new], [old])
        if checkout is None:
            return await to_its_end(self._swap(old, new))
        return await to_its_end(self._in_checkout(checkout, old, new, *_MERGE, new))

    async def take_back(self, new: Oid, old: Oid) -> str:
        """Moves it back as it was moved; empty when it moved."""
        checkout, words = await self._plan(new, old)
        if words:
            return words
        if checkout is None:
            return await to_its_end(self._swap(new, old))
        back = self._in_checkout(checkout, new, old, "reset", "--quiet", "--keep", old)
        return await to_its_end(back)

    async def _plan(self, old: Oid, new: Oid) -> tuple[Checkout | None, str]:
        """The one checkout that has to go along, and what stands in the way."""
        if await self._at() != old:
            return None, f"{self._branch} {MOVED}."
        other = await self._meant()
        if other:
            return None, f"{self._branch} is another name for {other}; land on that."
        found = await checkouts_of(self._git, self._facts, self.name)
        if len(found) > 1:
            places = " and ".join(str(checkout.folder) for checkout in found)
            return None, f"{self._branch} is checked out in {places}; switch all but one to another branch."
        if not found:
            return None, ""
        trees = [await self._objects.tree_of(commit) for commit in (old, new)]
        changes = await self._objects.diff_trees(*trees)
        return found[0], await in_the_way(self._git, found[0], changes)

    async def _at(self) -> Oid | None:
        done = await self._git.run(
            *("show-ref", "--verify", "--hash", "--", self.name), git_dir=self._facts.common_dir, check=False
        )
        return Oid(done.output.decode().strip()) if done.exit_code == 0 else None

    async def _meant(self) -> str:
        """The branch that this one is only a name for; empty when it is one itself."""
        asked = ("symbolic-ref", "--quiet", self.name)
        done = await self._git.run(*asked, git_dir=self._facts.common_dir, check=False)
        return "" if done.exit_code else os.fsdecode(done.output.strip()).removeprefix("refs/heads/")

    async def _swap(self, old: Oid, new: Oid) -> str:
        """Compare-and-swap of a branch that nobody has checked out."""
        if not await self._update_ref(old, new):
            return f"{self._branch} {MOVED}."
        for checkout in await checkouts_of(self._git, self._facts, self.name):
            # Somebody switched to it at this very moment: was it before the ref moved, or after?
            has_new = await has_files_of(self._git, checkout, new)
            if not has_new and await self._update_ref(new, old):
                return f"{self._branch} was checked out in {checkout.folder} while it moved."
        return ""

    async def _update_ref(self, old: Oid, new: Oid) -> bool:
        try:
            await self._git.run(
                *("update-ref", "--no-deref", "-m", "gastown-desktop: land", self.name, new, old),
                git_dir=self._facts.common_dir,
                environment=self._who,
                finishes=True,
            )
        except RefLocked:
            raise
        except GitError:
            if await self._at() == old:
                raise
            return False
        return True

    async def _in_checkout(self, checkout: Checkout, old: Oid, wanted: Oid, *args: str) -> str:
        """Runs what moves branch, index and files of a checkout together; all of them move, or none.

        It is not cut short: neither by a cancellation nor by the end of the program. What it leaves half done
        by itself, on a full disk or where a ref stays locked, is put back.
        """
        overrides = {
            **await self._git.overrides_for(checkout.git_dir),
            f"branch.{self._branch}.mergeOptions": "",
        }
        pinned = await self._line_ends(checkout.git_dir)
        began_ns = time.time_ns()
        try:
            await self._git.run(
                *args,
                git_dir=checkout.git_dir,
                work_tree=checkout.folder,
                overrides=overrides,
                pinned=pinned,
                environment={**self._who, "GIT_REFLOG_ACTION": "gastown-desktop"},
                finishes=True,
            )
        except (GitError, StoreError) as failure:
            files = ", ".join(_NAMED_FILES.findall(str(failure)))
            whole = True
            if not files and await self._at() == old:  # git names files before it changes any
                trees = [await self._objects.tree_of(commit) for commit in (old, wanted)]
                changes = await self._objects.diff_trees(*trees)
                whole = await put_back(
                    *(self._git, checkout, changes),
                    old=old,
                    new=wanted,
                    began_ns=began_ns,
                    overrides=overrides,
                    pinned=pinned,
                )
            if not whole:
                raise _half_done(checkout, failure) from failure
            if isinstance(failure, StoreError):
                raise
            if isinstance(failure, RefLocked):
                return f"{checkout.folder} stayed locked by another git."
            return f"git refuses in {checkout.folder}: {files or failure}."
        return "" if await self._at() == wanted else f"{self._branch} {MOVED}."

    async def _line_ends(self, git_dir: Path) -> Mapping[str, str]:
        """How this user's files end their lines: elsewhere pinned, here the files are theirs."""
        entries = await self._git.read_config(git_dir, home=Path.home())
        return {one.key: one.value or "true" for one in entries if one.key in {"core.autocrlf", "core.eol"}}

    @property
    def _who(self) -> dict[str, str]:
        return who_moves(self._facts)


def _half_done(checkout: Checkout, failure: GasTownError) -> StoreError:
    """The error of a checkout that could not be put back."""
    return StoreError(
        f"{failure} Files in {checkout.folder} are partly those of the landing.",
        safe="No branch was moved, and your own changes are untouched.",
        remedy="Make space on the disk; `git status` there names them, `git restore FILE` gives them back.",
    )


def who_moves(facts: RepositoryFacts) -> dict[str, str]:
    """Variables by which the reflog says who moved a ref: the user."""
    return {
        "GIT_COMMITTER_NAME": facts.user_name or "Gas Town",
        "GIT_COMMITTER_EMAIL": facts.user_email or "town@gastown.invalid",
    }
