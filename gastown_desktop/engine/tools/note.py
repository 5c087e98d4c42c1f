"""The tool `note`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.engine.tools.workbench import Workbench, object_schema, text_of


class Note:
    """Keeps a fact that must survive when old messages are cleared."""

    name: ClassVar[str] = "note"
    description: ClassVar[str] = (
        "Keep a short note for yourself; notes survive when old messages are cleared."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(("text",), text={"type": "string"})

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        del given
        return "Taking a note"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Keeps it."""
        bench.notes.append(text_of(given, "text"))
        return "Noted."
