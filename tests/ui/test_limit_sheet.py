"""The sheet at the limit and the strip before it: nothing is decided by accident."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.money import usd
from gastown_desktop.ui.spend.banners import LimitBanner
from gastown_desktop.ui.spend.gauge import MoneyStanding
from gastown_desktop.ui.spend.limit_sheet import LimitFacts, LimitSheet, limit_facts
from tests.bridge.town import (
    CONVOY,
    NUX,
    START,
    A,
    B,
    became,
    begun,
    enveloped,
    metered,
    needs,
    shown,
    slung,
    submitted,
    tell,
    then,
)
from tests.ui.spending import town

LEFT = Qt.MouseButton.LeftButton
OTHER = ConvoyId("cv-2")
TODAY = "day:2026-11-25+00:00"
FACTS = LimitFacts(
    convoy=CONVOY,
    at=START,
    standing=MoneyStanding(
        settled=usd("37.62"), assumed=usd("0.18"), held=0, reserve=usd("2"), cap=usd("40")
    ),
    paused=7,
    finished=3,
    rest=(usd("9.80"), usd("14.60")),
)


@pytest.fixture
def host(qtbot: QtBot) -> Iterator[QWidget]:
    """The pages, which outlive their sheet."""
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1224, 732)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    yield made
    made.close()


def opened(host: QWidget, facts: LimitFacts = FACTS) -> tuple[LimitSheet, list[object]]:
    sheet = LimitSheet(host, facts, UTC)
    decided: list[object] = []
    sheet.stay_paused.connect(lambda: decided.append("stay"))
    sheet.raise_to.connect(decided.append)
    sheet.finish_merges.connect(lambda: decided.append("finish"))
    sheet.open()
    return sheet, decided


def reached(scope: str, cap: int) -> ev.NeedsYou:
    return replace(needs("limit", "limit", bead=None), scope=scope, cap=cap)


def labels(sheet: LimitSheet) -> list[str]:
    return [one.text() for one in sheet.findChildren(QLabel)]


def type_amount(qtbot: QtBot, sheet: LimitSheet, text: str) -> None:
    sheet.amount.setFocus()
    sheet.amount.clear()
    qtbot.keyClicks(sheet.amount, text)


def said(sheet: LimitSheet) -> list[str]:
    return [one.accessibleName() for one in sheet.findChildren(QWidget) if one.accessibleName()]


def test_what_is_safe_comes_first(qtbot: QtBot, host: QWidget) -> None:
    sheet, _ = opened(host)
    first = "7 workers are paused and their work is committed. No request could have passed $40.00."
    assert said(sheet)[0] == first


def test_enter_stays_paused(qtbot: QtBot, host: QWidget) -> None:
    sheet, decided = opened(host)
    assert sheet.stay.hasFocus()
    qtbot.keyClick(sheet.stay, Qt.Key.Key_Return)
    assert decided == ["stay"]
    assert sheet.isHidden()


def test_escape_closes_without_deciding(qtbot: QtBot, host: QWidget) -> None:
    sheet, decided = opened(host)
    with qtbot.waitSignal(sheet.closed):
        qtbot.keyClick(sheet.amount, Qt.Key.Key_Escape)
    assert decided == []


def test_an_amount_larger_than_thirty_two_bits_arrives_whole(qtbot: QtBot, host: QWidget) -> None:
    sheet, decided = opened(host)
    assert "$40.00 → $60.00 . The rest: likely $9.80 to $14.60." in said(sheet)
    qtbot.mouseClick(sheet.raise_button, LEFT)
    assert decided == [usd("60")]
    assert sheet.isVisible()


@pytest.mark.parametrize("typed", ["", "many", "0", "37.80", "39", "40"])
def test_only_more_than_the_limit_raises_it(qtbot: QtBot, host: QWidget, typed: str) -> None:
    sheet, decided = opened(host)
    type_amount(qtbot, sheet, typed)
    assert not sheet.raise_button.isEnabled()
    qtbot.keyClick(sheet.amount, Qt.Key.Key_Return)
    assert decided == []


def test_enter_in_the_amount_raises_and_does_not_stay_paused(qtbot: QtBot, host: QWidget) -> None:
    sheet, decided = opened(host)
    type_amount(qtbot, sheet, "$ 41.50")
    qtbot.keyClick(sheet.amount, Qt.Key.Key_Return)
    assert decided == [usd("41.50")]


def test_only_what_is_finished_can_be_landed(qtbot: QtBot, host: QWidget) -> None:
    sheet, decided = opened(host)
    qtbot.mouseClick(sheet.finish, LEFT)
    assert decided == ["finish"]
    sheet.set_facts(replace(FACTS, finished=0))
    assert not sheet.finish.isEnabled()
    assert "No finished branch waits, so there is nothing to land." in said(sheet)


def test_what_is_typed_stays_while_the_town_moves(qtbot: QtBot, host: QWidget) -> None:
    sheet, _ = opened(host)
    type_amount(qtbot, sheet, "55")
    sheet.set_facts(replace(FACTS, finished=2))
    assert sheet.amount.text() == "55"


def test_the_facts_come_from_the_town() -> None:
    view = town()
    then(view, became("paused", NUX, "budget reached"), needs("limit", "limit", bead=None))
    then(view, submitted(B))
    facts = limit_facts(view, view.convoys[CONVOY], START)
    assert (facts.kind, facts.paused, facts.finished, facts.rest) == ("convoy", 1, 1, None)
    assert facts.standing.settled == usd("5")
    assert facts.at is not None
    assert A in view.convoys[CONVOY].beads


def test_a_history_that_does_not_say_which_limit_it_was_means_the_convoys_own() -> None:
    view = town()
    then(view, became("paused", NUX, "budget reached"), needs("limit", "limit", bead=None))
    tell(view, [metered("town", usd("9"), cap=usd("10"))])
    facts = limit_facts(view, view.convoys[CONVOY], START)
    assert (facts.kind, facts.standing.settled) == ("convoy", usd("5"))


def test_one_meter_for_all_convoys_counts_all_of_them() -> None:
    view = shown(*begun(A), needs("limit", "limit", bead=None))
    others = [replace(one, convoy=OTHER) for one in (slung(B), became("paused", NUX, "budget reached"))]
    tell(view, enveloped(*begun(B, convoy=OTHER), *others))
    tell(view, [metered("town", usd("9"), cap=usd("10"))])
    facts = limit_facts(view, view.convoys[CONVOY], START)
    assert (facts.kind, facts.standing.settled, facts.paused) == ("convoy", usd("9"), 1)


@pytest.mark.parametrize(
    ("scope", "kind", "title", "row"),
    [
        (TODAY, "day", "Today’s spending limit reached", "Raise the limit of a day"),
        ("town", "town", "Spending limit of everything reached", "Raise the limit of everything"),
        (f"convoy:{CONVOY}", "convoy", "Spending limit reached", "Raise the limit"),
    ],
)
def test_the_sheet_is_about_the_limit_that_was_reached(
    qtbot: QtBot, host: QWidget, scope: str, kind: str, title: str, row: str
) -> None:
    view = town()
    tell(view, [metered(scope, usd("7.90"), cap=usd("8"))])
    then(view, reached(scope, usd("8")))
    facts = limit_facts(view, view.convoys[CONVOY], START)
    assert (facts.kind, facts.over) == (kind, None)
    assert (facts.standing.settled, facts.standing.cap) == (usd("7.90"), usd("8"))
    sheet, decided = opened(host, facts)
    assert sheet.accessibleName() == title
    assert {title, row} <= set(labels(sheet))
    assert any(text.startswith("$8.00 → $12.00") for text in said(sheet))
    qtbot.mouseClick(sheet.raise_button, LEFT)
    assert decided == [usd("12")]


def test_a_limit_whose_meter_is_not_known_is_shown_as_it_was_told() -> None:
    view = town()
    then(view, reached("town", usd("8")))
    facts = limit_facts(view, view.convoys[CONVOY], START)
    assert (facts.kind, facts.standing.cap) == ("town", usd("8"))


def test_a_day_that_is_over_is_named_and_says_that_resume_goes_on(qtbot: QtBot, host: QWidget) -> None:
    view = town()
    then(view, reached(TODAY, usd("8")))
    facts = limit_facts(view, view.convoys[CONVOY], START + timedelta(days=2))
    sheet, _ = opened(host, facts)
    assert sheet.accessibleName() == "Spending limit of 25 Nov reached"
    assert any(text.startswith("That day is over.") for text in said(sheet))


def test_each_limit_has_its_thresholds_and_leads_to_where_it_is_changed(qtbot: QtBot) -> None:
    banner = LimitBanner()
    qtbot.addWidget(banner)
    convoy = ConvoyId("cv-1")
    own = MoneyStanding(settled=usd("5"), cap=usd("10"))
    banner.heed(convoy, own)
    assert "50\N{NO-BREAK SPACE}% of $10.00 is" in banner.words.text()
    banner.heed(convoy, MoneyStanding(settled=usd("8"), cap=usd("10")), "day")
    assert "80\N{NO-BREAK SPACE}% of today’s limit, $10.00, is" in banner.words.text()
    banner.heed(convoy, own)
    banner.heed(convoy, MoneyStanding(settled=usd("1"), cap=usd("10")), "town")
    assert "today’s limit" in banner.words.text()
    with qtbot.waitSignal(banner.limit_wanted) as wanted:
        qtbot.mouseClick(banner.change, LEFT)
    assert wanted.args == ["day"]


def test_each_threshold_shows_the_strip_once(qtbot: QtBot) -> None:
    banner = LimitBanner()
    qtbot.addWidget(banner)
    convoy, cap = ConvoyId("cv-1"), usd("10")
    told: list[str] = []
    banner.told.connect(told.append)
    for dollars in ("4", "5", "5.5", "8.1", "8.2", "9.6", "9.7"):
        banner.heed(convoy, MoneyStanding(settled=usd(dollars), cap=cap))
    assert [text.split("\N{NO-BREAK SPACE}")[0] for text in told] == ["50", "80", "95"]
    assert "slows down" in told[-1]


def test_a_dismissed_strip_stays_away_until_the_next_threshold(qtbot: QtBot) -> None:
    banner = LimitBanner()
    qtbot.addWidget(banner)
    convoy, cap = ConvoyId("cv-1"), usd("10")
    banner.heed(convoy, MoneyStanding(settled=usd("5"), cap=cap))
    qtbot.mouseClick(banner.dismiss, LEFT)
    banner.heed(convoy, MoneyStanding(settled=usd("6"), cap=cap))
    assert banner.isHidden()
    banner.heed(convoy, MoneyStanding(settled=usd("8"), cap=cap))
    assert not banner.isHidden()


def test_a_raised_limit_takes_the_strip_away_and_starts_anew(qtbot: QtBot) -> None:
    banner = LimitBanner()
    qtbot.addWidget(banner)
    convoy = ConvoyId("cv-1")
    banner.heed(convoy, MoneyStanding(settled=usd("9"), cap=usd("10")))
    banner.heed(convoy, MoneyStanding(settled=usd("9"), cap=usd("40")))
    assert banner.isHidden()
    banner.heed(convoy, MoneyStanding(settled=usd("20"), cap=usd("40")))
    assert not banner.isHidden()
    with qtbot.waitSignal(banner.limit_wanted):
        qtbot.mouseClick(banner.change, LEFT)
