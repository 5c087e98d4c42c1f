"""The scripted model: the first rule that matches a request says what is answered at which turn.

Whatever a rule needs to know it finds in the request, so that a server that was restarted answers alike.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from tests.messages_api.prompt import blocks_of
from tests.messages_api.values import Refused, canonical

Turn = dict[str, Any]
"""thinking, text, calls, stop_reason, stop_details, raw_json, output_tokens, pad_text_tokens."""
_MOST_OBEYED_AT_ONCE = 8
_ORDER = "OBEY "
_NAME = re.compile(r"\{([A-Za-z_]\w*)\}")
_DONE: Turn = {"text": "Done."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be said, by which rule."""

    role: str
    number: int
    turn: Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of conversation."""

    role: str
    when: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    tool: str = ""
    turns: Sequence[Turn] = ()
    after: str = "end_turn"
    count: str = "assistant"
    obey: bool = False
    python: Callable[[dict[str, Any], dict[str, str]], Turn] | None = None

    def groups(self, request: Mapping[str, Any]) -> dict[str, str] | None:
        """The named groups of its expressions; None when the rule does not fit."""
        if self.tool and self.tool not in {tool["name"] for tool in request.get("tools", ())}:
            return None
        groups: dict[str, str] = {}
        for place, pattern in self.when.items():
            match = pattern.search(_TEXTS[place](request))
            if match is None:
                return None
            groups.update({name: value or "" for name, value in match.groupdict().items()})
        return groups

    def answer(self, request: dict[str, Any], groups: dict[str, str]) -> Answer:
        """What this rule says next."""
        orders = _orders(request) if self.obey else []
        number = self.turn_of(request["messages"], {canonical(order) for order in orders})
        called = Counter(canonical(call) for call in _calls(request["messages"]))
        pending = [order for order in orders if not called[canonical(order)]]
        if pending:
            calls = pending[:_MOST_OBEYED_AT_ONCE]
            return Answer(role=self.role, number=number, turn={"text": "I obey.", "calls": calls})
        if self.python is not None:
            return Answer(role=self.role, number=number, turn=self.python(request, groups))
        turn = _DONE
        if number < len(self.turns):
            turn = self.turns[number]
        elif self.turns and self.after == "repeat-last":
            turn = self.turns[-1]
        return Answer(role=self.role, number=number, turn=_filled(turn, {**groups, "turn": str(number)}))

    def turn_of(self, messages: list[Any], orders: set[str]) -> int:
        since = 0
        if self.count == "since-last-text":
            since = max((at for at, message in enumerate(messages) if _own_text(message)), default=0)
        return sum(
            message["role"] == "assistant" and not _obeyed(message, orders) for message in messages[since:]
        )


class Script:
    """All rules, and answers that a test has put before them."""

    def __init__(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self._rules = [rule_of(fields) for fields in rules]
        self._overrides: dict[str, list[Turn]] = {}

    def override(self, role: str, turn: Turn, times: int) -> None:
        """The next so many requests of a role get this turn."""
        self._overrides.setdefault(role, []).extend([turn] * times)

    def answer(self, request: dict[str, Any]) -> Answer:
        """What the model says to a request.

        Raises:
            Refused: no rule fits.
        """
        if request["max_tokens"] == 0:
            return Answer(role="warming", number=0, turn={"text": ""})
        for rule in self._rules:
            groups = rule.groups(request)
            if groups is None:
                continue
            waiting = self._overrides.get(rule.role)
            if waiting:
                return Answer(
                    role=rule.role, number=rule.turn_of(request["messages"], set()), turn=waiting.pop(0)
                )
            return rule.answer(request, groups)
        raise Refused("no rule of the script fits this request", count_as="unmatched")


def rule_of(fields: Mapping[str, Any]) -> Rule:
    """A rule as a script words it."""
    known = {"role", "when", "turns", "after", "count", "obey", "python"}
    if set(fields) - known:
        raise ValueError(f"a rule has {sorted(known)}, not {sorted(set(fields) - known)}")
    when = dict(fields.get("when", {}))
    tool = when.pop("tool", "")
    function = None
    if "python" in fields:
        module, _, name = fields["python"].partition(":")
        function = getattr(import_module(module), name)
    return Rule(
        role=fields.get("role", ""),
        when={place: re.compile(pattern, re.DOTALL | re.MULTILINE) for place, pattern in when.items()},
        tool=tool,
        turns=fields.get("turns", ()),
        after=fields.get("after", "end_turn"),
        count=fields.get("count", "assistant"),
        obey=fields.get("obey", False),
        python=function,
    )


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """A turn with `{name}` replaced in its strings; braces around anything else stay."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: names.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {name: _filled(inner, names) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(inner, names) for inner in value]
    return value


def _text_of(content: Any) -> str:
    return "\n".join(block["text"] for block in blocks_of(content) if block.get("type") == "text")


def _results_of(message: Mapping[str, Any]) -> str:
    return "\n".join(
        _text_of(block.get("content", ""))
        for block in blocks_of(message["content"])
        if block["type"] == "tool_result"
    )


def _own_text(message: Mapping[str, Any]) -> bool:
    return message["role"] == "user" and any(
        block["type"] != "tool_result" for block in blocks_of(message["content"])
    )


def _last_user(request: Mapping[str, Any]) -> str:
    spoken = [message for message in request["messages"] if _own_text(message)]
    return _text_of(spoken[-1]["content"]) if spoken else ""


_TEXTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "system": lambda request: _text_of(request.get("system", "")),
    "first_user": lambda request: _text_of(request["messages"][0]["content"]),
    "last_user": _last_user,
    "last_result": lambda request: _results_of(request["messages"][-1]),
}
"""Where a rule may look; `last_user` is the last user message that has words of its own."""


def _calls(messages: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for message in messages:
        if message["role"] == "assistant":
            for block in blocks_of(message["content"]):
                if block["type"] == "tool_use":
                    yield {"name": block["name"], "input": block["input"]}


def _obeyed(message: Mapping[str, Any], orders: set[str]) -> bool:
    """Whether a message of the assistant did nothing but what it was ordered to."""
    calls = [canonical(call) for call in _calls([message])]
    return bool(calls) and all(call in orders for call in calls)


def _orders(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the text of a request orders, each once, in order of appearance."""
    found: dict[str, dict[str, Any]] = {}
    texts = [_text_of(request.get("system", ""))]
    for message in request["messages"]:
        if message["role"] == "user":
            for block in blocks_of(message["content"]):
                texts.append(_results_of({"content": [block]}) or _text_of([block]))
    for text in texts:
        at = text.find(_ORDER)
        while at >= 0:
            for order in _order_at(text, at + len(_ORDER)):
                found.setdefault(canonical(order), order)
            at = text.find(_ORDER, at + 1)
    return list(found.values())


def _order_at(text: str, at: int) -> list[dict[str, Any]]:
    try:
        value, _ = json.JSONDecoder().raw_decode(text, at)
    except ValueError:
        return []
    orders = []
    for order in value if isinstance(value, list) else [value]:
        if not isinstance(order, dict) or not isinstance(order.get("name"), str):
            continue
        given = order.get("input", {})
        if isinstance(given, dict):
            orders.append({"name": order["name"], "input": given})
    return orders
