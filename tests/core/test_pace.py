from __future__ import annotations

import pytest

from gastown_desktop.core.pace import Pace


@pytest.mark.parametrize(
    ("limited_at", "now", "allowed"),
    [
        ((), 0.0, 30),
        ((100.0,), 100.0, 21),
        ((100.0, 101.0, 104.9), 105.0, 21),
        ((100.0, 110.0), 110.0, 14),
        ((100.0,), 159.0, 21),
        ((100.0,), 160.0, 22),
        ((100.0,), 100.0 + 60 * 9, 30),
        ((100.0,), 100.0 + 60 * 99, 30),
        (tuple(100.0 + 10 * n for n in range(12)), 210.0, 1),
    ],
)
def test_fewer_run_at_a_limit_and_one_more_after_each_quiet_minute(
    limited_at: tuple[float, ...], now: float, allowed: int
) -> None:
    pace = Pace.of(30)
    for at in limited_at:
        pace = pace.limited(at, 1.0)
    assert pace.at(now) == allowed


def test_nobody_sends_before_the_provider_wants_to_be_asked_again() -> None:
    pace = Pace.of(4).limited(100.0, 20.0).limited(101.0, 5.0)
    assert pace.wait_s(101.0) == 19.0
    assert pace.wait_s(121.0) == 0.0


def test_another_size_holds_at_once_and_keeps_what_the_provider_refused() -> None:
    assert Pace.of(4).resized(10).at(0.0) == 10
    limited = Pace.of(8).limited(0.0, 1.0)
    assert limited.resized(30).at(0.0) == 5
    assert limited.resized(2).at(0.0) == 2


def test_a_window_of_replies_lets_one_more_run() -> None:
    pace = Pace.of(6).limited(100.0, 0.0)
    assert pace.at(101.0) == 4
    sizes: list[int] = []
    for _ in range(9):
        pace = pace.replied(101.0)
        sizes.append(pace.at(101.0))
    assert sizes == [4, 4, 4, 5, 5, 5, 5, 5, 6]
    assert pace.replied(101.0) == pace


def test_a_few_refusals_in_a_hundred_leave_a_fleet_at_work() -> None:
    pace, sizes, now = Pace.of(30), list[int](), 0.0
    for request in range(1, 3_001):
        now += 4.0 / pace.at(now)  # each worker asks every four seconds
        pace = pace.limited(now, 0.0) if request % 33 == 0 else pace.replied(now)
        sizes.append(pace.at(now))
    late = sizes[1_000:]
    assert 8 <= sum(late) / len(late) <= 14
    assert min(late) >= 6
