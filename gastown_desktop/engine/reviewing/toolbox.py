"""The reviewer's tools in their fixed order: it looks at the repository, and ends with a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.plain_text import one_line, plain_text, shown_path
from gastown_desktop.core.review_events import ReviewVerdict
from gastown_desktop.engine.looking.library import Library
from gastown_desktop.engine.looking.tools import LOOKING
from gastown_desktop.engine.tools.calling import definitions_of, tool_called
from gastown_desktop.engine.tools.inputs import items_of, short_text_of
from gastown_desktop.engine.tools.workbench import object_schema

_LONGEST_WORDS = 2_000
"""Characters of an approval, and of each thing that has to change."""
_MOST_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a review ends."""

    kind: ReviewVerdict
    text: str


@dataclass(slots=True, kw_only=True)
class ReviewDesk:
    """What a reviewer looks at, and where its tools leave the verdict."""

    library: Library
    """The repository as the change leaves it."""
    gates: tuple[str, ...]
    """Commands that have to succeed before a bead lands."""
    verdict: Verdict | None = None


class ReviewTool(Protocol):
    """One of the reviewer's tools."""

    name: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[Mapping[str, object]]

    async def run(self, given: Mapping[str, Any], desk: ReviewDesk) -> str:
        """Does it and returns what the model sees.

        Raises:
            ToolRefused: it cannot be done; the text says what to do instead.
        """
        ...


class Approve:
    """Lets the work merge."""

    name: ClassVar[str] = "approve"
    description: ClassVar[str] = "Let the work merge. Your review ends."
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("checked",), checked={"type": "string", "description": "What you checked, in a sentence or two."}
    )

    async def run(self, given: Mapping[str, Any], desk: ReviewDesk) -> str:
        """Leaves the verdict."""
        checked = short_text_of(given, "checked", longest=_LONGEST_WORDS)
        desk.verdict = Verdict("approved", plain_text(checked))
        return "Approved."


class RequestChanges:
    """Sends the work back."""

    name: ClassVar[str] = "request_changes"
    description: ClassVar[str] = (
        "Send the work back to its worker, with everything that has to change. Your review ends."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("changes",),
        changes={
            "type": "array",
            "items": object_schema(
                ("path", "problem"),
                path={"type": "string", "description": "The file; empty where it is about no single one."},
                problem={
                    "type": "string",
                    "description": "What goes wrong, for which input or use, and what has to be so instead.",
                },
            ),
        },
    )

    async def run(self, given: Mapping[str, Any], desk: ReviewDesk) -> str:
        """Leaves the verdict."""
        changes = [_change(item) for item in items_of(given, "changes")]
        if not changes:
            raise ToolRefused("`changes` is empty; say what has to change, or approve.")
        if len(changes) > _MOST_CHANGES:
            raise ToolRefused(f"`changes` has {len(changes)} items; name at most {_MOST_CHANGES}.")
        desk.verdict = Verdict("changes", "\n".join(f"- {change}" for change in changes))
        return "Sent back."


def _change(item: object) -> str:
    if not isinstance(item, dict):
        raise ToolRefused("`changes` must be a list of objects.")
    fields = cast("dict[str, Any]", item)
    problem = one_line(short_text_of(fields, "problem", longest=_LONGEST_WORDS))
    if not problem:
        raise ToolRefused("A change needs a `problem`.")
    path = short_text_of(fields, "path", "")
    return f"{shown_path(path)}: {problem}" if path else problem


TOOLS: tuple[ReviewTool, ...] = (*LOOKING, Approve(), RequestChanges())
_BY_NAME = {tool.name: tool for tool in TOOLS}
DEFINITIONS = definitions_of(TOOLS, strict=("approve", "request_changes"))


async def call(name: str, given: Mapping[str, Any], desk: ReviewDesk) -> str:
    """Runs a tool by name.

    Raises:
        ToolRefused: there is no such tool, its input is malformed, or it refused.
    """
    return await tool_called(_BY_NAME, name, given).run(given, desk)
