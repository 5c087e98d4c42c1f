"""How full a conversation may get before old tool results are cleared, or it begins afresh."""

from __future__ import annotations

from gastown_desktop.core.prices import Price

WINDOW = 200_000
"""Tokens that every model of the price table takes in."""
KEPT_TURNS = 6
"""Turns whose tool results are never cleared."""
_CLEAR_SHARE, _FULL_SHARE, _CHEAP_SHARE = 0.4, 0.6, 0.9


def full_at(price: Price, window: int = WINDOW) -> int:
    """Prompt tokens from which a conversation begins afresh: it stays below where a model gets dear.

    Args:
        price: list price of the model.
        window: tokens that the model takes in.
    """
    room = int(window * _FULL_SHARE)
    dear = price.long_prompt_above
    return room if dear is None else min(room, int(dear * _CHEAP_SHARE))


def clear_at(price: Price, window: int = WINDOW) -> int:
    """Prompt tokens from which old tool results are cleared."""
    return int(full_at(price, window) * _CLEAR_SHARE / _FULL_SHARE)
