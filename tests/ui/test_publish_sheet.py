from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, Oid, PolecatName
from gastown_desktop.engine.api import BranchLine, TownBranch
from gastown_desktop.ui.flows.publishing import title_of
from gastown_desktop.ui.publish.sheet import PublishSheet
from tests.bridge.town import CONVOY, OID, A, begun, shown
from tests.fakes.engine_api import FakeEngineApi

OLD = Oid("2" * 40)
CONVOYS = TownBranch(name=f"convoy/{CONVOY}", kind="convoy", commit=OID, convoy=CONVOY)
WORK = TownBranch(name="work/Nux/gt-a-k4", kind="worker", commit=OID, bead=A, worker=PolecatName("Nux"))


def line(branch: str, **fields: Any) -> BranchLine:
    known: Any = {"source": branch, "commit": OID, "before": None, "outcome": "created", **fields}
    return BranchLine(branch=branch, **known)


def opened(qtbot: QtBot, api: FakeEngineApi) -> PublishSheet:
    host = QWidget()
    host.resize(900, 700)
    qtbot.addWidget(host)
    host.show()
    sheet = PublishSheet(host, api.port, "calc", (CONVOYS, WORK), lambda _: "Things")
    sheet.open()
    return sheet


def press(qtbot: QtBot, sheet: PublishSheet, text: str) -> None:
    (button,) = [one for one in sheet.findChildren(QPushButton) if one.text() == text and one.isVisible()]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_newest_convoy_is_published_by_the_keyboard_after_it_was_shown(qtbot: QtBot) -> None:
    done = (line("gastown/cv-1"),)
    api = FakeEngineApi(publishing=done, publish=done)
    sheet = opened(qtbot, api)
    assert [(check.accessibleName(), check.isChecked()) for check, _ in sheet.checks] == [
        ("cv-1, Things", True),
        ("gt-a, Nux, Things", False),
    ]
    assert sheet.focusWidget() is sheet.checks[0][0]
    qtbot.keyClick(sheet.checks[0][0], Qt.Key.Key_Return)
    qtbot.waitUntil(sheet.publish.isVisible)
    assert api.asked("publish") == []
    assert sheet.publish.text() == "Publish 1 branch"
    qtbot.keyClick(sheet.publish, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: sheet.words == "gastown/cv-1 is new in calc, at 1111111111.")
    assert api.asked("publishing") == [((CONVOYS.name,), "gastown")]
    assert api.asked("publish") == [((CONVOYS.name,), "gastown")]
    qtbot.keyClick(sheet.close_button, Qt.Key.Key_Return)
    assert sheet.isHidden()


def test_what_would_change_is_listed_and_another_wish_is_shown_anew(qtbot: QtBot) -> None:
    lines = (
        line("mine/cv-1", before=OLD, outcome="moved"),
        line("mine/work/Nux/gt-a-k4"),
    )
    ended = (*lines, line("mine/x", before=OID, outcome="there"))
    api = FakeEngineApi(publishing=lines, publish=ended)
    sheet = opened(qtbot, api)
    qtbot.keyClick(sheet.checks[1][0], Qt.Key.Key_Space)
    sheet.prefix.setFocus()
    sheet.prefix.selectAll()
    qtbot.keyClicks(sheet.prefix, "mine/")
    press(qtbot, sheet, "Show what would change")
    qtbot.waitUntil(sheet.publish.isVisible)
    assert api.asked("publishing") == [((CONVOYS.name, WORK.name), "mine")]
    model, spoken = sheet.table.model(), Qt.ItemDataRole.AccessibleTextRole
    assert [model.index(row, 0).data(spoken) for row in (0, 1)] == [
        "mine/cv-1, would go forward from 2222222222, 1111111111",
        "mine/work/Nux/gt-a-k4, would be new, 1111111111",
    ]
    qtbot.keyClick(sheet.checks[1][0], Qt.Key.Key_Space)
    assert not sheet.publish.isVisible()
    press(qtbot, sheet, "Show what would change")
    qtbot.waitUntil(sheet.publish.isVisible)
    press(qtbot, sheet, "Publish 2 branches")
    said = "Of 3 branches in calc 1 are new, 1 went forward, 1 were there already."
    qtbot.waitUntil(lambda: sheet.words == said)


def test_what_stands_in_the_way_is_said_and_nothing_can_be_published(qtbot: QtBot) -> None:
    refusal = "gastown/cv-1 is there and has gone another way; it is not moved."
    api = FakeEngineApi(publishing=(line("gastown/cv-1", before=OLD, outcome="moved", refusal=refusal),))
    sheet = opened(qtbot, api)
    press(qtbot, sheet, "Show what would change")
    qtbot.waitUntil(lambda: sheet.words.startswith(refusal))
    assert not sheet.publish.isVisible()
    qtbot.keyClick(sheet.checks[0][0], Qt.Key.Key_Space)
    assert not sheet.look.isEnabled()
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert sheet.isHidden()


def test_a_refusal_at_the_last_moment_is_said_in_place(qtbot: QtBot) -> None:
    refused = Refused("gastown/cv-1 is checked out in /x.", safe="Nothing was changed.")
    api = FakeEngineApi(publishing=(line("gastown/cv-1"),), publish=refused)
    sheet = opened(qtbot, api)
    press(qtbot, sheet, "Show what would change")
    qtbot.waitUntil(sheet.publish.isVisible)
    press(qtbot, sheet, "Publish 1 branch")
    qtbot.waitUntil(lambda: sheet.words == "gastown/cv-1 is checked out in /x. Nothing was changed.")
    assert sheet.publish.isVisible()


def test_a_branch_is_called_by_its_convoy_or_bead() -> None:
    view = shown(*begun(A))
    assert title_of(view, CONVOYS) == "Things"
    assert title_of(view, WORK) == "Do gt-a"
    unknown = TownBranch(name="work/x/gt-z-1", kind="worker", commit=OID, bead=BeadId("gt-z"))
    assert title_of(view, unknown) == ""
