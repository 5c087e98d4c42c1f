"""The tool `read`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any, ClassVar

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.secrets import CUT_HERE
from gastown_desktop.engine.tools.workbench import READ_LIMIT, Workbench, number_of, object_schema, text_of

_LINES = 2_000
_CHARACTERS = 60_000


class Read:
    """Shows a text file with line numbers."""

    name: ClassVar[str] = "read"
    description: ClassVar[str] = (
        "Read a text file of the repository. Returns up to 2000 numbered lines from `offset` (the first "
        "is 1). A file must be read before it is edited."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("path",),
        path={"type": "string", "description": "Path relative to the repository's top level."},
        offset={"type": "integer", "description": "First line to show, from 1."},
        limit={"type": "integer", "description": "How many lines to show."},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        return f"Reading {given.get('path', '')}"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Shows the lines asked for."""
        path = text_of(given, "path")
        data = bench.files.read(path, READ_LIMIT)
        if b"\0" in data[:8_000]:
            raise ToolRefused(f"{path} is binary ({len(data)} bytes); look at it with the shell.")
        bench.read_paths.add(path)
        first = max(1, min(len(data) + 2, number_of(given, "offset", 1)))
        limit = max(1, min(_LINES, number_of(given, "limit", _LINES)))
        after = [b""] if data.endswith(b"\n") or not data else []
        lines = chain(io.BytesIO(data), after)  # one by one: a file may hold millions
        shown = islice(lines, first - 1, first - 1 + limit)
        told = (line.decode("utf-8", "replace").removesuffix("\n") for line in shown)
        text = "\n".join(f"{number}\t{line}" for number, line in enumerate(told, first))
        if len(text) > _CHARACTERS:
            text = f"{text[:_CHARACTERS]}{CUT_HERE}; read on with `offset`."
        return text or "(no lines there)"
