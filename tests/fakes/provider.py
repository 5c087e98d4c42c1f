"""A provider behind the real SDK: answers requests as told, and knows what it would bill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx2

from gastown_desktop.core.prices import PRICES, cost
from gastown_desktop.core.usage import Usage

ORIGIN = "https://provider.invalid"
MODEL = "claude-haiku-5-5"

Behaviour = Callable[["Provider", dict[str, Any]], Awaitable[httpx2.Response]]


class Provider(httpx2.AsyncBaseTransport):
    """Implements the network: behaviours are used up one a request, then `replies()` answers the rest."""

    def __init__(self, *behaviours: Behaviour, journal: list[str] | None = None) -> None:
        self._behaviours = list(behaviours)
        self.otherwise: Behaviour = replies()
        self.journal = [] if journal is None else journal
        self.requests: list[httpx2.Request] = []
        self.billed = 0
        """Nano-dollars."""
        self.room = asyncio.Event()
        """Lets stalled replies go on."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.journal.append("sent")
        self.requests.append(request)
        body = json.loads(await request.aread())
        behaviour = self._behaviours.pop(0) if self._behaviours else self.otherwise
        response = await behaviour(self, body)
        response.request = request
        return response

    def bill(self, **counts: int) -> None:
        usage = Usage(
            input_tokens=counts.get("input_tokens", 0),
            output_tokens=counts.get("output_tokens", 0),
            cache_read_tokens=counts.get("cache_read_input_tokens", 0),
            cache_write_5m_tokens=counts.get("cache_creation_input_tokens", 0),
        )
        self.billed += cost(PRICES[MODEL], usage)


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            yield part


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def events_of(
    text: str = "Done.", *, tokens_in: int = 1_000, tokens_out: int = 50, **usage: Any
) -> list[bytes]:
    """A whole reply as server-sent events."""
    counts = {"input_tokens": tokens_in, **usage}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**counts, "output_tokens": 1},
    }
    return [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        event("content_block_stop", index=0),
        event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": tokens_out},
        ),
        event("message_stop"),
    ]


def streams(parts: Iterable[bytes], *, ends: Exception | None = None) -> Behaviour:
    """Streams these bytes, bills nothing, and breaks off with `ends` where given."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        del provider, body

        async def flow() -> AsyncIterator[bytes]:
            for part in parts:
                yield part
                await asyncio.sleep(0)
            if ends is not None:
                raise ends

        return _answer(flow())

    return answer


def replies(text: str = "Done.", *, tokens_in: int = 1_000, tokens_out: int = 50, **usage: Any) -> Behaviour:
    """Answers with a whole reply and bills it."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        provider.bill(input_tokens=tokens_in, output_tokens=tokens_out, **usage)
        parts = events_of(text, tokens_in=tokens_in, tokens_out=tokens_out, **usage)
        return await streams(parts)(provider, body)

    return answer


def breaks_off(after: int, *, tokens_in: int = 1_000, tokens_out: int = 50) -> Behaviour:
    """Bills a whole reply but loses the connection after so many events."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        provider.bill(input_tokens=tokens_in, output_tokens=tokens_out)
        parts = events_of(tokens_in=tokens_in, tokens_out=tokens_out)[:after]
        return await streams(parts, ends=httpx2.ReadError("connection reset"))(provider, body)

    return answer


def stalls(after: int, *, tokens_in: int = 1_000, tokens_out: int = 50) -> Behaviour:
    """Bills a whole reply, sends so many events and then waits for `room`."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        del body
        provider.bill(input_tokens=tokens_in, output_tokens=tokens_out)

        async def flow() -> AsyncIterator[bytes]:
            parts = events_of(tokens_in=tokens_in, tokens_out=tokens_out)
            for part in parts[:after]:
                yield part
            await provider.room.wait()
            for part in parts[after:]:
                yield part

        return _answer(flow())

    return answer


def refuses(status: int, *, billed_tokens: int = 0, **headers: str) -> Behaviour:
    """Answers with an error; some providers bill a 500 all the same."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        del body
        provider.bill(input_tokens=billed_tokens)
        error = {"type": "error", "error": {"type": "api_error", "message": f"status {status}"}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Response(status, json=error, headers=named)

    return answer


def raises(error: Exception) -> Behaviour:
    """Never answers."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        del provider, body
        raise error

    return answer


def _answer(parts: AsyncIterator[bytes]) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Stream(parts))
