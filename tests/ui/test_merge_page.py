from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QCheckBox, QPushButton
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.sensitive import SensitiveChange
from gastown_desktop.engine.api import LandingLine, LandingSheet, Outcome
from gastown_desktop.ui.merge.detail import QueueDetail
from gastown_desktop.ui.merge.landing_sheet import LandingSheetView
from gastown_desktop.ui.merge.output import GateOutput
from gastown_desktop.ui.merge.page import MergePage
from gastown_desktop.ui.merge.rows import merged_pieces, queue_pieces
from gastown_desktop.ui.merge.strip import PrefixStrip
from gastown_desktop.ui.widgets.fields import Field
from gastown_desktop.ui.widgets.rows_table import RowsTable
from tests.bridge.town import (
    CONVOY,
    OID,
    SLIT,
    WHERE,
    A,
    B,
    begun,
    gate,
    gate_run,
    merged,
    shown,
    slung,
    submitted,
    tell,
    then,
)
from tests.fakes.engine_api import FakeEngineApi


def opened(qtbot: QtBot, view: TownView, api: FakeEngineApi | None = None) -> MergePage:
    page = MergePage(view, (api or FakeEngineApi()).port)
    qtbot.addWidget(page)
    page.resize(1080, 732)
    page.show()
    return page


def button(page: Any, text: str) -> QPushButton:
    found = [one for one in page.findChildren(QPushButton) if text in one.text() and one.isVisibleTo(page)]
    assert found, text
    return found[0]


def press(qtbot: QtBot, page: Any, text: str) -> None:
    qtbot.mouseClick(button(page, text), Qt.MouseButton.LeftButton)


def queued() -> TownView:
    return shown(*begun(A, B), slung(A), slung(B, SLIT), submitted(A), submitted(B, SLIT))


def test_without_a_convoy_the_page_offers_a_rehearsal(qtbot: QtBot) -> None:
    page = opened(qtbot, TownView())
    with qtbot.waitSignal(page.rehearse_wanted):
        press(qtbot, page, "Rehearse for $0")


def test_the_queue_is_live(qtbot: QtBot) -> None:
    view = queued()
    page = opened(qtbot, view)
    assert [one.bead for one in page.queue.values] == [A, B]
    page.heed(then(view, gate_run(A), merged(A)))
    assert [one.bead for one in page.queue.values] == [B]
    assert [one.bead for one in page.merged.values] == [A]


def test_the_gate_that_runs_is_drawn_over_its_candidates(qtbot: QtBot) -> None:
    view = queued()
    page = opened(qtbot, view)
    page.heed(tell(view, [gate("pytest", A, B)]))
    strip = page.findChild(PrefixStrip)
    assert strip is not None
    (row,) = strip.strip.rows
    assert [(box.first, box.last, box.kind) for box in row.boxes] == [(0, 1, "running")]
    assert [cell.word for cell in strip.strip.cells] == ["Gating", "Gating"]
    assert strip.accessibleDescription().startswith("Run 1")


def test_a_selected_red_round_shows_the_end_of_its_output(qtbot: QtBot) -> None:
    view = queued()
    then(view, gate_run(A, B, green=False, tail="1 failed\nFAILED test_x"), gate_run(A), merged(A))
    page = opened(qtbot, view)
    output = page.findChild(GateOutput)
    strip = page.findChild(PrefixStrip)
    assert output is not None
    assert strip is not None
    assert "Nothing is kept" in output.text
    strip.setFocus()
    qtbot.keyClick(strip, Qt.Key.Key_Up)
    qtbot.keyClick(strip, Qt.Key.Key_Up)
    assert output.text == "1 failed\nFAILED test_x"
    kinds = [[box.kind for box in row.boxes] for row in strip.strip.rows]
    assert kinds == [["red"], ["green", "known_red"]]


def test_enter_on_the_queue_opens_the_bead_in_the_fleet(qtbot: QtBot) -> None:
    page = opened(qtbot, queued())
    page.queue_table.setFocus()
    page.queue_table.select_row(1)
    with qtbot.waitSignal(page.bead_wanted) as told:
        press(qtbot, page, "Open in fleet")
    assert told.args == [B]


