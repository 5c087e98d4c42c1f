"""A stand-in that does some turns badly, as core.chaos has them.

A bad turn is put before one of the stand-in's own and says in its text that it is one; the stand-in is shown
the conversation without it and goes on as if it had not been.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any, Literal

from gastown_desktop.core.chaos import Chaos, LastingFault, Slip, TransportFault
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.gates import SABOTAGE
from gastown_desktop.engine.stand_in import Answer, Prepare, bead_of, nothing_to_prepare, turns_of

_MARK = "A fault on purpose: "
_BROKEN_JSON = '{"path": "README'

Block = dict[str, Any]
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a request is answered with."""

    body: Mapping[str, Any]
    """As the stand-in is shown it."""
    bad: Literal["refusal", "loop"] | Slip | None = None
    """Instead of the stand-in's answer."""


class Misbehaving:
    """Answers request bodies of the Messages API like the stand-in, only not always well."""

    def __init__(
        self,
        answer: Answer,
        chaos: Chaos,
        names: Mapping[BeadId, str],
        what_gates_see: Callable[[], Awaitable[str]],
        *,
        prepare: Prepare = nothing_to_prepare,
    ) -> None:
        """Misbehaves in nothing yet.

        Args:
            answer: the stand-in's.
            chaos: what goes wrong.
            names: what each bead is called by `chaos`.
            what_gates_see: waits until it is known, and returns a path that turns the gates red when it is
                broken; empty where none does.
            prepare: the stand-in's.
        """
        self._prepare = prepare
        self._answer = answer
        self._chaos = chaos
        self._names = names
        self._what_gates_see = what_gates_see
        self._attempts: Counter[tuple[str, int, int]] = Counter()
        self.faults: Counter[str] = Counter()
        """How often each fault struck."""
        self.lasting: dict[BeadId, LastingFault] = {}
        """Beads whose lasting fault struck."""

    def strikes(self, body: Mapping[str, Any]) -> TransportFault | None:
        """What happens to a request on its way."""
        bead, messages = bead_of(body), body["messages"]
        turn = turns_of(messages)
        key = (bead, turn, len(str(messages[-1]["content"])))
        attempt, self._attempts[key] = self._attempts[key], self._attempts[key] + 1
        fault = self._chaos.transport(self._names.get(bead, bead), turn, attempt)
        if fault is not None:
            self.faults[fault] += 1
        return fault

    async def prepare(self, body: Mapping[str, Any]) -> bool:
        """Lets the stand-in prepare its answer, where it is the one to give it; see there."""
        case = self._case(body)
        return case.bad is not None or await self._prepare(case.body)

    async def answer(self, body: Mapping[str, Any]) -> Sequence[Block]:
        """Content blocks for a request."""
        bead, case = bead_of(body), self._case(body)
        if case.bad == "refusal" or case.bad == "loop":
            return self._lasting(bead, case.bad)
        if case.bad is not None:
            self.faults[case.bad] += 1
            return _slip(case.bad)
        blocks = await self._answer(case.body)
        name = self._names.get(bead)
        if name is None or not _hands_in(blocks):
            return blocks
        lasts = self._chaos.lasting(name) == "red"
        if lasts or self._chaos.breaks_once(name):
            return await self._broken(bead, body["messages"], blocks, lasts=lasts)
        return blocks

    def _case(self, body: Mapping[str, Any]) -> _Case:
        messages, slipped = _without_faults(body["messages"])
        clean = {**body, "messages": messages}
        name = self._names.get(bead_of(body))
        if name is None:
            return _Case(clean)
        turn, lasting = turns_of(messages), self._chaos.lasting(name)
        if (lasting == "refusal" or lasting == "loop") and turn >= self._chaos.lasting_from(name):
            return _Case(clean, lasting)
        return _Case(clean, None if slipped else self._chaos.slip(name, turn))

    def _lasting(self, bead: BeadId, fault: LastingFault | None) -> list[Block]:
        if fault == "refusal":
            self._note(bead, "refusal")
            return [_text("refusal"), {"type": "stop", "reason": "refusal"}]
        self._note(bead, "loop")
        return [_text("loop"), _call("search", pattern="the same again")]

    async def _broken(
        self, bead: BeadId, messages: Sequence[Message], blocks: Sequence[Block], *, lasts: bool
    ) -> Sequence[Block]:
        """Breaks what the gates look at before it hands in: once, or each time."""
        if not lasts and any(_is_fault(message, "red") for message in messages):
            return blocks
        path = await self._what_gates_see()
        if not path:
            return blocks
        if lasts:
            self._note(bead, "red")
        else:
            self.faults["red"] += 1
        breaks = _call("bash", command=f"printf '%s\\n' '<<< {SABOTAGE} >>>' > {quote(path)}")
        return [_text("red", kept=True), breaks, *blocks]

    def _note(self, bead: BeadId, fault: LastingFault) -> None:
        self.faults[fault] += 1
        self.lasting[bead] = fault


def chaos_json(misbehaving: Misbehaving, seed: int | None) -> dict[str, Any]:
    """What went wrong on purpose, for the result: counts are of this process."""
    return {
        "seed": seed,
        "faults": dict(sorted(misbehaving.faults.items())),
        "lasting": dict(sorted(misbehaving.lasting.items())),
    }


def _slip(slip: str) -> list[Block]:
    if slip == "cut_short":
        return [_text(slip), {"type": "stop", "reason": "max_tokens"}]
    if slip == "bad_json":
        return [_text(slip), {**_call("read"), "spelled": _BROKEN_JSON}]
    return [_text(slip), _call("search", pattern="once more")]


def _without_faults(messages: Sequence[Message]) -> tuple[list[dict[str, Any]], bool]:
    """The conversation without bad turns and what they answered, and whether one was the last.

    What else was said to the worker then, stays.
    """
    kept: list[dict[str, Any]] = []
    slipped = False
    for message in messages:
        if message["role"] == "assistant":
            slipped = any(_is_fault(message, slip) for slip in ("bad_json", "cut_short", "again", "loop"))
            if not slipped:
                kept.append(dict(message))
            continue
        content: list[Block] = message["content"]
        if slipped and kept:
            said = [block for block in content if block["type"] != "tool_result"]
            kept[-1] = {**kept[-1], "content": [*kept[-1]["content"], *said]}
        else:
            kept.append({**message, "content": list(content)})
    return kept, slipped


def _is_fault(message: Message, fault: str) -> bool:
    return any(block.get("text", "").startswith(f"{_MARK}{fault}") for block in message["content"])


def _text(fault: str, *, kept: bool = False) -> Block:
    return {"type": "text", "text": f"{_MARK}{fault}{', and its turn counts' if kept else ''}."}


def _call(name: str, **given: Any) -> Block:
    return {"type": "tool_use", "name": name, "input": given}


def _hands_in(blocks: Sequence[Block]) -> bool:
    return any(block["type"] == "tool_use" and block["name"] == "submit" for block in blocks)
