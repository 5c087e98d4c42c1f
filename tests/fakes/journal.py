"""What happened, in order, and a way to wait for it."""

from __future__ import annotations

import asyncio


class Journal(list[str]):
    """Lines that several fakes write to, so that a test sees who came first."""

    def __init__(self) -> None:
        super().__init__()
        self._grew = asyncio.Event()

    def append(self, line: str) -> None:
        super().append(line)
        self._grew.set()

    async def until(self, line: str, times: int = 1) -> None:
        """Waits until a line was written so many times."""
        while self.count(line) < times:
            self._grew.clear()
            await self._grew.wait()
