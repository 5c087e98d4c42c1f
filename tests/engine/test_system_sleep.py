"""While the system goes to sleep nothing is begun and nothing is asked; afterwards all of it goes on."""

from __future__ import annotations

import asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.engine.system_sleep import SystemSleep
from tests.engine.running import LOOK, running
from tests.fakes.town import found_town


async def settle() -> None:
    """Lets everybody do what they still can."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_nothing_is_begun_while_the_system_goes_to_sleep_and_it_goes_on_by_itself(
    objects: PygitObjects,
) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    town.gate.sleep.tell(True)
    async with running(town, fleet_size=2) as run:
        await settle()
        assert town.events("bead_slung") == []
        town.gate.sleep.tell(False)
        await run.is_asked("gt-a")
        run.hands_in("gt-a")
        await run.ends()
    assert town.bus.state.stage == "landed"
    assert town.events("needs_you") == []


async def test_no_request_leaves_while_the_system_goes_to_sleep_and_those_under_way_end(
    objects: PygitObjects,
) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    async with running(town, fleet_size=2) as run:
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        town.gate.sleep.tell(True)
        await town.add("gt-c")
        run.says("gt-a", LOOK)
        run.says("gt-b", LOOK)
        await run.until(lambda: len(town.events("turn_ended")) == 2)
        await settle()
        assert (run.asked["gt-a"], run.asked["gt-b"]) == (1, 1)
        assert town.gate.ledger.open_reservations == {}
        town.gate.sleep.tell(False)
        for bead in ("gt-a", "gt-b", "gt-c"):
            await run.is_asked(bead, 1 if bead == "gt-c" else 2)
            run.hands_in(bead)
        await run.ends()
    assert town.bus.state.stage == "landed"


def test_the_same_news_twice_is_told_once() -> None:
    sleep, told = SystemSleep(), list[bool]()
    sleep.listen(lambda: told.append(sleep.near))
    for near in (False, True, True, False):
        sleep.tell(near)
    assert told == [True, False]
