"""The tool `edit`."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.secrets import CUT_HERE
from gastown_desktop.engine.tools.workbench import READ_LIMIT, Workbench, object_schema, text_of

_NEAREST_LINES = 4_000
_NEAREST_WIDTH = 100
"""Characters of a line that are compared: the time grows with their square at least."""
_SHOWN = 2_000
"""Characters of the nearest place that are shown."""


class Edit:
    """Replaces one text by another in a file that was read."""

    name: ClassVar[str] = "edit"
    description: ClassVar[str] = (
        "Replace `old` by `new` in a file that you have read. `old` must occur exactly once: give as many "
        "lines around it as make it unique."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("path", "old", "new"),
        path={"type": "string", "description": "Path relative to the repository's top level."},
        old={"type": "string", "description": "Text to replace, to the letter."},
        new={"type": "string", "description": "Text to put there."},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        return f"Editing {given.get('path', '')}"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Replaces the one occurrence."""
        path, old, new = text_of(given, "path"), text_of(given, "old"), text_of(given, "new")
        if path not in bench.read_paths:
            raise ToolRefused(f"Read {path} before you edit it.")
        try:
            text = bench.files.read(path, READ_LIMIT).decode()
        except UnicodeDecodeError:
            raise ToolRefused(f"{path} is not UTF-8 text; change it with the shell.") from None
        found = text.count(old) if old else 0
        if found != 1:
            raise ToolRefused(await asyncio.to_thread(_why_not, path, text, old, found))
        bench.files.write(path, text.replace(old, new).encode("utf-8", "surrogateescape"))
        return f"{path} is changed."


def _why_not(path: str, text: str, old: str, found: int) -> str:
    if not old:
        return "`old` is empty; to make a new file use `write`."
    if found:
        return f"`old` occurs {found} times in {path}; give more lines around it."
    lines = text.splitlines()[:_NEAREST_LINES]
    wanted, begins = old.strip().splitlines(), [line[:_NEAREST_WIDTH] for line in lines]
    first = wanted[0][:_NEAREST_WIDTH] if wanted else ""
    nearest = difflib.get_close_matches(first, begins, n=1, cutoff=0.5) if first else []
    if not nearest:
        return f"`old` does not occur in {path}."
    number = begins.index(nearest[0])
    around = "\n".join(lines[max(0, number - 2) : number + len(wanted) + 2])
    around = around if len(around) <= _SHOWN else f"{around[:_SHOWN]}{CUT_HERE}."
    return f"`old` does not occur in {path}. The nearest place is at line {number + 1}:\n{around}"
