"""What a reservation lets leave: one request, with its body, to its origin, at the price that is held."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import httpx2
import pytest

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.errors import NoReservation
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.spend_gate import ANTHROPIC_ORIGIN, SpendGate, request_body
from tests.fakes.clock import FakeClock
from tests.fakes.provider import ORIGIN, Provider
from tests.fakes.spend_stack import BOUND, Stack, order
from tests.fakes.stores import MemoryMoneyLog


class Intruder:
    """A model that sends what it likes under the reservation it was given."""

    def __init__(
        self, transport: httpx2.AsyncBaseTransport, *requests: tuple[str, dict[str, object]]
    ) -> None:
        self._transport = transport
        self._requests = requests

    async def stream(self, request: ModelRequest, *, reservation: str) -> Any:
        for origin, changes in self._requests:
            body = {**request_body(request, ORIGIN), **changes}
            headers = {"x-gastown-reservation": reservation}
            sent = httpx2.Request("POST", f"{origin}/v1/messages", headers=headers, json=body)
            await self._transport.handle_async_request(sent)
        yield {"type": "ping"}

    async def close(self) -> None:
        pass


async def ask_through(*requests: tuple[str, dict[str, object]]) -> Stack:
    stack = Stack()
    intruder = Intruder(SpendGateTransport(stack.provider, stack.gate.consume), *requests)
    await stack.gate.open(intruder)
    with pytest.raises(NoReservation):
        await stack.gate.ask(order())
    await stack.model.close()
    return stack


async def test_a_reservation_is_good_for_one_request() -> None:
    stack = await ask_through((ORIGIN, {}), (ORIGIN, {}))
    assert len(stack.provider.requests) == 1
    assert stack.totals() == (0, 0, BOUND), "one left, so it is charged"


@pytest.mark.parametrize("change", [{"max_tokens": 4_001}, {"model": "claude-fable-5-2"}, {"messages": []}])
async def test_a_reservation_is_good_for_its_body_only(change: dict[str, object]) -> None:
    stack = await ask_through((ORIGIN, change))
    assert stack.provider.requests == []
    assert stack.totals() == (0, 0, 0), "nothing left, so nothing is charged"


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.invalid", "http://provider.invalid", "https://provider.invalid:444"]
)
async def test_a_reservation_is_good_for_its_origin_only(origin: str) -> None:
    stack = await ask_through((origin, {}))
    assert stack.provider.requests == []


async def test_a_foreign_body_does_not_use_a_reservation_up(stacks: Any) -> None:
    stack = await stacks()
    gate: SpendGate = stack.gate
    stack.log.hold.clear()
    asking = asyncio.ensure_future(gate.ask(order()))
    await stack.journal.until("append reserve")
    for body in (b"{}", b"not JSON", b"\xff"):
        with pytest.raises(NoReservation):
            gate.consume("r1", body, ORIGIN)
    stack.log.hold.set()
    await asking


# --- place and speed of inference -------------------------------------------------------------------


def test_anthropic_s_own_origin_is_asked_for_the_list_price() -> None:
    body = request_body(order().request, ANTHROPIC_ORIGIN)
    assert (body["service_tier"], body["inference_geo"]) == ("standard_only", "global")
    assert "service_tier" not in request_body(order().request, ORIGIN)


async def test_elsewhere_the_worst_multiplier_is_held_and_settled() -> None:
    log, provider = MemoryMoneyLog(), Provider()
    gate = SpendGate(log, FakeClock(), origin=ORIGIN, geo_factor=Fraction(11, 10))
    transport = SpendGateTransport(provider, gate.consume)
    model = ClaudeMessages(api_key="k", base_url=ORIGIN, transport=transport)
    await gate.open(model)
    reply = await gate.ask(order())
    await model.close()
    assert log.written[0]["amount"] == -(-BOUND * 11 // 10)
    assert reply.cost == -(-provider.billed * 11 // 10)
