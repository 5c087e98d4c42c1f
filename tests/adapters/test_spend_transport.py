from __future__ import annotations

import httpx2
import pytest

from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.errors import NoReservation


class Recorder(httpx2.AsyncBaseTransport):
    """The inner transport: keeps what reaches it."""

    def __init__(self) -> None:
        self.seen: list[httpx2.Request] = []
        self.closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return httpx2.Response(200, request=request)

    async def aclose(self) -> None:
        self.closed = True


def post(url: str = "https://provider.invalid:8443/v1/messages", **headers: str) -> httpx2.Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Request("POST", url, headers=named, content=b'{"model":"m"}')


async def test_the_gate_is_told_reservation_body_and_origin_and_the_header_is_taken_off() -> None:
    inner, asked = Recorder(), list[tuple[str, bytes, str]]()
    transport = SpendGateTransport(inner, lambda *used: asked.append(used))
    await transport.handle_async_request(post(x_gastown_reservation="r1"))
    assert asked == [("r1", b'{"model":"m"}', "https://provider.invalid:8443")]
    assert "x-gastown-reservation" not in inner.seen[0].headers


async def test_a_request_without_a_reservation_is_shown_to_the_gate_as_such() -> None:
    inner, asked = Recorder(), list[str]()
    transport = SpendGateTransport(inner, lambda reservation, *_: asked.append(reservation))
    await transport.handle_async_request(post())
    assert asked == [""]


async def test_what_the_gate_refuses_never_reaches_the_network() -> None:
    def refuse(*_: object) -> None:
        raise NoReservation("no")

    inner = Recorder()
    with pytest.raises(NoReservation):
        await SpendGateTransport(inner, refuse).handle_async_request(post(x_gastown_reservation="r1"))
    assert inner.seen == []


async def test_closing_closes_the_network() -> None:
    inner = Recorder()
    await SpendGateTransport(inner, lambda *_: None).aclose()
    assert inner.closed
