"""Conflicts, red gates and answers in a whole town: who goes on, from where, and what they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, MergeId, Oid
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.resolutions import Resolutions
from gastown_desktop.engine.resolving import MOST_ROUNDS
from gastown_desktop.engine.town import Town
from tests.fakes.provider import MODEL
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, Said, bead_of, found_town, says, submits, turn_of, use

Step = Said | Callable[[], Said]
A, B = BeadId("gt-a"), BeadId("gt-b")


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    return town


def script(town: FakeTown, **steps: list[Said]) -> None:
    """What is answered about a bead, turn by turn; `gt_b_r1` is `gt-b.r1`."""
    names = {f"gt-{name[3:].replace('_', '.')}": said for name, said in steps.items()}

    async def answer(request: ModelRequest) -> Said:
        return names[bead_of(request)][turn_of(request)]

    town.model.answer = answer


async def work(town: FakeTown, *gates: str, fleet_size: int = 1) -> None:
    await Town(town.kit, town.runner(*gates), fleet_size=fleet_size, model=MODEL, watched=False).run([])


def requests(town: FakeTown, bead: str) -> list[ModelRequest]:
    return [request for request in town.model.requests if bead_of(request) == bead]


def last_said(request: ModelRequest) -> str:
    content: Any = request.messages[-1]["content"]
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def writes(text: str, path: str = "a.txt") -> Mapping[str, Any]:
    return use("write", path=path, content=text)


async def both_change_a(town: FakeTown, **steps: list[Said]) -> None:
    """Both beads start from the same tip and write the same file; `gt-a` is merged first."""
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    script(town, **steps)


# --- resolvers ------------------------------------------------------------------------------------


async def test_a_resolver_merges_both_and_its_work_lands_as_the_bead_s(town: FakeTown) -> None:
    await both_change_a(
        town, gt_b_r1=[says(use("read", path="a.txt")), says(writes("A\nB\n"), submits("Kept both."))]
    )
    await work(town)
    state = town.bus.state
    assert state.stage == "landed"
    assert await town.files_at(await town.tip()) == {"a.txt": b"A\nB\n"}
    assert state.merged() == {A, B}
    assert state.beads[BeadId("gt-b.r1")].status in {"merged", "landed"}
    commit = await town.objects.read_commit(await town.tip())
    assert commit.author.name == "Nux (polecat)"
    assert commit.subject == "Do gt-b"
    assert "Resolved by Nux: Kept both." in commit.message
    assert "Gastown-Bead: gt-b\n" in commit.message
    assert "Gastown-Resolver: gt-b.r1" in commit.message


async def test_a_resolver_begins_with_the_markers_and_both_beads_texts(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(use("read", path="a.txt")), says(writes("A\nB\n"), submits())])
    await work(town)
    first, second = requests(town, "gt-b.r1")
    task = str(first.messages[0]["content"])
    assert "gt-a Do gt-a" in task
    assert "gt-b Do gt-b" in task
    seen = str(second.messages[-1]["content"])
    for part in ("<<<<<<<", "A", "=======", "B", ">>>>>>>"):
        assert part in seen


async def test_a_resolution_with_markers_left_is_refused(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(submits()), says(writes("A\nB\n"), submits())])
    await work(town)
    refused = str(requests(town, "gt-b.r1")[1].messages[-1]["content"])
    assert "a.txt still holds conflict markers" in refused
    assert town.bus.state.stage == "landed"


async def test_a_resolver_is_charged_to_the_bead(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(writes("A\nB\n"), submits())])
    await work(town)
    assert town.gate.ledger.totals("bead:gt-b").settled > 0
    assert town.gate.ledger.totals("bead:gt-b.r1").settled == 0


async def test_after_three_resolvers_the_user_is_asked(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    await town.submit("gt-b", a_txt="B\n")
    await town.bus.publish(
        *(
            ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.1"), bead=B, state=state)
            for _ in range(MOST_ROUNDS)
            for state in ("conflicted", "resolving")
        ),
        ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.1"), bead=B, state="queued"),
    )
    await work(town)
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("conflict", "gt-b")
    assert "a.txt" in need.text
    assert town.bus.state.merged() == {A}


async def test_a_resolver_that_asks_waits_for_the_user_and_the_rest_lands(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(use("ask", question="Which side?"))])
    await work(town)
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead, need.text) == ("question", "gt-b.r1", "Which side?")
    assert town.bus.state.merged() == {A}
    assert town.bus.state.stage == "paused"


async def test_resolvers_of_one_file_work_one_after_the_other_so_that_none_works_for_nothing(
    town: FakeTown,
) -> None:
    await town.add("gt-c", "gt-d")
    await both_change_a(
        town,
        gt_b_r1=[says(writes("A\nB\n"), submits("Kept both."))],
        gt_c_r1=[says(writes("A\nB\nC\n"), submits("Kept all."))],
    )
    await town.submit("gt-c", a_txt="C\n")
    await town.submit("gt-d", d_txt="D\n")
    await work(town, fleet_size=4)
    state = town.bus.state
    assert state.stage == "landed"
    assert [bead for bead in state.beads if ".r" in bead] == ["gt-b.r1", "gt-c.r1"]
    assert await town.files_at(await town.tip()) == {"a.txt": b"A\nB\nC\n", "d.txt": b"D\n"}


async def test_a_resolver_that_asks_does_not_hold_others_of_its_file(town: FakeTown) -> None:
    await town.add("gt-c")
    await both_change_a(
        town,
        gt_b_r1=[says(use("ask", question="Which side?"))],
        gt_c_r1=[says(writes("A\nC\n"), submits("Kept both."))],
    )
    await town.submit("gt-c", a_txt="C\n")
    await work(town, fleet_size=3)
    assert town.bus.state.merged() == {A, BeadId("gt-c")}
    assert [need.bead for need in town.bus.state.needs_you.values()] == ["gt-b.r1"]


async def test_a_conflict_that_went_before_a_resolver_began_needs_none(town: FakeTown) -> None:
    await town.submit("gt-b", a_txt="B\n")
    script(town)
    await town.bus.publish(
        ev.BeadAdded(**town.where, bead=BeadId("gt-b.r1"), title="Resolve", type="resolve"),
        ev.DependencyAdded(**town.where, bead=BeadId("gt-b.r1"), on=B, type="parent"),
        ev.MergeStateChanged(**town.where, merge=MergeId("gt-b.1"), bead=B, state="resolving"),
        ev.NeedsYou(**town.where, item="x", about="question", text="?", bead=A),
    )
    await work(town)
    assert town.bus.state.merged() == {B}
    assert town.bus.state.beads[BeadId("gt-b.r1")].status == "discarded"


async def test_a_question_of_a_resolver_that_is_not_needed_any_more_is_nobody_s(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(use("ask", question="Which side?"))])
    await work(town)
    await town.bus.publish(ev.BeadReopened(**town.where, bead=B, reason="begun anew"))
    assert town.bus.state.needs_you == {}
    assert town.bus.state.beads[BeadId("gt-b.r1")].status == "discarded"


# --- remembered resolutions -----------------------------------------------------------------------


async def test_what_a_resolver_made_is_remembered_once_it_is_proven(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(writes("A\nB\n"), submits())])
    await work(town, "check")
    assert await recalled(town) == {"a.txt": b"A\nB\n"}


async def test_without_a_gate_nothing_is_remembered(town: FakeTown) -> None:
    await both_change_a(town, gt_b_r1=[says(writes("A\nB\n"), submits())])
    await work(town)
    assert await town.objects.read_ref(town.refs.resolutions) is None


@pytest.mark.parametrize("gates", [("check",), ()])
async def test_a_conflict_that_is_remembered_needs_no_resolver_where_a_gate_proves_it(
    town: FakeTown, gates: tuple[str, ...]
) -> None:
    memory = Resolutions(town.objects, town.refs.resolutions)
    result = await town.commit(town.base, "Result\n", a_txt="A\nB\n")
    await both_change_a(town, gt_b_r1=[says(use("ask", question="?"))])
    trees = [await town.objects.tree_of(commit) for commit in (town.base, *await sides(town), result)]
    await memory.learn(*trees)
    await work(town, *gates)
    assert [event.settled for event in town.events("bead_merged")] == (["", "remembered"] if gates else [""])
    assert bool(town.bus.state.resolvers_of(B)) == (not gates)


async def sides(town: FakeTown) -> list[Oid]:
    """What `gt-a` and `gt-b` handed in first."""
    return [town.bus.state.merges[MergeId(f"{bead}.1")].commit for bead in (A, B)]


async def recalled(town: FakeTown) -> dict[str, bytes] | None:
    """What is remembered of the conflict between the two."""
    base, ours, theirs = [await town.objects.tree_of(commit) for commit in (town.base, *await sides(town))]
    merge = await town.objects.merge_trees(base, ours, theirs)
    memory = Resolutions(town.objects, town.refs.resolutions)
    tree = await memory.recall(base, ours, theirs, merge)
    if tree is None:
        return None
    leaves = await town.objects.list_tree(tree, recursive=True)
    return {leaf.path: await town.objects.read_blob(leaf.oid) for leaf in leaves}


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_answer_goes_on_with_the_conversation_and_the_work_so_far(
    town: FakeTown, restarted: bool
) -> None:
    steps = [says(writes("half\n", "half.txt")), says(use("ask", question="Which?")), says(submits())]
    script(town, gt_a=steps, gt_b=[says(writes("B\n", "b.txt"), submits())])
    await work(town)
    assert town.bus.state.merged() == {B}
    (item,) = town.bus.state.needs_you
    if restarted:
        town = await town.restarted()
        script(town, gt_a=steps)
    await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="The second."))
    await work(town)
    request = requests(town, "gt-a")[-1]
    assert turn_of(request) == 2
    assert "Which?" in last_said(request)
    assert "The user answers: The second." in last_said(request)
    assert town.bus.state.merged() == {A, B}
    assert await town.files_at(await town.tip()) == {
        "a.txt": b"start\n",
        "b.txt": b"B\n",
        "half.txt": b"half\n",
    }
    assert town.bus.state.beads[A].turns == 3


async def test_an_answer_gives_a_red_bead_three_more_rounds(town: FakeTown) -> None:
    bad = says(writes("bad\n", "x.txt"), submits())
    script(town, gt_a=[bad] * 9, gt_b=[says(writes("B\n", "b.txt"), submits())])
    town.sandbox.verdict = red_where_bad
    await work(town, "check")
    assert len(requests(town, "gt-a")) == MOST_ROUNDS + 1
    (item,) = town.bus.state.needs_you
    await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="Try again."))
    await work(town, "check")
    assert len(requests(town, "gt-a")) == 2 * (MOST_ROUNDS + 1)
    assert len(town.bus.state.needs_you) == 1


# --- red ------------------------------------------------------------------------------------------


def red_where_bad(command: str, files: dict[str, bytes]) -> CommandResult:
    bad = any(b"bad" in data for data in files.values())
    return said("AssertionError: bad", 1) if bad else said()


async def test_a_red_bead_goes_on_from_its_own_work_on_the_tip(town: FakeTown) -> None:
    script(
        town,
        gt_a=[
            says(writes("bad\n", "x.txt"), submits()),
            says(writes("good\n", "y.txt")),
            says(writes("good\n", "x.txt"), submits()),
        ],
        gt_b=[says(writes("B\n", "b.txt"), submits())],
    )
    town.sandbox.verdict = red_where_bad
    await work(town, "check")
    assert town.bus.state.merged() == {A, B}
    second = requests(town, "gt-a")[1]
    assert "AssertionError: bad" in last_said(second)
    assert "and holds tree" in last_said(second)
    files = await town.files_at(await town.tip())
    assert files == {"a.txt": b"start\n", "b.txt": b"B\n", "x.txt": b"good\n", "y.txt": b"good\n"}


async def test_a_bead_that_is_red_after_its_conflict_was_resolved_goes_on_from_the_resolution(
    town: FakeTown,
) -> None:
    script(
        town,
        gt_a=[says(writes("A\n"), submits())],
        gt_b=[says(writes("B\n"), submits()), says(writes("good\n", "x.txt"), submits())],
        gt_b_r1=[says(writes("A\nB bad\n"), submits()), says(writes("A\nB\n"), submits())],
    )
    town.sandbox.verdict = red_where_bad
    await Town(town.kit, town.runner("check"), fleet_size=2, model=MODEL, watched=False).run([])
    second = requests(town, "gt-b")[1]
    assert "AssertionError: bad" in last_said(second)
    assert "conflict markers" not in last_said(second)
    handed = town.events("bead_submitted")[-1]
    assert (await town.files_at(handed.commit))["a.txt"] == b"A\nB bad\n"