def sheet_of(api: FakeEngineApi, qtbot: QtBot, *, rehearsal: bool) -> tuple[MergePage, LandingSheetView]:
    created = ev.ConvoyCreated(**WHERE, title="T", base=OID, target="refs/heads/main", rehearsal=rehearsal)
    added = ev.BeadAdded(**WHERE, bead=A, title="Do it")
    page = opened(qtbot, shown(created, added, slung(A), submitted(A), merged(A)), api)
    page.set_branch_hint("trunk")
    press(qtbot, page, "Land…")
    sheet = page.findChild(LandingSheetView)
    assert sheet is not None
    return page, sheet


def found(**fields: Any) -> LandingSheet:
    known: Any = {
        "convoy": CONVOY,
        "branch": "main",
        "lines": (LandingLine(bead=A, title="Do it", paths=("a.py", "b.py")),),
        "here": OID,
        "lands": OID,
        "gates": ("pytest -q",),
        "signed": False,
        "checked_out": ("/home/ada/calc",),
        "approved": {A: "p1"},
        **fields,
    }
    return LandingSheet(**known)


def test_landing_shows_first_and_lands_what_was_shown(qtbot: QtBot) -> None:
    api = FakeEngineApi(landing=found(), land=Outcome(done=True, words="1 bead is on main."))
    page, sheet = sheet_of(api, qtbot, rehearsal=False)
    field = sheet.findChild(Field)
    assert field is not None
    assert field.text() == "main"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: button(sheet, "Land 1 bead on main").isVisible())
    assert api.asked("land") == []
    press(qtbot, sheet, "Land 1 bead on main")
    qtbot.waitUntil(lambda: bool(api.asked("land")))
    assert api.asked("land") == [(CONVOY, "main", {A: "p1"}, False)]
    qtbot.waitUntil(lambda: page.said == "1 bead is on main.")
    qtbot.waitUntil(lambda: page.findChild(LandingSheetView) is None)


LOOKS = (
    SensitiveChange(path="tests/test_a.py", why="a test is deleted"),
    SensitiveChange(path="package.json", why="it is run when something is installed or built"),
)


def test_what_has_to_be_looked_at_is_listed_and_agreed_to_before_anything_lands(qtbot: QtBot) -> None:
    line = LandingLine(bead=A, title="Do it", paths=("tests/test_a.py", "package.json"), sensitive=LOOKS)
    api = FakeEngineApi(landing=found(lines=(line,)), land=Outcome(done=True, words="1 bead is on main."))
    page, sheet = sheet_of(api, qtbot, rehearsal=False)
    press(qtbot, sheet, "Show what would land")
    qtbot.waitUntil(lambda: "2 changes have to be looked at" in sheet.words)
    listed = next(one for one in sheet.findChildren(RowsTable) if "looked at" in one.accessibleName())
    model = listed.model()
    spoken = Qt.ItemDataRole.AccessibleTextRole
    assert [model.index(row, 0).data(spoken) for row in range(model.rowCount())] == [
        "gt-a, tests/test_a.py: a test is deleted",
        "gt-a, package.json: it is run when something is installed or built",
    ]
    land, box = button(sheet, "Land 1 bead on main"), sheet.findChild(QCheckBox)
    assert box is not None
    assert box.hasFocus()
    assert not land.isEnabled()
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert api.asked("land") == []
    qtbot.keyClick(box, Qt.Key.Key_Space)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.said == "1 bead is on main.")
    assert api.asked("land") == [(CONVOY, "main", {A: "p1"}, True)]


