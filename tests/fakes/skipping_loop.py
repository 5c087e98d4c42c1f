"""An event loop whose clock skips what nobody works in: three days pass in minutes.

Time stands for whoever waits for a timer only. While a thread of a pool or a child works, or a socket has
something to say, it passes as it does for everybody, so that nothing real is late because of a skip.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

_LOOKS_S = 0.002
"""How long nothing may have to be done before time is skipped: what a thread needs to be heard."""
_BUSY_S = 0.05
P = ParamSpec("P")
R = TypeVar("R")


class SkippingLoop(asyncio.SelectorEventLoop):
    """The loop; its `time()` is the machine's monotonic clock and what was skipped."""

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self.busy = 0
        """What goes on besides the loop."""
        super().__init__(_SkippingSelector(self))

    def time(self) -> float:
        return time.monotonic() + self.skipped_s

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Nothing is skipped in this block."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    def counts(self, method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        """The method of a class whose calls are work outside of the loop."""

        @functools.wraps(method)
        async def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.at_work():
                return await method(*args, **kwargs)

        return counted

    def count_pools(self) -> None:
        """What is handed to any pool of threads from now on is work, until its result is heard."""
        submit = ThreadPoolExecutor.submit

        @functools.wraps(submit)
        def counted(*args: Any, **kwargs: Any) -> Future[Any]:
            future = submit(*args, **kwargs)
            self.busy += 1
            future.add_done_callback(lambda _: self.call_soon_threadsafe(self._done))
            return future

        ThreadPoolExecutor.submit = counted  # type: ignore[method-assign]

    def _done(self) -> None:
        self.busy -= 1


class _SkippingSelector(selectors.DefaultSelector):
    """Skips the rest of a wait in which nobody has anything to do."""

    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        until = self._loop.time() + timeout
        looked = False
        while (left := until - self._loop.time()) > 0:
            pause = _BUSY_S if self._loop.busy else _LOOKS_S
            if looked and not self._loop.busy:
                self._loop.skipped_s += left
                break
            looked = not self._loop.busy
            events = super().select(min(left, pause))
            if events:
                return events
        return []
