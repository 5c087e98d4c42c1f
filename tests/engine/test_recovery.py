"""What git proves after a stop between two durable steps, told to the history by the next process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, MergeId, Oid, PolecatName
from gastown_desktop.engine.hooks import Assignment, Hook, Turn
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.refinery import Refinery
from gastown_desktop.engine.resolving import MOST_ROUNDS
from gastown_desktop.engine.telling import slung_event, submitted_event, turn_event
from gastown_desktop.engine.town import LIMIT_ITEM
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, found_town

A, B = BeadId("gt-a"), BeadId("gt-b")
ASK = {"type": "tool_use", "id": "t1", "name": "ask", "input": {"question": "Which?"}}
SUBMIT = {"type": "tool_use", "id": "t1", "name": "submit", "input": {"summary": "I added it."}}
READ = {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a.txt"}}


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add(A, B)
    return town


def assignment(town: FakeTown, bead: BeadId = A, epoch: int = 1, polecat: str = "Nux") -> Assignment:
    return Assignment(
        polecat=PolecatName(polecat),
        bead=bead,
        base=town.base,
        branch=f"refs/heads/work/{polecat}/{bead}-{epoch}",
        epoch=epoch,
        model=MODEL,
    )


async def hung(town: FakeTown, *, told: bool = True, **fields: Any) -> Hook:
    made = assignment(town, **fields)
    hook = await town.kit.hooks.hang(made)
    if told:
        await town.bus.publish(slung_event(town.kit, made))
    return hook


async def turned(town: FakeTown, hook: Hook, call: dict[str, Any] = READ, *, told: bool = True) -> Hook:
    """One more turn on the hook; its slot holds one more file."""
    number = len(hook.turns) + 1
    commit = await town.commit(hook.assignment.base, "wip\n", **{f"f{number}_txt": "x\n"})
    turn = Turn(
        number=number,
        at=town.clock.now().isoformat(),
        tree=await town.objects.tree_of(commit),
        cost=number * 10,
        request_id=f"msg_{number}",
        prompt_tokens=1_000,
        output_tokens=100,
        assistant=[call],
        results=[{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}],
        steps=[("Look", True), ("Write", False)],
        notes=[],
    )
    grown = await town.kit.hooks.record(hook, turn)
    if told:
        await town.bus.publish(await turn_event(town.kit, hook.assignment, turn, grown.head))
    return grown


async def handed_in(town: FakeTown, hook: Hook, *, told: bool = True) -> Hook:
    message = f"Do {hook.assignment.bead}\n\nDone.\n\nGastown-Bead: {hook.assignment.bead}\n"
    commit = await town.commit(hook.assignment.base, message, **{f"{hook.assignment.bead[3:]}_txt": "new\n"})
    await town.objects.swap_ref(hook.assignment.branch, old=None, new=commit)
    marked = await town.kit.hooks.mark_submitted(hook, commit)
    if told:
        await town.bus.publish(await submitted_event(town.kit, marked, "I added it."))
    return marked


async def recovered(town: FakeTown) -> tuple[FakeTown, list[Hook]]:
    """The next process, reconciled; a third one has nothing more to tell."""
    after = await town.restarted()
    going_on = await reconcile(after.kit)
    once_more = await after.restarted()
    assert await reconcile(once_more.kit) == going_on
    assert once_more.told == []
    return after, going_on


def kinds(town: FakeTown) -> list[str]:
    return [envelope.event.kind for envelope in town.told]


# --- hooks ----------------------------------------------------------------------------------------


async def test_a_history_that_git_agrees_with_stays_as_it_is(town: FakeTown) -> None:
    hook = await turned(town, await hung(town))
    after, going_on = await recovered(town)
    assert after.told == []
    assert going_on == [hook]


async def test_a_hook_that_was_hung_and_not_told_is_told_and_goes_on(town: FakeTown) -> None:
    hook = await hung(town, told=False)
    after, going_on = await recovered(town)
    assert kinds(after) == ["bead_slung"]
    assert going_on == [hook]
    view = after.bus.state.beads[A]
    assert (view.status, view.attempts, view.polecat) == ("hooked", 1, "Nux")


async def test_a_second_round_that_was_hung_and_not_told_goes_on(town: FakeTown) -> None:
    await handed_in(town, await turned(town, await hung(town), SUBMIT))
    await town.bus.publish(ev.BeadReopened(**town.where, bead=A, reason="red"))
    hook = await hung(town, told=False, epoch=2)
    after, going_on = await recovered(town)
    assert kinds(after) == ["bead_slung"]
    assert going_on == [hook]
    assert after.bus.state.beads[A].attempts == 2


@pytest.mark.parametrize("missing", [1, 2])
async def test_turns_that_were_recorded_and_not_told_are_told_with_their_cost(
    town: FakeTown, missing: int
) -> None:
    hook, heads = await turned(town, await hung(town)), list[Oid]()
    for _ in range(missing):
        hook = await turned(town, hook, told=False)
        heads.append(hook.head)
    after, going_on = await recovered(town)
    assert kinds(after) == ["turn_ended"] * missing
    assert [event.hook for event in after.events("turn_ended")] == heads
    assert going_on == [hook]
    view = after.bus.state.beads[A]
    assert view.cost == sum(turn.cost for turn in hook.turns)
    assert (view.turns, view.prompt_tokens) == (missing + 1, 1_000 * (missing + 1))
    worker = after.bus.state.polecats[PolecatName("Nux")]
    assert (worker.turn, worker.steps_done, worker.steps, worker.files_changed) == (missing + 1, 1, 2, 1)


async def test_an_assignment_and_its_turn_that_were_not_told_are_told_in_order(town: FakeTown) -> None:
    await turned(town, await hung(town, told=False), told=False)
    after, going_on = await recovered(town)
    assert kinds(after) == ["bead_slung", "turn_ended"]
    assert len(going_on) == 1


async def test_a_submission_that_was_not_told_is_told_with_its_summary(town: FakeTown) -> None:
    hook = await handed_in(town, await turned(town, await hung(town), SUBMIT), told=False)
    after, going_on = await recovered(town)
    assert going_on == []
    (event,) = after.events("bead_submitted")
    assert (event.commit, event.summary, event.merge) == (hook.submitted, "I added it.", "gt-a.1")
    assert after.bus.state.beads[A].status == "submitted"


async def test_a_last_turn_and_submission_that_were_not_told_are_told_in_order(town: FakeTown) -> None:
    await handed_in(town, await turned(town, await hung(town), SUBMIT, told=False), told=False)
    after, _ = await recovered(town)
    assert kinds(after) == ["turn_ended", "bead_submitted"]


async def test_a_submission_that_was_sent_back_is_not_handed_in_again(town: FakeTown) -> None:
    await handed_in(town, await turned(town, await hung(town), SUBMIT))
    await town.bus.publish(ev.BeadReopened(**town.where, bead=A, reason="red"))
    after, going_on = await recovered(town)
    assert (after.told, going_on) == ([], [])
    assert after.bus.state.beads[A].status == "open"


async def test_a_bead_whose_hook_is_not_there_is_opened_again(town: FakeTown) -> None:
    hook = await hung(town)
    await town.objects.swap_ref(town.refs.hook(PolecatName("Nux")), old=hook.head, new=None)
    after, going_on = await recovered(town)
    assert (kinds(after), going_on) == (["bead_reopened"], [])
    assert after.bus.state.beads[A].status == "open"


async def test_a_hook_of_a_bead_that_the_convoy_does_not_have_is_left_alone(town: FakeTown) -> None:
    await hung(town, told=False, bead=BeadId("gt-foreign"))
    after, going_on = await recovered(town)
    assert (after.told, going_on) == ([], [])


async def test_every_worker_goes_on_with_its_own_bead(town: FakeTown) -> None:
    first = await turned(town, await hung(town))
    second = await hung(town, bead=B, polecat="Slit", told=False)
    _, going_on = await recovered(town)
    assert going_on == [first, second]


# --- questions ------------------------------------------------------------------------------------


async def test_a_question_that_was_told_is_not_asked_again(town: FakeTown) -> None:
    """The process stopped between the question and taking the bead off the hook."""
    await turned(town, await hung(town), ASK)
    need = ev.NeedsYou(**town.where, item="gt-a:question:1", about="question", text="Which?", bead=A)
    await town.bus.publish(need)
    after, going_on = await recovered(town)
    assert (after.told, going_on) == ([], [])
    assert list(after.bus.state.needs_you) == ["gt-a:question:1"]


async def test_a_question_that_was_not_told_goes_on_with_its_worker(town: FakeTown) -> None:
    hook = await turned(town, await hung(town), ASK)
    after, going_on = await recovered(town)
    assert (after.told, going_on) == ([], [hook])


async def test_a_limit_that_stopped_the_convoy_is_answered_by_going_on(town: FakeTown) -> None:
    await town.bus.publish(ev.NeedsYou(**town.where, item=LIMIT_ITEM, about="limit", text="No room."))
    after, _ = await recovered(town)
    assert kinds(after) == ["need_answered"]
    assert after.bus.state.needs_you == {}


# --- merges ---------------------------------------------------------------------------------------


async def land_untold(town: FakeTown, *beads: BeadId, message: str = "") -> list[Oid]:
    """Moves the convoy branch over landing commits, as the Refinery does, without telling."""
    commits, tip = list[Oid](), await town.tip()
    for bead in beads:
        text = message or f"Do {bead}\n\nDone.\n\nGastown-Bead: {bead}\n"
        commits.append(
            await town.commit(commits[-1] if commits else tip, text, **{f"{bead[3:]}_txt": "new\n"})
        )
    await town.objects.swap_ref(town.refs.convoy_branch, old=tip, new=commits[-1])
    return commits


async def submitted(town: FakeTown, *beads: BeadId) -> None:
    for number, bead in enumerate(beads):
        await handed_in(town, await turned(town, await hung(town, bead=bead, polecat=f"W{number}"), SUBMIT))


async def test_beads_on_a_branch_that_moved_and_was_not_told_are_merged_in_order(town: FakeTown) -> None:
    await submitted(town, A, B)
    commits = await land_untold(town, B, A)
    after, _ = await recovered(town)
    assert [(event.bead, event.commit) for event in after.events("bead_merged")] == [
        (B, commits[0]),
        (A, commits[1]),
    ]
    assert after.bus.state.merged() == {A, B}
    assert {merge.state for merge in after.bus.state.merges.values()} == {"merged"}


async def test_merges_of_which_some_were_told_are_completed(town: FakeTown) -> None:
    await submitted(town, A, B)
    commits = await land_untold(town, A, B)
    tree = await town.objects.tree_of(commits[0])
    await town.bus.publish(
        ev.BeadMerged(**town.where, bead=A, merge=MergeId("gt-a.1"), commit=commits[0], tree=tree)
    )
    after, _ = await recovered(town)
    assert [event.bead for event in after.events("bead_merged")] == [B]


async def test_a_submission_and_a_merge_that_were_not_told_are_told_in_order(town: FakeTown) -> None:
    await handed_in(town, await turned(town, await hung(town), SUBMIT), told=False)
    await land_untold(town, A)
    after, _ = await recovered(town)
    assert kinds(after) == ["bead_submitted", "bead_merged"]


async def test_a_trailer_that_the_summary_quotes_is_not_taken_for_the_bead_s(town: FakeTown) -> None:
    await submitted(town, A)
    quoted = f"Do {A}\n\nTakes back:\nGastown-Bead: gt-older\nGastown-Bead: {B}\n\nGastown-Bead: {A}\n"
    await land_untold(town, A, message=quoted)
    after, _ = await recovered(town)
    assert after.bus.state.merged() == {A}


async def test_a_commit_of_a_bead_that_the_convoy_does_not_have_is_passed_over(town: FakeTown) -> None:
    await submitted(town, A)
    await land_untold(town, BeadId("gt-foreign"))
    await land_untold(town, A)
    after, _ = await recovered(town)
    assert after.bus.state.merged() == {A}


@pytest.mark.parametrize("happened", [True, False])
async def test_an_intent_is_forgotten_whether_it_happened_or_not(town: FakeTown, happened: bool) -> None:
    await submitted(town, A)
    note = await town.objects.write_blob(b'{"old": null, "new": "1", "beads": ["gt-a"]}')
    await town.objects.swap_ref(f"{town.refs.intents}gt-a.1", old=None, new=note)
    if happened:
        await land_untold(town, A)
    after, _ = await recovered(town)
    assert await after.objects.list_refs(after.refs.intents) == {}
    assert after.bus.state.beads[A].status == ("merged" if happened else "submitted")


async def test_a_bead_that_was_red_and_not_sent_back_is_sent_back(town: FakeTown) -> None:
    await submitted(town, A)
    await town.bus.publish(turned_down(town, "red"))
    after, _ = await recovered(town)
    assert kinds(after) == ["bead_reopened"]
    view = after.bus.state.beads[A]
    assert (view.status, view.rework, view.reason) == ("open", 1, "assert 1 == 2")


@pytest.mark.parametrize("told", [0, 1, 2])
async def test_a_resolver_that_was_not_told_whole_before_the_stop_is_told_once(
    town: FakeTown, told: int
) -> None:
    await submitted(town, A)
    await town.bus.publish(turned_down(town, "conflicted"))
    first = await town.restarted()
    await reconcile(first.kit)
    for envelope in first.told[:told]:
        await town.bus.publish(envelope.event)
    after, _ = await recovered(town)
    whole = ["bead_added", "dependency_added", "merge_state_changed"]
    assert kinds(first) == whole
    assert kinds(after) == whole[told:]
    state = after.bus.state
    assert state.resolvers_of(A) == ["gt-a.r1"]
    assert (state.merges[MergeId("gt-a.1")].state, state.beads[A].status) == ("resolving", "submitted")


@pytest.mark.parametrize(("state", "about"), [("red", "red"), ("conflicted", "conflict")])
async def test_a_bead_that_was_turned_down_too_often_asks_after_a_stop_too(
    town: FakeTown, state: str, about: str
) -> None:
    for epoch in range(1, MOST_ROUNDS + 1):
        await handed_in(town, await turned(town, await hung(town, epoch=epoch), SUBMIT))
        await town.bus.publish(ev.BeadReopened(**town.where, bead=A, reason="red"))
    await handed_in(town, await turned(town, await hung(town, epoch=MOST_ROUNDS + 1), SUBMIT))
    await town.bus.publish(turned_down(town, state, attempt=MOST_ROUNDS + 1))
    after, _ = await recovered(town)
    assert kinds(after) == ["needs_you"]
    assert [(need.about, need.text) for need in after.bus.state.needs_you.values()] == [
        (about, "assert 1 == 2")
    ]


def turned_down(town: FakeTown, state: str, attempt: int = 1) -> ev.MergeStateChanged:
    merge = MergeId(f"gt-a.{attempt}")
    return ev.MergeStateChanged(**town.where, merge=merge, bead=A, state=state, reason="assert 1 == 2")


# --- whole runs -----------------------------------------------------------------------------------


async def untold_slung(town: FakeTown) -> None:
    await hung(town, told=False)


async def untold_turn(town: FakeTown) -> None:
    await turned(town, await hung(town), told=False)


async def untold_submission(town: FakeTown) -> None:
    await handed_in(town, await turned(town, await hung(town), SUBMIT), told=False)


async def untold_merge(town: FakeTown) -> None:
    await submitted(town, A)
    await land_untold(town, A)


async def half_told_red(town: FakeTown) -> None:
    await submitted(town, A)
    await town.bus.publish(turned_down(town, "red"))


@pytest.mark.parametrize("stop", [untold_slung, untold_turn, untold_submission, untold_merge, half_told_red])
async def test_two_processes_that_recover_from_the_same_stop_tell_the_same(
    town: FakeTown, stop: Callable[[FakeTown], Awaitable[None]]
) -> None:
    await stop(town)
    first = await town.restarted()
    await reconcile(first.kit)
    second = await town.restarted()
    await reconcile(second.kit)
    assert [envelope.event for envelope in first.told] == [envelope.event for envelope in second.told]
    assert first.told


async def test_what_was_submitted_before_the_stop_lands_after_it(town: FakeTown) -> None:
    await handed_in(town, await turned(town, await hung(town), SUBMIT), told=False)
    after, _ = await recovered(town)
    idle = asyncio.Event()
    refinery = Refinery(after.kit, after.runner("check"), idle=idle.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(refinery.run())
        refinery.wake()
        await idle.wait()
        running.cancel()
    assert after.bus.state.merged() == {A}
