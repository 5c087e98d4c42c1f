"""`land`, `undo-land` and `drop` as a user has them, on a rehearsal: all of it for $0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import GATE, CommandLine

LAST = 4


@pytest.fixture
def rehearsed(command_line: CommandLine, small: RepositoryBuilder) -> RepositoryBuilder:
    """A rehearsal of four commits that is merged, and a branch where they began."""
    given = ("--last", str(LAST), "--polecats", "2", "--gate", GATE, "--trust", "--json")
    command_line.run("rehearse", small.folder, *given).ended(0)
    small.git("branch", "scratch", f"HEAD~{LAST}")
    return small


def land(command_line: CommandLine, repo: RepositoryBuilder, *given: str, code: int = 0) -> dict[str, object]:
    return command_line.run("land", repo.folder, *given, "--yes", "--json").ended(code).json


def test_a_rehearsal_lands_on_a_branch_that_nobody_has_and_is_taken_off_again(
    command_line: CommandLine, rehearsed: RepositoryBuilder
) -> None:
    start, head = rehearsed.git("rev-parse", "scratch", "HEAD").split()
    told = land(command_line, rehearsed, "--on", "scratch")
    assert (told["outcome"], told["stage"], told["missing_on"]) == ("landed", "landed", "")
    assert told["commit"] == rehearsed.git("rev-parse", "scratch")
    assert rehearsed.git("rev-parse", "scratch^{tree}") == rehearsed.git("rev-parse", "HEAD^{tree}")
    commits = rehearsed.git("log", "--format=%(trailers:key=Gastown-Bead,valueonly)", f"{start}..scratch")
    assert len(commits.split()) == LAST
    assert (rehearsed.git("rev-parse", "HEAD"), rehearsed.git("status", "--porcelain")) == (head, "")
    again = land(command_line, rehearsed)
    assert again["commit"] == told["commit"]
    undone = command_line.run("undo-land", rehearsed.folder, "--yes").ended(0)
    assert "scratch is at" in undone.out
    assert rehearsed.git("rev-parse", "scratch") == start
    assert command_line.left_behind() == []


def test_everything_is_shown_and_nobody_who_cannot_answer_agrees(
    command_line: CommandLine, rehearsed: RepositoryBuilder
) -> None:
    asked = command_line.run("land", rehearsed.folder, "--on", "scratch").ended(2)
    for words in (
        "Shout",
        "shout.py",
        "onto scratch (not checked out)",
        "unsigned",
        GATE,
        "nowhere",
        "--yes",
    ):
        assert words in asked.err
    unnamed = command_line.run("land", rehearsed.folder, "--yes").ended(2)
    assert "--on BRANCH" in unnamed.err
    missing = command_line.run("land", rehearsed.folder, "--on", "nothing", "--yes").ended(2)
    assert "no branch nothing" in missing.err
    assert rehearsed.git("rev-parse", "scratch") == rehearsed.git("rev-parse", f"HEAD~{LAST}")


def test_a_checkout_follows_or_says_which_file_is_in_the_way(
    command_line: CommandLine, rehearsed: RepositoryBuilder
) -> None:
    rehearsed.switch("scratch").write("greet.py", "mine\n")
    refused = command_line.run("land", rehearsed.folder, "--on", "scratch", "--yes").ended(2)
    assert "greet.py" in refused.err
    assert str(rehearsed.folder) in refused.err
    rehearsed.git("checkout", "-q", "greet.py")
    rehearsed.write("own.txt", "mine\n")
    land(command_line, rehearsed, "--on", "scratch")
    assert (rehearsed.folder / "shout.py").exists()
    rehearsed.git("add", "own.txt")
    rehearsed.git("commit", "-q", "-a", "-m", "Next")
    assert rehearsed.git("diff", "--name-only", "main", "scratch") == "own.txt"


def test_it_lands_here_and_on_the_remote_and_is_reverted_on_both(
    command_line: CommandLine, rehearsed: RepositoryBuilder, tmp_path: Path
) -> None:
    origin = tmp_path / "origin.git"
    rehearsed.git("clone", "-q", "--bare", str(rehearsed.folder), str(origin))
    rehearsed.git("remote", "add", "origin", str(origin))
    told = land(command_line, rehearsed, "--on", "scratch", "--remote", "origin")
    assert rehearsed.git("ls-remote", str(origin), "refs/heads/scratch").split()[0] == told["commit"]
    assert rehearsed.git("for-each-ref", "refs/remotes") == ""
    command_line.run("undo-land", rehearsed.folder, "--yes").ended(0)
    there = rehearsed.git("ls-remote", str(origin), "refs/heads/scratch").split()[0]
    assert rehearsed.git("rev-parse", "scratch") == there
    assert rehearsed.git("diff", "--stat", f"main~{LAST}", "scratch") == ""


@pytest.mark.parametrize("how", [("--pull-request",), ("--remote", "origin")])
def test_what_lets_one_in_to_a_remote_is_not_shown(
    command_line: CommandLine, rehearsed: RepositoryBuilder, how: tuple[str, ...]
) -> None:
    rehearsed.git("remote", "add", "origin", "https://me:ghp_token@example.invalid/x.git")
    asked = command_line.run("land", rehearsed.folder, "--on", "scratch", *how).ended(2)
    assert "https://example.invalid/x.git" in asked.err
    assert "ghp_token" not in asked.out + asked.err


def test_a_remote_that_is_a_folder_runs_its_hooks_only_where_the_user_agreed(
    command_line: CommandLine, rehearsed: RepositoryBuilder, tmp_path: Path
) -> None:
    origin = tmp_path / "origin.git"
    rehearsed.git("clone", "-q", "--bare", str(rehearsed.folder), str(origin))
    rehearsed.git("remote", "add", "origin", str(origin))
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hook-ran\n")
    hook.chmod(0o755)
    arguments = ("land", rehearsed.folder, "--on", "scratch", "--remote", "origin", "--yes")
    before = rehearsed.git("rev-parse", "scratch")
    refused = command_line.run(*arguments).ended(2)
    assert "hook: pre-receive" in refused.err
    assert not (origin / "hook-ran").exists()
    assert rehearsed.git("rev-parse", "scratch") == before
    command_line.run(*arguments, "--trust").ended(0)
    assert (origin / "hook-ran").exists()
    hook.write_text("#!/bin/sh\ntouch another-ran\n")
    command_line.run("undo-land", rehearsed.folder, "--yes").ended(2)
    assert not (origin / "another-ran").exists()


def test_landed_here_and_not_there_is_said_and_pushed_later(
    command_line: CommandLine, rehearsed: RepositoryBuilder, tmp_path: Path
) -> None:
    origin = tmp_path / "origin.git"
    rehearsed.git("remote", "add", "origin", str(origin))
    arguments = ("land", rehearsed.folder, "--on", "scratch", "--remote", "origin")
    assert "origin does not answer now" in command_line.run(*arguments).ended(2).err
    told = command_line.run(*arguments, "--yes").ended(0)
    assert "Landed here, not on origin: it did not answer. `land` again pushes it" in told.out
    rehearsed.git("clone", "-q", "--bare", str(rehearsed.folder), str(origin))
    rehearsed.git("--git-dir", str(origin), "update-ref", "refs/heads/scratch", f"main~{LAST}")
    assert land(command_line, rehearsed)["missing_on"] == ""
    assert rehearsed.git("ls-remote", str(origin), "refs/heads/scratch").split()[0] == rehearsed.git(
        "rev-parse", "scratch"
    )


def test_a_pull_request_is_a_branch_of_its_own(
    command_line: CommandLine, rehearsed: RepositoryBuilder, tmp_path: Path
) -> None:
    origin = tmp_path / "origin.git"
    rehearsed.git("clone", "-q", "--bare", str(rehearsed.folder), str(origin))
    rehearsed.git("remote", "add", "origin", str(origin))
    rehearsed.git("config", "user.name", "Ada Árnadóttir")
    before = rehearsed.git("rev-parse", "scratch")
    told = land(command_line, rehearsed, "--on", "scratch", "--pull-request")
    assert str(told["branch"]).startswith("gastown/ada-")
    assert rehearsed.git("ls-remote", str(origin), str(told["branch"])).split()[0] == told["commit"]
    assert rehearsed.git("rev-parse", "scratch") == before


def test_a_bead_is_dropped_with_or_without_what_waits_for_it(
    command_line: CommandLine, rehearsed: RepositoryBuilder
) -> None:
    status = command_line.run("status", rehearsed.folder, "--json").ended(0).json
    history = (command_line.rig() / "events").glob("*.jsonl").__next__().read_text().splitlines()
    told = [json.loads(line.partition(" ")[2]) for line in history]
    titles = {event["title"]: event["bead"] for event in told if event["kind"] == "bead_added"}
    comma, shout = titles["Greet with a comma"], titles["Shout"]
    asked = command_line.run("drop", rehearsed.folder, comma, "--yes").ended(2)
    assert titles["Choose the mark"] in asked.err
    assert "--with-dependants" in asked.err
    kept = command_line.run("drop", rehearsed.folder, comma, "--keep-dependants", "--yes").ended(3)
    assert "greet.py" in kept.err
    command_line.run("drop", rehearsed.folder, comma, "--with-dependants", "--yes").ended(0)
    left = land(command_line, rehearsed, "--on", "scratch")["beads"]
    assert shout in str(left)
    assert len(status["merged"]) - len(list(str(left).split(","))) == 2
    assert rehearsed.git("diff", "--name-only", "main", "scratch") == "greet.py"


@pytest.mark.parametrize("point", ["land-gated", "land-before", "land-after", "land-told"])
def test_a_killed_landing_is_finished_by_the_next(
    command_line: CommandLine, rehearsed: RepositoryBuilder, point: str
) -> None:
    given = ("land", rehearsed.folder, "--on", "scratch", "--yes")
    assert command_line.run_beside(*given, environment={"GASTOWN_CRASH_AT": point}).code == -9
    told = land(command_line, rehearsed, "--on", "scratch")
    assert told["commit"] == rehearsed.git("rev-parse", "scratch")
    assert rehearsed.git("rev-parse", "scratch^{tree}") == rehearsed.git("rev-parse", "main^{tree}")
    command_line.run("undo-land", rehearsed.folder, "--yes").ended(0)
    assert rehearsed.git("rev-parse", "scratch") == rehearsed.git("rev-parse", f"main~{LAST}")


def test_where_nothing_was_merged_nothing_lands(command_line: CommandLine, small: RepositoryBuilder) -> None:
    assert "no convoy" in command_line.run("land", small.folder, "--on", "main", "--yes").ended(2).err
