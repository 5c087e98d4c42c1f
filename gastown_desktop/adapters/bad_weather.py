"""Faults on the way to the rehearsal's model, where a network and a provider would have them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import httpx2

from gastown_desktop.core.chaos import TransportFault

_RETRY_AFTER_S = 0.2
_REFUSALS: dict[TransportFault, tuple[int, str]] = {
    "overloaded": (529, "overloaded_error"),
    "rate_limited": (429, "rate_limit_error"),
}
_GARBAGE = b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'


class BadWeather(httpx2.AsyncBaseTransport):
    """A transport before another one.

    What it refuses was not asked and costs nothing. What breaks off was answered, and is billed in full.
    """

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        strikes: Callable[[dict[str, Any]], TransportFault | None],
        *,
        silence_s: float,
    ) -> None:
        """Stands before `inner`.

        Args:
            inner: the model.
            strikes: what happens to a request, by its body.
            silence_s: seconds of silence until a reply is given up.
        """
        self._inner = inner
        self._strikes = strikes
        self._silence_s = silence_s

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answers one request, or does not."""
        body: dict[str, Any] = json.loads(await request.aread())
        fault = self._strikes(body)
        if fault in _REFUSALS:
            status, kind = _REFUSALS[fault]
            error = {"type": "error", "error": {"type": kind, "message": "A fault on purpose."}}
            headers = {"retry-after": f"{_RETRY_AFTER_S}"}
            return httpx2.Response(status, headers=headers, json=error, request=request)
        response = await self._inner.handle_async_request(request)
        if fault is None:
            return response
        stream = _Struck(cast("httpx2.AsyncByteStream", response.stream), fault, self._silence_s)
        return httpx2.Response(response.status_code, headers=response.headers, stream=stream, request=request)

    async def aclose(self) -> None:
        """Closes what is behind it."""
        await self._inner.aclose()


class _Struck(httpx2.AsyncByteStream):
    """The first half of a stream, and then what the fault makes of it."""

    def __init__(self, whole: httpx2.AsyncByteStream, fault: TransportFault, silence_s: float) -> None:
        self._whole = whole
        self._fault = fault
        self._silence_s = silence_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = [piece async for piece in self._whole]
        for piece in pieces[: len(pieces) // 2]:
            yield piece
        if self._fault == "malformed":
            yield _GARBAGE
            for piece in pieces[len(pieces) // 2 :]:
                yield piece
            return
        if self._fault == "stalled":
            await asyncio.sleep(self._silence_s)
            raise httpx2.ReadTimeout("nothing came for too long")
        raise httpx2.ReadError("the connection was reset")
