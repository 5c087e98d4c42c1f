"""Limits besides the convoy's: a sum while nobody answers, of a day, of the town."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.core.money import show_usd, usd
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import RunningServer, running

WITH_KEY = {"ANTHROPIC_API_KEY": KEY}
BEADS = 6


def earlier() -> str:
    """A time of the day that the clock shows in a day less a few minutes."""
    return f"{datetime.now().astimezone() - timedelta(minutes=5):%H:%M}"  # noqa: TID251 - the machine's clock


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(script(Shape(turns=3, spread=2, output_tokens=100))) as server:
        yield server


@pytest.fixture
def work(tmp_path: Path, server: RunningServer) -> tuple[str | Path, ...]:
    """A run of some beads, without its limits."""
    repo = make_repository(tmp_path / "repo", BEADS).folder
    write_beads(tmp_path / "beads.jsonl", BEADS, BEADS)
    given = ("--beads", tmp_path / "beads.jsonl", "--base-url", server.url, "--gate", GATE)
    return ("run", repo, *given, "--trust", "--yes", "--json", "--polecats", "3")


def spent(result: dict[str, Any]) -> int:
    ledger = result["ledger"]
    return usd(str(ledger["settled_usd"])) + usd(str(ledger["assumed_usd"]))


def test_a_sum_stops_an_unattended_run_and_raising_the_cap_does_not_lift_it(
    command_line: CommandLine, server: RunningServer, work: tuple[str | Path, ...]
) -> None:
    until, sum_ = earlier(), "0.13"
    more = ("--cap", "5", "--unattended", until, "--unattended-cap", sum_)
    result = command_line.run(*work, *more, environment=WITH_KEY).ended(3).json
    (need,) = result["needs_you"]
    assert need["about"] == "limit"
    assert need["text"] == f"The limit of $0.13 until {until} leaves no room to go on."
    assert 0 < server.bill(idle=True)["total_nano"] <= spent(result) <= usd(sum_)
    away = result["unattended"]
    assert away["words"] == f"unattended until {until}, {show_usd(spent(result))} of $0.13"
    assert away["spent_usd"] == result["ledger"]["settled_usd"] + result["ledger"]["assumed_usd"]
    status = command_line.run("status", work[1]).ended(0).out
    assert f"  {away['words']}\n" in status
    assert " left for this convoy" in status
    told = command_line.run("resume", work[1], "--cap", "9", environment=WITH_KEY).ended(3)
    assert f"Unattended until {until}, $" in told.out
    assert server.bill(idle=True)["total_nano"] <= usd(sum_)
    again = ("resume", work[1], "--json", "--unattended", until, "--unattended-cap", "4")
    done = command_line.run(*again, environment=WITH_KEY).ended(0).json
    assert (done["merged"], done["needs_you"]) == (BEADS, [])
    assert done["unattended"]["spent_usd"] == pytest.approx((spent(done) - spent(result)) / 1e9)


def test_a_killed_unattended_run_keeps_its_time_and_its_sum(
    command_line: CommandLine, server: RunningServer, work: tuple[str | Path, ...]
) -> None:
    server.control({"latency": 0.3})
    until = earlier()
    more = ("--cap", "5", "--unattended", until, "--unattended-cap", "0.6")
    process = command_line.start(*work, *more, environment=WITH_KEY)
    assert server.wait_for(5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.control({"latency": 0.0})
    result = command_line.run("resume", work[1], "--json", "--cap", "7", environment=WITH_KEY).json
    assert result["ledger"]["cap_usd"] == 0.6
    assert result["unattended"]["words"].startswith(f"unattended until {until}, $")
    assert result["unattended"]["spent_usd"] == pytest.approx(spent(result) / 1e9)
    assert server.bill(idle=True)["total_nano"] <= spent(result) <= usd("0.6")


def test_a_sum_without_a_time_for_it_is_refused(
    command_line: CommandLine, server: RunningServer, work: tuple[str | Path, ...]
) -> None:
    refused = command_line.run(*work, "--cap", "5", "--unattended-cap", "1", environment=WITH_KEY).ended(2)
    assert "--unattended-cap is for the time that nobody answers." in refused.err
    wrong = command_line.run(*work, "--cap", "5", "--unattended", "25:00", environment=WITH_KEY).ended(2)
    assert "25:00 is no time of the day" in wrong.err
    assert server.requests() == []


@pytest.mark.parametrize(
    ("setting", "words"), [("day_cap", "Today's limit"), ("town_cap", "The town's limit")]
)
def test_a_limit_of_the_settings_stops_real_work_and_resume_goes_on_when_there_is_room(
    command_line: CommandLine,
    server: RunningServer,
    work: tuple[str | Path, ...],
    small: RepositoryBuilder,
    setting: str,
    words: str,
) -> None:
    settings = command_line.data / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"{setting} = 0.13\n")
    result = command_line.run(*work, "--cap", "5", environment=WITH_KEY).ended(3).json
    (need,) = result["needs_you"]
    assert (need["item"], need["about"]) == ("limit", "limit")
    assert need["text"] == f"{words} of $0.13 leaves no room to go on."
    assert 0 < server.bill(idle=True)["total_nano"] <= spent(result) <= usd("0.13")
    status = command_line.run("status", work[1], "--json").ended(0).json
    limits = {one["kind"]: one for one in status["limits"]}
    assert set(limits) == {"convoy", setting.removesuffix("_cap")}
    assert limits[setting.removesuffix("_cap")]["left"] == usd("0.13") - spent(result)
    assert status["unattended"] is None
    assert ", the nearest limit" in command_line.run("status", work[1]).ended(0).out
    sent = len(server.requests())
    again = command_line.run("resume", work[1], "--json", environment=WITH_KEY).ended(3).json
    assert [one["text"] for one in again["needs_you"]] == [need["text"]]
    assert len(server.requests()) == sent
    command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").ended(0)
    settings.write_text(f"{setting} = 4\n")
    done = command_line.run("resume", work[1], "--json", environment=WITH_KEY).ended(0).json
    assert (done["merged"], done["needs_you"]) == (BEADS, [])


def test_a_mayor_without_room_is_one_item(
    command_line: CommandLine, server: RunningServer, work: tuple[str | Path, ...]
) -> None:
    settings = command_line.data / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("town_cap = 0.001\n")
    goal = tuple(one for one in work if one != "--beads" and not str(one).endswith("beads.jsonl"))
    result = command_line.run(*goal, "--cap", "5", "--goal", "Three steps", environment=WITH_KEY).ended(3)
    (need,) = result.json["needs_you"]
    assert need["text"] == "The town's limit of $0.001 leaves no room to go on."
    assert server.requests() == []
