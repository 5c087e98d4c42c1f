"""From a scripted turn to a reply: its blocks, cut where the tokens end, and the events that carry it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.messages_api.cache import Cached
from tests.messages_api.checks import thinks
from tests.messages_api.messages import signature_of
from tests.messages_api.prompt import tokens_of
from tests.messages_api.script import Turn
from tests.messages_api.values import Model, to_json

_PIECE = 80
_MOST_PIECES = 60
_OF_A_BLOCK = 4
_OF_A_CALL = 12
_FILLER = "and so on it goes, word after word, "


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One block of a reply."""

    kind: str
    words: str
    """Text, thought, or the JSON of a call's input."""
    name: str = ""
    call: str = ""
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """All of a reply, before it is sent."""

    id: str
    model: str
    blocks: tuple[Spoken, ...]
    output_tokens: int
    thinking_tokens: int
    stop_reason: str
    stop_details: Mapping[str, Any] | None
    shows_thinking: bool

    @property
    def content(self) -> list[dict[str, Any]]:
        """As a reply that is not streamed has it."""
        return [self._block(block) for block in self.blocks]

    def _block(self, block: Spoken) -> dict[str, Any]:
        if block.kind == "text":
            return {"type": "text", "text": block.words}
        if block.kind == "thinking":
            shown = block.words if self.shows_thinking else ""
            return {"type": "thinking", "thinking": shown, "signature": signature_of(shown)}
        return {"type": "tool_use", "id": block.call, "name": block.name, "input": _object(block.words)}


def _object(words: str) -> Any:
    try:
        return json.loads(words)
    except ValueError:
        return {}


def reply_to(
    request: Mapping[str, Any], turn: Turn, model: Model, prompt_tokens: int, message_id: str
) -> Reply:
    """Plans a reply of at most `max_tokens` tokens that stays in the model's window."""
    limit = min(request["max_tokens"], max(0, model.window - prompt_tokens))
    wanted = list(_spoken(request, turn, message_id)) if request["max_tokens"] else []
    natural = sum(block.tokens for block in wanted)
    hidden = max(0, turn.get("output_tokens", natural) - natural)
    blocks, cut = _cut(wanted, max(0, limit - hidden))
    cut = cut or natural + hidden > limit or not request["max_tokens"]
    total = limit if cut else max(1, min(limit, turn.get("output_tokens", natural)))
    reason = turn.get("stop_reason") or ("tool_use" if turn.get("calls") else "end_turn")
    if cut:
        reason = "max_tokens" if limit == request["max_tokens"] else "model_context_window_exceeded"
    details = turn.get("stop_details")
    if reason == "refusal" and details is None:
        details = {"type": "refusal", "category": None, "explanation": None}
    thinking = request.get("thinking") or {}
    return Reply(
        id=message_id,
        model=model.id,
        blocks=tuple(blocks),
        output_tokens=total,
        thinking_tokens=min(
            total, hidden + sum(block.tokens for block in blocks if block.kind == "thinking")
        ),
        stop_reason=reason,
        stop_details=details,
        shows_thinking=thinking.get("display") != "omitted",
    )


def _spoken(request: Mapping[str, Any], turn: Turn, message_id: str) -> Iterator[Spoken]:
    thought = turn.get("thinking", "")
    if thinks(request) and (thought or request["thinking"]["type"] == "enabled"):
        words = thought or "What comes next follows from what was said."
        yield Spoken(kind="thinking", words=words, tokens=tokens_of(words) + _OF_A_BLOCK)
    text = _padded(turn.get("text") or "", turn.get("pad_text_tokens", 0))
    if text:
        yield Spoken(kind="text", words=text, tokens=tokens_of(text) + _OF_A_BLOCK)
    calls = turn.get("calls") or ()
    for number, call in enumerate(calls):
        words = to_json(call.get("input", {}))
        if "raw_json" in turn and number == len(calls) - 1:
            words = turn["raw_json"]
        yield Spoken(
            kind="tool_use",
            words=words,
            name=call["name"],
            call=f"toolu_{message_id.removeprefix('msg_')}{number:02d}",
            tokens=tokens_of(call["name"] + words) + _OF_A_CALL,
        )


