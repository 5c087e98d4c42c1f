"""Transcripts: what a bead's newest attempt said and did, as people read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine.api import SpokenTurn, ToolCall, Transcript
from gastown_desktop.engine.hooks import Hook, Turn
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.tools.toolbox import action_of

LONGEST_RESULT = 20_000
_ONE_LINE = 200


async def transcript_of(kit: Kit, bead: BeadId) -> Transcript:
    """The transcript of a bead; without turns where nobody has begun it, or nothing of that is kept."""
    hook = await newest_attempt(kit, bead)
    if hook is None:
        return Transcript(bead=bead, task="", turns=(), steps=())
    said = {one.after: one.text for one in hook.assignment.said}
    last = hook.turns[-1] if hook.turns else None
    return Transcript(
        bead=bead,
        task=hook.assignment.task,
        turns=tuple(_spoken(turn, said.get(turn.number, "")) for turn in hook.turns),
        steps=tuple(last.steps) if last else (),
        notes=tuple(last.notes) if last else (),
    )


async def newest_attempt(kit: Kit, bead: BeadId) -> Hook | None:
    """The hook of a bead's newest attempt, or of the one before where that has no hook yet."""
    view = kit.bus.state.beads.get(bead)
    if view is None:
        return None
    for epoch in range(view.attempts, 0, -1):
        hook = await kit.hooks.attempt(bead, epoch)
        if hook is not None:
            return hook
    return None


def _spoken(turn: Turn, said: str) -> SpokenTurn:
    results = {result["tool_use_id"]: result for result in turn.results}
    calls = [block for block in turn.assistant if block["type"] == "tool_use"]
    texts = [block["text"] for block in turn.assistant if block["type"] == "text" and block["text"]]
    return SpokenTurn(
        number=turn.number,
        at=datetime.fromisoformat(turn.at),
        text="\n\n".join(texts),
        calls=tuple(_call(block, results.get(block["id"])) for block in calls),
        cost=turn.cost,
        seconds=turn.tool_s,
        told="\n\n".join(part for part in (turn.between, said) if part),
        request_id=turn.request_id,
        prompt_tokens=turn.prompt_tokens,
        output_tokens=turn.output_tokens,
        tree=turn.tree,
    )


def _call(block: dict[str, Any], result: dict[str, Any] | None) -> ToolCall:
    words = action_of(block["name"], block["input"]).replace("\n", " ")
    content = "" if result is None else str(result["content"])
    if len(content) > LONGEST_RESULT:
        content = content[:LONGEST_RESULT] + "\n…"
    return ToolCall(
        name=block["name"],
        what=words if len(words) <= _ONE_LINE else words[:_ONE_LINE] + "…",
        result=content,
        refused=bool(result and result.get("is_error")),
    )
