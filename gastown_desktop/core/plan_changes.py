"""Changes of a plan: each gives the plan that comes out, or says why it cannot be and how to mend that.

Nothing here tells anybody: `core.plan.facts_between` names the facts to publish. The same rules hold for the
Mayor and for the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from gastown_desktop.core import planned_values as check
from gastown_desktop.core.bead import DEPENDENCY_KINDS, Bead, Dependency, DependencyKind
from gastown_desktop.core.errors import DependencyCycle, PlanRefused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.known_paths import KnownPaths
from gastown_desktop.core.plain_text import one_line, shown_path
from gastown_desktop.core.plan import Ground, Plan, PlanFact, PlannedBead, facts_between
from gastown_desktop.core.serialising import SerialisingFiles

MOST_BEADS = 200
"""Beads of one convoy."""
MOST_PAIRS = 10
"""Overlaps that are named one by one."""

Named = Callable[[str], BeadId]
"""Gives the bead of a local name its id; the same name gets the same id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftBead:
    """A bead as it is proposed; nothing of it is checked."""

    title: str
    description: str = ""
    acceptance: str = ""
    files: tuple[str, ...] = ()
    """Paths that exist, relative to the repository's top level."""
    new_files: tuple[str, ...] = ()
    """Paths that it makes."""
    size: str = "M"
    why_large: str = ""
    kind: str = "task"
    priority: int = 2
    key: str = ""
    """Its name among the beads that are proposed with it."""
    after: tuple[str, ...] = ()
    """Beads that it waits for: keys of the same proposal, or ids of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeadEdits:
    """What is to change of a bead; None leaves it."""

    title: str | None = None
    description: str | None = None
    acceptance: str | None = None
    files: tuple[str, ...] | None = None
    new_files: tuple[str, ...] | None = None
    """Come on top of `files`, or of what the bead expects already."""
    size: str | None = None
    why_large: str = ""
    kind: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """What a change makes of a plan."""

    plan: Plan
    facts: tuple[PlanFact, ...]
    """What is to be published, in this order."""
    warnings: tuple[str, ...] = ()
    """What the user may accept, such as overlaps; of the whole plan."""
    beads: tuple[BeadId, ...] = ()
    """Beads that it made or changed."""


def propose(
    plan: Plan,
    title: str,
    drafts: Sequence[DraftBead],
    *,
    ground: Ground,
    named: Named,
) -> PlanChange:
    """Replaces all drafts of a plan by a whole list at once; other beads stay.

    Raises:
        PlanRefused: the convoy was launched, or the list makes no sense.
    """
    if not plan.is_open:
        raise PlanRefused(
            f"The convoy is {_stage(plan)}: its plan cannot be replaced any more. Use `add_bead` for new "
            "work and `edit_bead` for beads that nobody has begun."
        )
    if not drafts:
        raise PlanRefused("The proposal has no beads: propose at least one.")
    emptied = plan.without_beads([one for one, planned in plan.beads.items() if planned.is_draft])
    keys = _keys(drafts)
    made = {key: _fresh_id(emptied, named, key) for key in keys}
    known = _known(emptied, ground, (path for draft in drafts for path in draft.new_files))
    changed = replace(emptied, title=check.title_of(title, about="The convoy"))
    for key, draft in zip(keys, drafts, strict=True):
        changed = _with_draft(changed, draft, made[key], known)
    dependencies = [
        Dependency(bead=made[key], on=_waited_for(changed, made, on, draft.title))
        for key, draft in zip(keys, drafts, strict=True)
        for on in dict.fromkeys(draft.after)
    ]
    return _checked(plan, _with_dependencies(changed, dependencies), ground, tuple(made.values()))


def add_bead(plan: Plan, draft: DraftBead, ground: Ground, named: Named) -> PlanChange:
    """Adds one bead, a draft also where the convoy runs.

    Raises:
        PlanRefused: it makes no sense, or the convoy is over.
    """
    _require_alive(plan)
    bead = _fresh_id(plan, named, draft.key or draft.title)
    known = _known(plan, ground, draft.new_files)
    changed = _with_draft(plan, draft, bead, known)
    dependencies = [
        Dependency(bead=bead, on=_waited_for(changed, {}, on, draft.title))
        for on in dict.fromkeys(draft.after)
    ]
    return _checked(plan, _with_dependencies(changed, dependencies), ground, (bead,))


def edit_bead(plan: Plan, bead: BeadId, edits: BeadEdits, ground: Ground) -> PlanChange:
    """Changes what a bead says, as long as nobody has begun it.

    Raises:
        PlanRefused: there is no such bead, somebody works on it, or the change makes no sense.
    """
    _require_alive(plan)
    planned = _planned(plan, bead)
    if not planned.can_be_edited:
        raise PlanRefused(
            f"{bead} is {planned.status}: what it says cannot change once somebody has begun it. Add another "
            "bead that comes after it."
        )
    edited = _edited(plan, planned.bead, edits, ground)
    if edited == planned.bead:
        raise PlanRefused(f"{bead} says all that already: nothing was changed.")
    _require_new_title(plan, edited.title, but=bead)
    return _checked(plan, plan.with_bead(replace(planned, bead=edited)), ground, (bead,))


def remove_bead(plan: Plan, bead: BeadId, ground: Ground) -> PlanChange:
    """Takes a draft out, with what waits for it or it for.

    Raises:
        PlanRefused: there is no such bead, or it is no draft any more.
    """
    _require_alive(plan)
    planned = _planned(plan, bead)
    if not planned.is_draft:
        raise PlanRefused(
            f"{bead} is {planned.status}, no draft any more: only the user can drop it from the convoy."
        )
    return _checked(plan, plan.without_beads([bead]), ground, ())


def add_dependency(plan: Plan, bead: BeadId, on: BeadId, kind: str, ground: Ground) -> PlanChange:
    """Makes a bead wait for another, or be told about it.

    Raises:
        PlanRefused: one of them is unknown, the kind is, they would wait for each other, or it is so already.
    """
    _require_unbegun(plan, bead)
    _planned(plan, on)
    if kind not in DEPENDENCY_KINDS:
        raise PlanRefused(f"{one_line(kind)!r} is no kind of dependency: use {', '.join(DEPENDENCY_KINDS)}.")
    if any((one.bead, one.on) == (bead, on) for one in plan.dependencies):
        raise PlanRefused(f"{bead} depends on {on} already: remove that dependency first to change its kind.")
    added = Dependency(bead=bead, on=on, kind=cast("DependencyKind", kind))
    return _checked(plan, _with_dependencies(plan, [added]), ground, (bead, on))


def remove_dependency(plan: Plan, bead: BeadId, on: BeadId, ground: Ground) -> PlanChange:
    """Lets a bead no longer wait for another.

    Raises:
        PlanRefused: one of them is unknown, or there is no such dependency.
    """
    _require_unbegun(plan, bead)
    _planned(plan, on)
    kept = tuple(one for one in plan.dependencies if (one.bead, one.on) != (bead, on))
    if len(kept) == len(plan.dependencies):
        waits = ", ".join(one.on for one in plan.dependencies if one.bead == bead) or "nothing"
        raise PlanRefused(f"{bead} does not depend on {on}: it depends on {waits}.")
    return _checked(plan, replace(plan, dependencies=kept), ground, (bead, on))


def overlap_warnings(plan: Plan, rules: SerialisingFiles) -> tuple[str, ...]:
    """Says of each pair of beads that may collide what to do about it."""
    found = plan.overlaps(rules)
    told = [
        f"{one.one} and {one.other} both expect {_listed(one.files)}: add a dependency or split them."
        for one in found[:MOST_PAIRS]
    ]
    if len(found) > MOST_PAIRS:
        told.append(f"{len(found) - MOST_PAIRS} more pairs of beads expect the same files.")
    return tuple(told)


def cycle_text(plan: Plan, path: Iterable[str]) -> str:
    """Beads that wait for each other, with their titles, and how to mend it."""
    names = [f"{one} “{plan.beads[BeadId(one)].bead.title}”" if one in plan.beads else one for one in path]
    return f"These beads would wait for each other: {' → '.join(names)}. Leave out one of these dependencies."


def _checked(old: Plan, new: Plan, ground: Ground, beads: tuple[BeadId, ...]) -> PlanChange:
    """The change, once nothing waits for itself and there are not too many beads."""
    if len(new.beads) > MOST_BEADS:
        raise PlanRefused(
            f"The plan would have {len(new.beads)} beads; at most {MOST_BEADS} are taken: plan the rest as "
            "another convoy."
        )
    return PlanChange(
        plan=new,
        facts=tuple(facts_between(old, new)),
        warnings=overlap_warnings(new, ground.serialising),
        beads=beads,
    )


def _with_dependencies(plan: Plan, added: Sequence[Dependency]) -> Plan:
    for one in added:
        if one.bead == one.on:
            raise PlanRefused(f"{_named(plan, one.bead)} would wait for itself: leave that dependency out.")
    changed = replace(plan, dependencies=(*plan.dependencies, *added))
    try:
        changed.dag()
    except DependencyCycle as cycle:
        raise PlanRefused(cycle_text(changed, cycle.path)) from None
    return changed


def _with_draft(plan: Plan, draft: DraftBead, bead: BeadId, known: KnownPaths) -> Plan:
    title = check.title_of(draft.title)
    _require_new_title(plan, title)
    why = one_line(draft.why_large)
    made = Bead(
        id=bead,
        title=title,
        description=check.description_of(_with_reason(draft.description, draft.size, why), title),
        acceptance=check.acceptance_of(draft.acceptance, title),
        kind=check.kind_of(draft.kind, title),
        priority=check.priority_of(draft.priority, title),
        files=check.files_of(draft.files, draft.new_files, known, title),
        size=check.size_of(draft.size, why, title),
    )
    return plan.with_bead(PlannedBead(bead=made))


def _edited(plan: Plan, bead: Bead, edits: BeadEdits, ground: Ground) -> Bead:
    title = bead.title if edits.title is None else check.title_of(edits.title)
    why = one_line(edits.why_large)
    size = check.size_of(edits.size or bead.size, why or ("as before" if bead.size == "L" else ""), title)
    text = bead.description if edits.description is None else edits.description
    files = bead.files
    if edits.files is not None or edits.new_files is not None:
        new = edits.new_files or ()
        known = _known(plan, ground, new)
        files = check.files_of(bead.files if edits.files is None else edits.files, new, known, title)
    return replace(
        bead,
        title=title,
        description=check.description_of(_with_reason(text, size, why), title),
        acceptance=bead.acceptance
        if edits.acceptance is None
        else check.acceptance_of(edits.acceptance, title),
        kind=bead.kind if edits.kind is None else check.kind_of(edits.kind, title),
        priority=bead.priority if edits.priority is None else check.priority_of(edits.priority, title),
        files=files,
        size=size,
    )


def _with_reason(description: str, size: str, why: str) -> str:
    """A description that says why a large bead is not split."""
    return f"{description}\n\nNot split because: {why}".strip() if size == "L" and why else description


def _keys(drafts: Sequence[DraftBead]) -> list[str]:
    """The local names of proposed beads; those without one are named by their place."""
    keys = [draft.key or f"#{number}" for number, draft in enumerate(drafts, 1)]
    twice = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
    if twice is not None:
        raise PlanRefused(f"Two beads have the key {one_line(twice)!r}: give each its own.")
    return keys


def _waited_for(plan: Plan, made: Mapping[str, BeadId], on: str, title: str) -> BeadId:
    found = made.get(on, BeadId(on))
    if found not in plan.beads:
        names = ", ".join([*made, *plan.beads][:30]) or "none"
        raise PlanRefused(
            f"“{one_line(title)}” waits for the unknown bead {one_line(on)!r}: name one of {names}."
        )
    return found


def _fresh_id(plan: Plan, named: Named, key: str) -> BeadId:
    """An id that no bead of the convoy has or had; it depends on the key and the plan only."""
    seed = key
    while (bead := named(seed)) in plan.beads or bead in plan.gone:
        seed += "'"
    return bead


def _known(plan: Plan, ground: Ground, new: Iterable[str]) -> KnownPaths:
    """Paths of the base, and those that beads of the plan, or the change itself, make or expect."""
    expected = (path for planned in plan.beads.values() for path in planned.bead.files)
    return KnownPaths(ground.paths, ground.folders, (*expected, *new))


def _require_alive(plan: Plan) -> None:
    if plan.stage in {"landed", "abandoned"}:
        raise PlanRefused(f"The convoy is {_stage(plan)}: plan new work as another convoy.")


def _require_unbegun(plan: Plan, bead: BeadId) -> None:
    """Refuses a change of what a bead waits for once the bead may have been begun."""
    _require_alive(plan)
    planned = _planned(plan, bead)
    if not plan.is_open and not planned.is_draft:
        raise PlanRefused(
            f"{bead} is {planned.status} and the convoy is {_stage(plan)}: what it waits for cannot change "
            "any more. Add a bead that comes after it."
        )


def _require_new_title(plan: Plan, title: str, but: BeadId | None = None) -> None:
    same = [one for one, planned in plan.beads.items() if one != but and _same(planned.bead.title, title)]
    if same:
        raise PlanRefused(f"{same[0]} is called “{title}” already: give each bead its own title.")


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _planned(plan: Plan, bead: BeadId) -> PlannedBead:
    planned = plan.beads.get(bead)
    if planned is None:
        known = ", ".join(list(plan.beads)[:30]) or "none yet"
        raise PlanRefused(f"There is no bead {one_line(bead)!r} in this plan: its beads are {known}.")
    return planned


def _named(plan: Plan, bead: BeadId) -> str:
    return f"{bead} “{plan.beads[bead].bead.title}”" if bead in plan.beads else bead


def _stage(plan: Plan) -> str:
    return plan.stage.replace("_", " ")


def _listed(paths: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(shown_path(path) for path in paths[:most])
    return f"{shown} and {len(paths) - most} more" if len(paths) > most else shown
