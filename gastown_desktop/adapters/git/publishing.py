"""Branches of town.git in the user's repository: all that were asked for, or none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gastown_desktop.adapters.git.checkouts import checkouts_of, has_files_of
from gastown_desktop.adapters.git.packs import bring
from gastown_desktop.adapters.git.user_target import who_moves
from gastown_desktop.core.errors import GitError, RefLocked, Refused
from gastown_desktop.core.ids import Oid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.adapters.git.user_repository import RepositoryFacts

_HEADS = "refs/heads/"
_SAFE = "Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A branch of the user's as it is now."""

    branch: str
    """Without `refs/heads/`."""
    commit: Oid
    before: Oid | None
    """Where it was; None for a new one."""

    @property
    def outcome(self) -> Literal["created", "moved", "there"]:
        """What was done to it."""
        if self.before is None:
            return "created"
        return "there" if self.before == self.commit else "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What publishing would make of a branch."""

    published: Published
    refusal: str = ""
    """Why it cannot; empty when it can."""


class Publisher:
    """Copies commits of town.git to branches of the user's repository.

    A branch that is there moves forward only, and never under a checkout. No hook runs, as with a landing.

    Args:
        git: runs git.
        town: town.git; only read.
        facts: the user's repository.
    """

    def __init__(self, git: GitCommand, town: Path, facts: RepositoryFacts) -> None:
        self._git = git
        self._town = town
        self._facts = facts
        self._there = facts.common_dir

    async def preview(self, wanted: Mapping[str, Oid]) -> list[Foreseen]:
        """What `publish` would do as things are now; nothing is written."""
        heads = await self._heads()
        found: list[Foreseen] = []
        for branch, commit in wanted.items():
            one = Published(branch=branch, commit=commit, before=heads.get(_HEADS + branch))
            try:
                await self._require_name(branch)
                await self._require_own(branch)
                if one.outcome != "there":
                    await self._require_not_checked_out(branch)
                    await self._require_forward(one, self._town)
            except Refused as refused:
                found.append(Foreseen(published=one, refusal=str(refused)))
            else:
                found.append(Foreseen(published=one))
        return found

    async def publish(self, wanted: Mapping[str, Oid]) -> list[Published]:
        """Puts branches where they are wanted, all at once.

        Args:
            wanted: the commit of each branch, whose name is without `refs/heads/`.

        Raises:
            Refused: a name that no branch can have, or a branch that cannot move there; nothing was changed.
            RefLocked: another git holds a ref.
            DiskFull: no space left.
        """
        heads = await self._heads()
        for branch in wanted:
            await self._require_name(branch)
            await self._require_own(branch)
        plan = [
            Published(branch=branch, commit=commit, before=heads.get(_HEADS + branch))
            for branch, commit in wanted.items()
        ]
        todo = [one for one in plan if one.outcome != "there"]
        for one in todo:
            await self._require_not_checked_out(one.branch)
        if todo:
            known = await self._known_to_both(heads.values())
            await bring(self._git, self._town, self._there, {one.commit for one in todo}, known)
            await self._require_whole([one.commit for one in todo], known)
            for one in todo:
                await self._require_forward(one, self._there)
            await self._move(todo)
        return plan

    async def _heads(self) -> dict[str, Oid]:
        """The user's branches."""
        listed = await self._git.run(
            "for-each-ref", "--format=%(objectname) %(refname)", _HEADS, git_dir=self._there
        )
        lines = (os.fsdecode(line).partition(" ") for line in listed.output.splitlines())
        return {name: Oid(oid) for oid, _, name in lines}

    async def _require_own(self, branch: str) -> None:
        """Makes sure that a branch is no other name for another one."""
        asked = ("symbolic-ref", "--quiet", _HEADS + branch)
        if not (await self._git.run(*asked, git_dir=self._there, check=False)).exit_code:
            raise Refused(f"{branch} is a name for another branch; it is not moved.", safe=_SAFE)

    async def _require_name(self, branch: str) -> None:
        done = await self._git.run("check-ref-format", _HEADS + branch, git_dir=self._there, check=False)
        if done.exit_code or branch.startswith("-"):
            raise Refused(f"{branch} cannot be the name of a branch.", safe=_SAFE)

    async def _require_not_checked_out(self, branch: str) -> None:
        found = await checkouts_of(self._git, self._facts, _HEADS + branch)
        if found:
            raise Refused(
                f"{branch} is checked out in {found[0].folder}.",
                safe=_SAFE,
                remedy="Switch that to another branch, or publish under another prefix.",
            )

    async def _known_to_both(self, heads: Iterable[Oid]) -> list[Oid]:
        """The user's branches whose commits town.git has too, with all that they reach."""
        asked = "".join(f"{oid}\n" for oid in dict.fromkeys(heads)).encode()
        told = await self._git.run(
            "cat-file", "--batch-check=%(objectname) %(objecttype)", git_dir=self._town, input=asked
        )
        answers = (line.split() for line in told.output.decode("ascii", "replace").splitlines())
        return [Oid(oid) for oid, kind in answers if kind == "commit"]

    async def _require_whole(self, commits: Sequence[Oid], known: Sequence[Oid]) -> None:
        """Makes sure that the user's repository has all of them, before a ref says so."""
        revs = [*commits, *(f"^{oid}" for oid in known)]
        asked = "".join(f"{rev}\n" for rev in revs).encode()
        await self._git.run("rev-list", "--objects", "--quiet", "--stdin", git_dir=self._there, input=asked)

    async def _require_forward(self, one: Published, where: Path) -> None:
        """Makes sure that a branch goes on from where it is.

        A repository that lacks the commit where it is has none that goes on from there.
        """
        if one.before is None:
            return
        forward = await self._git.run(
            "merge-base", "--is-ancestor", one.before, one.commit, git_dir=where, check=False
        )
        if forward.exit_code:
            raise Refused(
                f"{one.branch} is there and has gone another way; it is not moved.",
                safe=_SAFE,
                remedy="Rename or delete it, or publish under another prefix.",
            )

    async def _move(self, todo: Sequence[Published]) -> None:
        """Moves each from where it was seen."""
        zero = "0" * len(todo[0].commit)
        try:
            await self._transact("publish", [(one.branch, one.commit, one.before or zero) for one in todo])
        except RefLocked:
            raise
        except GitError as failure:
            raise Refused(f"The branches cannot be written: {failure}", safe=_SAFE) from failure
        await self._look_again(todo)

    async def _look_again(self, moved: Sequence[Published]) -> None:
        """Takes all back where somebody switched to one at the very moment in which it moved.

        Who switched after it has the files of its new commit, and stays there.
        """
        for one in moved:
            for checkout in await checkouts_of(self._git, self._facts, _HEADS + one.branch):
                if not await has_files_of(self._git, checkout, one.commit):
                    await self._take_back(moved)
                    raise Refused(
                        f"{one.branch} was checked out in {checkout.folder} while it moved.",
                        safe="All branches are where they were.",
                    )

    async def _take_back(self, moved: Sequence[Published]) -> None:
        """One transaction that undoes the other; none moves where somebody moved one on meanwhile."""
        zero = "0" * len(moved[0].commit)
        await self._transact("take back", [(one.branch, one.before or zero, one.commit) for one in moved])

    async def _transact(self, what: str, moves: Sequence[tuple[str, str, str]]) -> None:
        """Moves branches all at once, each to a commit from one; zeros are no commit."""
        lines = [f"option no-deref\0update {_HEADS}{branch}\0{new}\0{old}\0" for branch, new, old in moves]
        asked = os.fsencode("".join(("start\0", *lines, "prepare\0", "commit\0")))
        await self._git.run(
            *("update-ref", "-m", f"gastown-desktop: {what}", "--stdin", "-z"),
            git_dir=self._there,
            input=asked,
            environment=who_moves(self._facts),
            finishes=True,
        )
