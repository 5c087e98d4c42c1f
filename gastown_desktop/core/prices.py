"""What tokens cost, and an upper bound on what a request can cost before it is sent.

All prices are list prices in whole nano-dollars per token: $1 per million tokens is 1000.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Literal
from unicodedata import normalize

from gastown_desktop.core.errors import UnknownPrice
from gastown_desktop.core.money import NanoUsd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from gastown_desktop.core.usage import Usage

CacheWrites = Literal["none", "5m", "1h"]
"""The longest-lived cache entry that a request may write; "1h" may write five-minute entries too."""

A1 = (
    "A prompt has no more tokens than the largest of its UTF-8, NFKC and NFKD lengths in bytes, "
    "plus 1,500, plus 64 for each tool and block."
)
A2 = "A reply, its thinking included, has no more tokens than max_tokens."
A3 = "The provider charges the prices of the printed table."
A4 = "The bill is the list price of what this app asks for with this key, and of nothing else."
ASSUMPTIONS: dict[str, str] = {"A1": A1, "A2": A2, "A3": A3, "A4": A4}
"""What has to be true for the bound to hold; a reply above its bound proves one of them wrong."""

SLACK_TOKENS = 1_500
"""Tokens added to every prompt bound, for what the provider wraps around our text."""
SLACK_TOKENS_PER_BLOCK = 64
"""Tokens added to a prompt bound for each tool and each content block."""

LEAST_REPLY = 16
"""Tokens that are held for a reply however low its limit is: one of no words may count a few."""
MAX_TOKENS_AT_START = 4_000
MAX_TOKENS_FLOOR = 2_000
MAX_TOKENS_CEILING = 16_000
RECENT_REPLIES = 50
"""How many of a role's last replies predict the length of its next."""

_FEWEST_FOR_TIGHT = 10
"""Replies that must be known before a limit is set close to them."""
_ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """List price of one model, in nano-dollars per token."""

    input: int
    """A prompt token that is neither read from nor written to the cache."""
    output: int
    """A token of the reply, thinking included."""
    cache_write_5m: int
    """A prompt token written to the five-minute cache."""
    cache_write_1h: int
    """A prompt token written to the one-hour cache."""
    cache_read: int
    """A prompt token read from the cache."""
    long_prompt_above: int | None = None
    """Prompts of more tokens than this are long; None when the model has a single tier."""
    long_prompt_factor: int = 1
    """In a long prompt every token, prompt and reply, costs this many times its price."""

    def __post_init__(self) -> None:
        prices = (self.input, self.output, self.cache_write_5m, self.cache_write_1h, self.cache_read)
        if min(prices) < 0:
            raise ValueError("a price is zero or more")
        if self.long_prompt_factor < 1:
            raise ValueError("a long prompt never costs less than a short one")

    def factor(self, prompt_tokens: int) -> int:
        """Multiplier on every token of a request whose prompt has that many tokens."""
        if self.long_prompt_above is None or prompt_tokens <= self.long_prompt_above:
            return 1
        return self.long_prompt_factor

    def dearest_prompt_token(self, writes_cache: CacheWrites) -> int:
        """Nano-dollars of the most expensive kind of prompt token that such a request can have."""
        kinds = [self.input, self.cache_read]
        if writes_cache != "none":
            kinds.append(self.cache_write_5m)
        if writes_cache == "1h":
            kinds.append(self.cache_write_1h)
        return max(kinds)


PRICES_DATED = "2026-11-25"
"""The day on which the table below was last checked against `genai-prices` 0.2.3; ISO 8601."""

PRICES: dict[str, Price] = {
    "claude-fable-5-2": Price(
        input=8_000, output=40_000, cache_write_5m=10_000, cache_write_1h=16_000, cache_read=200
    ),
    "claude-opus-5-5": Price(
        input=4_000, output=20_000, cache_write_5m=5_000, cache_write_1h=8_000, cache_read=200
    ),
    "claude-sonnet-5-5": Price(
        input=2_000, output=10_000, cache_write_5m=2_500, cache_write_1h=4_000, cache_read=100
    ),
    "claude-haiku-5-5": Price(
        input=100,
        output=500,
        cache_write_5m=125,
        cache_write_1h=200,
        cache_read=10,
        long_prompt_above=100_000,
        long_prompt_factor=5,
    ),
}
"""List prices by model id."""


def price_of(model: str, typed: Mapping[str, Price] | None = None) -> Price:
    """Finds the price of a model; prices that the user typed come first.

    Raises:
        UnknownPrice: neither the user nor the table knows the model.
    """
    if typed and model in typed:
        return typed[model]
    if model in PRICES:
        return PRICES[model]
    raise UnknownPrice(
        f"The price of {model} is not known.",
        safe="Nothing was sent.",
        remedy="Type its prices in Settings, or choose another model.",
    )


def cost(price: Price, usage: Usage, *, geo_factor: Fraction = _ONE) -> NanoUsd:
    """What a reply costs: exact for `geo_factor` 1, else rounded up to a nano-dollar."""
    tokens_at_price = (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_write_5m_tokens * price.cache_write_5m
        + usage.cache_write_1h_tokens * price.cache_write_1h
        + usage.cache_read_tokens * price.cache_read
    )
    return NanoUsd(ceil(tokens_at_price * price.factor(usage.prompt_tokens) * geo_factor))


