from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.api import Transcript
from gastown_desktop.ui.fleet.page import FleetPage
from gastown_desktop.ui.fleet.transcript_view import TranscriptView
from tests.bridge.town import (
    CONVOY,
    NUX,
    RIG,
    SLIT,
    WHERE,
    A,
    B,
    C,
    became,
    begun,
    metered,
    needs,
    shown,
    slung,
    streamed,
    tell,
    then,
    turned,
)
from tests.fakes.engine_api import FakeEngineApi
from tests.ui.fleet_town import called, engine, spoken

Make = Callable[..., FleetPage]


def running_town() -> TownView:
    """Nux works on A, Slit on B, C waits."""
    events = (*begun(A, B, C), slung(A), became("working"), slung(B, SLIT), became("working", SLIT))
    view = shown(*events)
    tell(view, [ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=2)])
    return view


def settle(qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not tasks.running())


@pytest.fixture
def make(qtbot: QtBot) -> Make:
    """Makes a shown page on which A is open."""

    def made(view: TownView, api: FakeEngineApi, bead: BeadId = A, width: int = 1224) -> FleetPage:
        page = FleetPage(view, api.port)
        qtbot.addWidget(page)
        page.resize(width, 732)
        page.show()
        page.open_bead(bead)
        settle(qtbot)
        return page

    return made


def text_of(page: FleetPage) -> str:
    return page.detail.transcript.toPlainText()


def press(page: FleetPage, words: str) -> None:
    button = next(one for one in page.detail.notice.buttons if one.text() == words)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def tab(page: FleetPage, name: str) -> None:
    button: Any = next(one for one in page.detail.tabs.children() if getattr(one, "name", "") == name)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_transcript_shows_turns_with_their_costs_and_folded_calls(make: Make) -> None:
    calls = (
        called("read", "Reading a.py"),
        called("read", "Reading b.py"),
        called("bash", "Running make", "3 passed"),
    )
    page = make(running_town(), engine(spoken(1, "I **look** at `a.py`.", *calls)))
    text = text_of(page)
    assert "Turn 1" in text
    assert "$0.11" in text
    assert "I look at a.py." in text
    assert "2 calls  read a.py, b.py" in text
    assert "bash  make\t3 passed" in text


def test_a_folded_line_opens_and_folds_again(make: Make, qtbot: QtBot) -> None:
    page = make(running_town(), engine(spoken(1, "Hm.", called("bash", "Running make", "one\ntwo"))))
    view = page.detail.transcript
    row = next(number for number, mark in view._writer.marks.items() if mark.kind == "row")
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Tab)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert "one\ntwo" in text_of(page)
    rect = next(rect for block, mark, rect in view._in_sight() if block.userState() == row)
    at = rect.center().toPoint()
    at.setX(view.viewport().width() - 30)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert "one\ntwo" not in text_of(page)


def test_what_streams_is_appended_and_its_turn_takes_its_place(make: Make, qtbot: QtBot) -> None:
    view = running_town()
    told: list[Any] = [spoken(1, "First.")]

    def transcript(_convoy: Any, bead: BeadId) -> Transcript:
        return Transcript(bead=bead, task="", turns=tuple(told), steps=())

    page = make(view, engine(transcript=transcript))
    page.heed(tell(view, [streamed("Sec")]))
    page.heed(tell(view, [streamed("ond <b>reply</b>")]))
    assert "Turn 2" in text_of(page)
    assert "Second <b>reply</b>" in text_of(page)
    told.append(spoken(2, "Second, ended."))
    page.heed(then(view, turned(A, turn=2)))
    settle(qtbot)
    assert "Second, ended." in text_of(page)
    assert "reply" not in text_of(page)
    assert text_of(page).count("Turn 2") == 1
    assert text_of(page).count("First.") == 1


def test_the_end_is_followed_until_one_scrolls_up(make: Make, qtbot: QtBot) -> None:
    view = running_town()
    page = make(view, engine(*(spoken(number, "Words. " * 40) for number in range(1, 30))))
    bar = page.detail.transcript.verticalScrollBar()
    assert bar.value() == bar.maximum()
    page.heed(tell(view, [streamed("More. " * 200)]))
    assert bar.value() == bar.maximum()
    bar.setValue(100)
    page.heed(tell(view, [streamed("And more. " * 200)]))
    assert bar.value() == 100


def test_nothing_that_a_worker_writes_is_loaded_or_rich(make: Make) -> None:
    hostile = "![x](file:///etc/passwd)\n\n<img src='http://x/y.png'> <a href='x'>y</a> [z](http://z)\u202e"
    page = make(running_town(), engine(spoken(1, hostile, called("bash", "<b>x</b>", "<i>r</i>"))))
    text = text_of(page)
    assert "‹U+202E›" in text
    assert "\N{OBJECT REPLACEMENT CHARACTER}" not in text
    assert "<b>x</b>" in text
    links = [page.detail.transcript.anchorAt(point) for point in _points(page.detail.transcript)]
    assert all(link == "" or link.startswith("row:") for link in links)


