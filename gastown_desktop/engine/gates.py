"""Gates: the project's own commands, run on a clean copy of exactly the tree that would land.

A green counts at once, also one that is remembered from an earlier convoy. A red counts when the same tree
was red so often in a row that chance is no explanation (core.flakiness); nothing else is remembered.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import SetupFailed
from gastown_desktop.core.flakiness import LEAST_REDS, FlakeRecord, describe, lesson, reds_needed
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.merge_queue import FailureRate
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.git_ports import GitObjects, Slot, Slots
from gastown_desktop.engine.ports import Clock, GateAnswer, GateCache, GateEnvironment
from gastown_desktop.engine.process_ports import CommandResult, Confinement, Sandbox

GATE_TIMEOUT_S = 1_200.0
SABOTAGE = "sabotage: this line must turn the gate red"
"""What stands in a source that was broken on purpose; a gate that prints it has seen it."""
WITHOUT_GATE = "Go on without this gate"
"""Answer to an item of Needs you about a gate."""
_SLOT, _SPARE_SLOT = "gate", "spare-gate"
GATE_SLOTS = frozenset({_SLOT, _SPARE_SLOT})
"""Slots in which gates run."""
_TAIL_LINES = 20
_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Gate:
    """One command that must succeed."""

    name: str
    command: str
    timeout_s: float = GATE_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the gates said of a tree."""

    green: bool
    gate: str = ""
    """The gate that was red."""
    tail: str = ""
    """Its last lines."""
    blames: bool = True
    """False: this gate is red by chance so often that its reds blame nobody."""
    certain: bool = True
    """False: a red that may still be chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """How long a red is doubted."""

    trees: frozenset[Oid] = frozenset()
    """Other trees with the same change on top; their reds in a row count too."""
    most_runs: int | None = None
    """Runs after which it is left uncertain, because others wait; None confirms it whatever it takes."""


NO_DOUBT = Doubt()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is put to the gates."""

    commit: Oid
    tree: Oid
    purpose: str
    beads: tuple[BeadId, ...] = ()
    broken: str = ""
    """Path of the source that was sabotaged in it."""
    slot: str = _SLOT


