"""Settings in the whole program: reached without a repository, in force at once and after a new start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QSlider
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.ui.rehearse.form import RehearsalForm
from gastown_desktop.ui.settings.page import SettingsPage
from gastown_desktop.ui.theme.motion import reduce_motion
from gastown_desktop.ui.theme.theme import theme
from tests.builders import small_python_repository
from tests.ui.window_driver import WindowDriver

pytestmark = pytest.mark.timeout(240)
CTRL = Qt.KeyboardModifier.ControlModifier
Start = Callable[[], WindowDriver]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def start(qtbot: QtBot, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the program on the same data folder, ending it first where it runs."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    started: list[WindowDriver] = []

    def end() -> None:
        for one in started:
            assert one.stop()
            qtbot.waitUntil(lambda one=one: not one.application.engine.alive)
        started.clear()

    def begin() -> WindowDriver:
        end()
        started.append(WindowDriver(qtbot, data))
        return started[-1]

    yield begin
    end()
    reduce_motion(reduced=False)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.apply(app, "light")


def settings_page(driver: WindowDriver) -> SettingsPage:
    page = driver.find(SettingsPage)
    driver.wait(lambda: bool(page.machine.git.value.text()))
    return page


def test_settings_are_a_click_away_without_a_repository(start: Start) -> None:
    driver = start()
    item = driver.window.frame.rail.item("settings")
    assert item.isEnabled()
    driver.qtbot.mouseClick(item, Qt.MouseButton.LeftButton)
    page = settings_page(driver)
    assert (driver.page, item.isChecked()) == ("settings", True)
    assert page.repository.words.value.text() == "No repository is open."
    driver.qtbot.mouseClick(item, Qt.MouseButton.LeftButton)
    assert item.isChecked()


def test_what_is_changed_is_in_force_at_once_and_after_a_new_start(start: Start, data: Path) -> None:
    (data / "settings.toml").write_text("# mine\npolecats = 9 # enough\n")
    driver = start()
    driver.key(Qt.Key.Key_Comma, CTRL)
    page = settings_page(driver)
    for control, words in ((page.theme, "Dark"), (page.rail, "Icons"), (page.density, "Table")):
        with driver.qtbot.waitSignal(page.settings_changed):
            driver.click(words, control)
    with driver.qtbot.waitSignal(page.settings_changed):
        driver.click("Reduced", page.motion)
    assert theme.dark
    assert not driver.window.frame.rail.is_open
    assert driver.window.pages.fleet.look.current == "table"
    assert QApplication.cursorFlashTime() == 0
    assert (data / "settings.toml").read_text() == (
        "# mine\npolecats = 9 # enough\n"
        'theme = "dark"\nrail = "icons"\ndensity = "table"\nreduced_motion = true\n'
    )

    driver = start()
    assert not driver.window.frame.rail.is_open
    assert driver.window.pages.fleet.look.current == "table"
    driver.key(Qt.Key.Key_Comma, CTRL)
    page = settings_page(driver)
    assert (page.theme.current, page.rail.current, page.workers.value()) == ("dark", "icons", 9)
    with driver.qtbot.waitSignal(page.settings_changed):
        driver.click("Use default", page.rows["reduced_motion"])
    assert QApplication.cursorFlashTime() > 0


def test_the_keys_for_rail_and_theme_are_kept_too(start: Start, data: Path) -> None:
    driver = start()
    file = data / "settings.toml"
    driver.key(Qt.Key.Key_B, CTRL)
    driver.wait(lambda: file.exists() and file.read_text() == 'rail = "icons"\n')
    driver.key(Qt.Key.Key_T, CTRL | Qt.KeyboardModifier.ShiftModifier)
    driver.wait(lambda: f'theme = "{theme.scheme}"' in file.read_text() and not tasks.running())


def test_a_file_that_cannot_be_read_is_said_at_the_start_and_leads_to_settings(
    start: Start, data: Path
) -> None:
    file = data / "settings.toml"
    file.write_text("polecats = many")
    driver = start()
    driver.wait(driver.window.strip.isVisible)
    assert "settings.toml cannot be read" in driver.window.strip.words.text()
    driver.click("Open Settings")
    page = settings_page(driver)
    assert page.notice.isVisible()
    driver.key(Qt.Key.Key_B, CTRL)
    driver.wait(lambda: driver.window.frame.status.words.text().startswith("This holds until you quit."))
    assert file.read_text() == "polecats = many"


def test_a_rehearsal_starts_from_the_settings(start: Start, data: Path, tmp_path: Path) -> None:
    (data / "settings.toml").write_text("polecats = 9\nrehearsal_limit_usd = 12.5\n")
    driver = start()
    driver.drop(small_python_repository(tmp_path / "greetings").folder)
    driver.wait(lambda: driver.window.rig is not None)
    driver.click("Rehearse for $0")
    form = driver.find(RehearsalForm)
    assert form.findChildren(QSlider)[0].value() == 9
    assert form.limit.text() == "$12.50"
    assert form.wish().polecats == 9
    driver.window.close_sheets()
    driver.key(Qt.Key.Key_Comma, CTRL)
    page = settings_page(driver)
    driver.wait(page.repository.trust.isVisible)
    assert page.repository.gates.texts() == ["python3 check.py, .gastown.toml"]
