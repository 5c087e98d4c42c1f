"""Gates on a real repository: what counts, what is remembered, and how they prove themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.flakiness import FlakeRecord, reds_needed
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.diff_sizes import changed_lines
from gastown_desktop.engine.gate_proof import BASE_RUNS, GateProof
from gastown_desktop.engine.gates import SABOTAGE, WITHOUT_GATE, Gate
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.town import RED_BASE_ITEM, Town
from tests.engine.flaky_runs import run
from tests.fakes.provider import MODEL
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, Said, Verdict, found_town, says, submits

FILES: dict[str, str] = {"a_py": "a = 1\n", "b_py": "b = 1\n", "test_a_py": "import a\n", "README_md": "x\n"}


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    return await found_town(objects, **FILES)


def on_sources(*watched: str, quiet: bool = False) -> Verdict:
    """A gate that reads these files only: red where one of them is broken, and says so unless it is quiet."""

    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        broken = [name for name in watched if SABOTAGE.encode() in files.get(name, b"")]
        return said("red" if quiet else f"in {broken[0]}: {SABOTAGE}", 1) if broken else said()

    return verdict


def in_turn(*greens: bool) -> Verdict:
    """A gate that comes out like this, one run after the other, the last for ever."""
    left = list(greens)
    return lambda _command, _files: said() if (left.pop(0) if len(left) > 1 else left[0]) else said("red", 1)


def colours(town: FakeTown) -> list[str]:
    """What gates said, in order; what was known from before in brackets."""
    runs = [
        (f"{run.purpose} {'green' if run.green else 'red'}", run.cached) for run in town.events("gate_run")
    ]
    return [f"({text})" if cached else text for text, cached in runs]


# --- flips ----------------------------------------------------------------------------------------


async def test_red_and_green_of_the_same_tree_is_a_flip_in_any_role(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False, False, True)
    gates = town.runner("check")
    assert not (await gates.check(town.base, purpose="candidate")).green
    assert (await gates.check(town.base, purpose="confirm", fresh=True)).green
    (view,) = town.bus.state.gates.values()
    assert (view.runs, view.record) == (3, FlakeRecord(runs=3, flips=2))
    assert [run.flipped for run in town.events("gate_run")] == [False, False, True]
    assert town.gate_cache.record("check") == view.record


async def test_a_red_after_a_green_of_the_same_tree_is_a_flip_and_the_green_stays(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(True, False)
    gates = town.runner("check")
    await gates.check(town.base, purpose="base")
    await gates.run_spare(Gate("check", "check"), town.base)
    assert town.bus.state.gates["check"].record == FlakeRecord(runs=2, flips=1)
    assert (await gates.check(town.base, purpose="confirm", fresh=True)).green
    assert colours(town) == ["base green", "base red", "(confirm green)"]


async def test_confirming_stops_at_the_first_green(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False, True, False)
    gates = town.runner("check")
    await gates.check(town.base, purpose="candidate")
    assert (await gates.check(town.base, purpose="confirm", fresh=True)).green
    assert len(town.sandbox.ran) == 2


@pytest.mark.parametrize(("runs", "flips"), [(0, 0), (20, 0), (500, 0), (50, 10)])
async def test_confirming_takes_as_many_reds_as_the_record_asks_for(
    town: FakeTown, runs: int, flips: int
) -> None:
    town.gate_cache.count("check", runs=runs, flips=flips)
    town.sandbox.verdict = in_turn(False)
    gates = town.runner("check")
    await gates.check(town.base, purpose="candidate")
    result = await gates.check(town.base, purpose="confirm", fresh=True)
    assert (result.green, result.blames) == (False, True)
    assert len(town.sandbox.ran) == reds_needed(FlakeRecord(runs=runs, flips=flips))


async def test_reds_before_a_restart_count(town: FakeTown) -> None:
    town.gate_cache.count("check", runs=30, flips=0)
    town.sandbox.verdict = in_turn(False)
    await town.runner("check").check(town.base, purpose="candidate")
    later = await town.restarted()
    later.sandbox.verdict = in_turn(False)
    await later.runner("check").check(town.base, purpose="confirm", fresh=True)
    assert len(later.sandbox.ran) + 1 == reds_needed(FlakeRecord(runs=30))


async def test_a_lost_memory_is_made_up_for_by_the_convoy_s_own_history(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False, True)
    await town.runner("check").check(town.base, purpose="base")
    await town.runner("check").check(town.base, purpose="base", fresh=True)
    later = await town.restarted()
    later.gate_cache.records.clear()
    assert later.runner("check").record(Gate("check", "check")) == FlakeRecord(runs=2, flips=1)


async def test_a_timed_out_gate_is_red(town: FakeTown) -> None:
    town.sandbox.verdict = lambda _command, _files: said(timed_out=True)
    assert not (await town.runner("check").check(town.base, purpose="candidate")).green


# --- memory ---------------------------------------------------------------------------------------


async def test_a_green_is_remembered_over_convoys_and_told_without_counting_as_a_run(town: FakeTown) -> None:
    await town.runner("check").check(town.base, purpose="base")
    other = await found_town(town.objects, **FILES)
    other.gate_cache = town.gate_cache
    assert (await other.runner("check").check(other.base, purpose="candidate")).green
    assert other.sandbox.ran == []
    (told,) = other.events("gate_run")
    tree = await town.objects.tree_of(other.base)
    assert (told.tree, told.green, told.cached, told.seconds) == (tree, True, True, 0.0)
    assert (other.bus.state.gate_runs, other.bus.state.gate_cached) == (0, 1)
    assert other.bus.state.gates["check"].record == FlakeRecord(runs=1)


@pytest.mark.parametrize("change", ["environment", "command", "sandbox"])
async def test_another_environment_is_another_question(town: FakeTown, change: str) -> None:
    await town.runner("check").check(town.base, purpose="base")
    if change == "environment":
        town.gate_environment.name = "a new compiler"
    elif change == "sandbox":
        town.sandbox.profile = "another"
    await town.runner("other" if change == "command" else "check").check(town.base, purpose="base")
    assert len(town.sandbox.ran) == 2


async def test_an_unconfirmed_red_is_not_remembered(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False)
    await town.runner("check").check(town.base, purpose="candidate")
    assert town.gate_cache.answers == {}


async def test_a_confirmed_red_is_remembered_and_confirmed_by_one_fresh_run(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False)
    for _ in range(2):
        ran = len(town.sandbox.ran)
        await town.runner("check").check(town.base, purpose="candidate")
        assert not (await town.runner("check").check(town.base, purpose="confirm", fresh=True)).green
    assert len(town.sandbox.ran) == ran + 1
    assert colours(town)[-2:] == ["(candidate red)", "confirm red"]


async def test_a_remembered_red_that_comes_out_green_lands_and_is_forgotten(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False)
    gates = town.runner("check")
    await gates.check(town.base, purpose="candidate")
    await gates.check(town.base, purpose="confirm", fresh=True)
    town.sandbox.verdict = in_turn(True)
    await gates.check(town.base, purpose="candidate")
    assert (await gates.check(town.base, purpose="confirm", fresh=True)).green
    assert (await gates.check(town.base, purpose="candidate")).green
    assert town.bus.state.gates["check"].record.quarantined


# --- proof ----------------------------------------------------------------------------------------


async def test_a_red_base_must_come_red_twice(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False, True)
    assert await GateProof(town.runner("check")).prove_base(town.base) is None
    assert colours(town) == ["base red", "base green"]


async def test_a_red_base_is_never_taken_from_memory(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False)
    for _ in range(2):
        verdict = await GateProof(town.runner("check")).prove_base(town.base)
        assert verdict is not None
        assert not verdict.base_green
        assert "check is red before anything was changed:\nred" in verdict.reason
    town.sandbox.verdict = in_turn(True)
    assert await GateProof(town.runner("check")).prove_base(town.base) is None


async def test_a_gate_that_names_the_broken_source_sees_at_once(town: FakeTown) -> None:
    town.sandbox.verdict = on_sources("a.py")
    verdict = await GateProof(town.runner("check")).prove_sight(town.base)
    assert (verdict.sees, verdict.seeing, verdict.blind) == (True, ("check",), ())
    assert colours(town) == ["sabotage red"]
    assert verdict.reason == "check is red with a.py broken."


async def test_a_sabotage_red_that_proves_nothing_is_confirmed(town: FakeTown) -> None:
    town.sandbox.verdict = on_sources("a.py", quiet=True)
    assert (await GateProof(town.runner("check")).prove_sight(town.base)).sees
    assert colours(town) == ["sabotage red", "sabotage red"]


async def test_a_flaky_red_is_no_proof_of_sight(town: FakeTown) -> None:
    town.sandbox.verdict = in_turn(False, True)
    verdict = await GateProof(town.runner("check")).prove_sight(town.base)
    assert (verdict.sees, verdict.blind) == (False, ("check",))
    assert town.bus.state.gates["check"].record.quarantined


async def test_a_gate_in_quarantine_must_show_more_reds_to_be_believed(town: FakeTown) -> None:
    town.gate_cache.count("check", runs=50, flips=10)
    town.sandbox.verdict = in_turn(*[False] * 4, True)
    assert not (await GateProof(town.runner("check")).prove_sight(town.base)).sees


async def test_sight_is_proven_for_each_gate_and_remembered(town: FakeTown) -> None:
    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        return said() if command == "blind" else on_sources("b.py")(command, files)

    town.sandbox.verdict = verdict
    proof = GateProof(town.runner("sees", "blind"))
    for _ in range(2):
        judged = await proof.prove_sight(town.base)
        assert (judged.sees, judged.seeing, judged.blind) == (True, ("sees",), ("blind",))
        assert "blind stays green when the source is broken." in judged.reason
    await town.bus.publish(judged)
    assert {name: view.sees for name, view in town.bus.state.gates.items()} == {"sees": True, "blind": False}
    assert len(town.sandbox.ran) == 2 + 3  # a.py, b.py; a.py, b.py and the test for the blind one
    assert town.bus.state.gate_cached == 5


async def test_what_the_work_changes_most_is_broken_first(town: FakeTown) -> None:
    async def sizes() -> dict[str, int]:
        return {"b.py": 10, "a.py": 3, "README.md": 99}

    town.sandbox.verdict = on_sources()
    seen: list[list[str]] = []

    def look(command: str, files: dict[str, bytes]) -> CommandResult:
        seen.append([name for name, data in files.items() if SABOTAGE.encode() in data])
        return said()

    town.sandbox.verdict = look
    await GateProof(town.runner("check"), sizes).prove_sight(town.base)
    assert seen == [["b.py"], ["a.py"], ["test.a.py"]]


async def test_without_a_source_to_break_nothing_is_seen(objects: PygitObjects) -> None:
    town = await found_town(objects, a_txt="no code\n")
    judged = await GateProof(town.runner("check")).prove_sight(town.base)
    assert not judged.sees
    assert "no source file" in judged.reason


async def test_changed_lines_are_added_and_removed_ones(town: FakeTown) -> None:
    first = await town.commit(town.base, "One", a_py="a = 1\nb = 2\n", c_py="x\ny\n")
    second = await town.commit(first, "Two", a_py="b = 2\na = 1\n", b_py="\0binary")
    assert await changed_lines(town.objects, [town.base, first, second]) == {"a.py": 2, "c.py": 2, "b.py": 1}


# --- in the town ----------------------------------------------------------------------------------


def fleet(town: FakeTown, *gates: str, strict: bool = False) -> Town:
    return Town(town.kit, town.runner(*gates), fleet_size=2, model=MODEL, strict_gates=strict, watched=False)


def written(town: FakeTown) -> Said:
    """A worker's only turn: a new file in its slot, and the submission."""
    name = next(name for name in town.slots.files if name not in {"gate", "spare-gate"})
    town.slots.files[name].write("c.py", b"c = 1\n")
    return says(submits())


