"""The rate, and when it would end the money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gastown_desktop.core.burn import burn_of, crossed
from gastown_desktop.core.money import NANO

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class At:
    at: datetime
    settled: int
    assumed: int = 0
    held: int = 0


def at(minutes: float, dollars: float, assumed: float = 0, held: float = 0) -> At:
    nano = [int(amount * NANO) for amount in (dollars, assumed, held)]
    return At(START + timedelta(minutes=minutes), *nano)


def test_nothing_is_said_of_a_moment() -> None:
    burn = burn_of([at(0, 0), at(0.1, 1)], 10 * NANO, START + timedelta(minutes=0.1))
    assert burn.per_hour_now is None
    assert burn.reached_at is None


def test_a_steady_rate_reaches_the_limit_when_it_must() -> None:
    samples = [at(minute, minute / 6) for minute in range(61)]
    burn = burn_of(samples, 20 * NANO, START + timedelta(hours=1))
    assert burn.per_hour_now == pytest.approx(10 * NANO)
    assert burn.per_hour == pytest.approx(10 * NANO)
    assert burn.reached_at is not None
    assert abs(burn.reached_at - START - timedelta(hours=2)) < timedelta(seconds=1)
    assert burn.reached_between is not None
    assert burn.reached_between[0] < burn.reached_at < burn.reached_between[1]


def test_now_is_the_last_ten_minutes() -> None:
    samples = [at(0, 0), at(50, 1), at(55, 2), at(60, 3)]
    burn = burn_of(samples, None, START + timedelta(hours=1))
    assert burn.per_hour_now == 12 * NANO
    assert burn.per_hour == 3 * NANO


def test_what_is_assumed_counts_as_spent() -> None:
    burn = burn_of([at(0, 0), at(6, 0, 1)], None, START + timedelta(minutes=6))
    assert burn.per_hour_now == 10 * NANO


def test_a_fleet_that_rests_reaches_nothing() -> None:
    burn = burn_of([at(0, 1), at(60, 1)], 2 * NANO, START + timedelta(hours=1))
    assert burn.per_hour_now == 0
    assert burn.reached_at is None


def test_a_fleet_that_stopped_burns_less_from_minute_to_minute() -> None:
    samples = [at(minute, minute) for minute in range(11)]
    burn = burn_of(samples, 100 * NANO, START + timedelta(minutes=15))
    assert burn.per_hour_now == 30 * NANO
    assert burn_of(samples, 100 * NANO, START + timedelta(minutes=20)).per_hour_now == 0


def test_what_is_held_brings_the_limit_nearer() -> None:
    samples = [at(minute, minute / 6) for minute in range(60)] + [at(60, 10, held=5)]
    burn = burn_of(samples, 20 * NANO, START + timedelta(hours=1))
    assert burn.reached_at is not None
    assert abs(burn.reached_at - START - timedelta(minutes=90)) < timedelta(seconds=1)


def test_an_uneven_run_has_a_wide_wedge() -> None:
    """Every third five minutes cost $4, the others $1."""
    samples, dollars = [at(0, 0)], 0
    for number in range(12):
        dollars += 4 if number % 3 == 1 else 1
        samples.append(at(5 * (number + 1), dollars))
    burn = burn_of(samples, 48 * NANO, START + timedelta(hours=1))
    assert (burn.per_hour_now, burn.per_hour) == (30 * NANO, 24 * NANO)
    assert burn.reached_between == (START + timedelta(hours=1.5), START + timedelta(hours=3))


def test_no_samples_no_rates() -> None:
    assert burn_of([], NANO, START).per_hour is None


@pytest.mark.parametrize(
    ("used", "told", "percent"),
    [(4, (), None), (5, (), 50), (5, (50,), None), (9, (50,), 80), (10, (50, 80), 95), (10, (95,), None)],
)
def test_each_threshold_is_told_once(used: int, told: tuple[int, ...], percent: int | None) -> None:
    assert crossed(used, 10, told) == percent


def test_without_a_limit_nothing_is_crossed() -> None:
    assert crossed(10, None, ()) is None
