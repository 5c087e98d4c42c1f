"""What ends a command besides Ctrl+C, and how often."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

import pytest

from gastown_desktop.cli.gone import Ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_being_cancelled_already_cleans_up(number: signal.Signals) -> None:
    cleaned: list[str] = []

    async def command() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        try:
            await asyncio.sleep(60)
        finally:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.1)
            cleaned.append("up")
        return 0

    with suppress(asyncio.CancelledError):
        asyncio.run(Ends().heeded(command()))
    assert cleaned == ["up"]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def command() -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.1)
        return 7

    try:
        assert asyncio.run(Ends().heeded(command())) == 7
    finally:
        signal.signal(signal.SIGHUP, before)
