"""Sums of a ledger in which nothing is open: with them it goes on without its records."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from gastown_desktop.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping


FORM = 1
"""Of how sums are spelled: others are not read, but the records that they are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSums:
    """Where a scope stands, in nano-dollars; nothing of it is held."""

    cap: int | None
    settled: int
    assumed: int
    max_committed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSums:
    """What all records up to a moment come to."""

    requests: int
    """Reservations so far; their ids are `r1` to `r<requests>`, and all have ended."""
    day: str = ""
    """The scope of the newest day that a request was counted under; empty for none."""
    accounts: Mapping[str, AccountSums] = field(default_factory=dict[str, AccountSums])
    """By scope, in the order of appearance."""

    def to_json(self) -> dict[str, Any]:
        """As values that JSON can express; `sums_from_json` reads it back."""
        return asdict(self)


def sums_from_json(raw: Mapping[str, Any]) -> LedgerSums:
    """Reads sums back from their dictionary form.

    Raises:
        StoreError: these are no sums.
    """
    try:
        accounts = {str(scope): AccountSums(**one) for scope, one in raw["accounts"].items()}
        sums = LedgerSums(requests=raw["requests"], day=raw["day"], accounts=accounts)
    except (KeyError, TypeError, AttributeError) as wrong:
        raise StoreError(f"sums of a ledger that cannot be read: {wrong}") from wrong
    amounts = [amount for one in accounts.values() for amount in asdict(one).values() if amount is not None]
    if not all(type(number) is int and number >= 0 for number in (sums.requests, *amounts)):
        raise StoreError("sums of a ledger that are no amounts")
    return sums
