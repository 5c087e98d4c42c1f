"""The proxy alone: a listener on this machine's loopback stands for one that a sandbox hands over."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from gastown_desktop.adapters.allow_list_proxy import AllowListProxy, NetworkLog, ProxyLimits
from gastown_desktop.adapters.allow_list_proxy.proxy import resolved, why_not_elsewhere
from gastown_desktop.adapters.allow_list_proxy.request import asked_of
from gastown_desktop.adapters.rolling_file import RollingFile
from gastown_desktop.core.allowed_hosts import AllowedHost, parse_host
from tests.fakes.clock import FakeClock

S = 10.0
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def anything(_: str) -> str:
    """Lets a loopback server play a host of the internet."""
    return ""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


class Town:
    """A proxy, a host it leads to, and what it wrote down."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "network.log"
        self.asked: list[str] = []
        self.addresses = ["127.0.0.1"]
        self.port = 0
        self._closing: list[Callable[[], Awaitable[None]]] = []

    async def host(self, answer: Answer = echo) -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]

        async def close() -> None:
            server.close()
            await server.wait_closed()

        self._closing.append(close)

    async def _resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.addresses

    async def proxy(
        self,
        *,
        allowed: AllowedHost | None = None,
        limits: ProxyLimits | None = None,
        why_not: Callable[[str], str] = anything,
        largest: int = 1 << 20,
    ) -> int:
        """Serves one slot; returns its port."""
        hosts = (allowed or AllowedHost(name="example.org", port=self.port),)
        log = NetworkLog(RollingFile(self.file, largest=largest).append, FakeClock())
        proxy = AllowListProxy(hosts, log, limits=limits, resolve=self._resolve, why_not=why_not)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.serving = await proxy.serve(listener, "nux")
        self._closing.append(self.serving.close)
        return listener.getsockname()[1]

    @property
    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    @property
    def verdicts(self) -> list[object]:
        return [line["verdict"] for line in self.log]

    async def close(self) -> None:
        for close in reversed(self._closing):
            await close()


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path)
    yield town
    await town.close()


async def say(port: int, text: bytes, *, eof: bool = True) -> bytes:
    """Says something to the proxy, and nothing more; what it answers."""
    async with asyncio.timeout(S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text)
        if eof:
            writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


async def until_log(town: Town, lines: int) -> None:
    async with asyncio.timeout(S):
        while not town.file.exists() or len(town.log) < lines:  # noqa: ASYNC110 (what was written counts)
            await asyncio.sleep(0.01)


def connect(host: str, port: int | str) -> bytes:
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


async def test_tunnel_to_a_listed_host_passes_bytes_both_ways(town: Town) -> None:
    await town.host()
    port = await town.proxy()
    answer = await say(port, connect("Example.ORG.", town.port) + b"x" * 300_000)
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n" + b"x" * 300_000
    await until_log(town, 1)
    assert town.log == [
        {
            "at": "2026-11-25T12:00:00.000+00:00",
            "slot": "nux",
            "host": "example.org",
            "port": town.port,
            "verdict": "allowed",
            "sent": 300_000,
            "received": 300_000,
        }
    ]
    assert town.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.com", None),
        ("example.org", 22),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("169.254.169.254", 80),
        ("sub.example.org", None),
        ("localhost", None),
    ],
)
async def test_what_is_not_listed_is_refused_unresolved(town: Town, host: str, port: int | None) -> None:
    await town.host()
    answer = await say(await town.proxy(), connect(host, port or town.port))
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert f"allowed are example.org:{town.port}.".encode() in answer
    assert town.asked == []
    assert town.verdicts == ["not listed"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:192.168.0.1", "224.0.0.1"],
)
async def test_listed_name_that_leads_inside_is_refused(town: Town, address: str) -> None:
    await town.host()
    town.addresses = [address]
    answer = await say(await town.proxy(why_not=why_not_elsewhere), connect("example.org", town.port))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert f"example.org leads to {address}".encode() in answer
    assert town.verdicts == ["not public"]


