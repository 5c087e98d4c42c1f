"""One rehearsal, wired: the real engine on real adapters, the stand-in where the network would be."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.gate_cache import FileGateCache
from gastown_desktop.adapters.gate_environment import LocalGateEnvironment
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.rehearsal_model import ProviderBill, RehearsalModel
from gastown_desktop.adapters.sandbox import find_sandbox
from gastown_desktop.adapters.sandbox.entry import SYSTEM_PATH
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core import events as ev
from gastown_desktop.core.card import WAITS
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.gates import GateRunner
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.patience import Patience
from gastown_desktop.engine.ports import Confinement, GitObjects, Sandbox, Slot
from gastown_desktop.engine.prompts import system_blocks
from gastown_desktop.engine.provider_line import ProviderLine
from gastown_desktop.engine.rehearsal import StoredRehearsal, finisher
from gastown_desktop.engine.replay import Replays
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.stand_in import StandIn
from gastown_desktop.engine.taking_over import is_hand_slot
from gastown_desktop.engine.waiting import Waiting
from gastown_desktop.paths import resource
from gastown_desktop.wiring.workplace import Workplace

REHEARSAL_ORIGIN = "https://rehearsal.invalid"
BOUND_FROM_CHECKOUT = (".venv", "node_modules")
"""Folders of the user's checkout that workers see, read-only."""


@dataclass(slots=True, kw_only=True)
class RehearsalTown:
    """Everything of one rehearsal, wired."""

    kit: Kit
    gates: GateRunner
    gate: SpendGate
    bill: ProviderBill
    sandbox: Sandbox
    slots: GitSlots
    model: ClaudeMessages
    log: FileMoneyLog
    store: FileEventStore

    async def close(self) -> None:
        """Closes model, ledger and history."""
        await self.model.close()
        await self.log.close()
        await self.store.close()


async def build_slots(workplace: Workplace, objects: GitObjects) -> GitSlots:
    """The rehearsal's slots of a rig."""
    kept = bound_folders(workplace.rig.checkout)
    return GitSlots(
        workplace.git,
        objects,
        workplace.rig.town_git,
        workplace.slots_root,
        workplace.rig.folder / "indexes",
        kept=kept,
    )


async def build_rehearsal(
    workplace: Workplace,
    objects: GitObjects,
    slots: GitSlots,
    rehearsal: StoredRehearsal,
) -> RehearsalTown:
    """Wires a rehearsal: the real engine on real adapters, the stand-in where the network would be."""
    rig, convoy = workplace.rig, rehearsal.convoy
    folder = workplace.rehearsal_folder(convoy)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = FileEventStore(workplace.events_file(convoy))
    bus = Bus(store, workplace.clock)
    log = FileMoneyLog(folder / "money.log")
    gate = SpendGate(log, workplace.clock, origin=REHEARSAL_ORIGIN)
    replays = Replays(objects, rehearsal.settings.serialising)
    refs, waiting = RefNames(convoy, rehearsal=True), Waiting()
    patience = Patience(objects, replays, rehearsal.plan.works, bus=bus, refs=refs, waiting=waiting)
    stand_in = StandIn(objects, replays, rehearsal.plan.works, rehearsal.mechanical, patience)
    bill = ProviderBill(folder / "provider-bill")
    inner = RehearsalModel(stand_in.answer, bill, real_pace=rehearsal.settings.real_pace)
    model = ClaudeMessages(
        api_key="rehearsal",
        base_url=REHEARSAL_ORIGIN,
        transport=SpendGateTransport(inner, gate.consume),
    )
    sandbox = await find_sandbox(
        workplace.launcher,
        home=Path.home(),
        town_objects=rig.town_git / "objects",
        scratch=folder / "scratch",
    )
    confinement = _confinement(rig.checkout, bound_folders(rig.checkout), sandbox)
    kit = Kit(
        rig=rig,
        refs=refs,
        bus=bus,
        gate=gate,
        hooks=Hooks(objects, refs, workplace.clock),
        slots=slots,
        objects=objects,
        sandbox=sandbox,
        confinement=confinement,
        files=lambda slot: SlotFiles(slot.folder),
        clock=workplace.clock,
        line=ProviderLine(workplace.clock),
        system=system_blocks(resource("prompts/polecat.md").read_text(encoding="utf-8")),
        scopes=(f"convoy:{convoy}",),
        finish_tree=finisher(objects, replays, rehearsal, stand_in.targets),
        waiting=waiting,
        serialising=rehearsal.settings.serialising,
    )
    runner = GateRunner(
        rehearsal.settings.gates,
        bus=bus,
        slots=slots,
        objects=objects,
        sandbox=sandbox,
        confinement=confinement,
        clock=workplace.clock,
        cache=FileGateCache(rig.folder / "gates.jsonl"),
        environment=_gate_environment(rig.checkout),
    )
    _show_who_waits(kit)
    return RehearsalTown(
        kit=kit,
        gates=runner,
        gate=gate,
        bill=bill,
        sandbox=sandbox,
        slots=slots,
        model=model,
        log=log,
        store=store,
    )


def _show_who_waits(kit: Kit) -> None:
    """Says of workers that they wait for others' merges: they do not count against the size of the fleet."""
    told: set[BeadId] = set()

    def tell() -> None:
        for bead in kit.waiting.beads ^ told:
            view = kit.bus.state.beads.get(bead)
            if view is not None and view.polecat is not None:
                action = WAITS if bead in kit.waiting.beads else "Thinking"
                kit.bus.show(ev.ActionChanged(rig=kit.rig.id, polecat=view.polecat, action=action))
        told.clear()
        told.update(kit.waiting.beads)

    kit.waiting.listen(tell)


def bound_folders(checkout: Path) -> tuple[str, ...]:
    """Names of the checkout's folders that slots see."""
    return tuple(name for name in BOUND_FROM_CHECKOUT if (checkout / name).is_dir())


def _gate_environment(checkout: Path) -> LocalGateEnvironment:
    """What a gate's answer depends on: what the sandbox takes over from this process."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH))
    variables = {"LANG": os.environ.get("LANG", "")}
    return LocalGateEnvironment(checkout, bound_folders(checkout), path=path, variables=variables)


def _confinement(checkout: Path, names: tuple[str, ...], sandbox: Sandbox) -> Callable[[Slot], Confinement]:
    """How commands see a slot: at the checkout's own path where a sandbox can do that."""
    bound = tuple((checkout / name, checkout / name) for name in names)

    def confine(slot: Slot) -> Confinement:
        seen_at = checkout if sandbox.confined else slot.folder
        return Confinement(slot=slot.folder, seen_at=seen_at, read_only=bound)

    return confine


async def clear_slots(slots: GitSlots) -> None:
    """Removes all slots but those that the user works in."""
    for name in await slots.names():
        if not is_hand_slot(name):
            await slots.remove(name)
