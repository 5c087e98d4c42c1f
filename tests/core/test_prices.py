from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import genai_prices
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gastown_desktop.core.errors import UnknownPrice
from gastown_desktop.core.money import NANO
from gastown_desktop.core.prices import (
    ASSUMPTIONS,
    LEAST_REPLY,
    PRICES,
    CacheWrites,
    Price,
    adaptive_max_tokens,
    cost,
    first_prompt_bound,
    next_prompt_bound,
    price_of,
    request_bound,
    shrunk_bound,
)
from gastown_desktop.core.usage import Usage

HAIKU = PRICES["claude-haiku-5-5"]
OPUS = PRICES["claude-opus-5-5"]
MAX_BUCKET = 60_000

buckets = st.integers(0, MAX_BUCKET)
models = st.sampled_from(sorted(PRICES))
geo_factors = st.sampled_from([Fraction(1), Fraction(11, 10), Fraction(2)])


@st.composite
def usages(draw: st.DrawFn, writes_cache: CacheWrites) -> Usage:
    return Usage(
        input_tokens=draw(buckets),
        output_tokens=draw(buckets),
        cache_read_tokens=draw(buckets),
        cache_write_5m_tokens=0 if writes_cache == "none" else draw(buckets),
        cache_write_1h_tokens=draw(buckets) if writes_cache == "1h" else 0,
    )


@given(st.data(), models, st.sampled_from(["none", "5m", "1h"]), geo_factors, buckets, buckets)
@settings(deadline=None)
def test_no_reply_within_its_limits_costs_more_than_its_bound(
    data: st.DataObject, model: str, writes: CacheWrites, geo: Fraction, spare_in: int, spare_out: int
) -> None:
    usage = data.draw(usages(writes))
    bound = request_bound(
        PRICES[model],
        input_bound=usage.prompt_tokens + spare_in,
        max_tokens=usage.output_tokens + spare_out,
        writes_cache=writes,
        geo_factor=geo,
    )
    assert cost(PRICES[model], usage, geo_factor=geo) <= bound


@given(st.data(), models, st.sampled_from(["none", "5m", "1h"]), geo_factors, buckets, buckets)
@settings(deadline=None)
def test_shrinking_lies_between_the_cost_and_the_bound(
    data: st.DataObject, model: str, writes: CacheWrites, geo: Fraction, spare_in: int, spare_out: int
) -> None:
    price = PRICES[model]
    usage = data.draw(usages(writes))
    max_tokens = usage.output_tokens + spare_out
    shrunk = shrunk_bound(price, usage, max_tokens, geo_factor=geo)
    bound = request_bound(
        price,
        input_bound=usage.prompt_tokens + spare_in,
        max_tokens=max_tokens,
        writes_cache=writes,
        geo_factor=geo,
    )
    assert cost(price, usage, geo_factor=geo) <= shrunk <= bound


@given(models, buckets, buckets, buckets, buckets, buckets)
@settings(deadline=None)
@example("claude-haiku-5-5", 100_000, 0, 0, 0, 1)
@example("claude-haiku-5-5", 100_001, 0, 0, 0, 1)
def test_cost_agrees_with_genai_prices(
    model: str, fresh: int, read: int, write_5m: int, write_1h: int, output: int
) -> None:
    usage = Usage(
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
    )
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=output,
            cache_read_tokens=read,
            cache_write_tokens=write_5m + write_1h,
            cache_write_1h_tokens=write_1h,
        ),
        model,
        provider_id="anthropic",
    )
    assert theirs.total_price * NANO == Decimal(cost(PRICES[model], usage))


@pytest.mark.parametrize(
    ("model", "million_in_and_out_nano"),
    [("claude-fable-5-2", 48 * NANO), ("claude-opus-5-5", 24 * NANO), ("claude-sonnet-5-5", 12 * NANO)],
)
def test_a_million_tokens_cost_the_dollars_of_the_list(model: str, million_in_and_out_nano: int) -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    assert cost(price_of(model), usage) == million_in_and_out_nano


