from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QPointF, QRect, Qt
from PySide6.QtGui import QEnterEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.models.fleet import FleetModel, ShownCards
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.ui.fleet.card_painter import BUTTONS, button_rects
from gastown_desktop.ui.fleet.page import FleetPage
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.choices import SegmentedControl
from tests.bridge.town import (
    CONVOY,
    RIG,
    SLIT,
    A,
    B,
    C,
    acting,
    became,
    begun,
    enveloped,
    metered,
    needs,
    shown,
    slung,
    tell,
    then,
    turned,
)
from tests.fakes.engine_api import FakeEngineApi
from tests.ui.fleet_town import engine as canned

TOAST = PolecatName("Toast")
MANY = tuple(BeadId(f"gt-{number:02}") for number in range(20))
Make = Callable[..., FleetPage]


@pytest.fixture
def make(qtbot: QtBot) -> Make:
    """Makes a shown page of a view."""

    def made(view: TownView, engine: FakeEngineApi | None = None, width: int = 1224) -> FleetPage:
        page = FleetPage(view, (engine or canned()).port)
        qtbot.addWidget(page)
        page.resize(width, 732)
        page.show()
        qtbot.waitUntil(page.isVisible)
        return page

    return made


def small_town() -> TownView:
    return shown(*begun(A, B, C), slung(A), became("working"), needs("q", bead=B))


def click_card(page: FleetPage, bead: BeadId, modifier: Qt.KeyboardModifier | None = None) -> None:
    at = page.cards.visualRect(page.shown.index_of(bead)).center()
    QTest.mouseClick(
        page.cards.viewport(),
        Qt.MouseButton.LeftButton,
        modifier or Qt.KeyboardModifier.NoModifier,
        at,
    )


def heads(page: FleetPage) -> list[tuple[tuple[str, int], ...]]:
    return [header.parts for header in page.cards.headers]


def moved(at: QPointF) -> QMouseEvent:
    nothing = Qt.MouseButton.NoButton
    return QMouseEvent(QEvent.Type.MouseMove, at, at, nothing, nothing, Qt.KeyboardModifier.NoModifier)


def choose(control: SegmentedControl, name: str) -> None:
    button = next(one for one in control.children() if getattr(one, "name", "") == name)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_cards_stand_in_groups_and_the_most_urgent_one_is_current(make: Make) -> None:
    page = make(small_town())
    assert [card.bead for card in page.shown.shown()] == [B, A, C]
    assert page.current is not None
    assert page.current.bead == B
    assert page.header.words.text() == "3 beads"


def test_without_a_convoy_the_page_says_so_and_offers_to_rehearse(make: Make, qtbot: QtBot) -> None:
    page = make(TownView())
    sentence = page.stack.currentWidget()
    assert page.stack.currentIndex() == 2
    button = sentence.findChild(Button)
    with qtbot.waitSignal(page.rehearse_wanted):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_chip_leaves_only_cards_of_its_state(make: Make) -> None:
    page = make(small_town())
    QTest.mouseClick(page.chips.chips["queued"], Qt.MouseButton.LeftButton)
    assert [card.bead for card in page.shown.shown()] == [C]
    QTest.mouseClick(page.chips.chips["queued"], Qt.MouseButton.LeftButton)
    assert len(page.shown.shown()) == 3


def test_typing_filters_by_worker_bead_and_title(make: Make) -> None:
    page = make(small_town())
    QTest.keyClicks(page.search, "nux")
    assert [card.bead for card in page.shown.shown()] == [A]
    QTest.keyClick(page.search, Qt.Key.Key_Escape)
    QTest.keyClicks(page.search, "gt-c do")
    assert [card.bead for card in page.shown.shown()] == [C]
    QTest.keyClicks(page.search, "zzz")
    assert page.stack.currentIndex() == 3


@pytest.mark.parametrize(("width", "columns"), [(904, 3), (1224, 3), (1496, 4), (1768, 5), (700, 2)])
def test_there_are_as_many_columns_as_fit(make: Make, width: int, columns: int) -> None:
    page = make(shown(*begun(*MANY)), width=width)
    tops = [page.cards.visualRect(page.shown.index(row, 0)).top() for row in range(6)]
    assert tops.count(tops[0]) == columns


def test_arrows_walk_over_the_grid_and_over_groups(make: Make) -> None:
    page = make(shown(*begun(*MANY), needs("q", bead=MANY[7])))
    page.cards.setFocus()

    def at_after(key: Qt.Key) -> int:
        QTest.keyClick(page.cards, key)
        return page.cards.currentIndex().row()

    assert at_after(Qt.Key.Key_Down) == 1
    assert at_after(Qt.Key.Key_Right) == 2
    assert at_after(Qt.Key.Key_Down) == 5
    assert at_after(Qt.Key.Key_Left) == 4
    assert at_after(Qt.Key.Key_End) == 19
    assert at_after(Qt.Key.Key_Home) == 0


def test_typing_on_the_cards_looks_for_a_worker(make: Make) -> None:
    page = make(shown(*begun(A, B, C), slung(A), slung(B, TOAST)))
    page.cards.setFocus()
    QTest.keyClicks(page.cards, "toa")
    assert page.current is not None
    assert page.current.bead == B


