"""Caps of a day: counted by the calendar, but nothing that one stopped goes on by the calendar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.errors import CapReached
from gastown_desktop.core.ledger import Reserve, SetCap, record_from_json
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.spend_gate import URGENCY_CLOSING, SpendGate
from tests.fakes.clock import FakeClock
from tests.fakes.provider import ORIGIN, Provider
from tests.fakes.spend_stack import BOUND, order
from tests.fakes.stores import MemoryMoneyLog

DAY_S = 24 * 3_600.0
SCOPES = ("convoy:cv-1", "town")


@asynccontextmanager
async def opened(log: MemoryMoneyLog, clock: FakeClock) -> AsyncIterator[SpendGate]:
    """A gate that counts by day, before a provider that answers."""
    gate = SpendGate(log, clock, origin=ORIGIN, by_day=True)
    model = ClaudeMessages(
        api_key="k", base_url=ORIGIN, transport=SpendGateTransport(Provider(), gate.consume)
    )
    await gate.open(model)
    try:
        yield gate
    finally:
        await model.close()


def days(gate: SpendGate) -> list[str]:
    return [scope for scope in gate.ledger.scopes() if scope.startswith("day:")]


async def test_each_day_has_the_cap_anew() -> None:
    clock = FakeClock()
    async with opened(MemoryMoneyLog(), clock) as gate:
        await gate.set_day_cap(NanoUsd(BOUND + 1))
        spent = (await gate.ask(order(scopes=SCOPES))).cost
        clock.elapsed_s = DAY_S
        await gate.ask(order(scopes=SCOPES))
        today, tomorrow = days(gate)
        for day in (today, tomorrow):
            totals = gate.ledger.totals(day)
            assert (totals.settled, totals.cap) == (spent, BOUND + 1)
        assert gate.free(SCOPES) == BOUND + 1 - spent


async def test_what_a_day_s_cap_stopped_is_told_and_stays_so_until_the_user_goes_on() -> None:
    clock, log = FakeClock(), MemoryMoneyLog()
    async with opened(log, clock) as gate:
        await gate.set_day_cap(NanoUsd(BOUND))
        await gate.ask(order(scopes=SCOPES))
        with pytest.raises(CapReached, match=r"more would pass today's limit of \$"):
            await gate.ask(order(scopes=SCOPES))
        assert gate.why_short(SCOPES).startswith("Today's limit of $")
        assert gate.short_of(SCOPES) == gate.day
        clock.elapsed_s = 2 * DAY_S
        with pytest.raises(CapReached, match="today's limit"):
            await gate.ask(order(scopes=SCOPES))
        assert len(days(gate)) == 1
        await gate.set_day_cap(NanoUsd(BOUND))
        await gate.ask(order(scopes=SCOPES))
        assert len(days(gate)) == 2


async def test_a_day_goes_on_in_another_process_with_what_was_spent_of_it() -> None:
    clock, log = FakeClock(), MemoryMoneyLog()
    async with opened(log, clock) as gate:
        await gate.set_day_cap(NanoUsd(BOUND))
        await gate.ask(order(scopes=SCOPES))
    async with opened(log, clock) as gate:
        await gate.set_day_cap(NanoUsd(BOUND))
        with pytest.raises(CapReached):
            await gate.ask(order(scopes=SCOPES))
        await gate.set_day_cap(None)
        await gate.ask(order(scopes=SCOPES))
        assert len(days(gate)) == 1


async def test_the_cap_that_was_met_is_named() -> None:
    async with opened(MemoryMoneyLog(), FakeClock()) as gate:
        await gate.set_cap("town", NanoUsd(1))
        with pytest.raises(CapReached, match="the town's limit"):
            await gate.ask(order(scopes=SCOPES))
        assert gate.why_short(SCOPES).startswith("The town's limit of $")
        assert gate.short_of(SCOPES) == "town"
        await gate.set_cap("town", None)
        await gate.set_cap("convoy:cv-1", NanoUsd(1))
        with pytest.raises(CapReached, match="the convoy's limit"):
            await gate.ask(order(scopes=SCOPES))
        assert gate.why_short(SCOPES) == "The spending limit leaves no room to go on."
        assert gate.short_of(SCOPES) == "convoy:cv-1"
        gate.named["convoy:cv-1"] = "the limit of $15 until 07:00"
        assert gate.why_short(SCOPES).startswith("The limit of $15 until 07:00 leaves")


# --- over midnight --------------------------------------------------------------------------------


def reservations(gate: SpendGate) -> list[tuple[str, str]]:
    """Whose room was held on which day, in order."""
    held = [record for record in gate.records if isinstance(record, Reserve)]
    return [(one.what, next(scope for scope in one.scopes if scope.startswith("day:"))) for one in held]


async def ask_several(gate: SpendGate, group: asyncio.TaskGroup, *names: str) -> None:
    """Requests that wait in the line, asked in this order."""
    for name in names:
        group.create_task(gate.ask(replace(order(scopes=SCOPES), what=name)))
    await settled()


async def settled() -> None:
    """Lets everybody come as far as they can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_who_waited_over_midnight_counts_on_the_day_on_which_it_is_sent() -> None:
    clock = FakeClock()
    async with opened(MemoryMoneyLog(), clock) as gate, asyncio.TaskGroup() as group:
        await gate.set_day_cap(NanoUsd(BOUND * 4))
        first = gate.day
        gate.sleep.tell(near=True)
        await ask_several(gate, group, "a", "b", "c")
        clock.elapsed_s = DAY_S
        gate.sleep.tell(near=False)
        await settled()
        second = gate.day
        assert second != first
        assert reservations(gate) == [("a", second), ("b", second), ("c", second)]
        assert gate.ledger.totals(first).committed == 0
        assert gate.ledger.totals(second).cap == BOUND * 4


