"""`report` on the sample: its sums are the ledger's, to the nano-dollar, in every form."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from typing import Any
from zlib import crc32

import pytest

from gastown_desktop.adapters.money_log import read_ledger
from gastown_desktop.core.ledger import Ledger, Record, Reserve, Totals
from gastown_desktop.core.money import NANO, json_usd, show_usd, usd
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, Rehearsed, ended_at_last

BREAKDOWNS = ("by_role", "by_bead", "by_polecat", "by_model", "by_day")


def ledger_of(sample: Rehearsed) -> tuple[list[Record], Totals]:
    """The records of the sample's rehearsal, and where its convoy stands by them."""
    convoy = sample.result["convoy"]
    records = read_ledger(sample.command_line.rig() / "rehearsals" / convoy / "money.log")
    ledger, orphans = Ledger.replay(records)
    assert orphans == []
    return records, ledger.totals(f"convoy:{convoy}")


def nano(dollars: float) -> int:
    """Dollars of a JSON number in nano-dollars."""
    return usd(f"{dollars:.9f}")


@pytest.fixture(scope="session")
def told(sample: Rehearsed) -> dict[str, Any]:
    """What `report --json` says of the sample."""
    return sample.command_line.run("report", "sample", sample.result["convoy"], "--json").ended(0).json


def test_sums_are_the_ledgers_to_the_nano_dollar(sample: Rehearsed, told: dict[str, Any]) -> None:
    records, totals = ledger_of(sample)
    assert nano(told["cost"]["settled_usd"]) == totals.settled > 0
    assert nano(told["cost"]["assumed_usd"]) == totals.assumed
    assert nano(told["cost"]["held_usd"]) == totals.held == 0
    assert nano(told["layers"]["list_price_usd"]) == totals.settled
    for name in BREAKDOWNS:
        assert sum(nano(line["settled_usd"]) for line in told[name]) == totals.settled
        assert sum(line["requests"] for line in told[name]) == sum(
            isinstance(record, Reserve) for record in records
        )
    assert told["cost"]["settled_usd"] == sample.result["list_price_usd"]


def test_beads_cost_what_the_history_says_of_them(sample: Rehearsed, told: dict[str, Any]) -> None:
    audited = json.loads(sample.command_line.run("audit", "sample", "--json").ended(0).out)
    costs: dict[str, int] = {}
    for event in audited:
        if event["kind"] == "turn_ended" and event["convoy"] == told["convoy"]:
            costs[event["bead"]] = costs.get(event["bead"], 0) + event["cost"]
    assert {line["name"]: nano(line["spent_usd"]) for line in told["by_bead"]} == costs


def test_a_rehearsal_spent_nothing_and_says_what_it_would_have(
    sample: Rehearsed, told: dict[str, Any]
) -> None:
    _, totals = ledger_of(sample)
    beads = sample.result["beads"]
    assert told["rehearsal"]
    assert told["cost"]["paid_usd"] == 0
    assert told["cost"]["per_landed_bead_usd"] == json_usd(round(totals.settled / beads))
    assert told["wasted"] == {"usd": 0.0, "share": 0.0, "kinds": []}
    assert told["tokens"]["prompt_tokens"] == sample.result["tokens"]["prompt"]
    assert told["tokens"]["cache_read_tokens"] == sample.result["tokens"]["cached"]
    assert told["tokens"]["reply_tokens"] == sample.result["tokens"]["reply"]
    assert (told["speed"]["measured"], told["speed"]["slots"]) == (False, 6)


def test_markdown_says_the_same(sample: Rehearsed, told: dict[str, Any]) -> None:
    _, totals = ledger_of(sample)
    given = ("report", "sample", told["convoy"], "--md", "--hourly-rate", "90", "--hours", "1.5")
    text = sample.command_line.run(*given).ended(0).out
    assert f"# Was it worth it? {told['convoy']}" in text
    assert f"$0.00 spent · {show_usd(totals.settled)} at list price" in text
    assert f"Against 1.5 h of yours: {show_usd(135 * NANO - totals.settled)} would have been saved." in text
    for line in told["by_bead"]:
        (row,) = re.findall(rf"^\| {line['name']} .*$", text, re.MULTILINE)
        assert f"| {show_usd(nano(line['spent_usd']))} | $0.00 | {line['requests']} |" in row


