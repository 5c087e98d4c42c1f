"""The Mayor's desk: what its tools look at, and where they leave what has to be acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from gastown_desktop.core.ids import BeadId, bead_id
from gastown_desktop.core.plan import Ground, Plan
from gastown_desktop.core.plan_changes import PlanChange
from gastown_desktop.engine.looking.library import Library
from gastown_desktop.engine.tools.workbench import Question


@dataclass(slots=True, kw_only=True)
class Desk:
    """One turn's: the plan as the turn has changed it so far, and what it wants of the user."""

    plan: Plan
    ground: Ground
    library: Library
    gates: tuple[str, ...]
    """Commands that have to succeed before a bead lands."""
    prefix: str
    """What bead ids begin with."""
    turn: int
    call: int = 0
    """Which call of the turn is answered, from 1."""
    question: Question | None = None
    shown: tuple[BeadId, ...] = ()

    def named(self, key: str) -> BeadId:
        """The id of a bead that this turn makes: the same again where the turn is repeated."""
        return bead_id(self.prefix, f"{self.plan.convoy}\n{self.turn}\n{key}")

    def accept(self, change: PlanChange) -> str:
        """Takes a change over; says what may have to be looked at."""
        self.plan = change.plan
        if not change.warnings:
            return ""
        return "\nLook at these, which the user may accept as they are:\n" + "\n".join(
            f"- {warning}" for warning in change.warnings
        )


class PlanTool(Protocol):
    """One of the Mayor's tools."""

    name: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[Mapping[str, object]]

    async def run(self, given: Mapping[str, Any], desk: Desk) -> str:
        """Does it and returns what the model sees.

        Raises:
            ToolRefused, PlanRefused: it cannot be done; the text says what to do instead.
        """
        ...
