"""The tool `submit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.engine.tools.workbench import Submission, Workbench, object_schema, text_of, texts_of


class Submit:
    """Hands the work in: the engine runs the evidence again, commits and queues it."""

    name: ClassVar[str] = "submit"
    description: ClassVar[str] = (
        "Hand in your work. Give a summary, and as evidence the commands that show that it works: they are "
        "run again and must succeed. Your changes are committed for you."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("summary",),
        summary={"type": "string"},
        evidence={"type": "array", "items": {"type": "string"}},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        del given
        return "Submitting"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Checks and commits."""
        submission = Submission(text_of(given, "summary"), texts_of(given, "evidence"))
        await bench.accept(submission)
        bench.submission = submission
        return "Submitted."
