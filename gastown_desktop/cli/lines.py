"""Lines of standard input as they come, whatever it is: a terminal, a pipe, a file or nothing."""

from __future__ import annotations

import asyncio
import os
import threading

_STDIN = 0
_CHUNK = 65_536
_LONGEST = 1_000_000
"""Bytes of a line, above which it is not kept."""


class Lines:
    """Reads in a thread of its own, which nobody waits for: a read of a terminal cannot be cancelled."""

    def __init__(self) -> None:
        """Reads nothing yet."""
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def start(self) -> None:
        """Begins to read; the end of the input is no line."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), name="lines", daemon=True).start()

    async def next(self) -> str:
        """Waits for the next line; without its end."""
        return await self._lines.get()

    def wake(self) -> None:
        """Gives an empty line to whoever waits."""
        self._lines.put_nowait("")

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        rest = b""
        while chunk := _chunk():
            *whole, rest = (rest + chunk).split(b"\n")
            rest = rest[:_LONGEST]
            for line in whole:
                self._take(loop, line)
        if rest:
            self._take(loop, rest)

    def _take(self, loop: asyncio.AbstractEventLoop, line: bytes) -> None:
        if not loop.is_closed():
            text = line.decode("utf-8", "replace").rstrip("\r")
            loop.call_soon_threadsafe(self._lines.put_nowait, text)


def _chunk() -> bytes:
    """What there is to read; empty at the end, or where nothing can be read."""
    try:
        return os.read(_STDIN, _CHUNK)
    except OSError:
        return b""
