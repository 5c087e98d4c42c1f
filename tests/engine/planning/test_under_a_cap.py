"""The Mayor behind the real spend gate."""

from __future__ import annotations

from typing import Any

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.prices import PRICES
from gastown_desktop.engine.mayor import Mayor
from gastown_desktop.engine.ports import ModelRequest
from tests.fakes.planner import bead
from tests.fakes.provider import MODEL
from tests.fakes.town import CONVOY, FakeTown, Said, found_town, turn_of, use
from tests.fakes.town import says as town_says

SCOPE = f"convoy:{CONVOY}"


def mayor_of(town: FakeTown) -> Mayor:
    kit = town.kit
    return Mayor(
        bus=town.bus,
        objects=town.objects,
        refs=town.refs,
        rig=kit.rig,
        clock=town.clock,
        base=town.base,
        model=MODEL,
        price=PRICES[MODEL],
        scopes=kit.scopes,
        system=({"type": "text", "text": "You are the Mayor."},),
        ask=lambda order, on_text: kit.gate.ask(order, on_text=on_text),
        prefix="gt",
    )


async def planning(request: ModelRequest) -> Said:
    if turn_of(request):
        return town_says({"type": "text", "text": "One bead."}, stop_reason="end_turn")
    beads: list[dict[str, Any]] = [bead("a", files=["a.txt"], new_files=[])]
    return town_says(use("propose_convoy", title="One", beads=beads))


async def test_planning_is_paid_under_the_cap_and_by_role(objects: PygitObjects) -> None:
    town = await found_town(objects)
    town.model.answer = planning
    await town.gate.set_cap(SCOPE, NanoUsd(10**9))
    assert await mayor_of(town).say("Do one thing.") == "planned"
    ledger = town.gate.ledger
    assert 0 < ledger.totals(SCOPE).settled == ledger.totals("role:mayor").settled
    assert sum(one.cost for one in town.bus.state.mayor) == ledger.totals(SCOPE).settled
    assert await objects.read_ref(town.refs.mayor)


async def test_at_the_cap_nothing_is_sent_and_a_higher_one_lets_it_go_on(objects: PygitObjects) -> None:
    town = await found_town(objects)
    town.model.answer = planning
    await town.gate.set_cap(SCOPE, NanoUsd(1))
    mayor = mayor_of(town)
    assert await mayor.say("Do one thing.") == "limit"
    assert mayor.stopped_by
    assert not town.model.requests
    await town.gate.set_cap(SCOPE, NanoUsd(10**9))
    assert await mayor.go_on() == "planned"
