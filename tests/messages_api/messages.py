"""The rules of a conversation: whose turn it is, which blocks it has, and that every call is answered."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any

from tests.messages_api.prompt import blocks_of
from tests.messages_api.values import Model, Refused, canonical

_SECRET = b"messages-api"
_paused: set[str] = set()
_FIELDS = {
    "text": {"type", "text", "cache_control", "citations"},
    "image": {"type", "source", "cache_control"},
    "document": {"type", "source", "title", "context", "citations", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control", "caller"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"type", "thinking", "signature", "cache_control"},
}
_BY_ROLE = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "tool_use", "thinking"},
    "system": {"text"},
}
_IN_A_RESULT = {"text", "image", "document"}


def signature_of(thinking: str) -> str:
    """What shows that the server itself thought this."""
    return b64encode(hmac.digest(_SECRET, thinking.encode("utf-8", "surrogatepass"), sha256)).decode()


def remember_pause(content: list[Any]) -> None:
    """A reply ended with pause_turn: a request may end with it."""
    _paused.add(canonical(content))


def check_messages(request: Mapping[str, Any], model: Model, *, lenient: bool) -> None:
    """Refuses a conversation that the API would refuse.

    Lenient, a message of the system may follow one of the user: a feature that some clients ask for.
    """
    messages = request.get("messages")
    if not isinstance(messages, list):
        raise Refused("messages: Field required")
    if not messages:
        raise Refused("messages: at least one message is required")
    for turn, message in enumerate(messages):
        _check_message(message, turn, final=turn == len(messages) - 1, lenient=lenient)
    messages = _without_system(messages)
    _check_roles(messages)
    _check_calls(messages)
    _check_end(request, messages[-1], model)
    _check_thinking_loop(request, messages)


def _check_message(message: Any, turn: int, *, final: bool, lenient: bool) -> None:
    where = f"messages.{turn}"
    if not isinstance(message, Mapping):
        raise Refused(f"{where}: Input should be an object")
    role, content = message.get("role"), message.get("content")
    if role not in _BY_ROLE or (role == "system" and not lenient):
        raise Refused(f"{where}.role: Input should be 'user' or 'assistant'")
    if set(message) - {"role", "content"}:
        extra = sorted(set(message) - {"role", "content"})[0]
        raise Refused(f"{where}.{extra}: Extra inputs are not permitted")
    if not isinstance(content, (str, list)):
        raise Refused(f"{where}.content: Field required")
    if not content and not (final and role == "assistant"):
        raise Refused(
            f"{where}: all messages must have non-empty content except for the optional final "
            "assistant message"
        )
    for number, block in enumerate(blocks_of(content)):
        path = f"{where}.content.{number}"
        _check_block(block, path, _BY_ROLE[role])
        if block["type"] == "text" and not block["text"].strip() and content:
            if block["text"] and not (final and role == "assistant"):
                raise Refused("messages: text content blocks must contain non-whitespace text")
            raise Refused("messages: text content blocks must be non-empty")


def _check_block(block: Any, where: str, allowed: set[str]) -> None:
    kind = block.get("type") if isinstance(block, Mapping) else None
    if kind not in allowed:
        raise Refused(
            f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        )
    for name in block:
        if name not in _FIELDS[kind]:
            raise Refused(f"{where}.{kind}.{name}: Extra inputs are not permitted")
    match kind:
        case "text":
            if not isinstance(block.get("text"), str):
                raise Refused(f"{where}.text.text: Input should be a valid string")
        case "tool_use":
            _check_use(block, where)
        case "tool_result":
            _check_result(block, where)
        case "thinking":
            _check_thought(block, where)
        case _:
            _check_source(block, where)


def _check_use(block: Mapping[str, Any], where: str) -> None:
    if not isinstance(block.get("id"), str) or not block["id"]:
        raise Refused(f"{where}.tool_use.id: Field required")
    if not isinstance(block.get("name"), str) or not block["name"]:
        raise Refused(f"{where}.tool_use.name: Field required")
    if not isinstance(block.get("input"), Mapping):
        raise Refused(f"{where}.tool_use.input: Input should be a valid dictionary")


def _check_result(block: Mapping[str, Any], where: str) -> None:
    if not isinstance(block.get("tool_use_id"), str):
        raise Refused(f"{where}.tool_result.tool_use_id: Field required")
    if not isinstance(block.get("is_error", False), bool):
        raise Refused(f"{where}.tool_result.is_error: Input should be a valid boolean")
    content = block.get("content", "")
    if not isinstance(content, (str, list)):
        raise Refused(f"{where}.tool_result.content: Input should be a valid string or list")
    for number, inner in enumerate(content if isinstance(content, list) else ()):
        _check_block(inner, f"{where}.tool_result.content.{number}", _IN_A_RESULT)
        if inner["type"] == "text" and not inner["text"]:
            raise Refused("messages: text content blocks must be non-empty")


def _check_thought(block: Mapping[str, Any], where: str) -> None:
    if not isinstance(block.get("thinking"), str):
        raise Refused(f"{where}.thinking.thinking: Field required")
    if not isinstance(block.get("signature"), str):
        raise Refused(f"{where}.thinking.signature: Field required")
    if not hmac.compare_digest(block["signature"].encode(), signature_of(block["thinking"]).encode()):
        raise Refused(f"{where}: Invalid `signature` in `thinking` block")


def _check_source(block: Mapping[str, Any], where: str) -> None:
    source = block.get("source")
    kind = source.get("type") if isinstance(source, Mapping) else None
    if kind in {"url", "file"}:
        raise Refused(f"{where}.source: a '{kind}' source is not permitted here", count_as="forbidden")
    if kind not in {"base64", "text", "content"}:
        raise Refused(f"{where}.source.type: Input tag does not match any of the expected tags")


def _without_system(messages: list[Any]) -> list[Any]:
    """The messages of the two that take turns."""
    for turn, message in enumerate(messages):
        if message["role"] == "system" and (not turn or messages[turn - 1]["role"] != "user"):
            raise Refused(f"messages.{turn}: a `system` message must follow a `user` message")
    return [message for message in messages if message["role"] != "system"]


def _check_roles(messages: list[Any]) -> None:
    if messages[0]["role"] != "user":
        raise Refused('messages: first message must use the "user" role')
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            raise Refused(
                f'messages: roles must alternate between "user" and "assistant", but found multiple '
                f'"{after["role"]}" roles in a row'
            )


def _check_calls(messages: list[Any]) -> None:
    seen: set[str] = set()
    for turn, message in enumerate(messages):
        blocks = blocks_of(message["content"])
        if message["role"] == "user":
            asked = _ids(messages[turn - 1], "tool_use", "id") if turn else []
            _check_answers(blocks, asked, turn)
            continue
        used = _ids(message, "tool_use", "id")
        if len(set(used)) < len(used) or seen & set(used):
            raise Refused(f"messages.{turn}: `tool_use` ids must be unique")
        seen.update(used)
        answered = _ids(messages[turn + 1], "tool_result", "tool_use_id") if turn + 1 < len(messages) else []
        missing = [use for use in used if use not in answered]
        if missing:
            raise Refused(
                f"messages.{turn}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block "
                "in the next message."
            )


def _check_answers(blocks: list[Any], asked: list[str], turn: int) -> None:
    answered: set[str] = set()
    others = False
    for number, block in enumerate(blocks):
        if block["type"] != "tool_result":
            others = True
            continue
        use = block["tool_use_id"]
        if use not in asked:
            raise Refused(
                f"messages.{turn}.content.{number}: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {use}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message."
            )
        if use in answered:
            raise Refused(
                f"messages.{turn}.content.{number}: each tool_use must have a single result. "
                f"Found multiple `tool_result` blocks with id: {use}"
            )
        if others:
            raise Refused(
                f"messages.{turn}.content.{number}: `tool_result` blocks must come before any other content"
            )
        answered.add(use)


def _ids(message: Mapping[str, Any], kind: str, name: str) -> list[str]:
    return [block[name] for block in blocks_of(message["content"]) if block["type"] == kind]


def _check_end(request: Mapping[str, Any], last: Mapping[str, Any], model: Model) -> None:
    if last["role"] != "assistant" or canonical(blocks_of(last["content"])) in _paused:
        return
    thinking = (request.get("thinking") or {}).get("type") in {"enabled", "adaptive"}
    if thinking or not model.prefill:
        raise Refused(
            "This model does not support assistant message prefill. The conversation must end with "
            "a user message."
        )
    blocks = blocks_of(last["content"])
    if blocks and blocks[-1]["type"] == "text" and blocks[-1]["text"] != blocks[-1]["text"].rstrip():
        raise Refused("messages: final assistant content cannot end with trailing whitespace")


def _check_thinking_loop(request: Mapping[str, Any], messages: list[Any]) -> None:
    """In a tool loop that goes on, the assistant's last message keeps the thought it began with."""
    if (request.get("thinking") or {}).get("type") != "enabled" or len(messages) < 2:
        return
    turn = len(messages) - 2 if messages[-1]["role"] == "user" else len(messages) - 1
    blocks = blocks_of(messages[turn]["content"])
    if any(block["type"] == "tool_use" for block in blocks) and blocks[0]["type"] != "thinking":
        raise Refused(
            f"messages.{turn}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{blocks[0]['type']}`. When `thinking` is enabled, a final `assistant` message must start with "
            "a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )
