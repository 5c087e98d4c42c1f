from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextBlock
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.engine.api import Transcript
from gastown_desktop.ui.fleet.page import FleetPage
from tests.bridge.town import CONVOY, RIG, SLIT, WHERE, A, B, C, became, begun, shown, slung, tell, then
from tests.fakes.engine_api import FakeEngineApi
from tests.ui.fleet_town import called, engine, spoken


def town() -> TownView:
    """Nux works on A, Slit on B, C waits."""
    view = shown(*begun(A, B, C), slung(A), became("working"), slung(B, SLIT), became("working", SLIT))
    tell(view, [ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=2)])
    return view


def settle(qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not tasks.running())


def open_page(qtbot: QtBot, view: TownView, api: FakeEngineApi, height: int = 732) -> FleetPage:
    """A shown page on which A is open."""
    page = FleetPage(view, api.port)
    qtbot.addWidget(page)
    page.resize(1224, height)
    page.show()
    page.open_bead(A)
    settle(qtbot)
    return page


def lines_of_rules_and_rows(page: FleetPage) -> set[int]:
    """How many lines the rules of turns and the folded lines take."""
    transcript = page.detail.transcript
    writer: Any = transcript._writer
    found: set[int] = set()
    block: QTextBlock = transcript.document().begin()
    while block.isValid():
        mark = writer.mark_of(block)
        if mark is not None and mark.kind in {"rule", "row"}:
            found.add(block.layout().lineCount())
        block = block.next()
    return found


@pytest.mark.parametrize("turns", [1, 30])
def test_rules_and_folded_lines_stay_in_one_line_with_a_scroll_bar_and_without(
    qtbot: QtBot, turns: int
) -> None:
    long = called("search", "Searching for " + "a_long_name " * 20)
    said = [spoken(number, f"Part {number}.", long, long, long) for number in range(1, turns + 1)]
    page = open_page(qtbot, town(), engine(*said))
    bar = page.detail.transcript.verticalScrollBar()
    assert bool(bar.maximum()) == (turns > 1)
    qtbot.waitUntil(lambda: lines_of_rules_and_rows(page) == {1})


def test_a_short_message_takes_no_letters_out_of_what_the_town_said(qtbot: QtBot) -> None:
    view = town()
    then(view, ev.MessageSent(**WHERE, bead=A, message="m-1", text="e"))
    then(view, ev.MessageDelivered(**WHERE, bead=A, message="m-1", turn=1))
    told = "The gate is red: see the test.\n\nThe user says: e"
    page = open_page(qtbot, view, engine(spoken(1, "First.", told=told), spoken(2, "Second.")))
    text = page.detail.transcript.toPlainText()
    assert "The gate is red: see the test." in text
    assert "The user says" not in text


def test_the_field_names_all_who_will_hear_it_after_a_turn_too(qtbot: QtBot) -> None:
    page = open_page(qtbot, town(), engine(spoken(1)))
    page.cards.setFocus()
    page.cards.selectAll()
    assert page.detail.composer.field.placeholderText() == "Message 3 workers"
    page.detail.ask()
    settle(qtbot)
    assert page.detail.composer.field.placeholderText() == "Message 3 workers"


def test_an_answer_that_fails_late_is_not_held_against_the_next_card(qtbot: QtBot) -> None:
    def transcript(_convoy: ConvoyId, bead: BeadId) -> Transcript:
        if bead == A:
            raise Refused("The hook of A cannot be read.")
        return Transcript(bead=bead, task="", turns=(), steps=())

    page = FleetPage(town(), engine(transcript=transcript).port)
    qtbot.addWidget(page)
    page.resize(1224, 732)
    page.show()
    page.open_bead(A)
    page.open_bead(B)
    settle(qtbot)
    assert page.detail.notice.isHidden()


def test_a_message_that_some_refuse_says_who_and_reaches_the_others(qtbot: QtBot) -> None:
    def message(_convoy: ConvoyId, bead: BeadId, _text: str) -> None:
        if bead == A:
            raise Refused("Its work is over.")

    api = engine(spoken(1), message=message)
    page = open_page(qtbot, town(), api)
    page.cards.setFocus()
    page.cards.selectAll()
    QTest.keyClicks(page.detail.composer.field, "Stop at noon.")
    QTest.keyClick(page.detail.composer.field, Qt.Key.Key_Return)
    settle(qtbot)
    assert [args[1] for args in api.asked("message")] == [A, B]
    assert page.detail.notice.words.text() == f"{A}: Its work is over."
    assert page.detail.composer.field.toPlainText() == ""


@pytest.mark.parametrize(("with_waiting", "asked"), [(True, [A]), (False, [B, A])])
def test_of_selected_beads_that_wait_for_each_other_none_is_discarded_twice_or_pulled_away_first(
    qtbot: QtBot, with_waiting: bool, asked: list[BeadId]
) -> None:
    def dependants(_convoy: ConvoyId, bead: BeadId) -> tuple[BeadId, ...]:
        return {A: (B, C), B: (C,)}.get(bead, ())

    api = engine(dependants=dependants)
    page = open_page(qtbot, town(), api)
    page.worker_actions.ask_discard([card for card in page.model.values if card.bead in {A, B}])
    settle(qtbot)
    sheet = page.worker_actions.sheet
    assert sheet is not None
    button = sheet.with_waiting if with_waiting else sheet.discard
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert [args[1] for args in api.asked("discard")] == asked
