"""The gate with the real SDK and the real transport in front of a provider that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any

import httpx2
import pytest

from gastown_desktop.core.errors import CapReached, ModelError, NoReservation, StoreError, TripwirePulled
from gastown_desktop.core.ledger import Acknowledge, Ledger, Reserve, SetCap, record_from_json
from gastown_desktop.core.money import NANO, NanoUsd, usd
from gastown_desktop.engine.spend_gate import SpendGate
from tests.fakes.clock import FakeClock
from tests.fakes.provider import (
    ORIGIN,
    Behaviour,
    breaks_off,
    events_of,
    raises,
    refuses,
    replies,
    stalls,
    streams,
)
from tests.fakes.spend_stack import BOUND, PRICE, order
from tests.fakes.stores import MemoryMoneyLog


async def test_a_reservation_is_durable_before_the_provider_sees_the_request(stacks: Any) -> None:
    stack = await stacks()
    reply = await stack.gate.ask(order())
    assert stack.journal[:3] == ["append reserve", "durable reserve", "sent"]
    assert stack.log.kinds() == ["reserve", "shrink", "settle"]
    assert stack.totals() == (reply.cost, 0, 0)
    assert reply.cost == stack.provider.billed > 0


async def test_the_reply_comes_back_whole_and_as_it_streams(stacks: Any) -> None:
    stack = await stacks(replies("Good day."))
    heard: list[str] = []
    reply = await stack.gate.ask(order(), on_text=heard.append)
    assert reply.content == ({"type": "text", "text": "Good day."},)
    assert (heard, reply.stop_reason, reply.request_id) == (["Good day."], "end_turn", "msg_1")


async def test_nothing_is_sent_when_the_reservation_cannot_be_made_durable(stacks: Any) -> None:
    stack = await stacks()
    stack.log.refuses = {"reserve", "assume"}
    with pytest.raises(StoreError):
        await stack.gate.ask(order())
    assert stack.provider.requests == []
    assert stack.totals() == (0, 0, BOUND), "a record that may be on the disk stays charged"


async def test_the_reservation_s_header_never_leaves(stacks: Any) -> None:
    stack = await stacks()
    await stack.gate.ask(order())
    assert not [name for name in stack.provider.requests[0].headers if "gastown" in name.lower()]


async def test_the_hold_shrinks_once_the_prompt_is_known(stacks: Any) -> None:
    stack = await stacks(stalls(1, tokens_in=1_000))
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stack.gate.ask(order()))
        await stack.journal.until("append shrink")
        assert stack.totals() == (0, 1_000 * PRICE.input + 4_000 * PRICE.output, 0)
        assert stack.totals()[1] < BOUND
        stack.provider.room.set()
        await asking
    assert stack.totals() == (stack.provider.billed, 0, 0)


async def test_a_request_that_fits_later_waits_until_there_is_room(stacks: Any) -> None:
    stack = await stacks(stalls(0))
    await stack.gate.set_cap("town", NanoUsd(BOUND + BOUND // 2))
    async with asyncio.TaskGroup() as group:
        group.create_task(stack.gate.ask(order()))
        await stack.journal.until("sent")
        second = group.create_task(stack.gate.ask(order()))
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(stack.provider.requests) == 1
        assert not second.done()
        stack.provider.room.set()
    assert len(stack.provider.requests) == 2
    assert stack.totals() == (stack.provider.billed, 0, 0)


async def test_a_request_that_waits_goes_on_when_the_cap_is_raised(stacks: Any) -> None:
    stack = await stacks(stalls(0))
    await stack.gate.set_cap("town", BOUND)
    async with asyncio.TaskGroup() as group:
        group.create_task(stack.gate.ask(order()))
        await stack.journal.until("sent")
        second = group.create_task(stack.gate.ask(order()))
        await asyncio.sleep(0)
        await stack.gate.set_cap("town", NanoUsd(2 * BOUND))
        await second
        stack.provider.room.set()


async def test_a_request_that_waits_is_refused_when_the_cap_is_lowered_below_it(stacks: Any) -> None:
    stack = await stacks(stalls(0))
    await stack.gate.set_cap("town", BOUND)
    first = asyncio.ensure_future(stack.gate.ask(order()))
    await stack.journal.until("sent")
    second = asyncio.ensure_future(stack.gate.ask(order()))
    await asyncio.sleep(0)
    await stack.gate.set_cap("town", NanoUsd(BOUND - 1))
    with pytest.raises(CapReached):
        await second
    stack.provider.room.set()
    await first


async def test_a_request_that_can_never_fit_is_refused_at_once(stacks: Any) -> None:
    stack = await stacks()
    await stack.gate.set_cap("town", NanoUsd(BOUND - 1))
    with pytest.raises(CapReached) as reached:
        await stack.gate.ask(order())
    assert not reached.value.fits_later
    assert stack.provider.requests == []
    assert stack.log.kinds() == ["set-cap"]


@pytest.mark.parametrize(
    "behaviour",
    [
        refuses(400),
        refuses(401),
        refuses(404),
        refuses(413),
        refuses(429, retry_after="7"),
        refuses(529),
        raises(httpx2.ConnectError("connection refused")),
        raises(httpx2.ConnectTimeout("no answer")),
    ],
)
async def test_what_is_surely_unbilled_is_released(stacks: Any, behaviour: Behaviour) -> None:
    stack = await stacks(behaviour)
    with pytest.raises(ModelError) as failed:
        await stack.gate.ask(order())
    assert failed.value.unbilled
    assert stack.totals() == (0, 0, 0)
    assert stack.log.kinds() == ["reserve", "release"]
    assert len(stack.provider.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        refuses(500, billed_tokens=100),
        refuses(502),
        refuses(503),
        refuses(307, location="https://elsewhere.invalid/"),
        raises(httpx2.ReadTimeout("silence")),
        raises(httpx2.ReadError("reset")),
        raises(httpx2.WriteError("half the body was sent")),
        raises(httpx2.RemoteProtocolError("closed")),
    ],
)
async def test_what_may_be_billed_is_charged_in_full(stacks: Any, behaviour: Behaviour) -> None:
    stack = await stacks(behaviour)
    with pytest.raises(ModelError) as failed:
        await stack.gate.ask(order())
    assert not failed.value.unbilled
    assert stack.totals() == (0, 0, BOUND)
    assert stack.log.kinds() == ["reserve", "assume"]
    assert len(stack.provider.requests) == 1, "a retry is a new reservation"


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5])
async def test_a_reply_that_breaks_off_is_charged_at_what_is_held(stacks: Any, after: int) -> None:
    stack = await stacks(breaks_off(after))
    with pytest.raises(ModelError) as failed:
        await stack.gate.ask(order())
    assert failed.value.retry_after is not None
    settled, held, assumed = stack.totals()
    assert (settled, held) == (0, 0)
    assert assumed >= stack.provider.billed


@pytest.mark.parametrize("after", [0, 1, 3, 5])
async def test_a_stream_that_ends_early_without_an_error_is_assumed(stacks: Any, after: int) -> None:
    stack = await stacks(streams(events_of()[:after]))
    with pytest.raises(ModelError):
        await stack.gate.ask(order())
    assert stack.totals()[:2] == (0, 0)
    assert stack.totals()[2] > 0


async def test_an_error_in_the_middle_of_a_reply_is_assumed_although_its_status_is_200(stacks: Any) -> None:
    overloaded = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
    stack = await stacks(streams([*events_of()[:3], overloaded]))
    with pytest.raises(ModelError) as failed:
        await stack.gate.ask(order())
    assert failed.value.retry_after is not None
    assert stack.totals()[2] > 0
    assert stack.log.kinds()[-1] == "assume"


@pytest.mark.parametrize(
    "part",
    [
        b"event: message_start\ndata: {broken\n\n",
        b'event: message_delta\ndata: {"type": "message_delta", "delta": {}, "usage": null}\n\n',
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": '
        b'{"type": "text_delta", "text": "before any block"}}\n\n',
    ],
)
async def test_a_reply_that_cannot_be_read_was_billed_all_the_same(stacks: Any, part: bytes) -> None:
    stack = await stacks(streams([part]))
    with pytest.raises(ModelError):
        await stack.gate.ask(order())
    assert stack.totals() == (0, 0, BOUND)


@pytest.mark.parametrize("counts", [{"input_tokens": 0}, {"input_tokens": -5}])
async def test_a_reply_without_a_believable_usage_costs_all_that_was_held(stacks: Any, counts: Any) -> None:
    stack = await stacks(streams(events_of(tokens_in=counts["input_tokens"])))
    with pytest.raises(ModelError):
        await stack.gate.ask(order())
    settled, held, assumed = stack.totals()
    assert (settled, held) == (0, 0)
    assert assumed > 0


async def test_usage_is_counted_in_its_buckets(stacks: Any) -> None:
    stack = await stacks(
        replies(
            tokens_in=10,
            tokens_out=20,
            cache_read_input_tokens=300,
            cache_creation_input_tokens=40,
            cache_creation={"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 25},
        )
    )
    usage = (await stack.gate.ask(order())).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (10, 20, 300)
    assert (usage.cache_write_5m_tokens, usage.cache_write_1h_tokens) == (15, 25)


async def test_cancelled_in_the_middle_of_a_reply_is_charged(stacks: Any) -> None:
    stack = await stacks(stalls(3))
    asking = asyncio.ensure_future(stack.gate.ask(order()))
    await stack.journal.until("append shrink")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    settled, held, assumed = stack.totals()
    assert (settled, held) == (0, 0)
    assert assumed >= stack.provider.billed > 0
    assert stack.log.kinds()[-1] == "assume"


async def test_cancelled_before_it_was_sent_is_released(stacks: Any) -> None:
    stack = await stacks()
    stack.log.hold.clear()
    asking = asyncio.ensure_future(stack.gate.ask(order()))
    await stack.journal.until("append reserve")
    asking.cancel()
    stack.log.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert stack.provider.requests == []
    assert stack.totals() == (0, 0, 0)
    assert stack.log.kinds() == ["reserve", "release"]


async def test_cancelled_while_it_waits_for_room_holds_nothing(stacks: Any) -> None:
    stack = await stacks(stalls(0))
    await stack.gate.set_cap("town", BOUND)
    first = asyncio.ensure_future(stack.gate.ask(order()))
    await stack.journal.until("sent")
    second = asyncio.ensure_future(stack.gate.ask(order()))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert stack.totals() == (0, BOUND, 0)
    stack.provider.room.set()
    await first


async def test_an_order_without_a_model_is_released() -> None:
    log = MemoryMoneyLog()
    gate = SpendGate(log, FakeClock(), origin=ORIGIN)
    with pytest.raises(NoReservation):
        await gate.ask(order())
    assert log.kinds() == ["reserve", "release"]


async def test_a_listener_that_fails_is_not_taken_for_a_bad_reply(stacks: Any) -> None:
    stack = await stacks()

    def fail(text: str) -> None:
        raise KeyError(text)

    with pytest.raises(KeyError):
        await stack.gate.ask(order(), on_text=fail)
    assert stack.totals()[2] >= stack.provider.billed > 0


# --- the tripwire -----------------------------------------------------------------------------------


async def test_a_reply_above_its_bound_pulls_the_tripwire_and_is_charged_as_billed(stacks: Any) -> None:
    stack = await stacks(replies(tokens_in=90_000))
    with pytest.raises(TripwirePulled):
        await stack.gate.ask(order())
    assert stack.totals() == (stack.provider.billed, 0, 0)
    assert stack.provider.billed > BOUND


async def test_after_the_tripwire_nothing_leaves(stacks: Any) -> None:
    stack = await stacks(replies(tokens_in=90_000))
    with pytest.raises(TripwirePulled):
        await stack.gate.ask(order())
    with pytest.raises(TripwirePulled):
        await stack.gate.ask(order())
    assert len(stack.provider.requests) == 1


async def test_a_request_that_waits_for_room_hears_of_the_tripwire(stacks: Any) -> None:
    stack = await stacks(stalls(0, tokens_in=90_000))
    await stack.gate.set_cap("town", NanoUsd(BOUND + 1))
    first = asyncio.ensure_future(stack.gate.ask(order()))
    await stack.journal.until("sent")
    second = asyncio.ensure_future(stack.gate.ask(order()))
    await asyncio.sleep(0)
    stack.provider.room.set()
    for asking in (first, second):
        with pytest.raises(TripwirePulled):
            await asking
    assert len(stack.provider.requests) == 1


async def test_the_fleet_stays_stopped_over_a_restart_until_the_user_looked(stacks: Any) -> None:
    first = await stacks(replies(tokens_in=90_000))
    with pytest.raises(TripwirePulled):
        await first.gate.ask(order())
    second = await stacks(log=MemoryMoneyLog(first.log.written))
    with pytest.raises(TripwirePulled):
        await second.gate.ask(order())
    await second.gate.acknowledge_tripwire()
    await second.gate.ask(order())
    third = await stacks(log=MemoryMoneyLog(second.log.written))
    await third.gate.ask(order())


# --- restart ----------------------------------------------------------------------------------------


async def test_restart_charges_every_request_without_an_end_and_writes_that_down(stacks: Any) -> None:
    first = await stacks(replies(), stalls(3))
    settled = (await first.gate.ask(order())).cost
    asking = asyncio.ensure_future(first.gate.ask(order()))
    await first.journal.until("append shrink", times=2)
    await asyncio.sleep(0)
    crashed = first.log.records()
    second = await stacks(log=MemoryMoneyLog(crashed))
    assert second.log.kinds()[len(crashed) :] == ["assume"]
    assert second.journal == ["append assume", "durable assume"]
    held = first.totals()[1]
    assert second.totals() == (settled, 0, held)
    assert await second.gate.open(second.model) == 0
    reply = await second.gate.ask(order())
    assert second.totals() == (settled + reply.cost, 0, held), "its number was not taken"
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking


async def test_only_records_of_the_scope_that_it_keeps_stay_in_memory(stacks: Any) -> None:
    first = await stacks()
    await first.gate.set_cap("convoy:a", NanoUsd(NANO))
    await first.gate.ask(order(scopes=("convoy:a", "town")))
    await first.gate.ask(order(scopes=("convoy:b", "town")))
    everything = list(first.gate.records)

    gate = SpendGate(first.log, FakeClock(), origin=ORIGIN, keeps="convoy:b")

    asked = [record for record in everything if isinstance(record, Reserve)]
    assert [record.scopes[0] for record in asked] == ["convoy:a", "convoy:b"]
    ids = {record.id for record in gate.records if not isinstance(record, SetCap | Acknowledge)}
    assert ids == {asked[1].id}
    assert len(gate.records) == 3
    assert gate.ledger.totals("convoy:a") == first.gate.ledger.totals("convoy:a")
    assert gate.requests == 2


# --- all together -----------------------------------------------------------------------------------

FAULTS: tuple[Behaviour, ...] = (
    refuses(400),
    refuses(429),
    refuses(529),
    refuses(500, billed_tokens=5_000),
    raises(httpx2.ConnectError("refused")),
    raises(httpx2.ReadError("reset")),
    breaks_off(1, tokens_in=5_000, tokens_out=4_000),
    breaks_off(3, tokens_in=4_000, tokens_out=4_000),
    streams(events_of()[:4]),
    replies(tokens_in=5_000, tokens_out=4_000),
    replies(tokens_in=200, tokens_out=10, cache_read_input_tokens=3_000, cache_creation_input_tokens=1_500),
)


@pytest.mark.parametrize("seed", range(12))
async def test_the_bill_stays_below_the_cap_whatever_goes_wrong(stacks: Any, seed: int) -> None:
    chance = random.Random(seed)
    stack = await stacks(*(chance.choice((*FAULTS, replies())) for _ in range(60)))
    caps = {"town": NanoUsd(BOUND * 9), "convoy:a": NanoUsd(BOUND * 5), "bead:b": NanoUsd(BOUND * 3)}
    for scope, cap in caps.items():
        await stack.gate.set_cap(scope, cap)

    def check(_: tuple[str, ...]) -> None:
        for scope, cap in caps.items():
            assert stack.gate.ledger.totals(scope).max_committed <= cap
        totals = stack.gate.ledger.totals("town")
        assert stack.provider.billed <= totals.committed <= caps["town"]

    stack.gate.watch(check)

    async def worker(number: int) -> None:
        for turn in range(6):
            scopes = ("town", *chance.sample(("convoy:a", "bead:b"), chance.randint(0, 2)))
            asked = order(scopes=scopes, text=f"{number}.{turn}")
            patience = chance.choice((0, 3, 8, 1_000, 1_000))
            asking = asyncio.ensure_future(stack.gate.ask(asked))
            for _ in range(patience):
                await asyncio.sleep(0)
            if patience < 1_000:
                asking.cancel()
            with contextlib.suppress(ModelError, CapReached, asyncio.CancelledError):
                await asking

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(worker(number))
    check(())
    settled, held, assumed = stack.totals()
    assert held == 0
    assert stack.provider.billed <= settled + assumed <= caps["town"]
    replayed, orphans = Ledger.replay(record_from_json(record) for record in stack.log.records())
    assert orphans == []
    assert replayed.totals("town").committed == settled + assumed
    assert json.dumps(stack.log.records())


def test_the_bound_of_these_tests_is_a_few_dollar_cents() -> None:
    assert 0 < BOUND < usd(1)
