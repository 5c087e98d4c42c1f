"""HTTP/1.1 on asyncio streams, plain enough to break on purpose: cut, stalled, or with broken bytes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

MOST_BYTES = 32 * 1024 * 1024
_LINGER_NOT = struct.pack("ii", 1, 0)
_HANDSHAKE = b"\x16"
"""How a client begins that takes the server for one with TLS."""
Headers = Iterable[tuple[str, str]]


class Gone(Exception):
    """The client went away."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and the answer to it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    too_large: bool = False
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)
    keep: bool = True
    """Whether the connection serves another request after this one."""
    begun: bool = False
    _chunked: bool = False

    @property
    def gone(self) -> bool:
        """Whether the client went away, as far as is known."""
        return self._reader.at_eof() or self._writer.transport.is_closing()

    async def wait(self, seconds: float) -> None:
        """Lets time pass.

        Raises:
            Gone: the client did not wait.
        """
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    if not await self._reader.read(1):
                        raise Gone
                    self.keep = False  # it speaks while it should listen: no more requests after this one
            except TimeoutError:
                return
            except ConnectionError as error:
                raise Gone from error
        elif self.gone:
            raise Gone

    async def answer(self, status: int, body: bytes, headers: Headers = ()) -> None:
        """Sends a whole answer of JSON."""
        sized = [("content-type", "application/json"), ("content-length", str(len(body))), *headers]
        await self._write(self._head(status, sized) + (b"" if self.method == "HEAD" else body))

    async def begin(self, headers: Headers, first: bytes, *, length: int | None = None) -> None:
        """Sends the head of a reply and its first piece: in chunks, or with a length told beforehand."""
        self._chunked = length is None
        framing = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
        await self._write(self._head(200, [framing, *headers]) + self._framed(first))

    async def send(self, piece: bytes) -> None:
        """Sends a piece of a reply that has begun."""
        await self._write(self._framed(piece))

    async def end(self, last: bytes = b"") -> None:
        """Sends the last piece and the end of the reply."""
        await self._write(self._framed(last) + (b"0\r\n\r\n" if self._chunked else b""))

    async def cut(self, *, reset: bool) -> None:
        """Ends the connection in the middle: with a reset, or within an announced chunk."""
        self.keep = False
        if not reset and self.begun:
            await self._write(b"400\r\nevent: content_blo" if self._chunked else b"{")
        if reset:
            plug: Any = self._writer.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self._writer.transport.abort()
        self._writer.close()

    def _framed(self, piece: bytes) -> bytes:
        if not self._chunked or not piece:
            return piece
        return b"%x\r\n%b\r\n" % (len(piece), piece)

    def _head(self, status: int, headers: Headers) -> bytes:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status != 529 else 'Overloaded'}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [] if self.keep else ["connection: close"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    async def _write(self, data: bytes) -> None:
        if self.gone:
            raise Gone
        self.begun = True
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise Gone from error


async def exchanges(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serve: Callable[[Exchange], Awaitable[None]]
) -> None:
    """Serves the requests of one connection, one after another."""
    try:
        while True:
            exchange = await _read(reader, writer)
            if exchange is None:
                return
            await serve(exchange)
            if not exchange.keep:
                return
    except (Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange | None:
    try:
        first = await reader.readexactly(1)
        if first == _HANDSHAKE:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            return None
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = start.split(" ")
    if len(words) != 3:
        return None
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(reader, headers)
    url = urlsplit(words[1])
    return Exchange(
        method=words[0],
        path=url.path,
        query=parse_qs(url.query),
        headers=headers,
        body=body or b"",
        too_large=body is None,
        keep=headers.get("connection", "").lower() != "close" and body is not None,
        _reader=reader,
        _writer=writer,
    )


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes | None:
    """The body; None when it is larger than the API takes."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            if size + sum(map(len, parts)) > MOST_BYTES:
                return None
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(parts)
    size = int(headers.get("content-length", "0"))
    return await reader.readexactly(size) if size <= MOST_BYTES else None
