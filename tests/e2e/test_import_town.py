"""`import-town` on folders as the open-source Gas Town makes them, and on hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.core.event_lines import encode
from gastown_desktop.core.events import ConvoyCreated, ConvoyStageChanged, Envelope
from gastown_desktop.wiring.workplace import rig_id
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine
from tests.fakes.clock import START


def write(file: Path, content: object) -> None:
    """Writes JSON, lines of JSON, or a text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        file.write_text("".join(json.dumps(one) + "\n" for one in content))
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content))


def issue(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Do {name}",
        "status": "open",
        "priority": 1,
        "issue_type": "task",
        "created_at": "2026-01-02T01:02:59-08:00",
        "created_by": "mayor",
        **fields,
    }


def waits(name: str, on: str, kind: str = "blocks") -> dict[str, Any]:
    return {"issue_id": name, "depends_on_id": on, "type": kind, "created_at": "2026-01-02T01:02:59Z"}


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Two rigs: one with a list of beads, one whose beads are in a database and in a back-up."""
    root = tmp_path / "gt"
    write(root / "mayor" / "town.json", {"type": "town", "version": 2, "name": "seaside"})
    rigs = {
        "harbor": {"git_url": "git@example.org:sea/harbor.git", "beads": {"repo": "local", "prefix": "hb"}},
        "light": {"git_url": "https://example.org/light.git", "beads": {"prefix": "li"}},
        "bare": {"git_url": "https://example.org/bare.git"},
    }
    write(root / "mayor" / "rigs.json", {"version": 1, "rigs": rigs})
    routes = [{"prefix": "hq-", "path": "."}, {"prefix": "hb-", "path": "harbor/mayor/rig"}]
    write(root / ".beads" / "routes.jsonl", routes)
    convoy = issue(
        "hq-cv-1", issue_type="convoy", title="Ship it", dependencies=[waits("hq-cv-1", "hb-1", "tracks")]
    )
    write(root / ".beads" / "issues.jsonl", [convoy, issue("hq-mayor", issue_type="agent")])
    harbor = [
        issue("hb-1", acceptance_criteria="It floats."),
        issue(
            "hb-2", status="hooked", assignee="harbor/polecats/toast", dependencies=[waits("hb-2", "hb-1")]
        ),
        issue("hb-3", status="closed", close_reason="Done"),
        issue("hb-4", issue_type="merge-request", description="branch: polecat/toast"),
        issue("hb-5", dependencies=[waits("hb-5", "hb-3"), waits("hb-5", "external:light:li-1")]),
    ]
    write(root / "harbor" / "mayor" / "rig" / ".beads" / "issues.jsonl", harbor)
    write(root / "harbor" / "config.json", {"type": "rig", "name": "harbor"})
    formula = 'formula = "shiny"\ntype = "workflow"\n[[steps]]\nid = "design"\n[[steps]]\nid = "build"\n'
    write(root / "harbor" / "mayor" / "rig" / ".beads" / "formulas" / "shiny.formula.toml", formula)
    write(root / "harbor" / "crew" / "ada" / "notes.md", "mine")
    write(root / "light" / "mayor" / "rig" / ".beads" / "metadata.json", {"backend": "dolt"})
    backup = root / "light" / "mayor" / "rig" / ".beads" / "backup"
    write(backup / "issues.jsonl", [issue("li-1"), issue("li-2")])
    write(backup / "dependencies.jsonl", [waits("li-2", "li-1")])
    write(backup / "labels.jsonl", [{"issue_id": "li-1", "label": "lamp"}])
    write(root / "bare" / "mayor" / "rig" / ".beads" / "metadata.json", {"backend": "dolt"})
    write(root / "settings" / "config.json", {"type": "town-settings"})
    return root


def listed(command_line: CommandLine, town: Path, *given: str | Path) -> dict[str, Any]:
    return command_line.run("import-town", town, *given, "--json").ended(0).json


def exported(command_line: CommandLine, repo: Path, file: Path) -> list[dict[str, Any]]:
    command_line.run("beads", "export", repo, file).ended(0)
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_town_is_listed_and_nothing_is_written(command_line: CommandLine, town: Path) -> None:
    found = listed(command_line, town)
    rigs = {one["name"]: one for one in found["rigs"]}
    assert (found["town"], found["imported"]) == ("seaside", None)
    assert (rigs["harbor"]["open"], rigs["harbor"]["closed"]) == (3, 1)
    assert rigs["harbor"]["others"] == {"merge-request": 1}
    assert rigs["harbor"]["repository"] == "git@example.org:sea/harbor.git"
    assert rigs["light"]["open"] == 2
    assert rigs["light"]["file"].endswith("backup/issues.jsonl")
    assert rigs["town"]["others"] == {"agent": 1}
    assert [(one["id"], one["tracks"]) for one in found["convoys"]] == [("hq-cv-1", ["hb-1"])]
    assert [(one["name"], one["steps"]) for one in found["formulas"]] == [("shiny", 2)]
    notes = "\n".join(found["notes"])
    for words in ("rig bare are in a database", "Not read of the rig harbor: crew", "the town: settings"):
        assert words in notes
    text = command_line.run("import-town", town).ended(0).out
    for words in ("seaside: 3 rigs", "harbor from git@example.org", "Ship it", "shiny", "--into REPO"):
        assert words in text
    assert not (command_line.data / "rigs").exists()


def test_beads_of_a_rig_become_drafts_and_go_back_as_they_were(
    command_line: CommandLine, town: Path, small: RepositoryBuilder, tmp_path: Path
) -> None:
    imported = listed(command_line, town, "--rig", "harbor", "--into", small.folder)["imported"]
    assert (imported["beads"], imported["dependencies"]) == (3, 1)
    assert imported["left_out"] == {"closed": 1}
    assert "hb-5 → external:light:li-1" in "\n".join(imported["notes"])
    status = command_line.run("status", small.folder, "--json").ended(0).json
    assert (status["convoy"], status["stage"], status["beads"]) == (imported["convoy"], "draft", {"draft": 3})
    assert status["title"] == "Imported from seaside, harbor"
    first, second, fifth = exported(command_line, small.folder, tmp_path / "out.jsonl")
    assert (first["acceptance_criteria"], first["created_by"]) == ("It floats.", "mayor")
    assert (second["status"], second["assignee"]) == ("hooked", "harbor/polecats/toast")
    assert {one["depends_on_id"] for one in fifth["dependencies"]} == {"hb-3", "external:light:li-1"}


def test_a_back_up_beside_a_database_will_do(
    command_line: CommandLine, town: Path, small: RepositoryBuilder, tmp_path: Path
) -> None:
    listed(command_line, town, "--rig", "light", "--into", small.folder)
    first, second = exported(command_line, small.folder, tmp_path / "out.jsonl")
    assert first["labels"] == ["lamp"]
    assert second["dependencies"][0]["depends_on_id"] == "li-1"


def test_closed_beads_come_along_when_asked_for(
    command_line: CommandLine, town: Path, small: RepositoryBuilder
) -> None:
    imported = listed(command_line, town, "--rig", "harbor", "--into", small.folder, "--closed")["imported"]
    assert (imported["beads"], imported["dependencies"], imported["left_out"]) == (4, 2, {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--rig", "nobody", "--into", "REPO"), "no rig nobody"),
        (("--into", "REPO"), "--rig NAME"),
        (("--rig", "town", "--into", "REPO"), "no open beads"),
        (("--rig", "harbor"), "--into REPO"),
    ],
)
def test_what_is_not_clear_is_refused(
    command_line: CommandLine, town: Path, small: RepositoryBuilder, given: tuple[str, ...], words: str
) -> None:
    spelled = [str(small.folder) if one == "REPO" else one for one in given]
    assert words in command_line.run("import-town", town, *spelled).ended(2).err
    assert command_line.run("status", small.folder, "--json").ended(0).json == {"convoy": None}


def test_a_folder_that_is_no_town_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    assert "no Gas Town folder" in command_line.run("import-town", tmp_path).ended(2).err
    assert "no folder" in command_line.run("import-town", tmp_path / "none").ended(2).err


def test_a_hostile_town_reads_nothing_outside_and_runs_nothing(
    command_line: CommandLine, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    write(outside / ".beads" / "issues.jsonl", [issue("secret-1")])
    write(outside / "config.json", {"type": "rig"})
    root = tmp_path / "gt"
    rigs = {"../outside": {}, "linked": {}, "/etc": {}, "\x1b[2Jbad": {"git_url": "ext::sh -c 'touch ran'"}}
    write(root / "mayor" / "rigs.json", {"rigs": rigs})
    (root / "linked").symlink_to(outside)
    (root / ".beads").symlink_to(outside / ".beads")
    found = listed(command_line, root)
    assert "secret-1" not in json.dumps(found)
    assert sum(one["open"] for one in found["rigs"]) == 0
    notes = "\n".join(found["notes"])
    assert "link" in notes
    assert "leads out" in notes
    shown = command_line.run("import-town", root).ended(0).out
    assert "\x1b" not in shown


def test_a_token_in_an_address_is_not_shown(command_line: CommandLine, town: Path) -> None:
    rigs = {"harbor": {"git_url": "https://me:ghp_abcdefghijklmnop@example.org/x.git?token=t-1"}}
    write(town / "mayor" / "rigs.json", {"rigs": rigs})
    found = {one["name"]: one["repository"] for one in listed(command_line, town)["rigs"]}
    assert found["harbor"] == "https://example.org/x.git"
    assert "from https://example.org/x.git:" in command_line.run("import-town", town).ended(0).out


def test_half_a_surrogate_pair_in_a_name_or_a_route_leads_nowhere(
    command_line: CommandLine, town: Path
) -> None:
    rigs = {"\ud800x": {"git_url": "u"}, "harbor": {"beads": {"prefix": "hb"}}}
    write(town / "mayor" / "rigs.json", {"rigs": rigs})
    write(town / ".beads" / "routes.jsonl", [{"prefix": "hb-", "path": "\ud800"}])
    found = listed(command_line, town)
    assert "\\ud800" in "\n".join(found["notes"])
    assert {one["name"]: one["open"] for one in found["rigs"]}["harbor"] == 3
    command_line.run("import-town", town).ended(0)


def test_a_draft_convoy_is_run_by_its_name(
    command_line: CommandLine, town: Path, small: RepositoryBuilder
) -> None:
    imported = listed(command_line, town, "--rig", "harbor", "--into", small.folder)["imported"]
    given = ("--beads", imported["convoy"], "--cap", "1", "--no-gate", "--plan-only", "--json")
    local = ("--base-url", "http://127.0.0.1:9", "--price", "1/1")
    key = {"ANTHROPIC_API_KEY": "sk-test-0000000000"}
    planned = command_line.run("run", small.folder, *given, *local, environment=key).ended(0).json
    assert [one["bead"] for one in planned["planned"]] == ["hb-1", "hb-2", "hb-5"]
    assert planned["convoy"] != imported["convoy"]


@pytest.mark.parametrize(
    ("named", "words"), [("none.jsonl", "cannot be read"), ("cv-12345", "is landed and no draft")]
)
def test_beads_that_cannot_be_taken_begin_no_convoy(
    command_line: CommandLine, small: RepositoryBuilder, named: str, words: str
) -> None:
    """The history of a landed convoy is told here, as a rehearsal would take longer."""
    rig = command_line.data / "rigs" / rig_id(small.folder)
    where: Any = {"rig": rig.name, "convoy": "cv-12345"}
    events = [
        ConvoyCreated(**where, title="Done", base=small.git("rev-parse", "HEAD"), target="refs/heads/main"),
        ConvoyStageChanged(**where, stage="landed"),
    ]
    lines = [encode(Envelope(seq=n, at=START, event=one)) for n, one in enumerate(events, 1)]
    (rig / "events").mkdir(parents=True)
    (rig / "events" / "cv-12345.jsonl").write_bytes(b"".join(lines))
    key = {"ANTHROPIC_API_KEY": "sk-test-0000000000"}
    given = ("--beads", named, "--cap", "1", "--no-gate", "--plan-only")
    assert words in command_line.run("run", small.folder, *given, environment=key).ended(2).err
    assert [file.name for file in (rig / "events").iterdir()] == ["cv-12345.jsonl"]
