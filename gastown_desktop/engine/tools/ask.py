"""The tool `ask`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.engine.tools.workbench import Question, Workbench, object_schema, text_of, texts_of


class Ask:
    """Asks the user; the bead waits for the answer."""

    name: ClassVar[str] = "ask"
    description: ClassVar[str] = (
        "Ask the user one question that you cannot answer from the repository. The bead waits for the answer."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("question",),
        question={"type": "string"},
        options={"type": "array", "items": {"type": "string"}},
        default={"type": "string", "description": "The answer to take when nobody answers."},
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        del given
        return "Asking you"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Leaves the question for the polecat to publish."""
        question = question_of(given)
        if not question.text.strip():
            raise ToolRefused("Say what you ask: `question` is empty.")
        bench.question = question
        return "The question is asked."


def question_of(given: Mapping[str, Any]) -> Question:
    """The question that a call asks; raises ToolRefused if it makes no sense."""
    default = text_of(given, "default", "") or None
    return Question(text_of(given, "question"), texts_of(given, "options"), default)
