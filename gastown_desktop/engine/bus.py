"""The one stream of events: numbered, written down, folded, then shown to whoever listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.event_lines import decode, encode
from gastown_desktop.core.events import DurableEvent, Envelope, EphemeralEvent
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.engine.ports import Clock, EventStore

Listener = Callable[[Envelope | EphemeralEvent], None]


class Bus:
    """Publishes events of one convoy. `state` is the fold of all that was written down, never more."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        """Opens the stream at the end of what the store holds."""
        self._store = store
        self._clock = clock
        self._queue: list[Envelope] = []
        self._flushing = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._failure: StoreError | None = None
        self.state: Projection = fold([decode(line) for line in store.lines()])
        self._last_seq = self.state.last_seq

    def listen(self, listener: Listener) -> None:
        """Calls `listener` with every event from now on; it must not block."""
        self._listeners.append(listener)

    async def publish(self, *events: DurableEvent) -> None:
        """Writes events down, then folds and shows them; events that wait meanwhile share one fsync.

        Raises:
            StoreError: they could not be written; nobody saw them, and no later event is taken.
        """
        if self._failure is not None:
            raise self._failure
        for event in events:
            self._last_seq += 1
            self._queue.append(Envelope(seq=self._last_seq, at=self._clock.now(), event=event))
        await asyncio.shield(self._flush_up_to(self._last_seq))
        if self._failure is not None:
            raise self._failure

    def show(self, event: EphemeralEvent) -> None:
        """Shows an ephemeral event."""
        self.state.glance(event)
        for listener in self._listeners:
            listener(event)

    async def _flush_up_to(self, seq: int) -> None:
        """Writes what waits; not cut short with its publisher, whose group holds others' events too."""
        async with self._flushing:
            if self._failure is None and self.state.last_seq < seq:
                await self._flush()

    async def _flush(self) -> None:
        batch, self._queue = self._queue, []
        try:
            await self._store.append([encode(envelope) for envelope in batch])
            self._tell(batch)
        except StoreError as error:
            self._failure = error
        except BaseException:
            self._failure = StoreError("The history stopped in the middle of an event.")
            raise

    def _tell(self, batch: list[Envelope]) -> None:
        for envelope in batch:
            self.state.apply(envelope)
            for listener in self._listeners:
                listener(envelope)
