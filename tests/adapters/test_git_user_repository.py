from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.adapters.git.user_repository import differences, fingerprint, inspect
from gastown_desktop.core.errors import GitError, Refused
from tests.builders import RepositoryBuilder, hard_repository

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo")
    repo.write("a.txt", "1\n").write("src/b.py", "b\n").write(".gitignore", "*.log\n").commit("One")
    return repo


async def test_facts_of_a_plain_repository(git: GitCommand, repo: RepositoryBuilder, tmp_path: Path) -> None:
    home = tmp_path / "user"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Global Gil\n\temail = gil@example.org\n")
    repo.git("config", "user.email", "local@example.org")

    facts = await inspect(git, repo.folder / "src", home=home)

    assert facts.top_level == repo.folder
    assert facts.git_dir == facts.common_dir == repo.git_dir
    assert (facts.hash_name, facts.ref_format) == ("sha1", "files")
    assert facts.head_oid == repo.git("rev-parse", "HEAD")
    assert facts.head_branch == "main"
    assert (facts.dirty, facts.partial, facts.shallow, facts.submodules) == (False, False, frozenset(), ())
    assert (facts.user_name, facts.user_email) == ("Global Gil", "local@example.org")


async def test_detached_head_has_no_branch(git: GitCommand, repo: RepositoryBuilder) -> None:
    repo.git("checkout", "-q", "--detach")

    assert (await inspect(git, repo.folder)).head_branch is None


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
async def test_dirt_is_tracked_changes_only(git: GitCommand, tmp_path: Path, hash_name: str) -> None:
    repo = RepositoryBuilder(tmp_path / "repo", hash_name=hash_name)
    repo.write("a.txt", "1\n").commit("One")
    repo.write("untracked", "u\n")
    assert not (await inspect(git, repo.folder)).dirty
    repo.write("a.txt", "22\n")
    assert (await inspect(git, repo.folder)).dirty
    repo.git("add", "a.txt")
    facts = await inspect(git, repo.folder)
    assert facts.dirty
    assert facts.hash_name == hash_name


async def test_linked_worktree_is_told_from_its_repository(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))

    facts = await inspect(git, tmp_path / "linked" / "src")

    assert facts.top_level == tmp_path / "linked"
    assert facts.git_dir == repo.git_dir / "worktrees" / "linked"
    assert facts.common_dir == repo.git_dir
    assert facts.head_branch == "side"
    assert not facts.dirty


async def test_shallow_boundary_and_submodules_are_told(git: GitCommand, tmp_path: Path) -> None:
    source = hard_repository(tmp_path / "source")
    source.git("clone", "-q", "--depth=1", f"file://{source.folder}", str(tmp_path / "shallow"))

    facts = await inspect(git, tmp_path / "shallow")

    assert facts.shallow == {source.git("rev-parse", "HEAD")}
    assert facts.submodules == ("vendor/lib",)


async def test_what_cannot_be_opened_is_refused_with_a_remedy(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    repo.git("clone", "-q", "--bare", str(repo.folder), str(tmp_path / "bare.git"))
    empty = RepositoryBuilder(tmp_path / "empty")
    (tmp_path / "nothing").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / ".git").write_text("gitdir: /nowhere\n")
    for path, message in (
        (tmp_path / "missing", "nothing at"),
        (tmp_path / "nothing", "not in a git repository"),
        (tmp_path / "bare.git", "bare repository"),
        (empty.folder, "no commits yet"),
        (broken, "not a repository"),
    ):
        with pytest.raises(Refused, match=message) as caught:
            await inspect(git, path)
        assert caught.value.remedy.endswith(".")


async def test_repository_of_another_user_is_refused(
    git: GitCommand, repo: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: repo.folder.stat().st_uid + 1)

    with pytest.raises(Refused, match="another user"):
        await inspect(git, repo.folder)


