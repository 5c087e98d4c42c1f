"""The settings page: what it shows of the files, and what a click changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.money import usd
from gastown_desktop.core.prices import PRICES
from gastown_desktop.engine.api import Configuration, GateWish, RunsList, SettingName, Settings, System
from gastown_desktop.ui.settings.controls import AmountField, price_words
from gastown_desktop.ui.settings.page import SettingsPage
from gastown_desktop.ui.settings.rows import SettingRow
from tests.ui.settled import CONFIGURATION, RUNS, SettledEngine

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def stored(tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    data.mkdir()
    return Settings(
        theme="dark",
        polecats=8,
        given=frozenset({"theme", "polecats"}),
        file=data / "settings.toml",
        data=data,
    )


@pytest.fixture
def engine(stored: Settings) -> SettledEngine:
    return SettledEngine(stored)


def shown(qtbot: QtBot, engine: SettledEngine, *, repository: bool = True) -> SettingsPage:
    page = SettingsPage(engine.port)
    qtbot.addWidget(page)
    page.resize(1080, 1000)
    if repository:
        page.show_repository()
    page.show()
    qtbot.waitExposed(page)
    last = "configuration" if repository else "system"
    qtbot.waitUntil(lambda: bool(engine.asked(last)))
    qtbot.wait(0)
    return page


def click(qtbot: QtBot, place: QWidget, words: str) -> None:
    button = next(one for one in place.findChildren(QAbstractButton) if one.text() == words)
    qtbot.mouseClick(button, LEFT)


def set_by_click(qtbot: QtBot, page: SettingsPage, place: QWidget, words: str) -> Settings:
    with qtbot.waitSignal(page.settings_changed) as told:
        click(qtbot, place, words)
    assert isinstance(told.args, list)
    return told.args[0]


def test_each_value_says_where_it_comes_from(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    sources = {name: row.source.text() for name, row in page.rows.items()}
    given = {name for name, words in sources.items() if words == "Your settings file"}
    assert given == {"theme", "polecats"}
    assert {words for name, words in sources.items() if name not in given} == {"Default"}
    assert {name for name, row in page.rows.items() if row.reset.isVisible()} == given
    assert page.theme.current == "dark"
    assert page.rows["polecats"].words.text() == "8 at once"
    assert page.rows["model"].words.text() == "$4.00 in, $20.00 out per MTok"
    assert page.limit.text() == "$100"


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [
        ("theme", "Light", "light"),
        ("rail", "Icons", "icons"),
        ("density", "Table", "table"),
        ("reduced_motion", "Reduced", True),
    ],
)
def test_a_click_on_a_segment_is_written_and_told(
    qtbot: QtBot, engine: SettledEngine, name: str, words: str, value: object
) -> None:
    page = shown(qtbot, engine)
    row = next(row for key, row in page.rows.items() if key == name)
    settings = set_by_click(qtbot, page, row, words)
    assert engine.asked("set_setting") == [(name, value)]
    assert getattr(settings, name) == value
    assert row.source.text() == "Your settings file"


def test_use_default_takes_the_value_out_of_the_file(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    row = page.rows["theme"]
    row.reset.setFocus()
    settings = set_by_click(qtbot, page, row, "Use default")
    assert engine.asked("set_setting") == [("theme", None)]
    assert (settings.theme, page.theme.current) == ("system", "system")
    assert (row.source.text(), row.reset.isVisible()) == ("Default", False)
    focus = QApplication.focusWidget()
    assert focus is not None
    assert page.theme.isAncestorOf(focus), "the keyboard stays in the row"


def test_the_arrow_keys_choose_the_size_of_the_fleet(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    page.workers.setFocus()
    with qtbot.waitSignal(page.settings_changed):
        qtbot.keyClick(page.workers, Qt.Key.Key_Right)
    assert engine.asked("set_setting") == [("polecats", 9)]
    assert page.rows["polecats"].words.text() == "9 at once"


def test_the_wheel_over_the_page_does_not_turn_the_slider(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    QTest.wheelEvent(page.window().windowHandle(), page.workers.mapTo(page, QPoint(20, 10)), QPoint(0, 120))
    assert page.workers.value() == 8
    assert not engine.asked("set_setting")


def test_a_model_is_chosen_from_the_menu_with_its_price(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    qtbot.mouseClick(page.model, LEFT)
    menu = page.model.drop
    qtbot.waitUntil(menu.isVisible)
    offered = {str(action.data()): action for action in menu.actions()}
    assert set(offered) == set(PRICES)
    assert offered["claude-haiku-5-5"].text() == "Haiku 5.5\t$0.10 in, $0.50 out"
    assert [name for name, action in offered.items() if action.isChecked()] == ["claude-opus-5-5"]
    with qtbot.waitSignal(page.settings_changed):
        qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(offered["claude-haiku-5-5"]).center())
    assert engine.asked("set_setting") == [("model", "claude-haiku-5-5")]
    assert page.model.text() == "Haiku 5.5"
    assert page.model.accessibleName() == "Model of the fleet: Haiku 5.5"


def test_a_limit_is_typed(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    page.limit.selectAll()
    qtbot.keyClicks(page.limit, "12.5")
    with qtbot.waitSignal(page.settings_changed):
        qtbot.keyClick(page.limit, Qt.Key.Key_Return)
    assert engine.asked("set_setting") == [("rehearsal_limit", usd("12.5"))]
    assert page.limit.text() == "$12.50"


@pytest.mark.parametrize("name", ["day_cap", "town_cap"])
def test_a_limit_beyond_the_convoys_is_typed_and_taken_out(
    qtbot: QtBot, engine: SettledEngine, name: SettingName
) -> None:
    page = shown(qtbot, engine)
    row = page.rows[name]
    field = row.control
    assert isinstance(field, AmountField)
    assert (field.text(), field.placeholderText(), row.source.text()) == ("", "No limit", "Default")
    field.setFocus()
    qtbot.keyClicks(field, "20")
    with qtbot.waitSignal(page.settings_changed):
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert (field.text(), row.source.text()) == ("$20", "Your settings file")
    field.selectAll()
    qtbot.keyClicks(field, "none")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert row.words.text() == "An amount, such as $20, or nothing"
    field.clear()
    with qtbot.waitSignal(page.settings_changed):
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert engine.asked("set_setting") == [(name, usd("20")), (name, None)]
    assert (field.text(), row.source.text()) == ("", "Default")


def test_no_name_of_a_row_is_cut(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    for row in page.rows.values():
        name = row.findChildren(QLabel)[0]
        assert name.sizeHint().width() <= name.width(), name.text()


@pytest.mark.parametrize("typed", ["a lot", "0", "1,50"])
def test_what_is_no_amount_is_said_and_not_written(qtbot: QtBot, engine: SettledEngine, typed: str) -> None:
    page = shown(qtbot, engine)
    page.limit.setFocus()
    page.limit.selectAll()
    qtbot.keyClicks(page.limit, typed)
    qtbot.keyClick(page.limit, Qt.Key.Key_Return)
    words = page.rows["rehearsal_limit"].words
    assert words.text() == "An amount, such as $20"
    qtbot.keyClick(page.limit, Qt.Key.Key_Escape)
    assert (page.limit.text(), words.text()) == ("$100", "At list price")
    assert not engine.asked("set_setting")


def test_a_value_that_is_refused_is_said_and_the_old_one_stands(qtbot: QtBot, engine: SettledEngine) -> None:
    engine.stored = replace(engine.stored, polecats=12)
    page = shown(qtbot, engine)
    page.workers.setFocus()
    qtbot.keyClick(page.workers, Qt.Key.Key_Right)
    qtbot.waitUntil(page.notice.isVisible)
    assert page.notice.words.text() == "Thirteen is refused here. Nothing was changed."
    assert page.workers.value() == 12
    assert page.rows["polecats"].words.text() == "12 at once"


def test_a_file_that_cannot_be_read_is_said_and_nothing_can_be_set(
    qtbot: QtBot, engine: SettledEngine
) -> None:
    engine.stored = replace(
        engine.stored, given=frozenset(), trouble="settings.toml cannot be read: line 3.", remedy="Mend it."
    )
    page = shown(qtbot, engine)
    assert page.notice.isVisible()
    assert page.notice.words.text() == (
        "settings.toml cannot be read: line 3. Mend it. Defaults hold; nothing is written."
    )
    for row in page.findChildren(SettingRow):
        assert not row.control.isEnabled()
    click(qtbot, page.theme, "Light")
    assert not engine.asked("set_setting")
    engine.stored = replace(engine.stored, trouble="", remedy="")
    page.hide()
    page.show()
    qtbot.waitUntil(page.theme.isEnabled)
    assert page.notice.isHidden()


class Opened(QObject):
    """Stands for the desktop: hears which places are to be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []

    @Slot(QUrl)
    def hear(self, url: QUrl) -> None:
        self.places.append(url.toLocalFile())


