"""A town on a real repository: the engine's own parts on fakes of everything else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, RigId
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.gates import Gate, GateRunner
from gastown_desktop.engine.git_ports import (
    GITLINK,
    REGULAR,
    GitObjects,
    Signature,
    Slot,
    Snapshot,
    TreeEntry,
)
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.kit import Kit, keep_tree
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.process_ports import CommandResult, Confinement
from gastown_desktop.engine.prompts import system_blocks
from gastown_desktop.engine.provider_line import ProviderLine
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.spend_gate import SpendGate, request_body
from tests.fakes.clock import FakeClock
from tests.fakes.gates import MemoryGateCache, NamedEnvironment
from tests.fakes.provider import ORIGIN
from tests.fakes.slots import FakeShell, MemoryFiles, Ran, said
from tests.fakes.stores import MemoryEventStore, MemoryMoneyLog

Block = dict[str, Any]
CONVOY = ConvoyId("cv-1")
RIG = RigId("rig-1")


@dataclass(frozen=True, kw_only=True)
class Said:
    """A reply of the model."""

    blocks: Sequence[Block]
    stop_reason: str = "tool_use"
    tokens_in: int = 1_000
    tokens_out: int = 50


def says(*blocks: Block, stop_reason: str = "tool_use", tokens_out: int = 50) -> Said:
    return Said(blocks=blocks, stop_reason=stop_reason, tokens_out=tokens_out)


def use(tool: str, **given: Any) -> Block:
    return {"type": "tool_use", "name": tool, "input": given}


def submits(summary: str = "Done.", *evidence: str) -> Block:
    return use("submit", summary=summary, evidence=list(evidence))


def bead_of(request: ModelRequest) -> str:
    """The bead that a request is about."""
    content: Any = request.messages[0]["content"]
    return str(content[0]["text"]).split()[1]


def turn_of(request: ModelRequest) -> int:
    """Which turn a request asks for, from 0."""
    return sum(1 for message in request.messages if message["role"] == "assistant")


class ScriptedModel:
    """Implements the ModelStream port under a real spend gate: what is said comes from `answer`."""

    def __init__(self, answer: Callable[[ModelRequest], Awaitable[Said]]) -> None:
        self.answer = answer
        self.gate: SpendGate | None = None
        self.requests: list[ModelRequest] = []
        self.reservations: list[str] = []

    async def stream(
        self, request: ModelRequest, *, reservation: str
    ) -> AsyncGenerator[Mapping[str, object], None]:
        self.requests.append(request)
        self.reservations.append(reservation)
        assert self.gate is not None
        self.gate.consume(reservation, json.dumps(request_body(request, ORIGIN)).encode(), ORIGIN)
        reply = await self.answer(request)
        number = len(self.requests)
        usage = {"input_tokens": reply.tokens_in, "output_tokens": 1}
        yield {"type": "message_start", "message": {"id": f"msg_{number}", "usage": usage}}
        for index, block in enumerate(reply.blocks):
            opened = {**block, "id": f"toolu_{number}_{index}"} if block["type"] == "tool_use" else block
            yield {"type": "content_block_start", "index": index, "content_block": opened}
            if block["type"] == "tool_use":
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": reply.stop_reason},
            "usage": {"output_tokens": reply.tokens_out},
        }
        yield {"type": "message_stop"}

    async def close(self) -> None:
        pass


class MemorySlots:
    """Implements the KeepingSlots port: folders are dictionaries, trees are real; git ignores `deps/`."""

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects
        self.files: dict[str, MemoryFiles] = {}
        self.journal: list[str] = []
        self.made: dict[str, tuple[str, dict[str, bytes]]] = {}
        """Name and content of what `keep_made` took down, by slot."""
        self.copied: set[str] = set()
        self.fails: dict[str, list[Exception | None]] = {}
        """How the next calls of `method slot` break, None for those that work."""

    def _step(self, method: str, name: str) -> None:
        step = f"{method} {name}"
        self.journal.append(step)
        planned = self.fails.get(step)
        failure = planned.pop(0) if planned else None
        if failure is not None:
            raise failure

    async def prepare(self, name: str, commit: Oid, *, made: str = "") -> Slot:
        self._step("prepare", name)
        slot = Slot(name, Path("/slots") / name)
        key, kept = self.made.get(name, ("", {}))
        await self._fill(slot, await self._objects.tree_of(commit))
        if made and made == key:
            self.files[name].files |= kept
        else:
            self.made.pop(name, None)
        return slot

    async def has_made(self, name: str, made: str) -> bool:
        return self.made.get(name, ("", {}))[0] == made

    async def keep_made(self, slot: Slot, commit: Oid, made: str) -> tuple[str, ...]:
        self._step("keep", slot.name)
        files = self.files[slot.name].files
        kept = {path: data for path, data in files.items() if path.startswith("deps/")}
        tree = await self._objects.tree_of(commit)
        tracked = {leaf.path for leaf in await self._objects.list_tree(tree, recursive=True)}
        copied = {path: data for path, data in files.items() if path in self.copied}
        await self._fill(slot, tree)
        self.files[slot.name].files |= kept | copied
        self.made[slot.name] = (made, kept)
        return tuple(sorted(files.keys() - kept.keys() - copied.keys() - tracked))

    def slot(self, name: str) -> Slot:
        return Slot(name, Path("/slots") / name)

    async def snapshot(self, slot: Slot) -> Snapshot:
        self._step("snapshot", slot.name)
        files = self.files[slot.name].files
        leaves = [
            TreeEntry(path, REGULAR, await self._objects.write_blob(data))
            for path, data in files.items()
            if not path.startswith("deps/")
        ]
        return Snapshot(await self._objects.write_tree(leaves), ())

    async def reset(self, slot: Slot, tree: Oid) -> None:
        self._step("reset", slot.name)
        await self._fill(slot, tree)

    async def remove(self, name: str) -> None:
        self.files.pop(name, None)
        self.made.pop(name, None)

    async def names(self) -> list[str]:
        return sorted(self.files)

    async def _fill(self, slot: Slot, tree: Oid) -> None:
        leaves = await self._objects.list_tree(tree, recursive=True)
        held = MemoryFiles()
        for leaf in leaves:
            if leaf.mode != GITLINK:
                held.files[leaf.path] = await self._objects.read_blob(leaf.oid)
        self.files[slot.name] = held


Verdict = Callable[[str, dict[str, bytes]], CommandResult]
"""From a command and the files of the slot it runs in to how it ends."""


class SlotSandbox:
    """Implements the Sandbox port: how a command ends depends on what its slot holds."""

    confined = True
    profile = "fake"

    def __init__(self, slots: MemorySlots, verdict: Verdict = lambda _command, _files: said()) -> None:
        self._slots = slots
        self.verdict = verdict
        self.ran: list[Ran] = []
        self.shells: list[FakeShell] = []

    def answer(self, command: str) -> CommandResult:
        del command
        return said()

    async def run(
        self, command: str, confinement: Confinement, *, timeout_s: float, output_limit: int = 30_000
    ) -> CommandResult:
        del output_limit
        self.ran.append(Ran(command, timeout_s, in_shell=False))
        await asyncio.sleep(0)
        return self.verdict(command, self._slots.files[confinement.slot.name].files)

    async def shell(self, confinement: Confinement) -> FakeShell:
        del confinement
        self.shells.append(FakeShell(self))
        return self.shells[-1]


async def _silent(request: ModelRequest) -> Said:
    raise AssertionError(f"nobody expected a request about {bead_of(request)}")


@dataclass(kw_only=True)
class FakeTown:
    """One convoy's parts, and what they stand on."""

    objects: GitObjects
    base: Oid
    clock: FakeClock
    store: MemoryEventStore
    log: MemoryMoneyLog
    model: ScriptedModel
    slots: MemorySlots
    sandbox: SlotSandbox
    bus: Bus
    gate: SpendGate
    kit: Kit
    gate_cache: MemoryGateCache = field(default_factory=MemoryGateCache)
    gate_environment: NamedEnvironment = field(default_factory=NamedEnvironment)
    told: list[ev.Envelope] = field(default_factory=list[ev.Envelope])
    """Durable events since this process began."""

    @property
    def refs(self) -> RefNames:
        return self.kit.refs

    @property
    def where(self) -> Any:
        return {"rig": RIG, "convoy": CONVOY}

    def events(self, kind: str) -> list[Any]:
        return [envelope.event for envelope in self.told if envelope.event.kind == kind]

    async def add(self, *beads: str, priority: int = 2, **fields: Any) -> None:
        for bead in beads:
            await self.bus.publish(
                ev.BeadAdded(**self.where, bead=BeadId(bead), title=f"Do {bead}", priority=priority, **fields)
            )

    async def depend(self, bead: str, *on: str) -> None:
        for other in on:
            await self.bus.publish(ev.DependencyAdded(**self.where, bead=BeadId(bead), on=BeadId(other)))

    async def tip(self) -> Oid:
        tip = await self.objects.read_ref(self.refs.convoy_branch)
        assert tip is not None
        return tip

    async def files_at(self, commit: Oid) -> dict[str, bytes]:
        leaves = await self.objects.list_tree(await self.objects.tree_of(commit), recursive=True)
        return {leaf.path: await self.objects.read_blob(leaf.oid) for leaf in leaves}

    async def commit(self, parent: Oid, message: str, **files: str) -> Oid:
        """A commit that sets files; `a_txt` is `a.txt`."""
        changes = {
            name.replace("_", "."): (REGULAR, await self.objects.write_blob(text.encode()))
            for name, text in files.items()
        }
        tree = await self.objects.edit_tree(await self.objects.tree_of(parent), changes)
        author = Signature("Nux (polecat)", "ada@example.org", self.clock.now())
        committer = Signature("Ada", "ada@example.org", self.clock.now())
        return await self.objects.write_commit(tree, (parent,), message, author, committer)

    async def submit(self, bead: str, *, base: Oid | None = None, **files: str) -> Oid:
        """A bead's work as a polecat hands it in, told as it tells it; a second later than the last."""
        self.clock.elapsed_s += 1
        start, name = base or self.base, BeadId(bead)
        attempt = self.bus.state.beads[name].attempts + 1
        commit = await self.commit(start, f"Do {bead}\n\nDone.\n\nGastown-Bead: {bead}\n", **files)
        branch = f"refs/heads/work/Nux/{bead}-{attempt}"
        await self.objects.swap_ref(branch, old=None, new=commit)
        polecat: Any = f"W-{bead}"
        await self.bus.publish(
            ev.BeadSlung(
                **self.where, bead=name, polecat=polecat, epoch=attempt, base=start, branch=branch, model="m"
            ),
            ev.BeadSubmitted(
                **self.where,
                bead=name,
                polecat=polecat,
                merge=ev.MergeId(f"{bead}.{attempt}"),
                branch=branch,
                commit=commit,
                base=start,
                summary="Done.",
            ),
        )
        return commit

    async def merge(self, bead: str, **files: str) -> Oid:
        """A new bead's landing commit on the convoy branch, told as the Refinery tells it."""
        await self.add(bead)
        tip = await self.tip()
        commit = await self.submit(bead, base=tip, **files)
        await self.objects.swap_ref(self.refs.convoy_branch, old=tip, new=commit)
        request = self.bus.state.beads[BeadId(bead)].merge
        assert request is not None
        tree = await self.objects.tree_of(commit)
        merged = ev.BeadMerged(**self.where, bead=BeadId(bead), merge=request, commit=commit, tree=tree)
        await self.bus.publish(merged)
        return commit

    def runner(self, *commands: str) -> GateRunner:
        """Gates that run in the fake sandbox."""
        return GateRunner(
            tuple(Gate(command, command) for command in commands),
            bus=self.bus,
            slots=self.kit.slots,
            objects=self.objects,
            sandbox=self.sandbox,
            confinement=self.kit.confinement,
            clock=self.clock,
            cache=self.gate_cache,
            environment=self.gate_environment,
            secrets=self.kit.secrets,
        )

    async def restarted(self) -> FakeTown:
        """The next process on the same repository, history and ledger."""
        self.clock.elapsed_s += 60
        town = await _assembled(
            self.objects,
            self.base,
            self.clock,
            MemoryEventStore(self.store.lines()),
            MemoryMoneyLog(self.log.written),
            self.model,
        )
        town.gate_cache = self.gate_cache
        return town


