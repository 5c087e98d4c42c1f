"""Coroutines of the screen: each belongs to a widget and ends with it; none is lost, none fails unseen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QObject

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class ScreenTasks:
    """All tasks of the GUI thread's loop."""

    def __init__(self) -> None:
        """Starts with none."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failed: Callable[[QObject, Exception], None] = only_log

    def spawn(self, work: Coroutine[Any, Any, _T], *, owner: QObject) -> asyncio.Task[_T]:
        """Runs a coroutine on the GUI thread's loop; it is cancelled when its owner goes.

        Args:
            work: what to do; an exception of it is logged and handed to `failed`.
            owner: the widget or object on whose behalf it runs.
        """
        task = asyncio.get_event_loop_policy().get_event_loop().create_task(work)
        self._tasks.add(task)

        def cancel(*_: object) -> None:
            task.cancel()

        owner.destroyed.connect(cancel)
        task.add_done_callback(lambda done: self._end(done, owner, cancel))
        return task

    def running(self) -> list[asyncio.Task[Any]]:
        """Tasks that have not ended."""
        return [task for task in self._tasks if not task.done()]

    def cancel_all(self) -> None:
        """Cancels every task."""
        for task in self.running():
            task.cancel()

    def _end(self, task: asyncio.Task[Any], owner: QObject, cancel: Callable[..., None]) -> None:
        self._tasks.discard(task)
        alive = _disconnect(owner, cancel)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, Exception):
            raise error
        _log.error("a task of the screen failed", exc_info=error)
        if alive:
            self.failed(owner, error)


def _disconnect(owner: QObject, slot: Callable[..., None]) -> bool:
    """Tells whether the owner is still there."""
    try:
        owner.destroyed.disconnect(slot)
    except RuntimeError:  # its C++ side is gone
        return False
    return True


def only_log(owner: QObject, error: Exception) -> None:
    """What is done about a failed task where nobody else cares: the log has it already."""
    del owner, error


tasks = ScreenTasks()
"""The tasks of this process; tests look here for what was left running."""


def spawn(work: Coroutine[Any, Any, _T], *, owner: QObject) -> asyncio.Task[_T]:
    """As `ScreenTasks.spawn`, among the tasks of this process."""
    return tasks.spawn(work, owner=owner)
