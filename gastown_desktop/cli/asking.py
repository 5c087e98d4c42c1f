"""Questions at the terminal, whose answer is a line; an interrupt ends them at once."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from gastown_desktop.core.errors import GasTownError, Refused
from gastown_desktop.core.plain_text import printable

_STDIN = 0
_LONGEST = 10_000
"""Bytes of an answer, above which it is not read on."""
_NOTHING = "Nothing was changed."


class Unanswered(GasTownError):
    """The user interrupts a question, so that what it is about is not begun."""


async def ask_yes(question: str) -> None:
    """Waits for a yes to something that is not begun yet.

    Raises:
        Refused: the answer is no.
        Unanswered: the user interrupts.
    """
    try:
        answer = await ask_line(f"{question} [y/N]")
    except asyncio.CancelledError:
        raise Unanswered("Cancelled.", safe=_NOTHING) from None
    if not is_yes(answer):
        raise Refused("You said no.", safe=_NOTHING)


def is_yes(answer: str) -> bool:
    """Whether an answer agrees."""
    return answer.strip().lower() in {"y", "yes"}


async def ask_line(question: str) -> str:
    """Puts a question and returns the line that is typed; empty at the end of the input.

    It is read in a thread that nobody waits for: a read of a terminal cannot be cancelled.
    """
    print(printable(question), end=" ", file=sys.stderr, flush=True)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        line = _read_line()
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: answer.done() or answer.set_result(line))

    threading.Thread(target=read, name="answer", daemon=True).start()
    try:
        return await answer
    except asyncio.CancelledError:
        print(file=sys.stderr)
        raise


def _read_line() -> str:
    """One line and nothing of the next, which may answer another question."""
    line = b""
    while len(line) < _LONGEST and (one := _read_one()) not in {b"", b"\n"}:
        line += one
    return line.decode("utf-8", "replace")


def _read_one() -> bytes:
    """A byte; none at the end, or where nothing can be read."""
    try:
        return os.read(_STDIN, 1)
    except OSError:
        return b""
