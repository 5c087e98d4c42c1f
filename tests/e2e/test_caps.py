from __future__ import annotations

from tests.e2e.conftest import CommandLine

GIVEN = ("rehearse", "sample", "--last", "8", "--polecats", "1", "--json")
CAP = "0.12"
"""Room for one request at its bound, and for a few of the beads."""


def test_cap_into_which_no_request_fits_stops_before_anything_is_billed(command_line: CommandLine) -> None:
    done = command_line.run(*GIVEN, "--cap", "0.001").ended(3)
    result = done.json
    assert result["provider_bill_usd"] == 0
    assert result["model_requests"] == 0
    assert result["merged"] == 0
    assert [need["about"] for need in result["needs_you"]] == ["limit"]
    assert result["ledger"] == {
        "cap_usd": 0.001,
        "settled_usd": 0,
        "assumed_usd": 0,
        "held_usd": 0,
        "max_committed_usd": 0,
    }
    assert command_line.left_behind() == []


def test_cap_in_the_middle_is_never_passed_and_a_higher_one_finishes(command_line: CommandLine) -> None:
    stopped = command_line.run(*GIVEN, "--cap", CAP).ended(3).json
    assert [need["about"] for need in stopped["needs_you"]] == ["limit"]
    assert 0 < stopped["merged"] < stopped["beads"]
    assert 0 < stopped["provider_bill_usd"] <= stopped["ledger"]["settled_usd"] + 1e-9
    assert stopped["ledger"]["max_committed_usd"] <= stopped["ledger"]["cap_usd"] == float(CAP)
    assert stopped["ledger"]["held_usd"] == 0

    finished = command_line.run("resume", "sample", "--cap", "5", "--json").ended(0).json
    assert finished["tree_equal"]
    assert finished["needs_you"] == []
    assert finished["ledger"]["cap_usd"] == 5
    assert finished["provider_bill_usd"] > stopped["provider_bill_usd"]
    assert command_line.left_behind() == []
