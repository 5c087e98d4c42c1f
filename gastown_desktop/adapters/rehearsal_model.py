"""The rehearsal's model: it sits where the network would be, streams real server-sent events, and bills.

What it answers is decided by a stand-in (engine.stand_in); this file is the provider's side: protocol,
speed, token counts and a bill kept with its own arithmetic and its own price list, so that the ledger is
checked by something that shares no code with it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2

from gastown_desktop.engine.stand_in import Answer

BYTES_PER_TOKEN = 4
"""The estimate that token counts of a rehearsal rest on."""
_CHUNK = 2_000
_REAL_TOKENS_PER_S = 70

_DOLLARS_PER_MILLION: dict[str, tuple[str, str, str, str]] = {
    # input, output, cache write (5 min), cache read
    "claude-fable-5-2": ("8", "40", "10", "0.20"),
    "claude-opus-5-5": ("4", "20", "5", "0.20"),
    "claude-sonnet-5-5": ("2", "10", "2.5", "0.10"),
    "claude-haiku-5-5": ("0.10", "0.50", "0.125", "0.01"),
}
_LONG_PROMPT = {"claude-haiku-5-5": (100_000, 5)}


class ProviderBill:
    """What the provider would charge, one line per request, written when the request arrives.

    A request that is killed half-way was still answered as far as the provider is concerned, so the whole
    answer is billed before its first byte leaves.
    """

    def __init__(self, path: Path) -> None:
        """Goes on with the bill of an earlier process, if there is one."""
        self._path = path
        self.total = Fraction(0)
        self.requests = 0
        if path.exists():
            for line in path.read_text(encoding="ascii").splitlines():
                self.total += Fraction(line.split()[1])
                self.requests += 1

    def charge(self, model: str, counts: dict[str, int]) -> None:
        """Adds one request; counts are the API's usage fields."""
        fresh, reply, written, read = (Fraction(price) for price in _DOLLARS_PER_MILLION[model])
        prompt = (
            counts["input_tokens"] + counts["cache_creation_input_tokens"] + counts["cache_read_input_tokens"]
        )
        dollars = (
            counts["input_tokens"] * fresh
            + counts["cache_creation_input_tokens"] * written
            + counts["cache_read_input_tokens"] * read
            + counts["output_tokens"] * reply
        ) / 1_000_000
        limit, factor = _LONG_PROMPT.get(model, (0, 1))
        if factor > 1 and prompt > limit:
            dollars *= factor
        self.total += dollars
        self.requests += 1
        with self._path.open("a", encoding="ascii") as file:
            file.write(f"{model} {dollars}\n")

    @property
    def nano_usd(self) -> int:
        """The bill in nano-dollars, rounded up."""
        return -(-self.total.numerator * 1_000_000_000 // self.total.denominator)


class RehearsalModel(httpx2.AsyncBaseTransport):
    """Answers `POST /v1/messages` with a stream."""

    def __init__(self, answer: Answer, bill: ProviderBill, *, real_pace: bool = False) -> None:
        """Makes the provider.

        Args:
            answer: decides what is said.
            bill: what it would cost.
            real_pace: stream as fast as a real model does (about 70 tokens/s), else at once.
        """
        self._answer = answer
        self._bill = bill
        self._real_pace = real_pace
        self._cached: dict[str, int] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answers one request."""
        body: dict[str, Any] = json.loads(await request.aread())
        said = await self._answer(body)
        blocks = [block for block in said if block["type"] != "stop"]
        reason = next((block["reason"] for block in said if block["type"] == "stop"), "")
        counts = self._count(body, blocks)
        cut = counts["output_tokens"] > body["max_tokens"]
        if cut:
            counts["output_tokens"] = body["max_tokens"]
        self._bill.charge(body["model"], counts)
        stream = _EventStream(
            self._bill.requests, body, blocks, counts, cut=cut, reason=reason, real_pace=self._real_pace
        )
        return httpx2.Response(
            200,
            headers={
                "content-type": "text/event-stream",
                "request-id": f"req_rehearsal_{self._bill.requests}",
            },
            stream=stream,
            request=request,
        )

    def _count(self, body: dict[str, Any], blocks: list[dict[str, Any]]) -> dict[str, int]:
        """Counts tokens; the cache holds a conversation's last prompt, and what the fleet shares."""
        shared = _tokens([body["tools"], body["system"]])
        whole = shared + _tokens(body["messages"])
        conversation = _digest([body["model"], _unmarked(body["messages"][0])])
        fleet = _digest([body["model"], body["tools"], body["system"]])
        read = min(max(self._cached.get(conversation, 0), self._cached.get(fleet, 0)), whole)
        tail = min(4, whole - read)
        self._cached[conversation] = whole - tail
        self._cached[fleet] = shared
        return {
            "input_tokens": tail,
            "cache_creation_input_tokens": whole - read - tail,
            "cache_read_input_tokens": read,
            "output_tokens": _tokens(blocks),
        }


class _EventStream(httpx2.AsyncByteStream):
    """The server-sent events of one reply."""

    def __init__(
        self,
        number: int,
        body: dict[str, Any],
        blocks: list[dict[str, Any]],
        counts: dict[str, int],
        *,
        cut: bool,
        reason: str,
        real_pace: bool,
    ) -> None:
        self._number = number
        self._body = body
        self._blocks = blocks
        self._counts = counts
        self._cut = cut
        self._reason = reason
        self._real_pace = real_pace

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._start()
        budget = self._body["max_tokens"] * BYTES_PER_TOKEN if self._cut else None
        for index, block in enumerate(self._blocks):
            pieces, budget = _pieces(block, budget)
            yield _event("content_block_start", index=index, content_block=self._opened(index, block))
            for piece in pieces:
                if self._real_pace:
                    await asyncio.sleep(len(piece) / BYTES_PER_TOKEN / _REAL_TOKENS_PER_S)
                yield _event("content_block_delta", index=index, delta=_delta(block, piece))
            yield _event("content_block_stop", index=index)
            if budget == 0:
                break
        yield _event(
            "message_delta",
            delta={"stop_reason": self._stop_reason(), "stop_sequence": None},
            usage=self._counts,
        )
        yield _event("message_stop")

    def _start(self) -> bytes:
        usage = {**self._counts, "output_tokens": 1}
        message: dict[str, Any] = {
            "id": f"msg_rehearsal_{self._number}",
            "type": "message",
            "role": "assistant",
            "model": self._body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return _event("message_start", message=message)

    def _stop_reason(self) -> str:
        if self._cut:
            return "max_tokens"
        if self._reason:
            return self._reason
        return "tool_use" if any(block["type"] == "tool_use" for block in self._blocks) else "end_turn"

    def _opened(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        if block["type"] == "text":
            return {"type": "text", "text": ""}
        turn = len(self._body["messages"])
        return {"type": "tool_use", "id": f"toolu_{turn}_{index}", "name": block["name"], "input": {}}


def _pieces(block: dict[str, Any], budget: int | None) -> tuple[list[str], int | None]:
    """A block's text in pieces, cut at what is left of the budget (in characters)."""
    text = block["text"] if block["type"] == "text" else block.get("spelled") or json.dumps(block["input"])
    if budget is not None:
        text = text[:budget]
        budget -= len(text)
    return [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)], budget


def _delta(block: dict[str, Any], piece: str) -> dict[str, str]:
    if block["type"] == "text":
        return {"type": "text_delta", "text": piece}
    return {"type": "input_json_delta", "partial_json": piece}


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _tokens(value: Any) -> int:
    return -(-len(json.dumps(value)) // BYTES_PER_TOKEN)


def _unmarked(message: dict[str, Any]) -> list[dict[str, Any]]:
    """What a message says, wherever its end is marked for the cache."""
    return [
        {name: value for name, value in block.items() if name != "cache_control"}
        for block in message["content"]
    ]


def _digest(value: Any) -> str:
    return sha256(json.dumps(value).encode()).hexdigest()
