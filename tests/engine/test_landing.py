"""A convoy lands on a ref of town.git: gated, once, on whatever the ref has become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine import intents, landing
from gastown_desktop.engine.landing import MOST_ROUNDS, Landed, Landing
from gastown_desktop.engine.landing_plan import LandingPlan, NotLanded
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.ref_target import RefTarget
from gastown_desktop.engine.restack import patch_ids, read_stack
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, found_town

GATE = "check"
LINES = "".join(f"line {number}\n" for number in range(1, 21))


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects, a_txt=LINES)
    await town.merge("gt-a", a_txt=LINES.replace("line 15\n", "A\n"))
    await town.merge("gt-b", b_txt="B\n")
    return town


def landing_of(town: FakeTown) -> Landing:
    return Landing(town.kit, town.runner(GATE), RefTarget(town.kit.objects, town.refs.target))


async def target_of(town: FakeTown) -> Oid:
    at = await town.objects.read_ref(town.refs.target)
    assert at is not None
    return at


async def foreign(town: FakeTown, message: str = "Foreign\n", **files: str) -> Oid:
    """Somebody else's commit on the target."""
    at = await target_of(town)
    commit = await town.commit(at, message, **files)
    await town.objects.swap_ref(town.refs.target, old=at, new=commit)
    return commit


async def subjects(town: FakeTown) -> list[str]:
    """Subjects on the target, oldest first, without the first commit."""
    return [one.subject for one in await town.objects.first_parents(await target_of(town), 50)][::-1][1:]


class Disturbed:
    """Objects of a repository; something happens before each compare-and-swap of one ref."""

    def __init__(self, objects: Any, ref: str, disturb: Callable[[], Awaitable[None]]) -> None:
        self._objects = objects
        self._ref = ref
        self._disturb = disturb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        if name == self._ref:
            await self._disturb()
        return await self._objects.swap_ref(name, old=old, new=new)


# --- as it is -------------------------------------------------------------------------------------


async def test_landing_moves_the_target_to_the_tip_and_tells(town: FakeTown) -> None:
    tip = await town.tip()
    outcome = await landing_of(town).land()
    assert isinstance(outcome, Landed)
    assert (outcome.commit, outcome.beads, outcome.missing_on) == (tip, ("gt-a", "gt-b"), "")
    assert (await target_of(town), await town.tip()) == (tip, tip)
    (event,) = town.events("convoy_landed")
    assert (event.commit, event.tree, event.before) == (tip, await town.objects.tree_of(tip), town.base)
    assert town.bus.state.stage == "landed"
    assert await town.objects.list_refs(town.refs.intents) == {}


async def test_landing_twice_is_landing_once(town: FakeTown) -> None:
    first = await landing_of(town).land()
    ran = len(town.sandbox.ran)
    assert await landing_of(town).land() == first
    assert len(town.events("convoy_landed")) == 1
    assert len(town.sandbox.ran) == ran


async def test_what_lands_was_gated_as_it_lands(town: FakeTown) -> None:
    await foreign(town, z_txt="z\n")
    outcome = await landing_of(town).land()
    assert isinstance(outcome, Landed)
    assert [run.tree for run in town.events("gate_run") if run.green] == [outcome.tree]


async def test_a_preview_moves_nothing(town: FakeTown) -> None:
    moved, tip = await foreign(town, z_txt="z\n"), await town.tip()
    plan = await landing_of(town).preview()
    assert isinstance(plan, LandingPlan)
    assert (plan.here, plan.stack and plan.stack.base) == (moved, moved)
    assert (await target_of(town), await town.tip()) == (moved, tip)


async def test_a_target_that_is_not_there_is_named(town: FakeTown) -> None:
    nowhere = RefTarget(town.objects, "refs/heads/nowhere")
    outcome = await Landing(town.kit, town.runner(GATE), nowhere).land()
    assert outcome == NotLanded(about="target", words="There is no branch nowhere.")


# --- a target that moved --------------------------------------------------------------------------


