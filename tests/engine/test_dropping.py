"""A bead leaves the convoy: the rest is stacked without it, and proven."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine import dropping
from gastown_desktop.engine.dropping import Dropped, dependants_of, drop
from gastown_desktop.engine.landing import Landed, Landing
from gastown_desktop.engine.landing_plan import NotLanded
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.ref_target import RefTarget
from tests.engine.running import running
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, found_town

A, B, C, D = (BeadId(f"gt-{letter}") for letter in "abcd")


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.merge(A, a_txt="A\n")
    await town.merge(B, b_txt="B\n")
    await town.merge(C, a_txt="A\nC\n")
    await town.add(D)
    await town.depend(C, A)
    await town.depend(D, C)
    return town


async def dropped(town: FakeTown, *beads: BeadId) -> Dropped | NotLanded:
    return await drop(town.kit, town.runner("check"), beads, "not wanted")


async def test_a_bead_goes_and_the_rest_stays(town: FakeTown) -> None:
    outcome = await dropped(town, B)
    assert isinstance(outcome, Dropped)
    assert await town.tip() == outcome.tip
    assert sorted(await town.files_at(outcome.tip)) == ["a.txt"]
    view = town.bus.state.beads[B]
    assert (view.status, view.reason) == ("discarded", "not wanted")
    assert [run.tree for run in town.events("gate_run")] == [await town.objects.tree_of(outcome.tip)]
    assert B not in town.bus.state.works()


async def test_the_rest_lands_without_it(town: FakeTown) -> None:
    await dropped(town, B)
    target = RefTarget(town.objects, town.refs.target)
    outcome = await Landing(town.kit, town.runner("check"), target).land()
    assert isinstance(outcome, Landed)
    assert outcome.beads == (A, C)


def test_everything_that_waits_for_it_is_found(town: FakeTown) -> None:
    assert dependants_of(town.bus.state, {A}) == (C, D)
    assert dependants_of(town.bus.state, {A, C}) == (D,)
    assert dependants_of(town.bus.state, {B}) == ()


async def test_what_builds_on_it_is_named_and_nothing_moves(town: FakeTown) -> None:
    tip = await town.tip()
    outcome = await dropped(town, A)
    assert isinstance(outcome, NotLanded)
    assert (outcome.bead, await town.tip()) == (C, tip)
    assert "a.txt" in outcome.words
    assert town.bus.state.beads[A].status == "merged"


async def test_with_what_builds_on_it_it_goes(town: FakeTown) -> None:
    outcome = await dropped(town, A, C, D)
    assert isinstance(outcome, Dropped)
    assert sorted(await town.files_at(outcome.tip)) == ["a.txt", "b.txt"]
    assert town.bus.state.works() == [B]


async def test_what_is_red_without_it_stays(town: FakeTown) -> None:
    tip = await town.tip()
    town.sandbox.verdict = lambda _command, files: said() if "b.txt" in files else said("no b", 1)
    outcome = await dropped(town, B)
    assert isinstance(outcome, NotLanded)
    assert (outcome.about, await town.tip()) == ("red", tip)


async def test_a_bead_that_is_not_there_is_refused(town: FakeTown) -> None:
    with pytest.raises(Refused, match="gt-x is not in the convoy"):
        await dropped(town, BeadId("gt-x"))
    await dropped(town, B)
    with pytest.raises(Refused):
        await dropped(town, B)


async def test_what_is_on_a_branch_of_the_user_s_is_undone_first(town: FakeTown) -> None:
    town.bus.state.landed_on = "refs/heads/main"
    with pytest.raises(Refused, match="on main"):
        await dropped(town, B)


class Died(BaseException):
    pass


@pytest.mark.parametrize("step", ["restack-swap-before", "restack-swap-after", "restack-told"])
async def test_a_stop_is_told_by_the_next_start(
    town: FakeTown, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(name: str) -> None:
        if name == step:
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr(dropping, "crash_point", die)
        with pytest.raises(Died):
            await dropped(town, B)
    again: Any = await town.restarted()
    await reconcile(again.kit)
    gone = step != "restack-swap-before"
    assert (again.bus.state.beads[B].status == "discarded") is gone
    assert ("b.txt" not in await again.files_at(await again.tip())) is gone
    assert b"".join(again.store.lines()).count(b'"bead_dropped"') == int(gone)
    assert await again.objects.list_refs(again.refs.intents) == {}


# --- beside a running town ------------------------------------------------------------------------


async def test_whoever_works_on_it_is_stopped_and_the_rest_lands(town: FakeTown) -> None:
    await town.add("gt-e")
    async with running(town) as run:
        await run.is_asked(D)
        await run.is_asked("gt-e")
        assert isinstance(await drop(town.kit, run.gates, [D], "not wanted"), Dropped)
        assert run.worker(D).state == ""
        run.hands_in("gt-e")
        await run.ends()
    assert (town.bus.state.stage, run.status(D)) == ("landed", "discarded")
    assert town.events("bead_submitted")[-1].bead == "gt-e"


@pytest.mark.parametrize("gone", [B, D])
async def test_what_is_dropped_while_the_gates_run_is_not_merged_and_nothing_is_lost(
    town: FakeTown, gone: BeadId
) -> None:
    await town.add("gt-e")
    await town.submit(D, base=await town.tip(), d_txt="D\n")
    await town.submit("gt-e", base=await town.tip(), e_txt="E\n")
    once = asyncio.Event()
    sandbox_run = town.sandbox.run

    async def drops_first(*args: Any, **kwargs: Any) -> Any:
        if not once.is_set() and town.bus.state.gate_sees is not None:
            once.set()
            dropping_task = asyncio.ensure_future(drop(town.kit, run.gates, [gone], "not wanted"))
            result = await sandbox_run(*args, **kwargs)
            drops.append(dropping_task)
            return result
        return await sandbox_run(*args, **kwargs)

    drops: list[asyncio.Future[Any]] = []
    town.sandbox.run = drops_first  # type: ignore[method-assign]
    async with running(town, "check") as run:
        await run.until(once.is_set)
        await run.ends()
    assert isinstance(await drops[0], Dropped)
    files = await town.files_at(await town.tip())
    left = {"a.txt", "b.txt", "d.txt", "e.txt"} - {f"{gone[3:]}.txt"}
    assert set(files) == left
    assert run.status(gone) == "discarded"
    assert gone not in town.bus.state.merged()


async def test_what_left_the_queue_before_the_gates_answered_is_not_merged(town: FakeTown) -> None:
    await town.submit(D, base=await town.tip(), d_txt="D\n")
    before, sandbox_run, once = await town.tip(), town.sandbox.run, asyncio.Event()

    async def drops_first(*args: Any, **kwargs: Any) -> Any:
        if not once.is_set() and town.bus.state.gate_sees is not None:
            once.set()
            await town.bus.publish(ev.BeadDropped(**town.where, bead=D, reason="not wanted"))
        return await sandbox_run(*args, **kwargs)

    town.sandbox.run = drops_first  # type: ignore[method-assign]
    async with running(town, "check") as run:
        await run.until(once.is_set)
        await run.ends()
    assert run.status(D) == "discarded"
    assert await town.tip() == before
    assert D not in [event.bead for event in town.events("bead_merged")]


async def test_a_bead_that_waits_in_the_queue_is_dropped_from_it(town: FakeTown) -> None:
    await town.submit(D, d_txt="D\n")
    await dropped(town, D)
    assert [view.state for view in town.bus.state.merges.values() if view.bead == D] == ["ejected"]


async def test_whoever_resolves_its_conflict_is_stopped_too(town: FakeTown) -> None:
    await town.submit(D, base=town.base, a_txt="D\n")
    await town.add("gt-e")
    async with running(town) as run:
        await run.is_asked("gt-d.r1")
        await drop(town.kit, run.gates, [D], "not wanted")
        assert run.status("gt-d.r1") == "discarded"
        run.hands_in("gt-e")
        await run.ends()
    assert town.bus.state.stage == "landed"
    assert town.gate.ledger.open_reservations == {}
