"""The machine's power, and keeping it awake while workers are at work."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.power import MAINS, Power
from gastown_desktop.engine.process_ports import ChildCommand, Launcher

_SUPPLIES = Path("/sys/class/power_supply")
_PATIENCE_S = 5.0
_log = logging.getLogger(__name__)

_CONTINUOUS, _SYSTEM_REQUIRED = 0x8000_0000, 0x0000_0001
"""Of SetThreadExecutionState (winbase.h)."""


def power_now() -> Power:
    """Where the power comes from now; mains where nothing is known."""
    try:
        if sys.platform == "darwin":
            return power_of_pmset(_pmset())
        if sys.platform == "win32":
            return _power_of_windows()
        return power_of_supplies(_SUPPLIES)
    except (OSError, subprocess.SubprocessError, ValueError):
        return MAINS


def power_of_supplies(folder: Path) -> Power:
    """Linux: `type`, `scope`, `status` and `capacity` of each supply (Documentation/ABI, sysfs-class-power).

    Raises:
        OSError, ValueError: it is not as it should be.
    """
    left: list[int] = []
    if not folder.is_dir():
        return MAINS
    for supply in folder.iterdir():
        if _word(supply / "type") != "Battery" or _word(supply / "scope") == "Device":
            continue
        if _word(supply / "status") != "Discharging":
            return MAINS
        left.append(int(_word(supply / "capacity")))
    return Power(on_battery=True, percent=max(left)) if left else MAINS


def power_of_pmset(text: str) -> Power:
    """macOS: what `pmset -g batt` prints."""
    percents = [int(number) for number in re.findall(r"(\d+)%", text)]
    return Power(on_battery=True, percent=max(percents)) if "'Battery Power'" in text and percents else MAINS


def awake_command(platform: str, find: Callable[[str], str | None]) -> tuple[str, ...]:
    """What keeps a machine awake as long as it runs; empty where there is no such program.

    It ends when its standard input does, or with this process, so that a kill leaves nothing behind.
    """
    if platform == "darwin" and (caffeinate := find("caffeinate")):
        return caffeinate, "-i", "-w", str(os.getpid())
    if platform == "linux" and (inhibit := find("systemd-inhibit")) and (cat := find("cat")):
        asked = ("--what=sleep:idle", "--who=Gas Town Desktop", "--why=Workers are at work", "--mode=block")
        return inhibit, *asked, cat
    return ()


@asynccontextmanager
async def awake(launcher: Launcher) -> AsyncGenerator[None, None]:
    """Keeps the machine from going to sleep by itself; where that is not possible, it does not matter."""
    if sys.platform == "win32":
        _windows().SetThreadExecutionState(_CONTINUOUS | _SYSTEM_REQUIRED)
        try:
            yield
        finally:
            _windows().SetThreadExecutionState(_CONTINUOUS)
        return
    command, child = awake_command(sys.platform, shutil.which), None
    if command:
        try:
            child = await launcher.start(ChildCommand(argv=command, environment={}))
        except (GasTownError, OSError):
            _log.info("the machine is not kept awake", exc_info=True)
    try:
        yield
    finally:
        if child is not None:
            await child.kill()


@asynccontextmanager
async def awake_at_work(launcher: Launcher) -> AsyncGenerator[Callable[[bool], None], None]:
    """Keeps the machine awake in this block, but not while it is told that everything rests.

    Yields:
        what is told so: true when everything rests, false when something goes on again.
    """
    rests, stirs = asyncio.Event(), asyncio.Event()

    def tell(resting: bool) -> None:
        now, before = (rests, stirs) if resting else (stirs, rests)
        now.set()
        before.clear()

    async def keep() -> None:
        while True:
            async with awake(launcher):
                await rests.wait()
            await stirs.wait()

    keeping = asyncio.ensure_future(keep())
    try:
        yield tell
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


def _word(file: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return file.read_text(encoding="ascii", errors="replace").strip()
    return ""


def _pmset() -> str:
    asked = ["/usr/bin/pmset", "-g", "batt"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=_PATIENCE_S, check=True).stdout


def _windows() -> Any:
    return ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]


def _power_of_windows() -> Power:
    """SYSTEM_POWER_STATUS: ACLineStatus, BatteryFlag, BatteryLifePercent (255 where not known)."""
    status = (ctypes.c_ubyte * 12)()
    if not _windows().GetSystemPowerStatus(ctypes.byref(status)):
        return MAINS
    percent = int(status[2])
    return Power(on_battery=True, percent=percent) if status[0] == 0 and percent <= 100 else MAINS
