"""The Refinery on a real repository; what the gates say depends on what their slot holds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.flakiness import FlakeRecord, reds_needed
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.merge_queue import FailureRate
from gastown_desktop.engine.gates import WITHOUT_GATE
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.refinery import Refinery
from gastown_desktop.engine.resolving import MOST_ROUNDS
from tests.fakes.clock import START
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, found_town

GATE = "check"


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    return await found_town(objects)


class Watched:
    """Objects of a repository that tell which positions a ref was moved to, and may be disturbed."""

    def __init__(self, objects: Any, ref: str) -> None:
        self._objects = objects
        self._ref = ref
        self.positions: list[Oid] = []
        self.before_swap: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        if name == self._ref and self.before_swap is not None:
            await self.before_swap()
        moved = await self._objects.swap_ref(name, old=old, new=new)
        if moved and name == self._ref and new is not None:
            self.positions.append(new)
        return moved


def watch(town: FakeTown, ref: str) -> Watched:
    watched: Any = Watched(town.objects, ref)
    town.kit.objects = watched
    return watched


async def work_off(town: FakeTown, gates: tuple[str, ...] = (GATE,)) -> None:
    """Runs the Refinery until its queue is empty."""
    idle = asyncio.Event()
    refinery = Refinery(town.kit, town.runner(*gates), idle=idle.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(refinery.run())
        refinery.wake()
        await idle.wait()
        running.cancel()


def red_where(*bad: str) -> Any:
    """A gate that is red on every tree which holds one of these words."""

    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        found = [word for word in bad if any(word.encode() in data for data in files.values())]
        return said(f"first line\nAssertionError: {found[0]}", 1) if found else said()

    return verdict


async def landed(town: FakeTown) -> list[str]:
    """Beads on the convoy branch, oldest first."""
    chain = await town.objects.first_parents(await town.tip(), 1_000)
    return [commit.subject.removeprefix("Do ") for commit in chain[::-1][1:]]


# --- prefixes -------------------------------------------------------------------------------------


async def test_a_green_stack_lands_whole_by_one_compare_and_swap(town: FakeTown) -> None:
    beads = [f"gt-{number}" for number in range(8)]
    await town.add(*beads)
    for bead in beads:
        await town.submit(bead, **{f"{bead[3:]}_txt": "good\n"})
    watched = watch(town, town.refs.convoy_branch)
    await work_off(town)
    assert watched.positions == [await town.tip()]
    assert len(town.events("gate_run")) == 1
    assert await landed(town) == beads
    assert town.bus.state.merged() == set(beads)
    assert await town.objects.list_refs(town.refs.intents) == {}


async def test_each_bead_is_one_commit_on_the_one_before_and_merged_as_that(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b")
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", b_txt="B\n")
    await work_off(town)
    second, first, base = await town.objects.first_parents(await town.tip(), 10)
    assert (second.parents, first.parents, base.oid) == ((first.oid,), (town.base,), town.base)
    told = {event.bead: (event.commit, event.tree) for event in town.events("bead_merged")}
    assert told == {"gt-a": (first.oid, first.tree), "gt-b": (second.oid, second.tree)}
    assert await town.files_at(second.oid) == {"a.txt": b"A\n", "b.txt": b"B\n"}


async def test_a_landed_commit_keeps_author_date_and_trailers_and_is_committed_at_the_landing(
    town: FakeTown,
) -> None:
    await town.add("gt-a")
    submitted = await town.objects.read_commit(await town.submit("gt-a", a_txt="A\n"))
    town.clock.elapsed_s += 3_600
    await work_off(town)
    commit = await town.objects.read_commit(await town.tip())
    assert commit.author == submitted.author
    assert commit.author.when == START + timedelta(seconds=1)
    assert commit.committer.when == START + timedelta(seconds=3_601)
    assert (commit.committer.name, commit.message) == ("Ada", submitted.message)
    assert commit.message.endswith("\n\nGastown-Bead: gt-a\n")


async def test_a_red_is_narrowed_confirmed_and_sent_back_with_the_gate_s_tail(town: FakeTown) -> None:
    beads = [f"gt-{number}" for number in range(7)]
    await town.add(*beads)
    town.sandbox.verdict = red_where("bad")
    for bead in beads:
        await town.submit(bead, **{f"{bead[3:]}_txt": "bad\n" if bead == "gt-3" else "good\n"})
    await work_off(town)
    assert await landed(town) == [bead for bead in beads if bead != "gt-3"]
    view = town.bus.state.beads[BeadId("gt-3")]
    assert (view.status, view.rework) == ("open", 1)
    assert "AssertionError: bad" in view.reason
    assert GATE in view.reason
    assert [event.bead for event in town.events("merge_state_changed")] == ["gt-3"]
    confirming = [run for run in town.events("gate_run") if run.purpose == "confirm"]
    assert {run.beads[-1] for run in confirming} == {"gt-3"}
    suspected = {run.tree for run in confirming}
    reds = [run for run in town.events("gate_run") if run.tree in suspected]
    assert len(reds) == reds_needed(FlakeRecord(runs=confirming[-1].known_runs))
    assert max(town.told.index(one) for one in town.told if one.event.kind == "bead_merged") < max(
        town.told.index(one) for one in town.told if one.event.kind == "gate_run"
    ), "the others land before the last doubt is gone"


async def test_a_steady_gate_with_a_long_record_blames_after_two_reds(town: FakeTown) -> None:
    await town.add("gt-a")
    town.gate_cache.count(GATE, runs=500, flips=0)
    town.sandbox.verdict = red_where("bad")
    await town.submit("gt-a", a_txt="bad\n")
    await work_off(town)
    assert [run.purpose for run in town.events("gate_run")] == ["candidate", "confirm"]
    assert town.bus.state.with_status("open") == ["gt-a"]


async def test_a_gate_that_is_red_by_chance_most_of_the_time_blames_nobody_and_asks(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b")
    town.gate_cache.count(GATE, runs=60, flips=40)
    town.sandbox.verdict = red_where("bad")
    await town.submit("gt-a", a_txt="bad\n")
    await town.submit("gt-b", b_txt="good\n")
    await work_off(town)
    assert town.events("merge_state_changed") == []
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead, need.options[0]) == ("gate", None, WITHOUT_GATE)
    assert "bad" in need.text
    assert await landed(town) == ["gt-b"], "others land first"

    answer = ev.NeedAnswered(**town.where, item=need.item, answer=WITHOUT_GATE.lower() + ".")
    await town.bus.publish(answer)
    await work_off(town)
    assert await landed(town) == ["gt-b", "gt-a"]


async def test_a_resubmitted_tree_that_was_blamed_is_run_once_more_before_it_is_blamed_again(
    town: FakeTown,
) -> None:
    await town.add("gt-a")
    town.sandbox.verdict = red_where("bad")
    for _ in range(2):
        await town.submit("gt-a", a_txt="bad\n")
        before = len(town.sandbox.ran)
        await work_off(town)
    assert len(town.sandbox.ran) == before + 1
    assert town.bus.state.beads[BeadId("gt-a")].rework == 2


async def test_how_often_candidates_fail_is_learned_over_convoys(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    town.sandbox.verdict = red_where("bad")
    for bead in ("gt-a", "gt-b", "gt-c"):
        await town.submit(bead, **{f"{bead[3:]}_txt": "bad\n" if bead == "gt-b" else "good\n"})
    await work_off(town)
    later = await town.restarted()
    assert later.runner(GATE).failure_rate == FailureRate().seen(2, 1)
    assert town.gate_cache.failure_rate("work") == FailureRate()


async def test_every_gate_is_required_and_only_the_flaky_one_is_doubted(town: FakeTown) -> None:
    beads = [f"gt-{number}" for number in range(6)]
    await town.add(*beads)
    turns = count()

    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        if command == "flaky":
            return said("chance", 1) if next(turns) % 4 == 0 else said()
        return said("bad", 1) if any(b"bad" in data for data in files.values()) else said()

    town.sandbox.verdict = verdict
    for bead in beads:
        await town.submit(bead, **{f"{bead[3:]}_txt": "bad\n" if bead == "gt-2" else "good\n"})
    await work_off(town, gates=("flaky", "steady"))
    assert await landed(town) == [bead for bead in beads if bead != "gt-2"]
    assert [event.bead for event in town.events("merge_state_changed")] == ["gt-2"]
    views = town.bus.state.gates
    assert views["flaky"].record.quarantined
    assert not views["steady"].record.quarantined
    last = {(run.gate, run.tree): run.green for run in town.events("gate_run")}
    tips = [event.tree for event in town.events("bead_merged")][-1:]
    assert all(last[gate, tree] for gate in ("flaky", "steady") for tree in tips)


async def test_a_flaky_gate_blames_nobody(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    for bead in ("gt-a", "gt-b", "gt-c"):
        await town.submit(bead, **{f"{bead[3:]}_txt": "good\n"})
    seen: set[tuple[str, ...]] = set()

    def red_at_first(command: str, files: dict[str, bytes]) -> CommandResult:
        again = tuple(files) in seen
        seen.add(tuple(files))
        return said() if again else said("a bad day", 1)

    town.sandbox.verdict = red_at_first
    await work_off(town)
    assert await landed(town) == ["gt-a", "gt-b", "gt-c"]
    assert town.events("merge_state_changed") == []
    assert town.bus.state.needs_you == {}


async def test_two_that_break_only_together_cost_the_later_one(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b", "gt-c")

    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        return said("both", 1) if {"a.py", "b.py"} <= set(files) else said()

    town.sandbox.verdict = verdict
    await town.submit("gt-a", a_py="1\n")
    await town.submit("gt-b", b_py="1\n")
    await town.submit("gt-c", c_py="1\n")
    await work_off(town)
    assert await landed(town) == ["gt-a", "gt-c"]
    assert town.bus.state.with_status("open") == ["gt-b"]


async def test_after_too_many_rounds_a_red_bead_asks(town: FakeTown) -> None:
    await town.add("gt-a")
    town.sandbox.verdict = red_where("bad")
    for _ in range(MOST_ROUNDS):
        await town.submit("gt-a", a_txt="bad\n")
        await work_off(town)
        assert town.bus.state.beads[BeadId("gt-a")].status == "open"
    await town.submit("gt-a", a_txt="bad\n")
    await work_off(town)
    assert town.bus.state.beads[BeadId("gt-a")].status == "blocked"
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("red", "gt-a")
    assert "AssertionError: bad" in need.text


async def test_without_gates_everything_lands(town: FakeTown) -> None:
    await town.add("gt-a")
    await town.submit("gt-a", a_txt="bad\n")
    await work_off(town, gates=())
    assert await landed(town) == ["gt-a"]
    assert town.events("gate_run") == []


@pytest.mark.parametrize("seed", range(6))
async def test_only_trees_that_were_green_land_and_only_the_guilty_go_back(town: FakeTown, seed: int) -> None:
    random = Random(seed)
    beads = [f"gt-{number:02}" for number in range(random.randint(1, 12))]
    bad = {bead for bead in beads if random.random() < random.choice((0.1, 0.4, 0.9))}
    clashing = {bead for bead in beads if bead not in bad and random.random() < 0.15}
    await town.add(*beads)
    town.sandbox.verdict = red_where("bad")
    for bead in beads:
        files = {f"{bead[3:]}_txt": "bad\n" if bead in bad else "good\n"}
        if bead in clashing:
            files["a_txt"] = f"{bead}\n"
        await town.submit(bead, **files)
    watched = watch(town, town.refs.convoy_branch)
    await work_off(town)
    green = {run.tree for run in town.events("gate_run") if run.green}
    trees = {await town.objects.tree_of(position) for position in watched.positions}
    assert trees <= green
    red = [event.bead for event in town.events("merge_state_changed") if event.state == "red"]
    assert set(red) <= bad
    conflicted = [event.bead for event in town.events("merge_state_changed") if event.state == "conflicted"]
    assert set(conflicted) <= clashing
    assert len(conflicted) == max(0, len(clashing) - 1)
    expected = {bead for bead in beads if bead not in bad and bead not in conflicted}
    assert town.bus.state.merged() == expected
    assert sorted(await landed(town)) == sorted(expected)
    assert set(town.bus.state.with_status("open")) == set(red) | {f"{bead}.r1" for bead in conflicted}


# --- conflicts ------------------------------------------------------------------------------------


async def test_a_conflict_asks_for_a_resolver_and_the_rest_lands(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    await town.submit("gt-c", c_txt="C\n")
    await work_off(town)
    assert await landed(town) == ["gt-a", "gt-c"]
    assert town.bus.state.beads[BeadId("gt-b")].status == "submitted"
    changes = [(change.state, change.paths) for change in town.events("merge_state_changed")]
    assert changes == [("conflicted", ("a.txt",)), ("resolving", ("a.txt",))]
    assert town.bus.state.with_status("open") == ["gt-b.r1"]


async def test_after_too_many_rounds_a_conflict_asks(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b")
    await town.submit("gt-a", a_txt="A\n")
    await work_off(town)
    for _ in range(MOST_ROUNDS + 1):
        await town.submit("gt-b", a_txt="B\n")
        await work_off(town)
    assert town.bus.state.beads[BeadId("gt-b")].rework == MOST_ROUNDS
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("conflict", "gt-b")


async def test_a_bead_that_was_resubmitted_on_the_new_tip_lands(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b")
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    await work_off(town)
    await town.submit("gt-b", base=await town.tip(), a_txt="A\nB\n")
    await work_off(town)
    assert await landed(town) == ["gt-a", "gt-b"]
    assert await town.files_at(await town.tip()) == {"a.txt": b"A\nB\n"}


# --- moved refs -----------------------------------------------------------------------------------


async def test_a_convoy_branch_that_moves_during_the_landing_raises_and_stays(town: FakeTown) -> None:
    await town.add("gt-a")
    await town.submit("gt-a", a_txt="A\n")
    foreign = await town.commit(town.base, "Foreign\n", z_txt="z\n")
    watched = watch(town, town.refs.convoy_branch)

    async def disturb() -> None:
        watched.before_swap = None
        await town.objects.swap_ref(town.refs.convoy_branch, old=town.base, new=foreign)

    watched.before_swap = disturb
    with pytest.raises(ExceptionGroup) as caught:
        await work_off(town)
    assert caught.group_contains(GitError, match="moved under the Refinery")
    assert await town.tip() == foreign
    assert town.events("bead_merged") == []


async def test_a_convoy_branch_that_is_gone_raises(town: FakeTown) -> None:
    await town.add("gt-a")
    await town.submit("gt-a", a_txt="A\n")
    await town.objects.swap_ref(town.refs.convoy_branch, old=town.base, new=None)
    with pytest.raises(ExceptionGroup) as caught:
        await work_off(town)
    assert caught.group_contains(GitError, match="gone")


# --- order ----------------------------------------------------------------------------------------


async def test_equals_land_first_come_first_served(town: FakeTown) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    for bead in ("gt-c", "gt-a", "gt-b"):
        await town.submit(bead, **{f"{bead[3:]}_txt": "good\n"})
    await work_off(town)
    assert await landed(town) == ["gt-c", "gt-a", "gt-b"]


async def test_the_more_urgent_lands_first(town: FakeTown) -> None:
    await town.add("gt-a")
    await town.add("gt-b", priority=4)
    await town.add("gt-c", priority=0)
    for bead in ("gt-b", "gt-a", "gt-c"):
        await town.submit(bead, **{f"{bead[3:]}_txt": "good\n"})
    await work_off(town)
    assert await landed(town) == ["gt-c", "gt-a", "gt-b"]


@pytest.mark.parametrize("batch", [1, 14])
async def test_nothing_is_overtaken_more_than_ten_times(town: FakeTown, batch: int) -> None:
    urgent = [f"gt-{number:02}" for number in range(14)]
    await town.add("gt-slow", priority=4)
    await town.add(*urgent, priority=0)
    await town.submit("gt-slow", slow_txt="slow\n")
    while urgent:
        for bead in urgent[:batch]:
            await town.submit(bead, **{f"{bead[3:]}_txt": "good\n"})
        del urgent[:batch]
        await work_off(town)
    assert len(await landed(town)) == 15
    assert (await landed(town)).index("gt-slow") <= 10


async def test_one_that_conflicts_with_a_candidate_waits_for_that_one_s_fate_and_holds_nobody_up(
    town: FakeTown,
) -> None:
    await town.add("gt-a", "gt-b", "gt-c")
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    await town.submit("gt-c", c_txt="C\n")
    town.sandbox.verdict = red_where("A\n")
    await work_off(town)
    assert town.events("gate_run")[0].beads == ("gt-a", "gt-c")
    assert await landed(town) == ["gt-b", "gt-c"]
    assert town.bus.state.with_status("open") == ["gt-a"]
