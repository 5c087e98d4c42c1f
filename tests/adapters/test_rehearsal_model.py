from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.rehearsal_model import BYTES_PER_TOKEN, ProviderBill, RehearsalModel
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.errors import NoReservation
from gastown_desktop.core.money import NANO
from gastown_desktop.core.prices import PRICES, cost, first_prompt_bound
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.spend_gate import Order, SpendGate
from tests.fakes.clock import FakeClock
from tests.fakes.provider import MODEL
from tests.fakes.stores import MemoryMoneyLog

ORIGIN = "https://rehearsal.invalid"
BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "I will look. ﷺ 🛠"},
    {"type": "tool_use", "name": "read", "input": {"path": "a.py"}},
]


class Rehearsal:
    """The rehearsal's provider behind gate, transport and SDK."""

    def __init__(self, bill: Path, blocks: Sequence[dict[str, Any]] = BLOCKS) -> None:
        async def answer(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
            self.bodies.append(body)
            return blocks

        self.bodies: list[dict[str, Any]] = []
        self.bill = ProviderBill(bill)
        self.gate = SpendGate(MemoryMoneyLog(), FakeClock(), origin=ORIGIN)
        transport = SpendGateTransport(RehearsalModel(answer, self.bill), self.gate.consume)
        self.model = ClaudeMessages(api_key="rehearsal", base_url=ORIGIN, transport=transport)

    async def ask(self, *messages: dict[str, Any], max_tokens: int = 1_000, model: str = MODEL) -> Reply:
        await self.gate.open(self.model)
        request = ModelRequest(
            model=model,
            max_tokens=max_tokens,
            system=({"type": "text", "text": "You are a worker. " * 50},),
            tools=({"name": "read", "description": "d", "input_schema": {"type": "object"}},),
            messages=messages,
        )
        text = json.dumps([request.system, request.tools, request.messages])
        order = Order(
            request=request,
            price=PRICES[model],
            prompt_bound=first_prompt_bound(text, 10),
            scopes=("town",),
            what="test",
        )
        return await self.gate.ask(order)

    async def close(self) -> None:
        await self.model.close()


def says(role: str, text: str, **marks: Any) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text, **marks}]}


TASK = says("user", "Do it, and do it well. " * 20)
LATER = (TASK, says("assistant", "I did it. " * 10), says("user", "Go on."))


