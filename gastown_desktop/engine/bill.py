"""A convoy's bill as the window sees it: its lines, its limits, what was spent while the user was away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """What one bead, worker or model has used."""

    name: str
    requests: int
    usage: Usage
    settled: int
    held: int
    assumed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRequest:
    """One request."""

    id: str
    at: datetime
    what: str
    """`hb-2pl8d Nux turn 3`."""
    model: str
    state: Literal["held", "settled", "assumed", "released"]
    amount: int
    usage: Usage | None
    note: str = ""
    """Why nobody knows what it cost, or why it cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    """One of the limits that hold for a convoy, and where it stands; nano-dollars."""

    kind: LimitKind
    cap: int
    used: int
    """What is spent or promised of it."""
    kept: int = 0
    """What of it is kept for landing."""

    @property
    def left(self) -> int:
        """What work may still use."""
        return max(0, self.cap - self.used - self.kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """The user is away, or was: how long, for how much, and what was answered for them."""

    lasts: bool
    """Whether they still are."""
    until: datetime | None
    """When they are back; None for not before the convoy is at its end."""
    at_most: int | None
    """Nano-dollars that may be spent meanwhile; None for the convoy's limit alone."""
    spent: int
    """Nano-dollars so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A convoy's ledger, line by line."""

    convoy: ConvoyId
    cap: int | None
    settled: int
    assumed: int
    held: int
    reserve: int
    """What of the cap is kept for landing."""
    by_bead: tuple[BillLine, ...] = ()
    by_polecat: tuple[BillLine, ...] = ()
    by_model: tuple[BillLine, ...] = ()
    by_role: tuple[BillLine, ...] = ()
    requests: tuple[BillRequest, ...] = ()
    """Newest first, at most 2,000."""
    caps: tuple[tuple[datetime, int | None], ...] = ()
    """Each cap with when it was set, oldest first."""
    limits: tuple[LimitLine, ...] = ()
    """All limits that are set: the convoy's first, then the day's and that of everything."""
    absence: Absence | None = None
    """None where the user was never away."""

    @property
    def nearest(self) -> LimitLine | None:
        """The limit of which least is left; None without any."""
        return min(self.limits, key=lambda limit: limit.left, default=None)
