"""The bill: one line for each request that is charged, and the sums. All money is in whole nano-dollars."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.messages_api.cache import Cached
from tests.messages_api.values import Model, to_json

_SUMMED = {
    "prompt_tokens": "prompt_tokens",
    "cache_read_tokens": "read",
    "cache_write_tokens": "written",
    "output_tokens": "output_tokens",
}


def price_of(model: Model, cached: Cached, output_tokens: int, *, eleven_tenths: bool) -> int:
    """What a request costs.

    Args:
        model: whose list prices hold.
        cached: the prompt.
        output_tokens: of the reply, thinking included.
        eleven_tenths: the request left its tier or region open where that costs a tenth more.
    """
    nano = (
        cached.plain * model.input
        + cached.read * model.read
        + cached.write_5m * model.write_5m
        + cached.write_1h * model.write_1h
        + output_tokens * model.output
    )
    if model.long_above and cached.total > model.long_above:
        nano *= model.long_factor
    return -(-nano * 11 // 10) if eleven_tenths else nano


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One charged request."""

    key: str
    model: str
    role: str
    request_id: str
    nano: int
    prompt_tokens: int
    read: int
    write_5m: int
    write_1h: int
    output_tokens: int
    fault: str
    body: str
    """Names the bytes that were asked."""
    at: str = ""
    """When, in UTC."""

    @property
    def written(self) -> int:
        return self.write_5m + self.write_1h


class Bill:
    """The sums, and the file that has every line before the last byte of its reply leaves."""

    def __init__(self, path: Path | None) -> None:
        """Goes on from the lines a server before this one wrote."""
        self._descriptor: int | None = None
        self._begin()
        if path is None:
            return
        if path.exists():
            for text in path.read_text().splitlines():
                self._count(Line(**json.loads(text)))
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _begin(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._all = _Sum()
        self._keys: dict[str, _Sum] = {}
        self._models: dict[str, _Sum] = {}

    def forget(self) -> None:
        """Takes every line off, in the file too."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
        self._begin()

    def charge(self, line: Line) -> None:
        """Writes a line down."""
        if self._descriptor is not None:
            os.write(self._descriptor, (to_json(asdict(line)) + "\n").encode())
        self._count(line)

    def _count(self, line: Line) -> None:
        for total in (
            self._all,
            self._keys.setdefault(line.key, _Sum()),
            self._models.setdefault(line.model, _Sum()),
        ):
            total.add(line)

    @property
    def nano(self) -> int:
        return self._all.sums["total_nano"]

    def as_json(self) -> dict[str, Any]:
        """All sums."""
        return {
            **self._all.as_json(),
            "keys": {name: total.as_json() for name, total in self._keys.items()},
            "by_model": {name: total.as_json() for name, total in self._models.items()},
            "requests": self.counts["requests"],
            "refused": self.counts["refused"],
            "forbidden": self.counts["forbidden"],
            "unmatched": self.counts["unmatched"],
            "counts": dict(self.counts),
            "faults": dict(self.faults),
        }


class _Sum:
    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()

    def add(self, line: Line) -> None:
        self.sums["total_nano"] += line.nano
        self.sums["billed_requests"] += 1
        for name, attribute in _SUMMED.items():
            self.sums[name] += getattr(line, attribute)

    def as_json(self) -> dict[str, int]:
        return {name: self.sums[name] for name in ("total_nano", "billed_requests", *_SUMMED)}
