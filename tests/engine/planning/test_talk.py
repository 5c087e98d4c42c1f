"""The talk with the Mayor: its questions, their answers, and what the window reads of it."""

from __future__ import annotations

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.staging import launch_events
from gastown_desktop.engine.planning.toolbox import DEFINITIONS
from tests.fakes.planner import WHERE, bead, found_planner, planned, proposes, says, sent, uses, valid

READ = ("read", {"path": "src/a.py", "start": 1, "count": 0})

ASKS = ("ask", {"question": "Which one?", "options": ["this", "that"], "default": "this"})


async def test_a_question_ends_the_turn_and_its_answer_goes_on(objects: PygitObjects) -> None:
    planner = await found_planner(objects, uses(READ, ASKS, READ), proposes(bead("a")), says("Done."))
    assert await planner.mayor.say("Do it.") == "asked"
    (need,) = planner.bus.state.needs_you.values()
    assert (need.item, need.about, need.options, need.default) == (
        "mayor:question:2",
        "question",
        ("this", "that"),
        "this",
    )
    assert await planner.mayor.answer("that") == "planned"
    assert not planner.bus.state.needs_you
    assert planner.bus.state.answers == {"mayor:question:2": "that"}
    asked = sent(planner, 1)[-1]["content"]
    assert [bool(block.get("is_error")) for block in asked[:3]] == [False, False, True]
    assert asked[-1]["text"] == "The user answers: that"
    valid(sent(planner))


async def test_what_is_said_while_a_question_is_open_answers_it(objects: PygitObjects) -> None:
    planner = await found_planner(objects, uses(ASKS), says("Then nothing."), says("No."))
    assert await planner.mayor.say("Do it.") == "asked"
    assert await planner.mayor.say("that") == "talked"
    assert planner.bus.state.answers == {"mayor:question:2": "that"}


async def test_an_answer_that_was_given_elsewhere_is_heard_at_the_next_start(objects: PygitObjects) -> None:
    planner = await found_planner(objects, uses(ASKS))
    assert await planner.mayor.say("Do it.") == "asked"
    assert await planner.mayor.go_on() is None
    await planner.bus.publish(ev.NeedAnswered(**WHERE, item="mayor:question:2", answer="that"))
    again = planner.restarted(proposes(bead("a")), says("Done."))
    assert await again.mayor.go_on() == "planned"
    assert again.last_text() == ""
    assert "The user answers: that" in str(sent(again))


async def test_there_is_nothing_to_answer_where_nothing_was_asked(objects: PygitObjects) -> None:
    planner = await found_planner(objects)
    with pytest.raises(Refused, match="asks nothing"):
        await planner.mayor.answer("yes")


@pytest.mark.parametrize("words", ["", " \n", "\u202e\u200b", "x" * 20_001])
async def test_nothing_and_too_much_is_not_said(objects: PygitObjects, words: str) -> None:
    planner = await found_planner(objects)
    with pytest.raises(Refused):
        await planner.mayor.say(words)
    assert not planner.model.orders
    assert planner.bus.state.mayor == []


# --- for the window -------------------------------------------------------------------------------


async def test_the_whole_talk_is_read_with_calls_and_costs(objects: PygitObjects) -> None:
    planner = await planned(objects)
    you, proposal, end = await planner.restarted().mayor.turns()
    assert (you.told, you.text, you.calls) == ("Do two things.", "", ())
    assert [call.name for call in proposal.calls] == ["propose_convoy"]
    assert "Their ids" in proposal.calls[0].result
    assert proposal.cost > 0
    assert end.text == "Two beads."
    messages = [dict(one) for one in await planner.restarted().mayor.messages()]
    valid(messages)
    assert messages == [dict(one) for one in await planner.mayor.messages()]


async def test_long_texts_are_cut_in_events_and_whole_in_the_talk(objects: PygitObjects) -> None:
    planner = await found_planner(objects, says("y" * 9_000), says("no"))
    await planner.mayor.say("x" * 9_000)
    assert [len(one.text) for one in planner.bus.state.mayor[:2]] == [8_000, 8_000]
    assert [len(one.told or one.text) for one in (await planner.mayor.turns())[:1]] == [9_000]


async def test_beads_are_launched_by_others(objects: PygitObjects) -> None:
    planner = await planned(objects)
    await planner.bus.publish(*launch_events(planner.bus.state))
    assert {view.status for view in planner.bus.state.beads.values()} == {"open"}
    assert planner.bus.state.stage == "running"
    assert launch_events(planner.bus.state) == []


def test_tools_cannot_launch_land_spend_or_speak_for_the_user() -> None:
    names = [str(one["name"]) for one in DEFINITIONS]
    assert names == [
        "read", "list_files", "search", "history", "tests", "propose_convoy", "add_bead", "edit_bead",
        "remove_bead", "add_dependency", "remove_dependency", "highlight", "ask",
    ]  # fmt: skip
