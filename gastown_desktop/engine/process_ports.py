"""What the engine needs to run commands: child processes, and the sandbox with its shells and networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from socket import socket


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a command ended."""

    exit_code: int
    """The exit status; -N for signal N."""
    output: bytes
    """Standard output and error as they came, capped: the first and last part, a mark between."""
    timed_out: bool = False
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    """User + system seconds of the command and its children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCommand:
    """A program to start: never through a shell, in its own process group and session."""

    argv: tuple[str | bytes, ...]
    environment: Mapping[str, str]
    """The whole environment; nothing is inherited."""
    folder: Path | None = None
    input: bytes = b""
    timeout_s: float | None = None
    output_limit: int | None = None
    """Bytes of standard output to keep (head and tail, a mark between); None keeps all."""
    merge_error: bool = False
    """Standard error goes into the output; else it is kept apart."""
    files: tuple[int, ...] = ()
    """Open files of ours that the child gets too, under the same numbers."""
    finishes: bool = False
    """It changes what must not stay half done: it is waited for and never killed, also after a crash."""


class Child(Protocol):
    """A running child with pipes, for those who talk to it."""

    @property
    def pid(self) -> int:
        """The process id (also the id of its group)."""
        ...

    async def write(self, data: bytes) -> None:
        """Writes to its standard input."""
        ...

    async def read(self, limit: int) -> bytes:
        """Reads up to `limit` bytes of its output; empty at the end."""
        ...

    async def kill(self) -> None:
        """Kills its whole group and waits for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a child ended."""

    exit_code: int
    output: bytes
    error: bytes
    timed_out: bool
    elapsed_s: float
    cpu_s: float


class Launcher(Protocol):
    """The one place that starts children; it records pid and start time so that a later process can sweep."""

    async def run(self, command: ChildCommand) -> Finished:
        """Runs a child to its end; cancellation and time-out kill its group."""
        ...

    async def start(self, command: ChildCommand) -> Child:
        """Starts a child and leaves it running."""
        ...

    async def sweep(self) -> int:
        """Kills recorded children of a dead process that still run; returns how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Where and with what a sandboxed command runs."""

    slot: Path
    """The only writable folder, seen by the command at `seen_at`."""
    seen_at: Path
    """The path of the user's checkout."""
    read_only: tuple[tuple[Path, Path], ...] = ()
    """(real, seen) pairs bound read-only, for example the rig's `.venv` over the slot."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Allow-listed variables beyond the base set."""
    since: float = 0.0
    """Seconds since 1970 at which the slot was given out: what is newer was written by commands."""


class Serving(Protocol):
    """A listener of a sandbox that is answered."""

    async def close(self) -> None:
        """Closes the listener and its connections; twice is no error."""
        ...


class Network(Protocol):
    """The hosts that the user allowed, for sandboxes that have no network of their own."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts with their ports, in a fixed order."""
        ...

    async def serve(self, listener: socket, slot: str) -> Serving:
        """Answers, as a proxy, whoever connects to a listener, until it is closed."""
        ...


class Shell(Protocol):
    """A persistent, sandboxed shell of one worker."""

    async def run(self, command: str, *, timeout_s: float) -> CommandResult:
        """Runs one command; directory and variables persist. A time-out kills and restarts the shell."""
        ...

    def still(self) -> AbstractAsyncContextManager[None]:
        """Nothing in it runs meanwhile."""
        ...

    async def close(self) -> None:
        """Kills everything in it."""
        ...


class Sandbox(Protocol):
    """Runs commands of a repository or a worker, confined."""

    @property
    def confined(self) -> bool:
        """False when no sandbox is at hand: commands run with the user's rights."""
        ...

    @property
    def profile(self) -> str:
        """Names what confines, for caches and reports: `bubblewrap 0.8.0 profile 1`, or `none`.

        Hosts that are reached from inside belong to the name.
        """
        ...

    async def run(
        self, command: str, confinement: Confinement, *, timeout_s: float, output_limit: int = 30_000
    ) -> CommandResult:
        """Runs one `sh -c` command in its own process group."""
        ...

    async def shell(self, confinement: Confinement) -> Shell:
        """Opens a persistent bash (sh where there is none)."""
        ...
