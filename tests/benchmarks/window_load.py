"""Thirty workers at full pace, for the window's benchmark: text streams, turns end, git keeps every turn.

What a worker says and what it costs is made up; the snapshots and hooks are the engine's own, in a real
town.git with real slots.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName, RigId
from gastown_desktop.engine.api import EngineApi, OpenRig, Recent, System, Transcript
from gastown_desktop.engine.git_ports import Slot
from gastown_desktop.engine.holding import BY_YOU
from gastown_desktop.engine.hooks import Assignment, Hook, Hooks, Turn
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.wiring.workplace import git_path
from tests.builders import RepositoryBuilder

RIG, CONVOY = RigId("harbor-0a1b2c"), ConvoyId("cv-load")
WHERE: Any = {"rig": RIG, "convoy": CONVOY}
_FILES = 400
_WORDS = ("the parser ", "reads each ", "line once, ", "so that no ", "test waits;\n")
_DOLLAR = 1_000_000_000


class Load:
    """An engine whose workers never rest (`bridge.engine_thread.RunningEngine`)."""

    def __init__(
        self,
        show: Callable[[ev.Envelope | ev.EphemeralEvent], None],
        folder: Path,
        *,
        agents: int,
        deltas_s: int,
        turn_s: float,
        paused: bool = False,
    ) -> None:
        self._show = show
        self._folder = folder
        self._agents = agents
        self._deltas_s = deltas_s
        self._turn_s = turn_s
        self._paused = paused
        """Every worker was slung, and the user pauses them all."""
        self._seq = itertools.count(1)
        self._tasks: list[asyncio.Task[None]] = []
        self._spent = 0
        self._clock = SystemClock()
        self.turns = 0
        self.deltas = 0

    @property
    def api(self) -> EngineApi:
        return cast("EngineApi", self)

    async def start(self) -> Load:
        """Builds the repository and hangs a bead on every worker's hook."""
        repo = RepositoryBuilder(self._folder / "repo")
        for number in range(_FILES):
            repo.write(f"src/part{number % 20}/file{number}.py", f"value = {number}\n" * 40)
        base = Oid(repo.commit("Start"))
        town = self._folder / "town.git"
        subprocess.run(["git", "clone", "-q", "--bare", repo.folder, town], check=True)  # noqa: ASYNC221 - before the clock runs
        self._launcher = LocalLauncher(self._folder / "children")
        git = GitCommand(self._launcher, git_path(), self._folder / "empty-hooks")
        self._objects = PygitObjects(git, town)
        self._slots = GitSlots(git, self._objects, town, self._folder / "wt", self._folder / "indexes")
        self._hooks = Hooks(self._objects, RefNames(CONVOY, rehearsal=True), self._clock)
        self._tell(ev.ConvoyCreated(**WHERE, title="Load", base=base, target="refs/heads/main"))
        self._tell(ev.ConvoyStageChanged(**WHERE, stage="running"))
        for number in range(self._agents):
            self._tell(ev.BeadAdded(**WHERE, bead=_bead(number), title=f"Make part {number} of the harbour"))
        self._show(ev.RunChanged(**WHERE, running=True, polecats=self._agents))
        if self._paused:
            self._tell(ev.ConvoyStageChanged(**WHERE, stage="paused", reason=BY_YOU))
            self._show(ev.RunChanged(**WHERE, running=True, held=True, polecats=self._agents))
        self._tasks = [asyncio.ensure_future(self._worker(number, base)) for number in range(self._agents)]
        return self

    async def shut_down(self) -> None:
        """Ends all workers and children."""
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._launcher.close()
        failed = [end for end in ends if isinstance(end, Exception)]
        if failed:
            raise failed[0]

    # --- what the window asks ---

    async def system(self) -> System:
        return System(git="", sandbox="")

    async def recents(self) -> tuple[Recent, ...]:
        return ()

    async def absence(self, _convoy: ConvoyId) -> None:
        return None

    async def transcript(self, _convoy: ConvoyId, bead: BeadId) -> Transcript:
        return Transcript(bead=bead, task="", turns=(), steps=())

    async def diff(self, _convoy: ConvoyId, _bead: BeadId) -> tuple[()]:
        return ()

    # --- one worker ---

    async def _worker(self, number: int, base: Oid) -> None:
        bead, polecat = _bead(number), PolecatName(f"Polecat{number}")
        branch = f"refs/heads/work/{polecat}/{bead}"
        slot = await self._slots.prepare(polecat, base)
        hook = await self._hooks.hang(
            Assignment(polecat=polecat, bead=bead, base=base, branch=branch, epoch=1, model="load")
        )
        self._tell(
            ev.BeadSlung(
                **WHERE,
                bead=bead,
                polecat=polecat,
                epoch=1,
                base=base,
                branch=branch,
                model="claude-opus-5-5",
            )
        )
        self._tell(ev.PolecatStateChanged(**WHERE, polecat=polecat, state="working"))
        if self._paused:
            self._tell(ev.PolecatStateChanged(**WHERE, polecat=polecat, state="paused", reason=BY_YOU))
            return
        await self._stream(polecat, (number + 1) / self._agents)  # their turns do not end together
        for turn in itertools.count(1):
            # The next reply streams while git keeps the last turn, so that the pace never drops.
            _, hook = await asyncio.gather(self._stream(polecat), self._end_turn(number, slot, hook, turn))

    async def _end_turn(self, number: int, slot: Slot, hook: Hook, turn: int) -> Hook:
        """Writes a file, and lets the engine snapshot and record it."""
        polecat = hook.assignment.polecat
        self._show(ev.ActionChanged(rig=RIG, polecat=polecat, action=f"Editing src/file{turn}.py"))
        path = slot.folder / f"src/part{number % 20}/turn{turn % 50}.py"
        path.write_text(f"turn = {turn}\n" * 300)
        tree = (await self._slots.snapshot(slot)).tree
        recorded = await self._hooks.record(hook, _turn(turn, tree))
        self._tell_turn(number, turn, recorded.head)
        return recorded

    async def _stream(self, polecat: PolecatName, part: float = 1.0) -> None:
        """A reply, or a part of one, delta by delta."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(int(part * self._turn_s * self._deltas_s)):
            self._show(ev.TextStreamed(rig=RIG, polecat=polecat, text=_WORDS[number % len(_WORDS)]))
            self.deltas += 1
            await asyncio.sleep(max(0.0, begun + (number + 1) / self._deltas_s - loop.time()))

    def _tell_turn(self, number: int, turn: int, head: Oid) -> None:
        cost = _DOLLAR // 50
        self._spent += cost
        self.turns += 1
        self._tell(
            ev.TurnEnded(
                **WHERE,
                polecat=PolecatName(f"Polecat{number}"),
                bead=_bead(number),
                turn=turn,
                hook=head,
                cost=cost,
                prompt_tokens=9_000,
                output_tokens=400,
                tools=("edit",),
                steps_done=min(turn, 12),
                steps=12,
                files_changed=turn,
                lines_added=300 * turn,
            )
        )
        for scope, spent in ((f"convoy:{CONVOY}", self._spent), (f"bead:{_bead(number)}", cost * turn)):
            cap = 1_000 * _DOLLAR if scope.startswith("convoy") else None
            self._show(ev.MeterMoved(rig=RIG, scope=scope, cap=cap, settled=spent, held=cost, assumed=0))

    def _tell(self, event: ev.DurableEvent) -> None:
        self._show(ev.Envelope(seq=next(self._seq), at=self._clock.now(), event=event))


def open_rig(folder: Path) -> OpenRig:
    """The load's repository as the window knows it."""
    return OpenRig(rig=RIG, path=folder / "repo", name="harbor", branch="main", commits=1, convoys=(CONVOY,))


def _bead(number: int) -> BeadId:
    return BeadId(f"hb-{number:05}")


def _turn(number: int, tree: Oid) -> Turn:
    return Turn(
        number=number,
        at="2026-11-25T12:00:00+00:00",
        tree=tree,
        cost=_DOLLAR // 50,
        request_id=f"req_{number}",
        prompt_tokens=9_000,
        output_tokens=400,
        assistant=[{"type": "text", "text": "I write the next part."}],
        results=[],
        steps=[],
        notes=[],
    )
