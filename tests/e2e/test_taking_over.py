"""The user takes a bead over by hand and gives it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine


@pytest.fixture
def stopped(command_line: CommandLine, small: RepositoryBuilder) -> tuple[RepositoryBuilder, str]:
    """A rehearsal in which one bead stays red, and that bead."""
    small.write("broken.txt", "red\n").commit("Break it")
    given = ("--last", "2", "--polecats", "2", "--gate", "test ! -e broken.txt", "--trust", "--json")
    (need,) = command_line.run("rehearse", small.folder, *given).ended(3).json["needs_you"]
    return small, need["bead"]


def test_a_bead_goes_into_the_user_s_hands_and_back(
    command_line: CommandLine, stopped: tuple[RepositoryBuilder, str]
) -> None:
    repo, bead = stopped
    told = command_line.run("take-over", repo.folder, bead).ended(0).out
    folder = Path(told.splitlines()[0].rpartition(" in ")[2])
    assert (folder / "broken.txt").read_text() == "red\n"
    listed = command_line.run("inbox", repo.folder).ended(0).out
    assert "is in your hands" in listed
    assert (
        "give-back" in command_line.run("inbox", repo.folder, "answer", f"{bead}:taken:4", "x").ended(2).err
    )
    assert (folder / "broken.txt").exists(), "looking changes nothing"
    (folder / "broken.txt").write_text("mended\n")
    back = command_line.run("give-back", repo.folder, bead).ended(0).out
    assert "+mended" in back
    assert not folder.exists()
    assert json.loads(command_line.run("inbox", repo.folder, "--json").ended(0).out) == []


def test_a_resume_leaves_what_is_in_the_user_s_hands(
    command_line: CommandLine, stopped: tuple[RepositoryBuilder, str]
) -> None:
    repo, bead = stopped
    told = command_line.run("take-over", repo.folder, bead).ended(0).out
    folder = Path(told.splitlines()[0].rpartition(" in ")[2])
    (folder / "mine.txt").write_text("mine\n")
    result = command_line.run("resume", repo.folder, "--json").ended(3).json
    assert {need["about"] for need in result["needs_you"]} == {"red", "taken"}
    assert (folder / "mine.txt").read_text() == "mine\n"


def test_what_is_not_there_is_refused(
    command_line: CommandLine, stopped: tuple[RepositoryBuilder, str]
) -> None:
    repo, bead = stopped
    assert "no bead" in command_line.run("take-over", repo.folder, "gt-none").ended(2).err
    assert "not in your hands" in command_line.run("give-back", repo.folder, bead).ended(2).err
