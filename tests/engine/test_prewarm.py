"""Warming the provider's cache before a first wave."""

from __future__ import annotations

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.providers import FREE
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.prewarm import pays, prewarm
from tests.fakes.provider import MODEL
from tests.fakes.town import Said, found_town, says


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
