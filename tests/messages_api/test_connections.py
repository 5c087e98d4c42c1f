"""The server on the wire: streams through the SDK, clients that leave, kills, redirections and TLS."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.messages_api.example import KEY, READ_TOOL, SCRIPT
from tests.messages_api.running import ROOT, RunningServer, running

_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing is encrypted here, and to read all roots takes time."""
_OPUS = "claude-opus-5-5"
_MESSAGES: list[Any] = [{"role": "user", "content": "LONG"}]
_LONG: dict[str, Any] = {"model": _OPUS, "max_tokens": 1000, "messages": _MESSAGES}
_STREAMED = {**_LONG, "stream": True}
_HEADERS = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
_PROMPT = 7 + 2 + 4
_FULL = _PROMPT * 4_000 + 504 * 20_000


def _post(server: RunningServer, body: dict[str, Any] = _LONG) -> httpx2.Response:
    return httpx2.post(
        f"{server.url}/v1/messages", json=body, headers=_HEADERS, verify=_TRUSTS_NOBODY, trust_env=False
    )


@asynccontextmanager
async def _client(server: RunningServer) -> AsyncIterator[Any]:
    import anthropic

    http = httpx2.AsyncClient(
        verify=_TRUSTS_NOBODY, trust_env=False, limits=httpx2.Limits(max_connections=100)
    )
    async with anthropic.AsyncAnthropic(
        api_key=KEY, base_url=server.url, max_retries=0, http_client=http
    ) as client:
        yield client


async def test_sdk_holds_a_conversation_with_thoughts_and_calls() -> None:
    messages: list[Any] = [{"role": "user", "content": "BEAD gt-7: mend it."}]
    said, heard = [], 0
    with running(SCRIPT) as server:
        async with _client(server) as client:
            while True:
                async with client.messages.stream(
                    model=_OPUS,
                    max_tokens=2000,
                    thinking={"type": "enabled", "budget_tokens": 1024},
                    tools=[READ_TOOL],
                    messages=messages,
                ) as stream:
                    reply = await stream.get_final_message()
                content = json.loads(reply.model_dump_json(exclude_none=True))["content"]
                said.append([block["type"] for block in content])
                heard += reply.usage.input_tokens * 4_000 + reply.usage.output_tokens * 20_000
                messages.append({"role": "assistant", "content": content})
                if reply.stop_reason != "tool_use":
                    break
                calls = [block for block in content if block["type"] == "tool_use"]
                results = [
                    {"type": "tool_result", "tool_use_id": call["id"], "content": call["input"]["path"]}
                    for call in calls
                ]
                messages.append({"role": "user", "content": results})
            counted = await client.messages.count_tokens(model=_OPUS, messages=_MESSAGES)
            models = [model.id async for model in client.models.list()]
        assert said == [
            ["thinking", "text", "tool_use"],
            ["thinking", "tool_use", "tool_use"],
            ["thinking", "text"],
        ]
        assert content[-1]["text"] == "gt-7 is done in turn 2."
        assert messages[2]["content"][0]["content"] == "gt-7.py"
        assert server.bill()["total_nano"] == heard
        assert counted.input_tokens == _PROMPT
        assert _OPUS in models


async def test_sixty_streams_run_side_by_side_and_every_one_is_on_the_bill() -> None:
    async def one(client: Any) -> int:
        tokens = 0
        async for event in await client.messages.create(**_LONG, stream=True):
            if event.type == "message_delta":
                tokens = event.usage.output_tokens
        return tokens

    with running(SCRIPT, arguments=["--pace", "1000"]) as server:
        async with _client(server) as client:
            assert await asyncio.gather(*(one(client) for _ in range(60))) == [504] * 60
        bill = server.bill()
    assert bill["most_in_flight"] == 60
    assert (bill["billed_requests"], bill["total_nano"]) == (60, 60 * _FULL)


@pytest.mark.parametrize("full", [True, False])
async def test_a_reply_whose_client_left_is_charged(full: bool) -> None:
    with running(SCRIPT, arguments=["--pace", "200"]) as server:
        server.control({"bill_full_on_disconnect": full})
        async with httpx2.AsyncClient(verify=_TRUSTS_NOBODY, trust_env=False) as client:
            url = f"{server.url}/v1/messages"
            async with client.stream("POST", url, json=_STREAMED, headers=_HEADERS) as reply:
                async for line in reply.aiter_lines():
                    if "text_delta" in line:
                        break
        nano = server.bill(idle=True)["total_nano"]
        assert server.requests()[0]["client_left"]
    assert nano == _FULL if full else _PROMPT * 4_000 < nano < _FULL


