"""What goes wrong, and when: drawn from a seed and the request, so that a run can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

KINDS = (
    "529",
    "429",
    "500",
    "stall",
    "cut",
    "cut_before_headers",
    "malformed",
    "slow",
    "error_event",
    "wrong_usage",
    "wrong_output",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often what goes wrong."""

    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    retry_after: float = 0.2
    stall_seconds: float = 30.0
    slow_seconds: float = 2.0
    only: Mapping[str, Any] = field(default_factory=dict)
    """A role and a turn, or one of both, that alone are struck."""
    free: tuple[str, ...] = ()
    """Kinds that cost nothing though work was done."""
    limit: int | None = None
    """Strikes so many times in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What strikes one request; an empty kind is luck."""

    kind: str = ""
    way: int = 0
    """Which of its ways, 0 to 255."""


def faults_from(fields: Mapping[str, Any]) -> Faults:
    """Faults as a script or a test writes them."""
    unknown = set(fields.get("rates", {})) - set(KINDS)
    if unknown:
        raise ValueError(f"no such faults: {sorted(unknown)}")
    return Faults(**{**fields, "free": tuple(fields.get("free", ()))})


class Dice:
    """Draws for each request; a body that comes again draws anew."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._struck = 0

    def throw(self, key: str, body_hash: str, times: int, role: str, turn: int) -> Draw:
        """What strikes a request whose very body had come so many times before."""
        faults = self.faults
        if faults.only.get("role", role) != role or faults.only.get("turn", turn) != turn:
            return Draw()
        if faults.limit is not None and self._struck >= faults.limit:
            return Draw()
        digest = blake2b(f"{faults.seed}|{key}|{body_hash}|{times}".encode(), digest_size=9).digest()
        at = int.from_bytes(digest[:8], "big") / 2**64
        for kind in KINDS:
            at -= faults.rates.get(kind, 0.0)
            if at < 0:
                self._struck += 1
                return Draw(kind=kind, way=digest[8])
        return Draw()