async def test_the_real_client_reads_its_stream_and_the_ledger_agrees_with_its_bill(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill")
    reply = await rehearsal.ask(TASK)
    await rehearsal.close()
    assert reply.stop_reason == "tool_use"
    assert reply.content[0] == BLOCKS[0]
    assert (reply.content[1]["name"], reply.content[1]["input"]) == ("read", {"path": "a.py"})
    assert reply.content[1]["id"]
    assert reply.request_id == "msg_rehearsal_1"
    assert reply.cost == rehearsal.bill.nano_usd == rehearsal.gate.ledger.totals("town").settled


async def test_text_alone_ends_the_turn(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill", BLOCKS[:1])
    assert (await rehearsal.ask(TASK)).stop_reason == "end_turn"
    await rehearsal.close()


async def test_nothing_is_answered_without_a_reservation(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill")
    request = ModelRequest(model=MODEL, max_tokens=9, system=(), tools=(), messages=(TASK,))
    with pytest.raises(NoReservation):
        await anext(rehearsal.model.stream(request, reservation="r1"))
    await rehearsal.close()
    assert rehearsal.bodies == []
    assert rehearsal.bill.requests == 0


async def test_usage_buckets_are_disjoint_and_the_next_prompt_is_read_from_the_cache(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill")
    first = (await rehearsal.ask(TASK)).usage
    second = (await rehearsal.ask(*LATER)).usage
    await rehearsal.close()
    assert first.cache_read_tokens == 0
    assert first.cache_write_5m_tokens > 0
    assert second.cache_read_tokens == first.prompt_tokens - first.input_tokens
    body = rehearsal.bodies[1]
    whole = sum(-(-len(json.dumps(part)) // BYTES_PER_TOKEN) for part in ([body["tools"], body["system"]],))
    whole += -(-len(json.dumps(body["messages"])) // BYTES_PER_TOKEN)
    assert second.prompt_tokens == whole


async def test_where_the_cache_is_marked_does_not_matter(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill")
    marked = {"role": "user", "content": [{**TASK["content"][0], "cache_control": {"type": "ephemeral"}}]}
    first = (await rehearsal.ask(marked)).usage
    second = (await rehearsal.ask(*LATER)).usage
    await rehearsal.close()
    assert second.cache_read_tokens == first.prompt_tokens - first.input_tokens


async def test_another_conversation_reads_what_the_fleet_shares(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill")
    await rehearsal.ask(TASK)
    other = (await rehearsal.ask(says("user", "Something else."))).usage
    body = rehearsal.bodies[1]
    await rehearsal.close()
    shared = -(-len(json.dumps([body["tools"], body["system"]])) // BYTES_PER_TOKEN)
    assert other.cache_read_tokens == shared


async def test_a_conversation_that_starts_over_has_no_negative_counts(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path / "bill")
    await rehearsal.ask(*LATER)
    usage = (await rehearsal.ask(TASK)).usage
    await rehearsal.close()
    assert min(usage.input_tokens, usage.cache_write_5m_tokens, usage.cache_read_tokens) >= 0
    assert usage.prompt_tokens > 0


@pytest.mark.parametrize("max_tokens", [1, 5, 20])
async def test_a_reply_longer_than_its_limit_is_cut_there(tmp_path: Path, max_tokens: int) -> None:
    rehearsal = Rehearsal(tmp_path / "bill", [{"type": "text", "text": "word " * 100}, BLOCKS[1]])
    reply = await rehearsal.ask(TASK, max_tokens=max_tokens)
    await rehearsal.close()
    assert (reply.stop_reason, reply.usage.output_tokens) == ("max_tokens", max_tokens)
    assert len(reply.content[0]["text"]) == max_tokens * BYTES_PER_TOKEN
    assert len(reply.content) == 1


async def test_a_tool_call_that_was_cut_is_no_json_and_kept_as_malformed(tmp_path: Path) -> None:
    call = {"type": "tool_use", "name": "write", "input": {"path": "a", "content": "x" * 500}}
    rehearsal = Rehearsal(tmp_path / "bill", [call])
    reply = await rehearsal.ask(TASK, max_tokens=10)
    await rehearsal.close()
    assert reply.stop_reason == "max_tokens"
    assert reply.content[0]["input"] == {"malformed": json.dumps(call["input"])[:40]}


async def test_the_bill_goes_on_in_the_next_process(tmp_path: Path) -> None:
    first = Rehearsal(tmp_path / "bill")
    await first.ask(TASK)
    await first.close()
    second = Rehearsal(tmp_path / "bill")
    assert (second.bill.total, second.bill.requests) == (first.bill.total, 1)
    reply = await second.ask(TASK)
    await second.close()
    assert reply.request_id == "msg_rehearsal_2"
    assert ProviderBill(tmp_path / "bill").total == second.bill.total
    assert second.bill.nano_usd == first.bill.nano_usd + reply.cost


async def test_a_reply_nobody_waits_for_is_billed_in_full(tmp_path: Path) -> None:
    async def answer(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
        return BLOCKS

    bill = ProviderBill(tmp_path / "bill")
    body = {"model": MODEL, "max_tokens": 99, "system": [], "tools": [], "messages": [TASK]}
    request = httpx2.Request("POST", f"{ORIGIN}/v1/messages", json=body)
    await RehearsalModel(answer, bill).handle_async_request(request)
    assert bill.requests == 1
    assert bill.total > 0


def counts(fresh: int = 0, written: int = 0, read: int = 0, reply: int = 0) -> dict[str, int]:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": reply,
    }


@pytest.mark.parametrize("model", sorted(PRICES))
@pytest.mark.parametrize("read", [0, 99_000, 99_001, 500_000])
def test_its_own_price_list_says_what_the_ledger_s_says(tmp_path: Path, model: str, read: int) -> None:
    bill = ProviderBill(tmp_path / "bill")
    bill.charge(model, counts(fresh=300, written=700, read=read, reply=1_234))
    usage = Usage(input_tokens=300, cache_write_5m_tokens=700, cache_read_tokens=read, output_tokens=1_234)
    assert bill.nano_usd == cost(PRICES[model], usage)


def test_a_long_prompt_costs_five_times_on_every_token(tmp_path: Path) -> None:
    bill = ProviderBill(tmp_path / "bill")
    bill.charge("claude-haiku-5-5", counts(fresh=100_000, reply=1_000))
    assert bill.total == Fraction("0.0105")
    bill.charge("claude-haiku-5-5", counts(fresh=100_000, read=1, reply=1_000))
    assert bill.total - Fraction("0.0105") == 5 * (Fraction("0.0105") + Fraction("0.00000001"))


def test_a_bill_is_rounded_up_to_a_nano_dollar(tmp_path: Path) -> None:
    bill = ProviderBill(tmp_path / "bill")
    bill.total = Fraction(1, 3)
    assert bill.nano_usd == NANO // 3 + 1
