"""The plans that a user can have without hindsight, on histories that conflict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import RepositoryBuilder, contested_repository
from tests.e2e.conftest import CommandLine


@pytest.mark.parametrize("plan", ["predicted", "none"])
def test_conflicting_work_is_merged_under_every_plan_and_the_checker_agrees(
    command_line: CommandLine, plan: str
) -> None:
    result = command_line.run("rehearse", "sample", "--plan", plan, "--json").ended(0).json
    assert result["merged"] == result["beads"] == 12
    assert result["check"]["ok"]
    assert result["plan"] == plan
    if plan == "none":
        assert result["independent"] == 12
        assert result["conflicts"] + result["rework"] > 0


@pytest.mark.parametrize("plan", ["true", "none"])
def test_prefixes_that_land_at_once_come_out_the_same(command_line: CommandLine, plan: str) -> None:
    given = ("rehearse", "sample", "--plan", plan, "--land-each", "--check", "--json")
    result = command_line.run(*given).ended(0).json
    assert result["merged"] == 12
    assert result["tree_equal"]
    assert result["check"]["ok"]
    assert command_line.left_behind() == []


def test_more_waiting_beads_than_workers_come_to_an_end(command_line: CommandLine, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "busy")
    builder.write("list", "".join(f"line {n}\n" for n in range(4))).commit("Start")
    for number in range(8):
        builder.write("list", f"number {number}\n").commit(f"Say {number}")
    given = ("rehearse", builder.folder, "--no-gate", "--parallel", "--polecats", "2", "--json")
    result = command_line.run(*given).ended(0).json
    assert result["merged"] == 8
    assert result["tree_equal"]


def test_a_resolver_that_asks_holds_nobody_up_who_waits_for_its_bead(
    command_line: CommandLine, tmp_path: Path
) -> None:
    builder = contested_repository(tmp_path / "contested")
    given = ("--last", "7", "--parallel", "--polecats", "8", "--no-gate", "--json")
    result = command_line.run("rehearse", builder.folder, *given).ended(3).json
    assert result["merged"] == 5
    assert sorted(need["bead"].endswith(".r1") for need in result["needs_you"]) == [False, True]
    assert result["check"]["ok"]
