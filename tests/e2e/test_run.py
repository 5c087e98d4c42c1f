"""Real work from the command line against a Messages API of its own: planned, done, stopped, landed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CommandLine
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import RunningServer, running

WITH_KEY = {"ANTHROPIC_API_KEY": KEY}
SHAPE = Shape(turns=3, spread=2, output_tokens=100)
PROPOSED: dict[str, Any] = {
    "description": "Append a step.",
    "acceptance": "check.py passes.",
    "new_files": [],
    "size": "S",
    "why_large": None,
    "kind": "task",
    "priority": 2,
}


def planning() -> dict[str, Any]:
    """A Mayor who looks, proposes two beads that share a file without a dependency, and mends that."""
    beads = [
        {
            **PROPOSED,
            "key": f"b{number}",
            "title": f"Change m{number} step {number}",
            "files": [f"m{number}.py"],
        }
        for number in (1, 2, 3)
    ]
    wrong = [{**bead, "after": ["b9"] if bead["key"] == "b3" else []} for bead in beads]
    right = [{**bead, "after": ["b1"] if bead["key"] == "b3" else []} for bead in beads]
    propose = {"name": "propose_convoy"}
    return {
        "role": "mayor",
        "when": {"tool": "propose_convoy"},
        "turns": [
            {"calls": [{"name": "read", "input": {"path": "m1.py", "start": 1, "count": 0}}]},
            {"calls": [{**propose, "input": {"title": "Three steps", "beads": wrong}}]},
            {"calls": [{**propose, "input": {"title": "Three steps", "beads": right}}]},
            {"text": "Three beads stand."},
        ],
    }


def reviewing() -> dict[str, Any]:
    """A reviewer who reads the gate and approves."""
    return {
        "role": "reviewer",
        "when": {"tool": "approve"},
        "turns": [
            {"calls": [{"name": "read", "input": {"path": "check.py", "start": 1, "count": 0}}]},
            {"calls": [{"name": "approve", "input": {"checked": "The step is there."}}]},
        ],
    }


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo", 8).folder


@pytest.fixture
def beads(tmp_path: Path) -> Path:
    write_beads(tmp_path / "beads.jsonl", 8, 8)
    return tmp_path / "beads.jsonl"


@pytest.fixture
def server() -> Iterator[RunningServer]:
    fields = script(SHAPE)
    fields["rules"][:0] = [planning(), reviewing()]
    with running(fields) as server:
        yield server


def asked(server: RunningServer, repo: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("run", repo, "--base-url", server.url, "--gate", GATE, "--trust", "--yes", "--json", *more)


def test_a_goal_is_planned_done_and_landed_and_the_bill_is_the_ledger(
    command_line: CommandLine, server: RunningServer, repo: Path
) -> None:
    arguments = asked(server, repo, "--goal", "Three steps", "--cap", "5", "--land")
    result = command_line.run(*arguments, environment=WITH_KEY).ended(0).json
    assert (result["merged"], result["beads"], result["stage"]) == (3, 3, "landed")
    assert result["landed_on"] == "refs/heads/main"
    assert "step 3" in (repo / "m3.py").read_text()
    assert [bead["after"] for bead in result["planned"]][2] == [result["planned"][0]["bead"]]
    roles = {line["name"]: line["settled_usd"] for line in result["cost_by_role"]}
    assert set(roles) == {"Mayor", "Warming", "Workers"}
    bill = server.bill(idle=True)
    assert bill["total_nano"] == round(result["ledger"]["settled_usd"] * 1e9)
    assert bill["refused"] == bill["forbidden"] == bill["unmatched"] == 0


def test_a_plan_is_kept_and_resumed_and_nothing_runs_unasked(
    command_line: CommandLine, server: RunningServer, repo: Path
) -> None:
    arguments = asked(server, repo, "--goal", "Three steps", "--cap", "5", "--plan-only")
    planned = command_line.run(*arguments, environment=WITH_KEY).ended(0).json
    assert [bead["status"] for bead in planned["planned"]] == ["draft"] * 3
    unasked = command_line.run("resume", repo, "--json", environment=WITH_KEY).ended(2)
    assert "Add --yes" in unasked.err
    assert {one["role"] for one in server.requests()} == {"mayor"}
    done = command_line.run("resume", repo, "--json", "--yes", environment=WITH_KEY).ended(0).json
    assert (done["convoy"], done["merged"]) == (planned["convoy"], 3)


def test_the_prefix_is_the_same_for_all_and_nearly_everything_is_read_from_the_cache(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    arguments = asked(server, repo, "--beads", beads, "--cap", "5")
    result = command_line.run(*arguments, environment=WITH_KEY).ended(0).json
    workers = [one for one in server.requests() if one["role"] == "polecat"]
    assert len({one["head"] for one in workers}) == 1
    read = sum(one["cache_read"] for one in workers)
    assert read / sum(one["prompt_tokens"] for one in workers) >= 0.85
    assert result["cache_hit_share"] >= 0.8


def test_a_pilot_tries_two_beads_and_the_rest_follows_with_a_forecast_from_them(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--pilot")
    done = command_line.run(*arguments, environment=WITH_KEY).ended(0)
    assert done.json["merged"] == 8
    first = [one for one in done.err.splitlines() if " starts t-" in one][:2]
    assert done.err.index("merged") < done.err.index("from 2 beads of this rig")
    assert all(line in done.err[: done.err.index("from 2 beads")] for line in first)
    starts = done.err[: done.err.index("from 2 beads")].count(" starts t-")
    assert starts == 2


def test_a_reviewer_sends_work_back_once_and_is_paid_under_the_cap(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    wants = {"changes": [{"path": "m1.py", "problem": "It does not say why."}]}
    turn = {"calls": [{"name": "request_changes", "input": wants}]}
    server.control({"answer_for_role": {"role": "reviewer", "turn": turn, "times": 1}})
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--review", "--land")
    done = command_line.run(*arguments, environment=WITH_KEY).ended(0)
    result = done.json
    assert (result["merged"], result["stage"]) == (8, "landed")
    assert done.err.count("goes back: A reviewer wants changes") == 1
    assert sum(one["role"] == "reviewer" for one in server.requests()) == 1 + 8 * 2
    roles = {line["name"]: line["settled_usd"] for line in result["cost_by_role"]}
    assert roles["Reviewers"] > 0
    bill = server.bill(idle=True)
    assert bill["total_nano"] == round(result["ledger"]["settled_usd"] * 1e9)
    assert bill["refused"] == bill["forbidden"] == bill["unmatched"] == 0


def test_without_a_key_nothing_is_sent(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    arguments = asked(server, repo, "--beads", beads, "--cap", "5")
    environment = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    assert "no key" in command_line.run(*arguments, environment=environment).ended(2).err
    assert server.requests() == []


def test_a_model_without_a_known_price_is_refused_until_it_is_typed(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--model", "claude-next-9")
    assert "--price" in command_line.run(*arguments, environment=WITH_KEY).ended(2).err
    assert server.requests() == []


def test_an_expired_key_is_one_item_and_another_key_resumes(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    server.control({"expire_key": KEY, "add_key": "sk-test-other-111111"})
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--polecats", "8")
    result = command_line.run(*arguments, environment=WITH_KEY).ended(3).json
    assert [need["about"] for need in result["needs_you"]] == ["provider"]
    assert len(server.requests()) <= 9
    other = {"ANTHROPIC_API_KEY": "sk-test-other-111111"}
    done = command_line.run("resume", repo, "--json", environment=other).ended(0).json
    assert (done["merged"], done["needs_you"]) == (8, [])


def test_a_reply_above_its_bound_stops_everything_until_the_user_looked(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    server.control({"faults": {"seed": 1, "rates": {"wrong_usage": 1.0}, "limit": 1}})
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--polecats", "4")
    assert "cost more than its bound" in command_line.run(*arguments, environment=WITH_KEY).ended(1).err
    sent = len(server.requests())
    again = command_line.run("resume", repo, "--json", environment=WITH_KEY).ended(1)
    assert "--acknowledge" in again.err
    assert len(server.requests()) == sent
    done = command_line.run("resume", repo, "--json", "--acknowledge", environment=WITH_KEY).ended(0)
    assert done.json["merged"] == 8


def test_a_killed_run_resumes_under_the_cap_with_valid_messages(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path
) -> None:
    server.control({"latency": 0.3})
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--polecats", "8")
    process = command_line.start(*arguments, environment=WITH_KEY)
    assert server.wait_for(12)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = command_line.run("resume", repo, "--json", environment=WITH_KEY).ended(0).json
    assert done["merged"] == 8
    assert done["ledger"]["assumed_usd"] > 0
    bill = server.bill(idle=True)
    ledger = done["ledger"]
    assert bill["total_nano"] <= round((ledger["settled_usd"] + ledger["assumed_usd"]) * 1e9) <= 5 * 10**9
    assert bill["refused"] == 0


@pytest.mark.parametrize("order", [{"redirect": "http://127.0.0.1:9/elsewhere"}, {"spend_limit": True}])
def test_a_provider_that_sends_elsewhere_or_wants_money_changes_nothing_but_an_error(
    command_line: CommandLine, server: RunningServer, repo: Path, beads: Path, order: dict[str, Any]
) -> None:
    server.control(order)
    arguments = asked(server, repo, "--beads", beads, "--cap", "5", "--polecats", "2")
    result = command_line.run(*arguments, environment=WITH_KEY).ended(3).json
    assert result["merged"] == 0
    assert result["needs_you"]
    assert server.bill(idle=True)["total_nano"] == 0
    assert result["user_repo_untouched"]