async def wait_for(town: FakeTown, what: Callable[[], bool]) -> None:
    """Waits until something holds after some event."""
    heard = asyncio.Event()
    town.bus.listen(lambda _: heard.set())
    while not what():
        heard.clear()
        await heard.wait()


async def test_spare_time_gives_the_first_flake_rate(town: FakeTown) -> None:
    await town.add("gt-a")
    town.sandbox.verdict = on_sources("a.py")

    async def when_the_gate_is_known(_: Any) -> Any:
        await wait_for(town, lambda: town.gate_cache.record("check").runs >= BASE_RUNS)
        return written(town)

    town.model.answer = when_the_gate_is_known
    await fleet(town, "check").run([])
    assert town.bus.state.stage == "landed"
    assert colours(town) == [
        "base green",
        "sabotage red",
        "base green",
        "base green",
        "candidate green",
        "(landing green)",
    ]
    assert town.bus.state.gates["check"].record == FlakeRecord(runs=4)


async def test_what_is_submitted_cancels_a_spare_run(town: FakeTown) -> None:
    await town.add("gt-a")
    town.sandbox.verdict = on_sources("a.py")
    began, ended = asyncio.Event(), asyncio.Event()
    prepare = town.slots.prepare

    async def held(name: str, commit: Oid) -> Any:
        slot = await prepare(name, commit)
        if name == "spare-gate":
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
        return slot

    slots: Any = town.slots
    slots.prepare = held

    async def when_it_runs(_: Any) -> Any:
        await began.wait()
        return written(town)

    town.model.answer = when_it_runs
    await fleet(town, "check").run([])
    assert ended.is_set()
    assert town.bus.state.stage == "landed"
    assert colours(town) == ["base green", "sabotage red", "candidate green", "(landing green)"]