async def found_town(
    objects: GitObjects,
    *,
    base: Oid | None = None,
    rehearsal: bool = True,
    reviewed: bool = False,
    **files: str,
) -> FakeTown:
    """A convoy without beads, on `base` or on a first commit of its own."""
    clock = FakeClock()
    if base is None:
        base = await _first_commit(objects, clock, files)
    town = await _assembled(
        objects, base, clock, MemoryEventStore(), MemoryMoneyLog(), ScriptedModel(_silent)
    )
    refs = town.refs
    for name in (refs.convoy_branch, refs.target):
        await objects.swap_ref(name, old=await objects.read_ref(name), new=base)
    await town.bus.publish(
        ev.ConvoyCreated(
            **town.where,
            title="A convoy",
            base=base,
            target=refs.target,
            rehearsal=rehearsal,
            reviewed=reviewed,
        )
    )
    return town


async def _first_commit(objects: GitObjects, clock: FakeClock, files: dict[str, str]) -> Oid:
    named = {name.replace("_", "."): text for name, text in (files or {"a_txt": "start\n"}).items()}
    leaves = [
        TreeEntry(path, REGULAR, await objects.write_blob(text.encode())) for path, text in named.items()
    ]
    who = Signature("Ada", "ada@example.org", clock.now())
    return await objects.write_commit(await objects.write_tree(leaves), (), "Start\n", who, who)


