"""What happens to a plan, in words; part of `core.history_words`."""

from __future__ import annotations

from gastown_desktop.core import planning_events as ev
from gastown_desktop.core.wording import plural

_FIELDS = {
    "title": "title",
    "description": "description",
    "acceptance": "acceptance",
    "type": "kind",
    "priority": "priority",
    "files": "files",
    "size": "size",
    "model": "model",
    "labels": "labels",
}


def edited_fields(event: ev.BeadEdited) -> str:
    """What was changed of a bead: `title, files`."""
    return ", ".join(words for name, words in _FIELDS.items() if getattr(event, name) is not None)


def said_words(event: ev.MayorSaid) -> tuple[str, str]:
    """Who said something, and its first line, or what was done instead."""
    who = "You told the Mayor" if event.who == "you" else "The Mayor said"
    lines = event.text.strip().splitlines()
    if lines:
        return who, f"“{lines[0]}”"
    names = ", ".join(dict.fromkeys(event.tools))
    return "The Mayor worked", names or plural(0, "tool")