@pytest.mark.parametrize("answer", ["mended", WITHOUT_GATE])
async def test_on_a_red_base_real_work_asks_and_starts_nothing(objects: PygitObjects, answer: str) -> None:
    town = await found_town(objects, rehearsal=False, **FILES)
    await town.add("gt-a")
    town.sandbox.verdict = in_turn(False)
    await fleet(town, "check").run([])
    assert town.model.requests == []
    (need,) = town.bus.state.needs_you.values()
    assert (need.item, need.about, need.bead) == (RED_BASE_ITEM, "gate", None)
    assert WITHOUT_GATE in need.options
    assert "check is red before anything was changed:\nred" in need.text
    assert town.bus.state.stage == "paused"

    async def work(_: Any) -> Any:
        return written(town)

    town.model.answer = work
    if answer == "mended":
        town.sandbox.verdict = on_sources("a.py")
    else:
        await town.bus.publish(ev.NeedAnswered(**town.where, item=RED_BASE_ITEM, answer=answer))
    await fleet(town, "check").run([])
    assert town.bus.state.merged() == {"gt-a"}
    assert town.bus.state.needs_you == {}
    assert town.bus.state.base_green is (answer == "mended")


async def test_a_rehearsal_goes_on_ungated_on_a_red_base(town: FakeTown) -> None:
    await town.add("gt-a")
    town.sandbox.verdict = in_turn(False)

    async def work(_: Any) -> Any:
        return written(town)

    town.model.answer = work
    await fleet(town, "check").run([])
    assert town.bus.state.stage == "landed"
    assert colours(town) == ["base red", "base red"]


async def test_strict_gates_refuse_when_none_sees(town: FakeTown) -> None:
    with pytest.raises(Refused, match="stays green"):
        await fleet(town, "check", strict=True).run([])


# --- flaky gates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
async def test_no_good_change_is_blamed_by_a_gate_that_is_red_by_chance(
    objects: PygitObjects, seed: int
) -> None:
    outcome = await run(objects, seed, 0.2)
    assert outcome.problems == []
    assert outcome.asked == 0
