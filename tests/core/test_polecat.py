from __future__ import annotations

import pytest

from gastown_desktop.core.polecat import LIVE_STATES, POLECAT_STATES, WAIT_REASONS, PolecatState, may_become

ALLOWED: dict[PolecatState, str] = {
    "starting": "working waiting stuck failed paused",
    "working": "waiting submitting stuck failed paused",
    "waiting": "working stuck failed paused",
    "submitting": "working waiting done stuck failed paused",
    "done": "starting working",
    "stuck": "starting working waiting failed paused",
    "failed": "starting",
    "paused": "starting working waiting failed",
}


@pytest.mark.parametrize("now", POLECAT_STATES)
def test_a_worker_goes_only_to_the_states_of_the_table(now: PolecatState) -> None:
    reachable = {then for then in POLECAT_STATES if may_become(now, then)}
    assert reachable == {now, *ALLOWED[now].split()}


def test_every_state_is_reachable_from_the_start() -> None:
    reached: set[PolecatState] = {"starting"}
    for _ in POLECAT_STATES:
        reached |= {then for now in reached for then in POLECAT_STATES if may_become(now, then)}
    assert reached == set(POLECAT_STATES)


def test_work_is_done_only_by_submitting_it() -> None:
    assert [now for now in POLECAT_STATES if now != "done" and may_become(now, "done")] == ["submitting"]


def test_stuck_and_paused_workers_fill_no_place_of_the_fleet() -> None:
    assert set(POLECAT_STATES) - LIVE_STATES == {"done", "stuck", "failed", "paused"}


def test_the_reasons_to_wait() -> None:
    assert WAIT_REASONS == ("rate_limit", "question", "budget")
