"""What the engine needs from the world: one Protocol per thing, implemented once in `adapters`.

Paths inside a repository are `str` with `/` between parts and no leading slash; a name that is not
valid UTF-8 is carried with surrogate escapes (`os.fsdecode`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path
    from socket import socket

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


# --- git ----------------------------------------------------------------------------------------

REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
GITLINK = 0o160000
FOLDER = 0o040000


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree; `path` is relative to the tree that was listed."""

    path: str
    mode: int
    oid: Oid


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path that differs between two trees; a side that lacks the path has mode 0 and oid None.

    Renames are not detected: a rename is a delete and an add.
    """

    path: str
    old_mode: int
    old_oid: Oid | None
    new_mode: int
    new_oid: Oid | None


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when; `when` is aware, its offset is kept."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as stored; `message` is decoded leniently."""

    oid: Oid
    tree: Oid
    parents: tuple[Oid, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().split("\n", 1)[0].strip()


@dataclass(frozen=True, slots=True)
class Merge:
    """The result of a three-way merge of trees, made by git's ort strategy."""

    tree: Oid
    """The merged tree; with conflict markers inside where `conflicts` is not empty."""
    conflicts: tuple[str, ...]
    """Paths in conflict, sorted; empty when the merge is clean."""


class GitObjects(Protocol):
    """Objects and refs of one repository. All methods raise `GitError` on what git does not expect."""

    @property
    def hash_name(self) -> str:
        """`sha1` or `sha256`."""
        ...

    async def resolve(self, rev: str) -> Oid | None:
        """The commit a revision names (ref, id, `HEAD`, `ref~2`); None when there is none."""
        ...

    async def read_commit(self, oid: Oid) -> Commit:
        """Reads a commit."""
        ...

    async def first_parents(self, tip: Oid, limit: int) -> list[Commit]:
        """Up to `limit` commits from `tip` along first parents, newest first."""
        ...

    async def tree_of(self, commit: Oid) -> Oid:
        """The tree of a commit."""
        ...

    async def read_blob(self, oid: Oid) -> bytes:
        """Reads a blob whole."""
        ...

    async def blob_size(self, oid: Oid) -> int:
        """The size of a blob in bytes, without reading it."""
        ...

    async def blob_sizes(self, oids: Sequence[Oid]) -> list[int]:
        """The sizes of many blobs in bytes, in their order."""
        ...

    async def write_blob(self, data: bytes) -> Oid:
        """Stores a blob."""
        ...

    async def list_tree(self, tree: Oid, *, recursive: bool) -> list[TreeEntry]:
        """Lists a tree (or a commit's tree); recursive lists leaves only, with whole paths."""
        ...

    async def write_tree(self, entries: Sequence[TreeEntry]) -> Oid:
        """Stores a tree from leaves with whole paths (folders are made)."""
        ...

    async def edit_tree(self, tree: Oid, changes: Mapping[str, tuple[int, Oid] | None]) -> Oid:
        """A tree with some paths set (mode, oid) or removed (None); emptied folders vanish."""
        ...

    async def diff_trees(self, old: Oid, new: Oid) -> list[TreeChange]:
        """Paths that differ between two trees, sorted by path bytes."""
        ...

    async def write_commit(
        self, tree: Oid, parents: Sequence[Oid], message: str, author: Signature, committer: Signature
    ) -> Oid:
        """Stores a commit."""
        ...

    async def merge_trees(self, base: Oid, ours: Oid, theirs: Oid, *, union: Sequence[str] = ()) -> Merge:
        """Merges three trees (not commits) with pinned options; nothing but objects is written.

        Args:
            base: what both sides came from.
            ours: the side that is merged into.
            theirs: the side that is merged.
            union: paths of which the lines of both sides are kept where they meet.
        """
        ...

    async def patch_id(self, old: Oid, new: Oid) -> str:
        """Names the change from one tree to another as `git patch-id --stable` does; empty for no change.

        Line numbers, white space and the order of files do not count.
        """
        ...

    async def is_ancestor(self, ancestor: Oid, descendant: Oid) -> bool:
        """Tells whether one commit is reachable from another (a commit is its own ancestor)."""
        ...

    async def read_ref(self, name: str) -> Oid | None:
        """The object a full ref name points at, None when it does not exist."""
        ...

    async def list_refs(self, prefix: str) -> dict[str, Oid]:
        """All refs whose full name starts with `prefix`."""
        ...

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        """Compare-and-swap: moves, creates (`old` None) or deletes (`new` None) a ref, durably.

        Returns:
            False when the ref was not at `old`; then nothing changed.

        Raises:
            RefLocked: the ref stayed locked for 5 s.
        """
        ...


@dataclass(frozen=True, slots=True)
class Slot:
    """A working folder of one worker (or of a gate) on the engine's side."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of a slot as a tree of the rig's repository."""

    tree: Oid
    left_out: tuple[str, ...]
    """Paths that were not taken, each with its reason: `path: reason`."""


class Slots(Protocol):
    """Working folders of one rig; the throw-away `.git` in each is never read by us."""

    async def prepare(self, name: str, commit: Oid) -> Slot:
        """Gives a clean slot at a commit: made anew, or reused after cleaning away everything else."""
        ...

    def slot(self, name: str) -> Slot:
        """A slot by its name, whether it exists or not."""
        ...

    async def snapshot(self, slot: Slot) -> Snapshot:
        """Stores what the slot holds now, untracked files included, ignored ones not."""
        ...

    async def reset(self, slot: Slot, tree: Oid) -> None:
        """Makes the slot hold exactly this tree; ignored files may stay."""
        ...

    async def remove(self, name: str) -> None:
        """Deletes a slot and its private index; a slot that does not exist is no error."""
        ...

    async def names(self) -> list[str]:
        """Slots that exist on disk, also those of an earlier process."""
        ...


class KeepingSlots(Slots, Protocol):
    """Slots in which something that git ignores may stay from one use to the next."""

    async def prepare(self, name: str, commit: Oid, *, made: str = "") -> Slot:
        """As any slot; what `keep_made` took down under the name `made` stays if nobody changed any of it."""
        ...

    async def has_made(self, name: str, made: str) -> bool:
        """Whether that stayed."""
        ...

    async def keep_made(self, slot: Slot, commit: Oid, made: str) -> tuple[str, ...]:
        """Takes down what is in a slot besides a commit and is ignored by git: no snapshot has it.

        Everything else is put back as the commit has it.

        Returns:
            Paths that were removed as git does not ignore them.
        """
        ...


class SlotFiles(Protocol):
    """Files of one slot, opened without following links, regular files only."""

    def read(self, path: str, limit: int) -> bytes:
        """Reads a file of at most `limit` bytes; raises ToolRefused."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file, making folders; raises ToolRefused."""
        ...


# --- processes ----------------------------------------------------------------------------------


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
