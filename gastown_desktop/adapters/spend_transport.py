"""The HTTP transport that only lets reserved requests through, and those that are free."""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from gastown_desktop.engine.spend_gate import RESERVATION_HEADER

Consume = Callable[[str, bytes, str], None]
"""Uses up a reservation (id, body, origin) or raises NoReservation: `SpendGate.consume`."""

_FREE = frozenset({("GET", "models"), ("POST", "messages/count_tokens")})
"""Endpoints below `/v1` that the provider does not charge for."""


class SpendGateTransport(httpx2.AsyncBaseTransport):
    """Wraps the only way out: the network, or the rehearsal's stand-in."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, consume: Consume) -> None:
        """Puts the gate before `inner`."""
        self._inner = inner
        self._consume = consume

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends a request whose reservation is unused and fits, or that costs nothing; refuses any other.

        Raises:
            NoReservation: nothing was sent.
        """
        body = await request.aread()
        reservation = request.headers.pop(RESERVATION_HEADER, "")
        url = request.url
        if reservation or (request.method, url.path.rpartition("/v1/")[2]) not in _FREE:
            self._consume(reservation, body, f"{url.scheme}://{url.netloc.decode()}")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes the inner transport."""
        await self._inner.aclose()
