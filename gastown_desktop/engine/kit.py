"""The kit: what all polecats of a convoy, the dispatcher and the Refinery share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from gastown_desktop.core.context import WINDOW
from gastown_desktop.core.disk import PLENTY, Disk
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BeadId, Oid, PolecatName
from gastown_desktop.core.power import MAINS, Power
from gastown_desktop.core.prices import Price, price_of
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.diff_sizes import LineCounts
from gastown_desktop.engine.finishing_first import FinishingFirst
from gastown_desktop.engine.git_ports import GitObjects, Slot, SlotFiles, Slots
from gastown_desktop.engine.held import Held
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.ports import Clock
from gastown_desktop.engine.process_ports import Confinement, Sandbox
from gastown_desktop.engine.prompts import SystemBlocks
from gastown_desktop.engine.provider_line import ProviderLine
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.spend_gate import RecentOutputs, SpendGate
from gastown_desktop.engine.waiting import Waiting


async def keep_tree(bead: BeadId, base: Oid, tree: Oid) -> Oid:
    """The ordinary way to finish a tree: as it is."""
    del bead, base
    return tree


def _warm() -> asyncio.Event:
    """The cache of who warms none."""
    warm = asyncio.Event()
    warm.set()
    return warm


def never() -> bool:
    """The machine of who does not ask."""
    return False


@dataclass(slots=True, kw_only=True)
class Kit:
    """What all polecats of a convoy share."""

    rig: Rig
    refs: RefNames
    bus: Bus
    gate: SpendGate
    hooks: Hooks
    slots: Slots
    objects: GitObjects
    sandbox: Sandbox
    confinement: Callable[[Slot], Confinement]
    files: Callable[[Slot], SlotFiles]
    clock: Clock
    system: SystemBlocks
    """What every request of a worker begins with, after the tools: byte-identical for the fleet."""
    resolver_words: str = ""
    """What a resolver is told first about its work."""
    scopes: tuple[str, ...]
    """Ledger scopes of every request of this convoy."""
    finish_tree: Callable[[BeadId, Oid, Oid], Awaitable[Oid]] = keep_tree
    """Last touch to a tree before it is committed: (bead, base commit, tree) → tree."""
    price: Callable[[str], Price] = price_of
    """The price of a model by its id; raises UnknownPrice."""
    thinks: bool = False
    """Whether the model is asked to think first."""
    window: int = WINDOW
    """Tokens that the model takes in."""
    warms: bool = False
    """Whether the provider's cache is warmed before a first wave of workers."""
    warm: asyncio.Event = field(default_factory=_warm)
    """Not set while the cache is being warmed: workers prepare their slots and wait with their requests."""
    disk: Callable[[], Disk] = lambda: PLENTY
    """The disk that slots are on, as it is now."""
    power: Callable[[], Power] = lambda: MAINS
    """Where the machine's power comes from now."""
    per_hour: int | None = None
    """Nano-dollars that the convoy is to cost an hour at most; None for no such limit."""
    machine_is_busy: Callable[[], bool] = never
    """Whether a further worker would only make the others slower."""
    outputs: RecentOutputs = field(default_factory=RecentOutputs)
    waiting: Waiting = field(default_factory=Waiting)
    before_asking: Callable[[Mapping[str, Any]], Coroutine[Any, Any, bool]] | None = None
    """What a worker waits for before it asks, from the body's messages; where it is false it stands still."""
    holding: Held = field(default_factory=Held)
    """What the user holds back."""
    serialising: SerialisingFiles = field(default=SerialisingFiles())
    """Files that many beads touch at the same place, and how the rig settles them."""
    secrets: Secrets = NO_SECRETS
    """Values that nobody is told: what tools and gates print is masked before it goes anywhere."""
    scans: bool = False
    """Whether what is handed in is searched for secrets: a rehearsal hands in what history has."""
    line: ProviderLine
    """The way to the provider."""
    sets_up: bool = False
    """Whether slots are set up by commands of the rig before they are given out."""
    preparing: set[PolecatName] = field(default_factory=set[PolecatName])
    """Workers whose slots are being prepared, which may take long: they wait."""
    setup_failed: str = ""
    """Why a worker's slot could not be prepared last."""
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who moves the convoy branch until that is told: the Refinery, or the user who drops a bead."""
    lines: LineCounts = field(default_factory=LineCounts)
    """Lines that the workers' copies gained and lost."""

    first: FinishingFirst = field(init=False)
    """Who asks when what is left under the cap is not enough for all."""

    def __post_init__(self) -> None:
        """Lets the workers of this convoy look at what is left for them."""
        self.first = FinishingFirst(self.gate, self.scopes, lambda: self.bus.state, self.waiting)

    @property
    def where(self) -> Any:
        """The fields that every event of this convoy begins with."""
        return {"rig": self.rig.id, "convoy": self.refs.convoy}

    async def tip(self) -> Oid:
        """The commit of the convoy branch.

        Raises:
            GitError: it is gone.
        """
        tip = await self.objects.read_ref(self.refs.convoy_branch)
        if tip is None:
            raise GitError("The convoy branch is gone.")
        return tip
