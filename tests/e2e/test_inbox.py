"""What waits for the user is listed, answered, and acted on by the next `resume`."""

from __future__ import annotations

import json

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine


@pytest.fixture
def stopped(command_line: CommandLine, small: RepositoryBuilder) -> RepositoryBuilder:
    """A rehearsal in which one bead stays red."""
    small.write("broken.txt", "red\n").commit("Break it")
    gate = "test ! -e broken.txt"
    given = ("--last", "2", "--polecats", "2", "--gate", gate, "--trust", "--json")
    command_line.run("rehearse", small.folder, *given).ended(3)
    return small


def test_an_item_is_listed_in_words_and_as_json(
    command_line: CommandLine, stopped: RepositoryBuilder
) -> None:
    told = command_line.run("inbox", stopped.folder).ended(0).out
    assert "Break it: stayed red" in told
    assert "inbox" in told.splitlines()[-1]
    (item,) = json.loads(command_line.run("inbox", stopped.folder, "--json").ended(0).out)
    assert item["about"] == "red"
    assert item["item"] in told


def test_an_answer_gives_the_bead_another_try(command_line: CommandLine, stopped: RepositoryBuilder) -> None:
    (item,) = json.loads(command_line.run("inbox", stopped.folder, "--json").ended(0).out)
    answered = command_line.run("inbox", stopped.folder, "answer", item["bead"], "Try", "again.").ended(0)
    assert "Nothing else waits for you." in answered.out
    assert command_line.run("inbox", stopped.folder).ended(0).out == "Nothing needs you.\n"
    again = command_line.run("resume", stopped.folder, "--json", "--check").ended(3).json
    assert again["check"]["ok"]
    assert again["rework"] == 6
    (need,) = again["needs_you"]
    assert need["bead"] == item["bead"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("answer", "gt-nothing", "Yes."), "names no item"),
        (("answer",), "needs an item and a text"),
    ],
)
def test_an_answer_to_nothing_is_refused_and_names_what_there_is(
    command_line: CommandLine, stopped: RepositoryBuilder, given: tuple[str, ...], words: str
) -> None:
    done = command_line.run("inbox", stopped.folder, *given).ended(2)
    assert words in done.err


def test_where_nothing_was_done_nothing_waits(command_line: CommandLine, small: RepositoryBuilder) -> None:
    assert command_line.run("inbox", small.folder).ended(0).out == "Nothing needs you.\n"
    assert json.loads(command_line.run("inbox", small.folder, "--json").ended(0).out) == []
