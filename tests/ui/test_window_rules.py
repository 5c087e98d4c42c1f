"""Rules that hold for the whole window, on every page, with a town in it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAccessible, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QLabel,
    QLineEdit,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.event_pump import EventPump
from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.tour.harbor import REHEARSAL, HarborEngine
from gastown_desktop.tour.moments import FLEET, Moment
from gastown_desktop.tour.visit import StoryClock, tell
from gastown_desktop.ui.main_window import MainWindow
from gastown_desktop.ui.rehearse.form import RehearsalForm
from gastown_desktop.ui.widgets.buttons import Button

PAGES = ("plan", "fleet", "graph", "merge", "spend", "history")


def open_window(qtbot: QtBot, moment: Moment) -> MainWindow:
    """The window with a moment of the story in it."""
    clock, view = StoryClock(moment.at), TownView()
    pump = EventPump(view, clock)
    engine = HarborEngine(moment)
    window = MainWindow(view, pump, engine.api, clock)
    window.show()
    window.engine_ready(None)
    calm(qtbot)
    opened = asyncio.get_event_loop_policy().get_event_loop().create_task(engine.api.open(Path("harbor")))
    qtbot.waitUntil(opened.done)
    window.show_rig(opened.result())
    tell(pump, clock, moment)
    calm(qtbot)
    pump.stop()
    return window


def calm(qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not tasks.running(), timeout=10_000)


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    made = open_window(qtbot, FLEET)
    yield made
    calm(qtbot)
    made.dispose()


def focusable(window: QWidget) -> list[QWidget]:
    found = window.findChildren(QWidget)
    return [
        one
        for one in found
        if one.isVisible() and one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isEnabled()
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_widget_with_the_keyboard_has_a_name(qtbot: QtBot, window: MainWindow, page: str) -> None:
    window.show_page(page)
    calm(qtbot)
    nameless = []
    for widget in focusable(window):
        found = QAccessible.queryAccessibleInterface(widget)
        name = found.text(QAccessible.Text.Name) if found is not None else widget.accessibleName()
        if not name.strip():
            nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []


def test_the_rehearsal_sheet_has_names_too(qtbot: QtBot, window: MainWindow) -> None:
    window.show_rehearsal_form(())
    form = window.findChildren(RehearsalForm)[0]
    nameless = [
        type(one).__name__
        for one in focusable(form)
        if not (one.accessibleName() or (isinstance(one, QAbstractButton) and one.text()))
        and not isinstance(one.parent(), QAbstractItemView)
        and not (isinstance(one, QLineEdit) and one.objectName() == "qt_spinbox_lineedit")
    ]
    assert nameless == []
    window.close_sheets()


@pytest.mark.parametrize("page", PAGES)
def test_text_from_elsewhere_is_never_taken_for_markup(qtbot: QtBot, window: MainWindow, page: str) -> None:
    window.show_page(page)
    calm(qtbot)
    guessing = [
        label.text()
        for label in window.findChildren(QLabel)
        if label.textFormat() != Qt.TextFormat.PlainText and label.text()
    ]
    assert guessing == []


@pytest.mark.parametrize("page", PAGES)
def test_no_text_field_swallows_a_dropped_folder(qtbot: QtBot, window: MainWindow, page: str) -> None:
    window.show_page(page)
    calm(qtbot)
    fields = [*window.findChildren(QLineEdit), *window.findChildren(QTextEdit)]
    assert [type(one).__name__ for one in fields if one.acceptDrops()] == []


def test_no_two_actions_share_a_shortcut(window: MainWindow) -> None:
    keys = Counter(
        QKeySequence(spec.shortcut).toString() for spec in window.actions_.specs() if spec.shortcut
    )
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_action_is_in_the_palette_and_says_why_not(qtbot: QtBot, window: MainWindow) -> None:
    window.open_palette()
    palette = window.palette_
    model = palette.findChildren(QAbstractItemView)[0].model()
    shown = {model.index(row, 0).data() for row in range(model.rowCount())}
    assert shown == {spec.text for spec in window.actions_.specs()}
    registered = {action.text() for action in window.actions() if action.text()}
    assert registered == shown
    for spec in window.actions_.specs():
        refusal = window.actions_.refusal(spec.id)
        assert refusal == "" or refusal.endswith("."), spec.id
    palette.close_sheet()


def orange(window: MainWindow) -> list[str]:
    buttons = window.findChildren(Button)
    return [one.text() for one in buttons if one.isVisible() and one.shown_kind == "primary"]


@pytest.mark.parametrize("page", PAGES)
def test_at_most_one_thing_is_orange(qtbot: QtBot, window: MainWindow, page: str) -> None:
    window.show_page(page)
    calm(qtbot)
    before = orange(window)
    assert len(before) <= 1, before
    window.show_rehearsal_form(())
    calm(qtbot)
    assert orange(window) == ["Start rehearsal"]
    window.close_sheets()
    assert orange(window) == before


@pytest.mark.parametrize("page", PAGES)
def test_pages_fit_into_the_smallest_window(qtbot: QtBot, window: MainWindow, page: str) -> None:
    window.show_page(page)
    window.resize(960, 600)
    calm(qtbot)
    assert (window.width(), window.height()) == (960, 600)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_a_convoy_says_one_sentence_and_one_action(qtbot: QtBot, page: str) -> None:
    clock = StoryClock(FLEET.at)
    engine = HarborEngine(FLEET)
    made = MainWindow(TownView(), pump := EventPump(TownView(), clock), engine.api, clock)
    made.show()
    made.engine_ready(None)
    calm(qtbot)
    opened = asyncio.get_event_loop_policy().get_event_loop().create_task(engine.api.open(Path("harbor")))
    qtbot.waitUntil(opened.done)
    made.show_rig(opened.result())
    made.show_page(page)
    calm(qtbot)
    shown = made.pages.by_name[page]
    words = [one.text() for one in shown.findChildren(QAbstractButton) if one.isVisible()]
    assert any("Rehearse" in text or "limit" in text for text in words), words
    made.show_rehearsal_form(())
    calm(qtbot)
    assert orange(made) == ["Start rehearsal"]
    pump.stop()
    made.dispose()


class Flashes(QObject):
    """Widgets that came to be shown as windows of their own."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.names: list[str] = []
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - as Qt has it
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.names.append(type(watched).__name__)
        return False


def test_nothing_but_the_window_is_ever_shown_as_one(qtbot: QtBot, qapp: QApplication) -> None:
    flashes = Flashes(qapp)
    window = open_window(qtbot, FLEET)
    for page in PAGES:
        window.show_page(page)
        calm(qtbot)
    window.show_evidence_of(REHEARSAL)
    window.show_rehearsal_form(())
    window.open_needs()
    window.open_palette()
    window.open_shortcuts()
    calm(qtbot)
    qapp.removeEventFilter(flashes)
    window.dispose()
    assert flashes.names == ["MainWindow"]


def test_the_title_of_the_window_holds_nothing_that_cannot_be_seen(window: MainWindow) -> None:
    assert window.rig is not None
    window.show_rig(replace(window.rig, name="har\x1b]0;x\x07\u202ebor\n"))
    assert window.windowTitle() == "har]0;xbor — Gas Town"
