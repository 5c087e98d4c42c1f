"""What is heard of the system's sleep, from a program that prints what gdbus does."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sleep_signal import monitor_command, watch_sleep

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="logind is Linux's")
SAYS = "/org/freedesktop/login1: org.freedesktop.login1.Manager."


class Told:
    """What was told, in order."""

    def __init__(self) -> None:
        self.news: list[bool] = []
        self._moved = asyncio.Event()

    def __call__(self, near: bool) -> None:
        self.news.append(near)
        self._moved.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._moved.clear()
                await self._moved.wait()


def gdbus(folder: Path, script: str) -> Callable[[str], str | None]:
    """A stand-in for gdbus that runs a shell script."""
    program = folder / "gdbus"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return lambda name: str(program) if name == "gdbus" else shutil.which(name)


def test_only_linux_has_logind() -> None:
    here = {name: f"/usr/bin/{name}" for name in ("gdbus", "sh", "cat")}
    assert monitor_command("linux", here.get)[4:7] == ("/usr/bin/gdbus", "monitor", "--system")
    for name in here:
        less = {one: path for one, path in here.items() if one != name}
        assert monitor_command("linux", less.get) == ()
    assert monitor_command("darwin", here.get) == ()


@LINUX
def test_what_listens_ends_with_its_input(tmp_path: Path) -> None:
    command = monitor_command("linux", gdbus(tmp_path, "echo begun; exec sleep 60"))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == b"begun\n"
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(10) != 0


@LINUX
async def test_a_sleep_is_told_before_it_and_after_it(launcher: LocalLauncher, tmp_path: Path) -> None:
    lines = (
        "Monitoring signals on object /org/freedesktop/login1 owned by org.freedesktop.login1",
        f"{SAYS}SessionNew ('c2', objectpath '/org/freedesktop/login1/session/c2')",
        f"{SAYS}PrepareForSleep (true,)",
        f"{SAYS}PrepareForShutdown (true,)",
        f"{SAYS}PrepareForSleep (false,)",
    )
    quoted = " ".join(f'"{line}"' for line in lines)
    find, told = gdbus(tmp_path, f"printf '%s\\n' {quoted}; exec sleep 60"), Told()
    async with watch_sleep(launcher, told, find=find):
        await told.until(lambda: told.news == [True, False])
    assert told.news == [True, False, False]


@LINUX
async def test_a_sleep_that_does_not_come_is_forgotten(launcher: LocalLauncher, tmp_path: Path) -> None:
    find, told = gdbus(tmp_path, f"echo '{SAYS}PrepareForSleep (true,)'; exec sleep 60"), Told()
    async with watch_sleep(launcher, told, find=find, longest_s=0.05):
        await told.until(lambda: told.news == [True, False])


@LINUX
async def test_who_hears_nothing_any_more_counts_as_awake(launcher: LocalLauncher, tmp_path: Path) -> None:
    find, told = gdbus(tmp_path, f"echo '{SAYS}PrepareForSleep (true,)'"), Told()
    async with watch_sleep(launcher, told, find=find):
        await told.until(lambda: told.news == [True, False])


@pytest.mark.parametrize("script", [None, "exit 1"])
async def test_a_system_without_logind_changes_nothing(
    launcher: LocalLauncher, tmp_path: Path, script: str | None
) -> None:
    find, told = ({}.get if script is None else gdbus(tmp_path, script)), Told()
    async with watch_sleep(launcher, told, find=find):
        await asyncio.sleep(0)
    assert True not in told.news
