"""One rehearsal, wired: the real engine on real adapters, the stand-in where the network would be."""

from __future__ import annotations

import asyncio

import httpx2

from gastown_desktop.adapters.bad_weather import BadWeather
from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.disk_space import disk_of
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.power import power_now
from gastown_desktop.adapters.rehearsal_model import ProviderBill, RehearsalModel
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core import events as ev
from gastown_desktop.core.card import WAITS
from gastown_desktop.core.chaos import Chaos
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.misbehaving import Misbehaving
from gastown_desktop.engine.patience import Patience
from gastown_desktop.engine.prompts import system_blocks
from gastown_desktop.engine.provider_line import ProviderLine
from gastown_desktop.engine.rehearsal import StoredRehearsal, finisher
from gastown_desktop.engine.replay import Replays
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.stand_in import StandIn
from gastown_desktop.engine.waiting import Waiting
from gastown_desktop.wiring.town_parts import (
    Prepared,
    WiredTown,
    choose_sandbox,
    choose_setup_sandbox,
    confinement_of,
    gate_runner,
    prepared_slots,
    prompt,
    slot_files,
)
from gastown_desktop.wiring.workplace import SCRATCH, Workplace

REHEARSAL_ORIGIN = "https://rehearsal.invalid"


async def build_rehearsal(
    workplace: Workplace,
    objects: GitObjects,
    slots: GitSlots,
    rehearsal: StoredRehearsal,
    prepared: Prepared,
) -> WiredTown:
    """Wires a rehearsal: the real engine on real adapters, the stand-in where the network would be.

    Args:
        workplace: the rig.
        objects: its repository.
        slots: its slots.
        rehearsal: what is rehearsed.
        prepared: what working folders are prepared with.
    """
    rig, convoy = workplace.rig, rehearsal.convoy
    folder = workplace.rehearsal_folder(convoy)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = FileEventStore(workplace.events_file(convoy))
    bus = Bus(store, workplace.clock)
    log = FileMoneyLog(folder / "money.log")
    gate = SpendGate(log, workplace.clock, origin=REHEARSAL_ORIGIN, disk=lambda: disk_of(rig.folder))
    replays = Replays(objects, rehearsal.settings.serialising)
    refs, waiting = RefNames(convoy, rehearsal=True), Waiting()
    patience = Patience(objects, replays, rehearsal.plan.works, bus=bus, refs=refs, waiting=waiting)
    stand_in = StandIn(objects, replays, rehearsal.plan.works, rehearsal.mechanical, patience)
    bill = ProviderBill(folder / "provider-bill")
    misbehaving = _misbehaving(stand_in, rehearsal, bus)
    provider = stand_in if misbehaving is None else misbehaving
    inner: httpx2.AsyncBaseTransport = RehearsalModel(
        provider.answer, bill, real_pace=rehearsal.settings.real_pace
    )
    if misbehaving is not None:
        inner = BadWeather(inner, misbehaving.strikes, silence_s=rehearsal.settings.silence_s)
    model = ClaudeMessages(
        api_key="rehearsal",
        base_url=REHEARSAL_ORIGIN,
        transport=SpendGateTransport(inner, gate.consume),
    )
    preparation = prepared.preparation
    scratch = folder / SCRATCH
    sandbox = await choose_sandbox(workplace, scratch)
    confinement = confinement_of(rig.checkout, sandbox, preparation)
    prepared_in = await choose_setup_sandbox(workplace, sandbox, preparation, (), folder)
    kit = Kit(
        rig=rig,
        refs=refs,
        bus=bus,
        gate=gate,
        hooks=Hooks(objects, refs, workplace.clock),
        slots=prepared_slots(
            *(workplace, objects, slots, prepared, folder),
            bus=bus,
            sandbox=prepared_in,
            confinement=confinement,
        ),
        sets_up=bool(preparation.steps),
        objects=objects,
        sandbox=sandbox,
        confinement=confinement,
        files=slot_files,
        clock=workplace.clock,
        line=ProviderLine(workplace.clock),
        resolver_words=prompt("resolver"),
        system=system_blocks(prompt("polecat")),
        scopes=(f"convoy:{convoy}",),
        finish_tree=finisher(objects, replays, rehearsal, stand_in.targets),
        disk=lambda: disk_of(rig.folder),
        power=power_now,
        waiting=waiting,
        before_asking=provider.prepare,
        serialising=rehearsal.settings.serialising,
        secrets=workplace.secrets,
    )
    _show_who_waits(kit)
    return WiredTown(
        kit=kit,
        gates=gate_runner(workplace, kit, rehearsal.settings.gates, prepared),
        gate=gate,
        bill=bill,
        misbehaving=misbehaving,
        sandbox=sandbox,
        slots=slots,
        model=model,
        log=log,
        store=store,
        scratch=scratch,
    )


def _misbehaving(stand_in: StandIn, rehearsal: StoredRehearsal, bus: Bus) -> Misbehaving | None:
    """The stand-in with faults on purpose; None where none were asked for."""
    if rehearsal.settings.chaos is None:
        return None
    judged = asyncio.Event()

    def hear(_: object) -> None:
        if bus.state.gate_sees is not None:
            judged.set()

    async def what_gates_see() -> str:
        hear(None)
        await judged.wait()
        return next(iter(bus.state.gate_noticed), "")

    bus.listen(hear)
    names = {bead: str(work.commit) for bead, work in rehearsal.plan.works.items()}
    chaos = Chaos(rehearsal.settings.chaos)
    return Misbehaving(stand_in.answer, chaos, names, what_gates_see, prepare=stand_in.prepare)


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
