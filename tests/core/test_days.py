"""Days of the ledger: they end late rather than early."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gastown_desktop.core.days import Day

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "scope", ["day:2026-11-25+01:00", "day:2026-11-25-08:00", "day:2026-11-25+05:45", "day:2026-11-25+00:00"]
)
def test_a_day_is_read_back_from_its_scope(scope: str) -> None:
    day = Day.of(scope)
    assert day is not None
    assert day.scope == scope


@pytest.mark.parametrize("scope", ["town", "day:2026-11-25", "day:soon", "convoy:day:2026-11-25+01:00"])
def test_other_scopes_are_no_day(scope: str) -> None:
    assert Day.of(scope) is None


@pytest.mark.parametrize(
    ("begun", "now", "then"),
    [
        ("2026-11-25T09:00+01:00", "2026-11-25T23:59+01:00", "day:2026-11-25+01:00"),
        ("2026-11-25T09:00+01:00", "2026-11-26T00:00+01:00", "day:2026-11-26+01:00"),
        # eastwards the machine's clock is ahead: the day has not ended by its own
        ("2026-11-25T09:00-08:00", "2026-11-26T03:00+09:00", "day:2026-11-25-08:00"),
        ("2026-11-25T09:00-08:00", "2026-11-26T17:00+09:00", "day:2026-11-26+09:00"),
        # westwards the date is the same again: it goes on
        ("2026-11-25T09:00+09:00", "2026-11-25T08:00-08:00", "day:2026-11-25+09:00"),
        ("2026-11-25T09:00+09:00", "2026-11-24T23:00-08:00", "day:2026-11-25+09:00"),
        ("2026-11-25T09:00+09:00", "2026-11-26T00:00-08:00", "day:2026-11-26-08:00"),
        # a clock that was years ahead
        ("2030-01-01T00:00+01:00", "2026-11-26T00:00+01:00", "day:2026-11-26+01:00"),
    ],
)
def test_a_day_lasts_until_both_clocks_have_left_it(begun: str, now: str, then: str) -> None:
    assert Day.at(at(begun)).next(at(now)).scope == then


def test_a_day_of_25_hours_makes_no_room_for_its_last_hour() -> None:
    day = Day.at(datetime(2026, 10, 25, 1, tzinfo=BERLIN))
    last = datetime(2026, 10, 25, 23, 30, tzinfo=BERLIN)
    assert day.next(last) == day
    assert day.next(last + timedelta(minutes=30)).scope == "day:2026-10-26+01:00"
