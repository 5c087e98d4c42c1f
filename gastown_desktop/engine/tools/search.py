"""The tool `search`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.engine.tools.workbench import OUTPUT_LIMIT, Workbench, command_of, object_schema

_SEARCH_S = 60.0


class Search:
    """Finds a regular expression in the repository, with ripgrep or, where there is none, with grep."""

    name: ClassVar[str] = "search"
    description: ClassVar[str] = (
        "Search the repository's text files for a regular expression. Returns `path:line:text`, at most 200 "
        "lines. `path` narrows it to a file or folder."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("pattern",),
        pattern={"type": "string", "description": "Regular expression."},
        path={"type": "string", "description": "File or folder to look in, relative to the top level."},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        return f"Searching for {given.get('pattern', '')}"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Runs the search in the sandbox."""
        pattern = shlex.quote(command_of(given, "pattern"))
        path = shlex.quote(command_of(given, "path", "."))
        command = (
            f"if command -v rg >/dev/null; "
            f"then rg -n --no-heading --color never -m 50 -e {pattern} -- {path}; "
            f"else grep -rnIE --exclude-dir=.git -e {pattern} -- {path}; fi 2>&1 | head -n 200"
        )
        result = await bench.sandbox.run(
            command, bench.confinement, timeout_s=_SEARCH_S, output_limit=OUTPUT_LIMIT
        )
        if result.timed_out:
            raise ToolRefused("The search took longer than a minute; narrow it with `path`.")
        return result.output.decode("utf-8", "replace").strip() or "(nothing found)"
