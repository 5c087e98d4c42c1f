"""How many workers are worth starting near a limit."""

from __future__ import annotations

import pytest

from gastown_desktop.core.slowing import machine_is_busy, most_per_hour, most_under_cap


@pytest.mark.parametrize(
    ("free", "cap", "finished", "most"),
    [
        (None, None, [5, 5, 5], None),
        (25, 100, [5, 5, 5], None),
        (24, 100, [5, 5], None),
        (24, 100, [5, 5, 5], 4),
        (24, 100, [5, 5, 100], 4),
        (3, 100, [5, 5, 5], 1),
        (24, 100, [0, 0, 0], None),
    ],
)
def test_below_a_quarter_of_the_cap_no_more_work_than_what_is_left_finishes(
    free: int | None, cap: int | None, finished: list[int], most: int | None
) -> None:
    assert most_under_cap(free, cap, finished) == most


@pytest.mark.parametrize(
    ("limit", "spent", "worker_s", "most"),
    [
        (None, 100, 3_600.0, None),
        (30, 10, 59.0, None),
        (30, 0, 3_600.0, None),
        (30, 10, 3_600.0, 3),
        (5, 10, 3_600.0, 1),
    ],
)
def test_an_hour_costs_no_more_than_wanted(
    limit: int | None, spent: int, worker_s: float, most: int | None
) -> None:
    assert most_per_hour(limit, spent, worker_s) == most


def test_a_machine_is_busy_when_many_more_want_to_run_than_it_has_cores() -> None:
    assert not machine_is_busy(16.0, 2)
    assert machine_is_busy(16.1, 2)
