"""A reply: put together from the events of a stream, as the Messages API has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from itertools import chain
from math import isfinite
from typing import Any, cast

from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.money import NANO, NanoUsd
from gastown_desktop.core.usage import Usage

_DEEPEST = 60
"""Levels of lists and objects in what a tool is given; ours have four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole reply."""

    content: tuple[dict[str, Any], ...]
    """Content blocks as the API wants them back: thinking, text and tool_use."""
    stop_reason: str
    """`end_turn`, `tool_use`, `max_tokens`, `pause_turn`, `refusal` or `model_context_window_exceeded`."""
    usage: Usage
    cost: NanoUsd
    """What it was settled at: what the provider said that it cost, where it says so, else list price."""
    request_id: str
    refusal: str = ""
    """Why the model refused, in the provider's words, where it did and says so."""


class ReplyAssembler:
    """Builds a reply from raw stream events."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._blocks: list[dict[str, Any]] = []
        self._json: list[str] = []
        self._stop_reason = ""
        self._request_id = ""
        self._refusal = ""
        self._stopped = False
        self.usage = Usage()
        self.reported: NanoUsd | None = None
        """What the provider says that the request cost; None when it does not."""

    @property
    def complete(self) -> bool:
        """True when the reply was heard to its end and its cost is known: a prompt is never of no tokens."""
        return self._stopped and bool(self._stop_reason) and self.usage.prompt_tokens > 0

    def take(self, event: Mapping[str, Any]) -> str:
        """Takes one event; returns its type.

        Raises:
            ModelError: it is not as the protocol has it; the provider bills it all the same.
        """
        try:
            kind, text = self._take(event)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The reply could not be read: {error!r}", retry_after=1.0) from error
        if text:
            self._on_text(text)
        return kind

    def _take(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """Takes one event; returns its type and the text that it adds."""
        kind, text = cast("str", event["type"]), ""
        match kind:
            case "message_start":
                self._request_id = event["message"]["id"]
                self.usage = _usage(event["message"]["usage"], Usage())
            case "content_block_start":
                self._blocks.append(dict(event["content_block"]))
                self._json = []
            case "content_block_delta":
                text = self._grow(event["delta"])
            case "content_block_stop":
                if self._blocks[-1]["type"] == "tool_use":
                    self._blocks[-1]["input"] = _tool_input("".join(self._json))
            case "message_delta":
                self._end(event["delta"], event["usage"])
            case "message_stop":
                self._stopped = True
            case _:
                pass
        return kind, text

    def reply(self, amount: NanoUsd) -> Reply:
        """The whole reply."""
        return Reply(
            content=tuple(self._blocks),
            stop_reason=self._stop_reason,
            usage=self.usage,
            cost=amount,
            request_id=self._request_id,
            refusal=self._refusal,
        )

    def _end(self, delta: Mapping[str, Any], usage: Mapping[str, Any]) -> None:
        self._stop_reason = delta.get("stop_reason") or self._stop_reason
        details: Mapping[str, Any] = delta.get("stop_details") or {}
        self._refusal = str(details.get("explanation") or "")
        self.usage = _usage(usage, self.usage)
        self.reported = _dollars(usage.get("cost"))

    def _grow(self, delta: Mapping[str, Any]) -> str:
        """Adds a piece to the block that is open; returns the text that it adds."""
        block = self._blocks[-1]
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
                return cast("str", delta["text"])
            case "input_json_delta":
                self._json.append(delta["partial_json"])
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case _:
                pass
        return ""


def _tool_input(text: str) -> dict[str, Any]:
    """A tool call's input; what is not a JSON object is kept under `malformed` for the tool to refuse.

    Numbers beyond all numbers could not be sent back, and nesting without end could not be written down.
    """
    try:
        value: object = json.loads(text, parse_float=_finite, parse_constant=_finite) if text else {}
    except (ValueError, RecursionError):
        value = None
    if _is_deep(value) or not isinstance(value, dict):
        return {"malformed": text}
    return cast("dict[str, Any]", value)


def _is_deep(value: object) -> bool:
    """Whether a value is nested deeper than what handles it later, level by level, could follow."""
    level = [value]
    for _ in range(_DEEPEST):
        maps = [cast("dict[str, object]", one).values() for one in level if isinstance(one, dict)]
        lists = [cast("list[object]", one) for one in level if isinstance(one, list)]
        level = list(chain.from_iterable((*maps, *lists)))
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text} is no number of JSON")
    return value


def _usage(fields: Mapping[str, Any], before: Usage) -> Usage:
    """Usage as far as an event tells it; numbers in a stream are running totals."""

    def of(name: str, known: int) -> int:
        value = fields.get(name)
        return known if value is None else _count(value)

    split: dict[str, int] = fields.get("cache_creation") or {}
    written = of("cache_creation_input_tokens", before.cache_write_5m_tokens + before.cache_write_1h_tokens)
    hour = _count(split.get("ephemeral_1h_input_tokens") or before.cache_write_1h_tokens)
    return Usage(
        input_tokens=of("input_tokens", before.input_tokens),
        output_tokens=of("output_tokens", before.output_tokens),
        cache_read_tokens=of("cache_read_input_tokens", before.cache_read_tokens),
        cache_write_5m_tokens=max(written - hour, _count(split.get("ephemeral_5m_input_tokens") or 0)),
        cache_write_1h_tokens=hour,
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number of tokens")
    return value


def _dollars(value: object) -> NanoUsd | None:
    """A cost that a gateway reports, rounded up to a nano-dollar; None for what is no amount of money."""
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0:
        return None
    return NanoUsd(int((amount * NANO).to_integral_value(ROUND_CEILING)))
