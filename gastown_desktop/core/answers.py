"""What can be answered to an item of Needs you: its words, and the ways out that the screen offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gastown_desktop.core.card import State
from gastown_desktop.core.ids import resolved_bead
from gastown_desktop.core.projection import NeedView
from gastown_desktop.core.reviews import ABOUT_REVIEW

Do = Literal[
    "answer", "type", "resolve", "diff", "retry", "discard", "give_back", "limit", "open", "land", "message"
]

_STATES: Mapping[str, State] = {
    "conflict": "conflict",
    "red": "failed",
    "model": "failed",
    "stuck": "stalled",
    "review": "review",
    "limit": "paused_budget",
    "cap": "paused_budget",
    "provider": "failed",
    "disk": "failed",
    "power": "failed",
    "setup": "failed",
    "breaker": "failed",
    "gate": "failed",
    "target": "conflict",
    "remote": "failed",
    "signing": "failed",
    "secret": "failed",
    ABOUT_REVIEW: "review",
}
_KINDS: Mapping[str, str] = {
    "question": "Question",
    "conflict": "Conflict",
    "red": "Failed",
    "model": "Failed",
    "stuck": "Stalled",
    "review": "Review",
    "limit": "Limit reached",
    "cap": "Bead's limit",
    "provider": "Provider",
    "disk": "Disk",
    "power": "Battery",
    "setup": "Setup",
    "breaker": "Stopped",
    "gate": "Gate",
    "taken": "In your hands",
    "target": "Landing",
    "remote": "Landing",
    "signing": "Landing",
    "secret": "Landing",
    ABOUT_REVIEW: "Reviewer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way out of an item."""

    words: str
    do: Do
    text: str = ""
    """What is told to the town, where it is an answer in words."""


def state_of(need: NeedView) -> State:
    """The state whose glyph and colour an item has."""
    if is_conflict(need):
        return "conflict"
    return _STATES.get(need.about, "needs_you")


def is_conflict(need: NeedView) -> bool:
    """Whether an item is about a conflict: it says so, or one who resolves a conflict asks."""
    if need.bead is None or need.about not in {"question", "stuck"}:
        return need.about == "conflict"
    return resolved_bead(need.bead) != need.bead


def kind_of(need: NeedView) -> str:
    """What kind of item it is, in a word or two."""
    if is_conflict(need):
        return "Conflict"
    return _KINDS.get(need.about, "Question")


def answers_to(need: NeedView) -> tuple[Answer, ...]:
    """The ways out of an item, the likeliest first; a typed answer comes last."""
    if is_conflict(need):
        return (Answer(words="Resolve…", do="resolve"), _again("Let a worker try again"))
    match need.about:
        case "red":
            return (Answer(words="Open diff", do="diff"), _again("Start another round"), _discard())
        case "stuck" | "model":
            ways = (_again("Start again"), _type())
            return ways if need.bead is None else (*ways, _discard())
        case "provider":
            return ()
        case "reviewer":
            given = tuple(Answer(words=one, do="answer", text=one) for one in need.options)
            return (Answer(words="Open diff", do="diff"), *given, _type(), _discard())
        case "cap":
            return (*(Answer(words=one, do="answer", text=one) for one in need.options), _discard())
        case "taken":
            return (Answer(words="Give it back", do="give_back"),)
        case "limit":
            return (Answer(words="Change limit…", do="limit"),)
        case "review" | "target" | "remote" | "signing" | "secret":
            return (Answer(words="Look at the landing…", do="land"),)
        case _:
            given = tuple(Answer(words=option, do="answer", text=option) for option in _options(need))
            return (*given, _type())


def _options(need: NeedView) -> tuple[str, ...]:
    """The answers that were offered, the default first."""
    if need.default is None or need.default not in need.options:
        return need.options
    return (need.default, *(one for one in need.options if one != need.default))


def _type() -> Answer:
    return Answer(words="Type an answer…", do="type")


def _again(words: str) -> Answer:
    return Answer(words=words, do="retry", text="Try again.")


def _discard() -> Answer:
    return Answer(words="Discard…", do="discard")
