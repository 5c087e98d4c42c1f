"""What needs the user is answered where it stands, with mouse and keyboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, RigId
from gastown_desktop.ui.needs.list import NeedsList

RIG, CONVOY = RigId("r-1"), ConvoyId("cv-1")
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WHERE = {"rig": RIG, "convoy": CONVOY}


def town(*events: ev.DurableEvent) -> TownView:
    view = TownView()
    created = ev.ConvoyCreated(**WHERE, title="Limits", base=Oid("0" * 40), target="refs/heads/x")
    beads = [ev.BeadAdded(**WHERE, bead=BeadId(f"gt-{name}"), title=name) for name in "abc"]
    waits = ev.DependencyAdded(**WHERE, bead=BeadId("gt-b"), on=BeadId("gt-a"))
    for seq, event in enumerate([created, *beads, waits, *events], 1):
        at = START + timedelta(minutes=seq)
        view.apply(ev.Envelope(seq=seq, at=at, event=event), at, Changes())
    return view


def question(bead: str, *options: str, default: str | None = None, about: str = "question") -> ev.NeedsYou:
    item = f"gt-{bead}:{about}:1"
    return ev.NeedsYou(
        **WHERE,
        item=item,
        about=about,
        text=f"What of {bead}?",
        bead=BeadId(f"gt-{bead}"),
        options=options,
        default=default,
    )


@pytest.fixture
def shown(qtbot: QtBot) -> NeedsList:
    view = town(question("c", "Yes", "No"), question("a", "Seconds", "Date", default="Date"))
    made = NeedsList(view)
    qtbot.addWidget(made)
    made.resize(470, 500)
    made.show()
    made.refresh(START + timedelta(minutes=20))
    made.setFocus()
    return made


def test_what_blocks_others_comes_first(shown: NeedsList) -> None:
    assert [row.need.bead for row in shown.rows] == ["gt-a", "gt-c"]


def test_the_default_is_the_first_answer_and_only_the_current_row_is_orange(shown: NeedsList) -> None:
    first, second = shown.rows
    assert [button.text() for button in first.answers] == ["Date", "Seconds", "Type an answer…"]
    assert first.answers[0].kind == "primary"
    assert second.answers[0].kind == "plain"


def test_a_digit_answers_the_current_item(qtbot: QtBot, shown: NeedsList) -> None:
    with qtbot.waitSignal(shown.answered) as answered:
        qtbot.keyClick(shown, Qt.Key.Key_2)
    convoy, need, answer = answered.args
    assert (convoy, need.bead, answer.text) == (CONVOY, "gt-a", "Seconds")


def test_n_goes_on_and_enter_takes_the_first_answer(qtbot: QtBot, shown: NeedsList) -> None:
    qtbot.keyClick(shown, Qt.Key.Key_N)
    with qtbot.waitSignal(shown.answered) as answered:
        qtbot.keyClick(shown, Qt.Key.Key_Return)
    assert answered.args[1].bead == "gt-c"


def test_an_answer_of_ones_own_is_typed(qtbot: QtBot, shown: NeedsList) -> None:
    row = shown.rows[0]
    qtbot.mouseClick(row.answers[2], Qt.MouseButton.LeftButton)
    field = row.focusWidget()
    assert field is not None
    qtbot.keyClicks(field, "Both, please.")
    with qtbot.waitSignal(shown.answered) as answered:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert answered.args[2].text == "Both, please."


def test_a_conflict_is_resolved_and_a_red_bead_has_ways_out(qtbot: QtBot) -> None:
    view = town(question("a", about="conflict"), question("c", about="red"))
    made = NeedsList(view)
    qtbot.addWidget(made)
    made.refresh(START + timedelta(hours=1))
    words = [[button.text() for button in row.answers] for row in made.rows]
    assert words == [
        ["Resolve…", "Let a worker try again"],
        ["Open diff", "Start another round", "Discard…"],
    ]


def test_with_nothing_to_answer_it_says_so(qtbot: QtBot) -> None:
    made = NeedsList(TownView())
    qtbot.addWidget(made)
    made.refresh(START)
    assert made.rows == []