def _padded(text: str, tokens: int) -> str:
    missing = tokens * 36 // 10 - len(text.encode())
    if missing <= 0:
        return text
    return text + (_FILLER * (missing // len(_FILLER) + 1))[:missing]


def _cut(wanted: list[Spoken], limit: int) -> tuple[list[Spoken], bool]:
    """The blocks that fit, the last one shortened; whether anything is missing."""
    blocks: list[Spoken] = []
    for block in wanted:
        if block.tokens <= limit:
            blocks.append(block)
            limit -= block.tokens
            continue
        around = block.tokens - tokens_of(block.words)
        words = block.words.encode()[: max(0, limit - around) * 36 // 10].decode("utf-8", "ignore")
        if words and block.kind != "thinking":
            blocks.append(
                Spoken(kind=block.kind, words=words, name=block.name, call=block.call, tokens=limit)
            )
        return blocks, True
    return blocks, False


def usage_of(cached: Cached, output_tokens: int, thinking_tokens: int = 0) -> dict[str, Any]:
    """Usage as the API words it."""
    usage: dict[str, Any] = {
        "input_tokens": cached.plain,
        "cache_creation_input_tokens": cached.write_5m + cached.write_1h,
        "cache_read_input_tokens": cached.read,
        "output_tokens": output_tokens,
    }
    if thinking_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": thinking_tokens}
    return usage


def full_usage(cached: Cached, output_tokens: int, tier: str, thinking_tokens: int = 0) -> dict[str, Any]:
    """Usage as `message_start` and replies that are not streamed have it."""
    return {
        **usage_of(cached, output_tokens, thinking_tokens),
        "cache_creation": {
            "ephemeral_5m_input_tokens": cached.write_5m,
            "ephemeral_1h_input_tokens": cached.write_1h,
        },
        "service_tier": tier,
    }


def message_of(reply: Reply, usage: Mapping[str, Any], *, begun: bool) -> dict[str, Any]:
    """The message: empty when it has only begun."""
    return {
        "id": reply.id,
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [] if begun else reply.content,
        "stop_reason": None if begun else reply.stop_reason,
        "stop_sequence": None,
        "stop_details": None if begun else reply.stop_details,
        "usage": usage,
    }


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: {to_json({'type': kind, **fields})}\n\n".encode("utf-8", "surrogatepass")


def events_of(reply: Reply) -> Iterator[tuple[bytes, int]]:
    """The events between `message_start` and `message_delta`, each with the output tokens produced so far."""
    done = 1
    for index, block in enumerate(reply.blocks):
        yield event("content_block_start", index=index, content_block=_empty(block)), done
        if index == 0:
            yield event("ping"), done
        shown = block.words if block.kind != "thinking" or reply.shows_thinking else ""
        pieces = _pieces(shown)
        for number, piece in enumerate(pieces, start=1):
            so_far = min(reply.output_tokens, done + block.tokens * number // len(pieces))
            yield event("content_block_delta", index=index, delta=_delta(block.kind, piece)), so_far
        done = min(reply.output_tokens, done + block.tokens)
        if block.kind == "thinking":
            delta = {"type": "signature_delta", "signature": signature_of(shown)}
            yield event("content_block_delta", index=index, delta=delta), done
        yield event("content_block_stop", index=index), done


def _empty(block: Spoken) -> dict[str, Any]:
    if block.kind == "text":
        return {"type": "text", "text": ""}
    if block.kind == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "tool_use", "id": block.call, "name": block.name, "input": {}}


def _delta(kind: str, piece: str) -> dict[str, Any]:
    if kind == "text":
        return {"type": "text_delta", "text": piece}
    if kind == "thinking":
        return {"type": "thinking_delta", "thinking": piece}
    return {"type": "input_json_delta", "partial_json": piece}


def _pieces(words: str) -> list[str]:
    if len(words) <= 2:
        return [words] if words else []
    size = max(1, min(_PIECE, len(words) // 2), len(words) // _MOST_PIECES)
    return [words[at : at + size] for at in range(0, len(words), size)]
