"""What a polecat says to the model: the fleet's shared beginning, its task, and the turns so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from gastown_desktop.core.bead import Bead
from gastown_desktop.core.context import KEPT_TURNS
from gastown_desktop.core.ids import Oid, PolecatName
from gastown_desktop.core.prices import first_prompt_bound, next_prompt_bound
from gastown_desktop.engine.hooks import Interjection, Turn
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.prompts import CACHED, SystemBlocks
from gastown_desktop.engine.tools.toolbox import DEFINITIONS

NUDGE = "Go on with a tool call; when the work is done, call `submit`."
"""What a turn without a tool call is answered with."""
CLEARED = "(cleared to make room; call again what you need)"
"""Stands for an old tool result."""
SILENCE = "(nothing)"
"""Stands for a reply without content, which the API does not take back."""


def task_text(
    bead: Bead, polecat: PolecatName, base: Oid, *, start: Oid | None = None, remark: str = ""
) -> str:
    """The first message: the bead, and what is this polecat's alone.

    Args:
        bead: the work.
        polecat: who does it.
        base: the commit that its copy stands on.
        start: the tree that the copy holds, where that is not the base's.
        remark: why it is done again, where it is.
    """
    lines = [f"Bead: {bead.id}", f"Title: {bead.title}"]
    if bead.description:
        lines += ["", bead.description]
    if bead.acceptance:
        lines += ["", f"Done when: {bead.acceptance}"]
    if bead.files:
        lines += ["", "Files it is expected to touch:", *(f"- {_shown(path)}" for path in bead.files)]
    if remark:
        lines += ["", f"This bead comes back to you: {remark}"]
    lines += ["", f"You are {polecat}. {place_text(base, start)}"]
    return "\n".join(lines)


def place_text(base: Oid, start: Oid | None = None) -> str:
    """Says where a copy stands; `start` is the tree that it holds, where that is not the base's."""
    holds = f" and holds tree {start}" if start else ""
    return f"Your copy starts from commit {base}{holds}."


class Conversation:
    """The messages of one bead's work, rebuilt from its hook whenever needed."""

    def __init__(
        self,
        system: SystemBlocks,
        task: str,
        turns: tuple[Turn, ...] = (),
        said: tuple[Interjection, ...] = (),
        *,
        tools: tuple[Mapping[str, object], ...] = DEFINITIONS,
        clear_at: int | None = None,
    ) -> None:
        """Starts, or goes on after the turns that a hook holds.

        Args:
            system: what every request of the fleet begins with, after the tools.
            task: the first message.
            turns: what was said and done, oldest first.
            said: what the town put in between.
            tools: what the role may call; a worker's, unless it is another role.
            clear_at: prompt tokens from which old tool results are cleared; None never clears.
        """
        self._system = system
        self._tools = tools
        self._clear_at = clear_at
        self._cleared = 0
        self._said = said
        self._messages = [self._opening(task, 0)]
        self._exact: tuple[int, int] | None = None
        self._added = ""
        for turn in turns:
            self.add(turn)

    def add(self, turn: Turn) -> None:
        """Adds a turn: the reply and what it is answered with, or a fresh beginning."""
        if turn.measure in {"fresh", "room"}:
            self._messages = [self._opening(turn.between, turn.number)]
            self._exact, self._added, self._cleared = None, "", 0
            return
        reply = [block for block in sendable(turn.assistant) if not is_blank(block)]
        between = self._with_said(turn.between, turn.number)
        answer = sendable(turn.results) or ([] if between else [{"type": "text", "text": NUDGE}])
        if between:
            answer = [*answer, {"type": "text", "text": sendable(between)}]
        self._messages += [
            _message("assistant", reply or [{"type": "text", "text": SILENCE}]),
            _message("user", answer),
        ]
        self._exact = (turn.prompt_tokens, turn.output_tokens)
        self._added = json.dumps(answer, ensure_ascii=False)
        if self._clear_at is not None and turn.prompt_tokens > self._clear_at:
            self._clear_old_results()

    def _opening(self, text: str, after: int) -> dict[str, Any]:
        """The first message, and what was put in after it and before the next turn."""
        return _message("user", [{"type": "text", "text": sendable(self._with_said(text, after))}])

    def _with_said(self, text: str, after: int) -> str:
        """What a worker is told after a turn, and what was put in there besides."""
        said = [one.text for one in self._said if one.after == after]
        return "\n\n".join(part for part in (text, *said) if part)

    def _clear_old_results(self) -> None:
        """Clears the results of old turns, many at once: each time costs the prompt cache once."""
        last = len(self._messages) - 2 * KEPT_TURNS
        if last - self._cleared < 2 * KEPT_TURNS:
            return
        for at in range(self._cleared, last):
            message = self._messages[at]
            if message["role"] == "user":
                self._messages[at] = _message(
                    "user", [_without_result(block) for block in message["content"]]
                )
        self._cleared = last

    def request(self, model: str, max_tokens: int, *, thinks: bool = False) -> ModelRequest:
        """The next request; the shared beginning and its end are marked for the prompt cache."""
        *before, last = self._messages
        blocks = [*last["content"][:-1], {**last["content"][-1], "cache_control": CACHED}]
        return ModelRequest(
            model=model,
            max_tokens=max_tokens,
            system=self._system,
            tools=self._tools,
            messages=(*before, _message(last["role"], blocks)),
            thinks=thinks,
        )

    def prompt_bound(self) -> int:
        """Upper bound of the next prompt in tokens."""
        blocks = len(self._tools) + len(self._system)
        blocks += sum(len(message["content"]) for message in self._messages)
        if self._exact is None:
            texts = [
                json.dumps(self._system, ensure_ascii=False),
                json.dumps(self._tools, ensure_ascii=False),
                json.dumps(self._messages, ensure_ascii=False),
            ]
            return first_prompt_bound(texts, blocks)
        return next_prompt_bound(*self._exact, self._added, blocks)


def is_blank(block: Mapping[str, Any]) -> bool:
    """Whether a block says nothing but white space, which the API does not take back."""
    return block["type"] == "text" and not block["text"].strip()


def tool_result(call: Mapping[str, Any], text: str, *, refused: bool) -> dict[str, Any]:
    """The answer to one tool call."""
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call["id"], "content": text}
    if refused:
        result["is_error"] = True
    return result


def _without_result(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "content": CLEARED} if block["type"] == "tool_result" else block


def _message(role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": role, "content": content}


def sendable(value: Any) -> Any:
    """The same with every half of a surrogate pair spelled out, since a request is UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode() if not value.isascii() else value
    if isinstance(value, dict):
        return {sendable(name): sendable(one) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [sendable(one) for one in cast("list[Any]", value)]
    return value


def _shown(path: str) -> str:
    """A path as text; bytes that are no UTF-8 show as escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
