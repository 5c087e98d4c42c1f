"""The three plans of a rehearsal: what really depends, what a planner would guess, and nothing."""

from __future__ import annotations

from typing import Literal, get_args

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.serialising import SerialisingFiles, is_union
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan
from gastown_desktop.engine.replay import NO_RULES

PlanKind = Literal["true", "predicted", "none"]
PLAN_KINDS: tuple[str, ...] = get_args(PlanKind)


def dependencies_of(
    plan: RehearsalPlan, kind: PlanKind, rules: SerialisingFiles = NO_RULES
) -> list[Dependency]:
    """The dependencies that the convoy is given.

    Args:
        plan: past work with its true dependencies.
        rules: files that keep nobody waiting, since code settles them.
        kind: `true`: those; `predicted`: every earlier bead that is expected to touch the same file, as one
            plans who only has the list of files; `none`: everything starts at once.
    """
    match kind:
        case "true":
            return list(plan.dependencies)
        case "predicted":
            return _predicted(plan, rules)
        case "none":
            return []


def dag_of(plan: RehearsalPlan, kind: PlanKind, rules: SerialisingFiles = NO_RULES) -> Dag:
    """The beads as they wait for each other under a plan."""
    return Dag(plan.works, dependencies_of(plan, kind, rules))


def _predicted(plan: RehearsalPlan, rules: SerialisingFiles) -> list[Dependency]:
    works = list(plan.works.values())
    paths = {work.bead: {path for path in work.paths if not is_union(path, rules)} for work in works}
    return [
        Dependency(bead=later.bead, on=earlier.bead)
        for number, later in enumerate(works)
        for earlier in works[:number]
        if paths[earlier.bead] & paths[later.bead]
    ]
