"""How many workers are worth starting near a limit."""

from __future__ import annotations

import pytest

from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.slowing import go_on, level_of, machine_is_busy, most_per_hour, whole_of


def beads(*names: str) -> list[BeadId]:
    return [BeadId(name) for name in names]


@pytest.mark.parametrize(
    ("finished", "at_work", "level"),
    [
        ([], [], 1.0),
        ([4.0], [], 2.0),
        ([8.0, 8.0], [], 4.0),
        ([0.0, 0.25], [0.1], 0.25 ** (1 / 3)),
        ([0.5, 0.5, 0.5], [0.9, 0.9, 0.9, 0.9], 0.9),
        ([], [0.2, 0.2, 0.2, 0.2], 1.0),
    ],
)
def test_beads_cost_what_the_finished_did_and_at_least_what_most_at_work_cost_so_far(
    finished: list[float], at_work: list[float], level: float
) -> None:
    assert level_of(finished, at_work) == pytest.approx(level)


def test_a_bead_costs_what_its_like_do_or_half_more_than_so_far() -> None:
    assert whole_of(10, 100.5) == 101
    assert whole_of(80, 100) == 120
    assert whole_of(300, 100) == 450


@pytest.mark.parametrize(
    ("left", "going", "chosen"),
    [
        (200, [], ["a", "b", "c"]),
        (48, [], ["a", "b"]),
        (47, [], ["a"]),
        (23, [], ["a"]),
        (20, [], ["a"]),
        (19, [], []),
        (48, ["d"], ["a"]),
        (47, ["d"], []),
    ],
)
def test_what_is_left_goes_to_a_quarter_more_than_it_finishes_and_at_last_to_nobody(
    left: int, going: list[str], chosen: list[str]
) -> None:
    needs = dict.fromkeys(beads("a", "b", "c", *going), 30)
    assert go_on(needs, beads("a", "b", "c"), left=left, cap=800) == chosen


def test_the_very_last_is_begun_with_where_it_finishes_a_bead() -> None:
    assert go_on({BeadId("a"): 5}, beads("a"), left=4, cap=800) == ["a"]


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
