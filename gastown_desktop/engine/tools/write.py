"""The tool `write`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.engine.tools.workbench import Workbench, object_schema, text_of


class Write:
    """Writes a whole text file."""

    name: ClassVar[str] = "write"
    description: ClassVar[str] = (
        "Write a whole text file, new or not. Folders on the way are made. For small changes use `edit`."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("path", "content"),
        path={"type": "string", "description": "Path relative to the repository's top level."},
        content={"type": "string", "description": "The whole new content."},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        return f"Writing {given.get('path', '')}"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Writes it."""
        path, content = text_of(given, "path"), text_of(given, "content")
        data = content.encode("utf-8", "surrogateescape")
        bench.files.write(path, data)
        bench.read_paths.add(path)
        return f"{path} is written ({len(data)} bytes)."
