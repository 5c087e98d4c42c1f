"""Numbers and times are said as the design says them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gastown_desktop.core import wording
from gastown_desktop.core.money import NANO

CENT = NANO // 100
NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, "unknown"),
        (0, "$0.00"),
        (84 * CENT, "$0.84"),
        (CENT, "$0.01"),
        (CENT - 1, "<$0.01"),
        (1, "<$0.01"),
        (2014 * CENT, "$20.14"),
        (99_999 * CENT, "$999.99"),
        (124_000 * CENT, "$1,240"),
        (-84 * CENT, "−$0.84"),
    ],
)
def test_money_has_two_decimals_until_a_thousand_and_is_never_nothing_when_it_is_something(
    amount: int | None, said: str
) -> None:
    assert wording.show_money(amount) == said


def test_held_money_has_a_sign_of_its_own_and_no_second_one() -> None:
    assert wording.show_held(31 * CENT) == "+0.31"
    assert wording.show_cents(84 * CENT) == "0.84"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (34.9, "34 s"),
        (390, "6 m 30 s"),
        (543, "9 m 03 s"),
        (600, "10 m"),
        (31 * 60 + 59, "31 m"),
        (72 * 60, "1 h 12 m"),
        (2 * 3600, "2 h"),
    ],
)
def test_a_length_of_time_loses_seconds_from_ten_minutes(seconds: float | None, said: str) -> None:
    assert wording.show_age(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(42, "0:42"), (725, "12:05"), (3727, "1:02:07")])
def test_a_stopwatch_counts_in_colons(seconds: float, said: str) -> None:
    assert wording.show_stopwatch(seconds) == said


def test_the_clock_has_seconds_only_where_they_are_wanted() -> None:
    at = datetime(2026, 11, 20, 14, 32, 8, tzinfo=UTC)
    assert wording.show_clock(at, UTC) == "14:32"
    assert wording.show_clock(at, UTC, seconds=True) == "14:32:08"


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "today 15:46"), (1, "yesterday"), (2, "18 Nov"), (18, "2 Nov"), (400, "16 Oct 2025")],
)
def test_a_day_is_named_as_people_name_it(days: int, said: str) -> None:
    now = datetime(2026, 11, 20, 15, 46, tzinfo=UTC)
    assert wording.show_day(now - timedelta(days=days), now, UTC) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(None, "unknown"), (840, "840"), (48_900, f"48{NBSP}k"), (2_800_000, f"2.80{NBSP}M")],
)
def test_tokens_are_rounded_to_what_matters(count: int | None, said: str) -> None:
    assert wording.show_tokens(count) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (None, "unknown"),
        (0.93, f"93{NBSP}%"),
        (0.046, f"4.6{NBSP}%"),
        (0.0, f"0{NBSP}%"),
        (1.0, f"100{NBSP}%"),
    ],
)
def test_a_share_has_a_digit_more_below_ten(share: float | None, said: str) -> None:
    assert wording.show_percent(share) == said


def test_lines_have_a_true_minus() -> None:
    assert wording.show_lines(120, 34) == "+120 −34"


@pytest.mark.parametrize(("count", "said"), [(0, "0 files"), (1, "1 file"), (1_437, "1,437 files")])
def test_a_noun_agrees_with_its_number(count: int, said: str) -> None:
    assert wording.plural(count, "file") == said


def test_a_model_is_called_as_people_call_it() -> None:
    assert wording.show_model("claude-opus-5-5") == "Opus 5.5"


@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\x1b", "\x00", "\u2066", "\ue000", "\u2028"])
def test_what_cannot_be_seen_is_written_out(sign: str) -> None:
    assert wording.show_hidden(f"a{sign}b") == f"a‹U+{ord(sign):04X}›b"


def test_ordinary_text_stays_as_it_is() -> None:
    assert wording.show_hidden("naïve\tcafé\n日本 🎉") == "naïve\tcafé\n日本 🎉"


def test_what_took_less_than_a_second_is_said_so() -> None:
    assert wording.show_took(0.4) == "<1 s"
    assert wording.show_took(218) == "3:38"
