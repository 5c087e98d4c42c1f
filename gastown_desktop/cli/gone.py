"""A command whose reader, terminal or session is gone, or that is asked to end by a signal."""

from __future__ import annotations

import asyncio
import errno
import io
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

NOBODY_READS = 141
"""The exit code where nobody reads the output any more, as a shell shows an end by SIGPIPE."""


class Ends:
    """What ends a command in order, besides Ctrl+C.

    A polite signal cancels it, and a second SIGTERM kills (a closed terminal often sends SIGHUP twice); one
    that the parent had ignored (`nohup`) stays ignored.
    Where nobody reads a pipe any more, it is cancelled too. Where the terminal was closed under a command
    that does not end with it, it goes on, and what it says there is lost.
    """

    def __init__(self) -> None:
        """Watches nothing yet."""
        self.unread = False
        """Whether the reader of a pipe is gone."""
        self._cancel: Callable[[], object] | None = None

    async def heeded(self, command: Coroutine[Any, Any, int]) -> int:
        """Runs a command until it ends or is cancelled; returns its exit code."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: loop.call_soon_threadsafe(_cancel_once, task)
        for number in _polite_signals():
            loop.add_signal_handler(number, self._end, loop, task, number)
        return await command

    @staticmethod
    def _end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], number: signal.Signals) -> None:
        if number == signal.SIGTERM:
            loop.remove_signal_handler(number)
        _cancel_once(task)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notices who is gone from standard output and error; what others put there is left alone."""
        before = sys.stdout, sys.stderr
        if sys.stdout is sys.__stdout__ and sys.stdout is not None:
            sys.stdout = self._outlet(sys.stdout, line_buffering=bool(sys.stdout.line_buffering))
        if sys.stderr is sys.__stderr__ and sys.stderr is not None:
            sys.stderr = self._outlet(sys.stderr, line_buffering=True)
        try:
            yield
        finally:
            _flush(sys.stdout)
            _flush(sys.stderr)
            sys.stdout, sys.stderr = before

    def _outlet(self, stream: TextIO, *, line_buffering: bool) -> TextIO:
        stream.flush()
        raw = _Outlet(stream.fileno(), self._nobody_reads)
        return io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=line_buffering,
        )

    def _nobody_reads(self) -> None:
        first, self.unread = not self.unread, True
        if first and self._cancel is not None:
            with suppress(RuntimeError):  # the loop is closed: it has ended
                self._cancel()


class _Outlet(io.FileIO):
    """A file descriptor for which it is no error that nobody is there."""

    def __init__(self, number: int, unread: Callable[[], None]) -> None:
        super().__init__(number, "w", closefd=False)
        self._unread = unread
        self._terminal = self.isatty()

    def write(self, data: Any, /) -> int:
        """Writes, or lets go of what nobody can read.

        Raises:
            OSError: it cannot be written for another reason, like a full disk.
        """
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EPIPE:
                self._unread()
            elif not (error.errno == errno.EIO and self._terminal):
                raise
        return memoryview(data).nbytes


def _flush(stream: TextIO | None) -> None:
    """Writes what is buffered, where there is a stream and it can be written."""
    if stream is not None:
        with suppress(OSError):
            stream.flush()


def _cancel_once(task: asyncio.Task[Any]) -> None:
    """Lets what is being cancelled clean up: Ctrl+C in a pipeline ends the reader of the output too."""
    if not task.cancelling():
        task.cancel()


def _polite_signals() -> list[signal.Signals]:
    """What `kill`, a service manager and a closed terminal send, where it would kill this process.

    Only the main thread may heed them.
    """
    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        return []
    numbers = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