def plant(repo: RepositoryBuilder, mark: Path) -> None:
    evil = f"touch '{mark}'; cat"
    repo.write(".gitattributes", "* filter=evil diff=evil\n").commit("Rules")
    for key in ("core.fsmonitor", "core.sshCommand", "filter.evil.clean", "filter.evil.smudge", "core.pager"):
        repo.git("config", key, evil)
    repo.git("config", "filter.evil.required", "true")
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        repo.write(f".git/hooks/{hook}", f"#!/bin/sh\n{evil}\n", executable=True)
    nested = RepositoryBuilder(repo.folder / "nested")
    nested.write("n", "n\n").commit("Nested")
    nested.git("config", "core.fsmonitor", evil)
    (repo.folder / "a.txt").write_text("edited\n")
    os.mkfifo(repo.folder / "pipe")
    mark.unlink(missing_ok=True)


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
async def test_nothing_of_a_hostile_repository_runs(git: GitCommand, tmp_path: Path, hash_name: str) -> None:
    mark = tmp_path / "it-ran"
    repo = RepositoryBuilder(tmp_path / "repo", hash_name=hash_name)
    repo.write("a.txt", "1\n").commit("One")
    plant(repo, mark)

    facts = await inspect(git, repo.folder)
    await fingerprint(git, facts)

    assert facts.dirty
    assert not mark.exists()
    repo.git("status")
    assert mark.exists(), "the trap does not work"


async def test_opening_and_looking_change_nothing(git: GitCommand, tmp_path: Path) -> None:
    repo = hard_repository(tmp_path / "repo")
    facts = await inspect(git, repo.folder)
    before = await fingerprint(git, facts)

    await open_town(git, tmp_path / "rig", facts.git_dir)
    await inspect(git, repo.folder)

    assert differences(before, await fingerprint(git, facts)) == []
    assert "file docs/windows.txt" in before.parts


