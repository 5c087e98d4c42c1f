"""The Mayor in a real bare repository, with a model that follows a script."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import CapReached, ModelError
from gastown_desktop.core.prices import MAX_TOKENS_AT_START, MAX_TOKENS_CEILING
from gastown_desktop.core.staging import launch_events
from gastown_desktop.engine.conversation import CLEARED
from gastown_desktop.engine.mayor import MOST_TURNS
from gastown_desktop.engine.planning.replies import NUDGE, SPLIT
from gastown_desktop.engine.planning.talk import MOST_MARKS
from gastown_desktop.engine.planning.toolbox import DEFINITIONS
from tests.fakes.planner import (
    WHERE,
    Planner,
    Says,
    bead,
    found_planner,
    planned,
    proposes,
    says,
    sent,
    uses,
    valid,
)

READ = ("read", {"path": "src/a.py", "start": 1, "count": 0})


# --- planning -------------------------------------------------------------------------------------


async def test_a_goal_becomes_draft_beads_with_dependencies(objects: PygitObjects) -> None:
    planner = await planned(objects)
    state = planner.bus.state
    assert (state.title, state.stage) == ("Two things", "draft")
    assert planner.titles() == ["Do a", "Do b"]
    assert {view.status for view in state.beads.values()} == {"draft"}
    a, b = state.beads
    assert [(one.bead, one.on, one.kind) for one in state.dependencies] == [(b, a, "blocks")]
    assert state.beads[a].bead.files == ("src/a.py",)
    assert [(one.who, one.text) for one in state.mayor] == [
        ("you", "Do two things."),
        ("mayor", ""),
        ("mayor", "Two beads."),
    ]
    assert state.mayor[1].tools == ("propose_convoy",)
    assert state.mayor[1].cost > 0


async def test_the_plan_is_told_as_one_batch_after_its_turn_is_on_the_ref(objects: PygitObjects) -> None:
    planner = await planned(objects)
    assert planner.kinds() == [
        "convoy_created",
        "mayor_said",
        "convoy_retitled",
        "bead_added",
        "bead_added",
        "dependency_added",
        "mayor_said",
        "mayor_said",
    ]
    head = await objects.read_ref("refs/gastown/convoys/cv-1/mayor")
    assert head is not None
    subjects = [commit.subject for commit in await objects.first_parents(head, 9)]
    assert subjects == ["Mayor: turn 3", "Mayor: turn 2", "Mayor: turn 1"]


async def test_requests_carry_scopes_tools_and_at_most_four_cache_marks(objects: PygitObjects) -> None:
    planner = await planned(objects)
    for number, order in enumerate(planner.model.orders, 2):
        assert order.scopes == ("convoy:cv-1", "role:mayor")
        assert order.what == f"Mayor turn {number}"
        assert order.request.max_tokens <= MAX_TOKENS_AT_START
        assert order.request.tools == DEFINITIONS
        valid([dict(one) for one in order.request.messages])
        content: Any = order.request.messages[-1]["content"]
        marks = [block for block in (*order.request.system, *content) if "cache_control" in block]
        assert 1 < len(marks) <= MOST_MARKS
        assert "cache_control" in order.request.system[-1]
        assert "cache_control" in content[-1]


async def test_earlier_messages_never_change_so_that_the_cache_holds(objects: PygitObjects) -> None:
    planner = await found_planner(objects, uses(READ), proposes(bead("a")), says("Done."))
    await planner.mayor.say("Do it.")
    requests = [unmarked(sent(planner, at)) for at in range(3)]
    for before, after in pairwise(requests):
        assert after[: len(before)] == before


def unmarked(messages: list[Any]) -> list[Any]:
    return [
        {**one, "content": [{k: v for k, v in b.items() if k != "cache_control"} for b in one["content"]]}
        for one in messages
    ]


async def test_a_refused_change_is_answered_with_how_to_mend_it(objects: PygitObjects) -> None:
    wrong = bead("b", after=["a"])
    planner = await found_planner(
        objects, proposes(bead("a", after=["b"]), wrong), proposes(bead("a"), wrong), says("Done.")
    )
    assert await planner.mayor.say("Do it.") == "planned"
    second: Any = planner.model.orders[1].request.messages[-1]["content"]
    assert second[0]["is_error"]
    assert "wait for each other" in second[0]["content"]
    assert planner.titles() == ["Do a", "Do b"]


async def test_overlapping_beads_are_taken_and_named(objects: PygitObjects) -> None:
    planner = await found_planner(
        objects, proposes(bead("a"), bead("c", files=["src/a.py"])), says("Mind the overlap.")
    )
    assert await planner.mayor.say("Do it.") == "planned"
    (result,) = planner.last_results()
    assert "is_error" not in result
    assert "both expect src/a.py" in result["content"]
    assert len(planner.titles()) == 2


async def test_a_second_proposal_takes_the_place_of_the_draft(objects: PygitObjects) -> None:
    planner = await planned(objects, proposes(bead("a", title="Only this"), title="One"), says("One."))
    before = set(planner.bus.state.beads)
    assert await planner.mayor.say("Less.") == "planned"
    assert planner.titles() == ["Only this"]
    assert planner.bus.state.dependencies == []
    assert not before & set(planner.bus.state.beads)


async def test_a_running_convoy_takes_new_drafts_and_edits_of_what_nobody_began(
    objects: PygitObjects,
) -> None:
    planner = await planned(objects)
    await planner.bus.publish(*launch_events(planner.bus.state))
    a, b = planner.bus.state.beads
    await planner.bus.publish(
        ev.BeadSlung(**WHERE, bead=a, polecat=WHERE["rig"], epoch=1, base=planner.base, branch="b", model="m")
    )
    new = {key: value for key, value in bead("c").items() if key != "key"}
    planner.model.script += [
        proposes(bead("a")),
        uses(("edit_bead", {"bead": a, "title": "Late"}), ("edit_bead", {"bead": b, "title": "Do b well"})),
        uses(("add_bead", {**new, "after": [a]}), ("remove_bead", {"bead": b})),
        says("Done."),
    ]
    assert await planner.mayor.say("One more.") == "planned"
    results = [one for at in (-3, -2, -1) for one in results_of(planner, at)]
    refused = [bool(one.get("is_error")) for one in results]
    assert refused == [True, True, False, False, True]
    assert "cannot be replaced any more" in results[0]["content"]
    assert "is hooked" in results[1]["content"]
    assert "until the user lets it begin" in results[3]["content"]
    assert planner.titles() == ["Do a", "Do b well", "Do c"]
    assert planner.bus.state.with_status("draft") == [list(planner.bus.state.beads)[-1]]


def results_of(planner: Planner, at: int) -> list[Any]:
    content: Any = planner.model.orders[at].request.messages[-1]["content"]
    return [block for block in content if block["type"] == "tool_result"]


async def test_a_plan_that_the_user_changed_meanwhile_is_told_to_the_model(objects: PygitObjects) -> None:
    planner = await planned(objects, says("I see."))
    await planner.bus.publish(ev.BeadRemoved(**WHERE, bead=list(planner.bus.state.beads)[1]))
    assert await planner.mayor.say("And now?") == "talked"
    assert "The plan was changed meanwhile" in planner.last_text()
    assert "Do a" in planner.last_text()
    assert "Do b" not in planner.last_text()


async def test_highlighted_beads_are_told_for_the_window(objects: PygitObjects) -> None:
    planner = await planned(objects)
    first = next(iter(planner.bus.state.beads))
    planner.model.script += [uses(("highlight", {"beads": [first]})), says("This one.")]
    assert await planner.mayor.say("Which is first?") == "talked"
    assert planner.bus.state.mayor[-2].shown == (first,)


# --- how a reply may end --------------------------------------------------------------------------


async def test_talk_without_a_plan_is_nudged_once(objects: PygitObjects) -> None:
    planner = await found_planner(objects, says("Hm."), says("There is nothing to do."))
    assert await planner.mayor.say("Make me a sandwich.") == "talked"
    assert planner.last_text() == NUDGE
    assert planner.bus.state.mayor[-1].text == "There is nothing to do."


async def test_a_reply_that_was_cut_is_asked_for_once_more_with_the_ceiling(objects: PygitObjects) -> None:
    planner = await found_planner(objects, says("Very lo", "max_tokens"), proposes(bead("a")), says("Done."))
    assert await planner.mayor.say("Do it.") == "planned"
    assert [order.request.max_tokens for order in planner.model.orders[:2]] == [
        MAX_TOKENS_AT_START,
        MAX_TOKENS_CEILING,
    ]
    assert sent(planner, 0) == sent(planner, 1)
    assert planner.bus.state.mayor[1].cost > planner.bus.state.mayor[2].cost


async def test_a_reply_that_is_cut_at_the_ceiling_is_told_to_be_split(objects: PygitObjects) -> None:
    cut = proposes(bead("a"), text="Here it comes", stop_reason="max_tokens")
    planner = await found_planner(objects, cut, cut, proposes(bead("b")), says("Done."))
    assert await planner.mayor.say("Do it.") == "planned"
    assert planner.titles() == ["Do b"]
    assert SPLIT in str(sent(planner, 2)[-1])
    valid(sent(planner))


async def test_replies_that_are_cut_again_and_again_stop_the_talk(objects: PygitObjects) -> None:
    cut = proposes(bead("a"), stop_reason="max_tokens")
    planner = await found_planner(objects, cut, cut, cut, cut)
    assert await planner.mayor.say("Do it.") == "limit"
    assert "too long" in planner.mayor.stopped_by
    assert [need.about for need in planner.bus.state.needs_you.values()] == ["model"]


async def test_a_paused_turn_is_sent_back_as_it_is(objects: PygitObjects) -> None:
    planner = await found_planner(objects, says("Let me", "pause_turn"), proposes(bead("a")), says("Done."))
    assert await planner.mayor.say("Do it.") == "planned"
    assert sent(planner, 1)[-1]["role"] == "assistant"
    valid(sent(planner))


async def test_a_refusal_asks_the_user_and_is_not_sent_back(objects: PygitObjects) -> None:
    planner = await found_planner(objects, says("I will not", "refusal"), proposes(bead("a")), says("Done."))
    assert await planner.mayor.say("Do it.") == "refused"
    (need,) = planner.bus.state.needs_you.values()
    assert (need.about, need.item, need.bead) == ("model", "mayor:model:2", None)
    assert await planner.mayor.answer("Do it otherwise.") == "planned"
    assert not planner.bus.state.needs_you
    assert "I will not" not in str(sent(planner))
    valid(sent(planner))


@pytest.mark.parametrize("stop", ["model_context_window_exceeded", "tool_use"])
async def test_a_full_context_begins_afresh_with_goal_plan_and_what_was_said(
    objects: PygitObjects, stop: str
) -> None:
    full = 199_000 if stop == "tool_use" else 1_000
    planner = await planned(
        objects,
        uses(READ, text="Looking at a.", stop_reason=stop, prompt_tokens=full),
        says("All is well."),
    )
    assert await planner.mayor.say("Look again.") == "talked"
    (only,) = sent(planner)
    for part in ("Do two things.", "Look again.", "Looking at a.", "Do a", "Do b"):
        assert part in only["content"][0]["text"]
    again = planner.restarted(says("Still well."))
    assert await again.mayor.say("Sure?") == "talked"
    valid(sent(again))
    assert len(sent(again)) == 3


async def test_old_results_are_cleared_but_not_what_the_plan_answered(objects: PygitObjects) -> None:
    turns = [uses(READ, prompt_tokens=90_000) for _ in range(14)]
    planner = await found_planner(objects, proposes(bead("a")), *turns, says("Done."))
    assert await planner.mayor.say("Do it.") == "planned"
    text = str(sent(planner))
    assert text.count(CLEARED) >= 5
    assert "Their ids" in text
    valid(sent(planner))


async def test_thinking_is_kept_unchanged(objects: PygitObjects) -> None:
    thought = {"type": "thinking", "thinking": "Hm \ufdfa", "signature": "sig=="}
    hidden = {"type": "redacted_thinking", "data": "AAAA"}
    call = {"type": "tool_use", "name": "read", "input": READ[1]}
    planner = await found_planner(
        objects,
        Says(blocks=[thought, hidden, call], stop_reason="tool_use"),
        proposes(bead("a")),
        says("Done."),
    )
    assert await planner.mayor.say("Do it.") == "planned"
    assert sent(planner)[1]["content"][:2] == [thought, hidden]
    again = planner.restarted(says("Yes."))
    await again.mayor.say("Sure?")
    assert sent(again)[1]["content"][:2] == [thought, hidden]


async def test_forty_turns_without_an_end_are_the_limit(objects: PygitObjects) -> None:
    planner = await found_planner(objects, *[uses(READ) for _ in range(MOST_TURNS)])
    assert await planner.mayor.say("Do it.") == "limit"
    assert not planner.model.script
    assert await planner.restarted().mayor.go_on() is None
    again = planner.restarted(proposes(bead("a")), says("Done."))
    assert await again.mayor.answer("Try again.") == "planned"
    valid(sent(again))


async def test_a_cap_leaves_the_turn_to_be_repeated(objects: PygitObjects) -> None:
    reached = CapReached("No room.", scope="convoy:cv-1", fits_later=False)
    planner = await found_planner(objects, uses(READ), reached, proposes(bead("a")), says("Done."))
    assert await planner.mayor.say("Do it.") == "limit"
    assert planner.mayor.stopped_by == "No room."
    assert await planner.mayor.go_on() == "planned"
    assert sent(planner, 1) == sent(planner, 2)


async def test_a_provider_that_fails_is_put_to_the_user_once(objects: PygitObjects) -> None:
    planner = await found_planner(
        objects, ModelError("down"), ModelError("down"), proposes(bead("a")), says("Done.")
    )
    assert await planner.mayor.say("Do it.") == "refused"
    assert list(planner.bus.state.needs_you) == ["mayor:model:2"]
    assert await planner.mayor.go_on() == "refused"
    assert await planner.mayor.go_on() == "planned"
    assert not planner.bus.state.needs_you