def typed_price(dollars_in: Decimal, dollars_out: Decimal) -> Price:
    """A price that the user typed, in dollars per million tokens.

    Nobody types the prices of the cache: writing is held at twice the input's, the dearest there is, and
    reading at the input's own.
    """
    tokens_in, tokens_out = ceil(dollars_in * 1_000), ceil(dollars_out * 1_000)
    return Price(
        input=tokens_in,
        output=tokens_out,
        cache_write_5m=2 * tokens_in,
        cache_write_1h=2 * tokens_in,
        cache_read=tokens_in,
    )


_LEAST_REPORTED_SHARE = 10
"""A reported cost below one part in this many of the list price is taken for a mistake."""


def charged(listed: NanoUsd, reported: NanoUsd | None) -> NanoUsd:
    """What a request is charged at: what the provider says that it cost, unless that cannot be.

    Args:
        listed: its cost at list price.
        reported: what the provider says; None when it says nothing.
    """
    if reported is None or reported * _LEAST_REPORTED_SHARE < listed:
        return listed
    return reported


def first_prompt_bound(texts: str | Iterable[str], blocks: int) -> int:
    """Upper bound in tokens of a prompt of which no earlier request is known.

    Args:
        texts: all that the request says: instructions, tool schemas, messages.
        blocks: number of tools plus number of content blocks.
    """
    texts = [texts] if isinstance(texts, str) else texts
    return sum(_most_bytes(text) for text in texts) + _slack(blocks)


def next_prompt_bound(
    previous_prompt_tokens: int, previous_output_tokens: int, added: str, blocks: int
) -> int:
    """Upper bound in tokens of a prompt that repeats the previous exchange and adds to it.

    Args:
        previous_prompt_tokens: exact size of the previous prompt, as the provider counted it.
        previous_output_tokens: exact size of the previous reply.
        added: what this request says that the previous one and its reply did not.
        blocks: number of tools plus number of content blocks of the whole request.
    """
    return previous_prompt_tokens + previous_output_tokens + _most_bytes(added) + _slack(blocks)


def request_bound(
    price: Price,
    *,
    input_bound: int,
    max_tokens: int,
    writes_cache: CacheWrites,
    geo_factor: Fraction = _ONE,
) -> NanoUsd:
    """The most that a request can cost, known before it is sent.

    Args:
        price: list price of the model.
        input_bound: upper bound of the prompt in tokens.
        max_tokens: the request's limit on the reply, in tokens.
        writes_cache: what the request may write to the cache.
        geo_factor: the worst multiplier of the place and speed of inference.
    """
    prompt = input_bound * price.dearest_prompt_token(writes_cache)
    reply = max(max_tokens, LEAST_REPLY) * price.output
    return NanoUsd(ceil((prompt + reply) * price.factor(input_bound) * geo_factor))


def shrunk_bound(
    price: Price, usage_at_start: Usage, max_tokens: int, *, geo_factor: Fraction = _ONE
) -> NanoUsd:
    """The most that a request can cost once the provider has said how large its prompt was.

    Args:
        price: list price of the model.
        usage_at_start: usage in the `message_start` event: the prompt by kind of cache use; what it
            says about the reply is not final and is ignored.
        max_tokens: the request's limit on the reply, in tokens.
        geo_factor: the worst multiplier of the place and speed of inference.
    """
    longest = replace(usage_at_start, output_tokens=max(max_tokens, LEAST_REPLY))
    return cost(price, longest, geo_factor=geo_factor)


def adaptive_max_tokens(recent_outputs: Sequence[int]) -> int:
    """Limit for a role's next reply: twice the 95th percentile of its last 50 replies, 2k to 16k tokens.

    Args:
        recent_outputs: tokens of the role's earlier replies, oldest first.
    """
    if not recent_outputs:
        return MAX_TOKENS_AT_START
    return min(max(2 * _percentile_95(recent_outputs), MAX_TOKENS_FLOOR), MAX_TOKENS_CEILING)


def tight_max_tokens(recent_outputs: Sequence[int]) -> int:
    """Limit for a reply when there is little room under the cap: a twentieth above the 95th percentile.

    Args:
        recent_outputs: tokens of the role's earlier replies, oldest first.
    """
    if len(recent_outputs) < _FEWEST_FOR_TIGHT:
        return adaptive_max_tokens(recent_outputs)
    wanted = ceil(_percentile_95(recent_outputs) * 21 / 20)
    return min(max(wanted, MAX_TOKENS_FLOOR), MAX_TOKENS_CEILING)


def _percentile_95(outputs: Sequence[int]) -> int:
    recent = sorted(outputs[-RECENT_REPLIES:])
    return recent[ceil(len(recent) * 95 / 100) - 1]


def _most_bytes(text: str) -> int:
    """The largest size in bytes among the forms of a text that a tokenizer may see.

    Plain UTF-8 length is no bound: 252 code points of the published tokenizer break it, because
    it normalises first (a ligature of three bytes may become eighteen letters).
    """
    if text.isascii():
        return len(text)
    forms = (text, normalize("NFKC", text), normalize("NFKD", text))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)


def _slack(blocks: int) -> int:
    return SLACK_TOKENS + SLACK_TOKENS_PER_BLOCK * blocks