@pytest.fixture
def desktop() -> Iterator[Opened]:
    heard = Opened()
    QDesktopServices.setUrlHandler("file", heard, "hear")
    yield heard
    QDesktopServices.unsetUrlHandler("file")


def test_folder_and_file_open_in_the_desktop(
    qtbot: QtBot, engine: SettledEngine, stored: Settings, desktop: Opened
) -> None:
    page = shown(qtbot, engine)
    assert not page.machine.file.button.isEnabled()
    assert page.machine.file.button.toolTip() == "It is made when you change a setting."
    click(qtbot, page.machine, "Open folder")
    stored.file.write_text("")
    set_by_click(qtbot, page, page.rail, "Icons")
    click(qtbot, page.machine, "Open file")
    assert desktop.places == [str(stored.data), str(stored.file)]


def test_the_machine_says_what_it_has(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    assert page.machine.git.value.text() == "2.43.0"
    assert page.machine.sandbox.value.text() == "bubblewrap 0.8.0"


def test_a_machine_without_a_sandbox_says_what_that_means(qtbot: QtBot, engine: SettledEngine) -> None:
    engine.answers["system"] = System(git="2.43.0", sandbox="")
    page = shown(qtbot, engine)
    assert page.machine.sandbox.value.text() == (
        "None was found. What a repository runs has your rights; install bubblewrap to confine it."
    )


def test_a_machine_without_git_says_so_and_the_rest_is_shown(qtbot: QtBot, engine: SettledEngine) -> None:
    engine.answers["system"] = Refused("git is not installed.", remedy="Install git.")
    page = shown(qtbot, engine)
    assert page.machine.git.value.text() == "git is not installed. Install git."
    assert page.repository.trust.isVisible()


def test_the_repository_says_its_gates_what_is_trusted_and_what_is_ignored(
    qtbot: QtBot, engine: SettledEngine
) -> None:
    page = shown(qtbot, engine)
    part = page.repository
    assert part.gates.texts() == ["pytest -q, .gastown.toml", "ruff check ., .gastown.toml"]
    assert part.note.isHidden()
    assert part.trust.value.text() == "Trusted with exactly this: 2 gates, 1 hook."
    assert part.ignored.value.text() == "model, theme in .gastown.toml: a repository may not set them."


def test_gates_that_were_found_are_called_proposed(qtbot: QtBot, engine: SettledEngine) -> None:
    engine.answers["configuration"] = Configuration(
        present=False,
        gates=(GateWish(name="gate 1", command="pytest\n-q \u202eevil", reason="tests/ is there"),),
        runs=replace(RUNS, trusted=False, items=RUNS.items[:1]),
    )
    part = shown(qtbot, engine).repository
    assert part.gates.texts() == ["pytest -q ‹U+202E›evil, Proposed"]
    assert part.note.value.text().endswith("these were found, and run only when you tick them.")
    assert part.trust.value.text() == (
        "Not trusted with this list: 1 gate. You are asked before any of it runs."
    )
    assert part.ignored.value.text() == "None."


def test_a_repository_without_anything_to_run_says_so(qtbot: QtBot, engine: SettledEngine) -> None:
    runs = RunsList(items=(), digest="", trusted=False, confined=True)
    engine.answers["configuration"] = Configuration(present=False, runs=runs)
    part = shown(qtbot, engine).repository
    assert part.gates.isHidden()
    assert part.note.value.text().startswith("No gate was found.")
    assert part.trust.value.text() == "Nothing of it would run."


@pytest.mark.parametrize(
    "answer",
    [
        Configuration(present=True, trouble=".gastown.toml cannot be read.", remedy="Mend it."),
        GitError(".gastown.toml cannot be read.", remedy="Mend it."),
    ],
)
def test_a_configuration_that_cannot_be_read_is_said_in_place(
    qtbot: QtBot, engine: SettledEngine, answer: object
) -> None:
    engine.answers["configuration"] = answer
    part = shown(qtbot, engine).repository
    assert part.words.value.text() == ".gastown.toml cannot be read. Mend it."
    assert part.trust.isHidden()


def test_without_a_repository_nothing_is_asked_of_one(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine, repository=False)
    assert page.repository.words.value.text() == "No repository is open."
    assert not engine.asked("configuration")
    page.show_repository()
    qtbot.waitUntil(page.repository.trust.isVisible)
    engine.answers["configuration"] = replace(CONFIGURATION, ignored=())
    page.refresh()
    assert page.repository.words.value.text() == "No repository is open."
    page.show_repository()
    qtbot.waitUntil(lambda: page.repository.ignored.value.text() == "None.")


def test_about_lists_the_licences_on_request(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    assert page.about.version.value.text() == "Gas Town Desktop 0.1.0, MIT licence"
    assert page.about.list.isHidden()
    click(qtbot, page.about, "Show licences")
    qtbot.waitUntil(page.about.list.isVisible)
    click(qtbot, page.about, "Hide licences")
    assert page.about.list.isHidden()


def test_every_control_has_a_name_and_the_keyboard_reaches_it(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    for row in page.findChildren(SettingRow):
        assert row.control.accessibleName()
        assert row.reset.accessibleName().startswith("Use default: ")
    page.setFocus()
    reached: list[QWidget] = []
    for _ in range(40):
        focus = QApplication.focusWidget()
        assert focus is not None
        reached.append(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    for control in (page.theme, page.rail, page.density, page.motion, page.workers, page.model, page.limit):
        assert any(one is control or control.isAncestorOf(one) for one in reached), control.accessibleName()


def test_no_amount_is_cut_in_the_smallest_window(qtbot: QtBot, engine: SettledEngine) -> None:
    page = shown(qtbot, engine)
    page.resize(960 - 200, 532)
    qtbot.waitUntil(lambda: page.width() == 760)
    qtbot.wait(0)
    for model in PRICES:
        page.rows["model"].say(price_words(model))
        assert page.rows["model"].words.sizeHint().width() <= page.rows["model"].words.width(), model
    assert page.rows["polecats"].height() == 32
