"""The burn chart and the gauge: what they tell, and that their patterns do not crawl."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.town_view import Sample
from gastown_desktop.core.burn import burn_of
from gastown_desktop.core.money import NANO, usd
from gastown_desktop.ui.plots.axes import floor_time, money_step, show_tick, time_step
from gastown_desktop.ui.spend.burn_chart import BurnChart, Course
from gastown_desktop.ui.spend.gauge import Gauge, MoneyStanding

START = datetime(2026, 11, 25, 13, 0, tzinfo=UTC)


def course(minutes: int = 90, cap: int | None = 40 * NANO) -> Course:
    samples = [
        Sample(START + timedelta(minutes=minute), minute * NANO // 5, 0, 2 * NANO)
        for minute in range(minutes + 1)
    ]
    now = samples[-1].at
    caps = ((START + timedelta(minutes=5), cap),)
    landings = (START + timedelta(minutes=30),)
    return Course(samples=samples, now=now, caps=caps, landings=landings, burn=burn_of(samples, cap, now))


def shown(qtbot: QtBot, told: Course) -> BurnChart:
    chart = BurnChart(UTC)
    qtbot.addWidget(chart)
    chart.resize(624, chart.height())
    chart.set_course(told)
    chart.show()
    return chart


def test_the_chart_says_itself_in_a_sentence(qtbot: QtBot) -> None:
    chart = shown(qtbot, course())
    assert chart.accessibleDescription() == (
        "From 13:00 to 14:30: $18.00 spent, $2.00 held, limit $40.00, reached at about 16:10."
    )


def test_pointing_at_a_time_tells_its_values(qtbot: QtBot) -> None:
    chart = shown(qtbot, course())
    qtbot.mouseMove(chart, QPoint(150, 100))
    qtbot.waitUntil(lambda: " spent" in chart.told)
    assert chart.told.endswith("+2.00 held")
    qtbot.mouseMove(chart, QPoint(400, 100))
    qtbot.waitUntil(lambda: "about $" in chart.told)
    qtbot.mouseMove(chart, QPoint(610, 100))
    qtbot.waitUntil(lambda: chart.told.endswith("limit reached"))


def test_the_arrow_keys_tell_values_too(qtbot: QtBot) -> None:
    chart = shown(qtbot, course())
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.accessibleDescription() == chart.told
    assert "spent" in chart.told
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert "about $" in chart.told


@pytest.mark.parametrize(
    "told",
    [
        Course(),
        course(minutes=0),
        course(minutes=1, cap=None),
        course(minutes=2, cap=1_000 * NANO),
        course(minutes=60 * 24 * 3),
    ],
    ids=["nothing", "one sample", "no limit", "a limit far above", "three days"],
)
def test_any_course_can_be_painted(qtbot: QtBot, told: Course) -> None:
    chart = shown(qtbot, told)
    assert not chart.grab().isNull()


def test_the_hatch_stays_where_it_is_when_the_widget_grows(qtbot: QtBot) -> None:
    gauge = Gauge()
    qtbot.addWidget(gauge)
    gauge.set_standing(MoneyStanding(held=10 * NANO, cap=10 * NANO))
    gauge.resize(400, gauge.height())
    gauge.show()
    before = gauge.grab().toImage()
    gauge.resize(500, gauge.height())
    after = gauge.grab().toImage()
    assert all(before.pixel(x, y) == after.pixel(x, y) for x in range(50, 300) for y in range(4, 22))


@pytest.mark.parametrize(
    ("standing", "free", "kept"),
    [
        (MoneyStanding(settled=usd("4"), reserve=usd("0.5"), cap=usd("10")), usd("5.5"), usd("0.5")),
        (MoneyStanding(settled=usd("9.8"), reserve=usd("0.5"), cap=usd("10")), 0, usd("0.2")),
        (MoneyStanding(settled=usd("11"), reserve=usd("0.5"), cap=usd("10")), 0, 0),
        (MoneyStanding(settled=usd("11")), None, 0),
    ],
)
def test_landing_uses_up_what_was_kept_for_it(standing: MoneyStanding, free: int | None, kept: int) -> None:
    assert (standing.free, standing.kept) == (free, kept)


@pytest.mark.parametrize(
    ("top", "step", "said"),
    [
        (40 * NANO, 10 * NANO, "$40"),
        (NANO // 10, NANO // 50, "$0.10"),
        (3_000 * NANO, 1_000 * NANO, "$3,000"),
    ],
)
def test_amounts_on_the_axis_are_round(top: int, step: int, said: str) -> None:
    assert money_step(top) == step
    assert show_tick(top, step) == said


def test_times_on_the_axis_are_round() -> None:
    step = time_step(timedelta(hours=3), 8)
    assert step == timedelta(minutes=30)
    assert floor_time(START + timedelta(minutes=44), step, UTC) == START + timedelta(minutes=30)
