"""Whatever was said, the API takes the messages, and the bound on their tokens holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.adapters.rehearsal_model import ProviderBill, RehearsalModel
from gastown_desktop.engine.conversation import tool_result
from gastown_desktop.engine.planning.replies import cut, ended
from gastown_desktop.engine.planning.session import Entry
from gastown_desktop.engine.planning.talk import MOST_MARKS, Talk
from gastown_desktop.engine.planning.toolbox import DEFINITIONS
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.spend_gate import request_body
from tests.fakes.planner import valid
from tests.fakes.provider import MODEL, ORIGIN

TEXTS = st.text(alphabet=st.sampled_from('a \n"\\\0é\ufdfa🛠\udce9\ud800'), min_size=0, max_size=20)
WORDS = TEXTS.map(lambda text: text + "x")
SYSTEM = ({"type": "text", "text": "You are the Mayor. \ufdfa"},)


@st.composite
def replies(draw: st.DrawFn, number: int) -> Entry:
    thinks = [{"type": "thinking", "thinking": draw(TEXTS), "signature": "s"}] if draw(st.booleans()) else []
    says = [{"type": "text", "text": draw(TEXTS)}] if draw(st.booleans()) else []
    calls = [
        {"type": "tool_use", "id": f"t{number}_{at}", "name": "read", "input": {"path": draw(TEXTS)}}
        for at in range(draw(st.integers(0, 3)))
    ]
    entry = Entry(
        number=number,
        at="2026-11-25T12:00:00+00:00",
        who="mayor",
        assistant=[*thinks, *says, *calls],
        prompt_tokens=draw(st.sampled_from([100, 90_000])),
        output_tokens=50,
    )
    match draw(st.sampled_from(["worked", "worked", "worked", "cut", "paused", "fresh", "refused"])):
        case "cut":
            return cut(entry, None)
        case "refused":
            return _with(entry, rest="refused")
        case "fresh":
            return _with(entry, fresh="Go on.")
        case "paused" if not calls:
            return _with(entry, stop_reason="pause_turn")
        case _ if calls:
            return _with(entry, results=[tool_result(one, draw(TEXTS), refused=False) for one in calls])
        case _:
            return ended(entry, (), has_beads=draw(st.booleans()))


def _with(entry: Entry, **fields: Any) -> Entry:
    return Entry(**{**{name: getattr(entry, name) for name in entry.__dataclass_fields__}, **fields})


@st.composite
def talks(draw: st.DrawFn) -> list[Entry]:
    """A talk up to where the model is asked next."""
    entries = [Entry(number=1, at="", who="you", text=draw(WORDS))]
    for _ in range(draw(st.integers(0, 8))):
        number = len(entries) + 1
        goes_on = entries[-1].who == "you" or not entries[-1].rest
        if goes_on and draw(st.integers(0, 3)):
            entries.append(draw(replies(number)))
        else:
            answers = draw(st.sampled_from(["", "mayor:question:2"]))
            entries.append(Entry(number=number, at="", who="you", text=draw(WORDS), answers=answers))
    if entries[-1].rest:
        entries.append(Entry(number=len(entries) + 1, at="", who="you", text="Go on."))
    return entries


def request_of(entries: list[Entry]) -> ModelRequest:
    talk = Talk(SYSTEM, DEFINITIONS, entries, looking=frozenset({"read"}), clear_at=80_000)
    return talk.request(MODEL, 4_000)


@settings(max_examples=200)
@given(talks())
def test_messages_alternate_and_every_call_is_answered(entries: list[Entry]) -> None:
    request = request_of(entries)
    valid([dict(one) for one in request.messages])
    json.dumps(request_body(request, ORIGIN), ensure_ascii=False).encode()
    blocks: list[Any] = [*request.system, *(b for m in request.messages for b in m["content"])]
    marked = [block for block in blocks if "cache_control" in block]
    assert len(marked) <= MOST_MARKS
    assert all(block["type"] not in {"thinking", "redacted_thinking"} for block in marked)


@settings(max_examples=100)
@given(talks())
def test_a_talk_read_back_goes_on_the_same(entries: list[Entry]) -> None:
    lived = Talk(SYSTEM, DEFINITIONS, looking=frozenset({"read"}), clear_at=80_000)
    for entry in entries:
        lived.add(entry)
    assert lived.request(MODEL, 4_000) == request_of(entries)


@pytest.mark.parametrize("marks", [0, 1, 3, 5])
def test_instructions_keep_their_marks_as_far_as_there_is_room(marks: int) -> None:
    system = [{"type": "text", "text": str(n), "cache_control": {"type": "ephemeral"}} for n in range(marks)]
    given_blocks = [*system, {"type": "text", "text": "last"}]
    talk = Talk(given_blocks, DEFINITIONS, [Entry(number=1, at="", who="you", text="Go.")])
    blocks = talk.request(MODEL, 1).system
    assert len(blocks) == marks + 1
    assert sum("cache_control" in block for block in blocks) == min(marks + 1, MOST_MARKS - 1)
    assert "cache_control" in blocks[-1]
    assert "cache_control" not in given_blocks[-1]


@pytest.mark.parametrize("letter", ["a", "é", "\ufdfa", "🛠", '"', "\ufb03"])
async def test_the_prompt_s_bound_holds_through_a_whole_talk(tmp_path: Path, letter: str) -> None:
    said = [
        {"type": "text", "text": letter * 3_000},
        {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": letter * 300}},
    ]

    async def answer(body: dict[str, Any]) -> list[dict[str, Any]]:
        del body
        return said

    provider = RehearsalModel(answer, ProviderBill(tmp_path / "bill"))
    talk = Talk(SYSTEM, DEFINITIONS, [Entry(number=1, at="", who="you", text=letter * 2_000)])
    for number in range(2, 14, 2):
        bound = talk.prompt_bound()
        body = request_body(talk.request(MODEL, 16_000), ORIGIN)
        response = await provider.handle_async_request(httpx2.Request("POST", ORIGIN, json=body))
        counts = usage_of((await response.aread()).decode())
        prompt = sum(count for name, count in counts.items() if name != "output_tokens")
        assert prompt <= bound
        reply = Entry(
            number=number,
            at="",
            who="mayor",
            assistant=said,
            results=[tool_result(said[1], letter * number * 500, refused=False)],
            prompt_tokens=prompt,
            output_tokens=counts["output_tokens"],
        )
        talk.add(reply)
        talk.add(Entry(number=number + 1, at="", who="you", text=letter * 700))


def usage_of(stream: str) -> dict[str, int]:
    for line in stream.splitlines():
        if line.startswith("data: ") and '"message_delta"' in line:
            return json.loads(line.removeprefix("data: "))["usage"]
    raise AssertionError("no usage")
