"""What every town is put together from, whoever answers for the model."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from gastown_desktop.adapters.allow_list_proxy import AllowListProxy, NetworkLog
from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.disk_space import disk_of
from gastown_desktop.adapters.gate_cache import FileGateCache
from gastown_desktop.adapters.gate_environment import LocalGateEnvironment
from gastown_desktop.adapters.git.files import delete_any
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.rehearsal_model import ProviderBill
from gastown_desktop.adapters.rolling_file import RollingFile
from gastown_desktop.adapters.sandbox import Limits, Unconfined, find_sandbox
from gastown_desktop.adapters.sandbox.entry import SYSTEM_PATH
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core.allowed_hosts import listed_hosts, require_hosts
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.preparation import NO_PREPARATION, Preparation
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.gates import GATE_SLOTS, Gate, GateRunner
from gastown_desktop.engine.git_ports import GitObjects, Slot, Slots
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.misbehaving import Misbehaving
from gastown_desktop.engine.ports import Clock
from gastown_desktop.engine.process_ports import Confinement, Sandbox
from gastown_desktop.engine.setting_up import SetUpSlots
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.taking_over import is_hand_slot
from gastown_desktop.paths import resource
from gastown_desktop.wiring.workplace import SCRATCH, Workplace

BOUND_FROM_CHECKOUT = (".venv", "node_modules")
"""Folders of the user's checkout that workers see, read-only, where no setup makes them."""


FIRST_PORT, LAST_PORT = 20_000, 32_767
"""Ports that servers of workers may take: below those that the system gives out by itself."""
PORTS_A_SLOT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What working folders are prepared with, and the files that are copied as they are now."""

    preparation: Preparation = NO_PREPARATION
    copies: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def spelled(self) -> str:
        """All of it, for names of what depends on it."""
        files = [f"{path} {sha256(content).hexdigest()}" for path, content in self.copies.items()]
        return "\n".join([self.preparation.spelled, *files]) if self.preparation else ""


@dataclass(slots=True, kw_only=True)
class WiredTown:
    """Everything of one convoy, wired."""

    kit: Kit
    gates: GateRunner
    gate: SpendGate
    sandbox: Sandbox
    slots: GitSlots
    model: ClaudeMessages
    log: FileMoneyLog
    store: FileEventStore
    scratch: Path
    """Where its sandbox keeps what only an open convoy needs."""
    bill: ProviderBill | None = None
    """What the stand-in of a rehearsal would charge, by its own arithmetic."""
    misbehaving: Misbehaving | None = None
    """Where faults are on purpose: which there were."""

    async def close(self) -> None:
        """Closes model, ledger and history, and deletes the folders that only an open convoy needs.

        What cannot be deleted now goes when the rig is taken again, or with the next run.
        """
        try:
            await self.model.close()
            await self.log.close()
            await self.store.close()
        finally:
            with suppress(OSError):
                for name in GATE_SLOTS:
                    await self.slots.remove(name)
                await asyncio.to_thread(delete_any, self.scratch)


_VERSION = re.compile(r"\A<!-- version \d+ -->\n")


def prompt(role: str) -> str:
    """The rules of a role, as `resources/prompts` has them; their version is for those who change them."""
    return _VERSION.sub("", resource(f"prompts/{role}.md").read_text(encoding="utf-8"))


async def build_slots(
    workplace: Workplace,
    objects: GitObjects,
    preparation: Preparation = NO_PREPARATION,
    secrets: Secrets = NO_SECRETS,
) -> GitSlots:
    """The slots of a rig, clean and not prepared yet.

    Args:
        workplace: the rig.
        objects: its repository.
        preparation: what is copied and made in them, which is no part of snapshots.
        secrets: files with one of these are no part of snapshots either.
    """
    kept = bound_folders(workplace.rig.checkout, preparation)
    return GitSlots(
        workplace.git,
        objects,
        workplace.rig.town_git,
        workplace.slots_root,
        workplace.rig.folder / "indexes",
        kept=kept,
        secrets=secrets,
        copied=preparation.copied,
        ignored=BOUND_FROM_CHECKOUT if preparation.steps else (),
    )


def prepared_slots(
    workplace: Workplace,
    objects: GitObjects,
    slots: GitSlots,
    prepared: Prepared,
    folder: Path,
    *,
    bus: Bus,
    sandbox: Sandbox,
    confinement: Callable[[Slot], Confinement],
) -> Slots:
    """The slots of a convoy, prepared when they are given out.

    Args:
        workplace: the rig.
        objects: its repository.
        slots: its slots.
        prepared: what they are prepared with.
        folder: the convoy's, where the log of the setup is.
        bus: its events.
        sandbox: where the setup runs.
        confinement: how commands see a slot.
    """
    if not prepared.preparation:
        return slots
    return SetUpSlots(
        slots,
        prepared.preparation,
        prepared.copies,
        bus=bus,
        objects=objects,
        sandbox=sandbox,
        confinement=confinement,
        files=slot_files,
        log=_dated(RollingFile(folder / "setup.log"), workplace.clock),
        secrets=workplace.secrets,
    )


def _dated(file: RollingFile, clock: Clock) -> Callable[[str], None]:
    return lambda text: file.append(f"[{clock.now().isoformat(timespec='seconds')}] {text}\n")


def bound_folders(checkout: Path, preparation: Preparation = NO_PREPARATION) -> tuple[str, ...]:
    """Names of the checkout's folders that slots see: none where setup makes them in each slot."""
    if preparation.steps:
        return ()
    return tuple(name for name in BOUND_FROM_CHECKOUT if (checkout / name).is_dir())


