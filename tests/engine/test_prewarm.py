"""Warming the provider's cache before a first wave."""

from __future__ import annotations

import asyncio

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.providers import FREE
from gastown_desktop.engine.dispatcher import Dispatcher
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.prewarm import pays, prewarm
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, bead_of, found_town, says, submits, use


def test_it_pays_from_two_workers_on_where_writing_costs_more_than_reading() -> None:
    assert not pays(PRICES[MODEL], 1)
    assert pays(PRICES[MODEL], 2)
    assert not pays(FREE, 30)


async def test_one_request_that_says_nothing_begins_as_the_workers_do(objects: PygitObjects) -> None:
    town = await found_town(objects)

    async def silent(_: ModelRequest) -> Said:
        return says(stop_reason="max_tokens", tokens_out=1)

    town.model.answer = silent
    assert await prewarm(town.kit, MODEL, 6)
    (request,) = town.model.requests
    assert request.max_tokens == 0
    assert request.system == town.kit.system
    assert town.gate.ledger.totals("role:warming").settled > 0


@pytest.mark.parametrize("status", [400, 401, 529])
async def test_where_it_fails_nobody_is_held_up(objects: PygitObjects, status: int) -> None:
    town = await found_town(objects)

    async def fails(_: ModelRequest) -> Said:
        raise ModelError("no", status=status, unbilled=True)

    town.model.answer = fails
    assert not await prewarm(town.kit, MODEL, 6)


async def test_without_room_it_is_left_out(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.gate.set_cap("convoy:cv-1", 1)  # type: ignore[arg-type]
    assert not await prewarm(town.kit, MODEL, 6)
    assert town.model.requests == []


async def test_slots_are_prepared_meanwhile_and_no_worker_asks_before_it_is_done(
    objects: PygitObjects,
) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    town.kit.warms = True
    warmed, workers = asyncio.Event(), list[str]()

    async def answer(request: ModelRequest) -> Said:
        if not request.max_tokens:
            await warmed.wait()
            return says(stop_reason="max_tokens", tokens_out=1)
        assert warmed.is_set()
        workers.append(bead_of(request))
        return says(use("write", path=f"{bead_of(request)}.txt", content="x\n"), submits())

    town.model.answer = answer
    dispatcher = Dispatcher(town.kit, fleet_size=2, model=MODEL)
    all_wait = asyncio.Event()
    town.bus.listen(lambda _: all_wait.set() if _wait_for_the_cache(town) == 2 else None)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        await dispatcher.fill(group)
        await asyncio.wait_for(all_wait.wait(), 20)
        assert (len(town.model.requests), workers) == (1, [])
        warmed.set()
    assert sorted(workers) == ["gt-a", "gt-b"]


def _wait_for_the_cache(town: FakeTown) -> int:
    waiting = "Waiting while the cache is warmed"
    return sum(view.action == waiting for view in town.bus.state.polecats.values())
