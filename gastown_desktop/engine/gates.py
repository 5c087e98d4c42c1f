"""Gates: the project's own commands, run on a clean copy of exactly the tree that would land."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.ports import (
    EXECUTABLE,
    REGULAR,
    Clock,
    Confinement,
    GitObjects,
    Sandbox,
    Signature,
    Slot,
    Slots,
)

GATE_TIMEOUT_S = 1_200.0
_SABOTAGE_TRIES = 3
_SABOTAGE = b"<<< sabotage: this line must turn the gate red >>>\n"
_TAIL_LINES = 20


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


class GateRunner:
    """Runs all gates on commits, one after the other, and remembers greens and confirmed reds by tree."""

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
    ) -> None:
        """Without gates everything is green, which the user had to accept."""
        self.gates = gates
        self._bus = bus
        self._slots = slots
        self._objects = objects
        self._sandbox = sandbox
        self._confinement = confinement
        self._clock = clock
        self._known: dict[tuple[Oid, str], GateResult] = {}
        self.cpu_s = 0.0

    def without_gates(self) -> None:
        """Goes on without them: the base is red, so they could blame nobody."""
        self.gates = ()

    async def check(
        self, commit: Oid, *, purpose: str, beads: tuple[BeadId, ...] = (), fresh: bool = False
    ) -> GateResult:
        """Runs all gates on a commit's tree; stops at the first red.

        Args:
            commit: what to check out.
            purpose: `base`, `sabotage`, `candidate` or `confirm`.
            beads: beads whose changes are in it, for the record.
            fresh: run even what is known; a fresh red counts as confirmed and is remembered.
        """
        tree = await self._objects.tree_of(commit)
        for gate in self.gates:
            known = None if fresh else self._known.get((tree, self._key(gate)))
            result = known or await self._run(gate, commit, tree, purpose, beads)
            if known is None and (result.green or fresh):
                self._known[tree, self._key(gate)] = result
            if not result.green:
                return result
        return GateResult(green=True)

    async def prove_base(self, base: Oid) -> ev.GateJudged | None:
        """Lets the gates run on the base; a red must come twice to count.

        Returns:
            The verdict where there is nothing more to prove: no gate, or a red base. None when the base is
            green and the gates still have to show that they see.
        """
        if not self.gates:
            return self._verdict("There is no gate.")
        result = await self.check(base, purpose="base")
        if not result.green:
            result = await self.check(base, purpose="base", fresh=True)
        if result.green:
            return None
        reason = f"{result.gate} is red before anything was changed:\n{result.tail}"
        return self._verdict(reason, base_green=False)

    async def prove_sight(self, base: Oid) -> ev.GateJudged:
        """Breaks up to three source files of a green base, one by one: a gate that sees turns red."""
        for path in await self._sources(base):
            sabotaged = await self._sabotage(base, path)
            if not (await self.check(sabotaged, purpose="sabotage")).green:
                return self._verdict(f"red with {path} broken", sees=True)
        return self._verdict("It stays green when the source is broken.")

    def _verdict(self, reason: str, *, sees: bool = False, base_green: bool = True) -> ev.GateJudged:
        state = self._bus.state
        return ev.GateJudged(
            rig=state.rig, convoy=state.convoy, sees=sees, base_green=base_green, reason=reason
        )

    async def _run(
        self, gate: Gate, commit: Oid, tree: Oid, purpose: str, beads: tuple[BeadId, ...]
    ) -> GateResult:
        self._progress(gate, beads, running=True)
        slot = await self._slots.prepare("gate", commit)
        try:
            result = await self._sandbox.run(gate.command, self._confinement(slot), timeout_s=gate.timeout_s)
        finally:
            self._progress(gate, beads, running=False)
        self.cpu_s += result.cpu_s
        green = result.exit_code == 0 and not result.timed_out
        text = result.output.decode("utf-8", "replace").strip()
        tail = "" if green else "\n".join(text.splitlines()[-_TAIL_LINES:])
        await self._bus.publish(
            ev.GateRun(
                rig=self._bus.state.rig,
                convoy=self._bus.state.convoy,
                gate=gate.name,
                tree=tree,
                green=green,
                seconds=round(result.elapsed_s, 3),
                purpose=purpose,
                beads=beads,
                tail=tail,
            )
        )
        return GateResult(green, gate.name, tail)

    def _progress(self, gate: Gate, beads: tuple[BeadId, ...], *, running: bool) -> None:
        rig = self._bus.state.rig
        self._bus.show(ev.GateProgress(rig=rig, gate=gate.name, beads=beads, running=running))

    def _key(self, gate: Gate) -> str:
        """Names a gate and the environment it runs in."""
        return sha256(f"{gate.command}\0{gate.timeout_s}\0{self._sandbox.profile}".encode()).hexdigest()

    async def _sources(self, base: Oid) -> list[str]:
        """Files to break: those that most beads expect to touch, tests after sources."""
        entries = await self._objects.list_tree(await self._objects.tree_of(base), recursive=True)
        code = [
            entry.path for entry in entries if entry.mode in {REGULAR, EXECUTABLE} and _is_code(entry.path)
        ]
        touched = Counter(path for view in self._bus.state.beads.values() for path in view.bead.files)
        code.sort(key=lambda path: ("test" in path.lower(), -touched[path], path))
        return code[:_SABOTAGE_TRIES]

    async def _sabotage(self, base: Oid, path: str) -> Oid:
        tree = await self._objects.tree_of(base)
        broken = await self._objects.write_blob(_SABOTAGE)
        changed = await self._objects.edit_tree(tree, {path: (REGULAR, broken)})
        town = Signature("Gas Town", "town@gastown.invalid", self._clock.now())
        return await self._objects.write_commit(changed, (base,), f"Sabotage {path}\n", town, town)


_CODE = frozenset(
    {"py", "rs", "go", "js", "ts", "jsx", "tsx", "mjs", "cjs", "c", "cc", "cpp", "h", "hpp", "java", "kt"}
    | {"rb", "php", "cs", "swift", "scala", "ex", "exs", "erl", "hs", "ml", "lua", "pl", "sh"}
)


def _is_code(path: str) -> bool:
    return path.rpartition(".")[2].lower() in _CODE