def test_the_newest_convoy_is_meant_where_none_is_named_and_an_unknown_one_is_refused(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    assert "Nothing was done here yet" in command_line.run("report", small.folder).ended(2).err
    result = command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").json
    told = command_line.run("report", small.folder, "--json").ended(0).json
    assert told["convoy"] == result["convoy"]
    assert nano(told["cost"]["settled_usd"]) == nano(result["list_price_usd"])
    refused = command_line.run("report", small.folder, "cv-none").ended(2).err
    assert f"There is no convoy cv-none here. There are: {result['convoy']}." in refused


def test_the_ledger_of_all_rigs_is_read_where_it_has_the_convoy(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    result = command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").json
    told = command_line.run("report", small.folder, "--json").ended(0).json
    log, shared = (
        command_line.rig() / "rehearsals" / result["convoy"] / "money.log",
        command_line.data / "money" / "money.log",
    )
    shared.parent.mkdir()
    log.rename(shared)
    assert command_line.run("report", small.folder, "--json").ended(0).json == told
    month = told["by_day"][0]["name"][:7]
    statement = command_line.run("report", "--month", month, "--json").ended(0).json
    (line,) = statement["paid"]["lines"]
    assert (line["rig"], line["convoy"], line["origin"]) == (told["rig"], told["convoy"], "not recorded")
    assert line["settled_usd"] == told["cost"]["settled_usd"]
    shared.unlink()
    assert "nobody knows what it cost" in command_line.run("report", small.folder).ended(2).err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["sample", "--hours", "2"], "Hours need an hourly rate"),
        (["sample", "--hours", "x", "--hourly-rate", "90"], "x is not a number of hours"),
        (["sample", "--hourly-rate", "0"], "above $0"),
        (["sample", "--csv"], "--csv is for a month"),
        ([], "Name a repository"),
        (["--month", "2026-13"], "2026-13 is not a month"),
        (["sample", "--month", "2026-11", "--hourly-rate", "90"], "over all convoys"),
    ],
)
def test_what_makes_no_sense_is_refused(command_line: CommandLine, given: list[str], words: str) -> None:
    assert words in command_line.run("report", *given).ended(2).err


def test_a_month_adds_up_to_its_ledgers(sample: Rehearsed, told: dict[str, Any]) -> None:
    _, totals = ledger_of(sample)
    month = told["by_day"][0]["name"][:7]
    command_line = sample.command_line
    found = command_line.run("report", "--month", month, "--json").ended(0).json
    (line,) = [one for one in found["rehearsed"]["lines"] if one["convoy"] == told["convoy"]]
    assert nano(line["settled_usd"]) == totals.settled
    assert (line["rig"], line["origin"]) == (told["rig"], "stand-in")
    assert found["paid"]["total"]["settled_usd"] == 0
    table = command_line.run("report", "--month", month, "--csv").ended(0).out
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["convoy"] == told["convoy"]]
    assert [(usd(row["settled_usd"]), row["part"]) for row in rows] == [(totals.settled, "rehearsed")]
    text = command_line.run("report", "sample", "--month", month).ended(0).out
    assert f"# Statement of {told['rig']}, {month}" in text
    assert command_line.run("report", "--month", "1999-01", "--csv").ended(0).out.count("\n") == 1


def test_a_damaged_rehearsal_is_left_out_of_the_statement_and_named(command_line: CommandLine) -> None:
    log = command_line.data / "rigs" / "calc-0a1b2c" / "rehearsals" / "cv-1" / "money.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(bytes(12) + struct.pack(">II", 2, crc32(b"{}")) + b"{}")
    done = command_line.run("report", "--month", "2026-11", "--json").ended(0)
    assert done.json["unread"]
    assert "damaged" in done.err


def test_report_works_while_a_rehearsal_runs(command_line: CommandLine) -> None:
    process = command_line.start("rehearse", "sample", "--last", "4", "--json-lines")
    with ended_at_last(process):
        assert process.stdout is not None
        turned = next(line for line in process.stdout if '"turn_ended"' in line)
        told = command_line.run_beside("report", "sample", "--json").ended(0).json
        assert told["convoy"] == json.loads(turned)["convoy"]
        assert told["cost"]["settled_usd"] > 0
        *_, last = process.stdout
        assert process.wait() == 0
    assert json.loads(last)["tree_equal"]
