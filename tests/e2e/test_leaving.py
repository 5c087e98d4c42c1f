"""`export`, `publish` and `forget` as a user has them: what was done stays readable, nothing stays behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gastown_desktop.adapters.file_lock import FileLock
from tests.builders import RepositoryBuilder
from tests.e2e.conftest import GATE, CommandLine, Rehearsed, contents, ended_at_last
from tests.e2e.real_work import GATE as WORK_GATE
from tests.e2e.real_work import KEY, Shape, make_repository, script, write_beads
from tests.e2e.test_run import planning
from tests.messages_api.running import RunningServer, running

LAST = 4
WITH_KEY = {"ANTHROPIC_API_KEY": KEY}


@pytest.fixture
def rehearsed(command_line: CommandLine, small: RepositoryBuilder) -> dict[str, Any]:
    """The result of a rehearsal of four commits."""
    given = ("--last", str(LAST), "--polecats", "2", "--gate", GATE, "--trust", "--json")
    return command_line.run("rehearse", small.folder, *given).ended(0).json


@pytest.fixture
def server() -> Iterator[RunningServer]:
    fields = script(Shape(turns=3, spread=1, output_tokens=100))
    fields["rules"].insert(0, planning())
    with running(fields) as server:
        yield server


@pytest.fixture
def worked(
    command_line: CommandLine, server: RunningServer, tmp_path: Path
) -> tuple[RepositoryBuilder, dict[str, Any]]:
    """A repository, and the result of real work on it that is merged and not landed."""
    repo = make_repository(tmp_path / "modules", 3)
    write_beads(tmp_path / "beads.jsonl", 3, 3)
    given = (
        "--beads",
        tmp_path / "beads.jsonl",
        "--cap",
        "5",
        "--gate",
        WORK_GATE,
        "--trust",
        "--yes",
        "--json",
    )
    done = command_line.run("run", repo.folder, "--base-url", server.url, *given, environment=WITH_KEY)
    return repo, done.ended(0).json


def plain_git(folder: Path, *args: str) -> str:
    """What git says of an exported repository, without us."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *args], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def requests(out: Path) -> list[dict[str, str]]:
    """Lines of an exported ledger."""
    return list(csv.DictReader((out / "ledger.csv").read_text(encoding="utf-8").splitlines()))


def kept(repo: RepositoryBuilder) -> dict[str, Any]:
    """Everything in the user's repository, to the byte."""
    return contents(repo.folder)


# --- export ---------------------------------------------------------------------------------------


def test_everything_of_real_work_is_readable_without_the_program(
    command_line: CommandLine, worked: tuple[RepositoryBuilder, dict[str, Any]], tmp_path: Path
) -> None:
    repo, result = worked
    before, out = kept(repo), tmp_path / "out"
    told = command_line.run("export", repo.folder, out, "--json").ended(0).json
    assert kept(repo) == before
    assert (told["folder"], told["left_out"]) == (str(out), [])
    (convoy,) = told["convoys"]
    assert (convoy["convoy"], convoy["beads"], convoy["transcripts"]) == (result["convoy"], 3, 3)

    clone = tmp_path / "clone"
    plain_git(tmp_path, "clone", "-q", str(out / "repository.git"), str(clone))
    assert plain_git(clone, "rev-parse", "--abbrev-ref", "HEAD") == f"convoy/{result['convoy']}"
    assert "step 2" in (clone / "m2.py").read_text()
    beads = plain_git(
        clone, "log", "--format=%(trailers:key=Gastown-Bead,valueonly)", "origin/source/main..HEAD"
    )
    assert set(beads.split()) == {"t-1", "t-2", "t-3"}
    assert plain_git(out / "repository.git", "fsck", "--strict") == ""
    assert len([name for name in told["branches"] if name.startswith("work/")]) == 3

    folder = out / "convoys" / result["convoy"]
    record = json.loads((folder / "convoy.json").read_text())
    assert record["stage"] == "ready_to_land"
    assert record["asked_for"]["settings"]["cap"] == 5_000_000_000
    assert {one["status"] for one in record["beads"]} == {"merged"}
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [one["seq"] for one in history] == list(range(1, len(history) + 1))
    listed = [json.loads(line) for line in (folder / "beads.jsonl").read_text().splitlines()]
    assert [one["id"] for one in listed] == ["t-1", "t-2", "t-3"]

    page = (folder / "transcripts" / "t-1.md").read_text()
    for words in ("# t-1: Change m1 step 1", "### Turn 1", "**read**", "step 1", "Handed in:", "Turn 0."):
        assert words in page
    lines = requests(out)
    assert {line["part"] for line in lines} == {"paid"}
    spent = sum(round(float(line["amount_usd"]) * 1e9) for line in lines)
    assert spent == round(result["ledger"]["settled_usd"] * 1e9)
    assert len(lines) == told["requests"]
    index = (out / "README.md").read_text()
    assert result["convoy"] in index
    assert all(name in index for name in ("repository.git", "ledger.csv", "convoy.json", "transcripts"))


