"""Limits beyond the convoy's in the window: which one is shown, named, raised, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.event_feed import FeedItem
from gastown_desktop.bridge.event_pump import EventPump
from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ids import RigId
from gastown_desktop.core.money import usd
from gastown_desktop.engine.api import Absence, OpenRig, Settings, System, Transcript
from gastown_desktop.tour.visit import StoryClock
from gastown_desktop.ui.main_window import MainWindow
from gastown_desktop.ui.needs.list import NeedsList
from gastown_desktop.ui.spend.limit_sheet import LimitSheet
from tests.bridge.town import CONVOY, NUX, RIG, START, A, B, became, begun, enveloped, metered, needs, slung
from tests.ui.settled import SettledEngine
from tests.ui.spending import BILL

LEFT = Qt.MouseButton.LeftButton
OWN, TODAY = f"convoy:{CONVOY}", "day:2026-11-25+00:00"


class Town:
    """A window on a convoy that a limit stops, with an engine that writes down what is asked of it."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self._qtbot = qtbot
        self.clock = StoryClock(START)
        self.view = TownView()
        self.pump = EventPump(self.view, self.clock)
        rig = OpenRig(rig=RigId(RIG), path=folder, name="calc", branch="main", commits=3)
        settings = Settings(day_cap=usd("8"), town_cap=usd("300"), file=folder / "settings.toml", data=folder)
        self.engine = SettledEngine(
            settings,
            open=rig,
            recents=(),
            bill=BILL,
            diff=(),
            transcript=Transcript(bead=A, task="", turns=(), steps=()),
            system=System(git="2.43.0", sandbox=""),
        )
        self.window = MainWindow(self.view, self.pump, self.engine.port, self.clock)
        self.window.show()
        self.window.engine_ready(None)
        self.calm()
        self.window.show_rig(rig)
        self._told = 0

    def calm(self) -> None:
        self._qtbot.waitUntil(lambda: not tasks.running(), timeout=10_000)

    def tell(self, *items: FeedItem) -> None:
        for item in items:
            self.pump.put(item)
        self.pump.flush()
        self.calm()

    def happens(self, *events: ev.DurableEvent) -> None:
        told = enveloped(*events, first=self._told + 1)
        self._told += len(told)
        self.tell(*told)

    def stops(self, scope: str, cap: int) -> None:
        """Two beads, one of them at work; then a limit is reached."""
        running = ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6)
        own = metered(OWN, usd("7.90"), cap=usd("40"), reserve=usd("2"))
        self.happens(*begun(A, B), slung(A), became("working"))
        self.tell(running, own, metered(TODAY, usd("7.90"), cap=usd("8")))
        self.tell(metered("town", usd("290"), cap=usd("300")))
        need = replace(needs("limit", "limit", bead=None), scope=scope, cap=cap, text="It leaves no room.")
        self.happens(became("paused", NUX, "budget reached"), need)
        self.tell(replace(running, running=False))

    def sheet(self) -> LimitSheet:
        (found,) = [one for one in self.window.findChildren(LimitSheet) if one.isVisible()]
        return found

    def refusal(self) -> str:
        return self.window.refusal_to_resume()


@pytest.fixture
def town(qtbot: QtBot, tmp_path: Path) -> Iterator[Town]:
    made = Town(qtbot, tmp_path)
    made.window.pages.spend.hide()
    yield made
    made.calm()
    made.pump.stop()
    made.window.dispose()


def type_amount(qtbot: QtBot, field: QWidget, text: str) -> None:
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(field, text)


@pytest.mark.parametrize(
    ("scope", "cap", "asked"),
    [
        (TODAY, "8", ("set_setting", ("day_cap", usd("12")))),
        ("town", "300", ("set_setting", ("town_cap", usd("450")))),
        (OWN, "40", ("set_cap", (CONVOY, usd("60")))),
    ],
)
def test_raising_raises_the_limit_that_was_reached_and_goes_on(
    qtbot: QtBot, town: Town, scope: str, cap: str, asked: tuple[str, tuple[Any, ...]]
) -> None:
    town.stops(scope, usd(cap))
    qtbot.mouseClick(town.sheet().raise_button, LEFT)
    town.calm()
    commands = {"set_setting", "set_cap", "resume"}
    assert [one for one in town.engine.calls if one[0] in commands] == [asked, ("resume", (CONVOY,))]
    assert not town.window.sheets.shown


def test_what_is_raised_stands_in_the_settings_too(qtbot: QtBot, town: Town) -> None:
    town.stops(TODAY, usd("8"))
    type_amount(qtbot, town.sheet().amount, "9.50")
    qtbot.mouseClick(town.sheet().raise_button, LEFT)
    town.calm()
    assert town.window.pages.settings.day_cap.text() == "$9.50"
    assert town.refusal() == "", "the convoy may go on, were it stopped again before that"


def test_a_limit_that_cannot_be_written_changes_nothing_and_nothing_goes_on(qtbot: QtBot, town: Town) -> None:
    town.engine.answers["set_setting"] = StoreError("The file could not be written.")
    town.stops(TODAY, usd("8"))
    qtbot.mouseClick(town.sheet().raise_button, LEFT)
    qtbot.waitUntil(lambda: "could not be written" in town.window.strip.words.text())
    assert town.engine.asked("resume") == []
    assert town.sheet().isVisible()


@pytest.mark.parametrize(
    ("scope", "cap", "refusal"),
    [
        (TODAY, "8", "Today’s limit is reached; raise it."),
        ("town", "300", "The limit of everything is reached; raise it."),
        (OWN, "40", "The spending limit is reached; raise it."),
        ("", "40", "The spending limit is reached; raise it."),
    ],
)
def test_resume_says_which_limit_is_in_the_way(town: Town, scope: str, cap: str, refusal: str) -> None:
    town.stops(scope, usd(cap))
    assert town.refusal() == refusal
    button = town.window.frame.top_bar.fleet_button
    assert (button.isEnabled(), button.toolTip()) == (False, refusal)


