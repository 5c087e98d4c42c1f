"""A town at work while the user acts: the limit, its raising, answers, the size of the fleet."""

from __future__ import annotations

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import ModelError, Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.ledger import Reserve, Settle
from gastown_desktop.core.money import NANO, NanoUsd
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.holding import pause_bead
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.town import LIMIT_ITEM
from tests.engine.running import LOOK, Running, running
from tests.engine.test_resolving import last_said, requests
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, bead_of, found_town, says, use

A, B, C = BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-c")


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b", "gt-c")
    return town


async def set_cap(town: FakeTown, cap: int | None) -> None:
    await town.gate.set_cap(town.kit.scopes[0], None if cap is None else NanoUsd(cap))


async def stop_at_the_limit(town: FakeTown, run: Running) -> None:
    """Both workers are in a request, and there is no room for another; `gt-a` hears its reply."""
    await pause_bead(town.kit, C)
    await run.is_asked("gt-a")
    await run.is_asked("gt-b")
    await set_cap(town, 1)
    run.says("gt-a", LOOK)


# --- the limit ------------------------------------------------------------------------------------


async def test_the_limit_is_told_as_soon_as_no_request_is_in_flight(town: FakeTown) -> None:
    async with running(town) as run:
        await stop_at_the_limit(town, run)
        await run.until(lambda: run.worker("gt-a").state == "paused")
        assert LIMIT_ITEM not in town.bus.state.needs_you
        run.says("gt-b", LOOK)
        await run.until(lambda: LIMIT_ITEM in town.bus.state.needs_you)
        assert run.worker("gt-a").reason.startswith("budget:")
        assert town.gate.ledger.totals(town.kit.scopes[0]).held == 0


async def test_a_raised_limit_lets_everybody_go_on_without_a_restart(town: FakeTown) -> None:
    async with running(town) as run:
        await stop_at_the_limit(town, run)
        run.says("gt-b", LOOK)
        await run.until(lambda: LIMIT_ITEM in town.bus.state.needs_you)
        await set_cap(town, None)
        assert await run.whole.cap_raised()
        assert town.bus.state.answers[LIMIT_ITEM] == "raised"
        await run.is_asked("gt-a", 2)
        town.kit.holding.beads.clear()
        for bead in ("gt-a", "gt-b", "gt-c"):
            run.hands_in(bead)
        await run.ends()
    assert town.bus.state.stage == "landed"


async def test_what_is_handed_in_merges_at_the_limit(town: FakeTown) -> None:
    async with running(town) as run:
        await stop_at_the_limit(town, run)
        run.hands_in("gt-b")
        await run.until(lambda: LIMIT_ITEM in town.bus.state.needs_you)
        await run.until(lambda: run.status("gt-b") == "merged")


async def test_a_run_that_is_over_says_that_another_has_to_begin(town: FakeTown) -> None:
    await set_cap(town, 1)
    async with running(town) as run:
        await run.ends()
        need = town.bus.state.needs_you[LIMIT_ITEM]
        assert (need.about, need.scope, need.cap) == ("limit", town.kit.scopes[0], 1)
        assert not await run.whole.cap_raised()
    assert LIMIT_ITEM in town.bus.state.needs_you


async def test_a_limit_that_is_raised_while_a_worker_stops_for_it_stops_nobody(town: FakeTown) -> None:
    publish = town.bus.publish

    async def raised_meanwhile(*events: ev.DurableEvent) -> None:
        if any(isinstance(one, ev.PolecatStateChanged) and one.state == "paused" for one in events):
            await set_cap(town, None)
            await run.whole.cap_raised()
        await publish(*events)

    async with running(town, fleet_size=1) as run:
        await run.is_asked("gt-a")
        await set_cap(town, 1)
        town.bus.publish = raised_meanwhile  # type: ignore[method-assign]
        run.says("gt-a", LOOK)
        await run.is_asked("gt-a", 2)
    assert town.events("needs_you") == []


# --- merges only ----------------------------------------------------------------------------------


