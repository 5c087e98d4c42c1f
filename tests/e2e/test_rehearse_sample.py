from __future__ import annotations

import json
from typing import Any

from tests.e2e.conftest import CommandLine, Rehearsed

NUMBER = (int, float)
CONTRACT: dict[str, Any] = {
    **dict.fromkeys(("base", "tip", "expected_tree", "landed_tree"), str),
    **dict.fromkeys(("tree_equal", "gate_sees", "user_repo_untouched", "base_green"), bool),
    **dict.fromkeys(("beads", "independent", "critical_path", "merged", "dependencies", "conflicts"), int),
    **dict.fromkeys(("rework", "gate_runs", "model_requests", "restarts"), int),
    **dict.fromkeys(("needs_you", "silent_differences", "mechanical"), list),
    **dict.fromkeys(("elapsed_s", "peak_mb", "list_price_usd", "provider_bill_usd"), NUMBER),
    "cpu_s": dict.fromkeys(("self", "git", "tools"), NUMBER),
    "ledger": dict.fromkeys(
        ("cap_usd", "settled_usd", "assumed_usd", "held_usd", "max_committed_usd"), NUMBER
    ),
    "fleet_sizes": [{"workers": int, "makespan_s": NUMBER, "speedup": NUMBER}],
    "fit": {"verdict": str, "knee": int, "reasons": [str]},
}


def misfits(value: object, contract: Any, place: str = "result") -> list[str]:
    """Where a JSON value is not what the contract says; more keys are allowed."""
    if isinstance(contract, dict):
        if not isinstance(value, dict):
            return [f"{place} is no object"]
        missing = [f"{place} lacks {key}" for key in contract if key not in value]
        inner = ((value[key], contract[key], f"{place}.{key}") for key in contract if key in value)
        return missing + [misfit for part in inner for misfit in misfits(*part)]
    if isinstance(contract, list):
        if not isinstance(value, list) or not value:
            return [f"{place} is no list with something in it"]
        return [misfit for one in value for misfit in misfits(one, contract[0], f"{place}[]")]
    right = isinstance(value, contract) and isinstance(value, bool) == (contract is bool)
    return [] if right else [f"{place} is {value!r}"]


def test_every_key_of_the_contract_is_there_with_its_type(sample: Rehearsed) -> None:
    assert misfits(sample.result, CONTRACT) == []


def test_the_oracle_holds_and_everything_merged(sample: Rehearsed) -> None:
    result = sample.result
    assert result["tree_equal"]
    assert result["landed_tree"] == result["expected_tree"]
    assert result["merged"] == result["beads"] == 12
    assert result["needs_you"] == []
    assert result["user_repo_untouched"]
    assert result["gate_sees"]


def test_the_bill_is_within_what_the_ledger_committed_and_that_within_the_cap(sample: Rehearsed) -> None:
    ledger = sample.result["ledger"]
    spent = ledger["settled_usd"] + ledger["assumed_usd"]
    assert 0 < sample.result["provider_bill_usd"] <= spent + 1e-9
    assert spent <= ledger["max_committed_usd"] <= ledger["cap_usd"] == 100
    assert ledger["held_usd"] == 0


def test_fleet_sizes_are_the_promised_ones_and_never_slower(sample: Rehearsed) -> None:
    sizes = sample.result["fleet_sizes"]
    assert [size["workers"] for size in sizes] == [1, 2, 4, 8, 16, 30]
    assert sizes[0]["speedup"] == 1
    assert sorted(size["makespan_s"] for size in sizes)[::-1] == [size["makespan_s"] for size in sizes]
    assert sample.result["fit"]["verdict"] in {"parallel", "partly", "serial"}


def test_json_prints_exactly_one_object_and_progress_goes_to_standard_error(sample: Rehearsed) -> None:
    assert sample.done.out.count("\n") == 1
    assert "merged" in sample.done.err
    assert "\x1b" not in sample.done.err


def test_report_holds_the_same_object_and_a_text_for_people(sample: Rehearsed) -> None:
    assert json.loads((sample.report / "evidence.json").read_text()) == sample.result
    text = (sample.report / "evidence.md").read_text()
    assert sample.result["fit"]["verdict"] in text
    assert sample.result["expected_tree"] in text


def test_nothing_is_left_behind_but_repository_records_and_logs(sample: Rehearsed) -> None:
    assert sample.command_line.left_behind() == []
    assert {path.name for path in sample.command_line.rig().iterdir()} <= {
        "town.git",
        "events",
        "rehearsals",
        "indexes",
        "rig.lock",
        "gates.jsonl",
        "index.sqlite",
    }


def test_nothing_is_written_outside_the_data_folder(sample: Rehearsed) -> None:
    assert [path for path in sample.command_line.home.rglob("*") if path.is_file()] == []


def test_json_lines_print_numbered_events_and_the_object_last(command_line: CommandLine) -> None:
    done = command_line.run("rehearse", "sample", "--last", "3", "--json-lines").ended(0)
    *events, result = [json.loads(line) for line in done.out.splitlines()]
    assert misfits(result, CONTRACT) == []
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "convoy_created"
    assert events[-1]["kind"] == "convoy_landed"
    assert sum(event["kind"] == "bead_merged" for event in events) == result["merged"] == 3


def test_piped_output_is_plain_text(command_line: CommandLine) -> None:
    done = command_line.run("rehearse", "sample", "--last", "1", "--polecats", "1").ended(0)
    assert done.out.startswith("# Rehearsal: fit ")
    assert "\x1b" not in done.out + done.err
    assert "equal, bit for bit" in done.out
