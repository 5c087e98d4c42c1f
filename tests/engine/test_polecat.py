"""A polecat's work on a bead: turns, submissions, circles, going on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.context import full_at
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.core.stuck import SAME_CALL, hint
from gastown_desktop.engine.circles import TOWN_SAYS
from gastown_desktop.engine.git_ports import Slot, Snapshot
from gastown_desktop.engine.hooks import Hook, Hooks, Turn
from gastown_desktop.engine.polecat import MOST_TURNS, Polecat
from gastown_desktop.engine.process_ports import CommandResult
from tests.engine.one_polecat import (
    BEAD,
    WRITES,
    Step,
    hook_of,
    hung,
    script,
    told_the_model,
    town_with_a_bead,
    work,
)
from tests.fakes.provider import MODEL
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, says, submits, use


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    return await town_with_a_bead(objects)


# --- a whole bead ---------------------------------------------------------------------------------


async def test_a_bead_is_worked_on_committed_and_handed_in(town: FakeTown) -> None:
    assert await work(town, says(WRITES), says(submits("I added it.", "test -e new.txt"))) == "submitted"
    (event,) = town.events("bead_submitted")
    commit = await town.objects.read_commit(event.commit)
    assert commit.parents == (town.base,)
    assert await town.files_at(commit.oid) == {"a.txt": b"start\n", "new.txt": b"new\n"}
    assert await town.objects.read_ref(event.branch) == commit.oid
    assert (commit.author.name, commit.author.email) == ("Nux (polecat)", "ada@example.org")
    assert event.summary == "I added it."
    assert (await hook_of(town)).submitted == commit.oid
    assert town.bus.state.beads[BEAD].status == "submitted"


async def test_what_somebody_has_to_look_at_is_told_with_what_is_handed_in(town: FakeTown) -> None:
    writes = use("write", path="package.json", content="{}\n")
    assert await work(town, says(writes, WRITES, submits())) == "submitted"
    (event,) = town.events("bead_submitted")
    assert event.sensitive == ("package.json: it is run when something is installed or built",)
    (request,) = town.bus.state.merges.values()
    assert request.sensitive == event.sensitive


async def test_a_commit_says_in_trailers_who_made_it_and_for_how_much(town: FakeTown) -> None:
    await work(town, says(WRITES), says(submits("Done.")))
    (event,) = town.events("bead_submitted")
    message = (await town.objects.read_commit(event.commit)).message
    title, summary, trailers = message.strip().split("\n\n")
    assert (title, summary) == ("Do gt-a", "Done.")
    lines = dict(line.split(": ") for line in trailers.splitlines())
    first = town.events("turn_ended")[0]
    assert lines == {
        "Gastown-Bead": "gt-a",
        "Gastown-Convoy": "cv-1",
        "Gastown-Polecat": "Nux",
        "Gastown-Model": MODEL,
        "Gastown-Cost": str(first.cost),
        "Gastown-Transcript": first.hook,
    }


@pytest.mark.parametrize("end", ["\0", "\n\0more", "\r\x1b[2J\0", "\u202e\0\n\n"])
async def test_words_of_the_model_cannot_take_the_place_of_trailers(town: FakeTown, end: str) -> None:
    forged = "Gastown-Bead: other\nGastown-Cost: 0\n"
    await work(town, says(WRITES), says(submits(f"Done.\n\n{forged}{end}")))
    (event,) = town.events("bead_submitted")
    message = (await town.objects.read_commit(event.commit)).message
    assert all(one.isprintable() or one == "\n" for one in message)
    last = message.strip().split("\n\n")[-1]
    assert last.startswith("Gastown-Bead: gt-a\nGastown-Convoy: cv-1\n")


async def test_what_commands_left_running_stands_still_while_the_copy_is_stored(
    town: FakeTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, stored, reset = list[tuple[str, bool]](), town.slots.snapshot, town.slots.reset

    async def snapshot(slot: Slot) -> Snapshot:
        held.append(("snapshot", all(shell.held for shell in town.sandbox.shells)))
        return await stored(slot)

    async def put(slot: Slot, tree: Oid) -> None:
        held.append(("reset", all(shell.held for shell in town.sandbox.shells)))
        await reset(slot, tree)

    monkeypatch.setattr(town.slots, "snapshot", snapshot)
    monkeypatch.setattr(town.slots, "reset", put)
    script(town, says(use("bash", command="server &"), WRITES), says(submits()))
    hook = await hung(town)
    await merge_meanwhile(town, 51)
    assert await Polecat(town.kit, hook).work() == "submitted"
    assert {("snapshot", True), ("reset", True)} == set(held)
    assert not any(shell.held for shell in town.sandbox.shells)


async def test_each_turn_is_on_the_hook_with_the_slot_as_it_was(town: FakeTown) -> None:
    await work(town, says(WRITES), says(use("write", path="b.txt", content="b\n")), says(submits()))
    hook = await hook_of(town)
    assert [sorted(await files(town, turn.tree)) for turn in hook.turns] == [
        ["a.txt", "new.txt"],
        ["a.txt", "b.txt", "new.txt"],
        ["a.txt", "b.txt", "new.txt"],
    ]
    assert hook.wip == hook.turns[-1].tree
    ended = town.events("turn_ended")
    assert [event.files_changed for event in ended] == [1, 2, 2]
    assert [(event.lines_added, event.lines_removed) for event in ended] == [(1, 0), (2, 0), (2, 0)]


async def files(town: FakeTown, tree: Any) -> list[str]:
    return [leaf.path for leaf in await town.objects.list_tree(tree, recursive=True)]


async def test_steps_and_notes_of_a_turn_stay_as_they_were_in_it(town: FakeTown) -> None:
    plan = use("plan", steps=[{"text": "Look", "done": False}])
    done = use("plan", steps=[{"text": "Look", "done": True}])
    given: list[Turn] = []

    class Noting(Hooks):
        async def record(self, hook: Hook, turn: Turn) -> Hook:
            given.append(turn)
            return await super().record(hook, turn)

    town.kit.hooks = Noting(town.objects, town.refs, town.clock)
    await work(
        town, says(plan, use("note", text="one")), says(done, use("note", text="two"), WRITES, submits())
    )
    kept = [(turn.steps, turn.notes) for turn in (await hook_of(town)).turns]
    assert kept == [([("Look", False)], ["one"]), ([("Look", True)], ["one", "two"])]
    assert [(turn.steps, turn.notes) for turn in given] == kept
    assert [(event.steps_done, event.steps) for event in town.events("turn_ended")] == [(0, 1), (1, 1)]


async def test_a_reply_without_a_call_is_nudged(town: FakeTown) -> None:
    text = {"type": "text", "text": "Let me think."}
    assert await work(town, says(text, stop_reason="end_turn"), says(WRITES, submits())) == "submitted"
    assert "call `submit`" in told_the_model(town)


async def test_a_question_goes_to_the_user_and_takes_the_bead_off_the_hook(town: FakeTown) -> None:
    asked = use("ask", question="Which colour?", options=["red", "blue"], default="red")
    assert await work(town, says(WRITES, asked)) == "asked"
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.text, need.options, need.default) == (
        "question",
        "Which colour?",
        ("red", "blue"),
        "red",
    )
    assert town.bus.state.beads[BEAD].status == "blocked"
    assert await town.kit.hooks.load_all() == []
    assert len(await town.objects.list_refs(f"{town.refs.transcripts}gt-a/")) == 1


async def test_what_a_worker_says_does_and_asks_is_kept_without_secrets(
    town: FakeTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(town.kit, "secrets", Secrets([Secret("T", "tok-8f3a9c1e")]))
    town.bus.listen(shown.append)
    words = {"type": "text", "text": "It is tok-8f3a9c1e."}
    asked = use("ask", question="Is it tok-8f3a9c1e?", options=["tok-8f3a9c1e"], default="tok-8f3a9c1e")
    assert await work(town, says(words, use("search", pattern="tok-8f3a9c1e"), asked)) == "asked"
    (need,) = town.events("needs_you")
    assert (need.text, need.options) == ("Is it ‹secret:T›?", ("‹secret:T›",))
    assert need.default == "‹secret:T›"
    assert "Searching for ‹secret:T›" in [getattr(event, "action", "") for event in shown]
    assert "tok-8f3a9c1e" not in str(shown)


async def test_nothing_is_done_after_a_submission_or_a_question(town: FakeTown) -> None:
    late = use("write", path="late.txt", content="late\n")
    assert await work(town, says(WRITES, submits(), late, use("ask", question="Or not?"))) == "submitted"
    (turn,) = (await hook_of(town)).turns
    assert "late.txt" not in await files(town, turn.tree)
    assert [bool(result.get("is_error")) for result in turn.results] == [False, False, True, True]
    assert town.bus.state.needs_you == {}


# --- submissions that are refused -----------------------------------------------------------------


def fails(command: str, result: CommandResult) -> Any:
    return lambda ran, _files: result if ran == command else said()


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (said("AssertionError: no", 1), "ended with 1:\nAssertionError: no"),
        (said("killed", -9), "ended with -9"),
        (said("", 0, timed_out=True), "took too long"),
    ],
)
async def test_evidence_that_fails_refuses_the_submission(
    town: FakeTown, result: CommandResult, told: str
) -> None:
    town.sandbox.verdict = fails("make test", result)
    outcome = await work(town, says(WRITES, submits("Done.", "true", "make test")), says(submits()))
    assert outcome == "submitted"
    results = (await hook_of(town)).turns[0].results
    assert results[-1]["is_error"]
    assert f"The evidence `make test` {told}" in results[-1]["content"]
    assert len(town.events("bead_submitted")) == 1


async def test_what_evidence_leaves_behind_is_not_part_of_the_work(town: FakeTown) -> None:
    def littering(command: str, held: dict[str, bytes]) -> CommandResult:
        held["report.xml"] = b"<xml/>"
        return said()

    town.sandbox.verdict = littering
    await work(town, says(WRITES, submits("Done.", "make test")))
    (event,) = town.events("bead_submitted")
    assert sorted(await town.files_at(event.commit)) == ["a.txt", "new.txt"]


async def test_nothing_to_submit_is_refused(town: FakeTown) -> None:
    undone = use("write", path="a.txt", content="start\n")
    await work(town, says(undone, submits()), says(WRITES, submits()))
    assert "no change" in (await hook_of(town)).turns[0].results[-1]["content"]
    assert len(town.events("bead_submitted")) == 1


async def merge_meanwhile(town: FakeTown, commits: int) -> None:
    tip = await town.tip()
    newest = tip
    for number in range(commits):
        newest = await town.commit(newest, f"Work {number}\n", z_txt=f"{number}\n")
    await town.objects.swap_ref(town.refs.convoy_branch, old=tip, new=newest)


@pytest.mark.parametrize(("behind", "moved"), [(0, False), (1, False), (50, False), (51, True), (201, True)])
async def test_a_copy_more_than_50_commits_behind_is_put_on_the_tip_and_proven_there(
    town: FakeTown, behind: int, moved: bool
) -> None:
    script(town, says(WRITES, submits("Done.", "test -e new.txt")))
    hook = await hung(town)
    await merge_meanwhile(town, behind)
    assert await Polecat(town.kit, hook).work() == "submitted"
    (event,) = town.events("bead_submitted")
    tip = await town.tip()
    assert event.base == (tip if moved else town.base)
    files = await town.files_at(event.commit)
    assert files["new.txt"] == b"new\n"
    assert set(files) == {"new.txt", *(await town.files_at(tip if moved else town.base))}
    assert (await hook_of(town)).assignment.base == event.base


@pytest.mark.parametrize(("behind", "refused"), [(51, False), (200, False), (201, True)])
async def test_a_copy_more_than_200_commits_behind_that_conflicts_is_refused(
    town: FakeTown, behind: int, refused: bool
) -> None:
    script(
        town,
        says(use("write", path="z.txt", content="mine\n"), submits()),
        says(use("ask", question="Again?")),
    )
    hook = await hung(town)
    await merge_meanwhile(town, behind)
    assert await Polecat(town.kit, hook).work() == ("asked" if refused else "submitted")
    if refused:
        assert "More than 200 commits" in told_the_model(town)
        assert town.events("bead_submitted") == []
    else:
        assert town.events("bead_submitted")[0].base == town.base, "the conflict is the Refinery's"


async def test_the_last_touch_to_a_tree_is_in_the_commit_and_not_on_the_hook(town: FakeTown) -> None:
    async def touched(bead: BeadId, base: Any, tree: Any) -> Any:
        blob = await town.objects.write_blob(b"made by code\n")
        return await town.objects.edit_tree(tree, {"generated": (0o100644, blob)})

    town.kit.finish_tree = touched
    await work(town, says(WRITES, submits()))
    (event,) = town.events("bead_submitted")
    assert "generated" in await town.files_at(event.commit)
    assert "generated" not in await files(town, (await hook_of(town)).wip)


# --- circles --------------------------------------------------------------------------------------

LOOKS = says(use("read", path="a.txt"))


async def test_a_worker_in_circles_is_nudged_then_begins_afresh_then_asks(town: FakeTown) -> None:
    noted = says(
        use("note", text="a.txt says start"), WRITES, use("plan", steps=[{"text": "Look", "done": True}])
    )
    script(town, noted, *[LOOKS] * 3 * SAME_CALL)
    assert await Polecat(town.kit, await hung(town, task="Bead: gt-a")).work() == "stuck"
    requests = town.model.requests
    assert len(requests) == 1 + 3 * SAME_CALL
    nudged, fresh = requests[1 + SAME_CALL], requests[1 + 2 * SAME_CALL]
    assert TOWN_SAYS + hint("same_call") in str(nudged.messages[-1]["content"])
    (first,) = fresh.messages
    told = str(first["content"])
    for kept in ("gt-a", "a.txt says start", "[x] Look", "new.txt", hint("same_call")):
        assert kept in told
    assert town.bus.state.needs_you["gt-a:stuck:1"].text == TOWN_SAYS + hint("same_call")


async def test_a_resumed_worker_is_told_the_same_hints(town: FakeTown) -> None:
    after = await interrupted(town, *[LOOKS] * (2 * SAME_CALL + 1))
    before = list(after.model.requests)
    script(after, says(WRITES, submits()))
    assert await Polecat(after.kit, await hook_of(after)).work() == "submitted"
    assert after.model.requests[-1].messages == before[-1].messages


async def test_a_worker_that_makes_no_submission_in_very_many_turns_asks(town: FakeTown) -> None:
    steps = [says(use("write", path="new.txt", content=f"{number}\n")) for number in range(MOST_TURNS)]
    assert await work(town, *steps) == "stuck"
    assert town.bus.state.needs_you["gt-a:stuck:1"].about == "stuck"
    kept = await town.objects.list_refs(f"{town.refs.transcripts}gt-a/")
    assert [len((await town.kit.hooks.load(head)).turns) for head in kept.values()] == [MOST_TURNS]


async def test_a_conversation_that_became_too_long_begins_afresh_and_nobody_is_blamed(town: FakeTown) -> None:
    big = use("write", path="big.txt", content="x" * 400_000)
    full = replace(says(use("note", text="it is full of x")), tokens_in=full_at(PRICES[MODEL]) + 1)
    looks = use("read", path="big.txt")
    steps = (says(big), says(looks, looks), full, says(submits()))
    assert await work(town, *steps) == "submitted"
    (first,) = town.model.requests[-1].messages
    assert "became too long" in str(first["content"])
    assert "it is full of x" in str(first["content"])
    assert len(str(first["content"])) < 2_000


# --- resuming -------------------------------------------------------------------------------------


class PowerCut(BaseException):
    """The process is gone."""


async def interrupted(town: FakeTown, *steps: Step) -> FakeTown:
    """Works until the process is gone in the middle of a request; then the next process."""
    script(town, *steps, PowerCut())
    with pytest.raises(PowerCut):
        await Polecat(town.kit, await hung(town)).work()
    return await town.restarted()


async def test_a_resumed_worker_repeats_only_the_turn_in_flight(town: FakeTown) -> None:
    after = await interrupted(town, says(WRITES), says(use("read", path="new.txt")))
    before = list(after.model.requests)
    script(after, says(submits()))
    assert await Polecat(after.kit, await hook_of(after)).work() == "submitted"
    (request,) = after.model.requests[len(before) :]
    assert request.messages == before[-1].messages
    assert request.system == before[-1].system
    assert (await after.files_at(after.events("bead_submitted")[0].commit))["new.txt"] == b"new\n"
    assert [event.turn for event in after.events("turn_ended")] == [3]


async def test_a_resumed_worker_knows_its_plan_its_notes_and_what_it_read(town: FakeTown) -> None:
    plan = use("plan", steps=[{"text": "Look", "done": True}])
    after = await interrupted(town, says(plan, use("note", text="one"), use("read", path="a.txt")))
    script(after, says(use("edit", path="a.txt", old="start", new="end"), use("note", text="two"), submits()))
    assert await Polecat(after.kit, await hook_of(after)).work() == "submitted"
    turn = (await hook_of(after)).turns[-1]
    assert (turn.steps, turn.notes) == ([("Look", True)], ["one", "two"])
    assert (await after.files_at(after.events("bead_submitted")[0].commit))["a.txt"] == b"end\n"


async def test_what_a_resumed_worker_is_told_of_an_earlier_round_is_the_same(town: FakeTown) -> None:
    script(town, says(WRITES, submits()))
    hook = await hung(town, task="Bead: gt-a\ncheck is red with it:\nassert 1 == 2")
    await Polecat(town.kit, hook).work()
    assert "assert 1 == 2" in str(town.model.requests[0].messages[0]["content"])
    assert (await hook_of(town)).assignment.task.endswith("assert 1 == 2")


@pytest.mark.parametrize("last", [submits("I added it."), use("ask", question="Which?")])
async def test_a_last_turn_is_finished_without_asking_the_model(town: FakeTown, last: Any) -> None:
    """The process stopped between the recorded turn and the submission or question."""
    hook = await hung(town)
    made = await town.commit(town.base, "Work\n", new_txt="new\n")
    await town.objects.swap_ref(hook.assignment.branch, old=None, new=made)
    calls = [{**WRITES, "id": "t1"}, {**last, "id": "t2"}]
    hook = await town.kit.hooks.record(hook, turn_of(1, await town.objects.tree_of(made), calls))
    assert await Polecat(town.kit, hook).work() == ("submitted" if last["name"] == "submit" else "asked")
    assert town.model.requests == []
    if last["name"] == "submit":
        (event,) = town.events("bead_submitted")
        assert (event.summary, event.commit) == ("I added it.", made)
    else:
        assert [need.text for need in town.bus.state.needs_you.values()] == ["Which?"]


async def test_a_submission_that_was_refused_is_not_handed_in_by_the_next_process(town: FakeTown) -> None:
    hook = await hung(town)
    calls = [{**submits(), "id": "t1"}]
    refused = [{"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}]
    turn = replace(turn_of(1, await town.objects.tree_of(town.base), calls), results=refused)
    script(town, says(WRITES, submits()))
    assert await Polecat(town.kit, await town.kit.hooks.record(hook, turn)).work() == "submitted"
    assert len(town.model.requests) == 1


def turn_of(number: int, tree: Oid, calls: list[dict[str, Any]]) -> Turn:
    return Turn(
        number=number,
        at="2026-11-25T12:00:00+00:00",
        tree=tree,
        cost=1,
        request_id="msg_1",
        prompt_tokens=1_000,
        output_tokens=10,
        assistant=calls,
        results=[{"type": "tool_result", "tool_use_id": call["id"], "content": "ok"} for call in calls],
        steps=[],
        notes=[],
    )
