"""The SDK as it is: what it sends, what it does not, and what becomes of its errors."""

from __future__ import annotations

import base64
import logging
import os
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.errors import CapReached, ModelError, NoReservation, StoreError
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.spend_gate import request_body
from tests.fakes.provider import (
    MODEL,
    ORIGIN,
    Behaviour,
    Provider,
    breaks_off,
    events_of,
    raises,
    refuses,
    replies,
    stalls,
    streams,
)

REQUEST = ModelRequest(
    model=MODEL,
    max_tokens=100,
    system=({"type": "text", "text": "Be brief."},),
    tools=({"name": "note", "description": "d", "input_schema": {"type": "object", "properties": {}}},),
    messages=({"role": "user", "content": [{"type": "text", "text": "Grüße ﷺ 🛠"}]},),
)

Make = Callable[..., tuple[ClaudeMessages, Provider]]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    clients: list[ClaudeMessages] = []

    def build(
        *behaviours: Behaviour,
        consume: Callable[[str, bytes, str], None] = lambda *_: None,
        api_key: str = "key-1",
    ) -> tuple[ClaudeMessages, Provider]:
        provider = Provider(*behaviours)
        transport = SpendGateTransport(provider, consume)
        clients.append(ClaudeMessages(api_key=api_key, base_url=ORIGIN, transport=transport))
        return clients[-1], provider

    yield build
    for client in clients:
        await client.close()


async def types_of(client: ClaudeMessages) -> list[object]:
    return [event["type"] async for event in client.stream(REQUEST, reservation="r1")]


async def failure(client: ClaudeMessages) -> ModelError:
    with pytest.raises(ModelError) as failed:
        await types_of(client)
    return failed.value


async def test_events_come_out_in_the_order_of_the_protocol(make: Make) -> None:
    client, _ = make()
    assert await types_of(client) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_the_body_that_leaves_is_the_body_that_was_reserved(make: Make) -> None:
    client, provider = make()
    await types_of(client)
    sent = httpx2.Response(200, content=await provider.requests[0].aread()).json()
    assert sent == request_body(REQUEST, ORIGIN)


async def test_the_key_goes_to_the_given_origin_whatever_the_environment_says(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://thief.invalid")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "other")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token")
    monkeypatch.setenv(
        "ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer stolen\nanthropic-beta: dear-feature"
    )
    monkeypatch.setenv("HTTPS_PROXY", "http://thief.invalid:1")
    client, provider = make()
    await types_of(client)
    request = provider.requests[0]
    assert request.url.host == "provider.invalid"
    assert request.headers["authorization"] == "Bearer key-1"
    assert "anthropic-beta" not in request.headers
    assert not [value for value in request.headers.values() if "token" in value or "other" in value]
    assert os.environ["ANTHROPIC_CUSTOM_HEADERS"], "the user's own environment stays as it is"


@pytest.mark.parametrize("refusal", [NoReservation("no"), StoreError("disk")])
async def test_a_refusal_of_the_gate_comes_out_as_it_is_and_nothing_was_sent(
    make: Make, refusal: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise refusal

    client, provider = make(consume=refuse)
    with pytest.raises(type(refusal)) as refused:
        await types_of(client)
    assert refused.value is refusal
    assert provider.requests == []


async def test_a_cap_that_is_reached_comes_out_as_it_is(make: Make) -> None:
    def refuse(*_: object) -> None:
        raise CapReached("full", scope="town", fits_later=False)

    client, _ = make(consume=refuse)
    with pytest.raises(CapReached):
        await types_of(client)


@pytest.mark.parametrize(
    "behaviour",
    [refuses(500), refuses(529), refuses(429), refuses(408), raises(httpx2.ConnectError("no"))],
)
async def test_the_sdk_never_sends_a_request_again(make: Make, behaviour: Behaviour) -> None:
    client, provider = make(behaviour)
    await failure(client)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("status", "unbilled", "again"),
    [
        (400, True, False),
        (401, True, False),
        (403, True, False),
        (404, True, False),
        (408, True, True),
        (409, True, True),
        (429, True, True),
        (500, False, True),
        (503, False, True),
        (529, True, True),
    ],
)
async def test_a_status_says_whether_it_is_billed_and_worth_another_try(
    make: Make, status: int, unbilled: bool, again: bool
) -> None:
    client, _ = make(refuses(status))
    error = await failure(client)
    assert (error.status, error.unbilled, error.retry_after is not None) == (status, unbilled, again)


KEY = "sk-live-SUPERSECRETKEY-0123456789abcdef"
_BASIC = base64.b64encode(f"user:{KEY}".encode()).decode()


def says(status: int, content: bytes) -> Behaviour:
    """Answers with these words, and repeats the key in a header."""

    async def answer(provider: Provider, body: dict[str, Any]) -> httpx2.Response:
        del provider, body
        headers = {"content-type": "application/json", "request-id": f"r {KEY}"}
        return httpx2.Response(status, content=content, headers=headers)

    return answer


@pytest.mark.parametrize(
    "behaviour",
    [
        says(401, f'{{"error": {{"message": "No such key: {KEY} \\u001b]0;x"}}}}'.encode()),
        says(401, f'{{"error": {{"message": "{"." * (500 - len(KEY) + 2)}{KEY}"}}}}'.encode()),
        says(403, f"<p>authorization: Bearer {KEY}</p>".encode()),
        says(500, f'{{"authorization": "Basic {_BASIC}"}}'.encode()),
        raises(httpx2.ReadError(f"closed after x-api-key: {KEY}")),
    ],
)
async def test_a_key_that_the_provider_repeats_is_told_to_nobody(
    make: Make, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = make(behaviour, api_key=KEY)
    with caplog.at_level(logging.DEBUG, logger="gastown_desktop"):
        error = await failure(client)
    told = "".join(traceback.format_exception(error)) + error.whole + caplog.text
    assert "SUPERSECRET" not in told
    assert KEY[:12] not in told
    assert _BASIC[20:40] not in told


@pytest.mark.parametrize(
    ("waits", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("soon", 1.0), ("-3", 1.0), ("1.2.3", 1.0), ("\xb2", 1.0)],
)
async def test_the_provider_says_when_to_come_back(make: Make, waits: str, seconds: float) -> None:
    client, _ = make(refuses(429, retry_after=waits))
    assert (await failure(client)).retry_after == seconds


async def test_a_redirect_is_not_followed(make: Make) -> None:
    client, provider = make(refuses(307, location="https://thief.invalid/v1/messages"))
    error = await failure(client)
    assert (len(provider.requests), error.unbilled, error.retry_after) == (1, False, None)
    assert error.closes


@pytest.mark.parametrize(
    ("trouble", "closes"),
    [
        (ssl.SSLCertVerificationError("certificate verify failed"), True),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), True),
        (ssl.SSLEOFError(8, "unexpected end"), False),
        (ConnectionRefusedError("refused"), False),
    ],
)
async def test_a_refused_certificate_is_not_tried_again_but_a_cut_is(
    make: Make, trouble: OSError, closes: bool
) -> None:
    error = httpx2.ConnectError("no")
    error.__context__ = trouble
    client, _ = make(raises(error))
    failed = await failure(client)
    assert (failed.unbilled, failed.closes, failed.retry_after is None) == (True, closes, closes)
    assert ("TLS" in str(failed)) == closes


