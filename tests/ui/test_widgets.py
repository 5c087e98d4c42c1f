"""Controls do what they look like, by mouse and by keyboard, and show text as it is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.core.card import STATES
from gastown_desktop.core.money import NANO
from gastown_desktop.ui.theme import money_fill
from gastown_desktop.ui.theme.theme import line_height, theme
from gastown_desktop.ui.widgets.buttons import Button, MenuButton
from gastown_desktop.ui.widgets.checks import Check
from gastown_desktop.ui.widgets.chips import Chip, Tag
from gastown_desktop.ui.widgets.choices import SegmentedControl, TabBar
from gastown_desktop.ui.widgets.fields import Field, SearchField
from gastown_desktop.ui.widgets.focus_ring import FocusRing
from gastown_desktop.ui.widgets.labels import ElidedLabel, Paragraph, PlainLabel, plain_tooltip
from gastown_desktop.ui.widgets.meter import Figures, Meter
from gastown_desktop.ui.widgets.sheets import BAND, Popover, Sheet

LEFT = Qt.MouseButton.LeftButton


def shown(qtbot: QtBot, widget: QWidget, width: int = 0, height: int = 0) -> QWidget:
    qtbot.addWidget(widget)
    if width:
        widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


# --- buttons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "height"), [({"small": True}, 24), ({}, 28), ({"large": True}, 32)])
def test_a_button_is_as_high_as_its_kind_says(qtbot: QtBot, options: dict[str, bool], height: int) -> None:
    button = Button("Export…", **options)
    shown(qtbot, button)
    assert button.height() == height


def test_the_key_on_a_button_makes_it_wider_and_stays_out_of_its_name(qtbot: QtBot) -> None:
    plain, keyed = Button("Stay paused", "primary"), Button("Stay paused", "primary", key="Enter")
    shown(qtbot, plain)
    shown(qtbot, keyed)
    assert keyed.width() > plain.width() + 25
    assert keyed.accessibleName() == "Stay paused"


def test_the_primary_button_is_filled_and_a_disabled_one_is_not(qtbot: QtBot) -> None:
    button = Button("Your move", "primary")
    shown(qtbot, button)
    assert button.grab().toImage().pixelColor(5, 14) == theme.color("accent.base")
    button.setEnabled(False)
    assert button.grab().toImage().pixelColor(5, 14) == theme.color("surface.sunken")


def test_a_menu_drops_by_click_and_by_the_down_key_once_it_has_something(qtbot: QtBot) -> None:
    button = MenuButton("Pause")
    shown(qtbot, button)
    qtbot.mouseClick(button, LEFT)
    assert not button.drop.isVisible()
    button.drop.addAction("Pause")
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(button.drop.isVisible)
    button.drop.close()
    qtbot.keyClick(button, Qt.Key.Key_Down)
    qtbot.waitUntil(button.drop.isVisible)
    button.drop.close()


# --- choices --------------------------------------------------------------------------------------


def segments() -> SegmentedControl:
    row = SegmentedControl()
    for name in ("timeline", "convoys", "recovery"):
        row.add(name, name.title())
    return row


def test_a_click_on_a_segment_chooses_it(qtbot: QtBot) -> None:
    row = segments()
    shown(qtbot, row)
    heard: list[str] = []
    row.chosen.connect(heard.append)
    assert row.current == "timeline"
    qtbot.mouseClick(row.childAt(row.width() - 10, 12), LEFT)
    assert heard == ["recovery"]
    assert row.current == "recovery"


def test_arrow_keys_go_through_segments_and_round(qtbot: QtBot) -> None:
    row = segments()
    shown(qtbot, row)
    heard: list[str] = []
    row.chosen.connect(heard.append)
    first = row.childAt(10, 12)
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right)
    qtbot.keyClick(row.focusWidget(), Qt.Key.Key_Right)
    qtbot.keyClick(row.focusWidget(), Qt.Key.Key_Right)
    assert heard == ["convoys", "recovery", "timeline"]


def test_choosing_by_the_program_tells_nobody(qtbot: QtBot) -> None:
    row = segments()
    shown(qtbot, row)
    with qtbot.assertNotEmitted(row.chosen):
        row.select("convoys")
    assert row.current == "convoys"


def test_nothing_moves_when_another_tab_is_chosen(qtbot: QtBot) -> None:
    tabs = TabBar()
    for name in ("transcript", "diff", "cost"):
        tabs.add(name, name.title())
    shown(qtbot, tabs, 384, 32)
    before = [child.geometry() for child in tabs.children() if isinstance(child, QWidget)]
    qtbot.mouseClick(tabs.childAt(90, 12), LEFT)
    assert tabs.current == "diff"
    assert [child.geometry() for child in tabs.children() if isinstance(child, QWidget)] == before


def test_the_chosen_tab_has_a_line_of_ink(qtbot: QtBot) -> None:
    tabs = TabBar()
    tabs.add("transcript", "Transcript")
    tabs.add("diff", "Diff")
    shown(qtbot, tabs, 384, 32)
    image = tabs.grab().toImage()
    assert image.pixelColor(20, 31) == theme.color("text.primary")
    assert image.pixelColor(200, 31) == theme.color("border.default")


# --- chips, tags, fields --------------------------------------------------------------------------


def test_a_chip_says_its_state_and_number_and_keeps_being_pressed(qtbot: QtBot) -> None:
    chip = Chip("conflict", 2)
    shown(qtbot, chip)
    assert chip.accessibleName() == "Conflict, 2"
    qtbot.mouseClick(chip, LEFT)
    assert chip.isChecked()
    chip.set_count(3)
    assert chip.accessibleName() == "Conflict, 3"


@pytest.mark.parametrize("state", STATES)
def test_a_tag_says_the_word_of_its_state(qtbot: QtBot, state: str) -> None:
    tag = Tag(state)  # pyright: ignore[reportArgumentType]
    shown(qtbot, tag)
    assert tag.accessibleName()
    assert tag.grab().toImage().pixelColor(4, 11) == theme.color(
        f"tint.{'queued' if state in {'paused', 'waiting'} else state}"
    )


def test_a_box_is_ticked_by_space_and_by_a_click_on_its_words(qtbot: QtBot) -> None:
    box = Check("make a && make b")
    shown(qtbot, box)
    assert box.accessibleName() == "make a && make b"
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert box.isChecked()
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(box.width() - 6, 11))
    assert not box.isChecked()


def test_a_search_is_emptied_by_escape_before_escape_does_anything_else(qtbot: QtBot) -> None:
    field = SearchField()
    shown(qtbot, field)
    qtbot.keyClicks(field, "nux")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""


def test_a_field_leaves_a_dropped_folder_to_the_window(qtbot: QtBot) -> None:
    field = Field("Address")
    qtbot.addWidget(field)
    assert not field.acceptDrops()


# --- labels ---------------------------------------------------------------------------------------


def test_markup_from_a_repository_is_shown_as_it_is(qtbot: QtBot) -> None:
    hostile = "<b>safe</b><img src=x>"
    label = PlainLabel(hostile)
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in plain_tooltip(hostile)


def test_a_label_that_is_cut_tells_the_whole_text_in_its_tooltip(qtbot: QtBot) -> None:
    label = ElidedLabel("src/harbor/api/middleware.py", "code", middle=True)
    shown(qtbot, label, 80, 18)
    label.grab()
    assert "middleware.py" in label.toolTip()
    label.resize(400, 18)
    label.grab()
    assert label.toolTip() == ""


def test_a_paragraph_takes_the_lines_that_it_needs_and_cuts_nothing(qtbot: QtBot) -> None:
    text = Paragraph("x" * 200, "code")
    shown(qtbot, text, 200, 200)
    assert text.heightForWidth(200) >= 6 * line_height("code")
    assert text.heightForWidth(200) % line_height("code") == 0


def test_a_paragraph_writes_out_what_turns_text_round(qtbot: QtBot) -> None:
    text = Paragraph("rm \u202e x")
    qtbot.addWidget(text)
    assert text.text() == "rm ‹U+202E› x"


# --- money ----------------------------------------------------------------------------------------


def test_the_meter_says_all_its_figures_and_leads_to_spend(qtbot: QtBot) -> None:
    meter = Meter()
    shown(qtbot, meter)
    meter.set_figures(
        Figures(settled=20 * NANO, assumed=NANO, held=2 * NANO, cap=40 * NANO, note="limit at about 15:40")
    )
    assert meter.accessibleName() == "$21.00 spent, $2.00 held of $40.00, limit at about 15:40"
    with qtbot.waitSignal(meter.clicked):
        qtbot.mouseClick(meter, LEFT)


def test_the_meter_fills_its_bar_by_the_limit(qtbot: QtBot) -> None:
    meter = Meter()
    meter.set_figures(Figures(settled=20 * NANO, cap=40 * NANO))
    shown(qtbot, meter)
    image = meter.grab().toImage()
    assert meter.width() == 340
    assert image.pixelColor(168, 20) == theme.color("money.settled")
    assert image.pixelColor(172, 20) != theme.color("money.settled")


def test_the_meter_never_overflows_when_more_is_used_than_the_limit(qtbot: QtBot) -> None:
    meter = Meter()
    meter.set_figures(Figures(settled=50 * NANO, held=10 * NANO, cap=40 * NANO))
    shown(qtbot, meter)
    assert meter.grab().toImage().pixelColor(280, 20) == theme.color("money.settled")


def test_a_narrow_meter_is_148_wide(qtbot: QtBot) -> None:
    meter = Meter()
    meter.set_narrow(narrow=True)
    shown(qtbot, meter)
    assert meter.width() == 148


def test_the_hatch_of_held_money_stays_where_it_is_when_a_bar_moves(qtbot: QtBot) -> None:
    def painted(left: int) -> QImage:
        image = QImage(60, 12, QImage.Format.Format_RGB32)
        image.fill(QColor("white"))
        painter = QPainter(image)
        money_fill.fill(painter, QRectF(left, 0, 40, 12), money_fill.held_brush(large=True))
        painter.end()
        return image

    one, other = painted(0), painted(7)
    assert all(one.pixel(x, y) == other.pixel(x, y) for x in range(8, 39) for y in range(12))


# --- sheets ---------------------------------------------------------------------------------------


class _Ask(Sheet):
    def __init__(self, host: QWidget) -> None:
        super().__init__(host, width=320, name="Ask")
        self.yes, self.no = Button("Yes", "primary"), Button("No")
        self.primary = self.yes
        for button in (self.yes, self.no):
            self.body.addWidget(button)


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    row = QVBoxLayout(widget)
    row.addWidget(Button("Below"))
    shown(qtbot, widget, 800, 500)
    return widget


def test_a_sheet_hangs_in_the_middle_with_its_band_and_moves_with_its_host(
    qtbot: QtBot, host: QWidget
) -> None:
    sheet = _Ask(host)
    sheet.open()
    assert (sheet.x(), sheet.y(), sheet.width()) == (240 - BAND, 24 - BAND, 320 + 2 * BAND)
    host.resize(1000, 500)
    qtbot.waitUntil(lambda: sheet.x() == 340 - BAND)


def test_enter_presses_the_primary_button_or_the_one_with_the_keyboard(qtbot: QtBot, host: QWidget) -> None:
    sheet = _Ask(host)
    pressed: list[str] = []
    sheet.yes.clicked.connect(lambda: pressed.append("yes"))
    sheet.no.clicked.connect(lambda: pressed.append("no"))
    sheet.open()
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    sheet.no.setFocus()
    qtbot.keyClick(sheet.no, Qt.Key.Key_Return)
    assert pressed == ["yes", "no"]


def test_escape_closes_a_sheet_without_deciding_and_gives_the_keyboard_back(
    qtbot: QtBot, host: QWidget
) -> None:
    below = host.findChild(Button)
    assert below is not None
    below.setFocus()
    sheet = _Ask(host)
    sheet.open()
    assert sheet.yes.hasFocus()
    with qtbot.assertNotEmitted(sheet.yes.clicked), qtbot.waitSignal(sheet.closed):
        qtbot.keyClick(sheet.yes, Qt.Key.Key_Escape)
    assert sheet.isHidden()
    assert below.hasFocus()


def test_what_lies_below_a_sheet_stays_alive(qtbot: QtBot, host: QWidget) -> None:
    below = host.findChild(Button)
    assert below is not None
    _Ask(host).open()
    with qtbot.waitSignal(below.clicked):
        qtbot.mouseClick(below, LEFT)


def test_a_popover_hangs_from_its_anchor_and_goes_with_the_keyboard(qtbot: QtBot, host: QWidget) -> None:
    below = host.findChild(Button)
    assert below is not None
    popover = Popover(host, below, width=200, name="Menu")
    inside = Button("Inside")
    popover.body.addWidget(inside)
    popover.open()
    anchor = below.mapTo(host, QPoint(0, below.height()))
    assert (popover.x(), popover.y()) == (anchor.x() - BAND, anchor.y() + 7 - BAND)
    below.setFocus()
    qtbot.waitUntil(popover.isHidden)


# --- focus ----------------------------------------------------------------------------------------


def test_the_focus_ring_stands_outside_the_button_only_while_the_keyboard_is_used(
    qtbot: QtBot, host: QWidget
) -> None:
    below = host.findChild(Button)
    assert below is not None
    ring = FocusRing(host)
    host.activateWindow()
    qtbot.waitUntil(host.isActiveWindow)
    below.clearFocus()
    QTest.keyClick(host.windowHandle(), Qt.Key.Key_Tab)
    qtbot.waitUntil(ring.isVisible)
    assert ring.geometry() == below.geometry().adjusted(-3, -3, 3, 3)
    assert ring.grab().toImage().pixelColor(ring.width() // 2, 0) == theme.color("focus.ring")
    middle = host.windowHandle().mapFromGlobal(below.mapToGlobal(QPointF(20, 10))).toPoint()
    QTest.mouseClick(host.windowHandle(), LEFT, Qt.KeyboardModifier.NoModifier, middle)
    qtbot.waitUntil(ring.isHidden)
