"""What a window may ask of the town: each method is one command or one question of the user's.

Commands return when they are acknowledged (written down); what follows from them comes as events. Values are
frozen and hold no live object, so they may cross from the engine's thread to the screen's. Every method may
raise a `GasTownError`, whose text, `safe` and `remedy` are for the user; nothing was changed then unless it
says so. Money is in nano-dollars at list price, times are aware and UTC, paths in a repository are `str`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, RigId
from gastown_desktop.engine.bill import Absence as Absence
from gastown_desktop.engine.bill import Bill as Bill
from gastown_desktop.engine.bill import BillLine as BillLine
from gastown_desktop.engine.bill import BillRequest as BillRequest
from gastown_desktop.engine.bill import LimitLine as LimitLine
from gastown_desktop.engine.user_branches import BranchLine as BranchLine
from gastown_desktop.engine.user_branches import LandingLine as LandingLine
from gastown_desktop.engine.user_branches import LandingSheet as LandingSheet
from gastown_desktop.engine.user_branches import Outcome as Outcome
from gastown_desktop.engine.user_branches import TownBranch as TownBranch

# --- opening --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What the program found on this machine."""

    git: str
    """Version of git, `2.43.0`."""
    sandbox: str
    """`bubblewrap 0.8.0`, or empty when commands run with the user's rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """A repository that was opened before, and how its last run stands."""

    path: Path
    name: str
    branch: str
    state: str
    """Name of a state (core.card.State), `rehearsed`, `missing` when the folder is gone, or empty."""
    words: str
    """`7 landed`, `rehearsed, 9 of 12 apart`, `folder not found`, or empty."""
    spent: int
    cap: int | None
    at: datetime


Kind = Literal[
    "repository", "inside", "plain_folder", "empty", "bare", "file", "missing", "foreign", "broken", "refused"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a path turned out to be, said in one sentence; looking runs nothing and writes nothing."""

    kind: Kind
    path: Path
    """The top level of the checkout where there is one, else what was given."""
    sentence: str
    """Empty for an ordinary repository."""
    remedy: str = ""
    branch: str | None = None
    notes: tuple[str, ...] = ()
    """Oddities that do not hinder: uncommitted changes, a detached HEAD, shallow, partial, submodules."""

    @property
    def opens(self) -> bool:
        """Whether it can be opened as it is; `inside` opens at its top level."""
        return self.kind in {"repository", "inside"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRig:
    """A repository that is open."""

    rig: RigId
    path: Path
    name: str
    branch: str
    """The branch that work lands on; the short commit id where HEAD is detached."""
    commits: int
    """Commits that a rehearsal could take, at most 500."""
    notes: tuple[str, ...] = ()
    convoys: tuple[ConvoyId, ...] = ()
    """Convoys whose history was sent to the feed, newest first."""


# --- settings -------------------------------------------------------------------------------------

SettingName = Literal[
    "theme",
    "rail",
    "density",
    "reduced_motion",
    "polecats",
    "model",
    "rehearsal_limit",
    "day_cap",
    "town_cap",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user wants; what the settings file does not say has the program's default."""

    theme: Literal["system", "light", "dark"] = "system"
    rail: Literal["open", "icons"] = "open"
    density: Literal["cards", "table"] = "cards"
    """How the fleet is shown at first."""
    reduced_motion: bool = False
    polecats: int = 6
    """Workers at once, where a rehearsal does not say."""
    model: str = "claude-opus-5-5"
    rehearsal_limit: int = 100_000_000_000
    """At list price, in nano-dollars."""
    day_cap: int | None = None
    """What real work may spend on a calendar day, in nano-dollars; None for no such limit."""
    town_cap: int | None = None
    """What real work may ever spend through this data folder, in nano-dollars; None for no such limit."""
    given: frozenset[SettingName] = frozenset()
    """Those whose value the user's settings file gives."""
    file: Path
    """The settings file, which need not exist."""
    data: Path
    """Where everything else is kept."""
    trouble: str = ""
    """Why the file cannot be read; all values are defaults then, and none can be set."""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the open repository proposes about itself, at its newest commit."""

    present: bool
    """Whether it has a `.gastown.toml` that says anything."""
    gates: tuple[GateWish, ...] = ()
    """Its own gates, else what was found in it, each with a reason then."""
    runs: RunsList | None = None
    """What would run with these gates, and whether the user trusts exactly that."""
    ignored: tuple[str, ...] = ()
    """Keys that a repository may not set, or that nobody knows."""
    trouble: str = ""
    """Why its `.gastown.toml` cannot be read."""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The program itself."""

    version: str
    licence: str
    parts: tuple[tuple[str, str, str], ...]
    """(name, version, licence) of everything that it ships with."""


# --- rehearsing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GateWish:
    """A gate that the repository proposes, that was found, or that the user typed."""

    name: str
    command: str
    reason: str = ""
    """Why it is proposed; empty for one of the repository's own `.gastown.toml`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsList:
    """What would run once the repository is trusted; trust is bound to `digest` and the path."""

    items: tuple[tuple[str, str, str], ...]
    """(kind, name, value): kind is unconfined, gate, setup, copy, generated, network, program, hook or
    submodule."""
    digest: str
    trusted: bool
    confined: bool
    """False: no sandbox is at hand, all of it would run with the user's rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalWish:
    """What the user asks for in the rehearsal sheet."""

    last: int = 12
    span: str = ""
    """`A..B`; empty to take the last commits."""
    polecats: int = 6
    plan: Literal["true", "predicted", "none"] = "true"
    cap: int | None = None
    """None for the setting."""
    gates: tuple[GateWish, ...] = ()
    real_pace: bool = False


# --- looking at a bead ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call of a turn."""

    name: str
    what: str
    """In words, short: `edit src/app.py`, `bash pytest -q`."""
    result: str
    """What it answered, cut to 20,000 characters."""
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenTurn:
    """One turn of a worker as it is read."""

    number: int
    at: datetime
    text: str
    """What the worker wrote, Markdown."""
    calls: tuple[ToolCall, ...]
    cost: int
    seconds: float
    """Seconds that its tools took."""
    told: str = ""
    """What the town or the user said after it."""
    request_id: str = ""
    prompt_tokens: int = 0
    output_tokens: int = 0
    tree: Oid | None = None
    """The worker's copy after the turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What a bead's newest attempt said and did."""

    bead: BeadId
    task: str
    turns: tuple[SpokenTurn, ...]
    steps: tuple[tuple[str, bool], ...]
    """Steps of its plan, with whether each is done."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """One line of a hunk."""

    sign: Literal[" ", "+", "-"]
    old: int | None
    """Line number before, from 1."""
    new: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """How one path differs."""

    path: str
    change: Literal["added", "deleted", "modified", "mode", "binary", "too_large"]
    added: int = 0
    removed: int = 0
    hunks: tuple[tuple[DiffLine, ...], ...] = ()


# --- conflicts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFile:
    """One path in conflict; a side that lacks the file is None, as is the base of an add/add."""

    path: str
    ours: bytes | None
    """What was merged already."""
    theirs: bytes | None
    """What the bead's work made of it."""
    base: bytes | None
    marked: bytes
    """As git left it, markers and all; empty where the conflict is not one of content."""
    binary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A merge request that does not merge."""

    bead: BeadId
    ours: str
    """Who made the merged side: beads and titles."""
    theirs: str
    files: tuple[ConflictFile, ...]
    tip: Oid
    """The convoy's tip that it was made with; an answer is refused when that moved in these files."""


class EngineApi(Protocol):
    """The town, as the window sees it."""

    # opening
    async def system(self) -> System:
        """What was found on this machine."""
        ...

    async def recents(self) -> tuple[Recent, ...]:
        """Repositories that were opened before, newest first."""
        ...

    async def forget(self, path: Path) -> None:
        """Takes a repository off the list; nothing of it is deleted."""
        ...

    async def look(self, path: Path) -> Looked:
        """Says what is at a path."""
        ...

    async def initialise(self, path: Path) -> Path:
        """Makes a plain folder a repository with one commit of everything in it that is not ignored."""
        ...

    async def clone(self, url: str, into: Path) -> Path:
        """Clones; `Progressed` events of the task `clone` tell how far it is. Cancelled, nothing is left."""
        ...

    async def make_sample(self) -> Path:
        """The sample repository, made anew when it is missing; it is trusted."""
        ...

    async def open(self, path: Path) -> OpenRig:
        """Opens a repository, untrusted; the history of its newest convoys goes to the feed."""
        ...

    async def close(self) -> None:
        """Closes the open repository: stops what runs, in order, and keeps all of it."""
        ...

    # settings
    async def settings(self) -> Settings:
        """What the user's settings file says; one that cannot be read is told as `trouble`, not raised."""
        ...

    async def set_setting(self, name: SettingName, value: str | int | bool | None) -> Settings:
        """Writes one setting; None takes it out of the file. Returns what is in force then.

        A limit of a day or of everything is in nano-dollars; the convoy that runs is under the new one at
        once, and a higher one lets those go on whom it stopped.

        Raises:
            Refused: the file cannot be read, or the value makes no sense; nothing was written.
            StoreError: the file could not be written; it is as it was.
        """
        ...

    async def configuration(self) -> Configuration:
        """What the open repository proposes about itself; looking runs nothing."""
        ...

    async def about(self) -> About:
        """The program's version, and the licences of what it ships with."""
        ...

    # rehearsing
    async def gates(self) -> tuple[GateWish, ...]:
        """Gates that the repository's configuration names, else what was found, as proposals."""
        ...

    async def runs_list(self, gates: tuple[GateWish, ...]) -> RunsList:
        """What would run with these gates."""
        ...

    async def trust(self, digest: str, gates: tuple[GateWish, ...]) -> None:
        """Trusts the repository with exactly this list.

        Raises:
            Refused: the list is another by now.
        """
        ...

    async def rehearse(self, wish: RehearsalWish) -> ConvoyId:
        """Plans and starts a rehearsal; returns once it runs. `Progressed` events (`plan`) tell how far."""
        ...

    # the running convoy
    async def resume(self, convoy: ConvoyId) -> None:
        """Goes on with a convoy that does not run, or that was paused."""
        ...

    async def go_on(self, convoy: ConvoyId) -> None:
        """Runs a convoy again that ended because only the user could go on; one that runs stays as it is."""
        ...

    async def pause(self, convoy: ConvoyId) -> None:
        """Starts nothing more; workers stop at the end of their turn, merges go on."""
        ...

    async def stop(self, convoy: ConvoyId) -> None:
        """Stops at once; a request in flight is charged in full, all finished turns are kept."""
        ...

    async def finish_merges(self, convoy: ConvoyId) -> None:
        """Goes on with what is handed in, and with nothing else."""
        ...

    async def set_cap(self, convoy: ConvoyId, cap: int) -> None:
        """Sets the convoy's cap, durably; a lower one than what is committed blocks at once.

        A higher one lets those go on whom the limit stopped, while the convoy runs.
        """
        ...

    async def set_fleet_size(self, convoy: ConvoyId, polecats: int) -> None:
        """How many work at once, 1 to 30."""
        ...

    async def answer(self, convoy: ConvoyId, item: str, text: str) -> None:
        """Answers an item of Needs you; the convoy goes on where nothing else holds it."""
        ...

    # one worker
    async def message(self, convoy: ConvoyId, bead: BeadId, text: str) -> None:
        """Tells a worker something at the end of its turn."""
        ...

    async def pause_bead(self, convoy: ConvoyId, bead: BeadId) -> None:
        """Its worker stops at the end of its turn and keeps its place."""
        ...

    async def resume_bead(self, convoy: ConvoyId, bead: BeadId) -> None:
        """Its worker goes on."""
        ...

    async def stop_bead(self, convoy: ConvoyId, bead: BeadId) -> None:
        """Its worker stops at once, as `stop`, and keeps its place."""
        ...

    async def fresh_context(self, convoy: ConvoyId, bead: BeadId) -> None:
        """Its worker goes on with a new conversation on the same copy, from its next turn."""
        ...

    async def take_over(self, convoy: ConvoyId, bead: BeadId) -> Path:
        """Puts the worker's copy into the user's hands; returns its folder."""
        ...

    async def give_back(self, convoy: ConvoyId, bead: BeadId) -> tuple[str, ...]:
        """Gives it back; returns the changes as the worker will see them."""
        ...

    async def dependants(self, convoy: ConvoyId, bead: BeadId) -> tuple[BeadId, ...]:
        """Beads that wait for it."""
        ...

    async def discard(self, convoy: ConvoyId, bead: BeadId, *, with_dependants: bool) -> Outcome:
        """Takes a bead out of the convoy; its work so far stays in town.git."""
        ...

    # looking
    async def transcript(self, convoy: ConvoyId, bead: BeadId) -> Transcript:
        """What its newest attempt said and did; empty turns before it began."""
        ...

    async def diff(self, convoy: ConvoyId, bead: BeadId) -> tuple[FileDiff, ...]:
        """What it has changed so far against its base."""
        ...

    async def conflict(self, convoy: ConvoyId, bead: BeadId) -> Conflict:
        """The conflict that waits for the user."""
        ...

    async def resolve_conflict(
        self, convoy: ConvoyId, bead: BeadId, files: Mapping[str, bytes | None], tip: Oid
    ) -> None:
        """Hands in the user's resolution; None deletes a file.

        Raises:
            Refused: a path in conflict is missing, a marker is left, or the tip moved in these files.
        """
        ...

    async def bill(self, convoy: ConvoyId) -> Bill:
        """The convoy's ledger."""
        ...

    async def absence(self, convoy: ConvoyId) -> Absence | None:
        """How long its user is away and what was spent meanwhile; None where they never were.

        It is read without the rig's lock, so also while another process runs the convoy.
        """
        ...

    async def evidence(self, convoy: ConvoyId) -> Mapping[str, Any] | None:
        """The report of a finished rehearsal, as `rehearse --json` prints it; None while there is none."""
        ...

    async def export_evidence(self, convoy: ConvoyId, folder: Path) -> tuple[Path, ...]:
        """Writes the report as Markdown, JSON and HTML; returns the files."""
        ...

    # publishing
    async def branches(self) -> tuple[TownBranch, ...]:
        """Branches of the work: convoys', the one at work last first, workers', and rehearsed landings."""
        ...

    async def publishing(self, names: tuple[str, ...], prefix: str) -> tuple[BranchLine, ...]:
        """What publishing these branches would do; nothing is written."""
        ...

    async def publish(self, names: tuple[str, ...], prefix: str) -> tuple[BranchLine, ...]:
        """Copies branches into the user's repository, all of them or none, also while a convoy runs.

        Raises:
            Refused: one of them is not there, or a branch of the user's is in the way; nothing was changed.
        """
        ...

    # landing
    async def landing(self, convoy: ConvoyId, branch: str) -> LandingSheet:
        """What landing on a branch would do."""
        ...

    async def land(
        self, convoy: ConvoyId, branch: str, approved: Mapping[BeadId, str], *, looked: bool
    ) -> Outcome:
        """Lands what was agreed to.

        Args:
            convoy: what lands.
            branch: where.
            approved: patch-ids as they were shown.
            looked: the user has looked at what is sensitive; else nothing lands where something is.
        """
        ...

    async def undo_land(self, convoy: ConvoyId) -> Outcome:
        """Takes the convoy off the branch that it landed on."""
        ...
