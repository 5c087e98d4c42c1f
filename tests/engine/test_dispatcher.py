"""The dispatcher with real hooks and polecats; the model waits until a test lets it answer."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import DiskBroken, DiskFull, GitError, StoreError
from gastown_desktop.core.ids import BeadId, MergeId
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.core.witness import MOST_DEATHS
from gastown_desktop.engine.dispatcher import Dispatcher
from gastown_desktop.engine.hooks import Assignment, Hook, Hooks
from gastown_desktop.engine.ports import ModelRequest
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, bead_of, found_town, says, submits, turn_of, use


class Fleet:
    """A dispatcher, and replies that wait to be let go."""

    def __init__(self, town: FakeTown, fleet_size: int) -> None:
        self.town = town
        self.dispatcher = Dispatcher(town.kit, fleet_size=fleet_size, model=MODEL)
        self._go: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Event()
        town.model.answer = self._answer
        town.bus.listen(lambda _: self._changed.set())

    async def _answer(self, request: ModelRequest) -> Said:
        bead = bead_of(request)
        await self._gate(bead).wait()
        return says(use("write", path=f"{bead}.txt", content=f"{bead}\n"), submits())

    def _gate(self, bead: str) -> asyncio.Event:
        return self._go.setdefault(bead, asyncio.Event())

    def let_go(self, *beads: str) -> None:
        for bead in beads:
            self._gate(bead).set()

    async def fill(self, group: asyncio.TaskGroup) -> None:
        await self.dispatcher.fill(group)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds; looks after each event."""
        async with asyncio.timeout(20):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def finished(self, *beads: str) -> None:
        """Lets beads be submitted and waits until their workers are free."""
        working = self.dispatcher.working
        self.let_go(*beads)
        await self.until(lambda: self.dispatcher.working == working - len(beads))

    def slung(self) -> list[str]:
        return [event.bead for event in self.town.events("bead_slung")]

    def workers(self) -> dict[str, str]:
        return {event.bead: event.polecat for event in self.town.events("bead_slung")}

    async def merge(self, bead: str) -> None:
        """Tells that a submitted bead was merged, a second later."""
        self.town.clock.elapsed_s += 1
        view = self.town.bus.state.beads[BeadId(bead)]
        commit = self.town.bus.state.merges[view.merge or MergeId("")].commit
        tree = await self.town.objects.tree_of(commit)
        await self.town.bus.publish(
            ev.BeadMerged(
                **self.town.where,
                bead=BeadId(bead),
                merge=view.merge or MergeId(""),
                commit=commit,
                tree=tree,
            )
        )

    async def send_back(self, bead: str, reason: str = "check is red with it:\nassert 1 == 2") -> None:
        await self.town.bus.publish(ev.BeadReopened(**self.town.where, bead=BeadId(bead), reason=reason))


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    return await found_town(objects)


@asynccontextmanager
async def at_work() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose polecats are sent home at the end."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
            raise _Over
    except* _Over:
        pass


class _Over(Exception):
    pass


# --- who is next ----------------------------------------------------------------------------------


async def test_the_whole_fleet_is_busy_at_once_and_nobody_more(town: FakeTown) -> None:
    fleet = Fleet(town, 3)
    await town.add("gt-a", "gt-b", "gt-c", "gt-d")
    async with at_work() as group:
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b", "gt-c"]
        assert fleet.dispatcher.working == 3
        await fleet.finished("gt-b")
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b", "gt-c", "gt-d"]


async def test_a_bead_waits_until_what_it_depends_on_is_merged(town: FakeTown) -> None:
    fleet = Fleet(town, 3)
    await town.add("gt-a", "gt-b")
    await town.depend("gt-b", "gt-a")
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.finished("gt-a")
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a"]
        await fleet.merge("gt-a")
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b"]


