"""The spend page: what it shows of a bill, and what the user does with it."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.money import usd
from gastown_desktop.engine.api import Absence, LimitLine
from gastown_desktop.ui.spend.figures import as_csv, course_of
from gastown_desktop.ui.spend.page import SpendPage
from tests.bridge.town import WHERE, A, then
from tests.ui.spending import BILL, SpendingEngine, line, now, request, town

LEFT = Qt.MouseButton.LeftButton


def shown(qtbot: QtBot, engine: SpendingEngine, view: TownView | None = None) -> SpendPage:
    page = SpendPage(view or town(), engine.api, now=now, zone=UTC)
    qtbot.addWidget(page)
    page.resize(1080, 732)
    page.show()
    if view is None or view.convoys:
        qtbot.waitUntil(lambda: page.table.isVisible() and bool(page.table.rows()))
    return page


def choose(qtbot: QtBot, page: SpendPage, tab: str) -> list[str]:
    button = next(one for one in page.tabs.findChildren(QAbstractButton) if one.text() == tab)
    qtbot.mouseClick(button, LEFT)
    return [row.spoken for row in page.table.rows()]


def test_the_figure_is_what_is_spent_or_promised(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine())
    assert page.headline.accessibleName().startswith("$6.00 of $10.00 spent or promised, $30.00/h now")
    assert page.gauge.accessibleName() == (
        "Settled $5.00, Assumed $0.18, Held $0.82, Free $3.50, Kept for landing $0.50, limit $10.00"
    )


def test_a_rehearsal_says_that_nothing_was_spent(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine(), town(rehearsal=True))
    assert page.headline.accessibleName().startswith("$0.00 spent · $6.00 of $10.00 at list price")


def test_the_dearest_bead_comes_first_with_its_tokens(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine())
    first = page.table.rows()[0]
    assert first.spoken == (
        "gt-a Do gt-a, Nux, M, Starting, 3, 1.00\N{NO-BREAK SPACE}M 93\N{NO-BREAK SPACE}%, "
        "48\N{NO-BREAK SPACE}k, $4.00"
    )


@pytest.mark.parametrize(
    ("tab", "begins"),
    [
        ("Convoy", "Things, 6"),
        ("Worker", "Nux, 3"),
        ("Role", "Workers, 3"),
        ("Model", "Opus 5.5, 3"),
        ("Day", "25 Nov 2026, 7"),
        ("Request", "gt-a Nux turn 9, 12:09:00, Opus 5.5, Held"),
    ],
)
def test_each_tab_sums_by_what_it_says(qtbot: QtBot, tab: str, begins: str) -> None:
    page = shown(qtbot, SpendingEngine())
    assert choose(qtbot, page, tab)[0].startswith(begins)


def test_a_request_to_check_leads_to_its_row(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine())
    assert page.check.isVisible()
    qtbot.mouseClick(page.check.look, LEFT)
    assert page.tabs.current == "Request"
    row = page.table.currentIndex().row()
    assert page.table.rows()[row].key == "r8"


def test_without_assumed_requests_there_is_nothing_to_check(qtbot: QtBot) -> None:
    known = replace(BILL, requests=tuple(one for one in BILL.requests if one.state != "assumed"))
    assert shown(qtbot, SpendingEngine(known)).check.isHidden()


def test_the_limit_is_changed_in_its_place(qtbot: QtBot) -> None:
    engine = SpendingEngine()
    page = shown(qtbot, engine)
    qtbot.mouseClick(page.change, LEFT)
    assert page.editor.field.hasFocus()
    assert page.editor.note.text() == "$10.00 → $15.00. $9.00 would be free."
    page.editor.field.clear()
    qtbot.keyClicks(page.editor.field, "40")
    qtbot.keyClick(page.editor.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(engine.caps))
    assert engine.caps == [(BILL.convoy, usd("40"))]
    qtbot.waitUntil(lambda: "of $40.00" in page.headline.accessibleName())
    assert page.editor.isHidden()


@pytest.mark.parametrize(
    ("typed", "says", "can"),
    [
        ("five", "An amount in dollars, such as 60 or 60.00", False),
        ("0", "An amount in dollars, such as 60 or 60.00", False),
        ("6", "$10.00 → $6.00. $6.00 is spent or promised: nothing more would start.", True),
    ],
)
def test_the_editor_says_what_an_amount_means(qtbot: QtBot, typed: str, says: str, can: bool) -> None:
    page = shown(qtbot, SpendingEngine())
    qtbot.mouseClick(page.change, LEFT)
    page.editor.field.clear()
    qtbot.keyClicks(page.editor.field, typed)
    assert page.editor.note.text() == says
    assert page.editor.set_button.isEnabled() is can


def test_escape_leaves_the_limit_as_it_is(qtbot: QtBot) -> None:
    engine = SpendingEngine()
    page = shown(qtbot, engine)
    qtbot.mouseClick(page.change, LEFT)
    qtbot.keyClick(page.editor.field, Qt.Key.Key_Escape)
    assert page.editor.isHidden()
    assert page.change.isEnabled()
    assert not engine.caps


def test_a_limit_that_was_refused_says_why(qtbot: QtBot) -> None:
    engine = SpendingEngine()
    engine.refuses = "The disk is full."
    page = shown(qtbot, engine)
    qtbot.mouseClick(page.change, LEFT)
    qtbot.mouseClick(page.editor.set_button, LEFT)
    qtbot.waitUntil(lambda: page.editor.note.text() == "The disk is full.")
    assert page.editor.isVisible()


def test_the_bill_is_asked_for_once_a_second_at_most(qtbot: QtBot) -> None:
    engine = SpendingEngine()
    page = shown(qtbot, engine)
    for _ in range(20):
        page.heed(Changes(money=True))
    assert engine.asked == 1
    qtbot.waitUntil(lambda: engine.asked == 2, timeout=3_000)


def test_a_hidden_page_asks_for_nothing(qtbot: QtBot) -> None:
    engine = SpendingEngine()
    page = SpendPage(town(), engine.api, now=now, zone=UTC)
    qtbot.addWidget(page)
    page.heed(Changes(money=True))
    assert engine.asked == 0


def test_a_limit_that_is_asked_for_before_the_bill_is_there_waits_for_it(qtbot: QtBot) -> None:
    page = SpendPage(town(), SpendingEngine().api, now=now, zone=UTC)
    qtbot.addWidget(page)
    page.show()
    page.ask_for_limit()
    qtbot.waitUntil(page.editor.isVisible)


def test_a_town_without_a_convoy_says_so(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine(), TownView())
    assert not page.table.isVisible()
    assert not page.export.isEnabled()


def test_a_bead_that_is_entered_is_told(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine())
    page.table.select_key("gt-a")
    page.table.setFocus()
    with qtbot.waitSignal(page.bead_chosen) as told:
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert told.args == ["gt-a"]


def test_the_export_has_every_request(qtbot: QtBot, tmp_path: Path) -> None:
    page = shown(qtbot, SpendingEngine())
    qtbot.mouseClick(page.export, LEFT)
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    field = dialog.findChild(QLineEdit)
    assert field is not None
    field.setText(str(tmp_path / "spend.csv"))
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil((tmp_path / "spend.csv").exists)
    rows = list(csv.DictReader((tmp_path / "spend.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == ["r1", "r2", "r4", "r5", "r7", "r8", "r9"]
    assert rows[0]["amount_usd"] == "1.000000000"


def test_an_export_holds_no_formula() -> None:
    hostile = replace(request(1), what="=cmd()")
    text = as_csv(replace(BILL, requests=(hostile,)))
    assert "'=cmd()" in text


def test_the_course_before_the_window_opened_comes_from_the_bill() -> None:
    bill = replace(BILL, settled=usd("7"), assumed=0)
    course = course_of(bill, [])
    assert (course[0].at, course[0].settled) == (request(1).at, usd("7") - usd("5.18"))
    assert course[-1].settled == usd("7")
    live = town().samples
    assert course_of(bill, live) == list(live)


def test_the_nearest_of_several_limits_is_named_with_what_is_left_of_each(qtbot: QtBot) -> None:
    limits = (
        LimitLine(kind="convoy", cap=usd("10"), used=usd("6"), kept=usd("0.50")),
        LimitLine(kind="day", cap=usd("25"), used=usd("21.80")),
        LimitLine(kind="town", cap=usd("400"), used=usd("212.38")),
    )
    page = shown(qtbot, SpendingEngine(replace(BILL, limits=limits)))
    assert page.limits.isVisible()
    assert page.limits.bars.accessibleName() == (
        "Limits: This convoy $3.50 left, of $10.00; Today $3.20 left, of $25.00; "
        "Everything $187.62 left, of $400.00"
    )
    assert [row.marked for row in page.limits.bars.rows] == [False, True, False]
    assert page.limits.words == "Today’s limit is the nearest: $3.20 is left of $25.00."
    assert page.away.isHidden()


def test_one_limit_is_not_told_twice(qtbot: QtBot) -> None:
    one = LimitLine(kind="convoy", cap=usd("10"), used=usd("6"))
    assert shown(qtbot, SpendingEngine(replace(BILL, limits=(one,)))).limits.isHidden()


def test_an_unattended_night_says_until_when_for_how_much_and_what_was_answered(qtbot: QtBot) -> None:
    view = town()
    asked = ev.NeedsYou(
        **WHERE, item="q", about="question", text="Redis?\nOr memory.", bead=A, options=(), default="Redis"
    )
    then(view, asked, ev.NeedAnswered(**WHERE, item="q", answer="Redis", by="unattended"))
    seven = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
    away = Absence(lasts=True, until=seven, at_most=usd("15"), spent=usd("3.10"))
    page = shown(qtbot, SpendingEngine(replace(BILL, absence=away)), view)
    said = page.away.words.splitlines()
    assert said[:2] == [
        "Nobody answers until 07:00. $3.10 of $15.00 is spent or promised meanwhile.",
        "1 question answered by default:",
    ]
    assert said[2].endswith("gt-a, Redis? Redis.")
    ended = replace(away, lasts=False, until=now() - timedelta(minutes=1), at_most=None)
    page = shown(qtbot, SpendingEngine(replace(BILL, absence=ended)))
    assert page.away.words == "It ended today 12:09. $3.10 was spent meanwhile."
    endless = replace(away, until=None)
    page = shown(qtbot, SpendingEngine(replace(BILL, absence=endless)))
    assert page.away.words.startswith("Nobody answers until the convoy is at its end. $3.10 of $15.00")


def test_texts_of_workers_are_no_markup(qtbot: QtBot) -> None:
    engine = SpendingEngine(replace(BILL, by_polecat=(line("<b>x</b>", "1"),)))
    page = shown(qtbot, engine)
    assert choose(qtbot, page, "Worker")[0].startswith("<b>x</b>, 3")


def test_the_page_fits_a_small_window_by_scrolling(qtbot: QtBot) -> None:
    page = shown(qtbot, SpendingEngine())
    page.resize(720, 480)
    assert page.minimumSizeHint().width() <= 720