async def test_only_addresses_that_were_looked_at_are_connected_to(town: Town) -> None:
    looked: list[str] = []

    def only_first(address: str) -> str:
        looked.append(address)
        return "" if address == "127.0.0.1" else "somewhere else"

    await town.host()
    town.addresses = ["10.0.0.1", "127.0.0.1"]
    answer = await say(await town.proxy(why_not=only_first), connect("example.org", town.port) + b"hello")
    assert answer.endswith(b"hello")
    assert looked == ["10.0.0.1", "127.0.0.1"]
    assert town.asked == ["example.org"], "a second look-up could give another answer"


async def test_own_addresses_are_not_elsewhere() -> None:
    assert why_not_elsewhere("127.0.0.1") == "an address of this machine"
    assert why_not_elsewhere("8.8.8.8") == ""
    assert "127.0.0.1" in await resolved("localhost", 80) + await resolved("127.0.0.1", 80)


async def test_address_is_reached_where_it_is_listed_itself(town: Town) -> None:
    await town.host()
    port = await town.proxy(allowed=AllowedHost(name="8.8.8.8", port=town.port))
    assert (await say(port, connect("8.8.8.8", town.port) + b"hello")).endswith(b"hello")
    assert (await say(port, connect("8.8.4.4", town.port))).startswith(b"HTTP/1.1 403 ")


async def test_host_that_cannot_be_reached_is_told(town: Town) -> None:
    await town.host()
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    proxy = await town.proxy(allowed=AllowedHost(name="example.org", port=port))
    assert (await say(proxy, connect("example.org", port))).startswith(b"HTTP/1.1 502 ")
    town.addresses = []
    assert (await say(proxy, connect("example.org", port))).startswith(b"HTTP/1.1 502 ")
    assert town.verdicts == ["unreachable", "unreachable"]


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"CONNECT example.org HTTP/1.1\r\n\r\n",
        b"CONNECT example.org:0 HTTP/1.1\r\n\r\n",
        b"CONNECT example.org:443:80 HTTP/1.1\r\n\r\n",
        b"CONNECT example.org@10.0.0.1:443 HTTP/1.1\r\n\r\n",
        b"CONNECT  example.org:443 HTTP/1.1\r\n\r\n",
        b"CONNECT exa\0mple.org:443 HTTP/1.1\r\n\r\n",
        b"GET http://me:pw@example.org/ HTTP/1.1\r\n\r\n",
        b"GET ftp://example.org/ HTTP/1.1\r\n\r\n",
        b"GET http://example.org/ HTTP/1.1\r\nA: b\nHost: other\r\n\r\n",
        b"GET http://example.org/ HTTP/1.1\r\n folded: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"\x05\x01\x00",
        b"CONNECT example.org:443 HTTP/1.1\r\nX: " + b"x" * 20_000,
    ],
)
async def test_what_is_no_request_is_refused(town: Town, text: bytes) -> None:
    await town.host()
    answer = await say(await town.proxy(), text)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert town.asked == []
    await until_log(town, 1)
    assert town.verdicts == ["malformed"]
    assert (town.log[0]["host"], town.log[0]["port"]) == ("", 0), "what nobody understood is not repeated"