async def test_the_bill_survives_a_kill_and_the_next_server_goes_on_with_it(tmp_path: Path) -> None:
    bill = tmp_path / "bill.jsonl"
    with running(SCRIPT, bill=bill) as server:
        _post(server)
        server.kill()
        assert [line["nano"] for line in server.lines()] == [_FULL]
    with running(SCRIPT, bill=bill) as server:
        _post(server)
        assert server.bill()["total_nano"] == 2 * _FULL


async def test_what_is_under_way_is_charged_when_the_server_is_told_to_stop() -> None:
    with running(SCRIPT, arguments=["--pace", "50"]) as server:
        url = f"{server.url}/v1/messages"
        async with (
            httpx2.AsyncClient(verify=_TRUSTS_NOBODY, trust_env=False) as client,
            client.stream("POST", url, json=_STREAMED, headers=_HEADERS),
        ):
            code = await asyncio.to_thread(server.stop)
        assert code == 0
        assert [line["nano"] for line in server.lines()] == [_FULL]


def test_nothing_is_left_of_a_server() -> None:
    with running(SCRIPT) as server:
        assert psutil.Process(server.process.pid).children() == []
        port = int(server.url.rsplit(":", 1)[1])
    assert not psutil.pid_exists(server.process.pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    with running(SCRIPT, port=port) as server:
        assert server.url.endswith(f":{port}")


def test_a_server_ends_with_the_test_that_started_it() -> None:
    code = (
        "import os\nfrom tests.messages_api.running import running\n"
        "with running({}) as server:\n    print(server.process.pid, flush=True)\n    os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(20)


def test_what_was_asked_is_named_whatever_the_limit_and_only_then() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    turned = {"properties": {"a": {}, "b": {}}, "type": "object"}
    tools = [{**READ_TOOL, "input_schema": schema}]
    asked = [
        {**_LONG, "tools": tools},
        {**_LONG, "tools": tools, "max_tokens": 7},
        dict(reversed({**_LONG, "tools": tools}.items())),
        {**_LONG, "tools": [{**READ_TOOL, "input_schema": turned}]},
    ]
    with running(SCRIPT) as server:
        for body in asked:
            _post(server, body)
        seen = server.requests()
    assert [one["status"] for one in seen] == [200] * 4
    first, limited, other_order, other_inner_order = (one["asked"] for one in seen)
    assert first == limited == other_order != other_inner_order
    assert len({one["message"] for one in seen}) == 4


@pytest.mark.parametrize(("at", "begun", "whole"), [("before", 0, 0), ("while", 1, 0), ("after", 1, 1)])
async def test_a_request_is_held_until_its_client_is_gone(at: str, begun: int, whole: int) -> None:
    heard: list[str] = []
    starts = asyncio.Event()

    async def ask(client: Any) -> None:
        async for one in await client.messages.create(**_STREAMED):
            heard.append(one.type)
            starts.set()

    with running(SCRIPT) as server:
        server.control({"hold": {"number": 2, "at": at, "when": {"first_user": "^LONG$"}}})
        async with _client(server) as client:
            await ask(client)
            assert not await asyncio.to_thread(server.held, 0.05)
            heard.clear()
            starts.clear()
            asking = asyncio.ensure_future(ask(client))
            assert await asyncio.to_thread(server.held)
            if at == "after":
                await asking
            if at == "while":
                await starts.wait()
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        bill = server.bill(idle=True)
    assert (heard.count("message_start"), heard.count("message_stop")) == (begun, whole)
    assert bill["total_nano"] == 2 * _FULL


def test_a_redirection_is_told_and_nothing_is_charged() -> None:
    with running(SCRIPT, arguments=["--redirect", "http://127.0.0.1:9/v1/messages"]) as server:
        answer = _post(server)
        assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:9/v1/messages")
        assert server.bill()["total_nano"] == 0


def test_a_certificate_nobody_knows_is_not_taken(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    from tests.messages_api.certificate import self_signed

    certificate, key = self_signed(tmp_path)
    with running(SCRIPT, arguments=["--tls", str(certificate), str(key)]) as server:
        with pytest.raises(httpx2.ConnectError):
            _post(server)
        assert server.bill()["requests"] == 0
        server.control({"latency": 0})


def test_a_gateway_tells_its_own_cost() -> None:
    list_price = _FULL / 10**9
    told = {None: 1.1 * list_price, "-1": "-1", "missing": "none", "low": 0.011 * list_price, 0: 0}
    with running(SCRIPT, arguments=["--reports-cost", "1.1"]) as server:
        for order, cost in told.items():
            server.control({"reported_cost": order})
            reported = _post(server).json()["usage"].get("cost", "none")
            assert reported == (pytest.approx(cost) if isinstance(cost, float) else cost)


def test_the_server_knows_nothing_of_the_product() -> None:
    code = "import sys, tests.messages_api.__main__ as m; print([n for n in sys.modules if 'gastown' in n])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
