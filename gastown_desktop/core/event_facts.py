"""All that an event says, as named facts and one longer text, for whoever looks at it closely."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import show_age, show_money, show_tokens

_TEXTS = ("text", "answer", "tail", "summary", "reason", "description", "acceptance")
"""Fields that may be long; what a gate printed or a worker said is shown as it is."""
_LEFT_OUT = frozenset(
    {
        "rig",
        "convoy",
        "bead",
        "title",
        "extra",
        "environment",
        "item",
        "message",
        "source",
        "bead_p50",
        "bead_p90",
        "per_hour",
    }
)
_MONEY = frozenset({"cap", "cost", "old", "new", "p50", "p90", "spent"})
_TOKENS = frozenset({"prompt_tokens", "output_tokens"})
_SECONDS = frozenset({"seconds", "saved_s", "tool_s"})
_OIDS = frozenset({"base", "hook", "commit", "tree", "before"})
_OF_THE_PLAN = (
    ev.BeadAdded,
    ev.BeadEdited,
    ev.BeadOpened,
    ev.BeadRemoved,
    ev.DependencyAdded,
    ev.DependencyRemoved,
)
_NAMES = {
    "polecat": "Worker",
    "steps_done": "Steps done",
    "tool_s": "Tools took",
    "saved_s": "Took before",
    "seconds": "Took",
    "on": "Waits for",
    "known_runs": "Runs on good trees",
    "known_flips": "Of those red",
    "files_changed": "Files changed",
    "cap": "Limit",
    "death": "Its worker died",
    "basis": "Rests on",
    "spent": "Spent before",
    "p50": "P50",
    "p90": "P90",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One event, closely."""

    facts: tuple[tuple[str, str], ...]
    """Name and value, in the order of the event's fields."""
    text: str
    """What was said, printed or given as the reason; empty where there is none."""


def facts_of(event: ev.DurableEvent) -> Facts:
    """Everything in an event but what stands above it already, and what is empty, zero or not so."""
    told: list[tuple[str, str]] = []
    texts: list[str] = []
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _LEFT_OUT or not value:
            continue
        if field.name in _TEXTS:
            texts.append(str(value))
        else:
            told.append((_name(field.name), _value(field.name, value)))
    return Facts(facts=tuple(told), text="\n\n".join(texts))


def bead_of(event: ev.DurableEvent) -> BeadId | None:
    """The bead that an event is about; of a gate's run the last one that it tested."""
    if isinstance(event, ev.GateRun):
        return event.beads[-1] if event.beads else None
    return getattr(event, "bead", None)


def worker_of(state: Projection, event: ev.DurableEvent) -> PolecatName | None:
    """The worker that an event is about: the one it names, else that of its bead; a plan is nobody's."""
    named: PolecatName | None = getattr(event, "polecat", None)
    if named is not None or isinstance(event, _OF_THE_PLAN):
        return named
    bead = bead_of(event)
    view = state.beads.get(bead) if bead is not None else None
    return view.polecat if view is not None else None


def _name(name: str) -> str:
    known = _NAMES.get(name)
    return known or name.replace("_", " ").capitalize()


def _value(name: str, value: Any) -> str:
    if name in _MONEY:
        return show_money(value)
    if name in _TOKENS:
        return show_tokens(value)
    if name in _SECONDS:
        return show_age(value)
    if name in _OIDS:
        return str(value)[:10]
    if value is True:
        return "yes"
    if isinstance(value, tuple):
        parts: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(str(one)[:10] if name == "commits" else str(one) for one in parts)
    return str(value).replace("_", " ") if name in {"stage", "state"} else str(value)
