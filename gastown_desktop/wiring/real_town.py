"""One convoy of real work, wired: the engine on its adapters, the network behind the spend gate."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gastown_desktop.adapters.disk_space import disk_of
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.power import power_now
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core.allowed_hosts import network_words
from gastown_desktop.core.ledger import TOWN_SCOPE
from gastown_desktop.core.preparation import setup_words
from gastown_desktop.core.providers import price_at
from gastown_desktop.core.rate_limits import rate_room
from gastown_desktop.core.slowing import machine_is_busy
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.prompts import system_blocks
from gastown_desktop.engine.provider_line import ProviderLine
from gastown_desktop.engine.repository_block import repository_block
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.work import StoredWork
from gastown_desktop.wiring.access import ModelAccess, connect
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


async def build_work(
    workplace: Workplace,
    objects: GitObjects,
    slots: GitSlots,
    work: StoredWork,
    access: ModelAccess,
    prepared: Prepared,
) -> WiredTown:
    """Wires a convoy of real work.

    Args:
        workplace: the rig.
        objects: its repository.
        slots: its slots.
        work: the convoy.
        access: the way to the model.
        prepared: what working folders are prepared with.

    Raises:
        Refused: another process has the ledger, or the allowed hosts cannot be reached from a sandbox here.
    """
    rig, convoy, settings = workplace.rig, work.convoy, work.settings
    folder = workplace.work_folder(convoy)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = folder / SCRATCH
    sandbox = await choose_sandbox(workplace, scratch, settings.allowed_hosts, folder / "network.log")
    preparation = prepared.preparation
    confinement = confinement_of(rig.checkout, sandbox, preparation)
    prepared_in = await choose_setup_sandbox(workplace, sandbox, preparation, settings.allowed_hosts, folder)
    store = FileEventStore(workplace.events_file(convoy))
    bus = Bus(store, workplace.clock)
    log = FileMoneyLog(workplace.money_file, summed=True)
    gate = SpendGate(
        log,
        workplace.clock,
        origin=access.provider.origin,
        geo_factor=access.provider.factor,
        by_day=True,
        keeps=f"convoy:{convoy}",
        disk=lambda: disk_of(rig.folder),
    )
    refs, line = RefNames(convoy, rehearsal=False), ProviderLine(workplace.clock)

    def heed_limits(headers: Mapping[str, str]) -> None:
        room = rate_room(headers, workplace.clock.now())
        if room is not None:
            line.pace = line.pace.told(workplace.clock.monotonic(), room)

    commands = [gate.command for gate in settings.gates]
    repository = await repository_block(objects, work.base, commands)
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
        line=line,
        resolver_words=prompt("resolver"),
        system=system_blocks(
            prompt("polecat") + network_words(settings.allowed_hosts) + setup_words(preparation), repository
        ),
        scopes=(f"convoy:{convoy}", TOWN_SCOPE, *access.scopes),
        serialising=settings.serialising,
        secrets=workplace.secrets.plus("provider key", access.key),
        scans=True,
        price=lambda model: price_at(access.provider, model, {settings.model: settings.price}),
        warms=access.provider.kind != "local",
        disk=lambda: disk_of(rig.folder),
        power=power_now,
        per_hour=settings.per_hour,
        machine_is_busy=lambda: machine_is_busy(os.getloadavg()[0], os.cpu_count() or 1),
        thinks=access.provider.kind == "anthropic",
        window=access.window,
    )
    return WiredTown(
        kit=kit,
        gates=gate_runner(workplace, kit, settings.gates, prepared),
        gate=gate,
        sandbox=sandbox,
        slots=slots,
        model=connect(access, gate, heed_limits),
        log=log,
        store=store,
        scratch=scratch,
    )