async def test_who_waited_over_midnight_for_room_of_the_day_before_finds_the_room_of_the_new_one() -> None:
    clock, log = FakeClock(), MemoryMoneyLog()
    async with opened(log, clock) as gate, asyncio.TaskGroup() as group:
        await gate.set_day_cap(NanoUsd(BOUND + BOUND // 2))
        first, log.hold = gate.day, asyncio.Event()
        await ask_several(gate, group, "a", "b")
        assert reservations(gate) == [("a", first)]
        clock.elapsed_s = DAY_S
        log.hold.set()
        await settled()
        assert reservations(gate) == [("a", first), ("b", gate.day)]
        assert gate.day != first


async def test_a_new_day_s_cap_holds_for_all_who_waited_however_long_it_takes_to_be_set() -> None:
    clock, log = FakeClock(), MemoryMoneyLog()
    async with opened(log, clock) as gate, asyncio.TaskGroup() as group:
        await gate.set_day_cap(NanoUsd(BOUND * 2))
        first = gate.day
        gate.sleep.tell(near=True)
        asking = [group.create_task(is_refused(gate)) for _ in range(3)]
        await settled()
        clock.elapsed_s = DAY_S
        log.hold.clear()
        gate.sleep.tell(near=False)
        await settled()
        lower = group.create_task(gate.set_day_cap(NanoUsd(BOUND - 1)))
        await settled()
        assert reservations(gate) == []
        log.hold.set()
        assert await asyncio.gather(*asking) == [True, True, True]
        await lower
        assert reservations(gate) == []
        caps = [one for one in map(record_from_json, log.records()) if isinstance(one, SetCap)]
        whole, less = BOUND * 2, BOUND - 1
        assert [(one.scope, one.cap) for one in caps] == [(first, whole), (gate.day, whole), (gate.day, less)]
        assert gate.day in gate.met, "nobody's cap that is set late forgets whom the day has refused"


async def is_refused(gate: SpendGate) -> bool:
    try:
        await gate.ask(order(scopes=SCOPES))
    except CapReached:
        return True
    return False


async def test_who_waited_over_midnight_keeps_its_place_in_the_line() -> None:
    clock, log = FakeClock(), MemoryMoneyLog()
    async with opened(log, clock) as gate, asyncio.TaskGroup() as group:
        await gate.set_day_cap(NanoUsd(BOUND + BOUND // 2))
        gate.sleep.tell(near=True)
        await ask_several(gate, group, "late")
        ahead = replace(order(scopes=SCOPES), what="ahead", urgency=URGENCY_CLOSING, closing=True)
        group.create_task(gate.ask(ahead))
        await settled()
        clock.elapsed_s = DAY_S
        gate.sleep.tell(near=False)
        await settled()
        assert reservations(gate) == [("ahead", gate.day), ("late", gate.day)]


async def test_where_a_day_s_cap_refused_somebody_who_waits_stays_on_that_day() -> None:
    clock = FakeClock()
    async with opened(MemoryMoneyLog(), clock) as gate, asyncio.TaskGroup() as group:
        await gate.set_day_cap(NanoUsd(BOUND * 2))
        first = gate.day
        gate.sleep.tell(near=True)
        await ask_several(gate, group, "a")
        with pytest.raises(CapReached):
            await gate.ask(order(scopes=SCOPES, prompt_bound=100_000_000))
        clock.elapsed_s = DAY_S
        gate.sleep.tell(near=False)
        await settled()
        assert reservations(gate) == [("a", first)]
