"""Landing each merged prefix at once: what is on the target between, and what happens when it moves."""

from __future__ import annotations

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.landing_ports import Target
from gastown_desktop.engine.ref_target import RefTarget
from gastown_desktop.engine.town import Town
from tests.engine.test_resolving import script, writes
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, found_town, says, submits


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    """Three beads, one after the other."""
    town = await found_town(objects)
    await town.add("gt-a", "gt-b", "gt-c")
    await town.depend("gt-b", "gt-a")
    await town.depend("gt-c", "gt-b")
    script(town, **{f"gt_{n}": [says(writes(f"{n}\n", f"{n}.txt"), submits())] for n in "abc"})
    return town


async def run(town: FakeTown, target: Target | None = None) -> None:
    fleet = {"fleet_size": 1, "model": MODEL, "watched": False}
    await Town(town.kit, town.runner("check"), **fleet, lands_each=True, target=target).run([])


async def on_target(town: FakeTown) -> list[str]:
    """Subjects of the target's commits since the base, oldest first."""
    tip = await town.objects.read_ref(town.refs.target)
    assert tip is not None
    chain = await town.objects.first_parents(tip, 50)
    return [commit.subject for commit in chain[::-1] if commit.oid != town.base]


async def test_every_prefix_is_on_the_target_before_the_next_is_merged(town: FakeTown) -> None:
    await run(town)
    told = [event.event for event in town.told if event.event.kind in {"bead_merged", "convoy_landed"}]
    assert [event.kind for event in told] == ["bead_merged", "convoy_landed"] * 3
    landed = town.events("convoy_landed")
    assert [event.partial for event in landed] == [True, True, False]
    assert town.bus.state.stage == "landed"
    assert await on_target(town) == ["Do gt-a", "Do gt-b", "Do gt-c"]


async def test_what_is_landed_counts_as_merged_for_those_that_wait(town: FakeTown) -> None:
    await run(town)
    assert town.bus.state.merged() == {BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-c")}
    slung = [event.base for event in town.events("bead_slung")]
    assert slung[1:] == [event.commit for event in town.events("convoy_landed")[:2]]


@pytest.mark.parametrize("after", [1, 2])
async def test_a_target_that_moves_between_keeps_what_came_and_the_rest_lands_on_it(
    town: FakeTown, after: int
) -> None:
    swap = town.objects.swap_ref
    moved = False

    async def disturbing(name: str, *, old: object, new: object) -> bool:
        nonlocal moved
        taken = await swap(name, old=old, new=new)  # type: ignore[arg-type]
        if name == town.refs.target and len(town.events("convoy_landed")) == after - 1 and not moved:
            moved = True
            foreign = await town.commit(new, "Foreign\n", z_txt="z\n")  # type: ignore[arg-type]
            assert await swap(name, old=new, new=foreign)  # type: ignore[arg-type]
        return taken

    town.objects.swap_ref = disturbing  # type: ignore[method-assign]
    await run(town)
    assert town.bus.state.stage == "landed"
    expected = ["Do gt-a", "Do gt-b", "Do gt-c"]
    expected.insert(after, "Foreign")
    assert await on_target(town) == expected
    green = {run.tree for run in town.events("gate_run") if run.green}
    tip = await town.objects.read_ref(town.refs.target)
    assert tip is not None
    assert await town.objects.tree_of(tip) in green


class Busy(RefTarget):
    """A target that takes nothing for some time."""

    def __init__(self, town: FakeTown, refusals: int) -> None:
        super().__init__(town.objects, town.refs.target)
        self.left = refusals

    async def refusal(self, old: Oid, new: Oid) -> str:
        self.left -= 1
        return "you have changes in a.txt; commit or stash them first." if self.left >= 0 else ""


async def test_what_the_target_does_not_take_waits_on_the_convoy_branch(town: FakeTown) -> None:
    await run(town, Busy(town, refusals=1))
    assert [event.partial for event in town.events("convoy_landed")] == [True, False]
    assert await on_target(town) == ["Do gt-a", "Do gt-b", "Do gt-c"]
    (asked,) = town.events("needs_you")
    assert "changes in a.txt" in asked.text
    assert town.bus.state.needs_you == {}, "the next landing took it down"


async def test_a_target_that_takes_nothing_leaves_the_convoy_ready_to_land(town: FakeTown) -> None:
    await run(town, Busy(town, refusals=99))
    assert town.events("convoy_landed") == []
    assert town.bus.state.stage == "ready_to_land"
    assert [need.about for need in town.bus.state.needs_you.values()] == ["target"]
