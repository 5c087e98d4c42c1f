"""Hears from the system that it goes to sleep, and that it is awake again.

Linux: logind's signal `PrepareForSleep` (org.freedesktop.login1.Manager), as `gdbus monitor` prints it, which
any user may run; `busctl monitor` and `dbus-monitor` want rights that users do not have.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from gastown_desktop.core.errors import GasTownError
from gastown_desktop.engine.process_ports import Child, ChildCommand, Launcher

_SIGNAL = re.compile(rb"\.PrepareForSleep \((true|false),?\)")
_UNTIL_INPUT_ENDS = 'exec 3<&0; { "$0" <&3; kill $$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'
"""For a shell: runs a program until standard input ends; a job in the background has none of its own."""
_LONGEST_LINE = 4_096
_LONGEST_S = 60.0
"""Seconds awake after which a sleep that was announced did not come; logind itself waits five."""
_log = logging.getLogger(__name__)


def monitor_command(platform: str, find: Callable[[str], str | None]) -> tuple[str, ...]:
    """What prints logind's signals as long as it runs; empty where there is no such program.

    It ends when its standard input does, so that a kill of this process leaves nothing behind.
    """
    gdbus, shell, cat = find("gdbus"), find("sh"), find("cat")
    if platform != "linux" or gdbus is None or shell is None or cat is None:
        return ()
    logind = ("--dest", "org.freedesktop.login1", "--object-path", "/org/freedesktop/login1")
    return shell, "-c", _UNTIL_INPUT_ENDS, cat, gdbus, "monitor", "--system", *logind


@asynccontextmanager
async def watch_sleep(
    launcher: Launcher,
    tell: Callable[[bool], None],
    *,
    find: Callable[[str], str | None] = shutil.which,
    longest_s: float = _LONGEST_S,
) -> AsyncGenerator[None, None]:
    """Tells, while in the block, that the system goes to sleep and that it is awake again.

    Where that cannot be heard, nothing is told. At the end it counts as awake.

    Args:
        launcher: starts what listens.
        tell: hears true before a sleep, false after it.
        find: where a program is.
        longest_s: seconds after which a sleep that was announced and did not come is forgotten.
    """
    command = monitor_command(sys.platform, find)
    child: Child | None = None
    if command:
        try:
            child = await launcher.start(ChildCommand(argv=command, environment={}))
        except GasTownError:
            _log.info("nobody tells when the system goes to sleep", exc_info=True)
    if child is None:
        yield
        return
    hearing = asyncio.ensure_future(_hear(child, tell, longest_s))
    try:
        yield
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        await child.kill()


async def _hear(child: Child, tell: Callable[[bool], None], longest_s: float) -> None:
    """Reads line by line; whoever listens no more has not heard of the end of a sleep either."""
    loop = asyncio.get_running_loop()
    forgetting: asyncio.TimerHandle | None = None
    rest = b""
    try:
        while data := await child.read(_LONGEST_LINE):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-_LONGEST_LINE:]
            for said in filter(None, map(_SIGNAL.search, lines)):
                if forgetting is not None:
                    forgetting.cancel()
                near = said[1] == b"true"
                tell(near)
                # the loop's clock stands still while the system sleeps
                forgetting = loop.call_later(longest_s, tell, False) if near else None
    finally:
        if forgetting is not None:
            forgetting.cancel()
        tell(False)
