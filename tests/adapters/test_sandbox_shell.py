from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sandbox import (
    Bubblewrap,
    Limits,
)
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.process_ports import CommandResult

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_desktop.engine.process_ports import Shell
from tests.adapters.sandboxes import OWN, Place, S, make, processes_with, until_processes

# --- the persistent shell -------------------------------------------------------------------------


async def said(shell: Shell, command: str, timeout_s: float = S) -> CommandResult:
    return await shell.run(command, timeout_s=timeout_s)


async def test_shell_keeps_folder_variables_and_functions(shell: Shell) -> None:
    await said(shell, "mkdir -p sub; cd sub; NAME='a b'; export OTHER=c; greet() { echo hi $1; }")
    result = await said(shell, 'basename "$PWD"; echo "$NAME"; sh -c \'echo $OTHER\'; greet you')
    assert result.output == b"sub\na b\nc\nhi you\n"


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("printf abc", b"abc"),
        ("echo out; echo err >&2", b"out\nerr\n"),
        ("printf '\\000\\377\\n\\376'", b"\x00\xff\n\xfe"),
        ("cat", b""),
        ("cat <<'END'\n$not 'expanded'\nEND\necho after", b"$not 'expanded'\nafter\n"),
        ("cat <<END\nlast word\nEND", b"last word\n"),
        ('for i in 1 2\ndo\n  echo "$i"\ndone # comment', b"1\n2\n"),
        ("echo 'é “ü” 🜁'", "é “ü” 🜁\n".encode()),
        ("", b""),
        ("# nothing", b""),
        ("exec 9>lock; exec 7>other; echo fine", b"fine\n"),
    ],
)
async def test_shell_returns_exactly_what_was_printed(shell: Shell, command: str, output: bytes) -> None:
    result = await said(shell, command)
    assert (result.output, result.exit_code) == (output, 0)
    assert (await said(shell, "echo next")).output == b"next\n"


@pytest.mark.parametrize("command", ["echo 'open", 'echo "open', "if true; then", "echo $(", "echo )", "}"])
async def test_shell_reports_a_syntax_error_and_goes_on(shell: Shell, command: str) -> None:
    await said(shell, "KEPT=yes")
    result = await said(shell, command)
    assert result.exit_code != 0
    assert result.output
    assert (await said(shell, "echo $KEPT")).output == b"yes\n"


async def test_shell_reports_exit_status_of_the_last_command(shell: Shell) -> None:
    assert (await said(shell, "(exit 42)")).exit_code == 42
    assert (await said(shell, "no-such-program-here")).exit_code == 127
    assert (await said(shell, "true")).exit_code == 0


async def test_shell_that_is_exited_reports_the_status_and_starts_anew(shell: Shell) -> None:
    await said(shell, "A=1; cd /")
    result = await said(shell, "echo bye; exit 3")
    assert (result.output, result.exit_code) == (b"bye\n", 3)
    result = await said(shell, 'echo "[$A]"; cat file.txt')
    assert result.output == b"[]\nof the slot\n"


async def test_shell_that_is_replaced_or_killed_starts_anew(shell: Shell) -> None:
    assert (await said(shell, "exec sh -c 'exit 5'")).exit_code == 5
    assert (await said(shell, "kill -9 $$")).exit_code == 137
    assert (await said(shell, "echo alive")).output == b"alive\n"


async def test_shell_survives_a_redirected_output_and_a_left_over_errexit(shell: Shell) -> None:
    await said(shell, "exec >swallowed; echo lost")
    await said(shell, "set -e; KEPT=yes")
    assert (await said(shell, "false")).exit_code == 1
    assert (await said(shell, "echo heard $KEPT")).output == b"heard yes\n"


async def test_shell_tells_no_secret_of_its_own_in_a_trace(shell: Shell) -> None:
    await said(shell, "set -x")
    assert (await said(shell, "echo a")).output == b"++ echo a\na\n"
    assert (await said(shell, "true")).output == b"++ true\n"


async def test_shell_takes_a_command_of_half_a_megabyte(shell: Shell) -> None:
    text = "x" * 500_000
    assert (await said(shell, f"printf %s '{text}' | wc -c")).output.strip() == b"500000"


