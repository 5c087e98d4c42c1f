"""A proxy for sandboxes: it connects to listed hosts at public addresses, and to nothing else.

It never listens on the machine: a sandbox hands over a listener that was made on the sandbox's own loopback.
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from gastown_desktop.adapters.allow_list_proxy.network_log import NetworkLog, Verdict
from gastown_desktop.adapters.allow_list_proxy.request import Asked, asked_of
from gastown_desktop.core.allowed_hosts import HTTP, AllowedHost, why_not_public

Resolve = Callable[[str, int], Awaitable[list[str]]]
_CHUNK = 1 << 16
_LARGEST_HEAD = 1 << 14
_FAREWELL_S = 5.0
_REFUSING_S = 1.0
_REASONS = {400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests", 502: "Bad Gateway"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLimits:
    """How much of the network a slot may use."""

    connections: int = 32
    """Open at once in one slot."""
    all_connections: int = 256
    """Open at once in all slots: each needs two of the process's files."""
    volume: int = 4 << 30
    """Bytes per slot and hour, in both directions together."""
    head_s: float = 10.0
    """Seconds until a request must have been said."""
    connect_s: float = 15.0
    """Seconds for finding and reaching a host."""
    idle_s: float = 120.0
    """Seconds without a byte in either direction."""


@dataclass(slots=True)
class _Account:
    """What one slot uses."""

    open: int = 0
    hour: int = 0
    volume: int = 0


@dataclass(slots=True)
class _Talk:
    """One connection, as the log has it."""

    slot: str
    account: _Account
    place: tuple[str, int] = ("", 0)
    verdict: Verdict = "malformed"
    sent: int = 0
    received: int = 0


