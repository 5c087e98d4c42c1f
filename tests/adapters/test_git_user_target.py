"""A branch of the user's repository takes landed work only where it cannot hurt, and says why not."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git import command
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.adapters.git.user_repository import differences, fingerprint, inspect
from gastown_desktop.adapters.git.user_target import UserTarget
from gastown_desktop.core.errors import DiskFull, GitError, RefLocked, StoreError
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import REGULAR, Signature
from tests.builders import RepositoryBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gastown_desktop.adapters.git.command import GitCommand

WHO = Signature("Nux (polecat)", "ada@example.org", datetime(2026, 1, 2, tzinfo=UTC))


@dataclass(kw_only=True)
class Case:
    """A user's repository and its town."""

    git: GitCommand
    repo: RepositoryBuilder
    objects: PygitObjects
    town: Path
    old: Oid
    new: Oid
    """A commit on top that changes `a.txt` and adds `new/n.txt`, only in town.git."""

    async def target(self, branch: str = "main") -> UserTarget:
        facts = await inspect(self.git, self.repo.folder)
        return UserTarget(self.git, self.objects, self.town, facts, branch)

    def at(self, branch: str = "main") -> str:
        return self.repo.git("rev-parse", f"refs/heads/{branch}")

    def text(self, path: str) -> str:
        return (self.repo.folder / path).read_text()

    def commit_all(self) -> None:
        """What a user does next; landed work must survive it."""
        self.repo.git("commit", "-q", "-a", "--allow-empty", "-m", "The user's next commit")
        assert self.repo.git("show", "HEAD:a.txt").splitlines()[-1] == "landed"
        assert self.repo.git("show", "HEAD:new/n.txt") == "n"


@pytest_asyncio.fixture
async def case(git: GitCommand, tmp_path: Path) -> AsyncIterator[Case]:
    repo = RepositoryBuilder(tmp_path / "rig")
    repo.write("a.txt", "one\n").write("b.txt", "b\n").write(".gitignore", "new/\n")
    old = Oid(repo.commit("Start"))
    town = await open_town(git, tmp_path / "data", repo.git_dir)
    objects = PygitObjects(git, town)
    leaves = {
        "a.txt": (REGULAR, await objects.write_blob(b"one\nlanded\n")),
        "new/n.txt": (REGULAR, await objects.write_blob(b"n\n")),
    }
    tree = await objects.edit_tree(await objects.tree_of(old), leaves)
    new = await objects.write_commit(tree, (old,), "Do it\n", WHO, WHO)
    yield Case(git=git, repo=repo, objects=objects, town=town, old=old, new=new)
    objects.close()


# --- not checked out ------------------------------------------------------------------------------


async def test_a_branch_that_nobody_has_moves_and_nothing_else_does(case: Case) -> None:
    case.repo.git("branch", "scratch")
    target = await case.target("scratch")
    before = await fingerprint(case.git, await inspect(case.git, case.repo.folder))
    assert (await target.tip(), await target.places()) == (case.old, ())
    assert await target.refusal(case.old, case.new) == ""
    assert await target.advance(case.old, case.new) == ""
    after = await fingerprint(case.git, await inspect(case.git, case.repo.folder))
    assert differences(before, after) == ["ref refs/heads/scratch was changed"]
    assert case.at("scratch") == case.new
    assert case.repo.git("log", "-1", "-g", "--format=%gs", "scratch") == "gastown-desktop: land"
    shutil.rmtree(case.town)
    case.repo.git("fsck", "--strict", "--connectivity-only")
    assert not (case.repo.git_dir / "objects" / "info" / "alternates").exists()


async def test_a_branch_that_is_not_there_has_no_tip(case: Case) -> None:
    assert await (await case.target("nothing")).tip() is None


