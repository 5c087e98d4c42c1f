"""The Mayor's tools for the plan: each change is checked by `core.plan_changes` before it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from gastown_desktop.core import plan_changes as change
from gastown_desktop.core.bead import DEPENDENCY_KINDS
from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.plain_text import one_line, plain_text
from gastown_desktop.core.planned_values import PLANNED_KINDS, SIZES
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.planning.desk import Desk
from gastown_desktop.engine.tools import inputs
from gastown_desktop.engine.tools.workbench import Question, number_of, object_schema

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_MAYBE_TEXT = {"type": ["string", "null"]}
_MAYBE_TEXTS = {"type": ["array", "null"], "items": _TEXT}
_LONGEST_QUESTION = 2_000
_MOST_OPTIONS = 6
_LONGEST_OPTION = 200

_SAYS: dict[str, Mapping[str, object]] = {
    "title": {"type": "string", "description": "What will be done, in one line."},
    "description": {"type": "string", "description": "What the worker has to know; it sees nothing else."},
    "acceptance": {
        "type": "string",
        "description": "What shows that it is done, best a command that must succeed.",
    },
    "files": {**_TEXTS, "description": "Existing files that it will touch."},
    "new_files": {**_TEXTS, "description": "Files that it will make."},
    "size": {"type": "string", "enum": list(SIZES), "description": "S: minutes, M: up to an hour, L: more."},
    "why_large": {**_MAYBE_TEXT, "description": "For size L: why it cannot be split; else null."},
    "kind": {"type": "string", "enum": list(PLANNED_KINDS)},
    "priority": {"type": "integer", "description": "0, most urgent, to 4; 2 is ordinary."},
}
_AFTER = {**_TEXTS, "description": "Beads that it waits for: keys of this proposal, or ids of the plan."}


class ProposeConvoy:
    """Proposes a whole plan at once."""

    name: ClassVar[str] = "propose_convoy"
    description: ClassVar[str] = (
        "Propose the whole convoy at once. It takes the place of all draft beads that were proposed before. "
        "Nothing is begun until the user launches it."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("title", "beads"),
        title={"type": "string", "description": "What the convoy is for, in one line."},
        beads={
            "type": "array",
            "items": object_schema(
                ("key", *_SAYS, "after"),
                key={"type": "string", "description": "Your own short name for it, such as `b1`."},
                **_SAYS,
                after=_AFTER,
            ),
        },
    )

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Replaces the draft plan."""
        drafts = [_draft(_object(item, "beads")) for item in inputs.items_of(given, "beads")]
        before = len(desk.plan.beads)
        title = inputs.short_text_of(given, "title")
        made = change.propose(desk.plan, title, drafts, ground=desk.ground, named=desk.named)
        warned = desk.accept(made)
        lines = [
            f"- {draft.key or at}: {bead}"
            for at, (draft, bead) in enumerate(zip(drafts, made.beads, strict=True), 1)
        ]
        replaced = f" in place of {plural(before, 'bead')}" if before else ""
        head = f"The plan has {plural(len(made.plan.beads), 'bead')} now{replaced}. Their ids:"
        return "\n".join([head, *lines]) + warned


class AddBead:
    """Adds a bead to the plan."""

    name: ClassVar[str] = "add_bead"
    description: ClassVar[str] = "Add one draft bead to the plan."
    schema: ClassVar[Mapping[str, object]] = object_schema((*_SAYS, "after"), **_SAYS, after=_AFTER)

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Adds it."""

        def named(key: str) -> BeadId:
            return desk.named(f"call {desk.call} {key}")

        made = change.add_bead(desk.plan, _draft(given), desk.ground, named)
        warned = desk.accept(made)
        waits = "" if made.plan.is_open else " It is a draft until the user lets it begin."
        return f"{made.beads[0]} is in the plan.{waits}{warned}"


class EditBead:
    """Changes what a bead says."""

    name: ClassVar[str] = "edit_bead"
    description: ClassVar[str] = "Change a bead that nobody has begun. What is null stays as it is."
    schema: ClassVar[Mapping[str, object]] = object_schema(
        (
            "bead",
            "title",
            "description",
            "acceptance",
            "files",
            "new_files",
            "size",
            "why_large",
            "kind",
            "priority",
        ),
        bead=_TEXT,
        title=_MAYBE_TEXT,
        description=_MAYBE_TEXT,
        acceptance=_MAYBE_TEXT,
        files={**_MAYBE_TEXTS, "description": "Takes the place of the whole list."},
        new_files={**_MAYBE_TEXTS, "description": "Come on top of it."},
        size={"type": ["string", "null"], "enum": [*SIZES, None]},
        why_large=_MAYBE_TEXT,
        kind={"type": ["string", "null"], "enum": [*PLANNED_KINDS, None]},
        priority={"type": ["integer", "null"]},
    )

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Changes it."""
        bead = _bead(given, "bead")
        edits = change.BeadEdits(
            title=inputs.optional_text_of(given, "title"),
            description=inputs.optional_text_of(given, "description", longest=inputs.LONGEST_TEXT),
            acceptance=inputs.optional_text_of(given, "acceptance", longest=inputs.LONGEST_TEXT),
            files=inputs.optional_names_of(given, "files"),
            new_files=inputs.optional_names_of(given, "new_files"),
            size=inputs.optional_text_of(given, "size"),
            why_large=inputs.optional_text_of(given, "why_large", longest=inputs.LONGEST_TEXT) or "",
            kind=inputs.optional_text_of(given, "kind"),
            priority=inputs.optional_number_of(given, "priority"),
        )
        return f"{bead} is changed." + desk.accept(change.edit_bead(desk.plan, bead, edits, desk.ground))


