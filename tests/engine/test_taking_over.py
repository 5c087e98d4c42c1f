"""A bead in the user's hands: its copy, what the worker is told afterwards, and what is refused."""

from __future__ import annotations

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.taking_over import give_back, hand_slot, take_over
from tests.engine.test_resolving import last_said, requests, script, work, writes
from tests.fakes.town import FakeTown, found_town, says, submits, turn_of, use

A = BeadId("gt-a")


@pytest_asyncio.fixture
async def asking(objects: PygitObjects) -> FakeTown:
    """`gt-a` wrote a file and asks."""
    town = await found_town(objects)
    await town.add("gt-a")
    script(
        town, gt_a=[says(writes("half\n", "half.txt")), says(use("ask", question="Which?")), says(submits())]
    )
    await work(town)
    return town


async def test_the_user_s_copy_holds_what_the_worker_made(asking: FakeTown) -> None:
    slot = await take_over(asking.kit, A)
    assert asking.slots.files[slot.name].files == {"a.txt": b"start\n", "half.txt": b"half\n"}
    assert {need.about for need in asking.bus.state.needs_you.values()} == {"question", "taken"}


async def test_a_worker_goes_on_from_what_the_user_made_and_is_told(asking: FakeTown) -> None:
    slot = await take_over(asking.kit, A)
    asking.slots.files[slot.name].files["half.txt"] = b"whole\n"
    assert "+whole" in await give_back(asking.kit, A)
    assert asking.bus.state.needs_you == {}
    await work(asking)
    request = requests(asking, "gt-a")[-1]
    assert turn_of(request) == 2
    assert "changed your copy by hand" in last_said(request)
    assert "+whole" in last_said(request)
    assert await asking.files_at(await asking.tip()) == {"a.txt": b"start\n", "half.txt": b"whole\n"}
    assert hand_slot(A) not in await asking.slots.names()


async def test_a_bead_in_the_user_s_hands_is_nobody_s_work(asking: FakeTown) -> None:
    await take_over(asking.kit, A)
    asked = len(asking.model.requests)
    await work(asking)
    assert len(asking.model.requests) == asked
    assert asking.bus.state.stage == "paused"


async def test_a_restart_keeps_it_in_the_user_s_hands(asking: FakeTown) -> None:
    await take_over(asking.kit, A)
    after = await asking.restarted()
    after.kit.slots = asking.kit.slots
    asking.slots.files[hand_slot(A)].files["half.txt"] = b"whole\n"
    assert "+whole" in await give_back(after.kit, A)


async def test_nothing_changed_is_said_too(asking: FakeTown) -> None:
    await take_over(asking.kit, A)
    assert await give_back(asking.kit, A) == ()
    assert "changed nothing" in asking.bus.state.beads[A].reason


async def test_what_cannot_be_taken_over_is_refused(asking: FakeTown) -> None:
    await asking.add("gt-b")
    with pytest.raises(Refused, match="no bead gt-x"):
        await take_over(asking.kit, BeadId("gt-x"))
    with pytest.raises(Refused, match="gt-b is open"):
        await take_over(asking.kit, BeadId("gt-b"))
    with pytest.raises(Refused, match="not in your hands"):
        await give_back(asking.kit, A)
    await take_over(asking.kit, A)
    with pytest.raises(Refused, match="in your hands already"):
        await take_over(asking.kit, A)
    await asking.slots.remove(hand_slot(A))
    with pytest.raises(Refused, match="folder of gt-a is gone"):
        await give_back(asking.kit, A)