async def test_another_name_for_a_branch_is_no_way_to_move_it(case: Case) -> None:
    case.repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    target = await case.target("alias")
    words = "alias is another name for main; land on that."
    assert await target.refusal(case.old, case.new) == words
    assert await target.advance(case.old, case.new) == words
    assert await target.take_back(case.old, case.new) == words
    assert (case.at(), case.repo.git("status", "--porcelain")) == (case.old, "")


async def test_a_branch_that_moved_is_left_where_it_is(case: Case) -> None:
    case.repo.git("branch", "scratch")
    target = await case.target("scratch")
    theirs = case.repo.write("b.txt", "theirs\n").commit("Theirs")
    case.repo.git("branch", "-f", "scratch", "main")
    assert await target.advance(case.old, case.new) == "scratch moved meanwhile."
    assert (case.at("scratch"), await target.tip()) == (theirs, theirs)


async def test_a_head_that_is_detached_at_the_branch_s_commit_stays(case: Case) -> None:
    case.repo.git("checkout", "-q", "--detach")
    target = await case.target()
    assert await target.advance(case.old, case.new) == ""
    assert (case.at(), case.repo.git("rev-parse", "HEAD")) == (case.new, case.old)
    assert case.text("a.txt") == "one\n"


async def test_a_large_stack_is_brought_as_a_pack(case: Case) -> None:
    leaves = {
        f"many/{number}": (REGULAR, await case.objects.write_blob(f"{number}\n".encode()))
        for number in range(150)
    }
    tree = await case.objects.edit_tree(await case.objects.tree_of(case.new), leaves)
    large = await case.objects.write_commit(tree, (case.new,), "Many\n", WHO, WHO)
    assert await (await case.target()).advance(case.old, large) == ""
    assert (case.at(), case.text("many/149")) == (large, "149\n")
    case.repo.git("fsck", "--strict")


# --- checked out once -----------------------------------------------------------------------------


async def test_a_clean_checkout_follows(case: Case) -> None:
    target = await case.target()
    assert await target.places() == (str(case.repo.folder),)
    assert await target.advance(case.old, case.new) == ""
    assert (case.at(), case.text("a.txt"), case.text("new/n.txt")) == (case.new, "one\nlanded\n", "n\n")
    assert case.repo.git("status", "--porcelain") == ""
    case.commit_all()


async def test_edits_that_do_not_overlap_are_kept(case: Case) -> None:
    case.repo.write("b.txt", "mine\n").write("c.txt", "staged\n").git("add", "c.txt")
    assert await (await case.target()).advance(case.old, case.new) == ""
    assert (case.text("b.txt"), case.at()) == ("mine\n", case.new)
    assert case.repo.git("status", "--porcelain").splitlines() == ["M b.txt", "A  c.txt"]
    case.commit_all()


@pytest.mark.parametrize("staged", [False, True])
async def test_edits_that_overlap_are_named_and_nothing_moves(case: Case, staged: bool) -> None:
    case.repo.write("a.txt", "mine\n")
    if staged:
        case.repo.git("add", "a.txt")
    target = await case.target()
    words = await target.refusal(case.old, case.new)
    assert "a.txt" in words
    assert str(case.repo.folder) in words
    assert await target.advance(case.old, case.new) == words
    assert (case.at(), case.text("a.txt")) == (case.old, "mine\n")


@pytest.mark.parametrize("path", ["new/n.txt", "new"])
async def test_untracked_and_ignored_files_in_the_way_are_named_and_stay(case: Case, path: str) -> None:
    case.repo.write(path, "mine\n")
    words = await (await case.target()).advance(case.old, case.new)
    assert path in words
    assert (case.at(), case.text(path)) == (case.old, "mine\n")


@pytest.mark.parametrize("path", ["new/.gitattributes", "new/.gitignore"])
async def test_a_pipe_that_git_would_wait_for_while_it_writes_is_named(case: Case, path: str) -> None:
    pipe = case.repo.folder / path
    pipe.parent.mkdir(exist_ok=True)
    os.mkfifo(pipe)
    told = await (await case.target()).advance(case.old, case.new)
    assert path in told
    assert "delete it" in told
    assert case.at() == case.old


