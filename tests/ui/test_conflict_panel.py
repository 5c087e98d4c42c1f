"""A conflict is settled file by file; what can be handed in is computed, never just clicked."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.api import Conflict, ConflictFile
from gastown_desktop.ui.needs.conflict import ConflictPanel

MARKED = b"a\r\n<<<<<<< ours\r\nb\r\n=======\r\nc\r\n>>>>>>> theirs\r\nd\r\n"


def panel(qtbot: QtBot, *files: ConflictFile) -> ConflictPanel:
    conflict = Conflict(bead=BeadId("gt-a"), ours="gt-b", theirs="gt-a", files=files, tip=Oid("1" * 40))
    made = ConflictPanel(conflict)
    qtbot.addWidget(made)
    made.resize(1000, 600)
    made.show()
    return made


def text_file(path: str = "a.txt") -> ConflictFile:
    return ConflictFile(path=path, ours=b"a\nb\nd\n", theirs=b"a\nc\nd\n", base=b"a\nd\n", marked=MARKED)


def click(qtbot: QtBot, made: ConflictPanel, words: str) -> None:
    button = next(one for one in made.findChildren(type(made.finish_button)) if one.text() == words)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_nothing_can_be_handed_in_while_a_marker_is_left(qtbot: QtBot) -> None:
    made = panel(qtbot, text_file())
    assert not made.finish_button.isEnabled()
    assert made.open_paths() == ["a.txt"]


def test_a_side_keeps_the_rest_of_the_file_to_the_byte(qtbot: QtBot) -> None:
    made = panel(qtbot, text_file())
    click(qtbot, made, "Take theirs")
    assert made.resolution == {"a.txt": b"a\r\nc\r\nd\r\n"}
    with qtbot.waitSignal(made.finished) as finished:
        click(qtbot, made, "Hand in the resolution")
    assert finished.args == [{"a.txt": b"a\r\nc\r\nd\r\n"}]


def test_the_text_can_be_edited_and_keeps_its_line_ends(qtbot: QtBot) -> None:
    made = panel(qtbot, text_file())
    made.text.setFocus()
    qtbot.keyClick(made.text, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(made.text, "mine")
    qtbot.keyClick(made.text, Qt.Key.Key_Return)
    assert made.resolution == {"a.txt": b"mine\r\n"}
    assert made.finish_button.isEnabled()


def test_starting_over_opens_a_file_again(qtbot: QtBot) -> None:
    made = panel(qtbot, text_file())
    click(qtbot, made, "Take both")
    assert made.finish_button.isEnabled()
    click(qtbot, made, "Start over")
    assert not made.finish_button.isEnabled()
    assert made.resolution == {"a.txt": MARKED}


def test_each_file_has_to_be_settled(qtbot: QtBot) -> None:
    made = panel(qtbot, text_file("a.txt"), text_file("b.txt"))
    click(qtbot, made, "Take ours")
    assert made.open_paths() == ["b.txt"]


def test_a_binary_file_is_chosen_whole(qtbot: QtBot) -> None:
    file = ConflictFile(path="logo.png", ours=b"\0a", theirs=b"\0b", base=b"\0", marked=b"", binary=True)
    made = panel(qtbot, file)
    assert not made.text.isEnabled()
    click(qtbot, made, "Take theirs")
    assert made.resolution == {"logo.png": b"\0b"}


def test_a_file_that_one_side_deleted_may_go(qtbot: QtBot) -> None:
    file = ConflictFile(path="old.txt", ours=None, theirs=b"new\n", base=b"old\n", marked=b"")
    made = panel(qtbot, file)
    assert not made.finish_button.isEnabled()
    click(qtbot, made, "Delete, as ours")
    assert made.resolution == {"old.txt": None}
    assert made.finish_button.isEnabled()