async def test_every_kind_of_change_is_named(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    repo.write("gone.txt", "g\n").write("ignored.log", "1\n").commit("Two")
    facts = await inspect(git, repo.folder)
    before = await fingerprint(git, facts)

    repo.git("branch", "new")
    repo.git("config", "user.name", "Other")
    repo.write(".git/hooks/pre-commit", "#!/bin/sh\n").write(".git/info/exclude", "x\n")
    repo.write("a.txt", "2\n").delete("gone.txt").chmod("src/b.py", 0o755).write("untracked", "u\n")
    repo.write("ignored.log", "2\n")

    assert differences(before, await fingerprint(git, facts)) == [
        "config was changed",
        "file a.txt was changed",
        "file gone.txt was removed",
        "file src/b.py was changed",
        "file untracked was added",
        "hooks/pre-commit was added",
        "info/exclude was added",
        "ref refs/heads/new was added",
    ]


async def test_edit_that_keeps_size_and_times_is_seen(git: GitCommand, repo: RepositoryBuilder) -> None:
    facts = await inspect(git, repo.folder)
    before = await fingerprint(git, facts)
    info = (repo.folder / "a.txt").stat()

    (repo.folder / "a.txt").write_text("2\n")
    os.utime(repo.folder / "a.txt", ns=(info.st_atime_ns, info.st_mtime_ns))

    assert differences(before, await fingerprint(git, facts)) == ["file a.txt was changed"]


async def test_packing_refs_is_no_change_and_links_are_not_followed(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.py").write_text("b\n")
    repo.delete("src").symlink("src", str(outside))
    facts = await inspect(git, repo.folder)
    before = await fingerprint(git, facts)

    repo.git("pack-refs", "--all")
    (outside / "b.py").write_text("changed\n")

    assert differences(before, await fingerprint(git, facts)) == []


ODD_PLACES = (
    "commondir",
    "shallow",
    "config",
    "packed-refs",
    "index",
    "info/exclude",
    "refs/heads/x",
    "logs/HEAD",
    "objects/aa/b",
    "worktrees/x/HEAD",
)


@pytest.mark.parametrize("name", ODD_PLACES)
async def test_a_pipe_that_git_would_wait_for_is_refused_by_its_name(
    git: GitCommand, repo: RepositoryBuilder, name: str
) -> None:
    place = repo.git_dir / name
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place)
    with pytest.raises(Refused, match=f"{name} is no file"):
        await inspect(git, repo.folder)


async def test_a_configuration_that_never_ends_is_given_up(
    git: GitCommand, repo: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gastown_desktop.adapters.git.command.READING_S", 0.3)
    os.mkfifo(repo.folder / "more")
    repo.git("config", "include.path", "../more")
    with pytest.raises(GitError, match="took longer"):
        await inspect(git, repo.folder)


async def test_a_git_folder_that_borrows_anothers_repository_is_refused(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    other = RepositoryBuilder(tmp_path / "other")
    other.write("private", "x\n").commit("Private")
    (repo.git_dir / "commondir").write_text(f"{other.git_dir}\n")
    with pytest.raises(Refused, match="has no such worktree") as caught:
        await inspect(git, repo.folder)
    assert str(other.folder) in caught.value.remedy


@pytest.mark.parametrize("by", ["file", "link", "worktree"])
async def test_a_folder_that_says_it_is_another_checkout_is_refused(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path, by: str
) -> None:
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    if by == "link":
        (hostile / ".git").symlink_to(repo.git_dir)
    else:
        git_dir = repo.git_dir / ("worktrees/linked" if by == "worktree" else "")
        (hostile / ".git").write_text(f"gitdir: {git_dir}\n")

    with pytest.raises(Refused, match="leads to the git folder of") as caught:
        await inspect(git, hostile)

    assert str(tmp_path / ("linked" if by == "worktree" else "repo")) in str(caught.value)


async def test_a_git_folder_may_be_kept_elsewhere(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    repo.git_dir.rename(tmp_path / "kept.git")
    (repo.folder / ".git").write_text("gitdir: ../kept.git\n")

    assert (await inspect(git, repo.folder)).git_dir == tmp_path / "kept.git"


@pytest.mark.parametrize(
    "name", ["logs/HEAD", "logs/refs/heads/main", "refs/heads/more", "refs", "objects", "index", "info"]
)
async def test_a_link_out_of_the_git_folder_is_refused(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path, name: str
) -> None:
    place = repo.git_dir / name
    if place.exists():
        place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")

    with pytest.raises(Refused, match=f"{name} leads out of the repository"):
        await inspect(git, repo.folder)


async def test_links_within_the_git_folder_and_files_that_are_only_read_may_be_links(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    (repo.git_dir / "config").rename(tmp_path / "kept")
    (repo.git_dir / "config").symlink_to(tmp_path / "kept")
    (repo.git_dir / "info").mkdir(exist_ok=True)
    (repo.git_dir / "info/exclude").symlink_to(tmp_path / "ignored")
    (repo.git_dir / "HEAD").unlink()
    (repo.git_dir / "HEAD").symlink_to("refs/heads/main")
    (repo.git_dir / "logs/circle").symlink_to("circle")
    (repo.git_dir / "logs/again").symlink_to("../refs")

    assert (await inspect(git, repo.folder)).head_branch == "main"


@pytest.mark.parametrize("key", ["core.attributesFile", "core.excludesFile"])
async def test_a_pipe_that_a_configuration_names_as_rules_is_refused(
    git: GitCommand, repo: RepositoryBuilder, key: str
) -> None:
    os.mkfifo(repo.folder / "rules")
    repo.git("config", key, "rules")
    with pytest.raises(Refused, match="rules is no file"):
        await inspect(git, repo.folder)
    repo.git("config", key, "~nobody-of-that-name/rules")
    with pytest.raises(Refused, match="failed to expand user dir"):
        await inspect(git, repo.folder)
