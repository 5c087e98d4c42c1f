from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QPushButton
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.ui.plan.page import PlanPage
from gastown_desktop.ui.widgets.choices import SegmentedControl
from tests.bridge.town import (
    OID,
    RIG,
    START,
    A,
    B,
    C,
    became,
    begun,
    shown,
    slung,
    tell,
    then,
    waits,
)
from tests.fakes.engine_api import FakeEngineApi


def opened(qtbot: QtBot, view: TownView) -> PlanPage:
    page = PlanPage(view, FakeEngineApi().port)
    qtbot.addWidget(page)
    page.resize(936, 732)
    page.show()
    return page


def town() -> TownView:
    return shown(*begun(A, B, C), waits(B, A), waits(C, B))


def button(page: PlanPage, text: str) -> QPushButton:
    return next(one for one in page.findChildren(QPushButton) if one.text() == text and one.isVisible())


def click(qtbot: QtBot, page: PlanPage, bead: BeadId) -> None:
    item = page.canvas.items_by_bead[bead]
    place: QPoint = page.canvas.mapFromScene(item.sceneBoundingRect().center())
    qtbot.mouseClick(page.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_without_a_convoy_the_page_offers_a_rehearsal(qtbot: QtBot) -> None:
    page = opened(qtbot, TownView())
    with qtbot.waitSignal(page.rehearse_wanted):
        qtbot.mouseClick(button(page, "Rehearse for $0"), Qt.MouseButton.LeftButton)


def test_a_plan_offers_a_rehearsal_as_well(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    with qtbot.waitSignal(page.rehearse_wanted):
        qtbot.mouseClick(button(page, "Rehearse for $0"), Qt.MouseButton.LeftButton)


def test_the_model_keeps_qts_rules(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    view = town()
    page = opened(qtbot, view)
    qtmodeltester.check(page.model)
    page.heed(then(view, slung(A), became("working")))
    qtmodeltester.check(page.model)
    assert [(row.bead, row.wave, row.critical) for row in page.model.values] == [
        (A, 1, True),
        (B, 2, True),
        (C, 3, True),
    ]


def test_nodes_show_what_their_beads_do_without_a_new_layout(qtbot: QtBot) -> None:
    view = town()
    page = opened(qtbot, view)
    item = page.canvas.items_by_bead[A]
    page.heed(then(view, slung(A), became("working")))
    assert page.canvas.items_by_bead[A] is item
    assert item.row.state == "working"


def test_a_click_shows_all_of_a_bead_and_selects_it_in_the_outline(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    click(qtbot, page, B)
    assert page.canvas.current == B
    assert page.outline.current.bead == B
    assert f"waits for {A}" in page.canvas.accessibleDescription()
    with qtbot.waitSignal(page.bead_wanted) as told:
        qtbot.mouseClick(button(page, "Open in fleet"), Qt.MouseButton.LeftButton)
    assert told.args == [B]


def test_arrow_keys_walk_from_wave_to_wave(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    page.canvas.setFocus()
    for _ in range(3):
        qtbot.keyClick(page.canvas, Qt.Key.Key_Down)
    assert page.canvas.current == C
    qtbot.keyClick(page.canvas, Qt.Key.Key_Up)
    assert page.canvas.current == B


def test_the_outline_is_the_same_plan(qtbot: QtBot) -> None:
    page = opened(qtbot, town())
    tabs = page.findChild(SegmentedControl)
    assert tabs is not None
    outline = next(one for one in tabs.findChildren(QAbstractButton) if one.text() == "Outline")
    qtbot.mouseClick(outline, Qt.MouseButton.LeftButton)
    assert page.outline.isVisible()
    page.outline.select_row(2)
    assert page.canvas.current == C


def test_another_convoy_can_be_looked_at(qtbot: QtBot) -> None:
    view = town()
    other = BeadId("gt-z")
    where = {"rig": RIG, "convoy": ConvoyId("cv-2")}
    created = ev.ConvoyCreated(**where, title="Other", base=OID, target="t")  # type: ignore[arg-type]
    added = ev.BeadAdded(**where, bead=other, title="Z")  # type: ignore[arg-type]
    tell(view, [ev.Envelope(seq=seq, at=START, event=one) for seq, one in enumerate((created, added), 1)])
    page = opened(qtbot, view)
    assert list(page.canvas.items_by_bead) == [other]
    page.select_bead(A)
    assert list(page.canvas.items_by_bead) == [A, B, C]
