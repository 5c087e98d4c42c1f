from __future__ import annotations

import asyncio
import itertools

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.event_lines import decode, encode
from gastown_desktop.core.ids import ConvoyId, PolecatName, RigId
from gastown_desktop.core.projection import fold
from gastown_desktop.engine.bus import Bus
from tests.fakes.clock import START, FakeClock
from tests.fakes.stores import MemoryEventStore

RIG = RigId("calc")


def stage(name: str) -> ev.ConvoyStageChanged:
    return ev.ConvoyStageChanged(rig=RIG, convoy=ConvoyId("cv-1"), stage=name)


class Heard:
    """A listener."""

    def __init__(self, bus: Bus) -> None:
        self.events: list[ev.Envelope | ev.EphemeralEvent] = []
        bus.listen(self.events.append)

    @property
    def stages(self) -> list[str]:
        durable = [one.event for one in self.events if isinstance(one, ev.Envelope)]
        return [event.stage for event in durable if isinstance(event, ev.ConvoyStageChanged)]


def seqs(store: MemoryEventStore) -> list[int]:
    return [decode(line).seq for line in store.lines()]


async def test_an_event_is_numbered_dated_written_folded_and_told() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    heard = Heard(bus)
    await bus.publish(stage("running"))
    wanted = ev.Envelope(seq=1, at=START, event=stage("running"))
    assert heard.events == [wanted]
    assert store.lines() == [encode(wanted)]
    assert bus.state.stage == "running"


async def test_events_are_told_in_the_order_they_were_published() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    heard = Heard(bus)
    names = [f"stage {number}" for number in range(40)]
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(bus.publish(stage(name)))
    assert heard.stages == names
    assert seqs(store) == list(range(1, 41))


async def test_nothing_is_seen_before_it_is_written() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    heard = Heard(bus)
    store.hold.clear()
    async with asyncio.TaskGroup() as group:
        publishing = group.create_task(bus.publish(stage("running")))
        for _ in range(10):
            await asyncio.sleep(0)
        assert (heard.events, bus.state.stage, publishing.done()) == ([], "draft", False)
        store.hold.set()
    assert heard.stages == ["running"]


async def test_events_that_wait_meanwhile_share_one_group() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    store.hold.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.publish(stage("first")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in range(10):
            group.create_task(bus.publish(stage(f"{number}")))
        await asyncio.sleep(0)
        store.hold.set()
    assert [len(written) for written in store.groups] == [1, 10]


async def test_events_of_one_call_are_one_group() -> None:
    store = MemoryEventStore()
    await Bus(store, FakeClock()).publish(stage("a"), stage("b"), stage("c"))
    assert [len(written) for written in store.groups] == [3]


async def test_a_failure_stops_everything_that_comes_later() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    heard = Heard(bus)
    await bus.publish(stage("kept"))
    store.failure = StoreError("the disk is full")
    results = await asyncio.gather(bus.publish(stage("a")), bus.publish(stage("b")), return_exceptions=True)
    assert all(isinstance(result, StoreError) for result in results)
    store.failure = None
    with pytest.raises(StoreError, match="the disk is full"):
        await bus.publish(stage("later"))
    assert heard.stages == ["kept"]
    assert bus.state == fold([decode(line) for line in store.lines()])


async def test_an_odd_failure_of_the_store_stops_everything_too() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    store.failure = RuntimeError("closed")
    with pytest.raises(RuntimeError):
        await bus.publish(stage("a"))
    store.failure = None
    with pytest.raises(StoreError):
        await bus.publish(stage("b"))
    assert store.lines() == []


async def test_a_cancelled_publisher_takes_no_event_of_others_along() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    heard = Heard(bus)
    store.hold.clear()
    first = asyncio.ensure_future(bus.publish(stage("first")))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(bus.publish(stage(f"{number}"))) for number in range(3)]
    await asyncio.sleep(0)
    for cancelled in (first, others[0]):
        cancelled.cancel()
    await asyncio.sleep(0)
    store.hold.set()
    await others[1]
    await others[2]
    assert heard.stages == ["first", "0", "1", "2"]
    assert seqs(store) == [1, 2, 3, 4]
    assert bus.state == fold([decode(line) for line in store.lines()])


async def test_whoever_is_cancelled_the_state_stays_the_fold_of_what_is_written() -> None:
    for steps in itertools.product(range(4), repeat=3):
        store = MemoryEventStore()
        bus = Bus(store, FakeClock())
        publishing = [asyncio.ensure_future(bus.publish(stage(f"{number}"))) for number in range(3)]
        for task, patience in zip(publishing, steps, strict=True):
            for _ in range(patience):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(*publishing, return_exceptions=True)
        await bus.publish(stage("last"))
        assert bus.state == fold([decode(line) for line in store.lines()])
        assert seqs(store) == list(range(1, len(store.lines()) + 1))
        assert bus.state.stage == "last"


async def test_a_history_is_gone_on_with_where_it_ended() -> None:
    store = MemoryEventStore()
    await Bus(store, FakeClock()).publish(stage("a"), stage("b"))
    bus = Bus(MemoryEventStore(store.lines()), FakeClock())
    heard = Heard(bus)
    assert (bus.state.stage, bus.state.last_seq) == ("b", 2)
    await bus.publish(stage("c"))
    assert [one.seq for one in heard.events if isinstance(one, ev.Envelope)] == [3]


def test_a_damaged_history_is_not_gone_on_with() -> None:
    with pytest.raises(StoreError):
        Bus(MemoryEventStore([b"rubbish\n"]), FakeClock())


async def test_ephemeral_events_are_told_at_once_and_never_written() -> None:
    store = MemoryEventStore()
    bus = Bus(store, FakeClock())
    heard = Heard(bus)
    told = ev.TextStreamed(rig=RIG, polecat=PolecatName("Nux"), text="Hm.")
    bus.show(told)
    assert heard.events == [told]
    assert store.lines() == []
