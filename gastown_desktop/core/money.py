"""Money is an integer of nano-dollars, so that sums are exact."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NewType

NanoUsd = NewType("NanoUsd", int)
"""Billionths of a US dollar."""

NANO = 1_000_000_000


def usd(amount: str | int | Decimal) -> NanoUsd:
    """Reads an amount of dollars, such as `"0.50"`, `"$20"` or 5.

    Raises:
        ValueError: not a finite amount of zero or more, or finer than a nano-dollar.
    """
    text = str(amount).strip().removeprefix("$").replace(",", "")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"not an amount of dollars: {amount!s}") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"not an amount of dollars: {amount!s}")
    nano = value * NANO
    if nano != nano.to_integral_value():
        raise ValueError(f"finer than a billionth of a dollar: {amount!s}")
    return NanoUsd(int(nano))


def show_usd(amount: int) -> str:
    """Spells an amount: cents above one dollar, more digits below a cent."""
    value = Decimal(amount) / NANO
    if amount and abs(value) < Decimal("0.01"):
        return f"${value:.4f}"
    return f"${value:,.2f}"


def json_usd(amount: int) -> float:
    """The amount as a JSON number of dollars, exact to a nano-dollar below $8 million."""
    return float(Decimal(amount) / NANO)
