"""What the user may do with workers: each action with its words, and why it cannot be done just now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import Card
from gastown_desktop.core.wording import plural, show_money
from gastown_desktop.ui.actions import ActionSpec

_GROUP = "Worker"
_OVER = {"landed"}
_STANDING = {"paused", "paused_budget"}
TAKEN = "taken"
"""What a Needs-you item of a bead in the user's hands is about (engine.taking_over.ABOUT)."""

SPECS: tuple[ActionSpec, ...] = (
    ActionSpec(
        id="worker.message",
        text="Message worker…",
        group=_GROUP,
        shortcut="Ctrl+M",
        synonyms=("tell", "say", "write to", "polecat"),
        icon="ui_user",
    ),
    ActionSpec(
        id="worker.pause",
        text="Pause worker",
        group=_GROUP,
        synonyms=("hold", "wait", "polecat"),
        icon="ui_pause",
    ),
    ActionSpec(
        id="worker.resume",
        text="Resume worker",
        group=_GROUP,
        synonyms=("go on", "continue", "polecat"),
        icon="ui_play",
    ),
    ActionSpec(
        id="worker.stop",
        text="Stop worker now…",
        group=_GROUP,
        synonyms=("kill", "cancel", "abort", "polecat"),
        icon="ui_close",
    ),
    ActionSpec(
        id="worker.fresh",
        text="Start fresh context",
        group=_GROUP,
        synonyms=("clear", "new conversation", "compact", "handoff"),
        icon="ui_retry",
    ),
    ActionSpec(
        id="worker.take_over",
        text="Take over by hand",
        group=_GROUP,
        synonyms=("edit", "folder", "worktree", "myself"),
        icon="ui_folder",
    ),
    ActionSpec(
        id="worker.give_back",
        text="Give back to worker",
        group=_GROUP,
        synonyms=("return", "hand back"),
        icon="ui_undo",
    ),
    ActionSpec(
        id="worker.diff",
        text="Open diff",
        group=_GROUP,
        synonyms=("changes", "patch", "compare"),
        icon="ui_file",
    ),
    ActionSpec(
        id="worker.discard",
        text="Discard bead…",
        group=_GROUP,
        synonyms=("delete", "drop", "throw away", "remove"),
        icon="ui_eject",
    ),
)
BULK = frozenset({"worker.message", "worker.pause", "worker.resume", "worker.stop", "worker.discard"})
"""What can be done with several workers at once."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A card, with what its actions depend on besides."""

    card: Card
    runs: bool
    """Its convoy runs in this process."""
    taken: bool
    """It is in the user's hands."""

    @classmethod
    def of(cls, view: TownView, card: Card) -> Subject:
        """Looks a card's circumstances up."""
        state = view.convoys.get(card.convoy)
        needs = state.needs_you.values() if state is not None else ()
        taken = any(need.bead == card.bead and need.about == TAKEN for need in needs)
        return cls(card, view.runs_now(card.convoy), taken)


def refusal(action: str, subjects: Sequence[Subject]) -> str:
    """Why an action cannot be done with these; empty when it can be with one of them at least."""
    if not subjects:
        return "Select a card first."
    if len(subjects) > 1 and action not in BULK:
        return "Select a single card."
    reasons = [_REASONS[action](subject) for subject in subjects]
    return "" if "" in reasons else reasons[0]


def able(action: str, subjects: Sequence[Subject]) -> list[Card]:
    """Those of the cards with which an action can be done."""
    return [subject.card for subject in subjects if not refusal(action, [subject])]


def stop_question(cards: Sequence[Card]) -> str:
    """What stopping costs, and what is safe."""
    who = str(cards[0].worker) if len(cards) == 1 else plural(len(cards), "worker")
    held = sum(card.held for card in cards)
    whose = "its request in flight is" if len(cards) == 1 else "their requests in flight are"
    cost = f"{whose} charged in full, up to {show_money(held)}" if held else "no request is in flight"
    return f"Stop {who} now? All finished turns are kept; {cost}."


def _nobody(subject: Subject) -> str:
    card = subject.card
    if card.state in _OVER:
        return f"{card.bead} has landed."
    return "" if card.started_at is not None else "Nobody works on it yet."


def _still(subject: Subject) -> str:
    return "" if subject.runs else "The convoy does not run."


def _message(subject: Subject) -> str:
    return _nobody(subject)


def _pause(subject: Subject) -> str:
    if subject.card.state in _STANDING:
        return "It is paused already."
    if subject.card.state == "merging":
        return "Its work is handed in."
    return _over(subject) or _still(subject)


def _resume(subject: Subject) -> str:
    if subject.card.state == "paused_budget":
        return "The spending limit holds it. Raise the limit."
    return "" if subject.card.state == "paused" and subject.runs else _still(subject) or "It is not paused."


def _stop(subject: Subject) -> str:
    if subject.card.state in _STANDING:
        return "It stands still already."
    if subject.card.state == "merging":
        return "Its work is handed in."
    return _nobody(subject) or _still(subject)


def _fresh(subject: Subject) -> str:
    return _nobody(subject) or _still(subject)


def _take_over(subject: Subject) -> str:
    if subject.taken:
        return "It is in your hands already."
    return "Its work is handed in." if subject.card.state == "merging" else _nobody(subject)


def _give_back(subject: Subject) -> str:
    return "" if subject.taken else "It is not in your hands."


def _diff(subject: Subject) -> str:
    return "" if subject.card.started_at is not None else "There is nothing to compare yet."


def _over(subject: Subject) -> str:
    return f"{subject.card.bead} has landed." if subject.card.state in _OVER else ""


_REASONS: dict[str, Callable[[Subject], str]] = {
    "worker.message": _message,
    "worker.pause": _pause,
    "worker.resume": _resume,
    "worker.stop": _stop,
    "worker.fresh": _fresh,
    "worker.take_over": _take_over,
    "worker.give_back": _give_back,
    "worker.diff": _diff,
    "worker.discard": _over,
}
