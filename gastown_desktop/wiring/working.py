"""Real work from the wish to its result, for the command line and the window alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId, Oid, convoy_id
from gastown_desktop.core.plan import Plan
from gastown_desktop.core.prices import Price
from gastown_desktop.core.staging import Finding, check, launch_events
from gastown_desktop.engine.asking import ask_patiently
from gastown_desktop.engine.bead_caps import set_bead_caps
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.mayor import Mayor
from gastown_desktop.engine.ports import GitObjects
from gastown_desktop.engine.prompts import prefix_digest, system_blocks
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.repository_block import repository_block
from gastown_desktop.engine.spend_gate import Order
from gastown_desktop.engine.tools.toolbox import DEFINITIONS
from gastown_desktop.engine.town import Town
from gastown_desktop.engine.work import (
    StoredWork,
    WorkSettings,
    announce_work,
    store_work,
)
from gastown_desktop.engine.work_result import Spent, work_result
from gastown_desktop.wiring.running import Listening, Running
from gastown_desktop.wiring.town_parts import build_slots, choose_sandbox, clear_slots, prompt
from gastown_desktop.wiring.workplace import Workplace, require_trust, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequest:
    """What is to be done, and how."""

    goal: str
    gates: tuple[Gate, ...]
    trust: bool = False
    """The user trusts the repository with what would run, from now on."""
    polecats: int
    cap: int
    """Nano-dollars."""
    model: str
    base_url: str
    price: Price
    bead_cap: int | None = None
    """Nano-dollars that one bead may cost before the user is asked."""
    per_hour: int | None = None
    """Nano-dollars that an hour is to cost at most."""
    planned_by: Literal["mayor", "given"] = "mayor"
    strict_gates: bool = False
    reviews: bool = False
    branch: str = ""
    """The user's branch to start from and to land on; empty for the one that is checked out."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts with their ports that commands may reach."""


async def prepare_work(workplace: Workplace, objects: GitObjects, request: WorkRequest) -> StoredWork:
    """Chooses base and target, asks for trust, and writes the convoy down; nothing was asked of a model yet.

    Raises:
        Refused: there is no branch to land on, the repository is not trusted with what would run, or the
            allowed hosts cannot be reached from a sandbox here.
    """
    branch = request.branch or workplace.facts.head_branch
    if not branch:
        raise Refused(
            "HEAD is detached, so there is no branch to land on.",
            safe="Nothing was sent.",
            remedy="Check a branch out, or name one with --on BRANCH.",
        )
    base = await resolve(workplace, objects, f"refs/heads/{branch}" if request.branch else "HEAD")
    config = await workplace.config(objects, base)
    hosts = request.allowed_hosts
    if hosts:
        await choose_sandbox(workplace, workplace.rig.folder / "scratch", hosts)
    generated = config.serialising.generated
    await require_trust(workplace, request.gates, generated, hosts, trust=request.trust)
    await clear_slots(await build_slots(workplace, objects))
    work = StoredWork(
        convoy=convoy_id(f"{workplace.rig.id} {base} {request.goal} {workplace.clock.now().isoformat()}"),
        goal=request.goal,
        base=base,
        target=f"refs/heads/{branch}",
        settings=WorkSettings(
            polecats=request.polecats,
            gates=request.gates,
            cap=request.cap,
            model=request.model,
            base_url=request.base_url,
            price=request.price,
            bead_cap=request.bead_cap,
            per_hour=request.per_hour,
            strict_gates=request.strict_gates,
            reviews=request.reviews,
            allowed_hosts=hosts,
            serialising=config.serialising,
        ),
        planned_by=request.planned_by,
    )
    await store_work(objects, work)
    return work


