"""A gate must prove itself before anything lands on its word: green on the base, red on a broken source.

All of it costs no model request. What a gate said of the base and of the broken sources is remembered like
any other answer, so the second convoy on the same base proves it without a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.gates import SABOTAGE, Gate, GateResult, GateRunner
from gastown_desktop.engine.git_ports import EXECUTABLE, REGULAR, Signature, TreeEntry

BASE_RUNS = 3
"""Runs on good trees that give the first flake rate: the one that gates the start, and two more."""
_SABOTAGE_TRIES = 3
_BROKEN = f"<<< {SABOTAGE} >>>\n".encode("ascii")

DiffSizes = Callable[[], Awaitable[Mapping[str, int]]]
"""Lines that the work changes, or is expected to, by path."""


async def nothing_expected() -> Mapping[str, int]:
    """For work of which only the files are known."""
    return {}


class GateProof:
    """Proves the gates of one convoy on its base."""

    def __init__(self, gates: GateRunner, diff_sizes: DiffSizes = nothing_expected) -> None:
        """Proves nothing yet.

        Args:
            gates: runs and remembers.
            diff_sizes: which sources matter; asked once, when there is something to break.
        """
        self._gates = gates
        self._diff_sizes = diff_sizes

    async def prove_base(self, base: Oid) -> ev.GateJudged | None:
        """Lets the gates run on the base; a red must come twice to count.

        Returns:
            The verdict where there is nothing more to prove: no gate, or a red base. None when the base is
            green and the gates still have to show that they see.
        """
        if not self._gates.gates:
            return self._verdict("There is no gate.")
        result = await self._gates.check(base, purpose="base")
        if not result.green:
            result = await self._gates.check(base, purpose="base", fresh=True)
        return None if result.green else self._red_base(result)

    async def prove_sight(self, base: Oid) -> ev.GateJudged:
        """Breaks up to three source files of a green base, one by one: a gate that sees turns red."""
        sources = await self._sources(base)
        seeing: dict[str, str] = {}
        for source in sources:
            unproven = [gate for gate in self._gates.gates if gate.name not in seeing]
            if not unproven:
                break
            sabotaged = await self._sabotage(base, source)
            for gate in unproven:
                if await self._gates.notices(gate, sabotaged, source.path):
                    seeing[gate.name] = source.path
        blind = tuple(gate.name for gate in self._gates.gates if gate.name not in seeing)
        reason = _sight(seeing, blind, is_broken=bool(sources))
        return self._verdict(reason, sees=bool(seeing), seeing=seeing, blind=blind)

    def least_known(self) -> Gate | None:
        """The gate that should run on the base again while there is time; None when all are known enough."""
        if not self._gates.spares:
            return None
        counted = [(self._gates.record(gate).runs, gate) for gate in self._gates.gates]
        runs, gate = min(counted, key=lambda one: one[0], default=(BASE_RUNS, None))
        return gate if runs < BASE_RUNS else None

    async def run_again(self, gate: Gate, base: Oid) -> None:
        """One more run on the base; cancelled as soon as something waits to land."""
        await self._gates.run_spare(gate, base)

    def _red_base(self, result: GateResult) -> ev.GateJudged:
        reason = f"{result.gate} is red before anything was changed:\n{result.tail}"
        return self._verdict(reason, base_green=False)

    def _verdict(
        self,
        reason: str,
        *,
        sees: bool = False,
        base_green: bool = True,
        seeing: Mapping[str, str] | None = None,
        blind: tuple[str, ...] = (),
    ) -> ev.GateJudged:
        state = self._gates.bus.state
        return ev.GateJudged(
            rig=state.rig,
            convoy=state.convoy,
            sees=sees,
            base_green=base_green,
            reason=reason,
            seeing=tuple(seeing or ()),
            blind=blind,
            noticed=tuple((seeing or {}).values()),
        )

    async def _sources(self, base: Oid) -> list[TreeEntry]:
        """Files to break: those that the work changes most, then those it touches; tests after sources."""
        objects, beads = self._gates.objects, self._gates.bus.state.beads
        entries = await objects.list_tree(await objects.tree_of(base), recursive=True)
        code = [entry for entry in entries if entry.mode in {REGULAR, EXECUTABLE} and _is_code(entry.path)]
        touched = Counter(path for view in beads.values() for path in view.bead.files)
        sizes = await self._diff_sizes() if code else await nothing_expected()

        def rank(entry: TreeEntry) -> tuple[bool, int, int, str]:
            path = entry.path
            return "test" in path.lower(), -sizes.get(path, 0), -touched[path], path

        return sorted(code, key=rank)[:_SABOTAGE_TRIES]

    async def _sabotage(self, base: Oid, source: TreeEntry) -> Oid:
        objects = self._gates.objects
        broken = await objects.write_blob(_BROKEN)
        changed = await objects.edit_tree(await objects.tree_of(base), {source.path: (source.mode, broken)})
        town = Signature("Gas Town", "town@gastown.invalid", self._gates.clock.now())
        return await objects.write_commit(changed, (base,), f"Sabotage {source.path}\n", town, town)


def _sight(seeing: Mapping[str, str], blind: tuple[str, ...], *, is_broken: bool) -> str:
    red = [f"{name} is red with {path} broken." for name, path in seeing.items()]
    if not is_broken:
        return "There is no source file that could be broken to see whether the gate notices."
    return " ".join([*red, *(f"{name} stays green when the source is broken." for name in blind)])


_CODE = frozenset(
    {"py", "rs", "go", "js", "ts", "jsx", "tsx", "mjs", "cjs", "c", "cc", "cpp", "h", "hpp", "java", "kt"}
    | {"rb", "php", "cs", "swift", "scala", "ex", "exs", "erl", "hs", "ml", "lua", "pl", "sh"}
)


def _is_code(path: str) -> bool:
    return path.rpartition(".")[2].lower() in _CODE