async def test_a_target_with_other_work_on_it_keeps_it(town: FakeTown) -> None:
    moved = await foreign(town, a_txt="top\n" + LINES)
    outcome = await landing_of(town).land()
    assert isinstance(outcome, Landed)
    assert await subjects(town) == ["Foreign", "Do gt-a", "Do gt-b"]
    assert await town.objects.is_ancestor(moved, await target_of(town))
    assert await town.tip() == await target_of(town)
    (event,) = town.events("convoy_restacked")
    assert (event.base, event.beads, event.commit) == (moved, ("gt-a", "gt-b"), await town.tip())
    assert town.bus.state.stands_on == moved


async def test_a_conflict_with_the_moved_target_asks_and_moves_nothing(town: FakeTown) -> None:
    moved, tip = await foreign(town, a_txt=LINES.replace("line 15\n", "theirs\n")), await town.tip()
    outcome = await landing_of(town).land()
    assert isinstance(outcome, NotLanded)
    assert (await target_of(town), await town.tip()) == (moved, tip)
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("conflict", "gt-a")
    assert "a.txt" in need.text
    assert town.bus.state.beads[BeadId("gt-a")].status == "merged"
    assert town.sandbox.ran == []


async def test_a_change_that_is_there_already_is_skipped(town: FakeTown) -> None:
    await foreign(town, b_txt="B\n")
    outcome = await landing_of(town).land()
    assert isinstance(outcome, Landed)
    assert (outcome.beads, outcome.skipped) == (("gt-a",), ("gt-b",))
    assert await subjects(town) == ["Foreign", "Do gt-a"]


async def test_when_everything_is_there_already_nothing_is_added(town: FakeTown) -> None:
    moved = await foreign(town, a_txt=LINES.replace("line 15\n", "A\n"), b_txt="B\n")
    outcome = await landing_of(town).land()
    assert isinstance(outcome, Landed)
    assert (outcome.beads, outcome.skipped) == ((), ("gt-a", "gt-b"))
    assert await target_of(town) == moved
    assert isinstance(await landing_of(town).land(), Landed)


async def test_a_target_that_moves_during_the_landing_is_landed_on_as_it_became(town: FakeTown) -> None:
    left = ["one", "two"]

    async def disturb() -> None:
        if left:
            await foreign(town, f"Foreign {left[0]}\n", **{f"{left.pop(0)}_txt": "z\n"})

    objects: Any = Disturbed(town.objects, town.refs.target, disturb)
    target = RefTarget(objects, town.refs.target)
    outcome = await Landing(town.kit, town.runner(GATE), target).land()
    assert isinstance(outcome, Landed)
    assert await subjects(town) == ["Foreign one", "Foreign two", "Do gt-a", "Do gt-b"]
    assert outcome.tree in {run.tree for run in town.events("gate_run") if run.green}


async def test_a_target_that_never_rests_is_given_up(town: FakeTown) -> None:
    count = 0

    async def disturb() -> None:
        nonlocal count
        count += 1
        await foreign(town, f"Foreign {count}\n", **{f"f{count}_txt": "z\n"})

    objects: Any = Disturbed(town.objects, town.refs.target, disturb)
    target = RefTarget(objects, town.refs.target)
    outcome = await Landing(town.kit, town.runner(GATE), target).land()
    assert isinstance(outcome, NotLanded)
    assert count == MOST_ROUNDS
    assert await subjects(town) == [f"Foreign {number}" for number in range(1, MOST_ROUNDS + 1)]
    assert await town.objects.list_refs(town.refs.intents) == {}


# --- approval -------------------------------------------------------------------------------------


async def approved(town: FakeTown) -> dict[BeadId, str]:
    stack = await read_stack(town.objects, town.bus.state, await town.tip())
    return await patch_ids(town.objects, stack)


async def test_an_approval_survives_changes_elsewhere(town: FakeTown) -> None:
    read = await approved(town)
    await foreign(town, a_txt="top\n" + LINES)
    assert isinstance(await landing_of(town).land(read), Landed)


