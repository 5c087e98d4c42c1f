"""Money is an integer of nano-dollars, so that sums are exact."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NewType

NanoUsd = NewType("NanoUsd", int)
"""Billionths of a US dollar."""

NANO = 1_000_000_000
_NANO_DIGITS = 9

_AMOUNT = re.compile(r"\$?\s*((?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]*)?|\.[0-9]+)")
"""Digits, with commas between thousands only: `1,50` may mean two things, so it means nothing."""


def usd(amount: str | int | Decimal) -> NanoUsd:
    """Reads an amount of dollars, such as `"0.50"`, `"$20"` or 5.

    Raises:
        ValueError: not an amount from zero to a trillion dollars, or finer than a nano-dollar.
    """
    text = f"{amount:f}" if isinstance(amount, Decimal) else str(amount)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount of dollars: {amount!s}")
    whole, _, part = match[1].replace(",", "").partition(".")
    part = part.rstrip("0")
    if len(part) > _NANO_DIGITS:
        raise ValueError(f"finer than a billionth of a dollar: {amount!s}")
    return NanoUsd(int(whole or "0") * NANO + int(part.ljust(_NANO_DIGITS, "0")))


def show_usd(amount: int) -> str:
    """Spells an amount: cents above one dollar, more digits below a cent."""
    value = Decimal(amount) / NANO
    if amount and abs(value) < Decimal("0.01"):
        return f"${value:.4f}"
    return f"${value:,.2f}"


def exact_usd(amount: int) -> str:
    """Spells an amount as it may be typed, without rounding: `$100`, `$12.50`, `$0.001`."""
    value = (Decimal(amount) / NANO).normalize()
    places = -int(value.as_tuple().exponent)
    return f"${value:,.{0 if places <= 0 else max(2, places)}f}"


def json_usd(amount: int) -> float:
    """The amount as a JSON number of dollars, exact to a nano-dollar below $8 million."""
    return float(Decimal(amount) / NANO)