def test_every_token_of_a_long_haiku_prompt_costs_five_times_as_much() -> None:
    short = Usage(input_tokens=60_000, cache_read_tokens=40_000, output_tokens=7)
    long = Usage(input_tokens=60_000, cache_read_tokens=40_001, output_tokens=7)
    assert cost(HAIKU, short) == 60_000 * 100 + 40_000 * 10 + 7 * 500
    assert cost(HAIKU, long) == 5 * (60_000 * 100 + 40_001 * 10 + 7 * 500)


def test_a_prompt_that_may_be_long_is_bounded_at_the_long_price() -> None:
    def bound(tokens: int) -> int:
        return request_bound(HAIKU, input_bound=tokens, max_tokens=0, writes_cache="none")

    assert bound(100_000) == 100_000 * 100 + LEAST_REPLY * 500
    assert bound(100_001) == 5 * (100_001 * 100 + LEAST_REPLY * 500)


def test_bound_takes_the_dearest_cache_write_in_use() -> None:
    def bound(writes: CacheWrites) -> int:
        return request_bound(OPUS, input_bound=10, max_tokens=LEAST_REPLY, writes_cache=writes)

    assert [bound("none"), bound("5m"), bound("1h")] == [360_000, 370_000, 400_000]


def test_a_fraction_of_a_nano_dollar_is_rounded_up() -> None:
    price = Price(input=1, output=1, cache_write_5m=1, cache_write_1h=1, cache_read=1)
    assert cost(price, Usage(input_tokens=1), geo_factor=Fraction(11, 10)) == 2


def test_shrinking_ignores_what_the_start_says_about_the_reply() -> None:
    start = Usage(input_tokens=10, output_tokens=3)
    assert shrunk_bound(OPUS, start, 100) == 10 * 4_000 + 100 * 20_000


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(UnknownPrice, match="gpt-x"):
        price_of("gpt-x")


def test_a_typed_price_comes_before_the_table() -> None:
    assert price_of("claude-opus-5-5", {"claude-opus-5-5": HAIKU}) is HAIKU


@pytest.mark.parametrize("wrong", [{"input": -1}, {"long_prompt_factor": 0}])
def test_a_price_that_would_lower_the_bill_is_refused(wrong: dict[str, int]) -> None:
    sound = {"input": 1, "output": 1, "cache_write_5m": 1, "cache_write_1h": 1, "cache_read": 1}
    with pytest.raises(ValueError):
        Price(**(sound | wrong))


def test_each_assumption_is_a_sentence() -> None:
    assert list(ASSUMPTIONS) == ["A1", "A2", "A3", "A4"]
    assert all(sentence.endswith(".") for sentence in ASSUMPTIONS.values())


@given(st.text(), st.integers(0, 40))
@settings(deadline=None)
def test_prompt_bound_is_no_less_than_any_normal_form(text: str, blocks: int) -> None:
    bound = first_prompt_bound(text, blocks)
    assert bound >= len(text.encode("utf-8", "surrogatepass")) + 1_500 + 64 * blocks


def test_a_ligature_counts_as_the_letters_it_stands_for() -> None:
    ligature = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"
    assert len(ligature.encode()) == 3
    assert first_prompt_bound(ligature, 0) == 33 + 1_500


def test_texts_of_a_first_prompt_add_up() -> None:
    assert first_prompt_bound(["abc", "é"], 2) == 3 + 3 + 1_500 + 128


def test_a_later_prompt_repeats_the_exchange_and_adds_to_it() -> None:
    assert next_prompt_bound(10_000, 500, "added", 3) == 10_505 + 1_500 + 192


@pytest.mark.parametrize(
    ("recent", "limit"),
    [
        ([], 4_000),
        ([10], 2_000),
        ([3_000] * 50, 6_000),
        ([100_000], 16_000),
        ([100_000] * 10 + [1_500] * 50, 3_000),
        ([1_500] * 48 + [7_000] * 2, 3_000),
        ([1_500] * 47 + [7_000] * 3, 14_000),
    ],
)
def test_reply_limit_follows_the_last_fifty_replies(recent: list[int], limit: int) -> None:
    assert adaptive_max_tokens(recent) == limit
