"""Commands whose reader or terminal is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import RepositoryBuilder
from tests.e2e.conftest import CommandLine, ended_at_last

NOBODY_READS = 141


def test_a_convoy_that_nobody_reads_any_more_ends_in_order_and_is_resumed(command_line: CommandLine) -> None:
    process = command_line.start("rehearse", "sample", "--last", "5", "--json-lines")
    with ended_at_last(process):
        assert process.stdout is not None
        assert process.stderr is not None
        next(line for line in process.stdout if '"turn_ended"' in line)
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(30) == NOBODY_READS
    assert err.splitlines()[-1] == (
        "Nobody reads the output any more, so this ended. "
        "Everything finished is kept; go on with `gastown-desktop resume`."
    )
    assert "Traceback" not in err
    assert command_line.processes() == []
    assert command_line.run("resume", "sample", "--json").ended(0).json["tree_equal"]
    assert command_line.left_behind() == []


def test_an_interrupt_of_a_pipeline_is_one_end(command_line: CommandLine) -> None:
    process = command_line.start("rehearse", "sample", "--last", "5", "--json-lines")
    with ended_at_last(process):
        assert process.stdout is not None
        assert process.stderr is not None
        next(line for line in process.stdout if '"turn_ended"' in line)
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
        code = process.wait(30)
    # whichever the program noticed first
    why = {130: "Cancelled.", NOBODY_READS: "Nobody reads the output any more, so this ended."}[code]
    assert err.splitlines()[-1].startswith(f"{why} Everything finished is kept")
    assert "Traceback" not in err
    assert command_line.processes() == []
    assert command_line.run("resume", "sample", "--json").ended(0).json["tree_equal"]
    assert command_line.left_behind() == []


@pytest.mark.parametrize("command", ["audit", "status"])
def test_a_look_that_nobody_reads_ends_without_a_word(
    command_line: CommandLine, small: RepositoryBuilder, command: str
) -> None:
    command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").ended(0)
    process = command_line.start(command, small.folder)
    with ended_at_last(process):
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == NOBODY_READS


@pytest.mark.parametrize(
    ("on_hang_up", "code", "stage"), [(signal.SIG_IGN, 0, "landed"), (signal.SIG_DFL, 130, "draft")]
)
def test_a_convoy_ends_with_its_terminal_unless_it_shall_outlive_it(
    command_line: CommandLine, small: RepositoryBuilder, on_hang_up: signal.Handlers, code: int, stage: str
) -> None:
    far, terminal = os.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gastown_desktop", "rehearse", str(small.folder)),
            *("--gate", "sleep 2", "--trust", "--data-dir", str(command_line.data)),
        ],
        env={**command_line.environment, "TERM": "dumb"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        text=True,
        preexec_fn=lambda: _of_this_terminal(on_hang_up),
    )
    os.close(terminal)
    with ended_at_last(process):
        with os.fdopen(far, "rb", buffering=0) as screen:
            said = b""
            while b" beads, " not in said:
                said += screen.read(1_000)
        assert process.wait(90) == code
    assert command_line.processes() == []
    state = json.loads(command_line.run("status", small.folder, "--json").ended(0).out)
    assert state["stage"] == stage
    assert command_line.run("resume", small.folder, "--json").ended(0).json["tree_equal"]


def _of_this_terminal(on_hang_up: signal.Handlers) -> None:
    """Makes standard input the controlling terminal, whose end ends this process or not (`nohup`)."""
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))
    signal.signal(signal.SIGHUP, on_hang_up)


def test_a_full_disk_under_the_output_is_still_an_error(
    command_line: CommandLine, small: RepositoryBuilder
) -> None:
    command_line.run("rehearse", small.folder, "--last", "2", "--no-gate", "--json").ended(0)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "gastown_desktop", "status", str(small.folder)),
                *("--data-dir", str(command_line.data)),
            ],
            env=command_line.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "The disk is full. Make space, then run it again.\n"