def test_another_branch_has_to_be_agreed_to_anew(qtbot: QtBot) -> None:
    line = LandingLine(bead=A, title="Do it", paths=("package.json",), sensitive=LOOKS[1:])
    _, sheet = sheet_of(FakeEngineApi(landing=found(lines=(line,))), qtbot, rehearsal=False)
    press(qtbot, sheet, "Show what would land")
    box, field = sheet.findChild(QCheckBox), sheet.findChild(Field)
    assert box is not None
    assert field is not None
    qtbot.waitUntil(box.isVisible)
    qtbot.keyClick(box, Qt.Key.Key_Space)
    qtbot.keyClicks(field, "x")
    assert not box.isVisible()
    press(qtbot, sheet, "Show what would land")
    qtbot.waitUntil(box.isVisible)
    assert not box.isChecked()


def test_what_has_to_be_looked_at_is_marked_with_its_reason_until_it_has_landed(qtbot: QtBot) -> None:
    why = "package.json: it is run when something is installed or built"
    view = shown(*begun(A, B), slung(A), slung(B, SLIT), submitted(A, sensitive=(why,)), submitted(B, SLIT))
    page = opened(qtbot, view)
    spoken = Qt.ItemDataRole.AccessibleTextRole
    first, second = (page.queue.index(row, 0).data(spoken) for row in (0, 1))
    assert first.endswith(f"look at it before it lands: {why}")
    assert "look at it" not in second
    assert [piece.glyph for piece in queue_pieces(page.queue.values[0], 0)] == ["", "review"]
    detail = page.findChild(QueueDetail)
    assert detail is not None
    assert detail.look.words == f"Look at this before it lands:\n{why}"
    page.queue_table.select_row(1)
    assert detail.look.isHidden()
    page.heed(then(view, gate_run(A), merged(A)))
    assert page.merged.index(0, 0).data(spoken).endswith(why)
    assert [piece.glyph for piece in merged_pieces(page.merged.values[0], 0)][-1] == "review"
    assert page.figures == "1 merged, median gate 0:12, 1 to look at before landing"
    page.heed(then(view, ev.ConvoyLanded(**WHERE, target="refs/heads/main", commit=OID, tree=OID)))
    assert page.merged.values[0].sensitive == ()


def test_a_rehearsal_has_no_branch_chosen_and_the_repositorys_as_a_hint(qtbot: QtBot) -> None:
    api = FakeEngineApi(landing=Refused("There is no branch x.", safe="Nothing was moved."))
    _, sheet = sheet_of(api, qtbot, rehearsal=True)
    field = sheet.findChild(Field)
    assert field is not None
    assert (field.text(), field.placeholderText()) == ("", "trunk")
    press(qtbot, sheet, "Show what would land")
    qtbot.waitUntil(lambda: "Name the branch" in sheet.words)
    assert api.calls == []
    qtbot.keyClicks(field, "x")
    press(qtbot, sheet, "Show what would land")
    qtbot.waitUntil(lambda: sheet.words == "There is no branch x. Nothing was moved.")


def test_what_stands_in_the_way_is_said_and_nothing_can_be_landed(qtbot: QtBot) -> None:
    api = FakeEngineApi(landing=found(lines=(), stands_in_the_way="main has moved."))
    _, sheet = sheet_of(api, qtbot, rehearsal=False)
    press(qtbot, sheet, "Show what would land")
    qtbot.waitUntil(lambda: sheet.words == "main has moved.")
    assert not [one for one in sheet.findChildren(QPushButton) if one.isVisible() and one.text() == "Land"]
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert sheet.isHidden()


def test_a_landing_can_be_undone(qtbot: QtBot) -> None:
    landed = ev.ConvoyLanded(**WHERE, target="refs/heads/main", commit=OID, tree=OID)
    api = FakeEngineApi(undo_land=Outcome(done=True, words="main is as it was."))
    page = opened(qtbot, shown(*begun(A), slung(A), submitted(A), merged(A), landed), api)
    press(qtbot, page, "Undo landing")
    qtbot.waitUntil(lambda: page.said == "main is as it was.")
    assert api.asked("undo_land") == [(CONVOY,)]


def test_a_hidden_page_keeps_no_timer(qtbot: QtBot) -> None:
    page = opened(qtbot, queued())
    page.hide()
    assert not any(timer.isActive() for timer in page.findChildren(QTimer))
