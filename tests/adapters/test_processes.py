from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gastown_desktop.adapters import processes
from gastown_desktop.adapters.processes import LocalLauncher, RunningChild, start_time
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import ChildCommand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def shell(script: str, **options: object) -> ChildCommand:
    return ChildCommand(argv=("/bin/sh", "-c", script), environment=ENVIRONMENT, **options)  # type: ignore[arg-type]


async def gone(pid: int) -> None:
    async with asyncio.timeout(5):
        while True:
            if start_time(pid) is None:
                return
            await asyncio.sleep(0.005)


def number_in(path: Path) -> int | None:
    return int(path.read_text()) if path.exists() and path.read_text().strip() else None


async def written(path: Path) -> int:
    async with asyncio.timeout(5):
        while True:
            number = number_in(path)
            if number is not None:
                return number
            await asyncio.sleep(0.005)


async def test_child_gets_only_the_environment_it_is_given(launcher: LocalLauncher) -> None:
    finished = await launcher.run(ChildCommand(argv=("/usr/bin/env",), environment={"ONLY": "this"}))

    assert finished.output == b"ONLY=this\n"
    assert finished.exit_code == 0


async def test_large_input_and_output_pass_at_the_same_time(launcher: LocalLauncher) -> None:
    data = os.urandom(3_000_000)

    finished = await launcher.run(ChildCommand(argv=("/bin/cat",), environment={}, input=data))

    assert finished.output == data


async def test_input_that_nobody_reads_is_no_error(launcher: LocalLauncher) -> None:
    finished = await launcher.run(shell("exit 3", input=b"x" * 1_000_000))

    assert finished.exit_code == 3


async def test_output_and_error_are_kept_apart_unless_merged(launcher: LocalLauncher) -> None:
    apart = await launcher.run(shell("echo out; echo err >&2"))
    merged = await launcher.run(shell("echo out; echo err >&2", merge_error=True))

    assert (apart.output, apart.error) == (b"out\n", b"err\n")
    assert merged.output == b"out\nerr\n"


async def test_long_output_keeps_head_and_tail_and_says_what_is_missing(launcher: LocalLauncher) -> None:
    finished = await launcher.run(
        shell("echo first; yes | head -c 100000; echo; echo last", output_limit=100)
    )

    assert finished.output.startswith(b"first\n")
    assert finished.output.endswith(b"last\n")
    assert "[… 99912 bytes left out …]".encode() in finished.output


async def test_timeout_kills_grandchildren(launcher: LocalLauncher, tmp_path: Path) -> None:
    note = tmp_path / "pid"

    finished = await launcher.run(shell(f"sleep 600 & echo $! > {note}; wait", timeout_s=0.3))

    assert finished.timed_out
    assert finished.exit_code == -signal.SIGKILL
    await gone(number_in(note) or 0)