async def clear_slots(slots: GitSlots) -> None:
    """Removes all slots but those that the user works in."""
    for name in await slots.names():
        if not is_hand_slot(name):
            await slots.remove(name)


async def choose_sandbox(
    workplace: Workplace,
    scratch: Path,
    hosts: tuple[str, ...] = (),
    log: Path | None = None,
    *,
    for_setup: bool = False,
) -> Sandbox:
    """How commands of a rig are confined on this machine.

    Args:
        workplace: the rig.
        scratch: a folder for what the sandbox keeps while the convoy is open.
        hosts: hosts with their ports that commands may reach.
        log: the file that tells what they asked for.
        for_setup: some of the hosts are for setup only, which runs there.

    Raises:
        Refused: hosts are allowed, and nothing here could keep commands from the others.
    """
    network = None
    if hosts:
        asked = NetworkLog(RollingFile(log or scratch / "network.log").append, workplace.clock)
        network = AllowListProxy(require_hosts(hosts), asked)
    sandbox = await find_sandbox(
        workplace.launcher,
        home=Path.home(),
        town_objects=workplace.rig.town_git / "objects",
        scratch=scratch,
        limits=Limits(disk=disk_of(workplace.slots_root).most_in_a_slot),
        network=network,
    )
    if hosts and isinstance(sandbox, Unconfined):
        raise Refused(
            f"{'Setup' if for_setup else 'Workers'} cannot be allowed some hosts here: {sandbox.reason}",
            safe="Nothing was sent.",
            remedy="Without a sandbox commands run with your rights and reach every host. Install "
            f"bubblewrap, or leave {_HOST_OPTIONS[for_setup]} out.",
        )
    return sandbox


_HOST_OPTIONS = {False: "--allow-host and allowed_hosts", True: "--setup-host and setup_hosts"}


async def choose_setup_sandbox(
    workplace: Workplace, sandbox: Sandbox, prepared: Preparation, hosts: tuple[str, ...], folder: Path
) -> Sandbox:
    """Where setup runs: like all other commands, or with hosts of its own besides.

    Args:
        workplace: the rig.
        sandbox: where all other commands run.
        prepared: says which hosts setup may reach.
        hosts: hosts that all commands may reach.
        folder: the convoy's.

    Raises:
        Refused: setup has hosts of its own, and nothing here could keep it from the others.
    """
    if not prepared.hosts:
        return sandbox
    reached = listed_hosts({*hosts, *prepared.hosts})
    return await choose_sandbox(workplace, folder / SCRATCH, reached, folder / "network.log", for_setup=True)


def slot_files(slot: Slot) -> SlotFiles:
    """The files of a slot."""
    return SlotFiles(slot.folder)


def gate_runner(workplace: Workplace, kit: Kit, gates: tuple[Gate, ...], prepared: Prepared) -> GateRunner:
    """What proves the work of a convoy, in slots prepared like this."""
    return GateRunner(
        gates,
        bus=kit.bus,
        slots=kit.slots,
        objects=kit.objects,
        sandbox=kit.sandbox,
        confinement=kit.confinement,
        clock=workplace.clock,
        cache=FileGateCache(workplace.rig.folder / "gates.jsonl"),
        environment=_gate_environment(workplace.rig.checkout, prepared),
        secrets=kit.secrets,
    )


def _gate_environment(checkout: Path, prepared: Prepared) -> LocalGateEnvironment:
    """What a gate's answer depends on: what the sandbox takes over from this process."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH))
    variables = {"LANG": os.environ.get("LANG", "")}
    bound = bound_folders(checkout, prepared.preparation)
    return LocalGateEnvironment(
        checkout,
        bound,
        path=path,
        variables=variables,
        setup=prepared.spelled,
        steps=[step.command for step in prepared.preparation.steps],
    )


def confinement_of(
    checkout: Path, sandbox: Sandbox, preparation: Preparation = NO_PREPARATION
) -> Callable[[Slot], Confinement]:
    """How commands see a slot: at the checkout's own path where a sandbox can do that, and under its name."""
    bound = tuple((checkout / name, checkout / name) for name in bound_folders(checkout, preparation))
    ports = _PortBases(checkout)

    def confine(slot: Slot) -> Confinement:
        seen_at = checkout if sandbox.confined else slot.folder
        own = {"GASTOWN_SLOT": slot.name, "PORT_BASE": str(ports.of(slot.name))}
        return Confinement(
            slot=slot.folder, seen_at=seen_at, read_only=bound, environment=own, since=time.time()
        )

    return confine


class _PortBases:
    """Gives each slot ports of its own, in a range where another checkout's slots begin elsewhere.

    A sandbox has a loopback of its own; without one, workers that start servers would meet.
    """

    def __init__(self, checkout: Path) -> None:
        self._blocks = (LAST_PORT + 1 - FIRST_PORT) // PORTS_A_SLOT
        self._first = int.from_bytes(sha256(os.fsencode(checkout)).digest()[:4], "big") % self._blocks
        self._numbers: dict[str, int] = {}

    def of(self, slot: str) -> int:
        """The first of its ports."""
        number = self._numbers.setdefault(slot, len(self._numbers))
        return FIRST_PORT + PORTS_A_SLOT * ((self._first + number) % self._blocks)