@pytest.mark.parametrize(
    ("error", "unbilled"),
    [
        (httpx2.ConnectError("refused"), True),
        (httpx2.ConnectTimeout("slow"), True),
        (httpx2.ReadTimeout("silent"), False),
        (httpx2.WriteTimeout("stuck"), False),
        (httpx2.ReadError("reset"), False),
        (httpx2.RemoteProtocolError("closed"), False),
        (OSError("odd"), False),
    ],
)
async def test_only_a_connection_that_never_was_is_unbilled(
    make: Make, error: Exception, unbilled: bool
) -> None:
    client, _ = make(raises(error))
    failed = await failure(client)
    assert (failed.unbilled, failed.retry_after) == (unbilled, 1.0)


@pytest.mark.parametrize("after", [0, 1, 3, 5])
async def test_a_stream_that_is_cut_is_an_error_of_the_model(make: Make, after: int) -> None:
    client, _ = make(breaks_off(after))
    error = await failure(client)
    assert (error.unbilled, error.retry_after) == (False, 1.0)


async def test_a_stream_that_is_no_json_is_an_error_of_the_model(make: Make) -> None:
    client, _ = make(streams([b"event: message_start\ndata: {oh\n\n"]))
    assert not (await failure(client)).unbilled


async def test_an_error_in_the_middle_of_a_reply_is_billed(make: Make) -> None:
    overloaded = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
    client, _ = make(streams([events_of()[0], overloaded]))
    error = await failure(client)
    assert (error.unbilled, error.retry_after) == (False, 1.0)


async def test_a_listener_that_leaves_closes_the_connection(make: Make) -> None:
    client, provider = make(stalls(1))
    events = client.stream(REQUEST, reservation="r1")
    await anext(events)
    await events.aclose()
    follow_up = await types_of(client)
    assert len(provider.requests) == 2
    assert follow_up[-1] == "message_stop"


async def test_a_connection_that_is_really_refused_is_unbilled(unused_tcp_port: int) -> None:
    transport = SpendGateTransport(httpx2.AsyncHTTPTransport(), lambda *_: None)
    client = ClaudeMessages(api_key="k", base_url=f"http://127.0.0.1:{unused_tcp_port}", transport=transport)
    error = await failure(client)
    await client.close()
    assert error.unbilled


async def test_replies_are_told_to_their_end(make: Make) -> None:
    client, _ = make(replies("ﷺ"))
    texts = [
        event["delta"]
        async for event in client.stream(REQUEST, reservation="r1")
        if event["type"] == "content_block_delta"
    ]
    assert texts == [{"type": "text_delta", "text": "ﷺ"}]
