"""The talk with the Mayor as people read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gastown_desktop.engine.api import SpokenTurn, ToolCall
from gastown_desktop.engine.planning.session import Entry
from gastown_desktop.engine.planning.toolbox import action_of

LONGEST_RESULT = 20_000


def spoken(entry: Entry) -> SpokenTurn:
    """One thing said; what the user said is in `told`, and then there is no text."""
    results = {str(result["tool_use_id"]): result for result in entry.results}
    calls = [block for block in entry.assistant if block["type"] == "tool_use"]
    by_you = entry.who == "you"
    return SpokenTurn(
        number=entry.number,
        at=datetime.fromisoformat(entry.at),
        text="" if by_you else entry.said,
        calls=tuple(_call(block, results.get(block["id"])) for block in calls),
        cost=entry.cost,
        seconds=entry.tool_s,
        told=entry.said if by_you else entry.told,
        request_id=entry.request_id,
        prompt_tokens=entry.prompt_tokens,
        output_tokens=entry.output_tokens,
    )


def _call(block: dict[str, Any], result: dict[str, Any] | None) -> ToolCall:
    content = "" if result is None else str(result["content"])
    if len(content) > LONGEST_RESULT:
        content = content[:LONGEST_RESULT] + "\n…"
    return ToolCall(
        name=block["name"],
        what=action_of(block["name"], block["input"]),
        result=content,
        refused=bool(result and result.get("is_error")),
    )
