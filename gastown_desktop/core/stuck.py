"""When a worker goes in circles: rules over its last turns. No model is asked whether a model is stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SAME_CALL = 4
"""The same call with the same result so many times in a row."""
SAME_ERROR = 3
TEXT_ONLY = 3
ALTERNATIONS = 6
"""Calls in a row that alternate between two."""
UNCHANGED = 12
"""Turns in a row that leave the copy as it is."""
SAME_FAILURE = 3
"""The same failing output of a command so many times, whatever was called in between."""

Rule = Literal["same_call", "same_error", "text_only", "alternating", "unchanged", "same_failure"]
Measure = Literal["go_on", "nudge", "fresh", "ask", "room"]
"""`room`: a fresh context because the old one was full or the user wished it; nobody is to blame."""

_HINTS: dict[Rule, str] = {
    "same_call": "You made the same call {SAME_CALL} times and it answered the same each time. "
    "Look for another way.",
    "same_error": "The same error came {SAME_ERROR} times. Read what it says and change what you call.",
    "text_only": "You have said {TEXT_ONLY} times what you will do. Do it now, with a tool.",
    "alternating": "You go back and forth between two calls. Decide on one, or try a third way.",
    "unchanged": "Your copy has not changed for {UNCHANGED} turns. Make the change, submit, or ask.",
    "same_failure": "A command failed {SAME_FAILURE} times with the same output. What you change does not "
    "reach the cause: read the failing code first.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """One tool call as the rules see it."""

    call: str
    """Digest of tool and input."""
    result: str
    """Digest of what it answered."""
    refused: bool = False
    """The tool refused it, or it was an error."""
    failed: bool = False
    """A command that ended with a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFacts:
    """One turn as the rules see it."""

    calls: tuple[CallFacts, ...]
    tree: str
    """The copy after the turn."""
    measure: Measure = "go_on"
    """What was done about it then: turns up to one that is not `go_on` are not looked at again."""


def stuck_by(turns: Sequence[TurnFacts]) -> Rule | None:
    """The first rule that the last turns break; None while the worker gets on."""
    recent = _since_last_measure(turns)
    calls = [call for turn in recent for call in turn.calls]
    broken: dict[Rule, bool] = {
        "same_call": _repeats([(call.call, call.result) for call in calls], SAME_CALL),
        "same_error": _repeats([call.result if call.refused else None for call in calls], SAME_ERROR),
        "text_only": len(recent) >= TEXT_ONLY and not any(turn.calls for turn in recent[-TEXT_ONLY:]),
        "alternating": _alternates([call.call for call in calls]),
        "same_failure": _repeats([call.result for call in calls if call.failed], SAME_FAILURE),
        "unchanged": len(recent) > UNCHANGED and len({turn.tree for turn in recent[-UNCHANGED - 1 :]}) == 1,
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def measure_against(turns: Sequence[TurnFacts], rule: Rule | None) -> Measure:
    """What to do: nudge once, then begin with a fresh context, then ask the user."""
    if rule is None:
        return "go_on"
    done = {turn.measure for turn in turns}
    if "nudge" not in done:
        return "nudge"
    return "ask" if "fresh" in done else "fresh"


def hint(rule: Rule) -> str:
    """What the worker is told."""
    return _HINTS[rule].format(
        SAME_CALL=SAME_CALL,
        SAME_ERROR=SAME_ERROR,
        TEXT_ONLY=TEXT_ONLY,
        UNCHANGED=UNCHANGED,
        SAME_FAILURE=SAME_FAILURE,
    )


def _since_last_measure(turns: Sequence[TurnFacts]) -> Sequence[TurnFacts]:
    last = max((at for at, turn in enumerate(turns) if turn.measure != "go_on"), default=-1)
    return turns[last + 1 :]


def _repeats(values: Sequence[object], times: int) -> bool:
    """Tells whether the last so many values are one and the same, and something."""
    last = values[-times:]
    return len(last) == times and last[0] is not None and len(set(last)) == 1


def _alternates(calls: Sequence[str]) -> bool:
    last = calls[-ALTERNATIONS:]
    odd, even = set(last[::2]), set(last[1::2])
    return len(last) == ALTERNATIONS and len(odd) == len(even) == 1 and odd != even
