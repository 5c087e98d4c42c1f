"""Puts the town together: which adapter serves which port."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.file_lock import FileLock
from gastown_desktop.adapters.gate_cache import FileGateCache
from gastown_desktop.adapters.gate_environment import LocalGateEnvironment
from gastown_desktop.adapters.gate_proposals import FILES, FOLDERS, LARGEST_FILE, VENV_PYTHON
from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.git.town import fetch_commit, open_town, resolve_source, sweep_locks
from gastown_desktop.adapters.git.trust import TrustStore, what_would_run
from gastown_desktop.adapters.git.user_repository import RepositoryFacts, inspect
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.rehearsal_model import ProviderBill, RehearsalModel
from gastown_desktop.adapters.repository_config import NAME, RepositoryConfig, parse
from gastown_desktop.adapters.sandbox import find_sandbox
from gastown_desktop.adapters.sandbox.entry import SYSTEM_PATH
from gastown_desktop.adapters.slot_files import SlotFiles
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core.errors import GitError, Refused
from gastown_desktop.core.ids import ConvoyId, Oid, RigId
from gastown_desktop.core.serialising import Generated
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.gates import Gate, GateRunner
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.patience import Patience
from gastown_desktop.engine.ports import EXECUTABLE, REGULAR, Confinement, GitObjects, Sandbox, Slot
from gastown_desktop.engine.rehearsal import StoredRehearsal, finisher
from gastown_desktop.engine.replay import Replays
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.stand_in import StandIn
from gastown_desktop.engine.waiting import Waiting
from gastown_desktop.paths import data_folder, resource, slots_folder

REHEARSAL_ORIGIN = "https://rehearsal.invalid"
BOUND_FROM_CHECKOUT = (".venv", "node_modules")
"""Folders of the user's checkout that workers see, read-only."""
REHEARSAL_LOCK = "rehearsal.lock"
"""File in the rig's folder that a rehearsal holds."""
_FOLDER = 0o040000


@dataclass(slots=True, kw_only=True)
class Workplace:
    """One rig, opened."""

    data: Path
    launcher: LocalLauncher
    git: GitCommand
    facts: RepositoryFacts
    rig: Rig
    clock: SystemClock
    slots_root: Path
    lock: FileLock | None = None
    swept: int = 0
    """Children of a killed process that were still running when the rig was entered."""

    def rehearsal_folder(self, convoy: ConvoyId) -> Path:
        """Where a rehearsal keeps its ledger and bill."""
        return self.rig.folder / "rehearsals" / convoy

    def events_file(self, convoy: ConvoyId) -> Path:
        """The history of a convoy."""
        return self.rig.folder / "events" / f"{convoy}.jsonl"

    async def config(self, objects: GitObjects, commit: Oid) -> RepositoryConfig:
        """What `.gastown.toml` proposes at a commit."""
        for entry in await objects.list_tree(await objects.tree_of(commit), recursive=False):
            if entry.path == NAME:
                return parse(await objects.read_blob(entry.oid))
        return RepositoryConfig()

    async def gate_hints(self, objects: GitObjects, commit: Oid) -> dict[str, bytes]:
        """Files of a commit, by path, from which gates can be proposed; the interpreter is the checkout's."""
        hints: dict[str, bytes] = {}
        for entry in await objects.list_tree(await objects.tree_of(commit), recursive=False):
            is_file = entry.mode in {REGULAR, EXECUTABLE}
            if entry.mode == _FOLDER and f"{entry.path}/" in FOLDERS:
                hints[f"{entry.path}/"] = b""
            elif is_file and entry.path in FILES and await objects.blob_size(entry.oid) <= LARGEST_FILE:
                hints[entry.path] = await objects.read_blob(entry.oid)
        if (self.rig.checkout / VENV_PYTHON).is_file():
            hints[VENV_PYTHON] = b""
        return hints

    async def close(self) -> None:
        """Ends every child, drops folders of slots that are empty now, and gives the lock back."""
        await self.launcher.close()
        for folder in (self.slots_root, self.slots_root.parent, self.rig.folder / "indexes"):
            with suppress(OSError):
                folder.rmdir()
        if self.lock is not None:
            self.lock.close()


