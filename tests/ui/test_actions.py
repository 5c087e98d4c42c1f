"""Actions are declared once and never clash."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.ui.actions import Actions, ActionSpec, matches
from gastown_desktop.ui.command_palette import CommandPalette

OPEN = ActionSpec(id="a.open", text="Open folder", group="A", shortcut="Ctrl+O", synonyms=("load",))
STOP = ActionSpec(id="a.stop", text="Stop all", group="A")


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    return made


def test_a_shortcut_is_taken_once(window: QWidget) -> None:
    actions = Actions(window)
    actions.add(OPEN, lambda: None)
    with pytest.raises(ValueError, match="same shortcut"):
        actions.add(ActionSpec(id="b", text="B", group="B", shortcut="ctrl+o"), lambda: None)
    with pytest.raises(ValueError, match="already"):
        actions.add(OPEN, lambda: None)


def test_what_cannot_be_done_now_is_not_done(window: QWidget) -> None:
    actions, done = Actions(window), []
    actions.add(STOP, lambda: done.append(1), lambda: "Nothing runs.")
    assert not actions.trigger("a.stop")
    actions.action("a.stop").trigger()
    assert done == []


@pytest.mark.parametrize(
    ("typed", "rank"), [("op", 0), ("folder", 1), ("load", 2), ("open load", 2), ("x", None), ("", 0)]
)
def test_words_and_synonyms_find_an_action(typed: str, rank: int | None) -> None:
    assert matches(OPEN, typed) == rank


def test_the_palette_does_what_was_typed(qtbot: QtBot, window: QWidget) -> None:
    actions, done = Actions(window), []
    actions.add(OPEN, lambda: done.append("open"))
    actions.add(STOP, lambda: done.append("stop"), lambda: "Nothing runs.")
    palette = CommandPalette(actions, window)
    palette.open()
    field = palette.first_focus()
    qtbot.keyClicks(field, "load")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert done == ["open"]
    assert not palette.isVisible()


def test_the_palette_says_why_not_and_stays(qtbot: QtBot, window: QWidget) -> None:
    actions, done = Actions(window), []
    actions.add(STOP, lambda: done.append("stop"), lambda: "Nothing runs.")
    palette = CommandPalette(actions, window)
    palette.open()
    field = palette.first_focus()
    qtbot.keyClicks(field, "stop")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert done == []
    assert palette.isVisible()