async def test_shell_time_out_kills_everything_and_the_next_command_works(shell: Shell) -> None:
    await said(shell, f"GONE=1; setsid sleep 1116.{OWN} & ")
    result = await said(shell, f"echo begun; sleep 1116.{OWN}", timeout_s=0.4)
    assert result.timed_out
    assert result.output == b"begun\n"
    assert not processes_with(f"1116.{OWN}")
    assert (await said(shell, 'echo "[$GONE]"')).output == b"[]\n"


async def test_shell_bounds_a_flood_and_still_times_out(shell: Shell) -> None:
    result = await said(shell, "yes", timeout_s=0.5)
    assert result.timed_out
    assert len(result.output) < 31_000
    assert result.output.startswith(b"y\ny\n")
    assert b"left out" in result.output


async def test_shell_does_not_mistake_its_own_process_list_for_the_end(shell: Shell) -> None:
    command = "for f in /proc/[0-9]*/cmdline; do cat $f 2>/dev/null | tr '\\0' ' '; echo; done; echo end"
    result = await said(shell, command)
    assert result.output.endswith(b"end\n")


async def test_shell_stops_a_bomb_left_in_the_background(
    kind: str, launcher: LocalLauncher, place: Place
) -> None:
    shell = await make(kind, launcher, place, Limits(processes=64, interval_s=0.2)).shell(place.confinement())
    result = await said(shell, f"echo sown; (while :; do sleep 1117.{OWN} & done) &")
    assert result.output.startswith(b"sown\n")
    if b"more than 64 processes" not in result.output:  # else it grew faster than the command ended
        result = await said(shell, "sleep 5")
        assert result.exit_code == -9
    assert b"more than 64 processes" in result.output
    assert not processes_with(f"1117.{OWN}")
    assert (await said(shell, "echo on")).output == b"on\n"
    await shell.close()


async def test_shell_cancelled_or_closed_leaves_no_process_and_no_file(
    sandbox: Bubblewrap, place: Place
) -> None:
    shell = await sandbox.shell(place.confinement())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(said(shell, f"setsid sleep 1118.{OWN} & sleep 1118.{OWN}"))
        await until_processes(f"1118.{OWN}", run=True)
        task.cancel()
    assert not processes_with(f"1118.{OWN}")
    await said(shell, f"setsid sleep 1119.{OWN} &")
    await until_processes(f"1119.{OWN}", run=True)
    await shell.close()
    await shell.close()
    assert not processes_with(f"1119.{OWN}")
    assert not list(place.scratch.glob("shell-*"))
    with pytest.raises(Refused):
        await said(shell, "true")


async def test_shell_counts_time_per_command(shell: Shell) -> None:
    busy = await said(shell, "for ((i=0; i<200000; i++)); do :; done")
    idle = await said(shell, "true")
    assert busy.cpu_s > 0.05
    assert idle.cpu_s < busy.cpu_s


async def _is_there(file: Path) -> None:
    """Waits until it is."""
    for _ in range(500):
        if await asyncio.to_thread(file.exists):
            return
        await asyncio.sleep(0.01)


async def test_what_a_shell_left_running_stands_still_and_goes_on(shell: Shell, place: Place) -> None:
    await said(shell, "KEPT=yes; while :; do echo x >> count; done &")
    count = place.slot / "count"
    await _is_there(count)
    for _ in range(5):
        async with shell.still():
            size = count.stat().st_size
            await asyncio.sleep(0.1)
            assert count.stat().st_size == size
    assert (await said(shell, "echo $KEPT")).output == b"yes\n"
    assert count.stat().st_size > size


async def test_who_is_always_another_process_does_not_run_on(caged: Bubblewrap, place: Place) -> None:
    (place.slot / "busy.py").write_text(
        "import os, time\n"
        "while True:\n"
        "    open('count', 'a').write('x')\n"
        "    if os.fork():\n"
        "        os._exit(0)\n"
        "    time.sleep(0.001)\n"
    )
    shell, count = await caged.shell(place.confinement()), place.slot / "count"
    await said(shell, "setsid python3 busy.py >/dev/null 2>&1 &")
    await _is_there(count)
    for _ in range(3):
        async with shell.still():
            size = count.stat().st_size
            await asyncio.sleep(0.2)
            assert count.stat().st_size == size
    await shell.close()


async def test_a_shell_without_commands_stands_still_too(shell: Shell) -> None:
    async with shell.still():
        pass
    await said(shell, "KEPT=yes")
    async with shell.still():
        pass
    assert (await said(shell, "echo $KEPT")).output == b"yes\n"
