"""The first page: every way in is one click or key, and odd folders get one sentence and one action."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from gastown_desktop.core.money import NANO
from gastown_desktop.engine.api import Looked, Recent, RunsList
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.welcome.clone_sheet import CloneSheet, folder_name
from gastown_desktop.ui.welcome.page import WelcomePage
from gastown_desktop.ui.welcome.recent_list import short_path
from gastown_desktop.ui.welcome.trust_sheet import TrustSheet
from gastown_desktop.ui.widgets.labels import Paragraph

LEFT = Qt.MouseButton.LeftButton
NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


def recent(name: str, *, state: str = "landed", words: str = "7 landed", days: int = 0) -> Recent:
    return Recent(
        path=Path("/srv") / name,
        name=name,
        branch="main",
        state=state,
        words=words,
        spent=6 * NANO,
        cap=10 * NANO,
        at=NOW - timedelta(days=days),
    )


RECENTS = (
    recent("harbor"),
    recent("tide-tables", state="rehearsed", days=2),
    recent("gone", state="missing"),
)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[WelcomePage]:
    made = WelcomePage()
    made.resize(1080, 732)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


def test_the_parts_stand_where_the_picture_has_them(page: WelcomePage) -> None:
    page.show_recents(RECENTS, NOW)
    QApplication.processEvents()

    def place(widget: object) -> tuple[int, int, int, int]:
        corner = widget.mapTo(page, QPoint(0, 0))  # pyright: ignore[reportAttributeAccessIssue]
        return corner.x(), corner.y(), widget.width(), widget.height()  # pyright: ignore[reportAttributeAccessIssue]

    assert place(page.target) == (180, 158, 720, 212)
    assert place(page.target.choose) == (383, 303, 148, 32)
    assert place(page.sample) == (180, 382, 720, 56)
    assert place(page.recents.rows[0]) == (168, 491, 744, 40)


def test_the_buttons_say_what_is_wanted(qtbot: QtBot, page: WelcomePage) -> None:
    with qtbot.waitSignal(page.clone_wanted):
        qtbot.mouseClick(page.target.clone, LEFT)
    with qtbot.waitSignal(page.sample_wanted):
        qtbot.mouseClick(page.sample.button, LEFT)


def test_choosing_a_folder_opens_a_dialog_that_blocks_nothing(
    qtbot: QtBot, page: WelcomePage, tmp_path: Path
) -> None:
    qtbot.mouseClick(page.target.choose, LEFT)
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible)
    with qtbot.waitSignal(page.folder_chosen) as chosen:
        dialog.fileSelected.emit(str(tmp_path))
    assert chosen.args == [tmp_path]
    dialog.close()


def test_nothing_recent_shows_no_empty_list(page: WelcomePage) -> None:
    assert not page.recents.isVisible()
    page.show_recents(RECENTS, NOW)
    assert page.recents.isVisible()
    page.show_recents((), NOW)
    assert not page.recents.isVisible()


def test_the_edge_turns_orange_while_a_folder_is_held_over_the_window(page: WelcomePage) -> None:
    def edge() -> set[str]:
        image = page.target.grab().toImage()
        return {image.pixelColor(x, 1).name() for x in range(40, 120)}

    assert theme.color("surface.raised").name() in edge()
    page.set_hovering(True)
    (solid,) = edge()
    assert abs(QColor(solid).hue() - theme.color("accent.base").hue()) <= 3
    page.set_hovering(False)
    assert theme.color("surface.raised").name() in edge()


def test_a_recent_opens_by_click_and_by_enter(qtbot: QtBot, page: WelcomePage) -> None:
    page.show_recents(RECENTS, NOW)
    rows = page.recents.rows
    with qtbot.waitSignal(page.recent_chosen) as chosen:
        qtbot.mouseClick(rows[1], LEFT)
    assert chosen.args == [Path("/srv/tide-tables")]
    rows[0].setFocus()
    qtbot.keyClick(rows[0], Qt.Key.Key_Down)
    qtbot.keyClick(rows[1], Qt.Key.Key_Down)
    assert [row.is_current for row in rows] == [False, False, True]
    with qtbot.waitSignal(page.recent_chosen) as chosen:
        qtbot.keyClick(rows[2], Qt.Key.Key_Return)
    assert chosen.args == [Path("/srv/gone")]


def test_delete_and_the_menu_take_a_recent_off_the_list(qtbot: QtBot, page: WelcomePage) -> None:
    page.show_recents(RECENTS, NOW)
    row = page.recents.rows[2]
    with qtbot.waitSignal(page.recent_forgotten) as forgotten:
        qtbot.keyClick(row, Qt.Key.Key_Delete)
    assert forgotten.args == [Path("/srv/gone")]
    actions = {action.text(): action for action in row.menu().actions()}
    with qtbot.waitSignal(page.recent_forgotten):
        actions["Take off this list"].trigger()


def test_a_recent_says_its_state_to_those_who_do_not_see_it(page: WelcomePage) -> None:
    page.show_recents(RECENTS, NOW)
    names = [row.accessibleName() for row in page.recents.rows]
    assert names[0].startswith("harbor, main, 7 landed, today")
    assert names[1] == "tide-tables, main, 7 landed, 18 Nov"


def test_the_home_folder_is_a_tilde() -> None:
    assert short_path(Path.home() / "code" / "harbor") == "~/code/harbor"
    assert short_path(Path("/mnt/work")) == "/mnt/work"


# --- odd folders ----------------------------------------------------------------------------------


def test_a_folder_inside_a_repository_offers_its_top_level(qtbot: QtBot, page: WelcomePage) -> None:
    looked = Looked(kind="inside", path=Path("/srv/harbor"), sentence="src is inside the repository harbor.")
    page.show_looked(looked)
    assert page.answer.action.text() == "Open harbor"
    with qtbot.waitSignal(page.folder_chosen) as chosen:
        qtbot.mouseClick(page.answer.action, LEFT)
    assert chosen.args == [Path("/srv/harbor")]
    assert not page.answer.isVisible()


def test_a_plain_folder_offers_to_initialise_git(qtbot: QtBot, page: WelcomePage) -> None:
    looked = Looked(kind="plain_folder", path=Path("/srv/notes"), sentence="notes is not in a repository.")
    page.show_looked(looked)
    assert page.answer.action.text() == "Initialise Git here"
    assert page.answer.action.hasFocus()
    with qtbot.waitSignal(page.answer_wanted) as wanted:
        qtbot.keyClick(page.answer.action, Qt.Key.Key_Return)
    assert wanted.args == [looked]


@pytest.mark.parametrize("kind", ["bare", "missing", "file", "foreign", "broken", "refused", "empty"])
def test_what_cannot_be_opened_offers_to_choose_another(qtbot: QtBot, page: WelcomePage, kind: str) -> None:
    page.show_looked(
        Looked(kind=kind, path=Path("/srv/x"), sentence="x cannot be opened.", remedy="Take another.")  # pyright: ignore[reportArgumentType]
    )
    assert page.answer.sentence.text() == "x cannot be opened."
    assert page.answer.remedy.text() == "Take another."
    qtbot.mouseClick(page.answer.action, LEFT)
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    dialog.close()


def test_escape_takes_the_answer_away(qtbot: QtBot, page: WelcomePage) -> None:
    page.show_trouble("Git is missing.", "Nothing was changed.", "Install git 2.39 or newer.")
    assert page.answer.remedy.text() == "Nothing was changed. Install git 2.39 or newer."
    assert not page.answer.action.isVisible()
    with qtbot.waitSignal(page.answer.dismissed):
        qtbot.keyClick(page.answer.close_button, Qt.Key.Key_Escape)
    assert not page.answer.isVisible()


def test_the_answer_takes_no_room_once_it_is_gone(page: WelcomePage) -> None:
    before = page.sample.mapTo(page, QPoint(0, 0)).y()
    page.show_trouble("Something went wrong.")
    QApplication.processEvents()
    assert page.sample.mapTo(page, QPoint(0, 0)).y() > before
    page.answer.dismiss()
    QApplication.processEvents()
    assert page.sample.mapTo(page, QPoint(0, 0)).y() == before


# --- cloning --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/tools/harbor.git", "harbor"),
        ("git@example.org:harbor.git", "harbor"),
        ("https://example.org/tools/harbor/", "harbor"),
        ("/srv/git/harbor.git/", "harbor"),
        ("", ""),
        ("..", ""),
    ],
)
def test_the_folder_of_a_clone_is_the_one_that_git_would_make(url: str, name: str) -> None:
    assert folder_name(url) == name


@pytest.fixture
def clone(page: WelcomePage) -> CloneSheet:
    sheet = CloneSheet(page, Path("/srv/code"))
    sheet.open()
    return sheet


def test_an_address_is_all_that_a_clone_needs(qtbot: QtBot, clone: CloneSheet) -> None:
    assert clone.url.hasFocus()
    assert not clone.start.isEnabled()
    qtbot.keyClicks(clone.url, "https://example.org/tools/harbor.git")
    assert clone.folder.text() == "/srv/code/harbor"
    with qtbot.waitSignal(clone.clone_wanted) as wanted:
        qtbot.keyClick(clone.url, Qt.Key.Key_Return)
    assert wanted.args == ["https://example.org/tools/harbor.git", Path("/srv/code/harbor")]
    assert not clone.start.isEnabled()


def test_a_folder_that_was_typed_is_kept(qtbot: QtBot, clone: CloneSheet) -> None:
    qtbot.keyClicks(clone.url, "https://example.org/har")
    clone.folder.selectAll()
    qtbot.keyClicks(clone.folder, "/srv/mine")
    qtbot.keyClicks(clone.url, "bor.git")
    assert clone.folder.text() == "/srv/mine"


def test_a_running_clone_says_how_far_it_is_and_stops_by_escape(qtbot: QtBot, clone: CloneSheet) -> None:
    qtbot.keyClicks(clone.url, "https://example.org/harbor.git")
    qtbot.mouseClick(clone.start, LEFT)
    clone.set_progress("Receiving objects", 0.42)
    assert clone.progress.words.text() == "Receiving objects, 42\N{NO-BREAK SPACE}%"
    with qtbot.waitSignal(clone.cancel_wanted):
        qtbot.keyClick(clone.cancel, Qt.Key.Key_Escape)
    assert clone.isHidden()


def test_closing_before_anything_runs_stops_nothing(qtbot: QtBot, clone: CloneSheet) -> None:
    with qtbot.assertNotEmitted(clone.cancel_wanted):
        qtbot.mouseClick(clone.cancel, LEFT)
    assert clone.isHidden()


def test_a_failed_clone_says_so_and_can_be_tried_again(qtbot: QtBot, clone: CloneSheet) -> None:
    qtbot.keyClicks(clone.url, "https://example.org/harbor.git")
    qtbot.mouseClick(clone.start, LEFT)
    clone.set_trouble("The clone failed: not found.", "Nothing was left behind.")
    assert clone.trouble.text() == "The clone failed: not found. Nothing was left behind."
    assert clone.start.isEnabled()
    qtbot.keyClicks(clone.url, "x")
    assert not clone.trouble.isVisible()


def test_only_one_button_is_orange_while_a_sheet_is_open(
    qtbot: QtBot, page: WelcomePage, clone: CloneSheet
) -> None:
    assert page.target.choose.shown_kind == "plain"
    qtbot.keyClick(clone, Qt.Key.Key_Escape)
    assert page.target.choose.shown_kind == "primary"


# --- trust ----------------------------------------------------------------------------------------


def runs(*, confined: bool = True) -> RunsList:
    items = (
        ("gate", "tests", "python -m pytest -q"),
        ("hook", "post-checkout", "<b>curl</b> evil \u202e" + "x" * 300),
    )
    return RunsList(items=items, digest="d1", trusted=False, confined=confined)


def said(sheet: TrustSheet) -> list[str]:
    return [one.text() for one in sheet.findChildren(Paragraph)]


def test_the_trust_sheet_lists_exactly_what_would_run(page: WelcomePage) -> None:
    sheet = TrustSheet(page, "harbor", runs())
    sheet.open()
    words = said(sheet)
    assert "python -m pytest -q" in words
    assert "<b>curl</b> evil ‹U+202E›" + "x" * 300 in words


def test_the_trust_sheet_says_when_nothing_confines(page: WelcomePage) -> None:
    assert any("Not confined" in one for one in said(TrustSheet(page, "harbor", runs(confined=False))))
    assert not any("Not confined" in one for one in said(TrustSheet(page, "harbor", runs())))


def test_trust_is_for_the_list_that_was_shown(qtbot: QtBot, page: WelcomePage) -> None:
    sheet = TrustSheet(page, "harbor", runs())
    sheet.open()
    with qtbot.waitSignal(sheet.trusted) as trusted:
        qtbot.mouseClick(sheet.trust, LEFT)
    assert trusted.args == ["d1"]
    assert sheet.isHidden()


def test_closing_the_trust_sheet_trusts_nothing(qtbot: QtBot, page: WelcomePage) -> None:
    sheet = TrustSheet(page, "harbor", runs())
    sheet.open()
    with qtbot.assertNotEmitted(sheet.trusted), qtbot.assertNotEmitted(sheet.gateless_wanted):
        qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    sheet.open()
    sheet.cancel.setFocus()
    with qtbot.assertNotEmitted(sheet.trusted):
        qtbot.keyClick(sheet.cancel, Qt.Key.Key_Return)
    assert sheet.isHidden()


def test_a_repository_can_be_rehearsed_without_its_gates(qtbot: QtBot, page: WelcomePage) -> None:
    sheet = TrustSheet(page, "harbor", runs())
    sheet.open()
    with qtbot.waitSignal(sheet.gateless_wanted), qtbot.assertNotEmitted(sheet.trusted):
        qtbot.mouseClick(sheet.without, LEFT)


def test_every_button_of_the_page_has_a_name(page: WelcomePage) -> None:
    page.show_recents(RECENTS, NOW)
    page.show_trouble("Something went wrong.")
    names = [button.accessibleName() for button in (page.target.choose, page.answer.close_button)]
    assert names == ["Choose folder…", "Dismiss"]
