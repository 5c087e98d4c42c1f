from __future__ import annotations

import pytest

from gastown_desktop.core.pace import Pace


@pytest.mark.parametrize(
    ("limited_at", "now", "allowed"),
    [
        ((), 0.0, 30),
        ((100.0,), 100.0, 15),
        ((100.0, 101.0, 104.9), 105.0, 15),
        ((100.0, 110.0), 110.0, 7),
        ((100.0,), 159.0, 15),
        ((100.0,), 160.0, 16),
        ((100.0,), 100.0 + 60 * 15, 30),
        ((100.0,), 100.0 + 60 * 99, 30),
        (tuple(100.0 + 10 * n for n in range(9)), 180.0, 1),
    ],
)
def test_the_fleet_is_halved_at_a_limit_and_grows_by_one_a_minute(
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
    assert limited.resized(30).at(0.0) == 4
    assert limited.resized(2).at(0.0) == 2
