"""What is said to the model that plans: the instructions, the tools, and the talk so far."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from gastown_desktop.core.context import KEPT_TURNS
from gastown_desktop.core.prices import first_prompt_bound, next_prompt_bound
from gastown_desktop.engine.conversation import CLEARED, SILENCE, is_blank, sendable
from gastown_desktop.engine.planning.session import QUESTION_ITEM, Entry
from gastown_desktop.engine.ports import ModelRequest

MOST_MARKS = 4
"""Places of a request that may be marked for the prompt cache; a limit of the API."""
ANSWERS = "The user answers: "
"""How an answer begins for the model."""
_CACHED = {"type": "ephemeral"}
_NEVER_MARKED = frozenset({"thinking", "redacted_thinking"})
"""Blocks that the API does not let one mark."""


class Talk:
    """The messages of one planning session, rebuilt from its entries whenever needed."""

    def __init__(
        self,
        system: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, object]],
        entries: Iterable[Entry] = (),
        *,
        looking: frozenset[str] = frozenset(),
        clear_at: int | None = None,
    ) -> None:
        """Starts, or goes on after what was said.

        Args:
            system: blocks of the instructions.
            tools: definitions of the tools, in their fixed order.
            entries: what was said, oldest first.
            looking: tools whose old results may be cleared, since they can be called again.
            clear_at: prompt tokens from which they are cleared; None never clears.
        """
        self._system = _marked(system)
        self._tools = tuple(tools)
        self._looking = looking
        self._clear_at = clear_at
        self._begin()
        for entry in entries:
            self.add(entry)

    def _begin(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._clearable: set[str] = set()
        self._cleared = 0
        self._exact: tuple[int, int] | None = None
        self._added: list[str] = []

    def add(self, entry: Entry) -> None:
        """Adds what the user said, or a reply with what it is answered with, or a fresh beginning."""
        if entry.who == "you":
            is_answer = entry.answers.startswith(QUESTION_ITEM)
            words = f"{ANSWERS}{entry.text}" if is_answer else entry.text
            self._hear([_text(part) for part in (entry.told, words) if part])
            return
        if entry.fresh:
            self._begin()
            self._hear([_text(entry.fresh)])
            return
        if entry.rest == "refused":
            return  # a reply that was refused is not sent back, else the next one is refused as well
        self._reply(entry)
        told = [_text(entry.told)] if entry.told else []
        self._hear([*cast("list[dict[str, Any]]", sendable(entry.results)), *told])
        if self._clear_at is not None and entry.prompt_tokens > self._clear_at:
            self._clear_old_results()

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """The messages as they are, unmarked."""
        return tuple(self._messages)

    def request(self, model: str, max_tokens: int) -> ModelRequest:
        """The next request."""
        *before, last = self._messages
        blocks = list(last["content"])
        at = next((n for n in reversed(range(len(blocks))) if blocks[n]["type"] not in _NEVER_MARKED), None)
        if at is not None:
            blocks[at] = {**blocks[at], "cache_control": _CACHED}
        return ModelRequest(
            model=model,
            max_tokens=max_tokens,
            system=self._system,
            tools=self._tools,
            messages=(*before, {"role": last["role"], "content": blocks}),
        )

    def prompt_bound(self) -> int:
        """Upper bound of the next prompt in tokens."""
        blocks = len(self._tools) + len(self._system) + sum(len(one["content"]) for one in self._messages)
        if self._exact is not None:
            return next_prompt_bound(*self._exact, "\n".join(self._added), blocks)
        texts = [_json(self._system), _json(self._tools), _json(self._messages)]
        return first_prompt_bound(texts, blocks)

    def _hear(self, blocks: list[dict[str, Any]]) -> None:
        """Adds blocks of the user's side to the last message where that is the user's already."""
        if not blocks:
            return
        self._extend("user", blocks)
        self._added.append(_json(blocks))

    def _reply(self, entry: Entry) -> None:
        said: list[dict[str, Any]] = [block for block in sendable(entry.assistant) if not is_blank(block)]
        self._extend("assistant", said or [_text(SILENCE)])
        self._clearable |= {
            block["id"]
            for block in said
            if block["type"] == "tool_use" and block.get("name") in self._looking
        }
        self._exact, self._added = (entry.prompt_tokens, entry.output_tokens), []

    def _extend(self, role: str, blocks: list[dict[str, Any]]) -> None:
        if self._messages and self._messages[-1]["role"] == role:
            last = self._messages[-1]
            self._messages[-1] = {"role": role, "content": [*last["content"], *blocks]}
        else:
            self._messages.append({"role": role, "content": blocks})

    def _clear_old_results(self) -> None:
        """Clears the results of old turns, many at once: each time costs the prompt cache once."""
        last = len(self._messages) - 2 * KEPT_TURNS
        if last - self._cleared < 2 * KEPT_TURNS:
            return
        for at in range(self._cleared, last):
            content = [self._without_result(block) for block in self._messages[at]["content"]]
            self._messages[at] = {**self._messages[at], "content": content}
        self._cleared = last

    def _without_result(self, block: dict[str, Any]) -> dict[str, Any]:
        cleared = block["type"] == "tool_result" and block["tool_use_id"] in self._clearable
        return {**block, "content": CLEARED} if cleared else block


def _marked(system: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The instructions with their last block marked, and no more marks than leave one for the messages."""
    blocks = [dict(block) for block in system]
    if not blocks:
        return ()
    blocks[-1].setdefault("cache_control", _CACHED)
    marked = [block for block in blocks if "cache_control" in block]
    for block in marked[: -(MOST_MARKS - 1)]:
        del block["cache_control"]
    return tuple(blocks)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": cast("str", sendable(text))}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