def _points(view: TranscriptView) -> list[Any]:
    area = view.viewport().rect()
    return [QPoint(x, y) for x in range(0, area.width(), 16) for y in range(0, min(300, area.height()), 8)]


def test_what_the_user_says_is_sent_and_shown_until_it_is_heard(make: Make, qtbot: QtBot) -> None:
    view = running_town()
    api = engine(spoken(1, "First."))
    page = make(view, api)
    assert page.detail.composer.words.text() == "Delivered when turn 2 ends"
    QTest.keyClicks(page.detail.composer.field, "Keep it small.")
    QTest.keyClick(page.detail.composer.field, Qt.Key.Key_Return)
    settle(qtbot)
    assert api.asked("message") == [(CONVOY, A, "Keep it small.")]
    assert page.detail.composer.field.toPlainText() == ""
    page.heed(then(view, ev.MessageSent(**WHERE, bead=A, message="m-1", text="Keep it small.")))
    settle(qtbot)
    assert "Sent, not delivered yet" in text_of(page)
    page.heed(then(view, ev.MessageDelivered(**WHERE, bead=A, message="m-1", turn=1)))
    settle(qtbot)
    assert "Delivered at turn 2" in text_of(page)


def test_a_message_that_is_refused_comes_back_with_the_reason(make: Make, qtbot: QtBot) -> None:
    api = engine(message=Refused("Nobody hears it.", safe="Nothing was sent."))
    page = make(running_town(), api)
    QTest.keyClicks(page.detail.composer.field, "Hello")
    QTest.keyClick(page.detail.composer.field, Qt.Key.Key_Return)
    settle(qtbot)
    assert page.detail.composer.field.toPlainText() == "Hello"
    assert page.detail.notice.words.text() == "Nobody hears it. Nothing was sent."


def test_words_are_found_in_the_transcript(make: Make) -> None:
    page = make(running_town(), engine(spoken(1, "Find the needle here."), spoken(2, "And needle there.")))
    QTest.mouseClick(page.detail.find_button, Qt.MouseButton.LeftButton)
    QTest.keyClicks(page.detail.find_bar.field, "needle")
    cursor = page.detail.transcript.textCursor
    assert cursor().selectedText() == "needle"
    first = cursor().position()
    QTest.keyClick(page.detail, Qt.Key.Key_F3)
    assert cursor().position() > first
    QTest.keyClick(page.detail, Qt.Key.Key_F3)
    assert cursor().position() == first
    QTest.keyClicks(page.detail.find_bar.field, "zzz")
    assert page.detail.find_bar.words.text() == "Not found"


def test_the_diff_is_asked_for_when_its_tab_is_opened(make: Make, qtbot: QtBot) -> None:
    api = engine(spoken(1))
    page = make(running_town(), api)
    assert api.asked("diff") == []
    tab(page, "diff")
    settle(qtbot)
    assert "1 file, +2 −1" in page.detail.diff.summary.text()
    assert "− old = 1" in page.detail.diff.lines.toPlainText()


def test_steps_hook_and_cost_tell_of_the_same_turns(make: Make) -> None:
    page = make(running_town(), engine(spoken(1, prompt_tokens=48_000), spoken(2)))
    assert page.detail.steps.words.text() == "1 of 2 steps done"
    assert [turn.number for turn in page.detail.hook.model.values] == [2, 1]
    assert page.detail.cost.words.text().startswith("$0.22")


