"""What every town is put together from, whoever answers for the model."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gastown_desktop.adapters.allow_list_proxy import AllowListProxy, NetworkLog
from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.gate_cache import FileGateCache
from gastown_desktop.adapters.gate_environment import LocalGateEnvironment
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.rehearsal_model import ProviderBill
from gastown_desktop.adapters.sandbox import Unconfined, find_sandbox
from gastown_desktop.adapters.sandbox.entry import SYSTEM_PATH
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core.allowed_hosts import require_hosts
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.engine.gates import Gate, GateRunner
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.misbehaving import Misbehaving
from gastown_desktop.engine.ports import Confinement, GitObjects, Sandbox, Slot
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.taking_over import is_hand_slot
from gastown_desktop.paths import resource
from gastown_desktop.wiring.workplace import Workplace

BOUND_FROM_CHECKOUT = (".venv", "node_modules")
"""Folders of the user's checkout that workers see, read-only."""


FIRST_PORT, LAST_PORT = 20_000, 32_767
"""Ports that servers of workers may take: below those that the system gives out by itself."""
PORTS_A_SLOT = 20


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
    bill: ProviderBill | None = None
    """What the stand-in of a rehearsal would charge, by its own arithmetic."""
    misbehaving: Misbehaving | None = None
    """Where faults are on purpose: which there were."""

    async def close(self) -> None:
        """Closes model, ledger and history."""
        await self.model.close()
        await self.log.close()
        await self.store.close()


_VERSION = re.compile(r"\A<!-- version \d+ -->\n")


def prompt(role: str) -> str:
    """The rules of a role, as `resources/prompts` has them; their version is for those who change them."""
    return _VERSION.sub("", resource(f"prompts/{role}.md").read_text(encoding="utf-8"))


async def build_slots(workplace: Workplace, objects: GitObjects, secrets: Secrets = NO_SECRETS) -> GitSlots:
    """The slots of a rig; files with one of these secrets are not part of snapshots."""
    kept = bound_folders(workplace.rig.checkout)
    return GitSlots(
        workplace.git,
        objects,
        workplace.rig.town_git,
        workplace.slots_root,
        workplace.rig.folder / "indexes",
        kept=kept,
        secrets=secrets,
    )


def bound_folders(checkout: Path) -> tuple[str, ...]:
    """Names of the checkout's folders that slots see."""
    return tuple(name for name in BOUND_FROM_CHECKOUT if (checkout / name).is_dir())


async def clear_slots(slots: GitSlots) -> None:
    """Removes all slots but those that the user works in."""
    for name in await slots.names():
        if not is_hand_slot(name):
            await slots.remove(name)


async def choose_sandbox(
    workplace: Workplace, scratch: Path, hosts: tuple[str, ...] = (), log: Path | None = None
) -> Sandbox:
    """How commands of a rig are confined on this machine.

    Args:
        workplace: the rig.
        scratch: a folder for what the sandbox keeps while the convoy is open.
        hosts: hosts with their ports that commands may reach.
        log: the file that tells what they asked for.

    Raises:
        Refused: hosts are allowed, and nothing here could keep commands from the others.
    """
    network = None
    if hosts:
        asked = NetworkLog(log or scratch / "network.log", workplace.clock)
        network = AllowListProxy(require_hosts(hosts), asked)
    sandbox = await find_sandbox(
        workplace.launcher,
        home=Path.home(),
        town_objects=workplace.rig.town_git / "objects",
        scratch=scratch,
        network=network,
    )
    if hosts and isinstance(sandbox, Unconfined):
        raise Refused(
            f"Workers cannot be allowed some hosts here: {sandbox.reason}",
            safe="Nothing was sent.",
            remedy="Without a sandbox commands run with your rights and reach every host. Install "
            "bubblewrap, or leave --allow-host and allowed_hosts out.",
        )
    return sandbox


def slot_files(slot: Slot) -> SlotFiles:
    """The files of a slot."""
    return SlotFiles(slot.folder)


def gate_runner(workplace: Workplace, kit: Kit, gates: tuple[Gate, ...]) -> GateRunner:
    """What proves the work of a convoy."""
    return GateRunner(
        gates,
        bus=kit.bus,
        slots=kit.slots,
        objects=kit.objects,
        sandbox=kit.sandbox,
        confinement=kit.confinement,
        clock=workplace.clock,
        cache=FileGateCache(workplace.rig.folder / "gates.jsonl"),
        environment=_gate_environment(workplace.rig.checkout),
        secrets=kit.secrets,
    )


def _gate_environment(checkout: Path) -> LocalGateEnvironment:
    """What a gate's answer depends on: what the sandbox takes over from this process."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH))
    variables = {"LANG": os.environ.get("LANG", "")}
    return LocalGateEnvironment(checkout, bound_folders(checkout), path=path, variables=variables)


def confinement_of(checkout: Path, sandbox: Sandbox) -> Callable[[Slot], Confinement]:
    """How commands see a slot: at the checkout's own path where a sandbox can do that, and under its name."""
    bound = tuple((checkout / name, checkout / name) for name in bound_folders(checkout))
    ports = _PortBases(checkout)

    def confine(slot: Slot) -> Confinement:
        seen_at = checkout if sandbox.confined else slot.folder
        own = {"GASTOWN_SLOT": slot.name, "PORT_BASE": str(ports.of(slot.name))}
        return Confinement(slot=slot.folder, seen_at=seen_at, read_only=bound, environment=own)

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
