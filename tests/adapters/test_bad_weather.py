"""Faults on the way to a rehearsal's model."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest

from gastown_desktop.adapters.bad_weather import BadWeather
from gastown_desktop.core.chaos import TransportFault

PIECES = [b"event: a\ndata: {}\n\n", b"event: b\ndata: {}\n\n", b"event: c\ndata: {}\n\n"] * 2


class Answers(httpx2.AsyncBaseTransport):
    """A model that always answers, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1

        async def stream() -> Any:
            for piece in PIECES:
                yield piece

        return httpx2.Response(200, headers={"request-id": "req_1"}, content=stream(), request=request)


async def ask(fault: TransportFault | None, model: Answers) -> tuple[httpx2.Response, bytes]:
    weather = BadWeather(model, lambda body: fault if body == {"n": 1} else None, silence_s=0.05)
    async with httpx2.AsyncClient(transport=weather) as client:
        request = client.build_request("POST", "https://rehearsal.invalid/v1/messages", json={"n": 1})
        response = await client.send(request, stream=True)
        if response.is_error:
            return response, await response.aread()
        got = b""
        try:
            async for piece in response.aiter_raw():
                got += piece
        except httpx2.HTTPError as error:
            response.extensions["error"] = error
        return response, got


async def test_without_a_fault_everything_comes_through() -> None:
    model = Answers()
    response, got = await ask(None, model)
    assert (response.status_code, got, model.asked) == (200, b"".join(PIECES), 1)
    assert response.headers["request-id"] == "req_1"


@pytest.mark.parametrize(("fault", "status"), [("overloaded", 529), ("rate_limited", 429)])
async def test_a_refused_request_does_not_reach_the_model(fault: TransportFault, status: int) -> None:
    model = Answers()
    response, got = await ask(fault, model)
    assert (response.status_code, model.asked) == (status, 0)
    assert float(response.headers["retry-after"]) > 0
    assert b"_error" in got


@pytest.mark.parametrize(("fault", "error"), [("cut", httpx2.ReadError), ("stalled", httpx2.ReadTimeout)])
async def test_half_of_it_comes_and_then_nothing(fault: TransportFault, error: type[Exception]) -> None:
    model, began = Answers(), time.monotonic()
    response, got = await ask(fault, model)
    assert (got, model.asked) == (b"".join(PIECES[:3]), 1)
    assert isinstance(response.extensions["error"], error)
    assert (time.monotonic() - began >= 0.05) == (fault == "stalled")


async def test_an_event_in_the_middle_is_no_json() -> None:
    _, got = await ask("malformed", Answers())
    assert got.startswith(b"".join(PIECES[:3]))
    assert got.endswith(b"".join(PIECES[3:]))
    assert len(got) > len(b"".join(PIECES))
