"""Durable records in memory: what was appended, in which order, and when the disk refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from gastown_desktop.core.errors import StoreError


class MemoryMoneyLog:
    """Implements the MoneyLog port.

    Args:
        records: what an earlier process left.
        journal: gets `append KIND` when a record is asked for and `durable KIND` once it would be on disk.
    """

    def __init__(
        self, records: Sequence[Mapping[str, object]] = (), journal: list[str] | None = None
    ) -> None:
        self.written: list[dict[str, object]] = [dict(record) for record in records]
        self.journal = [] if journal is None else journal
        self.refuses: set[str] = set()
        """Kinds of records that cannot be written."""
        self.hold = asyncio.Event()
        """While it is cleared, records take for ever."""
        self.hold.set()

    async def append(self, record: Mapping[str, object], *, durable: bool) -> None:
        kind = str(record["kind"])
        self.journal.append(f"append {kind}")
        if kind in self.refuses:
            raise StoreError(f"no room for a {kind}")
        self.written.append(dict(record))
        await self.hold.wait()
        await asyncio.sleep(0)
        if durable:
            self.journal.append(f"durable {kind}")

    def sums(self) -> Mapping[str, object] | None:
        return None

    def records(self) -> list[dict[str, object]]:
        return [dict(record) for record in self.written]

    def earlier(self, scope: str) -> list[dict[str, object]]:
        return []

    def keep_sums(self, sums: Mapping[str, object]) -> None:
        self.kept_sums = sums

    def kinds(self) -> list[str]:
        return [str(record["kind"]) for record in self.written]

    async def close(self) -> None:
        pass


class MemoryEventStore:
    """Implements the EventStore port."""

    def __init__(self, lines: Sequence[bytes] = ()) -> None:
        self.groups: list[list[bytes]] = []
        """What was appended together."""
        self.failure: Exception | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self._lines = list(lines)

    async def append(self, lines: Sequence[bytes]) -> None:
        group = list(lines)
        await self.hold.wait()
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.groups.append(group)
        self._lines += group

    def lines(self) -> list[bytes]:
        return list(self._lines)

    def forget(self, last: int) -> None:
        """The last lines never reached the disk."""
        del self._lines[len(self._lines) - last :]

    async def close(self) -> None:
        pass