async def test_only_what_is_handed_in_goes_on_when_only_merges_are_wanted(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    async with running(town, merges_only=True) as run:
        await run.is_asked("gt-b.r1")
        run.hands_in("gt-b.r1", a_txt="A\nB\n")
        await run.ends()
    assert town.bus.state.merged() == {A, B}
    assert {bead_of(request) for request in town.model.requests} == {"gt-b.r1"}
    assert town.bus.state.beads[C].status == "open"
    assert town.bus.state.stage_reason == "What was handed in is merged."


async def test_workers_of_an_earlier_process_stand_still_while_only_merges_are_wanted(
    town: FakeTown,
) -> None:
    async with running(town, fleet_size=1) as run:
        await run.is_asked("gt-a")
        run.says("gt-a", LOOK)
        await run.is_asked("gt-a", 2)
    after = await town.restarted()
    hooks = await reconcile(after.kit)
    async with running(after, hooks=hooks, merges_only=True) as run:
        await run.ends()
    assert (hooks[0].assignment.bead, after.events("polecat_state_changed")) == (A, [])
    assert after.bus.state.beads[A].status == "hooked"


async def test_a_resolver_may_use_what_the_cap_keeps_for_landing_and_a_worker_may_not(
    town: FakeTown,
) -> None:
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    await set_cap(town, 10 * NANO)
    spend(town, 9_600 * NANO // 1000)
    async with running(town) as run:
        await run.until(lambda: LIMIT_ITEM in town.bus.state.needs_you)
        await run.ends()
    assert town.model.requests == []
    async with running(town, merges_only=True) as run:
        await run.is_asked("gt-b.r1")
        run.hands_in("gt-b.r1", a_txt="A\nB\n")
        await run.ends()
    assert town.bus.state.merged() == {A, B}


def spend(town: FakeTown, amount: int) -> None:
    """Something was paid before."""
    nano = NanoUsd(amount)
    town.gate.ledger.apply(
        Reserve(
            id="before",
            at=town.clock.now().isoformat(),
            scopes=town.kit.scopes,
            amount=nano,
            model=MODEL,
            max_tokens=1,
            what="before",
            body_hash="",
        )
    )
    town.gate.ledger.apply(Settle(id="before", amount=nano, usage=Usage(), request_id=""))


# --- answers --------------------------------------------------------------------------------------


async def test_an_answer_lets_a_bead_go_on_at_once(town: FakeTown) -> None:
    async with running(town) as run:
        await run.is_asked("gt-a")
        run.says("gt-a", says(use("ask", question="Which?")))
        await run.until(lambda: run.status("gt-a") == "blocked")
        await run.is_asked("gt-b")
        (item,) = town.bus.state.needs_you
        await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="The second."))
        run.hands_in("gt-c")
        await run.is_asked("gt-a", 2)
    assert "The user answers: The second." in last_said(requests(town, "gt-a")[-1])


async def test_a_conflict_that_the_user_answers_is_tried_again_at_once(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    async with running(town) as run:
        await run.is_asked("gt-b.r1")
        run.says("gt-b.r1", says(use("ask", question="Which side?")))
        await run.until(lambda: bool(town.bus.state.needs_you))
        (item,) = town.bus.state.needs_you
        await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="Both."))
        await run.is_asked("gt-b.r1", 2)


async def test_after_an_answer_about_the_model_work_is_begun_again(town: FakeTown) -> None:
    async with running(town, fleet_size=2) as run:
        answer = town.model.answer

        async def forbids(request: ModelRequest) -> Said:
            if bead_of(request) == "gt-a":
                raise ModelError("no such model", unbilled=True, status=404)
            return await answer(request)

        town.model.answer = forbids
        await run.until(lambda: run.status("gt-a") == "blocked")
        await run.is_asked("gt-b")
        assert run.asked["gt-c"] == 0
        town.model.answer = answer
        (item,) = town.bus.state.needs_you
        await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="Another model is chosen."))
        await run.is_asked("gt-a")


async def test_a_key_that_expires_is_one_item_and_work_goes_on_with_another(town: FakeTown) -> None:
    async with running(town, fleet_size=2) as run:
        answer, refused = town.model.answer, list[str]()

        async def forbids(request: ModelRequest) -> Said:
            refused.append(bead_of(request))
            raise ModelError("This key has expired.", unbilled=True, status=401)

        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        town.model.answer = forbids
        run.hands_in("gt-a")
        await run.until(lambda: run.status("gt-a") == "merged")
        await run.until(lambda: bool(town.bus.state.needs_you))
        (need,) = town.bus.state.needs_you.values()
        assert (need.item, need.about, need.bead) == (LIMIT_ITEM, "provider", None)
        assert refused == ["gt-c"]
        town.model.answer = answer
        assert await run.whole.provider_back()
        await run.is_asked("gt-c")
        assert town.bus.state.needs_you == {}


# --- the fleet ------------------------------------------------------------------------------------


async def test_a_larger_fleet_begins_more_at_once_and_a_smaller_one_no_more(town: FakeTown) -> None:
    await town.add("gt-d")
    async with running(town, fleet_size=1) as run:
        await run.is_asked("gt-a")
        run.whole.set_fleet_size(3)
        await run.is_asked("gt-b")
        await run.is_asked("gt-c")
        run.whole.set_fleet_size(1)
        run.hands_in("gt-a")
        await run.until(lambda: run.status("gt-a") == "merged")
        assert run.status("gt-d") == "open"


@pytest.mark.parametrize("polecats", [0, 31])
async def test_a_fleet_of_nobody_or_too_many_is_refused(town: FakeTown, polecats: int) -> None:
    async with running(town) as run:
        with pytest.raises(Refused, match="1 to 30"):
            run.whole.set_fleet_size(polecats)
