"""The three plans of a rehearsal: what really depends, what a planner would guess, and nothing."""

from __future__ import annotations

from typing import Literal, get_args

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan

PlanKind = Literal["true", "predicted", "none"]
PLAN_KINDS: tuple[str, ...] = get_args(PlanKind)


def dependencies_of(plan: RehearsalPlan, kind: PlanKind) -> list[Dependency]:
    """The dependencies that the convoy is given.

    Args:
        plan: past work with its true dependencies.
        kind: `true`: those; `predicted`: every earlier bead that is expected to touch the same file, as one
            plans who only has the list of files; `none`: everything starts at once.
    """
    match kind:
        case "true":
            return list(plan.dependencies)
        case "predicted":
            return _predicted(plan)
        case "none":
            return []


def dag_of(plan: RehearsalPlan, kind: PlanKind) -> Dag:
    """The beads as they wait for each other under a plan."""
    return Dag(plan.works, dependencies_of(plan, kind))


def _predicted(plan: RehearsalPlan) -> list[Dependency]:
    works = list(plan.works.values())
    return [
        Dependency(bead=later.bead, on=earlier.bead)
        for number, later in enumerate(works)
        for earlier in works[:number]
        if set(earlier.paths) & set(later.paths)
    ]
