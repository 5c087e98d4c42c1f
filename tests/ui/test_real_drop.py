"""A folder that is dragged from another program and dropped on the window, on a real X server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from tests.builders import small_python_repository
from tests.e2e.conftest import contents
from tests.ui.x_screen import ROOT, XScreen, drag, x_screen

_DRAGGER = ROOT / "tests" / "ui" / "folder_dragger.py"
_SCREENSHOT = ROOT / "tests" / "ui" / "screenshot.py"


def picture_of(screen: XScreen, file: Path) -> QImage:
    """The whole screen, kept in a file."""
    with screen.python(_SCREENSHOT, file) as process:
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0, said
    return QImage(str(file))


def colours(picture: QImage) -> int:
    """How many colours a grid of its points has."""
    points = ((x, y) for x in range(0, picture.width(), 7) for y in range(0, picture.height(), 7))
    return len({picture.pixel(x, y) for x, y in points})


def test_a_folder_dropped_on_the_window_opens_its_repository_and_changes_nothing_of_it(
    tmp_path: Path,
) -> None:
    repo = small_python_repository(tmp_path / "greetings")
    before, data, sign = contents(repo.folder), tmp_path / "data", tmp_path / "accepted"
    with (
        x_screen(tmp_path) as screen,
        screen.python("-m", "gastown_desktop", "--data-dir", data) as program,
        screen.python(_DRAGGER, repo.folder, sign),
    ):
        window, source = screen.window("^Gas Town$"), screen.window("^Dragger$")
        screen.place(source, 1_360, 60)
        screen.place(window, 20, 20)
        empty = picture_of(screen, tmp_path / "welcome.png")
        drag(screen, source, window, done=sign.exists)
        screen.window("^greetings — Gas Town$")
        opened = picture_of(screen, tmp_path / "opened.png")
        program.terminate()
        try:
            _, said = program.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            pytest.fail("the program did not end when it was asked to")
    assert program.returncode == 0, said
    assert "Traceback" not in said
    (recent,) = json.loads((data / "recents.json").read_text())
    assert recent["path"] == str(repo.folder)
    assert contents(repo.folder) == before
    assert min(colours(empty), colours(opened)) > 20
    assert empty != opened
