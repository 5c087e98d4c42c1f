"""All tools in their fixed order, as the model is told about them: byte-identical for every polecat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gastown_desktop.engine.tools.ask import Ask
from gastown_desktop.engine.tools.bash import Bash
from gastown_desktop.engine.tools.calling import definitions_of, tool_called
from gastown_desktop.engine.tools.edit import Edit
from gastown_desktop.engine.tools.note import Note
from gastown_desktop.engine.tools.plan import Plan
from gastown_desktop.engine.tools.read import Read
from gastown_desktop.engine.tools.search import Search
from gastown_desktop.engine.tools.submit import Submit
from gastown_desktop.engine.tools.workbench import Tool, Workbench
from gastown_desktop.engine.tools.write import Write

TOOLS: tuple[Tool, ...] = (Read(), Edit(), Write(), Search(), Bash(), Plan(), Note(), Ask(), Submit())
_BY_NAME = {tool.name: tool for tool in TOOLS}

_STRICT = ("edit", "write", "plan", "note")
"""Tools whose inputs the provider makes fit the schema: those that need all of their values. All strict
schemas of a request become one grammar, which has a limit of its own; the engine checks every call anyway."""

DEFINITIONS = definitions_of(TOOLS, strict=_STRICT)


def action_of(name: str, given: Mapping[str, Any]) -> str:
    """What a call does, in words for a worker's card."""
    tool = _BY_NAME.get(name)
    return tool.action(given) if tool is not None else f"Calling {name}"


async def call(name: str, given: Mapping[str, Any], bench: Workbench) -> str:
    """Runs a tool by name.

    Raises:
        ToolRefused: there is no such tool, its input is malformed, or it refused.
    """
    return await tool_called(_BY_NAME, name, given).run(given, bench)
