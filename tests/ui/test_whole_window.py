"""The whole program as a user has it: every step is a click, a key or a drop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QSlider
from pytestqt.qtbot import QtBot

from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import usd
from gastown_desktop.ui.merge.landing_sheet import LandingSheetView
from gastown_desktop.ui.needs.conflict import ConflictPanel
from gastown_desktop.ui.needs.list import NeedRow, NeedsList
from gastown_desktop.ui.rehearse.form import RehearsalForm
from gastown_desktop.ui.spend.limit_sheet import LimitSheet
from gastown_desktop.ui.welcome.trust_sheet import TrustSheet
from tests.builders import contested_repository, costly_repository, small_python_repository
from tests.ui.window_driver import WindowDriver

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def driver(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WindowDriver]:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    made = WindowDriver(qtbot, tmp_path / "data")
    yield made
    assert made.stop()
    qtbot.waitUntil(lambda: not made.application.engine.alive)


def rehearse(driver: WindowDriver, *, gate: str, plan: str = "None", limit: str = "") -> None:
    """Fills the rehearsal sheet in and starts."""
    driver.click("Rehearse for $0")
    form = driver.find(RehearsalForm)
    form.findChildren(QSlider)[0].setValue(8)
    driver.click(plan, form)
    if limit:
        field = form.limit
        driver.qtbot.mouseDClick(field, Qt.MouseButton.LeftButton)
        field.selectAll()
        driver.qtbot.keyClicks(field, limit)
    if gate:
        driver.qtbot.keyClicks(form.command, gate)
        driver.click("Add gate", form)
    driver.click("Start rehearsal", form)


def need_row(driver: WindowDriver, *, resolver: bool) -> NeedRow:
    rows = driver.find(NeedsList).rows
    return next(row for row in rows if (row.need.bead or "").endswith(".r1") == resolver)


def test_a_dropped_repository_is_rehearsed_answered_merged_and_landed(
    driver: WindowDriver, tmp_path: Path
) -> None:
    repository = contested_repository(tmp_path / "contested")
    repository.git("branch", "scratch", "HEAD~7")
    driver.drop(repository.folder)
    driver.wait(lambda: driver.window.rig is not None)

    rehearse(driver, gate="test -e README")
    sheet = driver.find(TrustSheet)
    driver.click("Trust and run", sheet)
    driver.wait(lambda: driver.application.view.current is not None)
    driver.wait(lambda: len(driver.application.view.needs()) == 2)

    driver.click("Needs you")
    driver.click("Resolve…", need_row(driver, resolver=True))
    panel = driver.find(ConflictPanel)
    driver.click("Take theirs", panel)
    driver.click("Hand in the resolution", panel)
    driver.wait(lambda: len(driver.application.view.needs()) == 1)
    driver.wait(lambda: len(driver.state.merged()) == 6)

    driver.click("Needs you")
    row = need_row(driver, resolver=False)
    driver.click("Type an answer…", row)
    field = row.typed
    driver.qtbot.keyClicks(field, "Try again: the motto is there now.")
    driver.qtbot.keyClick(field, Qt.Key.Key_Return)
    driver.wait(lambda: driver.state.stage == "landed")
    assert len(driver.state.merged()) == 7
    driver.wait(lambda: not driver.window.something_runs())
    driver.click("Show report")
    driver.wait(lambda: driver.page == "evidence")

    driver.key(Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    driver.wait(lambda: driver.page == "merge")
    driver.click("Land…")
    sheet = driver.find(LandingSheetView)
    driver.qtbot.keyClicks(sheet.first_focus(), "scratch")
    driver.click("Show what would land", sheet)
    driver.click("Land 7 beads on scratch", sheet)
    driver.wait(lambda: driver.state.landed_on == "refs/heads/scratch")
    landed = repository.git("rev-parse", "scratch")
    assert landed == driver.state.landed_commit
    assert repository.git("log", "--format=%s", "HEAD~7..scratch").splitlines()
    assert repository.git("status", "--porcelain") == ""

    with driver.qtbot.waitSignal(driver.window.quit_wanted):
        driver.key(Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)


def test_the_limit_stops_everything_and_raising_it_finishes(driver: WindowDriver, tmp_path: Path) -> None:
    driver.drop(costly_repository(tmp_path / "costly").folder)
    driver.wait(lambda: driver.window.rig is not None)
    rehearse(driver, gate="", plan="True", limit="$0.50")
    sheet = driver.find(LimitSheet)
    meter = driver.application.view.glance.meters[f"convoy:{driver.state.convoy}"]
    assert meter.held == 0
    assert meter.settled + meter.assumed <= usd("0.50")
    merged = len(driver.state.merged())
    assert merged < len(driver.state.works())

    sheet.amount.selectAll()
    driver.qtbot.keyClicks(sheet.amount, "50")
    driver.click("Raise limit…", sheet)
    driver.wait(lambda: driver.state.stage == "landed", 120_000)
    assert len(driver.state.merged()) == len(driver.state.works())
    assert driver.state.caps[f"convoy:{driver.state.convoy}"] == usd("50")


def test_another_repository_never_stops_a_running_fleet_unasked(driver: WindowDriver, tmp_path: Path) -> None:
    other = small_python_repository(tmp_path / "other")
    driver.drop(costly_repository(tmp_path / "costly").folder)
    driver.wait(lambda: driver.window.rig is not None)
    rehearse(driver, gate="sleep 1", plan="True")
    driver.click("Trust and run", driver.find(TrustSheet))
    driver.wait(driver.window.something_runs)
    driver.drop(other.folder)
    driver.wait(driver.window.strip.isVisible)
    assert driver.window.something_runs()
    assert driver.window.rig is not None
    assert driver.window.rig.name == "costly"
    driver.click("Stop it and open other")
    driver.wait(lambda: driver.window.rig is not None and driver.window.rig.name == "other")
    assert driver.application.view.convoys == {}


def test_a_second_rehearsal_of_the_same_commits_takes_the_place_of_the_first(
    driver: WindowDriver, tmp_path: Path
) -> None:
    driver.drop(costly_repository(tmp_path / "costly").folder)
    driver.wait(lambda: driver.window.rig is not None)
    shown: list[set[BeadId]] = []
    for _ in range(2):
        rehearse(driver, gate="", plan="True")
        driver.wait(lambda: len(driver.application.view.convoys) == len(shown) + 1)
        driver.wait(lambda: driver.state.stage == "landed" and not driver.window.something_runs())
        cards = driver.window.pages.fleet.model.values
        assert {card.state for card in cards} == {"landed"}
        assert {card.convoy for card in cards} == {driver.state.convoy}
        shown.append({card.bead for card in cards})
    assert shown[0].isdisjoint(shown[1])
    assert all(one.settled >= 0 for one in driver.application.view.samples)
    (first, _) = driver.application.view.convoys
    driver.window.open_bead(min(shown[0]))
    current = driver.window.pages.fleet.current
    assert current is not None
    assert current.convoy == first
    transcript = driver.window.pages.fleet.detail.transcript
    driver.wait(lambda: "I will make this change" in transcript.toPlainText())


def test_the_buttons_of_the_top_bar_offer_what_the_palette_does(driver: WindowDriver, tmp_path: Path) -> None:
    driver.drop(small_python_repository(tmp_path / "small").folder)
    driver.wait(lambda: driver.window.rig is not None)
    bar = driver.window.frame.top_bar
    driver.qtbot.mouseClick(bar.rig_button, Qt.MouseButton.LeftButton)
    driver.wait(bar.rig_button.drop.isVisible)
    assert "Clone from URL…" in [action.text() for action in bar.rig_button.drop.actions()]
    bar.rig_button.drop.close()
    at = QPoint(bar.fleet_button.width() - 8, bar.fleet_button.height() // 2)
    driver.qtbot.mouseClick(bar.fleet_button, Qt.MouseButton.LeftButton, pos=at)
    driver.wait(bar.fleet_button.drop.isVisible)
    stop = next(one for one in bar.fleet_button.drop.actions() if one.text() == "Stop all workers now")
    assert not stop.isEnabled()
    assert "no convoy" in stop.toolTip()
    bar.fleet_button.drop.close()
