"""Asking a model until it answers: each attempt has a reservation of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from hashlib import sha256
from typing import Any

from gastown_desktop.core.errors import ModelError, ProviderClosed
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.prices import MAX_TOKENS_CEILING, adaptive_max_tokens, tight_max_tokens
from gastown_desktop.engine.ports import Clock
from gastown_desktop.engine.provider_line import ProviderLine
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.spend_gate import Order, RecentOutputs, SpendGate

MOST_UNKNOWN = 5.0
"""Attempts at one request that may be charged without a reply."""
TRY_WEIGHT = 0.25
"""An attempt that tries a line in doubt counts for so much: the line is more likely to blame than it is."""
PATIENCE_S = 1_800.0
"""Seconds that are waited where a request is refused while others are answered, all its attempts together."""
_LONGEST_WAIT_S = 60.0
_RATE_LIMITED = 429

Rest = Callable[[Coroutine[Any, Any, None], str], Awaitable[None]]
"""Waits for something, saying why; it may raise what ends the asking."""


async def _just_wait(waiting: Coroutine[Any, Any, None], _why: str) -> None:
    await waiting


async def ask_patiently(
    gate: SpendGate,
    line: ProviderLine,
    clock: Clock,
    order: Order,
    *,
    on_text: Callable[[str], None] = lambda _: None,
    rest: Rest = _just_wait,
) -> Reply:
    """One reply, after as many attempts as make sense.

    Args:
        gate: reserves and sends.
        line: the way to the provider, which everybody who asks it shares.
        clock: the time.
        order: what is asked.
        on_text: hears the reply's text as it streams.
        rest: how it waits.

    Raises:
        ProviderClosed: the provider takes no request of this key.
        CapReached, TripwirePulled, StoreError: as `SpendGate.ask`.
        ModelError: there is no reply to be had.
    """
    unknown, attempt, patience_s = 0.0, 0, PATIENCE_S
    while True:
        while not line.may_ask():
            await rest(line.until_changed(), "Waiting for the provider")
        probes = line.in_doubt
        try:
            with line.request():
                return await gate.ask(order, on_text=on_text)
        except ModelError as error:
            attempt += 1
            if not error.unbilled:
                unknown += TRY_WEIGHT if probes else 1.0
            if line.closed:
                raise ProviderClosed(line.closed) from error
            wait_s = _wait_s(error, order, attempt)
            patience_s -= 0.0 if line.is_away else wait_s
            if error.retry_after is None or unknown >= MOST_UNKNOWN or patience_s < 0:
                raise
            if error.status == _RATE_LIMITED:
                line.pace = line.pace.limited(clock.monotonic(), wait_s)
            await rest(clock.sleep(wait_s), f"Waiting for the provider ({error})")


async def ask_whole(send: Callable[[int, int | None], Awaitable[Reply]], outputs: RecentOutputs) -> Reply:
    """One reply; one that was cut by max_tokens is asked for once more with the highest limit.

    Args:
        send: asks for a reply of at most so many tokens, or fewer where there is little room under the cap;
            None for no fewer.
        outputs: how long the role's replies were lately; this one is added.

    Raises:
        ProviderClosed, CapReached, TripwirePulled, StoreError, ModelError: as `ask_patiently`.
    """
    most, tight = adaptive_max_tokens(outputs.sizes), tight_max_tokens(outputs.sizes)
    reply = await send(most, tight)
    if reply.stop_reason == "max_tokens" and min(most, tight) < MAX_TOKENS_CEILING:
        cut, reply = reply, await send(MAX_TOKENS_CEILING, None)
        reply = replace(reply, cost=NanoUsd(cut.cost + reply.cost))
    outputs.saw(reply.usage.output_tokens)
    return reply


def _wait_s(error: ModelError, order: Order, attempt: int) -> float:
    """Twice as long each time, a minute unless the provider wants more; not all at the same moment."""
    wanted = error.retry_after or 0.0
    wait_s = max(wanted, min(wanted * 2 ** min(attempt - 1, 12), _LONGEST_WAIT_S))
    share = sha256(f"{order.what} {attempt}".encode()).digest()[0] / 255
    return wait_s * (1 + 0.25 * share)
