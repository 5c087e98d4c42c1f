from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.abilities import lacking
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import GATE, CommandLine, Done, contents


def refused(done: Done, *words: str) -> None:
    """Exit 2, nothing on standard output, one plain sentence that holds these words."""
    done.ended(2)
    assert done.out == ""
    told = [line for line in done.err.splitlines() if not line.startswith(("Rehearsing ", "Planned "))]
    assert len(told) == 1, done.err
    assert told[0].endswith(".")
    for word in words:
        assert word in told[0]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("command", ["rehearse", "resume", "status", "audit"])
def test_folder_without_repository_is_refused(command_line: CommandLine, empty: Path, command: str) -> None:
    refused(command_line.run(command, empty), "not in a git repository")
    assert list(empty.iterdir()) == []


def test_missing_path_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    refused(command_line.run("rehearse", tmp_path / "no where"), "nothing at", "no where")


def test_bare_repository_is_refused(command_line: CommandLine, small: RepositoryBuilder) -> None:
    bare = small.folder.with_name("bare.git")
    small.git("clone", "-q", "--bare", ".", str(bare))
    refused(command_line.run("rehearse", bare, "--no-gate"), "bare")


def test_repository_without_commits_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    unborn = RepositoryBuilder(tmp_path / "unborn")
    refused(command_line.run("rehearse", unborn.folder, "--no-gate"), "no commits yet")


def test_repository_of_one_commit_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    one = RepositoryBuilder(tmp_path / "one")
    one.write("file", "text\n").commit("Only this")
    refused(command_line.run("rehearse", one.folder, "--no-gate"), "no commits in this range")


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ("HEAD..HEAD", "no commits in this range"),
        ("HEAD~2..nowhere", "nowhere names no commit"),
        ("0123456789012345678901234567890123456789..HEAD", "names no commit"),
        ("HEAD..HEAD~2", "first-parent line"),
        ("HEAD", "not a range"),
        ("..HEAD", "not a range"),
        ("--upload-pack=x..HEAD", "names no commit"),
    ],
)
def test_range_that_means_nothing_is_refused_and_changes_nothing(
    command_line: CommandLine, small: RepositoryBuilder, span: str, words: str
) -> None:
    before = contents(small.folder)
    refused(command_line.run("rehearse", small.folder, "--no-gate", f"--range={span}"), words)
    assert contents(small.folder) == before
    assert command_line.left_behind() == []


