from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.git.objects_command import MERGING
from gastown_desktop.adapters.git.town import fetch_commit, open_town, resolve_source, sweep
from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.ids import Oid
from tests.builders import RepositoryBuilder, hard_repository

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo")
    repo.write("a.txt", "1\n").commit("One")
    repo.git("tag", "-a", "-m", "v1", "v1.0")
    repo.write("a.txt", "2\n").commit("Two")
    return repo


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def git_says(git: GitCommand, town: Path, *args: str) -> str:
    return (await git.run(*args, git_dir=town)).output.decode().strip()


async def test_town_holds_what_the_user_has_apart_from_our_branches(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    town = await open_town(git, tmp_path / "rig", repo.git_dir)

    refs = (await git_says(git, town, "for-each-ref", "--format=%(refname)")).split()
    assert refs == [
        "refs/gastown/source/HEAD",
        "refs/gastown/source/heads/main",
        "refs/gastown/source/tags/v1.0",
    ]
    assert await git_says(git, town, "rev-parse", "HEAD") == repo.git("rev-parse", "HEAD")
    assert await git_says(git, town, "config", "gc.auto") == "0"
    assert "remote" not in await git_says(git, town, "config", "--list", "--local")
    assert not (town / "hooks").exists()


async def test_later_opening_fetches_new_deleted_and_rewritten(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    await open_town(git, tmp_path / "rig", repo.git_dir)
    repo.branch("topic").commit("Topic")
    repo.switch("main").git("reset", "-q", "--hard", "HEAD~1")
    repo.git("tag", "-d", "v1.0")

    town = await open_town(git, tmp_path / "rig", repo.git_dir)

    refs = (await git_says(git, town, "for-each-ref", "--format=%(refname)")).split()
    assert refs == [
        "refs/gastown/source/HEAD",
        "refs/gastown/source/heads/main",
        "refs/gastown/source/heads/topic",
    ]
    assert await git_says(git, town, "rev-parse", "refs/gastown/source/heads/main") == repo.git(
        "rev-parse", "main"
    )


async def test_source_is_only_read(git: GitCommand, repo: RepositoryBuilder, tmp_path: Path) -> None:
    before = everything(repo.folder)

    await open_town(git, tmp_path / "rig", repo.git_dir)
    await open_town(git, tmp_path / "rig", repo.git_dir)

    assert everything(repo.folder) == before


async def test_revisions_mean_what_they_mean_to_the_user(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    objects = await open_objects(git, await open_town(git, tmp_path / "rig", repo.git_dir))
    for rev in (
        "HEAD",
        "HEAD~1",
        "main",
        "main^",
        "v1.0",
        "refs/heads/main",
        repo.git("rev-parse", "HEAD")[:10],
    ):
        assert await resolve_source(objects, rev) == repo.git("rev-parse", f"{rev}^{{commit}}")
    assert await resolve_source(objects, "nothing") is None


async def test_commit_without_a_ref_can_be_fetched_by_id(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    town = await open_town(git, tmp_path / "rig", repo.git_dir)
    lost = Oid(repo.commit("Lost"))
    repo.git("reset", "-q", "--hard", "HEAD~1")

    await fetch_commit(git, town, repo.git_dir, lost)

    assert await git_says(git, town, "cat-file", "-t", lost) == "commit"
    with pytest.raises(GitError):
        await fetch_commit(git, town, repo.git_dir, Oid("1" * 40))


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
async def test_hard_repository_arrives_whole(git: GitCommand, tmp_path: Path, hash_name: str) -> None:
    repo = hard_repository(tmp_path / "repo", hash_name)

    town = await open_town(git, tmp_path / "rig", repo.git_dir)

    await git.run("fsck", "--full", git_dir=town)
    assert await git_says(git, town, "rev-parse", "HEAD^{tree}") == repo.git("rev-parse", "HEAD^{tree}")


async def test_town_stands_alone_when_the_source_borrows_objects(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    repo.git("clone", "-q", "--shared", str(repo.folder), str(tmp_path / "borrower"))

    town = await open_town(git, tmp_path / "rig", tmp_path / "borrower" / ".git")

    shutil.rmtree(repo.folder)
    shutil.rmtree(tmp_path / "borrower")
    assert not (town / "objects/info/alternates").exists()
    await git.run("fsck", "--full", git_dir=town)


async def test_town_lacks_what_nothing_refers_to(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    forgotten = repo.git("hash-object", "-w", "--stdin", stdin=b"a password that was staged once\n")

    town = await open_town(git, tmp_path / "rig", repo.git_dir)

    looked = await git.run("cat-file", "-e", forgotten, git_dir=town, check=False)
    assert looked.exit_code != 0


async def test_shallow_source_stays_shallow(git: GitCommand, repo: RepositoryBuilder, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--depth=1", f"file://{repo.folder}", str(tmp_path / "shallow"))

    town = await open_town(git, tmp_path / "rig", tmp_path / "shallow" / ".git")
    await open_town(git, tmp_path / "rig", tmp_path / "shallow" / ".git")

    assert (town / "shallow").read_text().strip() == repo.git("rev-parse", "main")
    assert await git_says(git, town, "rev-list", "--count", "HEAD") == "1"


async def test_linked_worktree_has_its_own_head(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "HEAD~1")

    town = await open_town(git, tmp_path / "rig", repo.git_dir / "worktrees" / "linked")

    assert await git_says(git, town, "rev-parse", "HEAD") == repo.git("rev-parse", "HEAD~1")
    assert await git_says(git, town, "rev-parse", "gastown/source/heads/main") == repo.git(
        "rev-parse", "main"
    )


async def test_half_made_town_is_made_again(git: GitCommand, repo: RepositoryBuilder, tmp_path: Path) -> None:
    half = tmp_path / "rig" / "town.git.new"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/hea")

    town = await open_town(git, tmp_path / "rig", repo.git_dir)

    assert not half.exists()
    assert await git_says(git, town, "rev-parse", "HEAD") == repo.git("rev-parse", "HEAD")


async def test_partial_clone_is_refused(git: GitCommand, repo: RepositoryBuilder, tmp_path: Path) -> None:
    repo.git("config", "remote.origin.promisor", "true")

    with pytest.raises(Refused, match="partial clone") as caught:
        await open_town(git, tmp_path / "rig", repo.git_dir)
    assert caught.value.remedy


async def test_nothing_of_a_hostile_source_runs(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    mark = tmp_path / "it-ran"
    for key in (
        *(
            "core.fsmonitor",
            "core.sshCommand",
            "uploadpack.packObjectsHook",
            "core.gitProxy",
            "remote.x.uploadpack",
        ),
        *("core.alternateRefsCommand", "core.pager"),
    ):
        repo.git("config", key, f"touch '{mark}';")
    for hook in ("reference-transaction", "post-checkout", "pre-auto-gc"):
        repo.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch '{mark}'\n", executable=True)

    await open_town(git, tmp_path / "rig", repo.git_dir)
    repo.git("config", "core.bare", "false")
    await open_town(git, tmp_path / "rig", repo.git_dir)

    assert not mark.exists()


async def test_only_stale_locks_and_unfinished_files_of_ours_are_swept(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    town = await open_town(git, tmp_path / "rig", repo.git_dir)
    ours = [
        town / "refs/heads/work/Nux/x.lock",
        town / "refs/gastown/hooks/Nux.lock",
        town / "packed-refs.lock",
        town / "packed-refs.new",
        town / "objects/pack/tmp_pack_x1",
        town / "objects/pack/.tmp-12-pack-34.pack",
        town / "objects/17/tmp_obj_x1",
        town / "objects/tmp_object_git2_x1",
    ]
    others = [town / "refs/heads/theirs.lock", town / "objects/pack/pack-1.pack", town / "objects/17/ab"]
    for file in (*ours, *others):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert sorted(sweep(town)) == sorted(ours)
    assert all(file.exists() for file in others)


async def test_where_a_killed_process_merged_is_swept_and_not_where_a_living_one_does(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    town = await open_town(git, tmp_path / "rig", repo.git_dir)
    with subprocess.Popen(["/bin/true"]) as dead:  # noqa: ASYNC220
        dead.wait()
    theirs, ours = town / f"{MERGING}{dead.pid}-abc", town / f"{MERGING}{os.getpid()}-abc"
    for folder in (theirs, ours):
        (folder / "objects").mkdir(parents=True)

    assert sweep(town) == [theirs]
    assert not theirs.exists()
    assert ours.exists()
