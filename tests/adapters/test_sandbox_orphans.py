"""What a killed program's workers left running is found by the next one, also outside their groups."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gastown_desktop.adapters.processes import start_time
from gastown_desktop.adapters.sandbox import kill_orphans
from gastown_desktop.adapters.sandbox.process_tree import MARK, new_mark

WORKER = """
import asyncio, sys, time
from pathlib import Path
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sandbox import Unconfined
from gastown_desktop.engine.process_ports import Confinement

async def main():
    folder = Path(sys.argv[1])
    slot = folder / "slot"
    slot.mkdir()
    sandbox = Unconfined(LocalLauncher(folder / "children"), folder / "scratch")
    where = Confinement(slot=slot, seen_at=slot, read_only=(), environment={}, since=time.time())
    shell = await sandbox.shell(where)
    found = await shell.run("(setsid sleep 4242 & echo $!); sleep 4242 & echo $!", timeout_s=20)
    print(found.output.decode().replace("\\n", " "), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_what_a_killed_program_left_in_the_background_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER, tmp_path], stdout=subprocess.PIPE) as program:  # noqa: ASYNC220
        assert program.stdout is not None
        pids = [int(word) for word in program.stdout.readline().split()]
        await kill_orphans()
        assert all(start_time(pid) is not None for pid in pids), "their program lives"
        program.send_signal(signal.SIGKILL)
        program.wait()
    assert any(start_time(pid) is not None for pid in pids)

    await kill_orphans()

    assert len(pids) == 2
    assert [start_time(pid) for pid in pids] == [None, None]


async def test_marks_that_name_nobody_are_left_alone() -> None:
    marks = ["", "0f" * 16, "x-1-2", new_mark()]
    others = [
        subprocess.Popen(["/bin/sleep", "60"], env={**os.environ, MARK: mark})  # noqa: ASYNC220
        for mark in marks
    ]
    try:
        await kill_orphans()
        assert [one.poll() for one in others] == [None] * len(marks)
    finally:
        for one in others:
            one.kill()
            one.wait()


async def test_a_clock_that_is_set_meanwhile_makes_no_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = new_mark()
    boot = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + 7200)
    with subprocess.Popen(["/bin/sleep", "60"], env={**os.environ, MARK: mark}) as one:  # noqa: ASYNC220
        await kill_orphans()
        assert one.poll() is None
        one.kill()