async def open_workplace(repo: Path, data_override: Path | None) -> Workplace:
    """Looks at a repository and opens its rig, without writing anything but folders of our own.

    Raises:
        Refused: it is no repository that can be worked on; says why.
    """
    data = data_folder(data_override)
    launcher = LocalLauncher(data / "children")
    git = GitCommand(launcher, _git_path(), data / "empty-hooks")
    await git.version()
    facts = await inspect(git, repo)
    rig_id = _rig_id(facts.top_level)
    folder = data / "rigs" / rig_id
    return Workplace(
        data=data,
        launcher=launcher,
        git=git,
        facts=facts,
        clock=SystemClock(),
        slots_root=slots_folder(data_override) / rig_id[-6:],
        rig=Rig(
            id=rig_id,
            checkout=facts.top_level,
            folder=folder,
            town_git=folder / "town.git",
            prefix=_prefix(facts.top_level.name),
            user_name=facts.user_name or "Gas Town",
            user_email=facts.user_email or "town@gastown.invalid",
        ),
    )


async def enter(workplace: Workplace) -> GitObjects:
    """Takes the rig for a rehearsal, sweeps what a killed process left, and opens its repository.

    Raises:
        Refused: another rehearsal of this rig is running.
    """
    workplace.lock = FileLock(workplace.rig.folder / REHEARSAL_LOCK, "A rehearsal of this repository")
    workplace.swept = await workplace.launcher.sweep()
    if workplace.rig.town_git.exists():
        sweep_locks(workplace.rig.town_git)
    town = await open_town(workplace.git, workplace.rig.folder, workplace.facts.git_dir)
    return await open_objects(workplace.git, town)


async def resolve(workplace: Workplace, objects: GitObjects, rev: str) -> Oid:
    """The commit that a revision means in the user's repository.

    Raises:
        Refused: it means none.
    """
    found = await resolve_source(objects, rev)
    if found is None and re.fullmatch(r"[0-9a-f]{40,64}", rev):
        with contextlib.suppress(GitError):  # there is no such commit
            await fetch_commit(workplace.git, workplace.rig.town_git, workplace.facts.git_dir, Oid(rev))
        found = await objects.resolve(rev)
    if found is None:
        raise Refused(f"{rev} names no commit here.")
    return found


async def require_trust(
    workplace: Workplace, gates: tuple[Gate, ...], generated: tuple[Generated, ...], *, trust: bool
) -> None:
    """Lets gates, and what makes files anew, run only in a rig that the user trusts with exactly that.

    Raises:
        Refused: it is not trusted; lists what would run.
    """
    if not gates:
        return
    listed = await what_would_run(
        workplace.git,
        workplace.facts,
        [(gate.name, gate.command) for gate in gates],
        (),
        [(one.path, one.command) for one in generated],
    )
    store = TrustStore(workplace.data / "trust.json")
    if trust:
        store.trust(workplace.facts.top_level, listed.digest)
    if not store.is_trusted(workplace.facts.top_level, listed.digest):
        would = "\n".join(f"  {item.kind}: {item.name} {item.value}".rstrip() for item in listed.items)
        raise Refused(
            f"This repository is not trusted, and these would run:\n{would}",
            remedy="\nRead them, then add --trust; or rehearse with --no-gate, which runs nothing of it.",
        )


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
        system=resource("prompts/polecat.md").read_text(encoding="utf-8"),
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


def _git_path() -> Path:
    found = shutil.which("git")
    if found is None:
        raise Refused(
            "git is not installed.", remedy="Install git 2.39 or later from your system's packages."
        )
    return Path(found)


def _rig_id(top_level: Path) -> RigId:
    name = re.sub(r"[^a-z0-9]+", "-", top_level.name.lower()).strip("-") or "rig"
    return RigId(f"{name[:30]}-{sha256(os.fsencode(top_level)).hexdigest()[:6]}")


def _prefix(name: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", name.lower())[:4]
    return letters if letters[:1].isalpha() else f"g{letters[:3]}"