class RemoveBead:
    """Takes a bead out of the plan."""

    name: ClassVar[str] = "remove_bead"
    description: ClassVar[str] = "Take a draft bead out of the plan, with its dependencies."
    schema: ClassVar[Mapping[str, object]] = object_schema(("bead",), bead=_TEXT)

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Takes it out."""
        bead = _bead(given, "bead")
        return f"{bead} is out of the plan." + desk.accept(change.remove_bead(desk.plan, bead, desk.ground))


class AddDependency:
    """Makes a bead wait for another."""

    name: ClassVar[str] = "add_dependency"
    description: ClassVar[str] = (
        "Make `bead` wait for `on`. `blocks` is the ordinary kind; `related`, `parent` and `discovered-from` "
        "only tell."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("bead", "on", "kind"),
        bead=_TEXT,
        on=_TEXT,
        kind={"type": "string", "enum": list(DEPENDENCY_KINDS)},
    )

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Adds it."""
        bead, on = _bead(given, "bead"), _bead(given, "on")
        kind = inputs.short_text_of(given, "kind", "blocks")
        made = change.add_dependency(desk.plan, bead, on, kind, desk.ground)
        return f"{bead} depends on {on} now ({kind})." + desk.accept(made)


class RemoveDependency:
    """Lets a bead no longer wait for another."""

    name: ClassVar[str] = "remove_dependency"
    description: ClassVar[str] = "Let `bead` no longer depend on `on`."
    schema: ClassVar[Mapping[str, object]] = object_schema(("bead", "on"), bead=_TEXT, on=_TEXT)

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Removes it."""
        bead, on = _bead(given, "bead"), _bead(given, "on")
        made = change.remove_dependency(desk.plan, bead, on, desk.ground)
        return f"{bead} does not depend on {on} any more." + desk.accept(made)


class Highlight:
    """Shows beads to the user."""

    name: ClassVar[str] = "highlight"
    description: ClassVar[str] = "Point the user to some beads of the plan while you talk about them."
    schema: ClassVar[Mapping[str, object]] = object_schema(("beads",), beads=_TEXTS)

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Leaves them for the window."""
        beads = tuple(BeadId(one) for one in inputs.names_of(given, "beads"))
        unknown = [one for one in beads if one not in desk.plan.beads]
        if unknown:
            raise ToolRefused(f"There is no bead {one_line(unknown[0])!r} in this plan.")
        desk.shown = tuple(dict.fromkeys(beads))
        return f"{plural(len(desk.shown), 'bead')} shown to the user."


class Ask:
    """Asks the user."""

    name: ClassVar[str] = "ask"
    description: ClassVar[str] = (
        "Ask the user one question that only the user can decide. Your turn ends; you go on with the answer."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("question", "options", "default"),
        question=_TEXT,
        options={**_TEXTS, "description": "Answers to choose from; may be empty."},
        default={**_MAYBE_TEXT, "description": "The answer to take when nobody answers; else null."},
    )

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Leaves the question for the Mayor to put."""
        text = plain_text(inputs.short_text_of(given, "question", longest=_LONGEST_QUESTION))
        if not text:
            raise ToolRefused("`question` is empty.")
        options = tuple(one_line(one)[:_LONGEST_OPTION] for one in inputs.names_of(given, "options"))
        if len(options) > _MOST_OPTIONS:
            raise ToolRefused(f"`options` has {len(options)} answers; offer at most {_MOST_OPTIONS}.")
        default = one_line(inputs.optional_text_of(given, "default") or "")[:_LONGEST_OPTION] or None
        desk.question = Question(text, tuple(one for one in options if one), default)
        return "The question is put to the user."


def _draft(given: Mapping[str, Any]) -> change.DraftBead:
    """A proposed bead as the model wrote it, of the right types."""
    long = inputs.LONGEST_TEXT
    return change.DraftBead(
        key=inputs.short_text_of(given, "key", ""),
        title=inputs.short_text_of(given, "title", ""),
        description=inputs.short_text_of(given, "description", "", longest=long),
        acceptance=inputs.short_text_of(given, "acceptance", "", longest=long),
        files=inputs.names_of(given, "files"),
        new_files=inputs.names_of(given, "new_files"),
        size=inputs.short_text_of(given, "size", "M"),
        why_large=inputs.optional_text_of(given, "why_large", longest=long) or "",
        kind=inputs.short_text_of(given, "kind", "task"),
        priority=number_of(given, "priority", 2),
        after=inputs.names_of(given, "after"),
    )


def _object(item: object, name: str) -> Mapping[str, Any]:
    """One object of a list; fields that nobody knows are refused, since they were meant to say something."""
    if not isinstance(item, dict):
        raise ToolRefused(f"`{name}` must be a list of objects.")
    fields = cast("dict[str, Any]", item)
    unknown = set(fields) - {"key", *_SAYS, "after"}
    if unknown:
        raise ToolRefused(f"A bead does not take {', '.join(sorted(map(one_line, unknown)))}.")
    return fields


def _bead(given: Mapping[str, Any], name: str) -> BeadId:
    return BeadId(inputs.short_text_of(given, name))