async def test_priority_comes_first_then_how_much_waits_behind(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b", "gt-c", "gt-d")
    await town.add("gt-urgent", priority=0)
    await town.add("gt-later", priority=4)
    await town.depend("gt-c", "gt-b")
    await town.depend("gt-d", "gt-c")
    assert Fleet(town, 1).dispatcher.ready() == ["gt-urgent", "gt-b", "gt-a", "gt-later"]


async def test_epics_and_decisions_are_nobody_s_work(town: FakeTown) -> None:
    await town.add("gt-e", type="epic")
    await town.add("gt-d", type="decision")
    await town.add("gt-t", type="task")
    assert Fleet(town, 3).dispatcher.ready() == ["gt-t"]


async def test_a_bead_that_asks_is_not_slung(town: FakeTown) -> None:
    await town.add("gt-a")
    await town.bus.publish(
        ev.NeedsYou(**town.where, item="x", about="question", text="Which?", bead=BeadId("gt-a"))
    )
    assert Fleet(town, 3).dispatcher.ready() == []


async def test_a_slung_bead_hangs_in_git_before_it_is_told(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a")
    async with at_work() as group:
        await fleet.fill(group)
        (hook,) = await town.kit.hooks.load_all()
        (event,) = town.events("bead_slung")
        assert (hook.assignment.bead, hook.assignment.base) == ("gt-a", town.base)
        assert (event.branch, event.epoch, event.model) == (hook.assignment.branch, 1, MODEL)


async def test_a_bead_s_own_model_overrides_the_fleet_s(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a", model="claude-opus-5-5")
    async with at_work() as group:
        await fleet.fill(group)
        assert town.events("bead_slung")[0].model == "claude-opus-5-5"


# --- names ----------------------------------------------------------------------------------------


async def test_a_name_is_used_again_only_when_its_worker_is_free(town: FakeTown) -> None:
    fleet = Fleet(town, 2)
    await town.add("gt-a", "gt-b", "gt-c", "gt-d")
    async with at_work() as group:
        await fleet.fill(group)
        assert fleet.workers() == {"gt-a": "Nux", "gt-b": "Slit"}
        await fleet.finished("gt-b")
        await fleet.fill(group)
        assert fleet.workers()["gt-c"] == "Slit"
        await fleet.finished("gt-a")
        await fleet.fill(group)
        assert fleet.workers()["gt-d"] == "Nux"


async def test_the_name_of_a_resumed_worker_is_taken(town: FakeTown) -> None:
    first = Fleet(town, 2)
    await town.add("gt-a", "gt-b")
    async with at_work() as group:
        await first.fill(group)
        await first.finished("gt-a")
    hooks = [hook for hook in await town.kit.hooks.load_all() if hook.submitted is None]
    await town.add("gt-c", "gt-d")
    after = Fleet(town, 2)
    async with at_work() as group:
        after.dispatcher.go_on(hooks)
        await after.fill(group)
        assert after.workers()["gt-c"] == "Nux"
        assert "gt-d" not in after.workers()
        await after.finished("gt-b")
        await after.fill(group)
        assert after.workers()["gt-d"] == "Slit"


# --- serial files ---------------------------------------------------------------------------------


async def test_beads_on_the_same_serial_files_work_one_after_the_other(town: FakeTown) -> None:
    town.kit.serialising = SerialisingFiles(serial=("migrations/*",))
    fleet = Fleet(town, 3)
    await town.add("gt-a", files=("migrations/1.sql",))
    await town.add("gt-b", files=("migrations/2.sql", "b"))
    await town.add("gt-c", files=("c",))
    async with at_work() as group:
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-c"]
        await fleet.finished("gt-a")
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-c"]
        await fleet.merge("gt-a")
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-c", "gt-b"]


async def test_a_bead_that_asks_does_not_hold_others_on_its_serial_files(town: FakeTown) -> None:
    town.kit.serialising = SerialisingFiles(serial=("m",))
    fleet = Fleet(town, 3)
    await town.add("gt-a", "gt-b", files=("m",))
    await town.bus.publish(
        ev.NeedsYou(**town.where, item="x", about="question", text="?", bead=BeadId("gt-a"))
    )
    async with at_work() as group:
        await fleet.fill(group)
        assert fleet.slung() == ["gt-b"]


async def test_a_bead_that_waits_for_another_does_not_hold_it_by_their_serial_files(town: FakeTown) -> None:
    town.kit.serialising = SerialisingFiles(serial=("m",))
    fleet = Fleet(town, 3)
    await town.add("gt-a", "gt-b", files=("m",))
    await town.depend("gt-a", "gt-b")
    async with at_work() as group:
        await fleet.fill(group)
        assert fleet.slung() == ["gt-b"]


# --- deaths ---------------------------------------------------------------------------------------


async def test_a_worker_s_death_is_a_restart_from_its_hook(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a")

    async def answer(request: ModelRequest) -> Said:
        if turn_of(request) == 0:
            return says(use("write", path="new.txt", content="first\n"))
        return says(submits())

    town.model.answer = answer
    town.slots.fails["snapshot Nux"] = [None, OSError("the disk went away")]
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.until(lambda: fleet.dispatcher.working == 0)
    assert [turn_of(request) for request in town.model.requests] == [0, 1, 1]
    states = [(event.state, event.reason) for event in town.events("polecat_state_changed")]
    assert ("starting", "OSError: the disk went away") in states
    assert [event.turn for event in town.events("turn_ended")] == [1, 2]
    view = town.bus.state.beads[BeadId("gt-a")]
    assert (view.status, view.restarts) == ("submitted", 1)
    assert "reset Nux" in town.slots.journal
    commit = town.events("bead_submitted")[0].commit
    assert (await town.files_at(commit))["new.txt"] == b"first\n"


async def test_the_third_death_asks_and_frees_the_worker(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a", "gt-b")
    town.slots.fails["prepare Nux"] = [OSError("no slot")] * MOST_DEATHS
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.until(lambda: fleet.dispatcher.working == 0)
        (need,) = town.bus.state.needs_you.values()
        assert (need.about, need.bead) == ("stuck", "gt-a")
        assert "died 3 times" in need.text
        assert "no slot" in need.text
        assert town.bus.state.beads[BeadId("gt-a")].status == "blocked"
        await fleet.fill(group)
        assert fleet.workers() == {"gt-a": "Nux", "gt-b": "Nux"}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (OSError(errno.EIO, "Input/output error"), DiskBroken),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (DiskBroken("git: the disk does not read or write a file."), DiskBroken),
    ],
)
@pytest.mark.parametrize("step", ["prepare Nux", "snapshot Nux"])
async def test_a_disk_that_fails_stops_the_fleet_and_is_no_death(
    said: Exception, kind: type[StoreError], step: str, town: FakeTown
) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a")
    fleet.let_go("gt-a")
    town.slots.fails[step] = [said]
    with pytest.RaisesGroup(kind, flatten_subgroups=True):
        async with at_work() as group:
            await fleet.fill(group)
            await fleet.until(lambda: fleet.dispatcher.working == 0)
    assert [event for event in town.events("polecat_state_changed") if event.death] == []
    assert not town.bus.state.needs_you


async def test_what_a_dead_worker_did_is_kept_when_its_name_is_used_again(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a", "gt-b")

    async def answer(request: ModelRequest) -> Said:
        return says(use("write", path="new.txt", content=f"{bead_of(request)}\n"))

    town.model.answer = answer
    town.slots.fails["reset Nux"] = [OSError("no slot")] * (MOST_DEATHS - 1)
    town.slots.fails["snapshot Nux"] = [None, OSError("the disk went away")]
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.until(lambda: fleet.dispatcher.working == 0)
        await fleet.fill(group)
        assert fleet.workers()["gt-b"] == "Nux"
    (hook,) = (await town.objects.list_refs(f"{town.refs.transcripts}gt-a/")).values()
    assert [turn.number for turn in (await town.kit.hooks.load(hook)).turns] == [1]


async def test_deaths_of_three_beads_at_once_stop_new_work_with_one_reason(town: FakeTown) -> None:
    fleet = Fleet(town, 3)
    await town.add("gt-a", "gt-b", "gt-c", "gt-d")
    for name in ("Nux", "Slit", "Toast"):
        town.slots.fails[f"prepare {name}"] = [OSError("no slots")]
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.until(lambda: len([e for e in town.events("polecat_state_changed") if e.death]) == 3)
        assert "3 beads died" in fleet.dispatcher.stopped
        await fleet.finished("gt-a")
        await fleet.fill(group)
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b", "gt-c"]
        assert [event.reason for event in town.events("dispatch_paused")] == [fleet.dispatcher.stopped]


async def test_a_bead_that_cannot_be_started_is_tried_later_and_holds_nobody_up(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a", "gt-b")
    broken: Any = Broken(town.kit.hooks, "gt-a", times=1)
    town.kit.hooks = broken
    async with at_work() as group:
        await fleet.fill(group)
        assert fleet.slung() == ["gt-b"]
        await fleet.finished("gt-b")
        await fleet.fill(group)
        assert fleet.slung() == ["gt-b"]
        assert fleet.dispatcher.next_try_s == 30.0
        town.clock.elapsed_s += 30
        await fleet.fill(group)
        assert fleet.slung() == ["gt-b", "gt-a"]
        assert fleet.dispatcher.next_try_s is None


async def test_a_bead_that_cannot_be_started_five_times_asks(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a")
    broken: Any = Broken(town.kit.hooks, "gt-a", times=9)
    town.kit.hooks = broken
    async with at_work() as group:
        for _ in range(5):
            await fleet.fill(group)
            town.clock.elapsed_s += 600
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("stuck", "gt-a")
    assert "could not be started: the hook is broken" in need.text


async def test_a_disk_that_fails_while_a_bead_is_started_stops_the_fleet(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a")
    broken: Any = Broken(town.kit.hooks, "gt-a", times=1, error=OSError(errno.EIO, "Input/output error"))
    town.kit.hooks = broken
    with pytest.RaisesGroup(DiskBroken, flatten_subgroups=True):
        async with at_work() as group:
            await fleet.fill(group)
    assert not town.bus.state.needs_you


async def test_workers_of_an_earlier_process_wait_for_room_too(town: FakeTown) -> None:
    first = Fleet(town, 2)
    await town.add("gt-a", "gt-b")
    async with at_work() as group:
        await first.fill(group)
    hooks = await town.kit.hooks.load_all()
    after = Fleet(town, 1)
    async with at_work() as group:
        after.dispatcher.go_on(hooks)
        await after.fill(group)
        assert after.dispatcher.working == 1
        await after.finished(hooks[0].assignment.bead)
        await after.fill(group)
        assert [worker.bead for worker in after.dispatcher.supervisor.workers.values()] == [
            hooks[1].assignment.bead
        ]


class Broken:
    """Hooks that cannot be hung for one bead, some times."""

    def __init__(self, hooks: Hooks, bead: str, *, times: int, error: Exception | None = None) -> None:
        self._hooks = hooks
        self._error = error or GitError("the hook is broken")
        self._bead = bead
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hooks, name)

    async def hang(self, assignment: Assignment, earlier: Hook | None = None) -> Hook:
        if assignment.bead == self._bead and self._times:
            self._times -= 1
            raise self._error
        return await self._hooks.hang(assignment, earlier)


# --- stopping -------------------------------------------------------------------------------------


async def test_a_reached_limit_stops_new_work_while_others_finish(town: FakeTown) -> None:
    fleet = Fleet(town, 2)
    await town.add("gt-a", "gt-b", "gt-c")
    await town.gate.set_cap("polecat:Nux", NanoUsd(1))
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.until(lambda: fleet.dispatcher.working == 1)
        assert "limit" in fleet.dispatcher.stopped
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b"]
        await fleet.finished("gt-b")
        await fleet.fill(group)
    assert town.bus.state.with_status("submitted") == ["gt-b"]
    assert town.bus.state.with_status("open") == ["gt-c"]
    assert [hook.assignment.bead for hook in await town.kit.hooks.load_all() if not hook.submitted] == [
        "gt-a"
    ]


async def test_a_refusal_concerns_its_bead_alone(town: FakeTown) -> None:
    fleet = Fleet(town, 1)
    await town.add("gt-a", "gt-b")

    async def answer(request: ModelRequest) -> Said:
        return says({"type": "text", "text": "No."}, stop_reason="refusal")

    town.model.answer = answer
    async with at_work() as group:
        await fleet.fill(group)
        await fleet.until(lambda: fleet.dispatcher.working == 0)
        assert town.bus.state.asking() == {"gt-a"}
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b"]


def bead_text(request: ModelRequest) -> str:
    content: Any = request.messages[0]["content"]
    return content[0]["text"]


# --- beads that came back -------------------------------------------------------------------------


async def returned(fleet: Fleet, group: asyncio.TaskGroup) -> None:
    """`gt-a` was submitted and came back; `gt-b` is submitted too."""
    await fleet.town.add("gt-a", "gt-b")
    await fleet.fill(group)
    await fleet.finished("gt-a")
    await fleet.finished("gt-b")
    await fleet.send_back("gt-a")


async def test_a_bead_that_came_back_goes_to_the_same_worker_at_once(town: FakeTown) -> None:
    fleet = Fleet(town, 2)
    async with at_work() as group:
        await returned(fleet, group)
        await fleet.fill(group)
        assert fleet.slung() == ["gt-a", "gt-b", "gt-a"]
        assert [event.polecat for event in town.events("bead_slung")] == ["Nux", "Slit", "Nux"]


async def test_a_bead_that_came_back_goes_to_another_when_its_worker_is_busy(town: FakeTown) -> None:
    fleet = Fleet(town, 2)
    async with at_work() as group:
        await returned(fleet, group)
        await town.add("gt-urgent", priority=0)
        await fleet.fill(group)
        assert fleet.workers()["gt-urgent"] == "Nux"
        assert fleet.workers()["gt-a"] == "Slit"


async def test_a_bead_that_came_back_is_told_why(town: FakeTown) -> None:
    fleet = Fleet(town, 2)
    async with at_work() as group:
        await returned(fleet, group)
        await fleet.fill(group)
        await fleet.until(lambda: fleet.dispatcher.working == 0)
    first, second = [request for request in town.model.requests if bead_of(request) == "gt-a"]
    assert bead_text(second) == bead_text(first), "the conversation goes on"
    told = str(second.messages[-1]["content"])
    assert "assert 1 == 2" in told
    assert f"starts from commit {await town.tip()} and holds tree" in told
    assert town.events("bead_slung")[-1].epoch == 2
    assert town.events("bead_slung")[-1].turn == 1