async def test_cancellation_kills_the_group(launcher: LocalLauncher, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with asyncio.TaskGroup() as group:
        task = group.create_task(launcher.run(shell(f"sleep 600 & echo $! > {note}; wait")))
        pid = await written(note)
        task.cancel()

    assert task.cancelled()
    await gone(pid)


SLOW = "echo $$ > {0}/pid; sleep 0.4; echo done > {0}/done; echo words; echo more >&2; exit 3"


async def test_one_that_finishes_is_waited_for_by_who_is_cancelled(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(launcher.run(shell(SLOW.format(tmp_path), finishes=True)))
        pid = await written(tmp_path / "pid")
        task.cancel()

    assert task.cancelled()
    assert start_time(pid) is None
    assert (tmp_path / "done").exists()


async def test_one_that_finishes_is_waited_for_by_a_launcher_that_closes(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path / "journal")
    task = asyncio.ensure_future(launcher.run(shell(SLOW.format(tmp_path), finishes=True)))
    await written(tmp_path / "pid")
    await launcher.close()

    assert (tmp_path / "done").exists()
    finished = await task
    assert (finished.exit_code, finished.output, finished.error) == (3, b"words\n", b"more\n")


async def test_background_children_end_with_their_leader(launcher: LocalLauncher, tmp_path: Path) -> None:
    note = tmp_path / "pid"

    finished = await launcher.run(shell(f"sleep 600 & echo $! > {note}; exit 0"))

    assert finished.exit_code == 0
    assert finished.elapsed_s < 5
    await gone(number_in(note) or 0)


async def test_program_that_does_not_exist_is_refused(launcher: LocalLauncher) -> None:
    with pytest.raises(Refused, match="no-such-program cannot be started"):
        await launcher.run(ChildCommand(argv=("/no-such-program",), environment={}))


async def test_cpu_time_is_counted_per_child(launcher: LocalLauncher) -> None:
    busy = ChildCommand(argv=(sys.executable, "-c", "sum(range(3_000_000))"), environment={})

    finished = await launcher.run(busy)

    assert finished.cpu_s > 0.01
    await asyncio.sleep(0)
    assert launcher.cpu_by_kind["other"] == pytest.approx(finished.cpu_s)
    assert launcher.starts_by_kind["other"] == 1


async def test_started_child_can_be_talked_to_and_killed(launcher: LocalLauncher) -> None:
    child = await launcher.start(ChildCommand(argv=("/bin/cat",), environment={}))

    await child.write(b"hello\n")
    answer = await child.read(100)
    await child.kill()

    assert answer == b"hello\n"
    assert await child.read(100) == b""
    assert start_time(child.pid) is None


async def test_children_are_reaped_where_the_system_has_no_pidfd(
    launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")

    finished = await launcher.run(shell("echo done; exit 7"))

    assert (finished.exit_code, finished.output) == (7, b"done\n")


ORPHAN_MAKER = """
import asyncio, os, sys
from pathlib import Path
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.engine.process_ports import ChildCommand

async def main():
    launcher = LocalLauncher(Path(sys.argv[1]))
    child = await launcher.start(ChildCommand(argv=("/bin/sleep", "600"), environment={}))
    print(child.pid, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "600"], start_new_session=True) as process:
        yield process
        process.kill()


def make_orphan(journal: Path) -> int:
    maker = subprocess.run([sys.executable, "-c", ORPHAN_MAKER, journal], capture_output=True, check=False)
    return int(maker.stdout)


async def test_sweep_kills_what_a_killed_process_left_running(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    pid = make_orphan(journal)
    assert start_time(pid) is not None

    later = LocalLauncher(journal)
    assert await later.sweep() == 1
    await gone(pid)
    assert await later.sweep() == 0
    await later.close()


FINISHER = """
import asyncio, os, sys
from pathlib import Path
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.engine.process_ports import ChildCommand

async def main():
    folder = Path(sys.argv[1])
    launcher = LocalLauncher(folder / "journal")
    script = f"echo $$ > {folder}/pid; sleep 1; echo words; echo words >&2; echo x > {folder}/done"
    argv = ("/bin/sh", "-c", script)
    command = ChildCommand(argv=argv, environment={"PATH": "/usr/bin:/bin"}, finishes=True)
    asyncio.ensure_future(launcher.run(command))
    while not (folder / "pid").exists():
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_sweep_waits_for_what_a_killed_process_was_finishing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FINISHER, tmp_path], check=False)  # noqa: ASYNC221 - it is dead soon
    assert not (tmp_path / "done").exists()

    later = LocalLauncher(tmp_path / "journal")
    assert await later.sweep() == 0
    assert (tmp_path / "done").exists()
    await later.close()
    assert (tmp_path / "journal").read_text() == ""


async def test_the_record_of_children_is_bounded_and_keeps_those_that_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_MOST_BYTES", 300)
    launcher = LocalLauncher(tmp_path / "journal")
    child = await launcher.start(ChildCommand(argv=("/bin/sleep", "600"), environment={}))
    for _ in range(30):
        await launcher.run(ChildCommand(argv=("/bin/true",), environment={}))
    text = (tmp_path / "journal").read_text()
    assert len(text) <= 400
    assert f"+ {child.pid} {child.started}\n" in text
    await launcher.close()


async def test_a_child_that_cannot_be_recorded_is_not_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[RunningChild] = []

    class Noted(RunningChild):
        def __init__(self, *args: Any, **fields: Any) -> None:
            super().__init__(*args, **fields)
            started.append(self)

    monkeypatch.setattr(processes, "RunningChild", Noted)
    launcher = LocalLauncher(tmp_path / "journal")
    os.close(launcher._journal._file)
    launcher._journal._file = os.open("/dev/full", os.O_RDWR)
    with pytest.raises(OSError, match="No space left"):
        await launcher.run(shell("sleep 600"))
    async with asyncio.timeout(10):
        code, _ = await started[0].exited
    assert code == -signal.SIGKILL


async def test_sweep_spares_another_process_that_got_the_number(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    journal = tmp_path / "journal"
    started = start_time(bystander.pid)
    assert started
    journal.write_text(f"999999999 5 + {bystander.pid} {started + 1}\n")

    later = LocalLauncher(journal)
    swept = await later.sweep()
    await later.close()

    assert swept == 0
    assert bystander.poll() is None


async def test_sweep_spares_children_of_a_living_process_and_torn_lines(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    first, second = LocalLauncher(journal), LocalLauncher(journal)
    child = await first.start(ChildCommand(argv=("/bin/sleep", "600"), environment={}))
    with journal.open("a") as file:
        file.write("12 torn")

    assert await second.sweep() == 0
    assert start_time(child.pid) is not None
    with contextlib.suppress(Refused):
        await first.close()
    assert start_time(child.pid) is None
    await second.close()
