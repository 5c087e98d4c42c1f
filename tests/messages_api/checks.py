"""The strict reading of a request's fields, tools, breakpoints and thinking.

Each broken rule is a 400 that names the path, worded as the real API words it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.messages_api.messages import check_messages
from tests.messages_api.prompt import blocks_of
from tests.messages_api.values import Model, Refused

FORBIDDEN_FIELDS = {"mcp_servers", "fallbacks", "context_management", "container", "speed"}
"""What makes a reply cost more than its own tokens; a client with a cap never asks for it."""
_FIELDS = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "thinking",
    "service_tier",
    "inference_geo",
    "output_config",
    "cache_control",
}
_TOOL_FIELDS = {"name", "description", "input_schema", "cache_control", "type", "strict", "input_examples"}
_LENIENT_TOOL_FIELDS = {"eager_input_streaming", "defer_loading", "allowed_callers"}
_SERVER_TOOLS = ("web_search", "web_fetch", "code_execution", "tool_search", "advisor", "mcp_toolset")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SCHEMA_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
_MOST_BREAKPOINTS = 4
_LEAST_BUDGET = 1_024


def forbidden(message: str) -> Refused:
    return Refused(message, count_as="forbidden")


def model_of(request: Any, models: Mapping[str, Model]) -> Model:
    """The model a request names."""
    if not isinstance(request, dict):
        raise Refused("Input should be an object")
    name = request.get("model")
    if not isinstance(name, str):
        raise Refused("model: Field required")
    if name not in models:
        raise Refused(f"model: {name}", status=404, kind="not_found_error")
    return models[name]


def check_request(request: dict[str, Any], model: Model, *, lenient: bool, counting: bool) -> None:
    """Refuses what the API refuses.

    Args:
        request: its body.
        model: the one it names.
        lenient: fields beyond the strict list are let pass; the rules of messages stay.
        counting: it only asks for the number of tokens.
    """
    _check_fields(request, lenient=lenient)
    if not counting or "max_tokens" in request:
        _check_max_tokens(request, model)
    _check_scalars(request)
    _check_system(request.get("system", ()))
    _check_tools(request.get("tools", ()), lenient=lenient)
    _check_tool_choice(request)
    _check_thinking(request)
    check_messages(request, model, lenient=lenient)
    _check_breakpoints(request)


def _check_fields(request: Mapping[str, Any], *, lenient: bool) -> None:
    for name in request:
        if name in _FIELDS or lenient:
            continue
        if name in FORBIDDEN_FIELDS:
            raise forbidden(f"{name}: Extra inputs are not permitted")
        raise Refused(f"{name}: Extra inputs are not permitted")


def _check_max_tokens(request: Mapping[str, Any], model: Model) -> None:
    limit = request.get("max_tokens")
    if limit is None:
        raise Refused("max_tokens: Field required")
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise Refused("max_tokens: Input should be a valid integer")
    if limit < 0:
        raise Refused("max_tokens: Input should be greater than or equal to 0")
    if limit > model.output_limit:
        raise Refused(
            f"max_tokens: {limit} > {model.output_limit}, which is the maximum allowed number of output "
            f"tokens for {model.id}"
        )


def _check_scalars(request: Mapping[str, Any]) -> None:
    if not isinstance(request.get("stream", False), bool):
        raise Refused("stream: Input should be a valid boolean")
    for name in ("temperature", "top_p"):
        value = request.get(name, 1.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise Refused(f"{name}: Input should be a number from 0 to 1")
    if request.get("service_tier", "auto") not in {"auto", "standard_only"}:
        raise Refused("service_tier: Input should be 'auto' or 'standard_only'")
    stops = request.get("stop_sequences", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop.strip() for stop in stops):
        raise Refused("stop_sequences: each stop sequence must contain non-whitespace")


def _check_system(system: Any) -> None:
    if isinstance(system, str):
        return
    if not isinstance(system, (list, tuple)):
        raise Refused("system: Input should be a valid list")
    for number, block in enumerate(system):
        if not isinstance(block, Mapping) or block.get("type") != "text":
            raise Refused(f"system.{number}.type: Input should be 'text'")
        if not isinstance(block.get("text"), str):
            raise Refused(f"system.{number}.text: Field required")
        if not block["text"]:
            raise Refused("system: text content blocks must be non-empty")


def _check_tools(tools: Any, *, lenient: bool) -> None:
    if not isinstance(tools, (list, tuple)):
        raise Refused("tools: Input should be a valid list")
    names: set[str] = set()
    for number, tool in enumerate(tools):
        where = f"tools.{number}"
        if not isinstance(tool, Mapping):
            raise Refused(f"{where}: Input should be an object")
        _check_tool(tool, where, lenient=lenient)
        if tool["name"] in names:
            raise Refused("tools: Tool names must be unique.")
        names.add(tool["name"])


def _check_tool(tool: Mapping[str, Any], where: str, *, lenient: bool) -> None:
    kind = tool.get("type") or "custom"
    if kind != "custom":
        message = f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        raise forbidden(message) if str(kind).startswith(_SERVER_TOOLS) else Refused(message)
    for name in tool:
        if name not in _TOOL_FIELDS and not (lenient and name in _LENIENT_TOOL_FIELDS):
            raise Refused(f"{where}.custom.{name}: Extra inputs are not permitted")
    if not isinstance(tool.get("name"), str) or not _TOOL_NAME.fullmatch(tool["name"]):
        raise Refused(f"{where}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if not isinstance(tool.get("description", ""), str):
        raise Refused(f"{where}.custom.description: Input should be a valid string")
    schema = tool.get("input_schema")
    if not isinstance(schema, Mapping):
        raise Refused(f"{where}.custom.input_schema: Field required")
    if schema.get("type") != "object":
        raise Refused(f"{where}.custom.input_schema.type: Input should be 'object'")
    _check_schema(schema, f"{where}.custom.input_schema", strict=tool.get("strict") is True)


def _check_schema(schema: Mapping[str, Any], where: str, *, strict: bool) -> None:
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if not all(one is None or (isinstance(one, str) and one in _SCHEMA_TYPES) for one in kinds):
        raise Refused(
            f"{where}: JSON schema is invalid. It must match JSON Schema draft 2020-12 (type: {kind})"
        )
    required, properties = schema.get("required", []), schema.get("properties", {})
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise Refused(f"{where}.required: JSON schema is invalid. It must match JSON Schema draft 2020-12")
    if not isinstance(properties, Mapping):
        raise Refused(f"{where}.properties: JSON schema is invalid. It must match JSON Schema draft 2020-12")
    if strict and "object" in kinds:
        if schema.get("additionalProperties") is not False:
            raise Refused(
                f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        if set(required) != set(properties):
            raise Refused(f"{where}: For strict tools 'required' must list every property")
    for inner, path in _inner_schemas(schema, where):
        if not isinstance(inner, (Mapping, bool)):
            raise Refused(f"{path}: JSON schema is invalid. It must match JSON Schema draft 2020-12")
        if isinstance(inner, Mapping):
            _check_schema(inner, path, strict=strict)


def _inner_schemas(schema: Mapping[str, Any], where: str) -> Iterator[tuple[Any, str]]:
    for name, inner in schema.get("properties", {}).items():
        yield inner, f"{where}.properties.{name}"
    if "items" in schema:
        yield schema["items"], f"{where}.items"
    for word in ("anyOf", "oneOf", "allOf"):
        inners = schema.get(word, [])
        if not isinstance(inners, list):
            raise Refused(f"{where}.{word}: JSON schema is invalid. It must match JSON Schema draft 2020-12")
        yield from ((inner, f"{where}.{word}.{number}") for number, inner in enumerate(inners))


def _check_tool_choice(request: Mapping[str, Any]) -> None:
    choice = request.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind not in {"auto", "any", "tool", "none"}:
        raise Refused("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    if not request.get("tools"):
        raise Refused("tool_choice may only be specified while providing tools")
    if kind == "tool" and choice.get("name") not in {tool["name"] for tool in request["tools"]}:
        raise Refused(f"Tool '{choice.get('name')}' not found in provided tools")
    if kind in {"any", "tool"} and thinks(request):
        raise Refused("Thinking may not be enabled when tool_choice forces tool use.")


def thinks(request: Mapping[str, Any]) -> bool:
    """Whether thinking is on."""
    thinking = request.get("thinking")
    return isinstance(thinking, Mapping) and thinking.get("type") in {"enabled", "adaptive"}


def _check_thinking(request: Mapping[str, Any]) -> None:
    thinking = request.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in {"enabled", "disabled", "adaptive"}:
        raise Refused(
            "thinking: Input tag found using 'type' does not match 'disabled', 'enabled', 'adaptive'"
        )
    if kind != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if isinstance(budget, bool) or not isinstance(budget, int):
        raise Refused("thinking.enabled.budget_tokens: Field required")
    if budget < _LEAST_BUDGET:
        raise Refused(
            f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}"
        )
    if budget >= request.get("max_tokens", budget + 1):
        raise Refused("`max_tokens` must be greater than `thinking.budget_tokens`")


def _check_breakpoints(request: Mapping[str, Any]) -> None:
    count, short_at = 0, ""
    for where, block in _marked(request):
        control = block["cache_control"]
        if not isinstance(control, Mapping) or control.get("type") != "ephemeral":
            raise Refused(f"{where}.cache_control.type: Input should be 'ephemeral'")
        if set(control) - {"type", "ttl"}:
            raise Refused(f"{where}.cache_control: Extra inputs are not permitted")
        ttl = control.get("ttl", "5m")
        if ttl not in {"5m", "1h"}:
            raise Refused(f"{where}.cache_control.ttl: Input should be '5m' or '1h'")
        if block.get("type") in {"thinking", "redacted_thinking"}:
            raise Refused(f"{where}.cache_control: Extra inputs are not permitted")
        if block.get("type") == "text" and not block.get("text"):
            raise Refused(f"{where}: cache_control cannot be set for empty text blocks")
        if ttl == "1h" and short_at:
            raise Refused(
                f"{where}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
                f"cache_control block ({short_at}); the order is `tools`, `system`, `messages`"
            )
        short_at = where if ttl == "5m" else short_at
        count += 1
    if count > _MOST_BREAKPOINTS:
        raise Refused(
            f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {count}."
        )


def _marked(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The blocks with a breakpoint, in the cache's order."""
    for where, block in _all_blocks(request):
        if block.get("cache_control") is not None:
            yield where, block
    if request.get("cache_control") is not None:
        yield "top-level", {"cache_control": request["cache_control"]}


def _all_blocks(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, tool in enumerate(request.get("tools", ())):
        yield f"tools.{number}", tool
    for number, block in enumerate(blocks_of(request.get("system", ()))):
        yield f"system.{number}", block
    for turn, message in enumerate(request["messages"]):
        for number, block in enumerate(blocks_of(message["content"])):
            where = f"messages.{turn}.content.{number}"
            yield where, block
            if block["type"] == "tool_result" and isinstance(block.get("content"), list):
                yield from ((f"{where}.content.{at}", inner) for at, inner in enumerate(block["content"]))
