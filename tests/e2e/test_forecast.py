"""Forecasts before a launch: from nothing, from a rehearsal, from the rig's own beads; then held to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.core.forecast import REAL_BY_REHEARSED
from gastown_desktop.core.money import show_usd, usd
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, Done
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import RunningServer, running

BEADS = 4


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryBuilder:
    return make_repository(tmp_path / "modules", BEADS)


@pytest.fixture
def beads(tmp_path: Path) -> Path:
    file = tmp_path / "beads.jsonl"
    write_beads(file, BEADS, BEADS)
    return file


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(script(Shape(turns=3, spread=2))) as started:
        yield started


@pytest.fixture
def run(command_line: CommandLine, repository: RepositoryBuilder, beads: Path, server: RunningServer) -> Any:
    """Runs `run` with a plan made elsewhere and more options."""

    def run_it(*options: str, cap: str = "5") -> Done:
        given = ["--beads", beads, "--cap", cap, "--base-url", server.url, "--gate", GATE, "--trust"]
        environment = {"ANTHROPIC_API_KEY": KEY}
        return command_line.run("run", repository.folder, *given, *options, environment=environment)

    return run_it


def test_a_second_plan_is_forecast_from_what_the_first_cost(command_line: CommandLine, run: Any) -> None:
    guess = run("--plan-only", "--json").ended(0).json["forecast"]
    assert (guess["source"], guess["beads"], guess["workers"]) == ("prior", BEADS, 6)

    done = run("--yes", "--json").ended(0)
    first = done.json
    assert first["merged"] == BEADS
    assert first["forecast"] == guess
    assert f"P50–P90: {show_usd(usd(str(guess['p50_usd'])))}" in done.err
    assert "nothing yet: a guess" in done.err

    second = run("--plan-only", "--json").ended(0).json["forecast"]
    assert second["source"] == "own"
    assert second["basis"] == f"{BEADS} beads of this rig on claude-opus-5-5"
    spent = first["ledger"]["settled_usd"]
    assert spent < second["p50_usd"] < guess["p50_usd"]
    assert second["p90_usd"] / second["p50_usd"] < guess["p90_usd"] / guess["p50_usd"]
    assert [one["bead"] for one in second["by_bead"]] == [f"t-{number}" for number in range(1, BEADS + 1)]
    rates = [one["per_hour_usd"] for one in second["fleet"]]
    assert [one["workers"] for one in second["fleet"]] == [1, 2, 4, 8, 16, 30]
    assert rates == sorted(rates)
    assert second["knee"] == BEADS

    other = run("--plan-only", "--json", "--model", "claude-haiku-5-5").ended(0).json["forecast"]
    assert other["source"] == "scaled"
    assert other["basis"].endswith("on claude-opus-5-5, scaled by price to claude-haiku-5-5")
    by_price = 0.018 / 0.59
    assert second["p50_usd"] * by_price < other["p50_usd"] < guess["p50_usd"] * by_price


def test_the_report_holds_the_forecast_against_what_it_came_to(
    command_line: CommandLine, repository: RepositoryBuilder, run: Any
) -> None:
    result = run("--yes", "--json-lines").ended(0).out.splitlines()
    told = [json.loads(line) for line in result]
    (event,) = [one for one in told if one.get("kind") == "convoy_forecast"]
    stages = [one.get("stage") for one in told if one.get("kind") == "convoy_stage_changed"]
    assert told.index(event) < next(
        place for place, one in enumerate(told) if one.get("kind") == "bead_slung"
    )
    assert stages[:2] == ["staged", "running"]
    report = command_line.run("report", repository.folder, "--json").ended(0).json
    found = report["forecast"]
    assert found["p50_usd"] * 10**9 == pytest.approx(event["p50"])
    assert found["spent_usd"] == report["cost"]["spent_usd"]
    assert (found["verdict"], found["basis"]) == ("below", event["basis"])
    text = command_line.run("report", repository.folder, "--md").ended(0).out
    assert "from nothing yet: a guess from the sizes of the beads), actual" in text


def test_a_p90_above_the_limit_is_told(run: Any) -> None:
    done = run("--yes", "--json", cap="0.50")
    assert "warning: It may cost up to" in done.err
    assert "$0.50 are left" in done.err
    refused = run("--json", cap="0.50").ended(2)
    assert "warning: It may cost up to" in refused.err
    assert "Nobody can be asked here" in refused.err


def test_without_real_work_the_rehearsal_is_what_it_rests_on(
    command_line: CommandLine, small: RepositoryBuilder, beads: Path, server: RunningServer
) -> None:
    rehearsed = command_line.run("rehearse", small.folder, "--last", "5", "--no-gate", "--json").ended(0).json
    given = ["--beads", beads, "--cap", "5", "--base-url", server.url, "--no-gate", "--plan-only", "--json"]
    environment = {"ANTHROPIC_API_KEY": KEY}
    result = command_line.run("run", small.folder, *given, environment=environment).ended(0).json
    found = result["forecast"]
    assert found["source"] == "rehearsal"
    assert found["basis"].startswith("the rehearsal of 5 commits, at list price times 3")
    by_commit = rehearsed["list_price_usd"] / 5
    assert by_commit * REAL_BY_REHEARSED * BEADS < found["p50_usd"] < BEADS * 0.59
