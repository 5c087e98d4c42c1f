"""A plan: the beads of a convoy as they are to be, and the facts that turn one plan into another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead, BeadStatus, Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.ids import BeadId, ConvoyId, RigId
from gastown_desktop.core.known_paths import folders_of
from gastown_desktop.core.overlaps import Overlap, overlaps_in
from gastown_desktop.core.plain_text import shown_path
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.core.wording import plural

PlanFact = (
    ev.ConvoyRetitled
    | ev.ConvoyStageChanged
    | ev.BeadAdded
    | ev.BeadEdited
    | ev.BeadRemoved
    | ev.DependencyAdded
    | ev.DependencyRemoved
)
"""What is told about a plan that changed."""
OPEN_STAGES = frozenset({"draft", "staged"})
"""Stages at which everything of a plan may change."""
_FIELDS = ("title", "description", "acceptance", "priority", "files", "size", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBead:
    """A bead of a plan, and whether it is only a plan still."""

    bead: Bead
    status: BeadStatus = "draft"
    slung: bool = False
    """Somebody works on it, or did."""

    @property
    def is_draft(self) -> bool:
        """Whether it can be changed in every way: nobody may begin it yet."""
        return self.status == "draft"

    @property
    def can_be_edited(self) -> bool:
        """Whether what it says can change: nobody has read it yet."""
        return self.status in {"draft", "open", "deferred"} and not self.slung


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a plan stands on: the repository at the convoy's base."""

    paths: frozenset[str] = frozenset()
    """Tracked paths."""
    serialising: SerialisingFiles = field(default=SerialisingFiles())
    """Files that the rig settles by itself; they do not make beads overlap."""
    folders: frozenset[str] = field(init=False)
    """Folders that the paths are in."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folders", folders_of(self.paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The beads of a convoy in planning order, and what they wait for."""

    rig: RigId
    convoy: ConvoyId
    title: str = ""
    stage: str = "draft"
    beads: Mapping[BeadId, PlannedBead] = field(default_factory=dict[BeadId, PlannedBead])
    dependencies: tuple[Dependency, ...] = ()
    gone: frozenset[BeadId] = frozenset()
    """Ids that were taken out, or discarded, and are not used again."""

    @classmethod
    def of(cls, state: Projection) -> Plan:
        """The plan of a convoy as it is now, without what was discarded and what only resolves conflicts."""
        works = state.works()
        known = set(works)
        return cls(
            rig=state.rig,
            convoy=state.convoy,
            title=state.title,
            stage=state.stage,
            beads={bead: _planned(state, bead) for bead in works},
            dependencies=tuple(one for one in state.dependencies if one.bead in known and one.on in known),
            gone=frozenset(state.removed | (set(state.beads) - known)),
        )

    @property
    def is_open(self) -> bool:
        """Whether everything may change: the convoy was not launched."""
        return self.stage in OPEN_STAGES

    def dag(self, dependencies: Iterable[Dependency] | None = None) -> Dag:
        """The beads and what they wait for; raises DependencyCycle."""
        return Dag(self.beads, self.dependencies if dependencies is None else dependencies)

    def overlaps(self, rules: SerialisingFiles) -> list[Overlap]:
        """Pairs of beads that expect the same files and that nothing orders."""
        return overlaps_in(
            self.dag(), {one: planned.bead.files for one, planned in self.beads.items()}, rules
        )

    def with_bead(self, planned: PlannedBead) -> Plan:
        """The same with a bead set, in its place or at the end."""
        return replace(self, beads={**self.beads, planned.bead.id: planned})

    def without_beads(self, gone: Iterable[BeadId]) -> Plan:
        """The same without some beads and all that waited for them or they for."""
        out = set(gone)
        return replace(
            self,
            beads={one: planned for one, planned in self.beads.items() if one not in out},
            dependencies=tuple(one for one in self.dependencies if one.bead not in out and one.on not in out),
            gone=self.gone | out,
        )


def plan_text(plan: Plan) -> str:
    """A plan as a model reads it: one bead a line, with what it waits for and what it touches."""
    lines = [f"Convoy “{plan.title}” ({plan.stage.replace('_', ' ')}), {plural(len(plan.beads), 'bead')}:"]
    for one, planned in plan.beads.items():
        bead = planned.bead
        waits = [other.on for other in plan.dependencies if other.bead == one]
        after = f"; after {', '.join(waits)}" if waits else ""
        files = ", ".join(shown_path(path) for path in bead.files)
        about = f"{planned.status}, {bead.kind}, {bead.size}, P{bead.priority}{after}"
        lines.append(f"- {one} “{bead.title}” ({about}); files: {files or 'none named'}")
    return "\n".join(lines)