def test_what_a_killed_export_left_goes_with_the_next_one_to_that_folder(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    with subprocess.Popen(["/bin/true"]) as dead:
        dead.wait()
    stays = [f".gastown-export-{os.getpid()}-a", f".other-{dead.pid}-a", f"gastown-export-{dead.pid}-a"]
    for name in (*stays, f".gastown-export-{dead.pid}-a"):
        (tmp_path / "place" / name).mkdir(parents=True)
        (tmp_path / "place" / name / "README.md").write_text("half")
    out = "漢" * 80
    command_line.run("export", small.folder, tmp_path / "place" / out).ended(0)
    assert sorted(one.name for one in (tmp_path / "place").iterdir()) == sorted([*stays, out])


def test_an_export_that_fails_leaves_no_folder(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    command_line.run("export", small.folder, tmp_path / "new" / "deep" / ("x" * 300)).ended(2)
    assert not (tmp_path / "new").exists()


def test_what_is_damaged_is_left_out_and_the_rest_is_exported(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    town, convoy = command_line.rig() / "town.git", rehearsed["convoy"]
    refs = plain_git(town, "for-each-ref", "--format=%(refname)", "refs/gastown/rehearsals/").split()
    damaged = next(ref for ref in refs if "/transcripts/" in ref)
    tree = plain_git(town, "rev-parse", f"{damaged}^{{tree}}")
    file = town / "objects" / tree[:2] / tree[2:]
    file.chmod(0o600)
    file.write_bytes(b"")
    told = command_line.run("export", small.folder, tmp_path / "out", "--json").ended(1).json
    assert any(damaged in words for words in told["left_out"])
    assert f"convoy/{convoy}" in told["branches"]
    plain_git(tmp_path / "out" / "repository.git", "fsck", "--strict")
    assert len(requests(tmp_path / "out")) == told["requests"] > 0
    assert "Left out" in (tmp_path / "out" / "README.md").read_text()


def test_a_plan_is_exported_with_the_talk_that_led_to_it(
    command_line: CommandLine, server: RunningServer, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "modules", 3)
    given = ("--goal", "Three steps", "--cap", "5", "--no-gate", "--plan-only", "--base-url", server.url)
    command_line.run("run", repo.folder, *given, environment=WITH_KEY).ended(0)
    told = command_line.run("export", repo.folder, tmp_path / "out", "--json").ended(0).json
    (convoy,) = told["convoys"]
    assert (convoy["stage"], convoy["beads"], convoy["transcripts"]) == ("draft", 3, 0)
    talk = (tmp_path / "out" / "convoys" / convoy["convoy"] / "mayor.md").read_text()
    for words in ("Three steps", "**propose_convoy**", "Three beads stand.", "## 1. You", "## 2. Mayor"):
        assert words in talk


def test_exported_beads_are_taken_back(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    command_line.run("export", small.folder, tmp_path / "out").ended(0)
    file = tmp_path / "out" / "convoys" / rehearsed["convoy"] / "beads.jsonl"
    done = command_line.run("beads", "import", small.folder, file).ended(0)
    assert f"{LAST} beads" in done.out


def test_the_export_of_a_rehearsal_says_that_nothing_was_paid(sample: Rehearsed, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    told = sample.command_line.run("export", "sample", out).ended(0)
    assert "README.md" in told.out
    lines = requests(out)
    assert {line["part"] for line in lines} == {"rehearsed"}
    branch = f"rehearsal/{sample.result['convoy']}"
    landed = plain_git(out / "repository.git", "rev-parse", f"{branch}^{{tree}}")
    assert landed == plain_git(out / "repository.git", "rev-parse", "source/main^{tree}")
    works = plain_git(out / "repository.git", "for-each-ref", "refs/heads/work")
    assert len(works.splitlines()) >= sample.result["merged"]
    assert "rehearsal, landed" in (out / "README.md").read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_a_folder_with_something_in_it_is_refused_and_an_empty_one_is_taken(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "mine").write_text("mine")
    assert "not empty" in command_line.run("export", small.folder, full).ended(2).err
    assert "not empty" in command_line.run("export", small.folder, full / "mine").ended(2).err
    assert "own folder" in command_line.run("export", small.folder, command_line.data / "x").ended(2).err
    assert [path.name for path in full.iterdir()] == ["mine"]
    command_line.run("export", small.folder, empty).ended(0)
    assert (empty / "README.md").is_file()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_nothing_is_exported_before_anything_was_done(
    command_line: CommandLine, small: RepositoryBuilder, tmp_path: Path
) -> None:
    assert "Nothing was done" in command_line.run("export", small.folder, tmp_path / "out").ended(2).err
    assert not (tmp_path / "out").exists()


def test_export_and_publish_work_while_a_rehearsal_runs(command_line: CommandLine, tmp_path: Path) -> None:
    process = command_line.start("rehearse", "sample", "--last", "4", "--json-lines")
    with ended_at_last(process):
        assert process.stdout is not None
        convoy = json.loads(next(line for line in process.stdout if '"bead_merged"' in line))["convoy"]
        process.send_signal(signal.SIGSTOP)
        told = command_line.run_beside("export", "sample", tmp_path / "out", "--json").ended(0).json
        assert told["convoys"][-1]["convoy"] == convoy
        command_line.run_beside("publish", "sample", convoy).ended(0)
        refused = command_line.run_beside("forget", "sample", "--yes").ended(2)
        assert f"process {process.pid}" in refused.err
        process.send_signal(signal.SIGCONT)
        *_, last = process.stdout
        assert process.stderr is not None
        said = [line for line in process.stderr if "changed meanwhile" in line]
        process.wait()
    assert json.loads(last)["tree_equal"]
    assert [line.rpartition("ref ")[2].split()[0] for line in said] == [f"refs/heads/gastown/{convoy}"]


def test_a_damaged_history_is_kept_as_it_is_and_the_rest_is_exported(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    file = command_line.rig() / "events" / f"{rehearsed['convoy']}.jsonl"
    first, second, rest = file.read_bytes().split(b"\n", 2)
    file.write_bytes(first + b"\n" + second.replace(b'"', b"'") + b"\n" + rest)
    done = command_line.run("export", small.folder, tmp_path / "out").ended(1)
    assert "Left out" in done.err
    kept_file = tmp_path / "out" / "convoys" / rehearsed["convoy"] / "history.damaged"
    assert kept_file.read_bytes() == file.read_bytes()
    assert "damaged" in (tmp_path / "out" / "README.md").read_text()
    assert plain_git(tmp_path / "out" / "repository.git", "branch", "--list", "convoy/*")


# --- publish --------------------------------------------------------------------------------------


def test_branches_are_published_under_names_of_their_own(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any]
) -> None:
    convoy = rehearsed["convoy"]
    head, index = small.git("rev-parse", "HEAD"), (small.git_dir / "index").read_bytes()
    (first,) = command_line.run("publish", small.folder, "--json").ended(0).json["branches"]
    assert (first["branch"], first["outcome"]) == (f"gastown/{convoy}", "created")
    assert small.git("rev-parse", f"gastown/{convoy}^{{tree}}") == small.git("rev-parse", "HEAD^{tree}")
    assert (small.git("rev-parse", "HEAD"), (small.git_dir / "index").read_bytes()) == (head, index)
    bead = small.git("log", "-1", "--format=%(trailers:key=Gastown-Bead,valueonly)", first["commit"])
    again = command_line.run("publish", small.folder, convoy, bead, "--as", "old/town").ended(0)
    assert f"old/town/{convoy} is new" in again.out
    branches = small.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/old/town/work").split()
    assert len(branches) == 1
    assert bead in branches[0]
    assert "was there already" in command_line.run("publish", small.folder).ended(0).out


def test_what_cannot_be_published_changes_nothing(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any]
) -> None:
    convoy = rehearsed["convoy"]
    unknown = command_line.run("publish", small.folder, "nothing").ended(2)
    assert f"convoy/{convoy}" in unknown.err
    small.branch(f"gastown/{convoy}").write("x", "x\n").commit("Mine")
    refs = small.git("for-each-ref")
    refused = command_line.run("publish", small.folder, convoy, f"rehearsal/{convoy}").ended(2)
    assert "checked out in" in refused.err
    small.switch("main")
    assert "another way" in command_line.run("publish", small.folder).ended(2).err
    assert small.git("for-each-ref") == refs


# --- forget ---------------------------------------------------------------------------------------


def test_forgetting_shows_what_goes_and_takes_everything_but_the_repository(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    rig, before = command_line.rig(), kept(small)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    slots = command_line.data / "wt" / rig.name[-6:]
    locked = slots / "Nux" / "locked"
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    (locked / "link").symlink_to(outside)
    (slots / "Slit").symlink_to(outside)
    locked.chmod(0o500)
    asked = command_line.run("forget", small.folder).ended(2)
    for words in ("town.git", str(slots), "events", "--yes", "stays as it is", "trust"):
        assert words in asked.err
    assert rig.is_dir()
    assert locked.is_dir()
    told = command_line.run("forget", small.folder, "--yes", "--json").ended(0).json
    assert (told["unlanded"], told["kept_in_ledger_usd"]) == ([], 0.0)
    assert kept(small) == before
    assert (outside / "mine").read_text() == "mine"
    assert not rig.exists()
    assert not slots.exists()
    left = [path.relative_to(command_line.data) for path in command_line.data.rglob("*") if path.is_file()]
    assert [str(path) for path in left if rig.name in str(path)] == []
    assert str(small.folder) not in (command_line.data / "trust.json").read_text()
    untrusted = command_line.run("rehearse", small.folder, "--last", "2", "--gate", GATE).ended(2)
    assert "not trusted" in untrusted.err
    assert "Nothing was done here yet" in command_line.run("status", small.folder).ended(0).out


def test_work_that_is_nowhere_else_is_forgotten_only_by_name_and_its_bill_stays(
    command_line: CommandLine, worked: tuple[RepositoryBuilder, dict[str, Any]], server: RunningServer
) -> None:
    repo, result = worked
    before = kept(repo)
    for given in ((), ("--yes",), ("--even-unlanded",)):
        refused = command_line.run("forget", repo.folder, *given).ended(2)
        assert f"NOT LANDED: {result['convoy']}" in refused.err
        assert "3 of 3 beads merged" in refused.err
        assert "--even-unlanded" in refused.err
    money = (command_line.data / "money" / "money.log").read_bytes()
    told = command_line.run("forget", repo.folder, "--yes", "--even-unlanded", "--json").ended(0).json
    assert told["kept_in_ledger_usd"] == pytest.approx(result["ledger"]["settled_usd"])
    assert kept(repo) == before
    assert (command_line.data / "money" / "money.log").read_bytes() == money
    assert not list((command_line.data / "rigs").iterdir())
    (command_line.data / "settings.toml").write_text("town_cap = 0.001\n")
    given = ("--goal", "More", "--cap", "5", "--no-gate", "--yes", "--json", "--base-url", server.url)
    requests = len(server.requests())
    stopped = command_line.run("run", repo.folder, *given, environment=WITH_KEY)
    assert "town's limit" in stopped.err + stopped.out
    assert len(server.requests()) == requests


def test_what_landed_is_forgotten_and_what_was_taken_off_again_is_not(
    command_line: CommandLine, worked: tuple[RepositoryBuilder, dict[str, Any]]
) -> None:
    repo, result = worked
    command_line.run("land", repo.folder, "--yes").ended(0)
    landed = repo.git("rev-parse", "HEAD")
    repo.git("reset", "-q", "--hard", "HEAD~3")
    refused = command_line.run("forget", repo.folder, "--yes").ended(2)
    assert f"{result['convoy']}" in refused.err
    assert "no branch of yours has it any more" in refused.err
    repo.git("reset", "-q", "--hard", landed)
    command_line.run("forget", repo.folder, "--yes").ended(0)
    assert repo.git("rev-parse", "HEAD") == landed


def test_a_copy_in_the_users_hands_is_not_forgotten(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any]
) -> None:
    folder = command_line.data / "wt" / command_line.rig().name[-6:] / "hand-gr-12345"
    folder.mkdir(parents=True)
    assert "in your hands" in command_line.run("forget", small.folder, "--yes").ended(2).err
    assert folder.is_dir()


def test_nobody_forgets_what_a_process_works_on(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any]
) -> None:
    lock = FileLock(command_line.rig() / "rig.lock", "This test")
    try:
        refused = command_line.run("forget", small.folder, "--yes").ended(2)
    finally:
        lock.close()
    assert f"process {os.getpid()}" in refused.err
    assert (command_line.rig() / "town.git").is_dir()


def test_there_is_nothing_to_forget_of_what_was_never_opened(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    assert "Nothing was done" in command_line.run("forget", small.folder, "--yes").ended(2).err
    assert not list(command_line.data.glob("rigs/*"))


def half_forget(command_line: CommandLine, process: int = 1) -> Path:
    """What a `forget` that was killed in the middle of its deletion leaves."""
    left = command_line.data / "forgotten" / f"{command_line.rig().name}.{process}"
    left.parent.mkdir(exist_ok=True)
    return command_line.rig().rename(left)


@pytest.mark.parametrize("there", [True, False])
def test_a_deletion_that_was_killed_is_ended_by_the_next_one(
    command_line: CommandLine,
    small: RepositoryBuilder,
    rehearsed: dict[str, Any],
    tmp_path: Path,
    there: bool,
) -> None:
    left = half_forget(command_line)
    if not there:
        small.folder.rename(tmp_path / "elsewhere")
    asked = command_line.run("forget", small.folder).ended(2)
    assert str(left) in asked.err
    assert left.is_dir()
    told = command_line.run("forget", small.folder, "--yes", "--json").ended(0).json
    assert told["bytes"] > 0
    assert str(left) in {part["path"] for part in told["removed"]}
    assert not left.parent.exists()
    assert not list((command_line.data / "rigs").iterdir())
    again = command_line.run("forget", small.folder, "--yes").ended(2)
    assert ("Nothing was done" if there else "nothing at") in again.err


def test_a_deletion_that_was_killed_is_ended_when_work_begins_here_or_elsewhere(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any]
) -> None:
    left = half_forget(command_line)
    other = left.with_name("another-0123ab.1")
    other.mkdir()
    (other / "file").write_text("x")
    command_line.run("rehearse", small.folder, "--last", "1", "--no-gate").ended(0)
    assert list(left.parent.iterdir()) == []
    assert (command_line.rig() / "town.git").is_dir()


def test_what_is_kept_of_a_repository_that_is_gone_can_be_exported_and_forgotten(
    command_line: CommandLine, small: RepositoryBuilder, rehearsed: dict[str, Any], tmp_path: Path
) -> None:
    moved = small.folder.rename(tmp_path / "elsewhere")
    told = command_line.run("export", small.folder, tmp_path / "out", "--json").ended(0).json
    assert told["convoys"][0]["convoy"] == rehearsed["convoy"]
    before = contents(moved)
    done = command_line.run("forget", small.folder, "--yes").ended(0)
    assert "Forgotten" in done.out
    assert not list((command_line.data / "rigs").iterdir())
    assert contents(moved) == before
    assert "nothing at" in command_line.run("forget", small.folder, "--yes").ended(2).err
