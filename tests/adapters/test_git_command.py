from __future__ import annotations

from pathlib import Path

import pytest

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.core.errors import DiskBroken, DiskFull, GasTownError, GitError, RefLocked, Refused
from gastown_desktop.engine.process_ports import ChildCommand, Finished
from tests.builders import RepositoryBuilder


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo")
    repo.write("a.txt", "one\n").write(".gitattributes", "* filter=evil diff=evil merge=evil\n").commit("One")
    return repo


def trap(folder: Path) -> tuple[Path, str]:
    """A program that leaves a mark where it ran."""
    mark, program = folder / "it-ran", folder / "evil program"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\ncat\n")
    program.chmod(0o755)
    return mark, str(program)


async def test_version_is_at_least_the_floor(git: GitCommand) -> None:
    assert await git.version() >= (2, 39, 0)


async def test_missing_git_is_refused_with_a_remedy(launcher: LocalLauncher, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not installed") as caught:
        await GitCommand(launcher, Path("/no/git"), tmp_path / "none").version()
    assert "2.39" in caught.value.remedy


class OldGit:
    async def run(self, command: ChildCommand) -> Finished:
        return Finished(
            exit_code=0, output=b"git version 2.30.1\n", error=b"", timed_out=False, elapsed_s=0, cpu_s=0
        )


async def test_old_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"2\.30\.1 is too old"):
        await GitCommand(OldGit(), Path("git"), tmp_path / "none").version()  # type: ignore[arg-type]


async def test_configured_programs_do_not_run(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    mark, program = trap(tmp_path)
    quoted = f"'{program}'"
    for key in (
        *("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "core.editor"),
        *(
            "filter.evil.clean",
            "filter.evil.smudge",
            "filter.evil.process",
            "filter.plain.clean",
            "filter.plain.smudge",
            "diff.evil.textconv",
            "merge.evil.driver",
        ),
        *("diff.evil.command", "filter.a=b.clean"),
    ):
        repo.git("config", key, quoted)
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        target = repo.git_dir / "hooks" / hook
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(program)
    (repo.git_dir / "info").mkdir(exist_ok=True)
    (repo.git_dir / "info" / "attributes").write_text("* filter=plain diff=evil\n")
    (repo.folder / "a.txt").write_text("two\n")
    overrides = await git.overrides_for(repo.git_dir)
    places = {"git_dir": repo.git_dir, "work_tree": repo.folder, "overrides": overrides}

    await git.run("status", "--porcelain", **places)
    await git.run("add", "a.txt", **places)
    await git.run("diff", "HEAD", **places)
    await git.run("update-ref", "refs/heads/x", "HEAD", **places)
    await git.run("read-tree", "-u", "--reset", "HEAD", **places)
    await git.run("log", "-p", **places)

    assert not mark.exists()
    assert "filter.a=b.clean" in overrides
    repo.git("status")
    assert mark.exists(), "the trap does not work"


async def test_configured_merge_driver_is_replaced(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    mark, program = trap(tmp_path)
    repo.branch("side").write("a.txt", "zero\none\n").commit("Before")
    repo.switch("main").write("b.txt", "b\n").write("a.txt", "two\n").commit("Instead")
    repo.git("config", "merge.evil.driver", f"'{program}' %A")

    merged = await git.run(
        *("merge-tree", "--write-tree", "main", "side"),
        git_dir=repo.git_dir,
        overrides=await git.overrides_for(repo.git_dir),
        check=False,
    )

    assert merged.exit_code == 1
    assert not mark.exists()
    repo.git("merge-tree", "--write-tree", "main", "side")
    assert mark.exists(), "the trap does not work"


async def test_alias_and_inherited_variables_have_no_effect(
    git: GitCommand, repo: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark, program = trap(tmp_path)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", program)
    monkeypatch.setenv("GIT_SSH_COMMAND", program)
    (repo.folder / "a.txt").write_text("two\n")

    await git.run("diff", git_dir=repo.git_dir, work_tree=repo.folder)

    assert not mark.exists()


@pytest.mark.parametrize("protocol", ["file", "ext"])
async def test_no_transport_is_open_unless_named(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path, protocol: str
) -> None:
    mark, program = trap(tmp_path)
    url = str(repo.folder) if protocol == "file" else f"ext::{program.replace(' ', '% ')}"

    with pytest.raises(GitError, match="not allowed"):
        await git.run("ls-remote", url, git_dir=repo.git_dir)

    assert not mark.exists()
    await git.run("ls-remote", str(repo.folder), git_dir=repo.git_dir, allow_protocol="file")


async def test_config_is_read_with_scope_and_home_only_when_asked(
    git: GitCommand, repo: RepositoryBuilder, tmp_path: Path
) -> None:
    home = tmp_path / "user"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Global Gil\n")
    (repo.git_dir / "more").write_text("[user]\n\temail = local@example.org\n")
    repo.git("config", "include.path", "more")

    without = {entry.key for entry in await git.read_config(repo.git_dir)}
    entries = {
        (entry.scope, entry.key, entry.value) for entry in await git.read_config(repo.git_dir, home=home)
    }

    assert "user.name" not in without
    assert ("global", "user.name", "Global Gil") in entries
    assert ("local", "user.email", "local@example.org") in entries


async def test_failure_carries_the_end_of_what_git_said(git: GitCommand, repo: RepositoryBuilder) -> None:
    with pytest.raises(GitError, match=r"git cat-file failed .128.: fatal: Not a valid object name nothing"):
        await git.run("cat-file", "-p", "nothing", git_dir=repo.git_dir)


async def test_full_disk_and_locks_are_told_apart(
    git: GitCommand, repo: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gastown_desktop.adapters.git.command.REF_LOCK_WAIT_S", 0.2)
    (repo.git_dir / "refs/heads/x.lock").touch()

    with pytest.raises(RefLocked):
        await git.run("update-ref", "refs/heads/x", "HEAD", git_dir=repo.git_dir)

    repo.delete(".git/refs/heads/x.lock")
    await git.run("update-ref", "refs/heads/x", "HEAD", git_dir=repo.git_dir)


class Refusing:
    """A launcher whose every child says something and fails."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    async def run(self, _: ChildCommand) -> Finished:
        return Finished(
            exit_code=128, output=b"", error=self._said, timed_out=False, elapsed_s=0.0, cpu_s=0.0
        )


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        # git does not say why, as when a clone fills the disk with its checkout
        (
            b"error: unable to write file lib/a.py\nfatal: unable to checkout working tree\n",
            DiskFull,
            "git clone could not write its files: the disk may be full",
        ),
        (b"fatal: sha1 file 'x' write error. Out of diskspace\n", DiskFull, "git clone: the disk is full"),
        (b"fatal: sha1 file 'x' write error: No space left on device\n", DiskFull, "the disk is full"),
        (
            b"fatal: unable to create 'x.lock': Read-only file system\n",
            DiskBroken,
            "write a file .Read-only file system",
        ),
        (b"error: cannot read 'x': Input/output error\n", DiskBroken, "the disk does not read or write"),
    ],
)
async def test_what_git_says_of_a_disk_becomes_a_plain_sentence(
    said: bytes, kind: type[GasTownError], words: str, tmp_path: Path
) -> None:
    git = GitCommand(Refusing(said), Path("/usr/bin/git"), tmp_path / "hooks")  # type: ignore[arg-type]
    with pytest.raises(kind, match=words) as caught:
        await git.run("clone", "a", "b", git_dir=None)
    assert caught.value.safe
    assert caught.value.remedy