def test_several_cards_can_be_selected(make: Make) -> None:
    page = make(small_town())
    click_card(page, A)
    click_card(page, C, Qt.KeyboardModifier.ControlModifier)
    assert {card.bead for card in page.selected()} == {A, C}


def test_the_table_has_the_same_selection_and_keeps_the_place(make: Make) -> None:
    page = make(shown(*begun(*MANY)), width=904)
    page.cards.bring_to_top(MANY[6])
    assert page.cards.top_bead() == MANY[6]
    click_card(page, MANY[7])
    choose(page.look, "table")
    assert page.stack.currentWidget() is page.table
    assert page.table.selectionModel().isRowSelected(7)


def test_while_the_pointer_is_over_the_cards_none_moves_to_another_place(make: Make) -> None:
    view = shown(*begun(A, B, C), slung(A), became("working"))
    page = make(view)
    before = page.cards.visualRect(page.shown.index_of(C))
    page.cards.pointed_at.emit(True)
    page.heed(then(view, needs("q", bead=C)))
    assert page.cards.visualRect(page.shown.index_of(C)) == before
    page.cards.pointed_at.emit(False)
    assert page.shown.index_of(C).row() == 0


def test_while_order_is_held_heads_say_what_the_cards_below_them_are_now(make: Make) -> None:
    view = shown(*begun(A, B, C), slung(A), became("working"))
    page = make(view)
    page.cards.pointed_at.emit(True)
    page.heed(then(view, slung(B, SLIT), became("working", SLIT)))
    assert heads(page) == [(("At work", 1),), (("At work", 1), ("Queued", 1))]
    page.cards.pointed_at.emit(False)
    assert heads(page) == [(("At work", 2),), (("Queued", 1),)]


def test_a_pointer_that_merely_lies_where_cards_appear_holds_nothing(make: Make) -> None:
    page = make(shown(*begun(A, B)))
    over, at = page.cards.viewport(), QPointF(40, 60)
    QApplication.sendEvent(over, QEnterEvent(at, at, at))
    assert not page.model.is_held
    QApplication.sendEvent(over, moved(at))
    assert not page.model.is_held
    QApplication.sendEvent(over, moved(at + QPointF(1, 0)))
    assert page.model.is_held
    QApplication.sendEvent(over, QEvent(QEvent.Type.Leave))
    assert not page.model.is_held


def test_without_cards_there_is_no_detail(make: Make) -> None:
    view = shown()
    page = make(view)
    assert not page.detail.isVisible()
    page.heed(tell(view, enveloped(*begun(A, B))))
    assert page.detail.isVisible()


def test_only_the_changed_line_of_a_card_is_painted(make: Make, qtbot: QtBot) -> None:
    view = shown(*begun(A, B), slung(A), became("working"))
    page = make(view)
    qtbot.wait(50)
    asked: list[int] = []
    original = page.cards.viewport().update

    def counted(*args: object) -> None:
        asked.append(args[0].height() if args else -1)  # type: ignore[attr-defined]
        original(*args)  # type: ignore[call-overload]

    page.cards.viewport().update = counted  # type: ignore[method-assign]
    page.heed(tell(view, [acting("Editing a file")]))
    assert len(asked) == 1
    assert asked[0] < 25


def test_a_card_says_its_state_in_words(make: Make) -> None:
    page = make(small_town())
    words = page.shown.data(page.shown.index_of(B), Qt.ItemDataRole.AccessibleTextRole)
    assert "Needs you" in words
    assert page.cards.accessibleName()
    assert page.table.accessibleName()


def test_buttons_of_a_card_are_inside_it() -> None:
    card = QRect(14, 26, 264, 112)
    rects = button_rects(card)
    assert tuple(rects) == BUTTONS
    assert all(card.contains(rect) for rect in rects.values())


def test_the_filter_keeps_qts_rules(qtmodeltester: object, qtbot: QtBot) -> None:
    model = FleetModel(small_town())
    cards = ShownCards(model)
    cards.choose(states={"queued"})
    qtmodeltester.check(cards)  # type: ignore[attr-defined]
    assert cards.card(cards.index(0, 0)) is not None


def test_the_buttons_of_a_card_act_on_it(make: Make, qtbot: QtBot) -> None:
    view = shown(*begun(A, B), slung(A), became("working"))
    tell(view, [ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=2)])
    api = canned()
    page = make(view, api)
    at = button_rects(page.cards.visualRect(page.shown.index_of(A)))["pause"].center()
    QTest.mouseMove(page.cards.viewport(), at)
    QTest.mouseClick(page.cards.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    qtbot.waitUntil(lambda: bool(api.asked("pause_bead")))
    assert api.asked("pause_bead") == [(CONVOY, A)]


def test_the_table_opens_a_worker_and_paints_every_column(make: Make, qtbot: QtBot) -> None:
    view = shown(*begun(A, B, C), slung(A), became("working"), turned(A, turn=2))
    tell(view, [metered(f"bead:{A}", 700_000_000, held=310_000_000)])
    page = make(view, width=904)
    choose(page.look, "table")
    assert not page.table.grab().isNull()
    page.table.selectRow(0)
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    assert page.detail.isVisible()
    page.table.tick()


def test_the_search_field_gives_way_in_a_narrow_window(make: Make) -> None:
    assert make(small_town()).search.width() == 136
    assert make(small_town(), width=760).search.width() == 110
