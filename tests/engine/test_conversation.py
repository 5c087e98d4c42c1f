from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.adapters.rehearsal_model import ProviderBill, RehearsalModel
from gastown_desktop.core.bead import Bead
from gastown_desktop.core.context import KEPT_TURNS
from gastown_desktop.core.ids import BeadId, Oid, PolecatName
from gastown_desktop.engine.conversation import CLEARED, NUDGE, SILENCE, Conversation, task_text, tool_result
from gastown_desktop.engine.hooks import Turn
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.prompts import system_blocks
from gastown_desktop.engine.spend_gate import request_body
from gastown_desktop.engine.tools.toolbox import DEFINITIONS
from tests.fakes.provider import MODEL, ORIGIN

SYSTEM = system_blocks("You are a polecat. ﷺ " * 20)
BEAD = Bead(id=BeadId("gt-a"), title="Greet", files=("greet.py",))

TEXTS = st.text(alphabet=st.sampled_from('a \n"\\\0\x07éﷺ🛠ﬃ\udce9\ud800'), min_size=1, max_size=60)


BASE = Oid("1" * 40)


def turn(
    number: int, assistant: list[dict[str, Any]], results: list[dict[str, Any]] | None = None, **fields: Any
) -> Turn:
    made = Turn(
        number=number,
        at="2026-11-25T12:00:00+00:00",
        tree=Oid("2" * 40),
        cost=1,
        request_id=f"r{number}",
        prompt_tokens=1_000,
        output_tokens=100,
        assistant=assistant,
        results=results or [],
        steps=[],
        notes=[],
    )
    return replace(made, **fields)


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


def call(number: int, name: str = "read", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}


@st.composite
def turns(draw: st.DrawFn) -> list[Turn]:
    made: list[Turn] = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        said = [text(draw(TEXTS))] if draw(st.booleans()) else []
        calls = [call(10 * number + index, path=draw(TEXTS)) for index in range(draw(st.integers(0, 3)))]
        results = [tool_result(one, draw(TEXTS), refused=draw(st.booleans())) for one in calls]
        made.append(turn(number, said + calls, results))
    return made


def messages_of(request: ModelRequest) -> list[Any]:
    return [dict(message) for message in request.messages]


@settings(max_examples=50)
@given(turns())
def test_messages_alternate_begin_with_the_user_and_are_never_empty(told: list[Turn]) -> None:
    messages = messages_of(Conversation(SYSTEM, "Do it.", tuple(told)).request(MODEL, 100))
    assert [message["role"] for message in messages] == (["user", "assistant"] * len(messages))[
        : len(messages)
    ]
    assert messages[-1]["role"] == "user"
    for message in messages:
        assert message["content"]
        assert all(block["type"] != "text" or block["text"] for block in message["content"])


@settings(max_examples=50)
@given(turns())
def test_every_tool_call_is_answered_in_the_next_message(told: list[Turn]) -> None:
    messages = messages_of(Conversation(SYSTEM, "Do it.", tuple(told)).request(MODEL, 100))
    for message, following in zip(messages[1::2], messages[2::2], strict=True):
        asked = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        given_back = [block["tool_use_id"] for block in following["content"] if "tool_use_id" in block]
        assert asked == given_back


@settings(max_examples=50)
@given(turns(), TEXTS)
def test_a_request_can_always_be_sent_as_utf8(told: list[Turn], task: str) -> None:
    request = Conversation(SYSTEM, task, tuple(told)).request(MODEL, 100)
    json.dumps(request_body(request, ORIGIN), ensure_ascii=False).encode()


@settings(max_examples=50)
@given(turns())
def test_a_conversation_read_back_from_its_hook_goes_on_the_same(told: list[Turn]) -> None:
    lived = Conversation(SYSTEM, "Do it.")
    for one in told:
        lived.add(one)
    read_back = Conversation(SYSTEM, "Do it.", tuple(told))
    assert lived.request(MODEL, 100) == read_back.request(MODEL, 100)
    assert lived.prompt_bound() == read_back.prompt_bound()


@settings(max_examples=50)
@given(turns())
def test_earlier_messages_never_change_so_that_the_cache_holds(told: list[Turn]) -> None:
    conversation = Conversation(SYSTEM, "Do it.")
    before = messages_of(conversation.request(MODEL, 100))
    for one in told:
        conversation.add(one)
        now = messages_of(conversation.request(MODEL, 100))
        assert unmarked(now[: len(before)]) == unmarked(before)
        before = now


def unmarked(messages: list[Any]) -> list[Any]:
    return [
        {**message, "content": [{k: v for k, v in block.items() if k != "cache_control"} for block in blocks]}
        for message in messages
        if (blocks := message["content"])
    ]


def test_two_places_are_marked_for_the_cache_and_never_more_than_four() -> None:
    told = [
        turn(number, [text("hm"), call(number)], [tool_result(call(number), "x", refused=False)])
        for number in (1, 2, 3)
    ]
    request = Conversation(SYSTEM, "Do it.", tuple(told)).request(MODEL, 100)
    marked = json.dumps(request_body(request, ORIGIN)).count("cache_control")
    assert marked == 2
    assert "cache_control" in messages_of(request)[-1]["content"][-1]
    assert "cache_control" in request.system[-1]


def test_two_polecats_share_every_byte_of_system_and_tools() -> None:
    first = Conversation(SYSTEM, task_text(BEAD, PolecatName("Nux"), BASE)).request(MODEL, 4_000)
    second = Conversation(SYSTEM, task_text(BEAD, PolecatName("Slit"), BASE)).request(MODEL, 8_000)
    for part in ("tools", "system"):
        assert json.dumps(getattr(first, part)) == json.dumps(getattr(second, part))
    assert first.tools == DEFINITIONS
    assert first.messages != second.messages


