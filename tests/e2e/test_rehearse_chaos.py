"""The sample with faults on purpose; `python -m tests.e2e.chaos` does many."""

from __future__ import annotations

import pytest

from tests.e2e.chaos import problems
from tests.e2e.conftest import CommandLine

LASTS, ENDS = 0, 1
"""Seeds with a fault that lasts in one of the sample's beads, and in none."""


@pytest.mark.parametrize(("seed", "code"), [(LASTS, 3), (ENDS, 0)])
def test_only_beads_with_a_fault_that_lasts_need_the_user(
    command_line: CommandLine, seed: int, code: int
) -> None:
    done = command_line.run("rehearse", "sample", "--chaos", str(seed), "--json")
    result = done.ended(code).json
    assert problems(command_line.data, done.code, result) == []
    chaos = result["chaos"]
    assert chaos["seed"] == seed
    assert sum(chaos["faults"].values()) > 5
    assert {need["bead"] for need in result["needs_you"]} == set(chaos["lasting"])
    assert len(chaos["lasting"]) == (1 if code else 0)
    assert result["merged"] == result["beads"] - len(chaos["lasting"])
    assert result["ledger"]["assumed_usd"] > 0
    assert command_line.left_behind() == []


def test_a_limit_is_not_passed_whatever_goes_wrong(command_line: CommandLine) -> None:
    done = command_line.run("rehearse", "sample", "--chaos", "3", "--cap", "0.5", "--json")
    assert problems(command_line.data, done.code, done.json) == []
