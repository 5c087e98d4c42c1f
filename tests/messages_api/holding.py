"""A request at which the server stops, so that a test can end its client just there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.messages_api.script import rule_of
from tests.messages_api.wire import Exchange

_LONGEST_S = 120.0
MOMENTS = ("before", "while", "after")


class Hold:
    """Stops at the `number`-th request that fits: before its answer, in the middle of it, or after it."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._rule = rule_of({"when": order.get("when", {})})
        self._left = order.get("number", 1)
        self._at = order["at"]
        if self._at not in MOMENTS:
            raise ValueError(f"a hold is at one of {MOMENTS}, not at {self._at}")
        self._reached = asyncio.Event()

    def moment_of(self, request: Mapping[str, Any]) -> str:
        """Counts a request; the moment at which it is held, empty for any other."""
        if self._rule.groups(request) is None:
            return ""
        self._left -= 1
        return self._at if self._left == 0 else ""

    async def stop(self, exchange: Exchange) -> None:
        """Says nothing more until the client is gone.

        Raises:
            Gone: it is.
        """
        self._reached.set()
        await exchange.wait(_LONGEST_S)

    def passed(self) -> None:
        """The answer has left whole: nothing has to be waited for."""
        self._reached.set()

    async def reached(self, seconds: float) -> bool:
        """Waits until the request was held; whether it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._reached.wait()
        except TimeoutError:
            return False
        return True
