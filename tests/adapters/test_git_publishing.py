"""Branches of town.git come to the user's repository all together or not at all, and hurt nothing there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.publishing import Published, Publisher
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.adapters.git.user_repository import differences, fingerprint, inspect
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import REGULAR, Signature
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import contents

if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_desktop.adapters.git.command import GitCommand

WHO = Signature("Nux (polecat)", "ada@example.org", datetime(2026, 1, 2, tzinfo=UTC))


@dataclass(kw_only=True)
class Case:
    """A user's repository and its town, in which two commits stand on the user's."""

    git: GitCommand
    repo: RepositoryBuilder
    town: Path
    objects: PygitObjects
    old: Oid
    one: Oid
    two: Oid

    async def publish(self, **wanted: Oid) -> list[Published]:
        facts = await inspect(self.git, self.repo.folder)
        named = {name.replace("_", "/"): oid for name, oid in wanted.items()}
        return await Publisher(self.git, self.town, facts).publish(named)

    def at(self, branch: str) -> str:
        return self.repo.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


@pytest_asyncio.fixture
async def case(git: GitCommand, tmp_path: Path) -> AsyncIterator[Case]:
    repo = RepositoryBuilder(tmp_path / "rig")
    old = Oid(repo.write("a.txt", "one\n").commit("Start"))
    town = await open_town(git, tmp_path / "data", repo.git_dir)
    objects = PygitObjects(git, town)

    async def commit(parent: Oid, text: bytes) -> Oid:
        leaf = (REGULAR, await objects.write_blob(text))
        tree = await objects.edit_tree(await objects.tree_of(parent), {"a.txt": leaf})
        return await objects.write_commit(tree, (parent,), "Do it\n", WHO, WHO)

    one = await commit(old, b"one\ntwo\n")
    two = await commit(one, b"one\ntwo\nthree\n")
    yield Case(git=git, repo=repo, town=town, objects=objects, old=old, one=one, two=two)
    objects.close()


async def test_new_branches_come_with_their_history_and_nothing_else_changes(case: Case) -> None:
    facts = await inspect(case.git, case.repo.folder)
    before = await fingerprint(case.git, facts)
    done = await case.publish(gastown_x=case.one, gastown_y=case.two)
    assert [one.outcome for one in done] == ["created", "created"]
    assert (case.at("gastown/x"), case.at("gastown/y")) == (case.one, case.two)
    assert case.repo.git("fsck", "--strict") == ""
    changed = differences(before, await fingerprint(case.git, facts))
    assert changed == ["ref refs/heads/gastown/x was added", "ref refs/heads/gastown/y was added"]


async def test_a_preview_says_what_would_be_done_and_writes_nothing(case: Case, tmp_path: Path) -> None:
    await case.publish(gastown_old=case.one, gastown_there=case.two, gastown_held=case.one)
    case.repo.git("worktree", "add", "-q", str(tmp_path / "other"), "gastown/held")
    case.repo.branch("gastown/mine").write("own.txt", "mine\n").commit("Mine")
    case.repo.switch("main")
    case.repo.git("symbolic-ref", "refs/heads/gastown/alias", "refs/heads/main")
    facts = await inspect(case.git, case.repo.folder)
    before = contents(case.repo.folder)
    names = ("new", "old", "there", "held", "mine", "alias", "a..b")
    wanted = {f"gastown/{name}": case.two for name in names}
    found = await Publisher(case.git, case.town, facts).preview(wanted)
    assert [(one.published.outcome, bool(one.refusal)) for one in found] == [
        ("created", False),
        ("moved", False),
        ("there", False),
        ("moved", True),
        ("moved", True),
        ("moved", True),
        ("created", True),
    ]
    reasons = ("checked out in", "gone another way", "name for another branch", "cannot be the name")
    for one, reason in zip(found[3:], reasons, strict=True):
        assert reason in one.refusal
    assert contents(case.repo.folder) == before


async def test_no_hook_of_the_repository_runs(case: Case, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name in ("reference-transaction", "post-update", "update"):
        case.repo.write(f".git/hooks/{name}", f"#!/bin/sh\ntouch {ran}\n", executable=True)
    await case.publish(gastown_x=case.one)
    assert case.at("gastown/x") == case.one
    assert not ran.exists()


async def test_a_branch_goes_forward_and_stays_where_it_is(case: Case) -> None:
    await case.publish(gastown_x=case.one)
    (moved,) = await case.publish(gastown_x=case.two)
    assert (moved.outcome, case.at("gastown/x")) == ("moved", case.two)
    (there,) = await case.publish(gastown_x=case.two)
    assert there.outcome == "there"


async def test_a_branch_that_went_another_way_stops_all_of_them(case: Case) -> None:
    case.repo.branch("gastown/x").write("own.txt", "mine\n").commit("Mine")
    case.repo.switch("main")
    mine = case.at("gastown/x")
    with pytest.raises(Refused, match="gone another way"):
        await case.publish(gastown_new=case.one, gastown_x=case.one)
    with pytest.raises(Refused, match="gone another way"):
        await case.publish(gastown_new=case.one, gastown_x=case.old)
    assert (case.at("gastown/x"), case.at("gastown/new")) == (mine, "")


async def test_a_branch_never_goes_backwards(case: Case) -> None:
    await case.publish(gastown_x=case.two)
    with pytest.raises(Refused, match="gone another way"):
        await case.publish(gastown_x=case.one)
    assert case.at("gastown/x") == case.two


async def test_a_checkout_is_not_moved_under(case: Case, tmp_path: Path) -> None:
    await case.publish(gastown_x=case.one)
    case.repo.git("worktree", "add", "-q", str(tmp_path / "other"), "gastown/x")
    with pytest.raises(Refused, match="checked out in"):
        await case.publish(gastown_x=case.two)
    with pytest.raises(Refused, match="checked out in"):
        await case.publish(main=case.two)
    assert (case.at("gastown/x"), case.at("main")) == (case.one, case.old)


async def test_an_unborn_branch_that_is_checked_out_is_not_made_under_its_files(
    case: Case, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    case.repo.git("worktree", "add", "-q", "--detach", str(other))
    case.repo.git("-C", str(other), "checkout", "-q", "--orphan", "gastown/x")
    facts = await inspect(case.git, case.repo.folder)
    (foreseen,) = await Publisher(case.git, case.town, facts).preview({"gastown/x": case.one})
    assert "checked out in" in foreseen.refusal
    with pytest.raises(Refused, match="checked out in"):
        await case.publish(gastown_x=case.one)
    assert case.at("gastown/x") == ""


class Meddled:
    """Git beside which somebody does something right before, or after, branches move."""

    def __init__(self, git: GitCommand, meddle: Callable[[], object], *, after: bool) -> None:
        self._git = git
        self._meddle = meddle
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._git, name)

    async def run(self, *args: Any, **options: Any) -> Any:
        moves = "gastown-desktop: publish" in args
        if moves and not self._after:
            self._meddle()
        done = await self._git.run(*args, **options)
        if moves and self._after:
            self._meddle()
        return done


async def meddled(case: Case, *, after: bool) -> list[Published]:
    """Publishes two branches, to one of which the user switches at that moment."""
    case.repo.git("branch", "gastown/x")
    facts = await inspect(case.git, case.repo.folder)
    git: Any = Meddled(case.git, lambda: case.repo.git("checkout", "-q", "gastown/x"), after=after)
    wanted = {"gastown/x": case.one, "gastown/y": case.two}
    return await Publisher(git, case.town, facts).publish(wanted)


async def test_who_switches_to_a_branch_right_after_it_moved_has_its_files_and_stays(case: Case) -> None:
    assert [one.outcome for one in await meddled(case, after=True)] == ["moved", "created"]
    assert (case.at("gastown/x"), case.at("gastown/y")) == (case.one, case.two)
    assert case.repo.git("status", "--porcelain") == ""


async def test_who_switches_to_a_branch_right_before_it_moved_gets_all_of_them_back(case: Case) -> None:
    with pytest.raises(Refused, match=r"checked out in .* while it moved"):
        await meddled(case, after=False)
    assert (case.at("gastown/x"), case.at("gastown/y")) == (case.old, "")
    assert case.repo.git("status", "--porcelain") == ""


async def test_another_name_for_a_branch_is_no_way_to_move_it(case: Case) -> None:
    case.repo.git("branch", "other")
    case.repo.git("symbolic-ref", "refs/heads/gastown/x", "refs/heads/other")
    case.repo.git("symbolic-ref", "refs/heads/gastown/y", "refs/heads/unborn")
    for name in ("gastown_x", "gastown_y"):
        with pytest.raises(Refused, match="a name for another"):
            await case.publish(**{name: case.one})
    assert (case.at("other"), case.at("unborn")) == (case.old, "")


@pytest.mark.parametrize("name", ["gastown/..", "gastown//x", "-x", "a b", "x.lock"])
async def test_a_name_that_no_branch_can_have_is_refused(case: Case, name: str) -> None:
    facts = await inspect(case.git, case.repo.folder)
    with pytest.raises(Refused, match="cannot be the name"):
        await Publisher(case.git, case.town, facts).publish({name: case.one})


async def test_a_branch_named_like_the_folder_is_in_the_way(case: Case) -> None:
    case.repo.git("branch", "gastown")
    with pytest.raises(Refused, match="gastown"):
        await case.publish(gastown_x=case.one)
    assert case.at("gastown") == case.old


async def test_what_the_user_threw_away_comes_along_again(case: Case) -> None:
    """town.git knows commits that the user's repository does not have any more."""
    case.repo.branch("gone").write("g.txt", "g\n")
    gone = Oid(case.repo.commit("Gone"))
    await open_town(case.git, case.town.parent, case.repo.git_dir)
    case.repo.switch("main")
    case.repo.git("branch", "-D", "gone")
    case.repo.git("reflog", "expire", "--expire=now", "--all")
    case.repo.git("gc", "-q", "--prune=now")
    await case.publish(gastown_g=gone)
    assert case.repo.git("fsck", "--strict") == ""
    assert case.repo.git("show", "gastown/g:g.txt") == "g"
