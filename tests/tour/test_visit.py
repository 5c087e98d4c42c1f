from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from gastown_desktop.cli.arguments import parser
from gastown_desktop.tour.screens import SCREENS


def test_every_picture_has_a_number_of_its_own() -> None:
    numbers = [screen.name[:2] for screen in SCREENS]
    assert numbers == sorted(set(numbers))


def test_the_command_asks_for_a_folder() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["tour"])
    given = parser().parse_args(["tour", "--out", "pictures"])
    assert (given.out, given.story, given.theme, given.scale) == (Path("pictures"), "harbor", "both", 1.0)


async def test_two_tours_give_the_same_pictures(tmp_path: Path) -> None:
    first, second = await asyncio.gather(*(_tour(tmp_path / name) for name in ("first", "second")))
    assert first.keys() == second.keys()
    assert {"01-welcome-light.png", "13-glyphs.png"} <= first.keys()
    different = [name for name in first if first[name] != second[name]]
    assert different == []
    assert QImage(str(tmp_path / "first" / "01-welcome-light.png")).width() == 1280


async def _tour(out: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "gastown_desktop", "tour", "--theme", "light", "--out", str(out)]
    run = await asyncio.create_subprocess_exec(
        *command,
        "--data-dir",
        str(out / "data"),
        env={**os.environ, "HOME": str(out)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complaints = await run.communicate()
    assert (run.returncode, complaints) == (0, b""), complaints.decode()
    return {path.name: path.read_bytes() for path in map(Path, said.decode().split())}
