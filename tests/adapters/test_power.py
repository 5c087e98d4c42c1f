"""Power and keeping awake, by what the systems say of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from gastown_desktop.adapters.power import (
    awake_at_work,
    awake_command,
    power_now,
    power_of_pmset,
    power_of_supplies,
)
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.core.power import MAINS, Power


def supply(folder: Path, name: str, **files: str) -> None:
    (folder / name).mkdir(parents=True)
    for file, word in files.items():
        (folder / name / file).write_text(f"{word}\n")


def test_a_machine_without_a_battery_is_on_mains(tmp_path: Path) -> None:
    assert power_of_supplies(tmp_path / "none") == MAINS
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(tmp_path, "mouse", type="Battery", scope="Device", status="Discharging", capacity="3")
    assert power_of_supplies(tmp_path) == MAINS


@pytest.mark.parametrize(
    ("status", "power"),
    [("Discharging", Power(on_battery=True, percent=14)), ("Charging", MAINS), ("Full", MAINS)],
)
def test_a_laptop_is_on_battery_while_that_discharges(tmp_path: Path, status: str, power: Power) -> None:
    supply(tmp_path, "BAT0", type="Battery", status=status, capacity="14")
    assert power_of_supplies(tmp_path) == power
    assert power.is_low == (status == "Discharging")


@pytest.mark.parametrize(
    ("text", "power"),
    [
        ("Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t9%; charging", MAINS),
        (
            "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t15%; discharging; 1:02 left",
            Power(on_battery=True, percent=15),
        ),
        ("", MAINS),
    ],
)
def test_a_mac_says_what_it_draws_from(text: str, power: Power) -> None:
    assert power_of_pmset(text) == power
    assert not power.is_low


def test_this_machine_has_power() -> None:
    assert power_now().percent >= 0


@pytest.mark.parametrize(
    ("platform", "programs", "command"),
    [
        ("linux", {}, ()),
        ("linux", {"systemd-inhibit": "/usr/bin/systemd-inhibit"}, ()),
        (
            "darwin",
            {"caffeinate": "/usr/bin/caffeinate"},
            ("/usr/bin/caffeinate", "-i", "-w", f"{os.getpid()}"),
        ),
    ],
)
def test_it_is_kept_awake_by_what_the_system_has(
    platform: str, programs: Mapping[str, str], command: tuple[str, ...]
) -> None:
    assert awake_command(platform, programs.get) == command


def test_on_linux_what_keeps_it_awake_ends_with_its_input() -> None:
    programs = {"systemd-inhibit": "/usr/bin/systemd-inhibit", "cat": "/bin/cat"}
    first, *asked, last = awake_command("linux", programs.get)
    assert (first, last) == ("/usr/bin/systemd-inhibit", "/bin/cat")
    assert {"--what=sleep:idle", "--mode=block"} < set(asked)


async def test_it_is_kept_awake_but_while_everything_rests(
    launcher: LocalLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    inhibit = tmp_path / "systemd-inhibit"
    inhibit.write_text(
        f'#!/bin/sh\necho $$ >> {log}\nwhile [ "${{1#--}}" != "$1" ]; do shift; done\nexec "$@"\n'
    )
    inhibit.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("sys.platform", "linux")

    def keepers() -> tuple[int, int]:
        """How many were begun in all, and how many live."""
        pids = log.read_text().split() if log.exists() else []
        return len(pids), sum(Path(f"/proc/{pid}").exists() for pid in pids)

    async def there_are(*wanted: int) -> None:
        async with asyncio.timeout(10):
            while keepers() != wanted:  # noqa: ASYNC110 - other processes tell nothing
                await asyncio.sleep(0.01)

    async with awake_at_work(launcher) as tell_rest:
        await there_are(1, 1)
        tell_rest(True)
        await there_are(1, 0)
        tell_rest(False)
        await there_are(2, 1)
    await there_are(2, 0)