def facts_between(old: Plan, new: Plan) -> list[PlanFact]:
    """What has to be told so that one plan becomes another, in an order in which each makes sense."""
    where: Any = {"rig": new.rig, "convoy": new.convoy}
    facts: list[PlanFact] = []
    if old.title != new.title:
        facts.append(ev.ConvoyRetitled(**where, title=new.title))
    facts += [ev.BeadRemoved(**where, bead=bead) for bead in old.beads if bead not in new.beads]
    facts += _removed_dependencies(old, new, where)
    for bead, planned in new.beads.items():
        if bead not in old.beads:
            facts.append(_added(planned, where))
        elif (edited := _edited(old.beads[bead].bead, planned.bead, where)) is not None:
            facts.append(edited)
    facts += [
        ev.DependencyAdded(**where, bead=one.bead, on=one.on, type=one.kind)
        for one in new.dependencies
        if one not in old.dependencies
    ]
    if facts and old.stage == "staged":
        facts.append(ev.ConvoyStageChanged(**where, stage="draft", reason="The plan was changed."))
    return facts


def untold(facts: Iterable[PlanFact], state: Projection) -> list[PlanFact]:
    """Those of a change's facts that a history lacks which was cut short while they were told."""
    told = list(facts)
    known = set(state.beads) | {fact.bead for fact in told if isinstance(fact, ev.BeadAdded)}
    return [fact for fact in told if not _is_told(fact, state, known)]


def _planned(state: Projection, bead: BeadId) -> PlannedBead:
    view = state.beads[bead]
    return PlannedBead(bead=view.bead, status=view.status, slung=view.attempts > 0)


def _removed_dependencies(old: Plan, new: Plan, where: Any) -> Iterator[PlanFact]:
    """Those between beads that stay; a bead that goes takes its own along."""
    for one in old.dependencies:
        if one not in new.dependencies and one.bead in new.beads and one.on in new.beads:
            yield ev.DependencyRemoved(**where, bead=one.bead, on=one.on, type=one.kind)


def _added(planned: PlannedBead, where: Any) -> ev.BeadAdded:
    bead = planned.bead
    return ev.BeadAdded(
        **where,
        bead=bead.id,
        title=bead.title,
        description=bead.description,
        acceptance=bead.acceptance,
        type=bead.kind,
        priority=bead.priority,
        files=bead.files,
        size=bead.size,
        model=bead.model,
        status=planned.status,
        labels=bead.labels,
        extra=bead.extra,
    )


def _edited(old: Bead, new: Bead, where: Any) -> ev.BeadEdited | None:
    if old == new:
        return None
    changes: dict[str, Any] = {
        name: getattr(new, name) for name in _FIELDS if getattr(old, name) != getattr(new, name)
    }
    if old.kind != new.kind:
        changes["type"] = new.kind
    if old.model != new.model:
        changes["model"] = new.model or ""
    return ev.BeadEdited(**where, bead=new.id, **changes)


def _is_told(fact: PlanFact, state: Projection, known: set[BeadId]) -> bool:
    """Whether a fact is folded already, or can no longer be.

    Args:
        fact: the fact.
        state: what was told.
        known: beads that there are, or that will be told of.
    """
    match fact:
        case ev.ConvoyRetitled():
            return state.title == fact.title
        case ev.ConvoyStageChanged():
            return state.stage != "staged"
        case ev.BeadAdded():
            return fact.bead in state.beads or fact.bead in state.removed
        case ev.BeadRemoved():
            return fact.bead not in state.beads
        case ev.BeadEdited():
            return fact.bead not in state.beads or _says(state.beads[fact.bead].bead, fact)
        case ev.DependencyAdded():
            return _has(state, fact) or not {fact.bead, fact.on} <= known
        case ev.DependencyRemoved():
            return not _has(state, fact)


def _says(bead: Bead, fact: ev.BeadEdited) -> bool:
    """Whether a bead says already what an edit makes of it."""
    given: dict[str, Any] = {name: getattr(fact, name) for name in _FIELDS}
    given["kind"] = fact.type
    same = all(value is None or getattr(bead, name) == value for name, value in given.items())
    return same and (fact.model is None or bead.model == (fact.model or None))


def _has(state: Projection, fact: ev.DependencyAdded | ev.DependencyRemoved) -> bool:
    wanted = (fact.bead, fact.on, fact.type)
    return any((one.bead, one.on, one.kind) == wanted for one in state.dependencies)
