"""Caps of a day: counted by the calendar, but nothing that one stopped goes on by the calendar."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.errors import CapReached
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.spend_gate import SpendGate
from tests.engine.test_spend_gate import BOUND, order
from tests.fakes.clock import FakeClock
from tests.fakes.provider import ORIGIN, Provider
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
