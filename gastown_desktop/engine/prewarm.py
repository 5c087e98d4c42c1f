"""Warming the provider's cache before a fleet begins: one request writes what all workers begin with.

Without it every worker of the first wave pays for writing the same beginning, since none can read what is
being written at the same moment. A request with `max_tokens` 0 writes the cache and says nothing (Messages
API, "pre-warming the cache").
"""

from __future__ import annotations

import logging

from gastown_desktop.core.errors import CapReached, ModelError
from gastown_desktop.core.prices import Price
from gastown_desktop.engine.conversation import Conversation
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.spend_gate import Order

_WORD = "."
"""What the request says after the shared beginning; a request must say something."""
_log = logging.getLogger(__name__)


def pays(price: Price, workers: int) -> bool:
    """Whether one write and a read for each worker is cheaper than a write for each worker."""
    return price.cache_write_5m + workers * price.cache_read < workers * price.cache_write_5m


async def prewarm(kit: Kit, model: str, workers: int) -> bool:
    """Writes the cache for a first wave of workers, where that pays; tells whether it was done.

    It is a help and never needed: where it fails, the workers find out for themselves.
    """
    price = kit.price(model)
    if not pays(price, workers):
        return False
    talk = Conversation(kit.system, _WORD)
    order = Order(
        request=talk.request(model, 0, thinks=kit.thinks),
        price=price,
        prompt_bound=talk.prompt_bound(),
        scopes=(*kit.scopes, "role:warming"),
        what=f"Warming the cache for {workers} workers",
    )
    try:
        if not kit.line.may_ask():
            return False
        with kit.line.request():
            await kit.gate.ask(order)
    except (CapReached, ModelError):
        _log.exception("the cache was not warmed")
        return False
    return True