def test_a_turn_without_a_tool_call_is_nudged() -> None:
    messages = messages_of(Conversation(SYSTEM, "Do it.", (turn(1, [text("Done?")]),)).request(MODEL, 100))
    assert messages[-1]["content"][0]["text"] == NUDGE


@pytest.mark.parametrize("reply", [[], [text("")]])
def test_a_reply_of_nothing_is_told_as_such(reply: list[dict[str, Any]]) -> None:
    messages = messages_of(Conversation(SYSTEM, "Do it.", (turn(1, reply),)).request(MODEL, 100))
    assert messages[1] == {"role": "assistant", "content": [text(SILENCE)]}


def test_a_refusal_is_marked_as_an_error() -> None:
    assert tool_result(call(1), "no", refused=True)["is_error"] is True
    assert "is_error" not in tool_result(call(1), "yes", refused=False)


def test_the_task_says_what_when_where_and_why_again() -> None:
    bead = replace(BEAD, description="Say hello.", acceptance="It does.", files=("caf\udce9.txt",))
    told = task_text(bead, PolecatName("Nux"), BASE, remark="the gate was red")
    for part in (
        "gt-a",
        "Greet",
        "Say hello.",
        "Done when: It does.",
        "caf\\xe9.txt",
        "the gate was red",
        "1" * 40,
    ):
        assert part in told
    assert told.endswith(f"You are Nux. Your copy starts from commit {'1' * 40}.")


@pytest.mark.parametrize("letter", ["a", "é", "ﷺ", "🛠", "\0", '"', "ﬃ"])
async def test_the_prompt_s_bound_holds_through_a_whole_conversation(tmp_path: Any, letter: str) -> None:
    said = [text(letter * 4_000), call(1, path=letter * 500)]

    async def answer(body: dict[str, Any]) -> list[dict[str, Any]]:
        return said

    provider = RehearsalModel(answer, ProviderBill(tmp_path / "bill"))
    conversation = Conversation(SYSTEM, letter * 3_000)
    for number in range(1, 8):
        bound = conversation.prompt_bound()
        body = request_body(conversation.request(MODEL, 16_000), ORIGIN)
        response = await provider.handle_async_request(httpx2.Request("POST", ORIGIN, json=body))
        counts = usage_of((await response.aread()).decode())
        prompt = sum(count for name, count in counts.items() if name != "output_tokens")
        assert prompt <= bound
        results = [tool_result(said[1], letter * number * 700, refused=False)]
        conversation.add(
            turn(number, said, results, prompt_tokens=prompt, output_tokens=counts["output_tokens"])
        )


def usage_of(stream: str) -> dict[str, int]:
    for line in stream.splitlines():
        if line.startswith("data: ") and '"message_delta"' in line:
            return json.loads(line.removeprefix("data: "))["usage"]
    raise AssertionError("no usage")


def test_the_bound_counts_a_text_at_its_longest_form() -> None:
    plain = Conversation(SYSTEM, "x" * 1_000).prompt_bound()
    ligatures = Conversation(SYSTEM, "\ufdfa" * 1_000).prompt_bound()
    assert ligatures - plain >= 1_000 * 32


# --- room -----------------------------------------------------------------------------------------


def long_turn(number: int, prompt_tokens: int) -> Turn:
    call = {"type": "tool_use", "id": f"t{number}", "name": "read", "input": {"path": "a"}}
    answer = {"type": "tool_result", "tool_use_id": f"t{number}", "content": f"result {number}"}
    return turn(number, [call], [answer], prompt_tokens=prompt_tokens)


def shown(turns: list[Turn], clear_at: int) -> list[str]:
    request = Conversation(SYSTEM, "task", tuple(turns), clear_at=clear_at).request(MODEL, 4_000)
    contents: list[Any] = [message["content"] for message in request.messages if message["role"] == "user"]
    return [str(content[0]["content"]) for content in contents[1:]]


def test_below_the_mark_nothing_is_cleared() -> None:
    turns = [long_turn(number, 1_000) for number in range(1, 40)]
    assert CLEARED not in shown(turns, 1_000)


def test_above_the_mark_old_results_are_cleared_and_the_last_are_kept() -> None:
    turns = [long_turn(number, 1_001) for number in range(1, 2 * KEPT_TURNS + 1)]
    assert shown(turns, 1_000) == [CLEARED] * KEPT_TURNS + [
        f"result {number}" for number in range(KEPT_TURNS + 1, 2 * KEPT_TURNS + 1)
    ]


def test_results_are_cleared_many_at_once_so_that_the_cache_is_lost_seldom() -> None:
    cleared = [
        shown([long_turn(number, 1_001) for number in range(1, turns + 1)], 1_000).count(CLEARED)
        for turns in range(1, 4 * KEPT_TURNS + 1)
    ]
    assert set(cleared) == {0, KEPT_TURNS, 2 * KEPT_TURNS, 3 * KEPT_TURNS}


def test_calls_and_their_results_stay_in_pairs_after_clearing() -> None:
    turns = [long_turn(number, 1_001) for number in range(1, 30)]
    request = Conversation(SYSTEM, "task", tuple(turns), clear_at=1_000).request(MODEL, 4_000)
    asked = [block["id"] for message in request.messages for block in message["content"] if "input" in block]
    answered = [
        block["tool_use_id"]
        for message in request.messages
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    assert asked == answered