class _NotServed(Exception):
    """Why a client gets no connection."""

    def __init__(self, status: int, verdict: Verdict, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.verdict: Verdict = verdict


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, as this machine's resolver has them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def why_not_elsewhere(address: str) -> str:
    """Why an address is not one of the public internet and of another machine; empty when it is."""
    own = {entry.address for entries in psutil.net_if_addrs().values() for entry in entries}
    return "an address of this machine" if address in own else why_not_public(address)


class AllowListProxy:
    """Serves the hosts that the user allowed (the `Network` port).

    Args:
        allowed: hosts and ports.
        log: hears of every connection.
        limits: how much a slot may use.
        resolve: finds the addresses of a name.
        why_not: why nobody may connect to an address; empty when one may.
    """

    def __init__(
        self,
        allowed: tuple[AllowedHost, ...],
        log: NetworkLog,
        *,
        limits: ProxyLimits | None = None,
        resolve: Resolve = resolved,
        why_not: Callable[[str], str] = why_not_elsewhere,
    ) -> None:
        self._allowed = allowed
        self._log = log
        self._limits = limits or ProxyLimits()
        self._resolve = resolve
        self._why_not = why_not
        self._accounts: defaultdict[str, _Account] = defaultdict(_Account)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts with their ports, in a fixed order."""
        return tuple(map(str, self._allowed))

    async def serve(self, listener: socket.socket, slot: str) -> Serving:
        """Answers whoever connects to a listener, until it is closed.

        Args:
            listener: listens already; it is closed in the end.
            slot: whose connections they are.
        """
        serving = Serving()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            serving.tasks.add(task)
            # Python 3.11's streams take a handler that ends as cancelled for a bug, and log it
            with suppress(asyncio.CancelledError):
                await self._talk(reader, writer, slot)
            serving.tasks.discard(task)

        serving.server = await asyncio.start_server(answer, sock=listener, limit=_LARGEST_HEAD)
        return serving

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slot: str) -> None:
        """One connection to its end, and into the log."""
        talk = _Talk(slot, self._accounts[slot])
        if self._over(talk.account, 2):
            writer.transport.abort()  # a flood is not answered: each answer would hold a file for a while
            return
        talk.account.open += 1
        try:
            await self._answer(talk, reader, writer)
        except _NotServed as refusal:
            talk.verdict = refusal.verdict
            await _refuse(reader, writer, refusal)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            self._log.note(slot, talk.place, talk.verdict, talk.sent, talk.received)
            try:
                await _closed(writer)
            finally:
                talk.account.open -= 1

    async def _answer(self, talk: _Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._over(talk.account, 1):
            raise _NotServed(429, "over limit", "Too many connections are open.")
        asked = await self._heard(talk, reader)
        self._spend(talk, 0)
        far_reader, far_writer = await self._connected(asked)
        talk.verdict = "allowed"
        try:
            if asked.head is None:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                far_writer.write(asked.head)
            await self._exchange(talk, (reader, writer), (far_reader, far_writer))
        finally:
            await _closed(far_writer)

    def _over(self, account: _Account, times: int) -> bool:
        """Whether more is open than so many times what may be."""
        in_all = sum(one.open for one in self._accounts.values())
        return (
            account.open > times * self._limits.connections or in_all > times * self._limits.all_connections
        )

    async def _heard(self, talk: _Talk, reader: asyncio.StreamReader) -> Asked:
        """What is asked for, when it is allowed."""
        try:
            async with asyncio.timeout(self._limits.head_s):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise _NotServed(400, "silent", "Nothing was asked for.") from None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            raise _NotServed(400, "malformed", "This is no request to a proxy.") from None
        asked = asked_of(head)
        if asked is None:
            raise _NotServed(400, "malformed", "This is no request to a proxy.")
        talk.place = (asked.host, asked.port)
        listed = any(one.covers(asked.host, asked.port) for one in self._allowed)
        if not listed or (asked.plain and asked.port != HTTP):
            words = f"{asked.host}:{asked.port} is not allowed; allowed are {', '.join(self.hosts)}."
            raise _NotServed(403, "not listed", words)
        return asked

    async def _connected(self, asked: Asked) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to an address that was looked at: the name is not asked for again."""
        try:
            async with asyncio.timeout(self._limits.connect_s):
                found = await self._resolve(asked.host, asked.port)
                public = [address for address in found if not self._why_not(address)]
                if found and not public:
                    words = f"{asked.host} leads to {found[0]}: {self._why_not(found[0])}."
                    raise _NotServed(403, "not public", words)
                for address in public:
                    with suppress(OSError):
                        return await asyncio.open_connection(address, asked.port)
        except (OSError, UnicodeError):
            pass
        raise _NotServed(502, "unreachable", f"{asked.host}:{asked.port} cannot be reached.")

    async def _exchange(
        self,
        talk: _Talk,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Passes bytes both ways until both have ended, nothing comes any more, or a limit is reached."""
        loop, idle_s = asyncio.get_running_loop(), self._limits.idle_s
        with suppress(TimeoutError):
            async with asyncio.timeout(idle_s) as idle:

                async def pass_on(
                    source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, sent: bool
                ) -> None:
                    while data := await source.read(_CHUNK):
                        idle.reschedule(loop.time() + idle_s)
                        self._spend(talk, len(data))
                        talk.sent += len(data) if sent else 0
                        talk.received += 0 if sent else len(data)
                        sink.write(data)
                        await sink.drain()
                    sink.write_eof()

                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(pass_on(near[0], far[1], sent=True))
                        group.create_task(pass_on(far[0], near[1], sent=False))
                except* (_NotServed, OSError):
                    near[1].transport.abort()
                    far[1].transport.abort()

    def _spend(self, talk: _Talk, count: int) -> None:
        """Takes bytes off what the slot may use this hour."""
        account, hour = talk.account, int(asyncio.get_running_loop().time() // 3600)
        if account.hour != hour:
            account.hour, account.volume = hour, 0
        account.volume += count
        if account.volume >= self._limits.volume:
            talk.verdict = "over limit"
            raise _NotServed(429, "over limit", "This worker has used what it may of the network this hour.")


@dataclass(slots=True)
class Serving:
    """A listener that is answered (the `Serving` port)."""

    server: asyncio.Server | None = None
    tasks: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])

    async def close(self) -> None:
        """Closes the listener and its connections; twice is no error."""
        if self.server is not None:
            self.server.close()
        for task in tuple(self.tasks):
            task.cancel()
        while self.tasks:
            await asyncio.wait(tuple(self.tasks))
        await asyncio.sleep(0)  # what was aborted is closed by callbacks


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refusal: _NotServed) -> None:
    """Says why, for a model to read; what the client still says is heard, else the answer may be lost."""
    body = f"{refusal}\n".encode()
    head = (
        f"HTTP/1.1 {refusal.status} {_REASONS[refusal.status]}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with suppress(OSError):
        async with asyncio.timeout(_REFUSING_S):
            writer.write(head.encode() + body)
            await writer.drain()
            writer.write_eof()
            while await reader.read(_CHUNK):
                pass


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Closes a connection, also when its other end does not take what is left."""
    writer.close()
    try:
        with suppress(OSError):
            async with asyncio.timeout(_FAREWELL_S):
                await writer.wait_closed()
    finally:
        writer.transport.abort()
