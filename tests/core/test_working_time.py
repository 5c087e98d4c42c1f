from __future__ import annotations

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.working_time import WorkingTime, working_time_of
from tests.told_convoy import ToldConvoy


def times(told: ToldConvoy) -> WorkingTime:
    return working_time_of(told.envelopes, told.charges)


@pytest.fixture
def one_worker() -> ToldConvoy:
    """Runs from 10 to 100: 2 s for the copy, turns of 20 and 10 s, 1 s for handing in, merged at 90."""
    told = ToldConvoy("gt-a")
    told.stage(10, "running")
    told.sling(10, "gt-a", "Nux")
    told.become(12, "Nux", "working")
    told.turn(15, 35, "gt-a", "Nux", 1)
    told.turn(50, 60, "gt-a", "Nux", 2)
    told.submit(61, "gt-a", "Nux")
    told.merge(90, "gt-a")
    told.stage(100, "ready_to_land")
    told.land(500)
    return told


def test_waiting_between_turns_is_no_work(one_worker: ToldConvoy) -> None:
    found = times(one_worker)
    assert (found.own_s, found.busy_s, found.busy_unfinished_s) == (33, 33, 33)
    assert (found.ran_s, found.unfinished_s, found.most_at_once) == (90, 80, 1)


def test_a_turn_without_its_request_counts_from_the_one_before(one_worker: ToldConvoy) -> None:
    found = working_time_of(one_worker.envelopes, [])
    assert found.own_s == 2 + 23 + 25 + 1


def test_workers_at_the_same_time_add_up() -> None:
    told = ToldConvoy("gt-a", "gt-b")
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.sling(0, "gt-b", "Slit")
    told.turn(0, 30, "gt-a", "Nux", 1)
    told.turn(0, 30, "gt-b", "Slit", 1)
    told.stage(40, "paused")
    found = times(told)
    assert (found.own_s, found.ran_s, found.most_at_once) == (60, 40, 2)


def test_a_resolver_is_busy_and_no_work_on_a_bead() -> None:
    told = ToldConvoy("gt-a")
    told.stage(0, "running")
    told.resolver(0, "gt-a.r1", "gt-a")
    told.sling(0, "gt-a.r1", "Slit")
    told.turn(0, 10, "gt-a.r1", "Slit", 1)
    told.stage(20, "paused")
    found = times(told)
    assert (found.own_s, found.busy_s) == (0, 10)


def test_pauses_are_left_out_of_both_times() -> None:
    told = ToldConvoy("gt-a")
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.stage(10, "paused")
    told.turn(5, 15, "gt-a", "Nux", 1)
    told.become(15, "Nux", "paused")
    told.stage(100, "running")
    told.become(101, "Nux", "working")
    told.turn(103, 108, "gt-a", "Nux", 2)
    told.stage(110, "paused")
    found = times(told)
    assert (found.own_s, found.ran_s) == (5 + 5, 20)


def test_a_closed_program_neither_runs_nor_works() -> None:
    told = ToldConvoy("gt-a")
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.turn(1, 10, "gt-a", "Nux", 1)
    told.turn(12, 1000, "gt-a", "Nux", 2)
    told.tell(1001, ev.Recovered(**told.where, assumed_requests=0, killed_children=0))
    told.become(1002, "Nux", "starting")
    told.become(1003, "Nux", "working")
    told.turn(1004, 1009, "gt-a", "Nux", 3)
    told.stage(1010, "paused")
    found = times(told)
    assert (found.own_s, found.ran_s) == (9 + 1 + 5, 20)


def test_whoever_asks_does_not_work_until_the_bead_is_slung_again() -> None:
    told = ToldConvoy("gt-a")
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.turn(0, 10, "gt-a", "Nux", 1)
    told.need(10, "gt-a:question:1", "question", "gt-a")
    told.answer(70, "gt-a:question:1")
    told.sling(71, "gt-a", "Nux", turn=1)
    told.become(72, "Nux", "working")
    told.turn(72, 80, "gt-a", "Nux", 2)
    told.stage(100, "paused")
    assert times(told).own_s == 10 + 1 + 8


def test_a_history_that_goes_on_counts_until_its_last_event() -> None:
    told = ToldConvoy("gt-a")
    told.stage(5, "running")
    told.sling(7, "gt-a", "Nux")
    assert times(told).ran_s == 2


def test_nothing_is_no_time() -> None:
    assert working_time_of([], []) == WorkingTime(
        own_s=0, busy_s=0, busy_unfinished_s=0, ran_s=0, unfinished_s=0, most_at_once=0
    )
