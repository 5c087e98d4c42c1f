"""Power and keeping awake, by what the systems say of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from gastown_desktop.adapters.power import awake_command, power_now, power_of_pmset, power_of_supplies
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
