"""The Mayor's tools in their fixed order, as the model is told about them: the same in every request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gastown_desktop.core.errors import PlanRefused, ToolRefused
from gastown_desktop.core.plain_text import one_line
from gastown_desktop.engine.looking.tools import LOOKING, LOOKING_WORDS
from gastown_desktop.engine.planning import changing_tools as changing
from gastown_desktop.engine.planning.desk import Desk, PlanTool
from gastown_desktop.engine.tools.calling import definitions_of, tool_called

CHANGING: tuple[PlanTool, ...] = (
    changing.ProposeConvoy(),
    changing.AddBead(),
    changing.EditBead(),
    changing.RemoveBead(),
    changing.AddDependency(),
    changing.RemoveDependency(),
    changing.Highlight(),
    changing.Ask(),
)
TOOLS: tuple[PlanTool, ...] = (*LOOKING, *CHANGING)
_BY_NAME = {tool.name: tool for tool in TOOLS}
_STRICT = ("propose_convoy", "add_bead", "edit_bead")
"""Tools whose inputs the provider makes fit the schema. All strict schemas of a request become one grammar,
which has a limit of its own, so it is kept for those where a malformed call costs most."""

DEFINITIONS = definitions_of(TOOLS, strict=_STRICT)

_DOING: Mapping[str, str] = {
    **LOOKING_WORDS,
    "propose_convoy": "Proposing a convoy",
    "add_bead": "Adding a bead",
    "edit_bead": "Changing a bead",
    "remove_bead": "Taking a bead out",
    "add_dependency": "Adding a dependency",
    "remove_dependency": "Removing a dependency",
    "highlight": "Pointing at beads",
    "ask": "Asking you",
}


def action_of(name: str, given: Mapping[str, Any]) -> str:
    """What a call does, in words for the window."""
    about = next((given[key] for key in ("path", "pattern", "folder", "bead", "title") if given.get(key)), "")
    words = one_line(str(about))[:80]
    doing = _DOING.get(name, f"Calling {one_line(name)[:40]}")
    return f"{doing} {words}".strip()


async def call(name: str, given: Mapping[str, Any], desk: Desk) -> str:
    """Runs a tool by name.

    Raises:
        ToolRefused: there is no such tool, its input is malformed, or it cannot be done.
    """
    tool = tool_called(_BY_NAME, name, given)
    try:
        return await tool.run(given, desk)
    except PlanRefused as refused:
        raise ToolRefused(str(refused)) from None
