from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, ended_at_last
from tests.e2e.kill_series import Series
from tests.e2e.real_work import KEY, make_repository, write_beads


@pytest.mark.parametrize(
    ("moment", "number", "times"),
    [
        ("turn_ended", signal.SIGINT, 1),
        ("bead_merged", signal.SIGINT, 2),
        ("bead_merged", signal.SIGTERM, 1),
        ("turn_ended", signal.SIGHUP, 3),
    ],
)
def test_interrupt_leaves_no_process_and_resume_finishes(
    command_line: CommandLine, moment: str, number: signal.Signals, times: int
) -> None:
    process = command_line.start("rehearse", "sample", "--last", "5", "--json-lines")
    with ended_at_last(process):
        assert process.stdout is not None
        next(line for line in process.stdout if f'"{moment}"' in line)
        for _ in range(times):
            process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Cancelled. Everything finished is kept" in err.splitlines()[-1]
    assert "resume" in err.splitlines()[-1]
    assert command_line.processes() == []
    result = command_line.run("resume", "sample", "--json").ended(0).json
    assert result["tree_equal"]
    ledger = result["ledger"]
    assert result["provider_bill_usd"] <= ledger["settled_usd"] + ledger["assumed_usd"] + 1e-9
    assert command_line.left_behind() == []


def test_interrupt_kills_a_gate_that_runs(command_line: CommandLine, small: RepositoryBuilder) -> None:
    nap = f"97531.{os.getpid()}"
    gate = f"setsid sleep {nap} & sleep {nap}"
    process = command_line.start("rehearse", small.folder, "--trust", "--gate", gate)
    with ended_at_last(process):
        assert process.stderr is not None
        next(line for line in process.stderr if "beads," in line)
        while not sleeping(nap):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert not sleeping(nap)
    assert command_line.processes() == []


def sleeping(word: str) -> bool:
    """Tells whether a `sleep` of this length lives."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if file.read_bytes().split(b"\0")[:2] == [b"sleep", word.encode()]:
                return True
        except OSError:
            continue
    return False


def test_interrupt_while_planning_leaves_nothing_to_resume(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    process = command_line.start("rehearse", small.folder, "--no-gate")
    with ended_at_last(process):
        assert process.stderr is not None
        next(line for line in process.stderr if line.startswith("Rehearsing"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert command_line.processes() == []


@pytest.mark.parametrize("point", ["submit-after:2", "branch-swap-after:1"])
def test_kill_at_a_crash_point_loses_nothing_acknowledged(
    tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    series = Series(tmp_path, "sample", ["--last", "4"])
    series.check(point, crash_at=point)
    told = capsys.readouterr().out
    assert series.failures == 0, told
    assert f"exits [{-signal.SIGKILL}, 0]" in told


def test_a_kill_that_tears_the_last_records_loses_nothing_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    series = Series(tmp_path, "sample", ["--last", "4"])
    series.check("torn", crash_at="settle:3", torn=random.Random(1))
    told = capsys.readouterr().out
    assert series.failures == 0, told
    assert "2 torn" in told


def interrupted_when_asked(
    command_line: CommandLine,
    question: str,
    *arguments: str | Path,
    environment: dict[str, str] | None = None,
) -> str:
    """Interrupts a command at its question on a terminal; returns what it said, once it has ended."""
    keyboard, terminal = os.openpty()
    process = command_line.start(*arguments, environment=environment, stdin=terminal)
    with ended_at_last(process), os.fdopen(keyboard, "w"), os.fdopen(terminal):
        assert process.stderr is not None
        said = ""
        while not said.endswith(f"{question} [y/N] "):
            one = process.stderr.read(1)
            assert one, said
            said += one
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert command_line.processes() == []
    return err.strip()


def test_an_interrupt_at_the_question_whether_to_forget_ends_it_at_once_and_forgets_nothing(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").ended(0)
    said = interrupted_when_asked(command_line, "Forget all of it?", "forget", small.folder)
    assert said == "Cancelled. Nothing was changed."
    assert command_line.rig().is_dir()


def test_an_interrupt_at_the_question_whether_to_run_ends_it_at_once_and_keeps_the_plan(
    command_line: CommandLine, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo", 8).folder
    write_beads(tmp_path / "beads.jsonl", 2, 2)
    given = ("--beads", tmp_path / "beads.jsonl", "--no-gate", "--trust", "--cap", "2")
    said = interrupted_when_asked(
        command_line, "Run it?", "run", repo, *given, environment={"ANTHROPIC_API_KEY": KEY}
    )
    assert "go on with `gastown-desktop resume`" in said
    assert "2 open" in command_line.run("status", repo).ended(0).out
