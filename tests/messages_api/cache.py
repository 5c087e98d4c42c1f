"""The prompt cache as documented: entries at breakpoints, found by looking back twenty blocks.

An entry is written for the prefix that ends at a breakpoint, can be read once the reply that wrote it has
begun, and lives five minutes (or an hour) from its last use. Entries belong to a key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.messages_api.prompt import Prompt, Ttl

LOOKBACK = 20
"""Positions that are tried from a breakpoint, its own included."""
_SECONDS: dict[Ttl, float] = {"5m": 300.0, "1h": 3_600.0}
_SWEEP_ABOVE = 20_000


@dataclass(slots=True, kw_only=True)
class _Entry:
    ttl: Ttl
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """How a prompt's tokens divide."""

    plain: int
    read: int
    write_5m: int
    write_1h: int

    @property
    def total(self) -> int:
        return self.plain + self.read + self.write_5m + self.write_1h


class PromptCache:
    """The entries of all keys."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: dict[tuple[str, bytes], _Entry] = {}

    def divide(self, key: str, prompt: Prompt, minimum: int) -> Cached:
        """What of a prompt is read, written or neither; refreshes what it reads. Writes nothing yet."""
        ends, marks = _ends(prompt, minimum)
        read_to = -1
        for position in marks:
            for tried in range(position, max(0, position - LOOKBACK), -1):
                if tried <= read_to:
                    break
                if self._alive(key, prompt.blocks[tried].prefix):
                    read_to = tried
                    break
        for position in {read_to, *marks} - {-1}:
            entry = self._alive(key, prompt.blocks[position].prefix)
            if entry is not None:
                entry.until = self._now() + _SECONDS[entry.ttl]
        read = ends[read_to] if read_to >= 0 else 0
        long = max((ends[at] for at in marks if prompt.blocks[at].cached == "1h"), default=0)
        last = max((ends[at] for at in marks), default=0)
        write_1h = max(0, long - read)
        write_5m = max(0, last - max(read, long))
        return Cached(
            plain=prompt.tokens - read - write_1h - write_5m, read=read, write_5m=write_5m, write_1h=write_1h
        )

    def write(self, key: str, prompt: Prompt, minimum: int) -> None:
        """The reply has begun: what it wrote can be read from now on."""
        if len(self._entries) > _SWEEP_ABOVE:
            now = self._now()
            self._entries = {name: entry for name, entry in self._entries.items() if entry.until > now}
        for position in _ends(prompt, minimum)[1]:
            block = prompt.blocks[position]
            if block.cached is not None and self._alive(key, block.prefix) is None:
                self._entries[key, block.prefix] = _Entry(
                    ttl=block.cached, until=self._now() + _SECONDS[block.cached]
                )

    def _alive(self, key: str, prefix: bytes) -> _Entry | None:
        entry = self._entries.get((key, prefix))
        return entry if entry is not None and entry.until > self._now() else None


def _ends(prompt: Prompt, minimum: int) -> tuple[list[int], list[int]]:
    """Tokens up to and including each block, and the positions of breakpoints that are long enough."""
    ends: list[int] = []
    total = 0
    for block in prompt.blocks:
        total += block.tokens
        ends.append(total)
    marks = [at for at, block in enumerate(prompt.blocks) if block.cached is not None and ends[at] >= minimum]
    return ends, marks
