"""Work that is not left halfway: who waits for it and is cancelled goes only when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_R = TypeVar("_R")


async def to_its_end(work: Coroutine[Any, Any, _R]) -> _R:
    """Awaits work in a task of its own, which a cancellation of the caller does not reach.

    Raises:
        CancelledError: the caller was cancelled; the work is done, or failed.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
