"""A stand-in that does some turns badly goes on as if it had not."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gastown_desktop.core.chaos import Chaos, LastingFault, Slip, TransportFault
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.misbehaving import Misbehaving, chaos_json

A = BeadId("gt-a")
TASK = {"role": "user", "content": [{"type": "text", "text": "Task\nBead: gt-a\nDo it."}]}
SCRIPT = ["read", "write", "submit"]


class Fixed(Chaos):
    """Chaos as a test wants it."""

    def __init__(
        self,
        *,
        slips: Mapping[int, Slip] | None = None,
        lasting: LastingFault | None = None,
        once: bool = False,
        strikes: TransportFault | None = None,
    ) -> None:
        object.__setattr__(self, "seed", 4)
        object.__setattr__(self, "given", (slips or {}, lasting, once, strikes))

    def transport(self, work: str, turn: int, attempt: int) -> TransportFault | None:
        return self.given[3] if (work, attempt) == ("commit a", 0) else None  # type: ignore[attr-defined]

    def slip(self, work: str, turn: int) -> Slip | None:
        return self.given[0].get(turn)  # type: ignore[attr-defined]

    def lasting(self, work: str) -> LastingFault | None:
        return self.given[1]  # type: ignore[attr-defined]

    def lasting_from(self, work: str) -> int:
        return 1

    def breaks_once(self, work: str) -> bool:
        return self.given[2]  # type: ignore[attr-defined]


async def stand_in(body: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return [{"type": "tool_use", "name": SCRIPT[min(turn, 2)], "input": {}}]


def misbehaving(chaos: Chaos, sees: str = "lib.py") -> Misbehaving:
    async def what_gates_see() -> str:
        return sees

    return Misbehaving(stand_in, chaos, {A: "commit a"}, what_gates_see)


async def talk(model: Misbehaving, turns: int) -> list[list[str]]:
    """What it says in so many turns: the names of calls, and stops."""
    messages: list[dict[str, Any]] = [TASK]
    said: list[list[str]] = []
    for number in range(turns):
        blocks = list(await model.answer({"messages": messages}))
        said.append([str(block.get("name", block.get("reason", "text"))) for block in blocks])
        kept = [block for block in blocks if block["type"] != "stop"]
        results = [
            {"type": "tool_result", "content": f"result {number}", "is_error": "spelled" in str(blocks)}
        ]
        messages += [{"role": "assistant", "content": kept}, {"role": "user", "content": results}]
    return said


async def test_without_faults_it_is_the_stand_in() -> None:
    assert await talk(misbehaving(Fixed()), 3) == [["read"], ["write"], ["submit"]]


@pytest.mark.parametrize(
    ("slip", "turn"),
    [("bad_json", ["text", "read"]), ("again", ["text", "search"]), ("cut_short", ["text", "max_tokens"])],
)
async def test_a_slip_is_a_turn_more_and_nothing_else(slip: Slip, turn: list[str]) -> None:
    model = misbehaving(Fixed(slips={1: slip}))
    assert await talk(model, 4) == [["read"], turn, ["write"], ["submit"]]
    assert model.faults == {slip: 1}


async def test_what_the_town_said_after_a_slip_is_still_heard() -> None:
    heard: list[Any] = []

    async def listens(body: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        heard.append(body["messages"])
        return await stand_in(body)

    model = misbehaving(Fixed(slips={0: "again"}))
    model._answer = listens
    slip = list(await model.answer({"messages": [TASK]}))
    answered = [{"type": "tool_result", "content": "none"}, {"type": "text", "text": "The town says: hurry."}]
    await model.answer(
        {"messages": [TASK, {"role": "assistant", "content": slip}, {"role": "user", "content": answered}]}
    )
    (message,) = heard[0]
    assert [block["text"] for block in message["content"]] == [
        TASK["content"][0]["text"],
        "The town says: hurry.",
    ]  # type: ignore[index]


@pytest.mark.parametrize(("fault", "turn"), [("loop", ["text", "search"]), ("refusal", ["text", "refusal"])])
async def test_a_fault_that_lasts_never_ends(fault: LastingFault, turn: list[str]) -> None:
    model = misbehaving(Fixed(lasting=fault))
    assert await talk(model, 4) == [["read"], turn, turn, turn]
    assert model.lasting == {A: fault}
    assert chaos_json(model, 4) == {"seed": 4, "faults": {fault: 3}, "lasting": {"gt-a": fault}}


async def test_a_loop_goes_on_after_a_fresh_start() -> None:
    model = misbehaving(Fixed(lasting="loop"))
    afresh = f"{TASK['content'][0]['text']}\nYou have worked on this for 5 turns; what was said is cleared."  # type: ignore[index]
    message = {"role": "user", "content": [{"type": "text", "text": afresh}]}
    assert [block.get("name") for block in await model.answer({"messages": [message]})] == [None, "search"]


async def test_it_breaks_what_gates_see_once_or_each_time() -> None:
    breaks = ["text", "bash", "submit"]
    once = await talk(misbehaving(Fixed(once=True)), 4)
    assert once[2:] == [breaks, ["submit"]]
    model = misbehaving(Fixed(lasting="red"))
    assert (await talk(model, 4))[2:] == [breaks, breaks]
    assert model.lasting == {A: "red"}


async def test_where_gates_see_nothing_nothing_is_broken() -> None:
    model = misbehaving(Fixed(lasting="red"), sees="")
    assert (await talk(model, 3))[2] == ["submit"]
    assert model.lasting == {}


async def test_a_request_is_struck_once_and_its_next_attempt_is_another() -> None:
    model = misbehaving(Fixed(strikes="cut"))
    body = {"messages": [TASK]}
    assert [model.strikes(body) for _ in range(3)] == ["cut", None, None]
    assert model.faults == {"cut": 1}


async def test_a_path_is_a_word_of_the_command_whatever_is_in_it() -> None:
    path = "it's; touch planted.py"
    model = misbehaving(Fixed(lasting="red"), sees=path)
    submits = {"role": "assistant", "content": [{"type": "text", "text": "done"}]}
    answers = {"role": "user", "content": [{"type": "tool_result", "content": "ok"}]}
    _, breaks, _ = await model.answer({"messages": [TASK, submits, answers, submits, answers]})
    assert shlex.split(breaks["input"]["command"])[-1] == path
