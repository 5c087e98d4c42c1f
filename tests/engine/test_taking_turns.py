"""Resolvers that have the same file before them begin one after the other."""

from __future__ import annotations

import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.engine.taking_turns import in_turn
from tests.fakes.town import FakeTown, found_town

R1, R2, R3 = BeadId("gt-a.r1"), BeadId("gt-b.r1"), BeadId("gt-c.r1")


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    for bead, files in ((R1, ("a", "b")), (R2, ("b",)), (R3, ("c",))):
        await town.bus.publish(
            ev.BeadAdded(**town.where, bead=bead, title="Resolve", type="resolve", files=files)
        )
    return town


async def test_one_for_each_file_begins_in_the_order_that_was_given(town: FakeTown) -> None:
    assert in_turn(town.kit, [R1, R2, R3]) == [R1, R3]
    assert in_turn(town.kit, [R2, R1, R3]) == [R2, R3]


async def test_who_is_at_work_on_a_file_holds_the_others_until_it_is_merged_or_waits(town: FakeTown) -> None:
    nux = PolecatName("Nux")
    slung = ev.BeadSlung(**town.where, bead=R1, polecat=nux, base=await town.tip(), epoch=1, branch="work/x")
    await town.bus.publish(slung)
    assert in_turn(town.kit, [R2, R3]) == [R3]
    town.kit.waiting.beads.add(R1)
    assert in_turn(town.kit, [R2, R3]) == [R2, R3]


async def test_others_who_change_the_same_file_do_not_wait(town: FakeTown) -> None:
    await town.add("gt-d", files=("b",))
    assert in_turn(town.kit, [R1, BeadId("gt-d")]) == [R1, BeadId("gt-d")]
