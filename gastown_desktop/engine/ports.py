"""What the engine needs from the world: one Protocol per thing, implemented once in `adapters`.

Here are time, gates, money, history and the model; `git_ports`, `process_ports` and `landing_ports` have the
rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
    from datetime import datetime

    from gastown_desktop.core.flakiness import FlakeRecord
    from gastown_desktop.core.ids import Oid
    from gastown_desktop.core.merge_queue import FailureRate

# --- time ---------------------------------------------------------------------------------------


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back and do not count the laptop's sleep."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


# --- gates --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What a gate said of a tree: green, or red as often as it takes to believe it."""

    green: bool
    tail: str = ""
    """Last lines of its output when it was red."""
    seconds: float = 0.0
    """How long its last run took."""


class GateEnvironment(Protocol):
    """What a gate's answer depends on besides the tree and the sandbox: programs, variables, platform."""

    def digest(self, command: str) -> str:
        """Names the environment of a command; another name when a program of it was changed."""
        ...


class GateCache(Protocol):
    """What is remembered of gates over all convoys of a rig.

    It saves time and is never needed: what cannot be read is as if it had never been written, and nothing
    here raises or waits.
    """

    def find(self, tree: Oid, key: str) -> GateAnswer | None:
        """The last answer about a tree of the gate and environment that a key names."""
        ...

    def remember(self, tree: Oid, key: str, answer: GateAnswer) -> None:
        """Keeps an answer in place of an earlier one."""
        ...

    def record(self, command: str) -> FlakeRecord:
        """What is known of the gate with this command."""
        ...

    def count(self, command: str, *, runs: int, flips: int) -> None:
        """Adds runs and flips to the record of a gate."""
        ...

    def failure_rate(self, queue: str) -> FailureRate:
        """How often candidates of a kind of merge queue are bad: `work` or `rehearsal`."""
        ...

    def judged(self, queue: str, *, landed: int, blamed: int) -> None:
        """Adds candidates that landed and that were blamed."""
        ...


# --- money --------------------------------------------------------------------------------------


class MoneyLog(Protocol):
    """The append-only record of reservations (one writer)."""

    async def append(self, record: Mapping[str, object], *, durable: bool) -> None:
        """Writes a record; `durable` waits for fsync.

        Raises:
            StoreError: it could not be made durable: whatever it was for must not happen.
        """
        ...

    def sums(self) -> Mapping[str, object] | None:
        """What `keep_sums` was told about the records before those of `records`; None where it gives all."""
        ...

    def records(self) -> Iterable[dict[str, object]]:
        """Records that were found at opening, oldest first, once; a torn last one is cut off."""
        ...

    def earlier(self, scope: str) -> Iterable[dict[str, object]]:
        """Records before those, oldest first: at least all of a scope, and all acknowledgements."""
        ...

    def keep_sums(self, sums: Mapping[str, object]) -> None:
        """Remembers what all records that were found come to: the next opening begins after them.

        What cannot be written is left: then it begins where this one did.
        """
        ...

    async def close(self) -> None:
        """Closes the file and gives the lock back."""
        ...


# --- history ------------------------------------------------------------------------------------


class EventStore(Protocol):
    """Durable events of one convoy, oldest first."""

    async def append(self, lines: Sequence[bytes]) -> None:
        """Writes encoded envelopes and waits for fsync (grouped with others that wait).

        Raises:
            StoreError: nothing was acknowledged.
        """
        ...

    def lines(self) -> list[bytes]:
        """All intact lines; a torn last one is cut off."""
        ...

    async def close(self) -> None:
        """Closes the file."""
        ...


# --- model --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request to the Messages API, before it is serialised."""

    model: str
    max_tokens: int
    system: tuple[Mapping[str, object], ...]
    tools: tuple[Mapping[str, object], ...]
    messages: tuple[Mapping[str, object], ...]
    thinks: bool = False
    """The model decides itself how long it thinks first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model as its provider lists it."""

    id: str
    name: str
    """For people."""
    window: int | None
    """Tokens that a prompt may have; None where that is not said."""
    longest_reply: int | None
    """The largest `max_tokens`; None where that is not said."""


class ModelStream(Protocol):
    """Opens streams of raw Messages API events, as plain dicts in protocol order."""

    def stream(
        self, request: ModelRequest, *, reservation: str
    ) -> AsyncGenerator[Mapping[str, object], None]:
        """Sends one request under one reservation; never retries.

        Raises:
            NoReservation, CapReached: refused before it left.
            ModelError: the provider or the connection failed.
        """
        ...

    async def close(self) -> None:
        """Closes all connections."""
        ...
