"""The Witness over real workers: what it leaves alone, what it starts again, what it asks about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.witness import ESCALATE_S, MOST_DEATHS, QUIET_S, STALLED_S
from gastown_desktop.engine.dispatcher import Dispatcher
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.witness import Witness
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, found_town, says, submits, turn_of, use

A, NUX = BeadId("gt-a"), PolecatName("Nux")


class Watched:
    """One worker whose second turn never ends, and a Witness that looks when told."""

    def __init__(self, town: FakeTown) -> None:
        self.town = town
        self.dispatcher = Dispatcher(town.kit, fleet_size=1, model=MODEL)
        self.witness = Witness(town.kit, self.dispatcher.supervisor)
        self.hangs = True
        self._changed = asyncio.Event()
        town.model.answer = self._answer
        town.bus.listen(lambda _: self._changed.set())

    async def _answer(self, request: ModelRequest) -> Said:
        self._changed.set()
        if turn_of(request) == 0:
            return says(use("write", path="new.txt", content="kept\n"))
        if self.hangs:
            await asyncio.Event().wait()
        return says(submits())

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def hanging(self, requests: int) -> None:
        """Waits until so many requests were sent, all turns of which are told."""
        await self.until(lambda: len(self.town.model.requests) == requests)

    def health(self) -> str:
        return self.town.bus.state.polecats[NUX].health


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add(A)
    return town


@asynccontextmanager
async def at_work(watched: Watched) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        await watched.dispatcher.fill(group)
        await watched.hanging(2)
        yield
        for worker in watched.dispatcher.supervisor.workers.values():
            assert worker.task is not None
            worker.task.cancel()


@pytest.mark.parametrize(("silent_s", "health"), [(QUIET_S - 1, "healthy"), (QUIET_S, "quiet")])
async def test_a_quiet_worker_is_shown_and_left_alone(town: FakeTown, silent_s: float, health: str) -> None:
    watched = Watched(town)
    async with at_work(watched):
        town.clock.elapsed_s += silent_s
        watched.witness.look()
        assert watched.health() == health
        assert watched.dispatcher.working == 1
    assert town.events("needs_you") == []


async def test_a_stalled_worker_starts_again_from_its_hook_and_loses_nothing(town: FakeTown) -> None:
    watched = Watched(town)
    async with at_work(watched):
        town.clock.elapsed_s += STALLED_S
        watched.hangs = False
        watched.witness.look()
        await watched.until(lambda: town.bus.state.beads[A].status == "submitted")
    assert town.bus.state.beads[A].deaths == 1
    assert [event.turn for event in town.events("turn_ended")] == [1, 2]
    assert (await town.files_at(town.events("bead_submitted")[0].commit))["new.txt"] == b"kept\n"
    assert town.gate.ledger.open_reservations == {}
    assert town.gate.ledger.totals("bead:gt-a").assumed > 0, "the request that was cut counts in full"


async def test_a_worker_that_stalls_again_and_again_asks(town: FakeTown) -> None:
    watched = Watched(town)
    async with at_work(watched):
        for death in range(1, MOST_DEATHS):
            town.clock.elapsed_s += STALLED_S
            watched.witness.look()
            await watched.hanging(2 + death)
        town.clock.elapsed_s += STALLED_S
        watched.witness.look()
        await watched.until(lambda: watched.dispatcher.working == 0)
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("stuck", A)
    assert "died 3 times" in need.text


async def test_after_half_an_hour_without_progress_the_user_is_asked(town: FakeTown) -> None:
    watched = Watched(town)
    async with at_work(watched):
        town.clock.elapsed_s += ESCALATE_S
        watched.witness.look()
        await watched.until(lambda: watched.dispatcher.working == 0)
    (need,) = town.bus.state.needs_you.values()
    assert "no progress for 30 minutes" in need.text
    assert len(await town.objects.list_refs(f"{town.refs.transcripts}gt-a/")) == 1


async def test_a_worker_that_waits_for_others_is_left_alone(town: FakeTown) -> None:
    watched = Watched(town)
    async with at_work(watched):
        town.kit.waiting.begin(A)
        town.clock.elapsed_s += 10 * ESCALATE_S
        watched.witness.look()
        assert watched.health() == "waiting"
        assert watched.dispatcher.working == 1


async def test_the_time_for_which_the_provider_was_away_is_not_held_against_a_worker(town: FakeTown) -> None:
    watched = Watched(town)
    line = town.kit.line
    async with at_work(watched):
        for _ in range(2):
            with pytest.raises(ModelError), line.request():
                raise ModelError("refused", retry_after=1.0, unbilled=True)
            town.clock.elapsed_s += 2 * ESCALATE_S
            watched.witness.look()
            assert watched.health() == "waiting"
        with line.request():
            pass
        town.clock.elapsed_s += QUIET_S - 1
        watched.witness.look()
        assert watched.health() == "healthy"
        assert watched.dispatcher.working == 1


async def test_time_that_a_worker_waited_is_not_held_against_it(town: FakeTown) -> None:
    watched = Watched(town)
    async with at_work(watched):
        town.kit.first.held_back.add(A)
        town.clock.elapsed_s += 10 * ESCALATE_S
        watched.witness.look()
        town.kit.first.held_back.discard(A)
        town.clock.elapsed_s += QUIET_S - 1
        watched.witness.look()
        assert watched.health() == "healthy"
        assert watched.dispatcher.working == 1
    assert town.events("needs_you") == []


async def test_a_sign_of_life_makes_it_healthy_again(town: FakeTown) -> None:
    watched = Watched(town)
    async with at_work(watched):
        town.clock.elapsed_s += QUIET_S
        watched.witness.look()
        assert watched.health() == "quiet"
        town.bus.show(ev.ActionChanged(rig=town.kit.rig.id, polecat=NUX, action="Reading a.txt"))
        watched.witness.look()
        assert watched.health() == "healthy"