def test_the_button_pauses_and_lets_go_on(make: Make, qtbot: QtBot) -> None:
    view, api = running_town(), engine(spoken(1))
    page = make(view, api)
    QTest.mouseClick(page.detail.head.button, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert api.asked("pause_bead") == [(CONVOY, A)]
    page.heed(then(view, became("paused", reason="by you")))
    assert page.detail.head.button.text() == "Resume"
    QTest.mouseClick(page.detail.head.button, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert api.asked("resume_bead") == [(CONVOY, A)]


def test_stopping_says_what_it_costs_before_it_is_done(make: Make, qtbot: QtBot) -> None:
    view, api = running_town(), engine(spoken(1))
    tell(view, [metered(f"bead:{A}", 0, held=310_000_000)])
    page = make(view, api)
    page.worker_actions.trigger("worker.stop")
    assert "up to $0.31" in page.detail.notice.words.text()
    press(page, "Let it work")
    assert api.asked("stop_bead") == []
    page.worker_actions.trigger("worker.stop")
    press(page, "Stop now")
    settle(qtbot)
    assert api.asked("stop_bead") == [(CONVOY, A)]


def test_taking_over_shows_the_folder_and_giving_back_takes_its_place(make: Make, qtbot: QtBot) -> None:
    view, api = running_town(), engine(spoken(1))
    page = make(view, api)
    page.worker_actions.trigger("worker.take_over")
    settle(qtbot)
    assert "/hand/gt-a" in page.detail.notice.words.text()
    assert page.detail.notice.buttons[0].text() == "Open folder"
    page.heed(then(view, needs("gt-a:taken:1", about="taken")))
    assert page.detail.head.button.text() == "Give back"
    QTest.mouseClick(page.detail.head.button, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert api.asked("give_back") == [(CONVOY, A)]


def test_discarding_shows_the_change_and_what_waits_for_it(make: Make, qtbot: QtBot) -> None:
    api = engine(spoken(1), dependants=(C,))
    page = make(running_town(), api)
    page.cards.setFocus()
    QTest.keyClick(page.cards, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: page.worker_actions.sheet is not None)
    sheet = page.worker_actions.sheet
    assert sheet is not None
    assert sheet.waiting.text() == "gt-c waits for it."
    assert "src/app.py" in sheet.diff.lines.toPlainText()
    QTest.mouseClick(sheet.with_waiting, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert api.asked("discard") == [(CONVOY, A, True)]
    assert page.detail.notice.words.text() == "It is discarded."


def test_the_sheet_keeps_everything_when_one_leaves_it(make: Make, qtbot: QtBot) -> None:
    api = engine(spoken(1))
    page = make(running_town(), api)
    page.ask_discard(A)
    qtbot.waitUntil(lambda: page.worker_actions.sheet is not None)
    assert page.worker_actions.sheet is not None
    QTest.mouseClick(page.worker_actions.sheet.keep, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert api.asked("discard") == []


def test_actions_are_done_with_every_selected_worker(make: Make, qtbot: QtBot) -> None:
    api = engine(spoken(1))
    page = make(running_town(), api)
    page.cards.setFocus()
    page.cards.selectAll()
    page.worker_actions.trigger("worker.pause")
    settle(qtbot)
    assert {args[1] for args in api.asked("pause_bead")} == {A, B, C}
    assert page.worker_actions.refusal("worker.take_over") == "Select a single card."


def test_what_cannot_be_done_says_why(make: Make) -> None:
    page = make(running_town(), engine(), bead=C)
    assert page.worker_actions.refusal("worker.message") == "Nobody works on it yet."
    assert page.worker_actions.refusal("worker.resume") == "It is not paused."
    assert not page.detail.composer.field.isEnabled()
    assert {spec.id.partition(".")[0] for spec in page.worker_actions.specs} == {"worker"}


def test_the_menu_lists_the_actions_with_their_reasons(make: Make, qtbot: QtBot) -> None:
    page = make(running_town(), engine(spoken(1)))
    QTest.mouseClick(page.detail.head.more, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    assert menu is not None
    entries = {action.text(): action for action in menu.actions() if action.text()}
    assert entries["Stop worker now…"].isEnabled()
    assert entries["Resume worker"].toolTip() == "It is not paused."
    menu.close()
    qtbot.wait(0)


def test_in_a_narrow_window_the_detail_comes_with_enter_and_goes_with_escape(make: Make) -> None:
    page = make(running_town(), engine(spoken(1)), width=904)
    page.detail.close_wanted.emit()
    assert not page.detail.isVisible()
    page.cards.setFocus()
    QTest.keyClick(page.cards, Qt.Key.Key_Return)
    assert page.detail.isVisible()
    QTest.keyClick(page.detail, Qt.Key.Key_Escape)
    assert not page.detail.isVisible()


def test_errors_of_questions_are_said_in_place(make: Make, qtbot: QtBot) -> None:
    page = make(running_town(), engine(transcript=Refused("It cannot be read.", remedy="Try again.")))
    assert page.detail.notice.words.text() == "It cannot be read. Try again."


def test_everything_that_takes_the_focus_has_a_name(make: Make) -> None:
    page = make(running_town(), engine(spoken(1)))
    detail = page.detail
    named = (
        detail.transcript,
        detail.diff.lines,
        detail.diff.files,
        detail.steps.table,
        detail.hook.table,
        detail.cost.table,
        detail.composer.field,
        detail.find_button,
        detail.find_bar.field,
        detail.head,
        detail.head.more,
    )
    assert all(widget.accessibleName() for widget in named)
    assert NUX in detail.head.accessibleName()


def test_the_page_is_the_same_in_the_dark(make: Make, dark: None) -> None:
    page = make(running_town(), engine(spoken(1, "Hello.", called("bash", "make", "ok"))))
    assert page.grab().toImage().pixelColor(4, 700).lightness() < 60
