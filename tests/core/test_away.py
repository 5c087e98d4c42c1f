"""A user who is away: until when, and for how much."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gastown_desktop.core.away import Away, next_time
from gastown_desktop.core.ledger import Assume, Record, Release, Reserve, Settle, Shrink
from gastown_desktop.core.money import NANO, NanoUsd
from gastown_desktop.core.usage import Usage

BERLIN = ZoneInfo("Europe/Berlin")
SCOPE = "convoy:cv-1"
BACK = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("now", "wanted", "then"),
    [
        (berlin("2026-11-25T22:10:30"), time(7), "2026-11-26T07:00+01:00"),
        (berlin("2026-11-26T06:59:59"), time(7), "2026-11-26T07:00+01:00"),
        (berlin("2026-11-26T07:00:00"), time(7), "2026-11-27T07:00+01:00"),
        (berlin("2026-11-26T07:00:30"), time(7), "2026-11-27T07:00+01:00"),
        (berlin("2026-11-26T23:30:00"), time(0), "2026-11-27T00:00+01:00"),
        (berlin("2026-12-31T23:59:10"), time(0, 1), "2027-01-01T00:01+01:00"),
    ],
)
def test_the_next_time_is_later_than_now(now: datetime, wanted: time, then: str) -> None:
    assert next_time(wanted, now, BERLIN) == datetime.fromisoformat(then)


@pytest.mark.parametrize(
    ("now", "wanted", "then"),
    [
        (berlin("2026-03-28T22:00"), time(7), "2026-03-29T07:00+02:00"),
        (berlin("2026-03-29T01:30"), time(2, 30), "2026-03-29T03:00+02:00"),
        (berlin("2026-03-29T01:30"), time(3), "2026-03-29T03:00+02:00"),
        (berlin("2026-03-28T03:30"), time(3, 15), "2026-03-29T03:15+02:00"),
    ],
)
def test_a_clock_that_is_put_forward_ends_at_the_jump_at_the_latest(
    now: datetime, wanted: time, then: str
) -> None:
    assert next_time(wanted, now, BERLIN) == datetime.fromisoformat(then)


@pytest.mark.parametrize(
    ("now", "wanted", "then"),
    [
        (berlin("2026-10-24T22:00"), time(7), "2026-10-25T07:00+01:00"),
        (berlin("2026-10-25T01:30"), time(2, 30), "2026-10-25T02:30+02:00"),
        (berlin("2026-10-25T02:45"), time(2, 30), "2026-10-25T02:30+01:00"),
        (berlin("2026-10-25T02:45", fold=1), time(2, 30), "2026-10-26T02:30+01:00"),
        (berlin("2026-10-25T02:45"), time(3), "2026-10-25T03:00+01:00"),
    ],
)
def test_a_time_that_the_clock_shows_twice_comes_again(now: datetime, wanted: time, then: str) -> None:
    assert next_time(wanted, now, BERLIN) == datetime.fromisoformat(then)


def test_the_sum_counts_from_what_was_committed_and_ends_with_the_time() -> None:
    away = Away(until=BACK, at_most=15 * NANO, spent_before=4 * NANO)
    during = BACK - timedelta(seconds=1)
    assert away.cap(100 * NANO, during) == 19 * NANO
    assert away.cap(7 * NANO, during) == 7 * NANO
    assert away.cap(100 * NANO, BACK) == 100 * NANO
    assert Away(until=BACK).cap(100 * NANO, during) == 100 * NANO
    assert Away(at_most=NANO).cap(100 * NANO, BACK) == NANO
    assert not away.lasts(BACK)


def reserve(number: int, at: datetime, dollars: int, *scopes: str) -> Reserve:
    return Reserve(
        id=f"r{number}",
        at=at.isoformat(),
        scopes=scopes or (SCOPE, "town"),
        amount=NanoUsd(dollars * NANO),
        model="m",
        max_tokens=1,
        what="",
        body_hash="",
    )


def test_what_was_spent_meanwhile_is_what_was_reserved_until_then() -> None:
    before, during = BACK - timedelta(hours=9), BACK - timedelta(hours=1)
    usage = Usage(input_tokens=1, output_tokens=1)
    records: list[Record] = [
        reserve(1, before, 4),
        reserve(2, during, 5),
        reserve(3, during, 9),
        reserve(4, during, 2),
        reserve(5, during, 7, "convoy:other", "town"),
        reserve(6, BACK, 3),
        Shrink(id="r2", amount=NanoUsd(3 * NANO)),
        Settle(id="r2", amount=NanoUsd(NANO), usage=usage, request_id=""),
        Release(id="r3", reason=""),
        Assume(id="r4", reason=""),
    ]
    away = Away(until=BACK, at_most=15 * NANO, spent_before=4 * NANO)
    assert away.spent(records, SCOPE) == 3 * NANO


def test_it_is_said_in_words() -> None:
    away = Away(until=BACK, at_most=15 * NANO)
    assert away.words(3_100_000_000, BERLIN) == "unattended until 07:00, $3.10 of $15"
    assert away.limit(BERLIN) == "the limit of $15 until 07:00"
    assert Away().words(5) == "unattended"
    assert Away().limit() == ""
    assert Away(at_most=NANO).limit() == "the limit of $1 while nobody answers"