def test_resume_goes_on_where_the_setting_was_raised_or_taken_out(qtbot: QtBot, town: Town) -> None:
    town.stops(TODAY, usd("8"))
    town.window.close_sheets()
    town.window.show_settings()
    town.calm()
    field = town.window.pages.settings.day_cap
    type_amount(qtbot, field, "20")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    town.calm()
    assert town.refusal() == ""
    assert town.window.frame.top_bar.fleet_button.isEnabled()
    type_amount(qtbot, field, "7")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    town.calm()
    assert town.refusal() == "Today’s limit is reached; raise it."
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    town.calm()
    assert town.engine.asked("set_setting")[-1] == ("day_cap", None)
    assert town.refusal() == ""


def test_a_day_that_is_over_does_not_stand_in_the_way(town: Town) -> None:
    town.stops(TODAY, usd("8"))
    town.clock.at = START + timedelta(days=2)
    assert town.refusal() == ""


def test_a_convoys_own_limit_that_was_raised_on_spend_lets_it_go_on(town: Town) -> None:
    town.stops(OWN, usd("40"))
    town.happens(ev.CapChanged(rig=RIG, convoy=CONVOY, scope=OWN, old=usd("40"), new=usd("50")))
    assert town.refusal() == ""


def _palette(qtbot: QtBot, town: Town) -> None:
    town.window.actions_.trigger("convoy.limit")


def _needs_you(qtbot: QtBot, town: Town) -> None:
    town.window.open_needs()
    row = town.window.findChildren(NeedsList)[0].rows[0]
    button = next(one for one in row.findChildren(QWidget) if one.property("text") == "Change limit…")
    qtbot.mouseClick(button, LEFT)


@pytest.mark.parametrize("way", [_palette, _needs_you])
def test_every_way_leads_to_the_sheet_of_the_limit_that_was_reached(
    qtbot: QtBot, town: Town, way: Callable[[QtBot, Town], None]
) -> None:
    town.stops(TODAY, usd("8"))
    town.window.close_sheets()
    way(qtbot, town)
    town.calm()
    assert town.sheet().accessibleName() == "Today’s spending limit reached"


def test_the_strip_leads_to_the_setting_of_a_shared_limit(qtbot: QtBot, town: Town) -> None:
    town.happens(*begun(A))
    town.tell(ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6))
    town.tell(metered(OWN, usd("1"), cap=usd("40")), metered(TODAY, usd("5"), cap=usd("8")))
    banner = town.window.banner
    assert "today’s limit, $8.00," in banner.words.text()
    qtbot.mouseClick(banner.change, LEFT)
    town.calm()
    assert town.window.frame.shown == "settings"
    assert town.window.pages.settings.day_cap.hasFocus()


def test_the_top_bar_names_the_limit_where_it_is_not_the_convoys_own(town: Town) -> None:
    town.happens(*begun(A))
    town.tell(ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6))
    meter = town.window.frame.top_bar.meter
    town.tell(metered(OWN, usd("1"), cap=usd("4")))
    assert meter.written() == "$1.00 of $4.00"
    town.tell(metered(TODAY, usd("3"), cap=usd("50")))
    assert meter.written() == "$1.00 of $4.00"
    town.tell(metered(TODAY, usd("48"), cap=usd("50"), held=usd("0.31")))
    assert meter.written() == "$48.00 +0.31 held of $50.00, today’s limit"
    assert meter.toolTip() == "Settled $48.00, held $0.31, today’s limit $50.00"
    meter.set_narrow(narrow=True)
    assert meter.written() == "$48.00 of $50.00 today"


# --- nobody answers -------------------------------------------------------------------------------

AWAY = Absence(lasts=True, until=START + timedelta(hours=10), at_most=usd("20"), spent=usd("3.20"))


def test_an_absence_stands_in_the_status_line_while_it_lasts(qtbot: QtBot, town: Town) -> None:
    town.engine.answers["absence"] = AWAY
    town.happens(*begun(A))
    notice, status = town.window.away, town.window.frame.status
    notice.begin()
    qtbot.waitUntil(status.away.isVisible, timeout=10_000)
    assert AWAY.until is not None
    assert status.away.text() == f"Unattended until {AWAY.until.astimezone():%H:%M}, $3.20 of $20.00 used"
    assert status.away.width() >= status.away.sizeHint().width()
    qtbot.mouseClick(status.away, LEFT)
    assert town.window.frame.shown == "spend"
    town.clock.at = AWAY.until
    notice.tell()
    assert not status.away.isVisible()


def test_one_without_an_end_lasts_while_the_convoy_runs(qtbot: QtBot, town: Town) -> None:
    town.engine.answers["absence"] = replace(AWAY, until=None, at_most=None)
    town.happens(*begun(A))
    running = ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6)
    town.tell(running)
    status = town.window.frame.status
    qtbot.waitUntil(lambda: status.away.text() == "Unattended, $3.20 used", timeout=10_000)
    town.tell(replace(running, running=False))
    town.window.away.tell()
    assert status.away.text() == ""


def test_another_repository_has_no_absence(qtbot: QtBot, town: Town) -> None:
    town.engine.answers["absence"] = AWAY
    town.happens(*begun(A))
    qtbot.waitUntil(lambda: bool(town.window.frame.status.away.text()), timeout=10_000)
    town.window.forget_town()
    assert town.window.frame.status.away.text() == ""
