"""The engine's thread: stock asyncio, away from Qt. Nobody else knows that there are two threads."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, cast

from gastown_desktop.engine.api import EngineApi

_log = logging.getLogger(__name__)
_START_S = 10.0
"""How long the thread may take to have a loop; the engine itself may take longer."""


class RunningEngine(Protocol):
    """What the thread runs: the commands, and an orderly end."""

    @property
    def api(self) -> EngineApi:
        """The commands."""
        ...

    async def shut_down(self) -> None:
        """Stops dispatching, cancels what runs, closes all stores."""
        ...


class EngineThread:
    """Runs an engine in a thread of its own; `api` may be awaited on the GUI thread's loop.

    A call that is cancelled on the screen's side is cancelled in the engine.
    """

    def __init__(self, make: Callable[[], Awaitable[RunningEngine]]) -> None:
        """Does not start yet.

        Args:
            make: builds the engine, called on the engine's loop.
        """
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._made: asyncio.Future[RunningEngine] | None = None
        self._ending: asyncio.Event | None = None
        self._has_loop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Starts the thread; commands that come before the engine is ready wait for it, the caller does not.

        Raises:
            RuntimeError: the thread did not come up.
        """
        self._thread.start()
        if not self._has_loop.wait(_START_S):
            raise RuntimeError("the engine's thread did not start")

    @property
    def api(self) -> EngineApi:
        """The engine's commands, to be awaited on the GUI thread's loop."""
        return cast("EngineApi", _Remote(self))

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def call(self, name: str, *args: Any, **named: Any) -> asyncio.Future[Any]:
        """Begins a command on the engine's loop; the future belongs to the caller's loop.

        Raises:
            RuntimeError: the engine's thread was not started, or has ended.
        """
        if self._loop is None:
            raise RuntimeError("the engine's thread was not started")
        if self._loop.is_closed():
            raise RuntimeError("the engine's thread has ended")
        begun = asyncio.run_coroutine_threadsafe(self._command(name, args, named), self._loop)
        return asyncio.wrap_future(begun, loop=asyncio.get_event_loop_policy().get_event_loop())

    def stop(self, timeout_s: float) -> bool:
        """Ends the engine in order and waits for its thread; tells whether it ended in time.

        A second call does nothing.
        """
        if self._loop is not None and self._ending is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # it closed in this moment
                self._loop.call_soon_threadsafe(self._ending.set)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    async def _command(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        assert self._made is not None
        engine = await asyncio.shield(self._made)
        method: Callable[..., Coroutine[Any, Any, Any]] = getattr(engine.api, name)
        return await method(*args, **named)

    def _run(self) -> None:
        if sys.version_info < (3, 12) and hasattr(asyncio, "PidfdChildWatcher"):
            # without it Python 3.11 starts a thread for each child
            asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending, self._made = asyncio.Event(), self._loop.create_future()
        self._has_loop.set()
        making = self._loop.create_task(self._make_engine(self._made), name="make the engine")
        await self._ending.wait()
        making.cancel()
        await asyncio.wait([making])
        if not self._made.cancelled() and self._made.exception() is None:
            await self._shut_down(self._made.result())

    async def _make_engine(self, made: asyncio.Future[RunningEngine]) -> None:
        try:
            made.set_result(await self._make())
        except asyncio.CancelledError:
            made.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever calls a command hears of it
            _log.exception("the engine could not be made")
            made.set_exception(error)

    async def _shut_down(self, engine: RunningEngine) -> None:
        try:
            await engine.shut_down()
        except Exception:  # noqa: BLE001 - the thread ends all the same; what is written down is safe
            _log.exception("the engine did not shut down in order")


class _Remote:
    """Looks like the engine's commands; each runs over there."""

    def __init__(self, thread: EngineThread) -> None:
        self._thread = thread

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_") or not hasattr(EngineApi, name):
            raise AttributeError(name)
        return functools.partial(self._call, name)

    async def _call(self, name: str, *args: Any, **named: Any) -> Any:
        return await self._thread.call(name, *args, **named)
