"""What the server refuses, and how it words it: each rule with a request it strikes and one it lets pass."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages_api.checks import check_request, model_of
from tests.messages_api.example import READ_TOOL
from tests.messages_api.messages import signature_of
from tests.messages_api.prompt import prompt_of
from tests.messages_api.values import MODELS, Refused, canonical

Change = Callable[[dict[str, Any]], object]
_CACHED = {"type": "ephemeral"}
_ASKS = {"type": "text", "text": "Fix it."}
_CALL = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}}
_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text"}
_THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": signature_of("Hm.")}
_THINKS = {"type": "enabled", "budget_tokens": 1024}


def _request() -> dict[str, Any]:
    return deepcopy(
        {
            "model": "claude-opus-5-5",
            "max_tokens": 4000,
            "system": [{"type": "text", "text": "You are a polecat.", "cache_control": _CACHED}],
            "tools": [READ_TOOL],
            "messages": [
                {"role": "user", "content": [_ASKS]},
                {"role": "assistant", "content": [{"type": "text", "text": "I look."}, _CALL]},
                {"role": "user", "content": [_RESULT, {"type": "text", "text": "Go on."}]},
            ],
            "temperature": 1.0,
            "stream": True,
        }
    )


def _set(*path: Any) -> Change:
    """Sets what is at a path: the last of it is the value."""
    *way, last, value = path

    def change(request: dict[str, Any]) -> None:
        place: Any = request
        for step in way:
            place = place[step]
        place[last] = value

    return change


def _both(*changes: Change) -> Change:
    return lambda request: [change(request) for change in changes]


def _add(*path: Any) -> Change:
    """Appends the last of the path to the list that is there."""
    *way, value = path

    def change(request: dict[str, Any]) -> None:
        place: Any = request
        for step in way:
            place = place[step]
        place.append(value)

    return change


def _schema(**fields: Any) -> dict[str, Any]:
    return {**READ_TOOL, "input_schema": {**READ_TOOL["input_schema"], **fields}}


def _breakpoints(count: int) -> Change:
    return _set("tools", [{**READ_TOOL, "name": f"t{at}", "cache_control": _CACHED} for at in range(count)])


def _loop(*content: Any) -> Change:
    return _both(_set("thinking", _THINKS), _set("messages", 1, "content", list(content)))


_TABLE: dict[str, tuple[str, Change, Change]] = {
    "unknown field": ("n: Extra inputs are not permitted", _set("n", 1), _set("top_p", 0.5)),
    "max_tokens is there": ("max_tokens: Field required", _set("max_tokens", None), _set("max_tokens", 1)),
    "max_tokens is an integer": ("valid integer", _set("max_tokens", 4.5), _set("max_tokens", 0)),
    "max_tokens is no truth": ("valid integer", _set("max_tokens", True), _set("max_tokens", 9)),
    "max_tokens is not negative": ("than or equal to 0", _set("max_tokens", -1), _set("max_tokens", 2)),
    "the output limit": ("128001 > 128000", _set("max_tokens", 128_001), _set("max_tokens", 128_000)),
    "messages": ("at least one message", _set("messages", []), _add("tools", {**READ_TOOL, "name": "b"})),
    "the first is the user's": (
        'first message must use the "user" role',
        _set("messages", [{"role": "assistant", "content": "Hi"}]),
        _set("messages", [{"role": "user", "content": "Hi"}]),
    ),
    "roles alternate": (
        'multiple "user" roles in a row',
        _add("messages", {"role": "user", "content": "More"}),
        _both(
            _add("messages", {"role": "assistant", "content": "Yes"}),
            _add("messages", {"role": "user", "content": "Go"}),
        ),
    ),
    "known roles": ("messages.0.role", _set("messages", 0, "role", "system"), _set("stream", False)),
    "content is there": ("messages.0.content", _set("messages", 0, "content", 7), _set("top_k", 5)),
    "content is not empty": (
        "non-empty content",
        _set("messages", 0, "content", []),
        _set("messages", 0, "content", "x"),
    ),
    "known blocks": (
        "messages.0.content.0: Input tag 'audio'",
        _set("messages", 0, "content", 0, "type", "audio"),
        _set("messages", 0, "content", [{"type": "image", "source": {"type": "base64", "data": "AA"}}]),
    ),
    "fields of blocks": (
        "messages.0.content.0.text.color: Extra inputs",
        _set("messages", 0, "content", 0, "color", "red"),
        _set("messages", 0, "content", 0, "cache_control", _CACHED),
    ),
    "no empty text": (
        "must be non-empty",
        _set("messages", 0, "content", 0, "text", ""),
        _set("messages", 0, "content", 0, "text", " ."),
    ),
    "no blank text": ("non-whitespace", _set("messages", 0, "content", 0, "text", " \n"), _set("top_p", 1)),
    "no empty text in results": (
        "must be non-empty",
        _set("messages", 2, "content", 0, "content", [{"type": "text", "text": ""}]),
        _set("messages", 2, "content", 0, "content", [{"type": "text", "text": "ok"}]),
    ),
    "no empty system": ("system: text", _set("system", 0, "text", ""), _set("system", "Be brief.")),
    "every call is answered": (
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
        _set("messages", 2, "content", [_ASKS]),
        _set("messages", 2, "content", [_RESULT]),
    ),
    "at once": (
        "without `tool_result` blocks",
        _both(
            _set("messages", 2, "content", [_ASKS]),
            _add("messages", {"role": "assistant", "content": "Hm"}),
            _add("messages", {"role": "user", "content": [_RESULT]}),
        ),
        _set("stop_sequences", ["END"]),
    ),
    "no foreign answers": (
        "messages.2.content.2: unexpected `tool_use_id`",
        _add("messages", 2, "content", {**_RESULT, "tool_use_id": "toolu_9"}),
        _set("messages", 2, "content", 0, "is_error", True),
    ),
    "one answer each": (
        "must have a single result",
        _add("messages", 2, "content", _RESULT),
        _set("messages", 2, "content", 0, "content", ""),
    ),
    "answers first": (
        "`tool_result` blocks must come before",
        _set("messages", 2, "content", [_ASKS, _RESULT]),
        _set("messages", 2, "content", [_RESULT, _ASKS, _ASKS]),
    ),
    "ids are unique": (
        "`tool_use` ids must be unique",
        _both(_add("messages", 1, "content", _CALL), _add("messages", 2, "content", _RESULT)),
        _both(
            _add("messages", 1, "content", {**_CALL, "id": "toolu_2"}),
            _set("messages", 2, "content", [_RESULT, {**_RESULT, "tool_use_id": "toolu_2"}]),
        ),
    ),
    "inputs are objects": (
        "messages.1.content.1.tool_use.input: Input should be a valid dictionary",
        _set("messages", 1, "content", 1, "input", '{"path": "a"}'),
        _set("messages", 1, "content", 1, "input", {}),
    ),
    "tool names": (
        "tools.0.custom.name: String should match",
        _set("tools", 0, "name", "read file"),
        _set("tools", 0, "name", "n" * 64),
    ),
    "tool names end": ("tools.0.custom.name", _set("tools", 0, "name", "n" * 65), _set("tools", [])),
    "tool names are unique": (
        "Tool names must be unique",
        _add("tools", READ_TOOL),
        _add("tools", {**READ_TOOL, "name": "r2"}),
    ),
    "a schema": (
        "tools.0.custom.input_schema: Field required",
        _set("tools", 0, {"name": "read"}),
        _set("tools", 0, {"name": "read", "input_schema": {"type": "object"}}),
    ),
    "of an object": (
        "input_schema.type: Input should be 'object'",
        _set("tools", 0, _schema(type="array")),
        _set("tools", 0, _schema(required=[])),
    ),
    "a valid one": (
        "input_schema.properties.path: JSON schema is invalid",
        _set("tools", 0, _schema(properties={"path": {"type": "text"}})),
        _set("tools", 0, _schema(properties={"path": {"type": ["string", "null"]}})),
    ),
    "strict is closed": (
        "'additionalProperties' must be explicitly set to false",
        _set("tools", 0, {**_schema(additionalProperties=True), "strict": True}),
        _set("tools", 0, {**READ_TOOL, "strict": True}),
    ),
    "strict lists all": (
        "'required' must list every property",
        _set("tools", 0, {**_schema(required=[]), "strict": True}),
        _set("tools", 0, _schema(required=[])),
    ),
    "a tool to choose": (
        "Tool 'write' not found",
        _set("tool_choice", {"type": "tool", "name": "write"}),
        _set("tool_choice", {"type": "tool", "name": "read"}),
    ),
    "four breakpoints": ("A maximum of 4 blocks", _breakpoints(4), _breakpoints(3)),
    "known times": (
        "cache_control.ttl: Input should be",
        _set("system", 0, "cache_control", {**_CACHED, "ttl": "1d"}),
        _set("system", 0, "cache_control", {**_CACHED, "ttl": "1h"}),
    ),
    "an hour comes before five minutes": (
        "must not come after a ttl='5m'",
        _set("messages", 0, "content", 0, "cache_control", {**_CACHED, "ttl": "1h"}),
        _set("tools", 0, "cache_control", {**_CACHED, "ttl": "1h"}),
    ),
    "no breakpoint on thoughts": (
        "messages.1.content.0.cache_control",
        _loop({**_THOUGHT, "cache_control": _CACHED}, _CALL),
        _loop(_THOUGHT, {**_CALL, "cache_control": _CACHED}),
    ),
    "a budget of 1024": (
        "thinking.enabled.budget_tokens",
        _set("thinking", {"type": "enabled", "budget_tokens": 1023}),
        _set("thinking", {"type": "adaptive"}),
    ),
    "a budget below max_tokens": (
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        _set("thinking", {"type": "enabled", "budget_tokens": 4000}),
        _set("thinking", {"type": "disabled"}),
    ),
    "thoughts are the server's own": (
        "messages.1.content.0: Invalid `signature`",
        _loop({**_THOUGHT, "thinking": "Ha."}, _CALL),
        _loop(_THOUGHT, _CALL),
    ),
    "a loop keeps its thought": (
        "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
        _loop(_CALL),
        _set("messages", 1, "content", [_THOUGHT, _CALL]),
    ),
    "no prefill": (
        "does not support assistant message prefill",
        _add("messages", {"role": "assistant", "content": "I say:"}),
        _both(
            _set("model", "claude-haiku-5-5"), _add("messages", {"role": "assistant", "content": "I say:"})
        ),
    ),
}


@pytest.mark.parametrize(("words", "bad", "good"), _TABLE.values(), ids=_TABLE)
def test_rule_refuses_with_its_path_and_lets_the_right_request_pass(
    words: str, bad: Change, good: Change
) -> None:
    refused, passed = _request(), _request()
    bad(refused)
    good(passed)
    with pytest.raises(Refused) as caught:
        _check(refused)
    assert words in str(caught.value)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")
    assert caught.value.count_as == "refused"
    _check(passed)


@pytest.mark.parametrize(
    "change",
    [
        _set("mcp_servers", []),
        _set("fallbacks", ["claude-haiku-5-5"]),
        _set("context_management", {}),
        _set("speed", "fast"),
        _set("tools", 0, {"type": "web_search_20260209", "name": "web_search"}),
        _set("messages", 0, "content", [{"type": "image", "source": {"type": "url", "url": "http://x"}}]),
        _set("messages", 2, "content", 0, "content", [{"type": "document", "source": {"type": "file"}}]),
    ],
)
def test_what_costs_beyond_its_own_tokens_is_counted_as_forbidden(change: Change) -> None:
    request = _request()
    change(request)
    with pytest.raises(Refused) as caught:
        _check(request)
    assert (caught.value.status, caught.value.count_as) == (400, "forbidden")


def test_lenient_fields_pass_but_the_rules_of_messages_stay() -> None:
    request = _request()
    request.update(metadata={}, context_management={}, betas=[])
    request["messages"].append({"role": "system", "content": "A reminder."})
    _check(request, lenient=True)
    request["messages"].append({"role": "user", "content": "Twice"})
    with pytest.raises(Refused, match="roles must alternate"):
        _check(request, lenient=True)


def test_a_model_that_is_not_known_is_not_found() -> None:
    with pytest.raises(Refused) as caught:
        model_of({"model": "claude-1"}, MODELS)
    assert (caught.value.status, caught.value.kind) == (404, "not_found_error")


@given(st.text(min_size=1), st.text(), st.lists(st.text(min_size=1), max_size=5))
def test_a_prompt_never_has_more_tokens_than_a_client_may_take_for_granted(
    system: str, result: str, texts: list[str]
) -> None:
    request = _request()
    request["system"] = system
    request["messages"][2]["content"][0]["content"] = result
    request["messages"][2]["content"] += [{"type": "text", "text": text} for text in texts]
    spoken = [system, result, *texts, "Fix it.", "I look.", "Go on.", "read", canonical(_CALL["input"])]
    tool = [READ_TOOL["name"], READ_TOOL["description"], canonical(READ_TOOL["input_schema"])]
    size = sum(len(text.encode()) for text in spoken + tool)
    blocks = 1 + 1 + 1 + 2 + 2 + len(texts)  # tool, system, and the messages'
    assert prompt_of(request).tokens <= size + 20 * blocks + 400


def _check(request: dict[str, Any], *, lenient: bool = False) -> None:
    check_request(request, model_of(request, MODELS), lenient=lenient, counting=False)
