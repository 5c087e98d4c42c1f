from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.ui.graph.page import GraphPage
from gastown_desktop.ui.widgets.fields import SearchField
from tests.bridge.town import (
    SLIT,
    WHERE,
    A,
    B,
    C,
    became,
    begun,
    gate,
    merged,
    needs,
    shown,
    slung,
    submitted,
    tell,
    then,
    turned,
)
from tests.fakes.engine_api import FakeEngineApi


def opened(qtbot: QtBot, view: TownView) -> GraphPage:
    page = GraphPage(view, FakeEngineApi().port)
    qtbot.addWidget(page)
    page.resize(1224, 732)
    page.show()
    return page


def town() -> TownView:
    return shown(*begun(A, B, C), slung(A), slung(B, SLIT), became("working"), became("working", SLIT))


def click(qtbot: QtBot, page: GraphPage, bead: BeadId) -> None:
    middle = page.canvas.scene.targets[bead].center().toPoint()
    qtbot.mouseClick(page.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle))


def test_without_a_convoy_the_page_offers_a_rehearsal(qtbot: QtBot) -> None:
    page = opened(qtbot, TownView())
    (button,) = [one for one in page.findChildren(QPushButton) if one.isVisible()]
    with qtbot.waitSignal(page.rehearse_wanted):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_click_on_a_lane_shows_its_bead(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    click(qtbot, page, B)
    assert page.canvas.current == B
    assert "Slit" in page.canvas.accessibleDescription()
    button = page.inspector.findChild(QPushButton)
    assert button is not None
    with qtbot.waitSignal(page.bead_wanted) as told:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert told.args == [B]


def test_arrow_keys_walk_through_the_lanes_and_enter_opens(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    page.canvas.setFocus()
    qtbot.keyClick(page.canvas, Qt.Key.Key_Right)
    assert page.canvas.current == A
    qtbot.keyClick(page.canvas, Qt.Key.Key_Right)
    assert page.canvas.current == B
    qtbot.keyClick(page.canvas, Qt.Key.Key_Left)
    assert page.canvas.current == A
    with qtbot.waitSignal(page.bead_wanted):
        qtbot.keyClick(page.canvas, Qt.Key.Key_Return)


def test_what_is_handed_in_stands_in_the_queue_with_its_number_and_the_gated_part_in_a_bracket(
    qtbot: QtBot,
) -> None:
    view = town()
    page = opened(qtbot, view)
    page.heed(then(view, submitted(A), submitted(B, SLIT)))
    assert [entry.bead for entry in page.canvas.scene.queue] == [A, B]
    assert [line.number for line in page.canvas.scene.lines] == [1, 2]
    page.heed(tell(view, [gate("pytest", A)]))
    gating = page.canvas.scene.gating
    assert gating is not None
    assert (gating.first, gating.last) == (1, 1)


def test_a_merge_becomes_a_pill_and_lanes_stay_where_they_are(qtbot: QtBot) -> None:
    view = town()
    page = opened(qtbot, view)
    before = {line.bead: line.x for line in page.canvas.scene.lines}
    run = ev.GateRun(**WHERE, gate="pytest", tree=Oid("4" * 40), green=True, seconds=218, beads=(A,))
    page.heed(then(view, turned(A), submitted(A), run, merged(A)))
    (pill,) = page.canvas.scene.pills
    assert (pill.bead, pill.gate) == (A, "3:38")
    assert {line.bead: line.x for line in page.canvas.scene.lines} == before
    assert page.canvas.scene.bands[0].count == "1 of 3 landed"
    click(qtbot, page, A)
    assert page.canvas.current == A


def test_search_selects_the_first_bead_that_fits(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    field = page.findChild(SearchField)
    assert field is not None
    qtbot.keyClicks(field, "slit")
    assert page.canvas.current == B


def test_whose_turn_it_is_is_listed_beside_what_is_selected(qtbot: QtBot) -> None:
    view = town()
    page = opened(qtbot, view)
    page.heed(then(view, needs("q", bead=B)))
    assert page.inspector.others == ["Slit, Asks: about q?"]


def test_another_repository_empties_the_page(qtbot: QtBot) -> None:
    view = town()
    page = opened(qtbot, view)
    click(qtbot, page, B)
    view.forget()
    page.refresh()
    assert page.canvas.current is None
    assert page.canvas.scene.lines == ()
