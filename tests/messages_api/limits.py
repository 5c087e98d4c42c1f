"""Requests and tokens a minute: buckets that fill steadily, and headers that say how full they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from math import ceil

from tests.messages_api.values import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one key may use in a minute."""

    requests: int = 100_000
    input_tokens: int = 1_000_000_000
    output_tokens: int = 1_000_000_000


class Limits:
    """The buckets of all keys. Tokens read from the cache are free, output counts when it is known."""

    def __init__(self, now: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self.rates = Rates()
        self._now = now
        self._wall = wall
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def set(self, rates: Mapping[str, int]) -> None:
        """Begins anew with other rates, all buckets full."""
        self.rates = Rates(**rates)
        self._buckets.clear()

    def admit(self, key: str, input_tokens: int) -> None:
        """Takes a request's share of what is left.

        Raises:
            Refused: 429, with the seconds after which it fits.
        """
        wants = {"requests": 1, "input_tokens": input_tokens, "output_tokens": 1}
        for name, amount in wants.items():
            missing = min(amount, self._rate(name)) - self._left(key, name)
            if missing > 0:
                seconds = missing * 60 / self._rate(name)
                raise Refused(
                    f"This request would exceed your organization's rate limit of {self._rate(name)} "
                    f"{name.replace('_', ' ')} per minute",
                    status=429,
                    kind="rate_limit_error",
                    count_as="rate_limited",
                    headers=(("retry-after", str(ceil(seconds))),),
                )
        self._take(key, "requests", 1)
        self._take(key, "input_tokens", input_tokens)

    def produced(self, key: str, output_tokens: int) -> None:
        """A reply has come to its end."""
        self._take(key, "output_tokens", output_tokens)

    def headers(self, key: str) -> list[tuple[str, str]]:
        """The limits as the API tells them."""
        told = []
        for bucket in fields(Rates):
            rate, left = self._rate(bucket.name), self._left(key, bucket.name)
            full = self._wall() + timedelta(seconds=(rate - left) * 60 / rate)
            name = f"anthropic-ratelimit-{bucket.name.replace('_', '-')}"
            told += [
                (f"{name}-limit", str(rate)),
                (f"{name}-remaining", str(max(0, int(left)))),
                (f"{name}-reset", full.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
            ]
        return told

    def _rate(self, name: str) -> int:
        return max(1, getattr(self.rates, name))

    def _left(self, key: str, name: str) -> float:
        rate = self._rate(name)
        left, since = self._buckets.get((key, name), (float(rate), 0.0))
        return min(rate, left + (self._now() - since) * rate / 60)

    def _take(self, key: str, name: str, amount: int) -> None:
        self._buckets[key, name] = (self._left(key, name) - amount, self._now())
