from __future__ import annotations

import pytest

from gastown_desktop.core.breaker import ATTEMPTS, FAILING_BEADS, Breaker, wait_after
from gastown_desktop.core.ids import BeadId

A, B = BeadId("gt-a"), BeadId("gt-b")


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 30.0), (2, 60.0), (3, 120.0), (4, 240.0), (5, None), (9, None)]
)
def test_a_bead_waits_longer_after_every_failure_and_then_for_the_user(
    failures: int, seconds: float | None
) -> None:
    assert wait_after(failures) == seconds


@pytest.mark.parametrize(
    ("deaths", "now", "trips"),
    [
        ((), 0.0, False),
        ((0.0, 10.0), 10.0, False),
        ((0.0, 10.0, 20.0), 20.0, True),
        ((0.0, 10.0, 30.0), 30.0, True),
        ((0.0, 10.0, 31.0), 31.0, False),
        ((0.0, 10.0, 20.0), 51.0, False),
    ],
)
def test_three_deaths_in_half_a_minute_trip_it(deaths: tuple[float, ...], now: float, trips: bool) -> None:
    breaker = Breaker()
    for at in deaths:
        breaker = breaker.died(BeadId(f"gt-{at}"), at)
    assert bool(breaker.tripped(now)) == trips


@pytest.mark.parametrize(
    ("beads", "now", "trips"), [(19, 19.0, False), (20, 20.0, True), (20, 1_801.0, False)]
)
def test_twenty_failing_beads_in_half_an_hour_trip_it(beads: int, now: float, trips: bool) -> None:
    breaker = Breaker()
    for number in range(beads):
        breaker = breaker.failed(BeadId(f"gt-{number}"), 0.0)
    assert bool(breaker.tripped(now)) == trips
    assert FAILING_BEADS == 20


def test_one_bead_that_kills_its_workers_does_not_stop_the_others() -> None:
    breaker = Breaker().died(A, 0.0).died(A, 1.0).died(A, 2.0)
    assert breaker.tripped(2.0) == ""


def test_a_bead_is_tried_again_after_its_wait_and_another_at_once() -> None:
    breaker = Breaker().failed(A, 100.0)
    assert not breaker.may_try(A, 129.9)
    assert breaker.may_try(A, 130.0)
    assert breaker.may_try(B, 100.0)
    assert breaker.next_try(110.0) == 20.0


def test_a_bead_that_failed_five_times_is_given_up_and_waits_for_nothing() -> None:
    breaker = Breaker()
    for number in range(ATTEMPTS):
        breaker = breaker.failed(A, number * 1_000.0)
    assert breaker.is_given_up(A)
    assert not breaker.may_try(A, 1e9)
    assert breaker.next_try(5_000.0) is None


def test_a_bead_that_was_dispatched_begins_anew() -> None:
    breaker = Breaker().failed(A, 0.0).failed(A, 30.0).dispatched(A)
    assert breaker.may_try(A, 30.0)
    assert breaker.failed(A, 40.0).next_try(40.0) == 30.0
