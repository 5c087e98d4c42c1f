"""With little disk or battery nothing is begun, with less nothing is asked; all stays, and goes on."""

from __future__ import annotations

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.disk import PLENTY, Disk
from gastown_desktop.core.errors import DiskLow
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.power import Power
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.town import LIMIT_ITEM, MACHINE_READY
from tests.engine.running import LOOK, running
from tests.fakes.clock import FakeClock
from tests.fakes.provider import ORIGIN
from tests.fakes.spend_stack import order
from tests.fakes.stores import MemoryMoneyLog
from tests.fakes.town import FakeTown, found_town

GB, MB = 10**9, 10**6
LOW, FULL = Disk(1_500 * MB, 100 * GB), Disk(400 * MB, 100 * GB)


async def test_a_request_whose_answer_might_not_be_kept_is_not_sent() -> None:
    log = MemoryMoneyLog()
    gate = SpendGate(log, FakeClock(), origin=ORIGIN, disk=lambda: FULL)
    with pytest.raises(DiskLow, match="Only 400 MB of the disk are free") as low:
        await gate.ask(order())
    assert low.value.unbilled
    assert "safe" in low.value.safe
    assert log.written == []


def put(town: FakeTown, disk: Disk) -> None:
    town.kit.disk = lambda: disk
    town.gate._disk = lambda: disk


async def test_nothing_is_begun_on_a_disk_that_is_low_and_it_goes_on_when_there_is_room(
    objects: PygitObjects,
) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    put(town, LOW)
    async with running(town, fleet_size=2) as run:
        await run.ends()
    (need,) = town.bus.state.needs_you.values()
    assert (need.item, need.about, need.options) == (LIMIT_ITEM, "disk", (MACHINE_READY["disk"],))
    assert need.text == "Only 1.5 GB of the disk are free: nothing more is begun until there is room."
    assert town.events("bead_slung") == []
    assert town.model.requests == []


async def test_who_works_goes_on_while_another_may_not_begin(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    async with running(town, fleet_size=2) as run:
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        await town.add("gt-c")
        put(town, LOW)
        run.hands_in("gt-a")
        run.hands_in("gt-b")
        await run.ends()
    assert town.bus.state.merged() == {BeadId("gt-a"), BeadId("gt-b")}
    assert [need.about for need in town.bus.state.needs_you.values()] == ["disk"]


async def test_on_a_full_disk_all_stop_on_their_hooks_and_go_on_when_there_is_room(
    objects: PygitObjects,
) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    async with running(town, fleet_size=2) as run:
        await run.is_asked("gt-a")
        await run.is_asked("gt-b")
        put(town, FULL)
        run.says("gt-a", LOOK)
        await run.until(lambda: run.worker("gt-a").state == "paused")
        assert run.worker("gt-a").reason == "disk: Only 400 MB of the disk are free."
        await run.until(lambda: LIMIT_ITEM in town.bus.state.needs_you)
        put(town, PLENTY)
        await town.bus.publish(ev.NeedAnswered(**town.where, item=LIMIT_ITEM, answer=MACHINE_READY["disk"]))
        await run.is_asked("gt-a", 2)
        run.hands_in("gt-a")
        run.hands_in("gt-b")
        await run.ends()
    assert town.bus.state.stage == "landed"
    assert town.bus.state.needs_you == {}


async def test_nothing_is_begun_with_an_empty_battery(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    town.kit.power = lambda: Power(on_battery=True, percent=14)
    async with running(town, fleet_size=2) as run:
        await run.ends()
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.text) == ("power", "The battery is at 14 %: nothing more is begun.")
    town.kit.power = lambda: Power(on_battery=True, percent=15)
    await town.bus.publish(ev.NeedAnswered(**town.where, item=LIMIT_ITEM, answer=need.options[0]))
    async with running(town, fleet_size=2) as run:
        await run.is_asked("gt-a")
        run.hands_in("gt-a")
        await run.ends()
    assert town.bus.state.stage == "landed"