def test_shallow_clone_is_refused_only_where_history_was_cut_off(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    shallow = small.folder.with_name("shallow")
    small.git("clone", "-q", "--depth=3", f"file://{small.folder}", str(shallow))
    refused(command_line.run("rehearse", shallow, "--no-gate"), "shallow", "--unshallow")
    done = command_line.run("rehearse", shallow, "--no-gate", "--last", "2", "--json").ended(0)
    assert done.json["tree_equal"]


def test_missing_git_is_refused(command_line: CommandLine, small: RepositoryBuilder, empty: Path) -> None:
    for repo in (small.folder, "sample"):
        done = command_line.run("rehearse", repo, environment={"PATH": str(empty)})
        refused(done, "git is not installed", "Install git 2.39")


def test_old_git_is_refused(command_line: CommandLine, small: RepositoryBuilder, empty: Path) -> None:
    fake = empty / "git"
    fake.write_text("#!/bin/sh\necho git version 2.20.1\n")
    fake.chmod(0o755)
    path = f"{empty}{os.pathsep}{os.environ['PATH']}"
    done = command_line.run("rehearse", small.folder, environment={"PATH": path})
    refused(done, "2.20", "too old", "2.39")


def test_second_rehearsal_of_a_rig_is_refused_while_one_runs(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    refused(command_line.run("resume", small.folder), "nothing to resume")
    lock = command_line.rig() / "rig.lock"
    lock.write_text("4711\n")
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for command in (("rehearse", small.folder, "--no-gate"), ("resume", small.folder)):
            refused(command_line.run(*command), "already running", "process 4711")
        command_line.run("status", small.folder).ended(0)


def test_untrusted_repository_says_what_would_run_and_trust_is_bound_to_that(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    proof = small.folder.with_name("it-ran")
    small.write(".gastown.toml", f'gates = ["touch {proof}; {GATE}"]\n').commit("Another gate")
    refusal = command_line.run("rehearse", small.folder).ended(2)
    assert f"touch {proof}; {GATE}" in refusal.err
    assert "--trust" in refusal.err
    assert "--no-gate" in refusal.err
    assert not proof.exists()
    given = ("rehearse", small.folder, "--last", "1", "--polecats", "1", "--gate")
    assert "false" in command_line.run(*given, "false").ended(2).err
    command_line.run(*given, GATE, "--trust").ended(0)
    command_line.run(*given, GATE).ended(0)
    assert "also this" in command_line.run(*given, f"{GATE} # also this").ended(2).err
    assert not proof.exists()


def test_gate_file_that_is_wrong_is_refused(command_line: CommandLine, small: RepositoryBuilder) -> None:
    small.write(".gastown.toml", "gates = [\n").commit("Forget a bracket")
    refused(command_line.run("rehearse", small.folder), ".gastown.toml", "Mend it")


@pytest.mark.parametrize("size", ["4k", "2m"])
def test_full_disk_is_told_in_a_sentence(
    command_line: CommandLine, small: RepositoryBuilder, size: str
) -> None:
    small.write("large", os.urandom(3_000_000)).commit("A large file")
    command_line.data.mkdir()
    mount = f"mount -t tmpfs -o size={size} none '{command_line.data}'"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        lacking("this machine does not let us mount")
    inside = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    refused(command_line.run("rehearse", small.folder, "--no-gate", prefix=inside), "disk is full")


def test_data_folder_that_cannot_be_made_is_told_in_a_sentence(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    command_line.data.write_text("a file is in the way\n")
    for command in ("rehearse", "status"):
        refused(command_line.run(command, small.folder), str(command_line.data))


@pytest.mark.parametrize(
    "arguments",
    [
        ("rehearse", "x", "--cap", "-1"),
        ("rehearse", "x", "--cap", "NaN"),
        ("rehearse", "x", "--polecats", "31"),
        ("rehearse", "x", "--last", "0"),
        ("nothing",),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    command_line: CommandLine, arguments: tuple[str, ...]
) -> None:
    done = command_line.run(*arguments).ended(2)
    assert "usage:" in done.err


def test_without_a_screen_the_window_says_so(command_line: CommandLine, tmp_path: Path) -> None:
    done = command_line.run(tmp_path, environment={"DISPLAY": "", "QT_QPA_PLATFORM": ""}).ended(2)
    assert "no screen" in done.err


class TestFineWithASentence:
    """What is unusual and still rehearsed: the repository stays byte for byte as it is."""

    def rehearsed(
        self, command_line: CommandLine, repo: Path, *said: str, checkout: Path | None = None
    ) -> None:
        before = contents(checkout or repo)
        done = command_line.run(
            *("rehearse", repo, "--no-gate", "--last", "2", "--polecats", "2", "--json")
        ).ended(0)
        assert done.json["tree_equal"]
        assert done.json["user_repo_untouched"]
        for words in said:
            assert words in done.err
        assert contents(checkout or repo) == before

    def test_detached_head_and_dirty_tree(self, command_line: CommandLine, small: RepositoryBuilder) -> None:
        small.git("checkout", "-q", "--detach", "HEAD~1")
        small.write("greet.py", "never committed\n").write("new file", "untracked\n")
        self.rehearsed(command_line, small.folder, "detached", "uncommitted changes")

    def test_read_only_repository(self, command_line: CommandLine, small: RepositoryBuilder) -> None:
        folders = [small.folder, *(path for path in small.folder.rglob("*") if not path.is_symlink())]
        for path in folders:
            path.chmod(path.stat().st_mode & ~0o222)
        try:
            self.rehearsed(command_line, small.folder)
        finally:
            for path in folders:
                path.chmod(path.stat().st_mode | 0o200)

    def test_linked_worktree_and_its_sub_folder(
        self, command_line: CommandLine, small: RepositoryBuilder
    ) -> None:
        linked = small.folder.with_name("linked")
        small.write("lib/deep/module.py", "x = 1\n").commit("A folder")
        small.git("worktree", "add", "-q", str(linked), "-b", "other")
        self.rehearsed(command_line, linked / "lib" / "deep", checkout=linked)
        shutil.rmtree(command_line.data)
        self.rehearsed(command_line, linked, checkout=small.folder)