async def _assembled(
    objects: GitObjects,
    base: Oid,
    clock: FakeClock,
    store: MemoryEventStore,
    log: MemoryMoneyLog,
    model: ScriptedModel,
) -> FakeTown:
    bus = Bus(store, clock)
    gate = SpendGate(log, clock, origin=ORIGIN)
    model.gate = gate
    await gate.open(model)
    refs = RefNames(CONVOY, rehearsal=True)
    slots = MemorySlots(objects)
    sandbox = SlotSandbox(slots)
    kit = Kit(
        rig=Rig(
            id=RIG,
            checkout=Path("/home/ada/rig"),
            folder=Path("/data/rig"),
            town_git=Path("/data/rig/town.git"),
            prefix="gt",
            user_name="Ada",
            user_email="ada@example.org",
        ),
        refs=refs,
        bus=bus,
        gate=gate,
        hooks=Hooks(objects, refs, clock),
        slots=slots,
        objects=objects,
        sandbox=sandbox,
        confinement=lambda slot: Confinement(slot=slot.folder, seen_at=slot.folder),
        files=lambda slot: slots.files[slot.name],
        clock=clock,
        line=ProviderLine(clock),
        system=system_blocks("You are a polecat."),
        scopes=(f"convoy:{CONVOY}",),
        finish_tree=keep_tree,
    )
    town = FakeTown(
        objects=objects,
        base=base,
        clock=clock,
        store=store,
        log=log,
        model=model,
        slots=slots,
        sandbox=sandbox,
        bus=bus,
        gate=gate,
        kit=kit,
    )
    bus.listen(lambda event: town.told.append(event) if isinstance(event, ev.Envelope) else None)
    return town
