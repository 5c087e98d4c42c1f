from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QPushButton
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import Oid
from gastown_desktop.ui.history.page import HistoryPage
from gastown_desktop.ui.widgets.buttons import MenuButton
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.empty import EmptyState
from gastown_desktop.ui.widgets.fields import SearchField
from tests.bridge.town import (
    CONVOY,
    OID,
    SLIT,
    START,
    WHERE,
    A,
    B,
    begun,
    shown,
    slung,
    then,
    turned,
)
from tests.fakes.engine_api import FakeEngineApi


def opened(qtbot: QtBot, view: TownView, api: FakeEngineApi | None = None) -> HistoryPage:
    page = HistoryPage(view, (api or FakeEngineApi()).port)
    qtbot.addWidget(page)
    page.resize(1080, 732)
    page.show()
    return page


def town() -> TownView:
    return shown(*begun(A, B), slung(A), slung(B, SLIT), turned(A))


def go_to(qtbot: QtBot, page: HistoryPage, tab: str) -> None:
    tabs = page.findChild(SegmentedControl)
    assert tabs is not None
    segment = next(one for one in tabs.findChildren(QAbstractButton) if one.text() == tab)
    qtbot.mouseClick(segment, Qt.MouseButton.LeftButton)


def choose(page: HistoryPage, menu: str, entry: str) -> None:
    button = next(one for one in page.findChildren(MenuButton) if one.text() == menu)
    button.drop.aboutToShow.emit()
    next(action for action in button.drop.actions() if action.text() == entry).trigger()


def whats(page: HistoryPage) -> list[str]:
    return [row.told.what for row in page.timeline.values]


def test_history_is_live(qtbot: QtBot) -> None:
    view = town()
    page = opened(qtbot, view)
    before = page.timeline.rowCount()
    page.heed(then(view, turned(A, turn=2)))
    assert page.timeline.rowCount() == before + 1
    assert whats(page)[0] == "Nux ended turn 2"


def test_filters_and_search_narrow_the_timeline(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    choose(page, "All workers", "Slit")
    assert whats(page) == ["Slit started"]
    choose(page, "Slit", "All workers")
    choose(page, "All kinds", "Turns")
    assert whats(page) == ["Nux ended turn 1"]
    choose(page, "Turns", "All kinds")
    field = page.findChild(SearchField)
    assert field is not None
    qtbot.keyClicks(field, "started slit")
    assert whats(page) == ["Slit started"]
    qtbot.keyClicks(field, " xyz")
    empty = page.findChild(EmptyState)
    assert empty is not None
    assert empty.isVisible()


def test_the_selected_event_tells_all_of_itself(qtbot: QtBot) -> None:
    run = ev.GateRun(
        **WHERE, gate="pytest", tree=Oid("4" * 40), green=False, seconds=5, beads=(A,), tail="1 failed"
    )
    page = opened(qtbot, shown(*begun(A), slung(A), run))
    page.timeline_table.select_row(0)
    assert page.detail.text == "1 failed"
    button = next(one for one in page.detail.findChildren(QPushButton) if one.text() == "Open in fleet")
    with qtbot.waitSignal(page.bead_wanted) as told:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert told.args == [A]


def test_the_keyboard_walks_and_enter_opens(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    page.timeline_table.setFocus()
    page.timeline_table.select_row(0)
    qtbot.keyClick(page.timeline_table, Qt.Key.Key_Down)
    assert page.timeline_table.current.told.what == "Slit started"
    with qtbot.waitSignal(page.bead_wanted) as told:
        qtbot.keyClick(page.timeline_table, Qt.Key.Key_Return)
    assert told.args == [B]


def rehearsed() -> TownView:
    created = ev.ConvoyCreated(**WHERE, title="Replay", base=OID, target="t", rehearsal=True)
    return shown(created, ev.BeadAdded(**WHERE, bead=A, title="Do it"))


@pytest.mark.parametrize("report", [{"oracle": {}}, None])
def test_a_rehearsal_opens_its_report_where_there_is_one(qtbot: QtBot, report: Any) -> None:
    api = FakeEngineApi(evidence=report)
    page = opened(qtbot, rehearsed(), api)
    go_to(qtbot, page, "Rehearsals")
    qtbot.waitUntil(lambda: api.asked("evidence") == [(CONVOY,)])
    qtbot.waitUntil(lambda: page.convoys.values[0].report == (report is not None))
    page.convoys_table.select_row(0)
    buttons = [one for one in page.detail.findChildren(QPushButton) if one.text() == "Show report"]
    assert buttons[0].isVisible() == (report is not None)
    if report is not None:
        with qtbot.waitSignal(page.evidence_wanted) as told:
            qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
        assert told.args == [CONVOY]


def test_recovery_lists_what_was_mended(qtbot: QtBot) -> None:
    recovered = ev.Recovered(**WHERE, assumed_requests=2, killed_children=1, facts=("swept a lock",))
    page = opened(qtbot, shown(*begun(A), slung(A), recovered))
    go_to(qtbot, page, "Recovery")
    assert whats(page) == ["Resumed after a stop"]
    go_to(qtbot, page, "Timeline")
    assert len(whats(page)) == 4


def test_an_ordinary_convoy_is_listed_with_how_far_it_is(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    go_to(qtbot, page, "Convoys")
    (row,) = page.convoys.values
    assert (row.title, row.count) == ("Things", "0 of 2")
    go_to(qtbot, page, "Rehearsals")
    assert page.convoys.rowCount() == 0


@pytest.mark.parametrize(("later", "day"), [(0, "Today"), (1, "Yesterday"), (3, "25 nov")])
def test_the_day_of_the_topmost_row_is_said_by_the_clock(qtbot: QtBot, later: int, day: str) -> None:
    page = HistoryPage(town(), FakeEngineApi().port, now=lambda: START + timedelta(days=later))
    qtbot.addWidget(page)
    page.resize(1080, 732)
    page.show()
    assert page.day.casefold() == day.casefold()


def test_an_empty_history_says_so(qtbot: QtBot) -> None:
    page = opened(qtbot, TownView())
    empty = page.findChild(EmptyState)
    assert empty is not None
    assert empty.isVisible()
