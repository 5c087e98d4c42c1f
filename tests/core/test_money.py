from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.money import NANO, exact_usd, json_usd, show_usd, usd


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0.50", 500_000_000),
        ("$20", 20 * NANO),
        (" $ 1,234.5 ", 1_234_500_000_000),
        ("1,234,567", 1_234_567 * NANO),
        (5, 5 * NANO),
        (Decimal("0.000000001"), 1),
        (Decimal("2E+1"), 20 * NANO),
        ("0", 0),
        (".5", NANO // 2),
        ("5.", 5 * NANO),
        ("1.5000000000000000000000000000000000000", 1_500_000_000),
    ],
)
def test_an_amount_is_read_as_it_is_written(text: str | int | Decimal, nano: int) -> None:
    assert usd(text) == nano


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        ".",
        "-1",
        "$-5",
        "1e3",
        "1e999999",
        "NaN",
        "Infinity",
        "1_000",
        "1.000.000",
        "1,50",
        "1,5",
        "12,34",
        "1,0000",
        ",100",
        "1234,567",
        "0.0000000001",
        "1.00000000000000000000000000000000001",
        "9999999999999",
        "٥",
        "5 €",
        "5\n6",
        Decimal("NaN"),
        Decimal("Infinity"),
        -1,
    ],
)
def test_what_is_no_amount_or_may_mean_two_is_refused(text: str | int | Decimal) -> None:
    with pytest.raises(ValueError):
        usd(text)


@given(st.integers(min_value=0, max_value=10**20))
def test_every_nano_dollar_can_be_written_and_read(nano: int) -> None:
    whole, part = divmod(nano, NANO)
    assert usd(f"{whole}.{part:09}") == usd(f"${whole:,}.{part:09}") == nano


@given(st.integers(min_value=0, max_value=8_000_000 * NANO))
def test_json_keeps_every_nano_dollar_below_eight_million_dollars(nano: int) -> None:
    assert usd(f"{json_usd(nano):.9f}") == nano


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (20 * NANO, "$20.00"),
        (1_234 * NANO + 500_000_000, "$1,234.50"),
        (12_300_000, "$0.01"),
        (9_000_000, "$0.0090"),
        (100_000, "$0.0001"),
    ],
)
def test_amounts_are_shown_in_cents_and_small_ones_finer(nano: int, text: str) -> None:
    assert show_usd(nano) == text


@pytest.mark.parametrize(
    ("amount", "spelled"),
    [
        ("0", "$0"),
        ("100", "$100"),
        ("12.5", "$12.50"),
        ("1240.50", "$1,240.50"),
        ("0.001", "$0.001"),
        ("1000000", "$1,000,000"),
        ("0.000000001", "$0.000000001"),
    ],
)
def test_an_amount_that_may_be_typed_is_not_rounded(amount: str, spelled: str) -> None:
    assert exact_usd(usd(amount)) == spelled
    assert usd(spelled) == usd(amount)
