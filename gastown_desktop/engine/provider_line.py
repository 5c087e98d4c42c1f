"""The line to the provider, as the fleet finds it: open, in doubt, or closed by the provider.

A request whose outcome is unknown is charged in full, so a dead network must not be asked by thirty workers
at once: after two unknown outcomes in a row one request at a time tries the line. A provider that cannot be
reached, or lets nobody in, is waited for through a night, since that costs nothing and is no worker's fault.
One that takes the key no more is asked by nobody until the user did something about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from gastown_desktop.core.errors import ModelError, ProviderClosed
from gastown_desktop.core.pace import Pace
from gastown_desktop.core.polecat import MOST_POLECATS
from gastown_desktop.engine.ports import Clock

PROBE_S = 30.0
"""Seconds between two requests that try a line in doubt."""
AWAY_S = 60.0
"""Seconds for which nobody was let in, after which the provider is away: it is waited for, by everybody."""
PATIENCE_S = 6 * 3_600.0
"""Seconds for which a provider that is away is waited for; it costs nothing."""
_PAUSE_S = 900.0
"""Seconds in which nobody asked, beyond half as long again as the provider wanted (workers do not all come
back at once): what was before counts no more."""
_DOUBTFUL = 2
_CLOSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
"""Statuses that are about the key or the account, so that every further request would end the same."""


class ProviderLine:
    """Shared by everybody who asks the same provider."""

    def __init__(self, clock: Clock, *, probe_s: float = PROBE_S) -> None:
        """Finds the line open."""
        self._clock = clock
        self._probe_s = probe_s
        self._unknown = 0
        self._next_probe = 0.0
        self._probing = False
        self._refused_since: float | None = None
        self._asked_again_by = 0.0
        self._changed = asyncio.Event()
        self.pace = Pace.of(MOST_POLECATS)
        """What the provider lets run."""
        self.closed = ""
        """Why the provider takes no request any more; empty while it does."""

    @property
    def in_doubt(self) -> bool:
        """Whether one request at a time tries the line."""
        return self._unknown >= _DOUBTFUL

    @property
    def holds_back(self) -> bool:
        """Whether requests wait for the provider, so that nobody is to blame for being silent."""
        waits_s = self.pace.wait_s(self._clock.monotonic())
        return bool(self.closed) or self.in_doubt or self.is_away or waits_s > 0

    @property
    def is_away(self) -> bool:
        """Whether the provider let nobody in for some time."""
        return self._refused_s() >= AWAY_S

    def _refused_s(self) -> float:
        return 0.0 if self._refused_since is None else self._clock.monotonic() - self._refused_since

    def may_ask(self) -> bool:
        """Whether a request may be sent now.

        Raises:
            ProviderClosed: none may until the user did something.
        """
        if self.closed:
            raise ProviderClosed(self.closed)
        now = self._clock.monotonic()
        if self.pace.wait_s(now):
            return False
        return not self.in_doubt or (not self._probing and now >= self._next_probe)

    def until_changed(self) -> Coroutine[Any, Any, None]:
        """Waits until `may_ask` may answer otherwise; heard is what happens after this call."""
        return self._until(self._changed)

    async def _until(self, news: asyncio.Event) -> None:
        now = self._clock.monotonic()
        waits = [self.pace.wait_s(now)]
        if self.in_doubt and not self._probing:
            waits.append(self._next_probe - now)
        seconds = max(waits)
        if seconds <= 0:
            await news.wait()
            return
        changed = asyncio.ensure_future(news.wait())
        rested = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({changed, rested}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (changed, rested):
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one

    @contextmanager
    def request(self) -> Generator[None, None, None]:
        """Learns from how a request ends; enter it when `may_ask` said yes, with nothing in between."""
        probes = self.in_doubt
        self._probing |= probes
        try:
            yield
        except ModelError as error:
            self._learn(error)
            raise
        else:
            self._unknown, self._refused_since = 0, None
            self.pace = self.pace.replied(self._clock.monotonic())
        finally:
            if probes:
                self._probing = False
            self._tell()

    def reopen(self) -> None:
        """The user did something about it: requests may be sent again."""
        self.closed, self._unknown, self._refused_since = "", 0, None
        self._tell()

    def _learn(self, error: ModelError) -> None:
        if error.closes or error.status in _CLOSES:
            self.closed = error.whole
        elif error.unbilled:
            self._unknown = 0 if error.status else self._unknown
            self._refuse(error)
        else:
            self._unknown += 1
            wait_s = 1.0 if self._unknown == _DOUBTFUL else self._probe_s
            self._next_probe = self._clock.monotonic() + wait_s

    def _refuse(self, error: ModelError) -> None:
        """Notes that nobody was let in; after hours of trying that the user is asked."""
        if error.retry_after is None:
            return
        now = self._clock.monotonic()
        if self._refused_since is None or now > self._asked_again_by:
            self._refused_since = now
        self._asked_again_by = max(self._asked_again_by, now + 1.5 * error.retry_after + _PAUSE_S)
        if self._refused_s() >= PATIENCE_S:
            self.closed = (
                f"For {PATIENCE_S / 3600:.0f} hours the provider answered nobody: {error} "
                "Everything so far is kept. Look whether it can be reached, then go on."
            )

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