async def test_plain_http_is_for_port_80_only(town: Town) -> None:
    await town.host()
    answer = await say(await town.proxy(), f"GET http://example.org:{town.port}/ HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_plain_http_reaches_the_host_that_was_checked_and_no_other() -> None:
    asked = asked_of(
        b"GET http://Example.org/a?b=c#d HTTP/1.1\r\nHost: internal.example.com\r\nAccept: */*\r\n"
        b"Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n"
        b"Upgrade: h2c\r\n\r\n"
    )
    assert asked is not None
    assert (asked.host, asked.port, asked.plain) == ("example.org", 80, True)
    assert asked.head == (
        b"GET /a?b=c HTTP/1.1\r\nHost: Example.org\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    bare = asked_of(b"GET http://example.org?q HTTP/1.1\r\n\r\n")
    assert bare is not None
    assert bare.head == b"GET /?q HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"


async def test_connections_of_a_slot_are_counted(town: Town) -> None:
    await town.host()
    port = await town.proxy(limits=ProxyLimits(connections=1))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect("example.org", town.port))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert (await say(port, connect("example.org", town.port))).startswith(b"HTTP/1.1 429 ")
    writer.close()
    await writer.wait_closed()
    await until_log(town, 2)
    assert (await say(port, connect("example.org", town.port) + b"hello")).endswith(b"hello")
    await until_log(town, 3)
    assert town.verdicts == ["over limit", "allowed", "allowed"]


async def test_flood_of_connections_is_not_answered(town: Town) -> None:
    await town.host()
    port = await town.proxy(limits=ProxyLimits(connections=1))
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]

    async def heard(reader: asyncio.StreamReader) -> bytes:
        with suppress(ConnectionError):
            return await reader.read()
        return b""

    async with asyncio.timeout(S):
        answers = await asyncio.gather(*(heard(reader) for reader, _ in held[1:]))
    assert sum(answer.startswith(b"HTTP/1.1 429 ") for answer in answers) <= 2
    assert answers.count(b"") >= 17
    for _, writer in held:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in held), return_exceptions=True)


async def test_bytes_of_a_slot_are_counted(town: Town) -> None:
    await town.host()
    port = await town.proxy(limits=ProxyLimits(volume=100_000))
    with suppress(ConnectionError):
        assert len(await say(port, connect("example.org", town.port) + b"x" * 200_000)) < 200_000
    assert (await say(port, connect("example.org", town.port))).startswith(b"HTTP/1.1 429 ")
    assert set(town.verdicts) == {"over limit"}


async def test_silence_ends_a_connection(town: Town) -> None:
    await town.host()
    port = await town.proxy(limits=ProxyLimits(head_s=0.05, idle_s=0.05))
    assert (await say(port, b"CONN", eof=False)).startswith(b"HTTP/1.1 400 ")
    assert (await say(port, connect("example.org", town.port), eof=False)).endswith(b"established\r\n\r\n")
    assert town.verdicts == ["silent", "allowed"]


async def test_host_that_does_not_answer_is_given_up(town: Town) -> None:
    await town.host()

    async def never(host: str, port: int) -> list[str]:
        await asyncio.get_running_loop().create_future()
        return []

    town._resolve = never  # type: ignore[method-assign]
    port = await town.proxy(limits=ProxyLimits(connect_s=0.05))
    assert (await say(port, connect("example.org", town.port))).startswith(b"HTTP/1.1 502 ")


async def test_log_does_not_grow_without_end(town: Town) -> None:
    await town.host()
    port = await town.proxy(largest=2_000)
    for number in range(60):
        await say(port, connect(f"h{number}.example.com", 443))
    older = town.file.with_name("network.log.1")
    assert older.stat().st_size < 2_300
    assert not town.file.exists() or town.file.stat().st_size < 2_300
    assert {file.name for file in town.file.parent.iterdir()} <= {"network.log", "network.log.1"}


async def test_closing_ends_listener_and_connections(town: Town) -> None:
    ended = asyncio.Event()

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    await town.host(host)
    port = await town.proxy()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect("example.org", town.port))
    await reader.readuntil(b"\r\n\r\n")
    before = asyncio.all_tasks()
    await town.serving.close()
    async with asyncio.timeout(S):
        with suppress(ConnectionError):
            assert await reader.read() == b""
        await ended.wait()
    writer.close()
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)
    assert len(asyncio.all_tasks()) < len(before)
    assert town.verdicts == ["allowed"]
    await town.serving.close()


async def test_client_that_does_not_read_is_closed_too(town: Town) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            writer.close()

    await town.host(flood)
    port = await town.proxy()
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(connect("example.org", town.port))
    await writer.drain()
    await asyncio.sleep(0.1)
    async with asyncio.timeout(2):
        await town.serving.close()
    writer.transport.abort()


async def test_hosts_are_told_with_their_ports(tmp_path: Path) -> None:
    log = NetworkLog(RollingFile(tmp_path / "network.log").append, FakeClock())
    assert AllowListProxy((parse_host("pypi.org"),), log).hosts == ("pypi.org:443",)
