"""Going in circles: a worker's turns as the rules of core.stuck see them, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from gastown_desktop.core.stuck import CallFacts, Measure, TurnFacts, hint, measure_against, stuck_by
from gastown_desktop.engine.hooks import Assignment, Turn

TOWN_SAYS = "The town says: "
"""How a hint begins."""


def measure(turns: Sequence[Turn]) -> tuple[Measure, str]:
    """What to do about a worker after its last turn, and the hint that goes with it."""
    facts = [_facts(turn) for turn in turns]
    rule = stuck_by(facts)
    return measure_against(facts, rule), TOWN_SAYS + hint(rule) if rule else ""


def fresh_start(
    assignment: Assignment, last: Turn, why: str, changed: Sequence[str], messages: str = ""
) -> str:
    """The first message of a fresh context: the task, and what is worth keeping of the turns so far.

    Args:
        assignment: what is worked on.
        last: the turn after which it begins afresh.
        why: why it does.
        changed: paths that differ from the base.
        messages: what the user said in turns that are cleared, and what is new.
    """
    earlier = f", {assignment.carried} of them earlier" if assignment.carried else ""
    worked = f"You have worked on this for {last.number} turns{earlier}; what was said is cleared."
    lines = [assignment.task, "", why, worked]
    if last.steps:
        lines += ["", "Your steps:", *(f"- [{'x' if done else ' '}] {text}" for text, done in last.steps)]
    if last.notes:
        lines += ["", "Your notes:", *(f"- {note}" for note in last.notes)]
    if changed:
        lines += [
            "",
            "You have changed so far (see `git diff HEAD`):",
            *(f"- {path}" for path in changed[:100]),
        ]
    lines += ["", *(one.text for one in assignment.said), "", messages]
    return "\n".join(lines).rstrip()


def _facts(turn: Turn) -> TurnFacts:
    answers = {result["tool_use_id"]: result for result in turn.results}
    calls = [block for block in turn.assistant if block["type"] == "tool_use"]
    return TurnFacts(
        calls=tuple(_call(block, answers.get(block["id"], {})) for block in calls),
        tree=turn.tree,
        measure=turn.measure,
    )


def _call(block: dict[str, Any], answer: dict[str, Any]) -> CallFacts:
    text = str(answer.get("content", ""))
    return CallFacts(
        call=_digest([block["name"], block["input"]]),
        result=_digest(text),
        refused=bool(answer.get("is_error")),
        failed=block["name"] == "bash" and "(exit status " in text[-40:],
    )


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
