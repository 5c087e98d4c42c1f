from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, Rehearsed, ended_at_last


def audited(command_line: CommandLine, *args: str) -> list[dict[str, Any]]:
    """Events that `audit --json` prints."""
    return json.loads(command_line.run("audit", "sample", "--json", *args).ended(0).out)


@pytest.fixture(scope="session")
def history(sample: Rehearsed) -> list[dict[str, Any]]:
    """The whole history of the sample's first rehearsal."""
    events = audited(sample.command_line)
    return [event for event in events if event["convoy"] == sample.result["convoy"]]


def test_status_before_anything_was_done_says_so(command_line: CommandLine, small: RepositoryBuilder) -> None:
    assert "Nothing was done here yet" in command_line.run("status", small.folder).ended(0).out
    assert command_line.run("status", small.folder, "--json").ended(0).json == {"convoy": None}
    assert "Nothing was done here yet" in command_line.run("audit", small.folder).ended(2).err
    assert "no beads" in command_line.run("beads", "export", small.folder, "file").ended(2).err


def test_status_tells_what_landed(sample: Rehearsed) -> None:
    told = sample.command_line.run("status", "sample", "--json").ended(0).json
    assert told["stage"] == "landed"
    assert told["working"] == told["queue"] == told["needs_you"] == []
    assert "landed" in sample.command_line.run("status", "sample").ended(0).out


def test_audit_tells_what_one_worker_did_around_a_time(
    sample: Rehearsed, history: list[dict[str, Any]]
) -> None:
    slung = next(event for event in history if event["kind"] == "bead_slung" and event["polecat"] == "Nux")
    local = datetime.fromisoformat(slung["at"]).astimezone().strftime("%Y-%m-%dT%H:%M")
    found = audited(sample.command_line, "--polecat", "Nux", "--at", local)
    assert slung in found
    assert {event["polecat"] for event in found} == {"Nux"}
    assert audited(sample.command_line, "--polecat", "Nux", "--at", "2001-01-01T03:00") == []
    text = sample.command_line.run("audit", "sample", "--polecat", "Nux", "--at", local).ended(0).out
    assert f"bead_slung bead={slung['bead']}" in text
    assert len(text.splitlines()) == len(found)


def test_audit_refuses_what_is_no_time(sample: Rehearsed) -> None:
    assert "is not a time" in sample.command_line.run("audit", "sample", "--at", "noon").ended(2).err


def test_answers_are_the_same_without_the_index(sample: Rehearsed, history: list[dict[str, Any]]) -> None:
    before = audited(sample.command_line)
    status = sample.command_line.run("status", "sample").ended(0).out
    (sample.command_line.rig() / "index.sqlite").unlink()
    assert sample.command_line.run("status", "sample").ended(0).out == status
    assert audited(sample.command_line) == before
    assert before[: len(history)] == history


def test_exported_beads_come_back_as_they_were(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path
) -> None:
    given = [
        {"id": "bd-1", "title": "First", "status": "open", "priority": 0, "issue_type": "bug"}
        | {"labels": ["a", "b"], "estimate": 3, "description": "Zoë’s"},
        {"id": "bd-2", "title": "Second", "status": "in_progress", "priority": 4, "issue_type": "task"}
        | {"dependencies": [{"issue_id": "bd-2", "depends_on_id": "bd-1", "type": "blocks"}]},
    ]
    listed, out, again = (tmp_path / name for name in ("issues.jsonl", "out.jsonl", "again.jsonl"))
    listed.write_text("".join(json.dumps(bead) + "\n" for bead in given))
    done = command_line.run("beads", "import", small.folder, listed).ended(0)
    assert "2 beads and 1 dependency" in done.out
    command_line.run("beads", "export", small.folder, out).ended(0)
    exported = [json.loads(line) for line in out.read_text().splitlines()]
    for before, after in zip(given, exported, strict=True):
        assert {key: after[key] for key in before if key not in {"status", "dependencies"}} == {
            key: value for key, value in before.items() if key not in {"status", "dependencies"}
        }
    assert exported[1]["dependencies"][0]["depends_on_id"] == "bd-1"
    command_line.run("beads", "import", small.folder, out).ended(0)
    command_line.run("beads", "export", small.folder, again).ended(0)
    mine = tmp_path / "mine.txt"
    mine.write_text("notes of mine\n")
    refused = command_line.run("beads", "export", small.folder, mine).ended(2)
    assert "is no list of beads" in refused.err
    assert mine.read_text() == "notes of mine\n"
    link = tmp_path / "link"
    link.symlink_to(out)
    command_line.run("beads", "export", small.folder, link).ended(0)
    assert link.is_symlink()
    assert again.read_text() == out.read_text()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "no beads"),
        ("{not json\n", "1"),
        (
            '{"id":"bd-1","title":"a","dependencies":[{"issue_id":"bd-1","depends_on_id":"bd-2"}]}\n'
            '{"id":"bd-2","title":"b","dependencies":[{"issue_id":"bd-2","depends_on_id":"bd-1"}]}\n',
            "wait for each other",
        ),
    ],
)
def test_beads_that_cannot_be_read_are_refused(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path, lines: str, words: str
) -> None:
    listed = tmp_path / "issues.jsonl"
    listed.write_text(lines)
    assert words in command_line.run("beads", "import", small.folder, listed).ended(2).err
    assert command_line.run("status", small.folder, "--json").ended(0).json == {"convoy": None}


def test_beads_file_that_is_not_there_or_cannot_be_written_is_refused(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path
) -> None:
    missing = command_line.run("beads", "import", small.folder, tmp_path / "none").ended(2)
    assert "cannot be read" in missing.err
    listed = tmp_path / "issues.jsonl"
    listed.write_text('{"id":"bd-1","title":"One"}\n')
    command_line.run("beads", "import", small.folder, listed).ended(0)
    assert str(tmp_path) in command_line.run("beads", "export", small.folder, tmp_path).ended(2).err


def test_status_and_audit_work_while_a_rehearsal_runs(command_line: CommandLine) -> None:
    process = command_line.start("rehearse", "sample", "--last", "4", "--json-lines")
    with ended_at_last(process):
        assert process.stdout is not None
        merged = next(line for line in process.stdout if '"bead_slung"' in line)
        told = command_line.run_beside("status", "sample", "--json").ended(0).json
        assert told["convoy"] == json.loads(merged)["convoy"]
        assert told["last_seq"] >= json.loads(merged)["seq"]
        assert command_line.run_beside("audit", "sample").ended(0).out
        *_, last = process.stdout
        assert process.wait() == 0
    assert json.loads(last)["tree_equal"]
