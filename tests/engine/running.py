"""A whole town at work beside a test, which answers for the model turn by turn."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.projection import PolecatView
from gastown_desktop.engine.gates import GateRunner
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.town import Town
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, bead_of, says, submits, use

LOOK = says(use("read", path="a.txt"))


class Running:
    """A town that runs; each request waits until the test answers about its bead."""

    def __init__(self, town: FakeTown, whole: Town, gates: GateRunner) -> None:
        self.town = town
        self.whole = whole
        self.gates = gates
        self.task: asyncio.Task[None] | None = None
        self.asked: dict[str, int] = defaultdict(int)
        """Requests so far, by bead."""
        self._replies: dict[str, asyncio.Queue[Said]] = defaultdict(asyncio.Queue)
        self._news = asyncio.Event()
        town.model.answer = self._answer
        town.bus.listen(lambda _: self._news.set())
        town.kit.waiting.listen_for_sleep(self._news.set)

    async def _answer(self, request: ModelRequest) -> Said:
        bead = bead_of(request)
        self.asked[bead] += 1
        self._news.set()
        return await self._replies[bead].get()

    def says(self, bead: str, *replies: Said) -> None:
        for reply in replies:
            self._replies[bead].put_nowait(reply)

    def hands_in(self, bead: str, **files: str) -> None:
        """The bead's worker writes files (`a_txt` is `a.txt`), by default one of its own, and submits."""
        named = files or {f"{bead[3:]}_txt": f"{bead}\n"}
        writes = [use("write", path=name.replace("_", "."), content=text) for name, text in named.items()]
        self.says(bead, says(*writes, submits()))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds; looks after each event, when a worker waits and when the run ends."""
        async with asyncio.timeout(20):
            while not holds():
                assert self.task is not None
                self._news.clear()
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({news, self.task}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if self.task.done() and not holds():
                    await self.task
                    raise AssertionError("the town ended")

    async def is_asked(self, bead: str, times: int = 1) -> None:
        await self.until(lambda: self.asked[bead] >= times)

    async def is_paused(self, bead: str, reason: str = "by you") -> None:
        await self.until(lambda: (self.worker(bead).state, self.worker(bead).reason) == ("paused", reason))

    async def ends(self) -> None:
        async with asyncio.timeout(20):
            assert self.task is not None
            await self.task

    def worker(self, bead: str) -> PolecatView:
        workers = self.town.bus.state.polecats.values()
        nobody = PolecatView(name=PolecatName("nobody"), state="")
        return next((one for one in workers if one.bead == bead), nobody)

    def status(self, bead: str) -> str:
        return self.town.bus.state.beads[BeadId(bead)].status


@asynccontextmanager
async def running(
    town: FakeTown, *gates: str, hooks: list[Hook] | None = None, **fields: Any
) -> AsyncIterator[Running]:
    """Runs a town; it is cancelled at the end, if it has not ended by then."""
    given = {"fleet_size": 2, "model": MODEL, "watched": False, **fields}
    runner = town.runner(*gates)
    one = Running(town, Town(town.kit, runner, **given), runner)
    one.task = asyncio.create_task(one.whole.run(hooks or []))  # noqa: TID251 - awaited below
    try:
        yield one
    finally:
        one.task.cancel()
        await asyncio.wait({one.task})
    if not one.task.cancelled():
        await one.task