class GateRunner:
    """Runs all gates on commits, one after the other; each must be green."""

    def __init__(
        self,
        gates: tuple[Gate, ...],
        *,
        bus: Bus,
        slots: Slots,
        objects: GitObjects,
        sandbox: Sandbox,
        confinement: Callable[[Slot], Confinement],
        clock: Clock,
        cache: GateCache,
        environment: GateEnvironment,
        secrets: Secrets = NO_SECRETS,
    ) -> None:
        """Without gates everything is green, which the user had to accept."""
        self._secrets = secrets
        self._gates = gates
        self.clock = clock
        self.objects = objects
        self.bus = bus
        self._slots = slots
        self._sandbox = sandbox
        self._confinement = confinement
        self._cache = cache
        self._environment = environment
        self._using: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One run at a time in each slot: the user may drop a bead while the Refinery tests."""
        self.cpu_s = 0.0
        self.spares = True
        """Whether there may be runs that nobody waits for: none once their slot could not be set up."""

    async def set_up(self, commit: Oid) -> None:
        """Prepares the slot in which gates run, so that it is known whether a copy can be.

        Raises:
            SetupFailed: it cannot.
        """
        async with self._using[_SLOT]:
            await self._slots.prepare(_SLOT, commit)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that count: all but those that the user does without."""
        answers = self.bus.state.answers
        return tuple(gate for gate in self._gates if not goes_without(answers.get(need_item(gate.name))))

    def without_gates(self) -> None:
        """Goes on without them: the base is red, so they could blame nobody."""
        self._gates = ()

    @property
    def failure_rate(self) -> FailureRate:
        """How often candidates are bad, from all convoys of the rig."""
        return self._cache.failure_rate(self._queue)

    def judged(self, *, landed: int = 0, blamed: int = 0) -> None:
        """Counts candidates that landed and that were blamed."""
        self._cache.judged(self._queue, landed=landed, blamed=blamed)

    def record(self, gate: Gate) -> FlakeRecord:
        """What is known of a gate: from the rig's memory, or where that was lost, from this convoy."""
        kept = self._cache.record(gate.command)
        view = self.bus.state.gates.get(gate.name)
        return kept if view is None or view.record.runs <= kept.runs else view.record

    async def check(
        self,
        commit: Oid,
        *,
        purpose: str,
        beads: tuple[BeadId, ...] = (),
        fresh: bool = False,
        doubt: Doubt = NO_DOUBT,
    ) -> GateResult:
        """Asks all gates about a commit's tree; stops at the first red.

        Args:
            commit: what to check out.
            purpose: `base`, `candidate` or `confirm`.
            beads: beads whose changes are in it, for the record.
            fresh: confirm a red: the gate that was red runs again, whatever is remembered, until it is green
                once or was red so often that the tree is to blame. A green of this tree stays one.
            doubt: how a red is confirmed.
        """
        tree = await self.objects.tree_of(commit)
        subject = _Subject(commit=commit, tree=tree, purpose=purpose, beads=beads)
        for gate in self.gates:
            result = await (self._confirm(gate, subject, doubt) if fresh else self._ask(gate, subject))
            if not result.green:
                return result
        return GateResult(green=True)

    async def notices(self, gate: Gate, commit: Oid, broken: str) -> bool:
        """Tells whether a gate is red on a commit with a broken source, and not by chance.

        Args:
            gate: which one.
            commit: the base with one source sabotaged.
            broken: path of that source; output that names it is proof enough.
        """
        tree = await self.objects.tree_of(commit)
        subject = _Subject(commit=commit, tree=tree, purpose="sabotage", broken=broken)
        known = self._cache.find(tree, self._key(gate))
        result = await self._ask(gate, subject)
        if result.green or known is not None:
            return not result.green
        if _shows(result.tail, broken):
            self._remember_red(gate, subject, result)
            return True
        return not (await self._confirm(gate, subject)).green

    async def run_spare(self, gate: Gate, commit: Oid) -> None:
        """Runs one gate on the base once more, to learn how steady it is; may be cancelled at any time."""
        tree = await self.objects.tree_of(commit)
        try:
            await self._run(gate, _Subject(commit=commit, tree=tree, purpose="base", slot=_SPARE_SLOT))
        except SetupFailed:
            self.spares = False

    def distrust(self, result: GateResult) -> ev.NeedsYou:
        """What to ask the user when a gate is red whose reds blame nobody."""
        record = next(self.record(gate) for gate in self._gates if gate.name == result.gate)
        return ev.NeedsYou(
            rig=self.bus.state.rig,
            convoy=self.bus.state.convoy,
            item=need_item(result.gate),
            about="gate",
            text=f"{describe(result.gate, record)} It said last:\n{result.tail}",
            options=(WITHOUT_GATE, "Try again"),
        )

    @property
    def _queue(self) -> str:
        return "rehearsal" if self.bus.state.rehearsal else "work"

    async def _ask(self, gate: Gate, subject: _Subject) -> GateResult:
        """From memory, or else by one run. A red base is never remembered: the user may have mended it."""
        known = self._cache.find(subject.tree, self._key(gate))
        if known is None or (not known.green and subject.purpose == "base"):
            return await self._run(gate, subject)
        await self._tell_known(gate, subject, known)
        return GateResult(known.green, gate.name, known.tail)

    async def _confirm(self, gate: Gate, subject: _Subject, doubt: Doubt = NO_DOUBT) -> GateResult:
        known = self._cache.find(subject.tree, self._key(gate))
        if known is not None and known.green:
            await self._tell_known(gate, subject, known)
            return GateResult(True, gate.name)
        is_believed = known is not None and subject.purpose != "base"
        for runs in itertools.count(1):
            result = await self._run(gate, subject)
            needed = self._reds_needed(gate, subject)
            trees = {subject.tree, *doubt.trees}
            reds = sum(self.bus.state.gate_reds.get((gate.name, tree), 0) for tree in trees)
            if result.green:
                return result
            if needed is None and reds >= _PATIENCE:
                return GateResult(False, gate.name, result.tail, blames=False)
            if needed is not None and (is_believed or reds >= needed):
                self._remember_red(gate, subject, result)
                return result
            if runs == doubt.most_runs:
                return GateResult(False, gate.name, result.tail, certain=False)
        raise AssertionError("counting has no end")

    def _reds_needed(self, gate: Gate, subject: _Subject) -> int | None:
        """Base and sabotage blame nobody: two reds do there, unless the gate was red by chance before."""
        record = self.record(gate)
        if subject.purpose in {"base", "sabotage"} and not record.quarantined:
            return LEAST_REDS
        return reds_needed(record)

    async def _run(self, gate: Gate, subject: _Subject) -> GateResult:
        key = self._key(gate)
        result = await self._execute(gate, subject)
        green = result.exit_code == 0 and not result.timed_out
        text = self._secrets.masked(result.output.decode("utf-8", "replace")).strip()
        tail = "" if green else "\n".join(text.splitlines()[-_TAIL_LINES:])
        answer = GateAnswer(green=green, tail=tail, seconds=round(result.elapsed_s, 3))
        await self._learn(gate, subject, answer, key)
        if green:
            self._cache.remember(subject.tree, key, answer)
        return GateResult(green, gate.name, tail)

    async def _execute(self, gate: Gate, subject: _Subject) -> CommandResult:
        self._progress(gate, subject, running=True)
        try:
            async with self._using[subject.slot]:
                slot = await self._slots.prepare(subject.slot, subject.commit)
                confined = self._confinement(slot)
                result = await self._sandbox.run(gate.command, confined, timeout_s=gate.timeout_s)
        except SetupFailed as failed:
            # the base was set up before: what cannot be is the candidate's doing, like any other red
            if subject.purpose == "base":
                raise
            result = CommandResult(exit_code=1, output=str(failed).encode())
        finally:
            self._progress(gate, subject, running=False)
        self.cpu_s += result.cpu_s
        return result

    async def _learn(self, gate: Gate, subject: _Subject, answer: GateAnswer, key: str) -> None:
        """Counts a run for the gate's record, and tells of it."""
        state, place = self.bus.state, (gate.name, subject.tree)
        known = self._cache.find(subject.tree, key)
        known_good = place in state.gate_greens or (known is not None and known.green)
        reds = state.gate_reds.get(place, 0)
        runs, flips = lesson(green=answer.green, known_good=known_good, reds=reds)
        record = self.record(gate).plus(runs=runs, flips=flips)
        if runs:
            self._cache.count(gate.command, runs=runs, flips=flips)
        await self.bus.publish(
            self._event(gate, subject, answer, record, flipped=flips > 0, seconds=answer.seconds)
        )

    async def _tell_known(self, gate: Gate, subject: _Subject, known: GateAnswer) -> None:
        event = self._event(gate, subject, known, self.record(gate), cached=True, saved_s=known.seconds)
        await self.bus.publish(event)

    def _event(
        self,
        gate: Gate,
        subject: _Subject,
        answer: GateAnswer,
        record: FlakeRecord,
        *,
        seconds: float = 0.0,
        saved_s: float = 0.0,
        cached: bool = False,
        flipped: bool = False,
    ) -> ev.GateRun:
        return ev.GateRun(
            rig=self.bus.state.rig,
            convoy=self.bus.state.convoy,
            gate=gate.name,
            tree=subject.tree,
            green=answer.green,
            seconds=seconds,
            purpose=subject.purpose,
            beads=subject.beads,
            tail=answer.tail,
            cached=cached,
            saved_s=saved_s,
            environment=self._key(gate)[:16],
            flipped=flipped,
            known_runs=record.runs,
            known_flips=record.flips,
        )

    def _remember_red(self, gate: Gate, subject: _Subject, result: GateResult) -> None:
        if subject.purpose != "base":
            self._cache.remember(subject.tree, self._key(gate), GateAnswer(green=False, tail=result.tail))

    def _progress(self, gate: Gate, subject: _Subject, *, running: bool) -> None:
        rig = self.bus.state.rig
        self.bus.show(ev.GateProgress(rig=rig, gate=gate.name, beads=subject.beads, running=running))

    def _key(self, gate: Gate) -> str:
        """Names a gate and the environment it runs in."""
        around = self._environment.digest(gate.command)
        parts = (gate.command, str(gate.timeout_s), self._sandbox.profile, around)
        return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def goes_without(answer: str | None) -> bool:
    """Whether the user, who may have typed it, answered that a gate should not count."""
    return answer is not None and answer.strip(" .").casefold() == WITHOUT_GATE.casefold()


def need_item(gate: str) -> str:
    """The id of the item of Needs you about a gate."""
    return f"gate:{gate}"


def _shows(tail: str, broken: str) -> bool:
    """Whether a gate's output can only come from the sabotaged line: its text, or its place."""
    name = re.escape(broken.rpartition("/")[2])
    return SABOTAGE in tail or re.search(rf'{name}(:1\b|", line 1\b)', tail) is not None
