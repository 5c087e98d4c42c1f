"""The tool `plan`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.engine.tools.workbench import Workbench, object_schema

_MOST_STEPS = 20


class Plan:
    """Says the steps of the work and which are done: it drives the step bar."""

    name: ClassVar[str] = "plan"
    description: ClassVar[str] = (
        "Say the steps of your work, in order, and which are done. Call it again when that changes."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("steps",),
        steps={
            "type": "array",
            "items": object_schema(("text", "done"), text={"type": "string"}, done={"type": "boolean"}),
        },
    )

    def action(self, given: Mapping[str, Any]) -> str:
        """For the card."""
        del given
        return "Planning"

    async def run(self, given: Mapping[str, Any], bench: Workbench) -> str:
        """Takes the steps."""
        steps: object = given.get("steps")
        if not isinstance(steps, list):
            raise ToolRefused("`steps` must be a list.")
        items = cast("list[object]", steps)[:_MOST_STEPS]
        bench.steps = [_step(item) for item in items]
        done = sum(1 for _, finished in bench.steps if finished)
        return f"{done} of {len(bench.steps)} steps are done."


def _step(item: object) -> tuple[str, bool]:
    fields = cast("dict[str, object]", item) if isinstance(item, dict) else {}
    text, done = fields.get("text"), fields.get("done")
    if not isinstance(text, str) or not isinstance(done, bool):
        raise ToolRefused("Each step needs a `text` and a `done` of true or false.")
    return text, done
