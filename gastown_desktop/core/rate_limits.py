"""What a provider says in its headers about how much more may be asked.

Source: the `anthropic-ratelimit-*` response headers of the Messages API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRoom:
    """The scarcest of the limits."""

    share: float
    """What is left of it, 0 to 1."""
    reset_s: float
    """Seconds until it is whole again."""


def rate_room(headers: Mapping[str, str], now: datetime) -> RateRoom | None:
    """The scarcest limit that the headers tell of; None where they tell of none.

    Args:
        headers: of a response, names in lower case.
        now: aware.
    """
    rooms = [room for kind in _KINDS if (room := _of(kind, headers, now)) is not None]
    return min(rooms, key=lambda room: room.share, default=None)


def _of(kind: str, headers: Mapping[str, str], now: datetime) -> RateRoom | None:
    try:
        limit = int(headers[f"anthropic-ratelimit-{kind}-limit"])
        left = int(headers[f"anthropic-ratelimit-{kind}-remaining"])
        reset = datetime.fromisoformat(headers[f"anthropic-ratelimit-{kind}-reset"])
        reset_s = (reset - now).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
    if limit <= 0:
        return None
    return RateRoom(share=min(1.0, max(0, left) / limit), reset_s=max(0.0, reset_s))