@dataclass(slots=True, kw_only=True)
class Working(Running):
    """A convoy of real work that is wired and can run."""

    stored: StoredWork

    @property
    def convoy(self) -> ConvoyId:
        """Which convoy it is."""
        return self.stored.convoy

    @property
    def settings(self) -> WorkSettings:
        """What the user asked for."""
        return self.stored.settings

    async def announce(self) -> None:
        """Makes branch and convoy, where an earlier process did not."""
        await announce_work(self.town.kit.bus, self.objects, self.workplace.rig, self.stored)

    async def change(self, *, cap: int | None = None, polecats: int | None = None) -> None:
        """Writes another cap (nano-dollars) or number of workers down."""
        settings = self.settings
        settings = replace(
            settings,
            cap=settings.cap if cap is None else cap,
            polecats=settings.polecats if polecats is None else polecats,
        )
        self.stored = replace(self.stored, settings=settings)
        await store_work(self.objects, self.stored)

    @property
    def has_plan(self) -> bool:
        """Whether there are beads to work on."""
        return bool(self.town.kit.bus.state.works())

    async def take_beads(self, facts: list[ev.BeadAdded | ev.DependencyAdded]) -> None:
        """Takes beads that were planned elsewhere."""
        await self.town.kit.bus.publish(*facts)

    async def mayor(self) -> Mayor:
        """Who plans this convoy; the talk goes on where it rested."""
        kit, settings = self.town.kit, self.settings
        commands = tuple(gate.command for gate in settings.gates)
        repository = await repository_block(self.objects, self.stored.base, commands)
        return Mayor(
            bus=kit.bus,
            objects=self.objects,
            refs=kit.refs,
            rig=kit.rig,
            clock=kit.clock,
            base=self.stored.base,
            model=settings.model,
            price=settings.price,
            scopes=kit.scopes,
            system=tuple(dict(block) for block in system_blocks(prompt("mayor"), repository)),
            ask=self._ask,
            prefix=kit.rig.prefix,
            gates=commands,
            serialising=settings.serialising,
        )

    async def _ask(self, order: Order, on_text: Callable[[str], None]) -> Reply:
        kit = self.town.kit
        return await ask_patiently(kit.gate, kit.line, kit.clock, order, on_text=on_text)

    async def findings(self) -> list[Finding]:
        """What is wrong or doubtful about the plan as it is."""
        state, objects = self.town.kit.bus.state, self.objects
        tree = await objects.tree_of(self.stored.base)
        paths = {entry.path for entry in await objects.list_tree(tree, recursive=True)}
        return check(
            Plan.of(state),
            known_paths=paths,
            gates=[gate.command for gate in self.settings.gates],
            free=self.town.gate.ledger.totals(self.town.kit.scopes[0]).free,
            slots_wanted=self.settings.polecats,
            serialising=self.settings.serialising,
        )

    async def launch(self) -> None:
        """Opens what was planned, so that it is worked on; what was launched before stays so."""
        told = launch_events(self.town.kit.bus.state)
        if told:
            await self.town.kit.bus.publish(*told)
        least = self.settings.bead_cap
        works = self.town.kit.bus.state.works()
        await set_bead_caps(self.town.kit, {} if least is None else dict.fromkeys(works, least))

    def whole_town(self, *, merges_only: bool = False) -> Town:
        """Dispatcher, polecats and Refinery, as the settings have them.

        Args:
            merges_only: nothing new is begun but what lets handed-in work merge.
        """
        settings = self.settings
        return Town(
            self.town.kit,
            self.town.gates,
            fleet_size=settings.polecats,
            model=settings.model,
            strict_gates=settings.strict_gates,
            merges_only=merges_only,
            lands=False,
        )

    async def result(self, listening: Listening, *, checked: bool) -> dict[str, Any]:
        """Measures what was done; `run --json` prints it.

        Args:
            listening: hears what changed in the user's repository.
            checked: there is no history to check real work against.
        """
        del checked
        kit, gate = self.town.kit, self.town.gate
        state = kit.bus.state
        tip = await self.objects.read_ref(kit.refs.convoy_branch)
        landed: Oid | None = None
        if state.landed_commit is not None:
            landed = await self.objects.tree_of(state.landed_commit)
        prefix = prefix_digest(DEFINITIONS, kit.system)
        spent = Spent(records=tuple(gate.records), ledger=gate.ledger, prefix=prefix)
        return work_result(state, self.stored, tip, landed, spent, await self._measured(listening))
