"""The frame shows what it is told, says what was pressed, and takes a folder dropped anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.core.money import NANO
from gastown_desktop.core.wording import show_money
from gastown_desktop.ui.frame.drop import FolderDrop
from gastown_desktop.ui.frame.frame import Frame
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.widgets.meter import Figures, Meter

LEFT = Qt.MouseButton.LeftButton
PAGES = ("plan", "fleet", "graph", "merge", "spend", "history")


@pytest.fixture
def frame(qtbot: QtBot) -> Iterator[Frame]:
    made = Frame()
    for name in ("welcome", *PAGES):
        made.add_page(name, QWidget())
    made.resize(1280, 800)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


def test_the_parts_have_the_measures_of_the_design(frame: Frame) -> None:
    frame.set_rail_open(True)
    QApplication.processEvents()
    assert (frame.top_bar.height(), frame.status.height(), frame.rail.width()) == (44, 24, 200)
    assert frame.stack.geometry().getRect() == (200, 44, 1080, 732)
    frame.set_rail_open(False)
    QApplication.processEvents()
    assert frame.stack.geometry().getRect() == (56, 44, 1224, 732)
    fleet = frame.rail.item("fleet")
    assert fleet.mapTo(frame, QPoint(0, 0)).y() == 86
    settings = frame.rail.item("settings")
    assert settings.mapTo(frame, QPoint(0, settings.height())).y() == 768


@pytest.mark.parametrize("name", PAGES)
def test_a_click_on_the_rail_shows_the_page(qtbot: QtBot, frame: Frame, name: str) -> None:
    with qtbot.waitSignal(frame.page_shown) as told:
        qtbot.mouseClick(frame.rail.item(name), LEFT)
    assert told.args == [name]
    assert frame.shown == name
    assert frame.rail.item(name).isChecked()


def test_a_page_that_cannot_be_shown_yet_says_why_and_stays_away(qtbot: QtBot, frame: Frame) -> None:
    frame.rail.set_able("plan", able=False, reason="Open a repository first")
    qtbot.mouseClick(frame.rail.item("plan"), LEFT)
    assert frame.shown == "welcome"
    assert frame.rail.item("plan").toolTip() == "Open a repository first"
    frame.rail.set_able("plan", able=True)
    assert frame.rail.item("plan").toolTip() == ""


def test_icons_alone_say_their_names_in_tooltips(frame: Frame) -> None:
    frame.set_rail_open(False)
    assert frame.rail.item("spend").toolTip() == "Spend (Ctrl+5)"
    assert frame.rail.item("spend").accessibleName() == "Spend"


def test_arrow_keys_walk_the_rail_past_what_is_disabled(qtbot: QtBot, frame: Frame) -> None:
    frame.rail.set_able("graph", able=False, reason="Nothing yet")
    frame.rail.item("fleet").setFocus()
    qtbot.keyClick(frame.rail.item("fleet"), Qt.Key.Key_Down)
    assert frame.rail.item("merge").hasFocus()
    qtbot.keyClick(frame.rail.item("merge"), Qt.Key.Key_Space)
    assert frame.shown == "merge"


def test_settings_are_asked_for_and_marked(qtbot: QtBot, frame: Frame) -> None:
    with qtbot.waitSignal(frame.rail.settings_wanted), qtbot.assertNotEmitted(frame.page_shown):
        qtbot.mouseClick(frame.rail.item("settings"), LEFT)
    assert frame.rail.item("settings").isChecked()
    assert not frame.rail.item("plan").isChecked()


def test_the_top_bar_begins_with_no_repository_and_without_buttons(frame: Frame) -> None:
    bar = frame.top_bar
    for widget in (bar.rig_button, bar.fleet_button, bar.needs_button, bar.meter, bar.now_button):
        assert not widget.isVisible()


def test_the_top_bar_names_the_repository_and_its_branch(frame: Frame) -> None:
    frame.top_bar.set_rig("harbor", "main")
    assert frame.top_bar.rig_button.isVisible()
    assert frame.top_bar.rig_button.accessibleName() == "Repository harbor on main"
    frame.top_bar.set_rig("")
    assert not frame.top_bar.rig_button.isVisible()


def test_needs_you_counts_and_is_pressed(qtbot: QtBot, frame: Frame) -> None:
    bar = frame.top_bar
    bar.set_needs(6)
    assert bar.needs_button.kind == "primary"
    assert bar.needs_button.accessibleName() == "Needs you, 6"
    with qtbot.waitSignal(bar.needs_wanted):
        qtbot.mouseClick(bar.needs_button, LEFT)
    bar.set_needs(6, "outlined")
    assert bar.needs_button.kind == "outlined"
    bar.set_needs(0)
    assert bar.needs_button.kind == "quiet"
    assert bar.needs_button.accessibleName() == "Nothing needs you"


def test_the_meter_leads_to_spend_and_is_short_in_a_small_window(qtbot: QtBot, frame: Frame) -> None:
    bar = frame.top_bar
    bar.set_money(Figures(settled=NANO, cap=5 * NANO))
    with qtbot.waitSignal(bar.money_wanted):
        qtbot.mouseClick(bar.meter, LEFT)
    assert bar.meter.width() == 340
    frame.resize(1099, 700)
    qtbot.waitUntil(lambda: bar.meter.width() == 148)
    frame.resize(1100, 700)
    qtbot.waitUntil(lambda: bar.meter.width() == 340)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("kind", ["convoy", "day", "town"])
@pytest.mark.parametrize("dollars", [3, 30, 300, 3_000])
def test_what_stands_on_the_meter_never_passes_its_edge(
    qtbot: QtBot, dollars: int, kind: LimitKind, narrow: bool
) -> None:
    meter = Meter()
    qtbot.addWidget(meter)
    note = "$115.60/h, limit at about 15:40"
    settled, cap = dollars * NANO * 9 // 10, dollars * NANO
    meter.set_figures(Figures(settled=settled, held=NANO // 3, cap=cap, kind=kind, note=note))
    meter.set_narrow(narrow=narrow)
    assert meter._takes(*meter._fitting()) <= meter.width()
    assert f"of {show_money(cap)}" in meter.written()
    assert (note in meter.written()) != narrow


def test_a_replay_says_so_and_has_a_way_back(qtbot: QtBot, frame: Frame) -> None:
    bar = frame.top_bar
    bar.set_replay("14:02:11")
    assert bar.now_button.isVisible()
    with qtbot.waitSignal(bar.now_wanted):
        qtbot.mouseClick(bar.now_button, LEFT)
    bar.set_replay("")
    assert not bar.now_button.isVisible()


def test_everything_in_the_top_bar_fits_the_smallest_window(qtbot: QtBot, frame: Frame) -> None:
    bar = frame.top_bar
    bar.set_rig("a-repository-with-a-rather-long-name", "feature/with-a-rather-long-branch-name")
    bar.set_state("working", "30", "of 30 running")
    bar.fleet_button.show()
    bar.set_needs(12)
    bar.set_money(Figures(settled=1_240 * NANO, cap=2_000 * NANO))
    frame.resize(960, 600)
    QApplication.processEvents()
    parts = [bar.rig_button, bar.fleet_button, bar.needs_button, bar.meter]
    edges = [(part.x(), part.x() + part.width()) for part in parts]
    assert all(one[1] <= other[0] for one, other in pairwise(edges))
    assert edges[-1][1] <= 960 - 12


def test_the_status_line_says_what_happened_and_where_the_keys_are(qtbot: QtBot, frame: Frame) -> None:
    frame.status.set_words("14:32:08 Slit asks: <b>seconds</b>?")
    assert frame.status.words.text() == "14:32:08 Slit asks: <b>seconds</b>?"
    for signal, place in ((frame.status.commands_wanted, 130), (frame.status.shortcuts_wanted, 30)):
        hint = frame.status.childAt(frame.status.width() - place, 12)
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(hint, LEFT)


def test_the_head_of_a_page_leads_back_to_the_page_above(qtbot: QtBot) -> None:
    head = PageHeader("Rehearsal", above="History", reading=True)
    qtbot.addWidget(head)
    head.resize(600, 40)
    head.show()
    with qtbot.waitSignal(head.back_wanted):
        qtbot.mouseClick(head.childAt(30, 20), LEFT)


# --- dropping -------------------------------------------------------------------------------------


class Dragging:
    """Drags over a window as the system does: events at the window's handle."""

    def __init__(self, window: QWidget, *urls: QUrl) -> None:
        self.data = QMimeData()
        self.data.setUrls(list(urls))
        self.handle = window.windowHandle()

    def enter(self) -> bool:
        event = QDragEnterEvent(
            QPoint(300, 300), Qt.DropAction.CopyAction, self.data, LEFT, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(self.handle, event)
        return event.isAccepted()

    def drop(self) -> bool:
        event = QDropEvent(
            QPointF(300, 300), Qt.DropAction.CopyAction, self.data, LEFT, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(self.handle, event)
        return event.isAccepted()

    def leave(self) -> None:
        QApplication.sendEvent(self.handle, QDragLeaveEvent())


@pytest.fixture
def page_of_text(qtbot: QtBot) -> Iterator[QWidget]:
    window = QPlainTextEdit()
    window.resize(640, 480)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()


def test_a_folder_is_taken_even_over_text_that_would_swallow_it(
    page_of_text: QWidget, tmp_path: Path
) -> None:
    drop = FolderDrop(page_of_text)
    heard: list[object] = []
    drop.hovering.connect(heard.append)
    drop.dropped.connect(heard.append)
    drag = Dragging(page_of_text, QUrl.fromLocalFile(str(tmp_path)))
    assert drag.enter()
    assert drag.drop()
    assert heard == [True, False, tmp_path]


def test_a_folder_that_is_carried_away_again_is_forgotten(page_of_text: QWidget, tmp_path: Path) -> None:
    drop = FolderDrop(page_of_text)
    heard: list[object] = []
    drop.hovering.connect(heard.append)
    drop.dropped.connect(heard.append)
    drag = Dragging(page_of_text, QUrl.fromLocalFile(str(tmp_path)))
    drag.enter()
    drag.leave()
    assert heard == [True, False]


def test_anything_but_one_local_folder_is_left_alone(
    qtbot: QtBot, page_of_text: QWidget, tmp_path: Path
) -> None:
    file = tmp_path / "file.txt"
    file.write_text("x", encoding="utf-8")
    folder, other = QUrl.fromLocalFile(str(tmp_path)), QUrl.fromLocalFile(str(file))
    drop = FolderDrop(page_of_text)
    with qtbot.assertNotEmitted(drop.hovering), qtbot.assertNotEmitted(drop.dropped):
        for urls in ((other,), (folder, other), (QUrl("https://example.org/x"),), ()):
            drag = Dragging(page_of_text, *urls)
            drag.enter()
            drag.leave()


def test_events_that_are_no_drag_pass(page_of_text: QWidget) -> None:
    drop = FolderDrop(page_of_text)
    assert not drop.eventFilter(page_of_text.windowHandle(), QEvent(QEvent.Type.UpdateRequest))