async def test_a_bead_that_became_another_change_asks(town: FakeTown) -> None:
    read = await approved(town)
    moved, tip = await foreign(town, a_txt=LINES.replace("line 12\n", "near\n")), await town.tip()
    outcome = await landing_of(town).land(read)
    assert isinstance(outcome, NotLanded)
    assert (outcome.about, outcome.bead) == ("review", "gt-a")
    assert (await target_of(town), await town.tip()) == (moved, tip)
    assert isinstance(await landing_of(town).land(), Landed)
    assert town.bus.state.needs_you == {}


async def test_a_bead_that_was_not_read_asks(town: FakeTown) -> None:
    read = await approved(town)
    del read[BeadId("gt-b")]
    outcome = await landing_of(town).land(read)
    assert isinstance(outcome, NotLanded)
    assert outcome.bead == "gt-b"


# --- gates ----------------------------------------------------------------------------------------


def red_where(*words: str) -> Any:
    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        text = b"\n".join(files.values())
        return said("broken", 1) if all(word.encode() in text for word in words) else said()

    return verdict


async def test_what_is_red_on_the_moved_target_does_not_land(town: FakeTown) -> None:
    moved, tip = await foreign(town, z_txt="zzz\n"), await town.tip()
    town.sandbox.verdict = red_where("zzz", "B\n")
    outcome = await landing_of(town).land()
    assert isinstance(outcome, NotLanded)
    assert outcome.words.startswith("check is red on what would land.")
    assert (await target_of(town), await town.tip()) == (moved, tip)
    *reds, last = [(run.purpose, run.green) for run in town.events("gate_run")]
    assert len(reds) >= 2
    assert set(reds) == {("landing", False)}
    assert last == ("base", True)


async def test_a_red_target_is_nobody_s_fault(town: FakeTown) -> None:
    await foreign(town, z_txt="zzz\n")
    town.sandbox.verdict = red_where("zzz")
    outcome = await landing_of(town).land()
    assert isinstance(outcome, NotLanded)
    assert outcome.words.startswith("check is red on the target itself.")


async def test_one_bad_day_of_a_gate_stops_no_landing(town: FakeTown) -> None:
    seen: list[str] = []

    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        seen.append(command)
        return said("a bad day", 1) if len(seen) == 1 else said()

    town.sandbox.verdict = verdict
    assert isinstance(await landing_of(town).land(), Landed)


# --- stops ----------------------------------------------------------------------------------------

STEPS = (
    *("land-fetched", "land-stacked", "land-gated", "intent-before", "intent-after"),
    *("restack-swap-before", "restack-swap-after", "restack-told", "land-before", "land-after", "land-told"),
)


class Died(BaseException):
    pass


@pytest.mark.parametrize("recovers", [False, True], ids=["lands again", "recovers first"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_stop_between_any_two_steps_loses_nothing_and_lands_once(
    town: FakeTown, monkeypatch: pytest.MonkeyPatch, step: str, recovers: bool
) -> None:
    moved = await foreign(town, z_txt="z\n")

    def die(name: str) -> None:
        if name == step:
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr(landing, "crash_point", die)
        patched.setattr(intents, "crash_point", die)
        with pytest.raises(Died):
            await landing_of(town).land()
    town = await town.restarted()
    if recovers:
        await reconcile(town.kit)
        assert await town.objects.list_refs(town.refs.intents) == {}
    outcome = await landing_of(town).land()
    assert isinstance(outcome, Landed)
    assert await subjects(town) == ["Foreign", "Do gt-a", "Do gt-b"]
    state = town.bus.state
    assert (state.stage, state.stands_on, state.landed_before) == ("landed", moved, moved)
    assert state.landed_commit == await target_of(town) == await town.tip()
    stack = await read_stack(town.objects, state, await town.tip())
    assert [(one.bead, one.commit.oid) for one in stack] == [
        (bead, state.beads[BeadId(bead)].commit) for bead in ("gt-a", "gt-b")
    ]
    assert await town.objects.list_refs(town.refs.intents) == {}
    kinds = [line.partition(b'"kind":"')[2].partition(b'"')[0] for line in town.store.lines()]
    assert kinds.count(b"convoy_landed") == kinds.count(b"convoy_restacked") == 1
