"""Workers that the user holds back, stops and lets go on, in a whole town."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import ModelError, Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.holding import (
    BY_YOU,
    finish_merges,
    fresh_context,
    pause_all,
    pause_bead,
    resume_all,
    resume_bead,
    stop_bead,
)
from gastown_desktop.engine.messages import send
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.taking_over import give_back, take_over
from tests.engine.running import LOOK, running
from tests.engine.test_resolving import last_said, requests
from tests.fakes.town import FakeTown, found_town, says, submits, turn_of, use

A, B = BeadId("gt-a"), BeadId("gt-b")


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    return town


# --- one worker -----------------------------------------------------------------------------------


async def test_a_held_worker_stands_still_at_the_end_of_its_turn_and_keeps_its_hook(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await pause_bead(town.kit, A)
        assert run.worker("gt-a").state == "working"
        run.says("gt-a", LOOK)
        await run.is_paused("gt-a")
        (hook,) = [one for one in await town.kit.hooks.load_all() if one.assignment.bead == A]
        assert len(hook.turns) == 1
        assert run.status("gt-a") == "hooked"
        assert run.asked["gt-a"] == 1


async def test_the_others_go_on_and_the_town_stays_up_for_the_held_one(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await pause_bead(town.kit, A)
        run.says("gt-a", LOOK)
        run.hands_in("gt-b")
        await run.is_paused("gt-a")
        await run.until(lambda: run.status("gt-b") == "merged")
        await resume_bead(town.kit, A)
        run.hands_in("gt-a")
        await run.ends()
    assert town.bus.state.stage == "landed"
    assert [turn_of(request) for request in requests(town, "gt-a")] == [0, 1]
    assert town.bus.state.restarts == 0


async def test_a_worker_that_is_let_go_before_its_turn_ends_never_stands_still(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await pause_bead(town.kit, A)
        await resume_bead(town.kit, A)
        run.says("gt-a", LOOK)
        await run.is_asked("gt-a", 2)
    assert BY_YOU not in {event.reason for event in town.events("polecat_state_changed")}


async def test_a_held_bead_is_not_begun(town: FakeTown) -> None:
    async with running(town, fleet_size=1) as run:
        await run.is_asked("gt-a")
        await pause_bead(town.kit, B)
        run.hands_in("gt-a")
        await run.until(lambda: run.status("gt-a") == "merged")
        assert run.status("gt-b") == "open"
        await resume_bead(town.kit, B)
        await run.is_asked("gt-b")


async def test_a_held_worker_hears_what_was_said_when_it_goes_on(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await pause_bead(town.kit, A)
        run.says("gt-a", LOOK)
        await run.is_paused("gt-a")
        await send(town.kit, A, "Use tabs.")
        await resume_bead(town.kit, A)
        await run.is_asked("gt-a", 2)
    assert last_said(requests(town, "gt-a")[1]) == "The user says: Use tabs."
    assert [one.turn for one in town.bus.state.messages.values()] == [1]


async def test_a_worker_that_waits_for_the_provider_stands_still_at_once(town: FakeTown) -> None:
    town.clock.sleep = never  # type: ignore[method-assign]
    async with running(town, fleet_size=1) as run:
        refused = asyncio.Event()

        async def refuses(_request: object) -> None:
            refused.set()
            raise ModelError("overloaded", retry_after=600.0, unbilled=True, status=529)

        town.model.answer = refuses  # type: ignore[assignment]
        await refused.wait()
        await pause_bead(town.kit, A)
        await run.is_paused("gt-a")


async def never(seconds: float) -> None:
    del seconds
    await asyncio.Event().wait()


# --- at once --------------------------------------------------------------------------------------


async def test_a_stopped_worker_is_charged_in_full_and_keeps_its_finished_turns(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        run.says("gt-a", says(use("write", path="x.txt", content="x\n")))
        await run.is_asked("gt-a", 2)
        held = town.gate.ledger.totals("bead:gt-a").held
        await stop_bead(town.kit, A)
        assert (run.worker("gt-a").state, run.worker("gt-a").reason) == ("paused", BY_YOU)
        totals = town.gate.ledger.totals("bead:gt-a")
        assert (totals.held, totals.assumed) == (0, held)
        assert held > 0
        await resume_bead(town.kit, A)
        await run.is_asked("gt-a", 3)
        run.says("gt-a", says(submits()))
        run.hands_in("gt-b")
        await run.ends()
    assert (await town.files_at(await town.tip()))["x.txt"] == b"x\n"
    assert [event.turn for event in town.events("turn_ended") if event.bead == A] == [1, 2]


async def test_stopping_a_bead_that_nobody_works_on_holds_it(town: FakeTown) -> None:
    async with running(town, fleet_size=1) as run:
        await run.is_asked("gt-a")
        await stop_bead(town.kit, B)
        run.hands_in("gt-a")
        await run.until(lambda: run.status("gt-a") == "merged")
        assert run.status("gt-b") == "open"


async def test_a_worker_that_is_taken_over_while_it_runs_is_stopped_and_goes_on_afterwards(
    town: FakeTown,
) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        run.says("gt-a", says(use("write", path="x.txt", content="half\n")))
        await run.is_asked("gt-a", 2)
        slot = await take_over(town.kit, A)
        assert run.status("gt-a") == "blocked"
        town.slots.files[slot.name].files["x.txt"] = b"whole\n"
        await give_back(town.kit, A)
        await run.is_asked("gt-a", 3)
        run.says("gt-a", says(submits()))
        run.hands_in("gt-b")
        await run.ends()
    assert "changed your copy by hand" in last_said(requests(town, "gt-a")[-1])
    assert (await town.files_at(await town.tip()))["x.txt"] == b"whole\n"


# --- everybody ------------------------------------------------------------------------------------


async def test_when_all_are_held_merges_go_on_and_nothing_is_begun(town: FakeTown) -> None:
    await town.add("gt-c")
    async with running(town) as run:
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        await pause_all(town.kit)
        assert (town.bus.state.stage, town.bus.state.stage_reason) == ("paused", BY_YOU)
        run.says("gt-a", LOOK)
        run.hands_in("gt-b")
        await run.is_paused("gt-a")
        await run.until(lambda: run.status("gt-b") == "merged")
        assert run.status("gt-c") == "open"
        await resume_all(town.kit)
        assert town.bus.state.stage == "running"
        run.hands_in("gt-a")
        run.hands_in("gt-c")
        await run.ends()
    assert town.bus.state.stage == "landed"


async def test_a_pause_from_before_the_town_begins_holds_until_the_user_goes_on(town: FakeTown) -> None:
    await pause_all(town.kit)
    async with running(town) as run:
        await run.until(lambda: town.bus.state.stage_reason == BY_YOU)
        await settled()
        assert (town.bus.state.stage, dict(run.asked)) == ("paused", {})
        assert (run.status("gt-a"), run.status("gt-b")) == ("open", "open")
        await resume_all(town.kit)
        assert town.bus.state.stage == "running"
        run.hands_in("gt-a")
        run.hands_in("gt-b")
        await run.ends()
    assert town.bus.state.stage == "landed"


async def test_a_pause_between_a_pilot_and_the_rest_holds_until_the_user_goes_on(town: FakeTown) -> None:
    async with running(town, only=frozenset({A}), lands=False) as run:
        run.hands_in("gt-a")
        await run.ends()
    await pause_all(town.kit)
    async with running(town) as run:
        await run.until(lambda: town.bus.state.stage_reason == BY_YOU)
        await settled()
        assert (dict(run.asked), run.status("gt-b")) == ({}, "open")
        await resume_all(town.kit)
        run.hands_in("gt-b")
        await run.ends()
    assert town.bus.state.stage == "landed"


async def test_it_is_told_when_all_who_are_paused_stand_still_and_when_they_go_on(town: FakeTown) -> None:
    told: list[bool] = []
    async with running(town) as run:
        run.whole.listen_for_rest(told.append)
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        await pause_all(town.kit)
        run.says("gt-a", LOOK)
        await run.is_paused("gt-a")
        await settled()
        assert told == [], "gt-b is in the middle of its turn"
        run.hands_in("gt-b")
        await run.until(lambda: run.status("gt-b") == "merged")
        await settled()
        assert told == [True]
        await resume_all(town.kit)
        await run.is_asked("gt-a", 2)
        assert told == [True, False]
        run.hands_in("gt-a")
        await run.ends()


async def settled() -> None:
    """Lets the town come to rest."""
    await asyncio.sleep(0.3)


async def test_a_bead_that_is_held_by_itself_stays_so_when_the_others_go_on(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        await pause_bead(town.kit, A)
        await pause_all(town.kit)
        run.says("gt-a", LOOK)
        run.says("gt-b", LOOK)
        await run.is_paused("gt-a")
        await run.is_paused("gt-b")
        await resume_all(town.kit)
        await run.is_asked("gt-b", 2)
        assert run.worker("gt-a").state == "paused"


async def test_a_town_that_is_held_is_cancelled_and_its_workers_go_on_at_the_next_start(
    town: FakeTown,
) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await pause_all(town.kit)
        run.says("gt-a", LOOK)
        run.says("gt-b", LOOK)
        await run.is_paused("gt-a")
        await run.is_paused("gt-b")
    assert town.gate.ledger.open_reservations == {}
    after = await town.restarted()
    hooks = await reconcile(after.kit)
    async with running(after, hooks=hooks) as run:
        await run.is_asked("gt-a")
        run.hands_in("gt-a")
        run.hands_in("gt-b")
        await run.ends()
    assert after.bus.state.stage == "landed"


async def test_when_only_merges_are_finished_the_town_ends_with_the_others_standing(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        await finish_merges(town.kit)
        run.says("gt-a", LOOK)
        run.hands_in("gt-b")
        await run.ends()
    state = town.bus.state
    assert state.merged() == {B}
    assert (state.stage, state.stage_reason) == ("paused", "What was handed in is merged.")
    assert run.status("gt-a") == "hooked"


# --- a fresh context ------------------------------------------------------------------------------


async def test_a_fresh_context_begins_after_the_turn_on_the_same_copy(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        await fresh_context(town.kit, A)
        run.says("gt-a", says(use("write", path="x.txt", content="x\n")))
        await run.is_asked("gt-a", 2)
        run.says("gt-a", LOOK)
        await run.is_asked("gt-a", 3)
        (hook,) = [one for one in await town.kit.hooks.load_all() if one.assignment.bead == A]
    second, third = requests(town, "gt-a")[1:]
    (only,) = second.messages
    assert "look at it afresh" in str(only)
    assert "x.txt" in str(only)
    assert turn_of(third) == 1
    assert [turn.measure for turn in hook.turns] == ["room", "go_on"]


# --- what is refused ------------------------------------------------------------------------------


async def test_what_cannot_be_held_is_refused(town: FakeTown) -> None:
    await town.merge("gt-c", c_txt="C\n")
    for command in (pause_bead, resume_bead, stop_bead, fresh_context):
        with pytest.raises(Refused, match="no bead gt-x"):
            await command(town.kit, BeadId("gt-x"))
        with pytest.raises(Refused, match="it is merged"):
            await command(town.kit, BeadId("gt-c"))
    with pytest.raises(Refused, match="Nobody has begun"):
        await fresh_context(town.kit, A)