async def test_git_itself_would_refuse_to_replace_an_ignored_file(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.repo.write("new/n.txt", "mine\n")
    monkeypatch.setattr("gastown_desktop.adapters.git.checkouts._untracked", lambda _folder, _changes: set())
    words = await (await case.target()).advance(case.old, case.new)
    assert "new/n.txt" in words
    assert (case.at(), case.text("new/n.txt")) == (case.old, "mine\n")


@pytest.mark.parametrize("name", ["MERGE_HEAD", "CHERRY_PICK_HEAD"])
async def test_what_is_under_way_is_not_disturbed(case: Case, name: str) -> None:
    (case.repo.git_dir / name).write_text(case.old + "\n")
    words = await (await case.target()).advance(case.old, case.new)
    assert "under way" in words
    assert case.at() == case.old


async def test_a_branch_in_the_middle_of_its_rebase_is_left_alone(case: Case) -> None:
    case.repo.branch("topic").write("a.txt", "topic\n").commit("Topic")
    case.repo.switch("main").write("a.txt", "main\n").commit("Main")
    case.repo.switch("topic")
    with pytest.raises(AssertionError, match="could not apply"):
        case.repo.git("rebase", "main")
    topic = Oid(case.at("topic"))
    target = await case.target("topic")
    assert await target.tip() == topic
    words = await target.advance(topic, case.new)
    assert "a rebase is under way" in words
    assert case.at("topic") == topic


async def test_a_locked_index_is_waited_for_and_never_removed(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "REF_LOCK_WAIT_S", 0.1)
    lock = case.repo.git_dir / "index.lock"
    lock.touch()
    words = await (await case.target()).advance(case.old, case.new)
    assert "index.lock" in words
    assert (case.at(), lock.exists()) == (case.old, True)
    lock.unlink()
    assert await (await case.target()).advance(case.old, case.new) == ""


# --- worktrees ------------------------------------------------------------------------------------


async def test_a_branch_of_a_linked_worktree_moves_there(case: Case, tmp_path: Path) -> None:
    case.repo.git("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    target = await case.target("topic")
    assert await target.advance(case.old, case.new) == ""
    assert (tmp_path / "linked" / "a.txt").read_text() == "one\nlanded\n"
    assert (case.at("topic"), case.at(), case.text("a.txt")) == (case.new, case.old, "one\n")


async def test_a_branch_in_two_places_is_moved_nowhere(case: Case, tmp_path: Path) -> None:
    case.repo.git("worktree", "add", "-q", "--force", str(tmp_path / "second"), "main")
    words = await (await case.target()).advance(case.old, case.new)
    assert str(case.repo.folder) in words
    assert str(tmp_path / "second") in words
    assert case.at() == case.old


async def test_a_worktree_that_is_away_still_has_its_branch(case: Case, tmp_path: Path) -> None:
    case.repo.git("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    (tmp_path / "linked").rename(tmp_path / "unplugged")
    words = await (await case.target("topic")).advance(case.old, case.new)
    assert "cannot be reached" in words
    assert case.at("topic") == case.old


async def test_a_worktree_entry_that_names_a_foreign_folder_is_not_written_to(
    case: Case, tmp_path: Path
) -> None:
    case.repo.git("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    (tmp_path / "precious").mkdir()
    (case.repo.git_dir / "worktrees" / "linked" / "gitdir").write_text(str(tmp_path / "precious" / ".git"))
    assert "cannot be reached" in await (await case.target("topic")).advance(case.old, case.new)
    assert list((tmp_path / "precious").iterdir()) == []


# --- hostile configuration ------------------------------------------------------------------------


async def test_nothing_that_the_repository_configures_runs(case: Case, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    evil = f"touch {ran}; cat"
    for key, value in {
        "core.fsmonitor": evil,
        "core.editor": evil,
        "core.sshCommand": evil,
        "core.hooksPath": str(case.repo.git_dir / "hooks"),
        "core.alternateRefsCommand": evil,
        "core.worktree": str(tmp_path / "elsewhere"),
        "filter.evil.clean": evil,
        "filter.evil.smudge": evil,
        "filter.evil.process": evil,
        "diff.evil.textconv": evil,
        "merge.verifySignatures": "true",
        "merge.autoStash": "true",
        "merge.evil.driver": evil,
        "gpg.program": evil,
        "branch.main.mergeOptions": "--squash --strategy=evil --verify-signatures",
        "pull.rebase": "true",
        "url.ext::sh.insteadOf": str(tmp_path),
    }.items():
        case.repo.git("config", key, value)
    case.repo.write(".git/info/attributes", "* filter=evil diff=evil merge=evil\n")
    for hook in (
        "post-merge",
        "post-checkout",
        "reference-transaction",
        "pre-receive",
        "update",
        "post-update",
    ):
        case.repo.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch {ran}\n", executable=True)
    (tmp_path / "elsewhere").mkdir()
    config = (case.repo.git_dir / "config").read_bytes()
    target = await case.target()
    assert await target.advance(case.old, case.new) == ""
    assert await target.take_back(case.new, case.old) == ""
    assert not ran.exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (case.repo.git_dir / "config").read_bytes() == config
    assert not (case.repo.git_dir / "FETCH_HEAD").exists()


# --- back again -----------------------------------------------------------------------------------


async def test_taking_back_restores_the_files_and_keeps_other_edits(case: Case) -> None:
    target = await case.target()
    await target.advance(case.old, case.new)
    case.repo.write("b.txt", "mine\n")
    assert await target.take_back(case.new, case.old) == ""
    assert (case.at(), case.text("a.txt"), case.text("b.txt")) == (case.old, "one\n", "mine\n")
    assert not (case.repo.folder / "new").exists()


async def test_taking_back_is_refused_over_an_edit_of_what_landed(case: Case) -> None:
    target = await case.target()
    await target.advance(case.old, case.new)
    case.repo.write("a.txt", "mine\n")
    assert "a.txt" in await target.take_back(case.new, case.old)
    assert (case.at(), case.text("a.txt")) == (case.new, "mine\n")


async def test_taking_back_a_branch_that_nobody_has_is_a_compare_and_swap(case: Case) -> None:
    case.repo.git("branch", "scratch")
    target = await case.target("scratch")
    await target.advance(case.old, case.new)
    assert await target.take_back(case.new, case.old) == ""
    assert case.at("scratch") == case.old
    assert await target.take_back(case.new, case.old) == "scratch moved meanwhile."


# --- cut short ------------------------------------------------------------------------------------


class Broken:
    """Git whose command of a name does something else and fails."""

    def __init__(self, git: GitCommand, name: str, error: Exception, meanwhile: Callable[[], object]) -> None:
        self._git = git
        self._name = name
        self._error = error
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._git, name)

    async def run(self, *args: Any, **options: Any) -> Any:
        if args[0] == self._name:
            assert options["finishes"], "it could be killed halfway"
            await asyncio.sleep(0.03)  # files are newer than the command, by a coarse clock
            self._meanwhile()
            raise self._error
        return await self._git.run(*args, **options)


async def broken(case: Case, name: str, error: Exception, meanwhile: Callable[[], object]) -> UserTarget:
    facts = await inspect(case.git, case.repo.folder)
    git: Any = Broken(case.git, name, error, meanwhile)
    return UserTarget(git, case.objects, case.town, facts, "main")


FULL = DiskFull("git merge: the disk is full.")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FULL, None),
        (GitError("git merge failed (-9): "), "git refuses"),
        (RefLocked("main"), "stayed locked"),
    ],
)
async def test_a_landing_that_ends_halfway_is_put_back_and_lands_later(
    case: Case, error: Exception, words: str | None
) -> None:
    case.repo.write("b.txt", "b\nmine\n")

    def half() -> None:
        case.repo.write("a.txt", "one\nla").write("new/n.txt", "n\n")

    target = await broken(case, "merge", error, half)
    if words is None:
        with pytest.raises(StoreError, match="the disk is full"):
            await target.advance(case.old, case.new)
    else:
        assert words in await target.advance(case.old, case.new)
    assert (case.at(), case.text("a.txt"), case.text("b.txt")) == (case.old, "one\n", "b\nmine\n")
    assert not (case.repo.folder / "new").exists()
    assert case.repo.git("status", "--porcelain") == "M b.txt"
    assert await (await case.target()).advance(case.old, case.new) == ""
    assert case.text("b.txt") == "b\nmine\n"
    case.commit_all()


async def test_a_landing_that_is_cancelled_and_ends_halfway_is_put_back_all_the_same(case: Case) -> None:
    def half() -> None:
        landing.cancel()
        case.repo.write("a.txt", "one\nla").write("new/n.txt", "n\n")

    target = await broken(case, "merge", FULL, half)
    landing = asyncio.ensure_future(target.advance(case.old, case.new))
    with pytest.raises(asyncio.CancelledError):
        await landing
    assert (case.at(), case.text("a.txt")) == (case.old, "one\n")
    assert case.repo.git("status", "--porcelain", "--ignored") == ""


async def test_files_that_moved_without_their_branch_go_back(case: Case) -> None:
    def all_but_the_ref() -> None:
        case.repo.git("fetch", "-q", str(case.town), case.new)
        case.repo.git("read-tree", "-m", "-u", case.old, case.new)

    target = await broken(case, "merge", RefLocked("main stayed locked"), all_but_the_ref)
    assert "stayed locked" in await target.advance(case.old, case.new)
    assert (case.at(), case.text("a.txt")) == (case.old, "one\n")
    assert case.repo.git("status", "--porcelain", "--ignored") == ""


async def test_an_index_that_another_git_holds_is_said_to_be_locked(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "REF_LOCK_WAIT_S", 0.1)
    target = await broken(case, "merge", RefLocked("main"), lambda: case.repo.write(".git/index.lock", ""))
    assert "stayed locked" in await target.advance(case.old, case.new)
    assert (case.repo.git_dir / "index.lock").exists()


async def test_taking_back_that_ends_halfway_leaves_what_landed(case: Case) -> None:
    assert await (await case.target()).advance(case.old, case.new) == ""

    def half() -> None:
        (case.repo.folder / "new/n.txt").unlink()
        case.repo.write("a.txt", "one\n")

    target = await broken(case, "reset", FULL, half)
    with pytest.raises(StoreError, match="the disk is full"):
        await target.take_back(case.new, case.old)
    assert case.at() == case.new
    assert case.repo.git("status", "--porcelain") == ""
    case.commit_all()


async def test_an_edit_that_git_names_is_not_put_back(case: Case) -> None:
    words = GitError(
        "git merge failed (1): error: Your local changes would be overwritten:\n\ta.txt\nAborting"
    )
    target = await broken(case, "merge", words, lambda: case.repo.write("a.txt", "typed just now\n"))
    assert "a.txt" in await target.advance(case.old, case.new)
    assert case.text("a.txt") == "typed just now\n"


async def test_what_cannot_be_put_back_says_which_command_does(case: Case) -> None:
    def half() -> None:
        case.repo.write("a.txt", "one\nla")
        (case.repo.git_dir / "index").write_bytes(b"no index")

    target = await broken(case, "merge", FULL, half)
    with pytest.raises(StoreError, match="partly those of the landing") as caught:
        await target.advance(case.old, case.new)
    assert "git restore" in caught.value.remedy
