"""A rehearsal from its plan to its oracle: everything real but the model."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid
from gastown_desktop.core.preparation import NO_PREPARATION, Preparation, preparation_of
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.expressible import MechanicalPaths, mechanical_paths
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import GitObjects, Slots
from gastown_desktop.engine.plan_kinds import PlanKind, dependencies_of
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan, restore_plan
from gastown_desktop.engine.replay import Replays
from gastown_desktop.engine.rig import RefNames, Rig
from gastown_desktop.engine.work import serialising_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalSettings:
    """What the user asked for."""

    polecats: int
    gates: tuple[Gate, ...]
    cap: int
    """Nano-dollars at list price."""
    real_pace: bool
    model: str
    strict_gates: bool = False
    plan: PlanKind = "true"
    lands_each: bool = False
    """Every merged prefix lands at once, instead of the whole convoy at its end."""
    serialising: SerialisingFiles = field(default=SerialisingFiles())
    """What the repository's `.gastown.toml` says about files that many beads touch."""
    preparation: Preparation = NO_PREPARATION
    """What working folders are prepared with."""
    chaos: int | None = None
    """The seed of faults on purpose; None for none."""
    silence_s: float = 2.0
    """Seconds of silence after which a reply is given up, where faults are on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRehearsal:
    """A rehearsal as `resume` finds it."""

    convoy: ConvoyId
    plan: RehearsalPlan
    mechanical: dict[BeadId, MechanicalPaths]
    settings: RehearsalSettings


def plan_ref(convoy: ConvoyId) -> str:
    """Where a rehearsal's plan is kept, as a blob."""
    return f"refs/gastown/rehearsals/{convoy}/plan"


async def store(objects: GitObjects, rehearsal: StoredRehearsal) -> None:
    """Writes a rehearsal down before anything of it happens; the same again changes nothing.

    Raises:
        GitError: another rehearsal has this name.
    """
    plan = rehearsal.plan
    fields = {
        "base": plan.base,
        "commits": [work.commit for work in plan.works.values()],
        "beads": list(plan.works),
        "tip": plan.tip,
        "dependencies": [[dependency.bead, dependency.on] for dependency in plan.dependencies],
        "conflicting": plan.conflicting,
        "silent": [asdict(difference) for difference in plan.silent],
        "left_out": plan.left_out,
        "mechanical": rehearsal.mechanical,
        "settings": asdict(rehearsal.settings),
    }
    blob = await objects.write_blob(json.dumps(fields, ensure_ascii=True, indent=1).encode("ascii"))
    name = plan_ref(rehearsal.convoy)
    old = await objects.read_ref(name)
    if old != blob and not await objects.swap_ref(name, old=old, new=blob):
        raise GitError("Another rehearsal has this name.")


async def load(objects: GitObjects, convoy: ConvoyId) -> StoredRehearsal:
    """Reads a rehearsal back.

    Raises:
        GitError: there is none of this name.
    """
    blob = await objects.read_ref(plan_ref(convoy))
    if blob is None:
        raise GitError(f"There is no rehearsal {convoy}.")
    fields: dict[str, Any] = json.loads(await objects.read_blob(blob))
    settings: dict[str, Any] = fields["settings"]
    settings["gates"] = tuple(Gate(**gate) for gate in settings["gates"])
    settings["serialising"] = serialising_of(settings.get("serialising", {}))
    settings["preparation"] = preparation_of(settings.get("preparation", {}))
    return StoredRehearsal(
        convoy=convoy,
        plan=await restore_plan(objects, fields),
        mechanical=fields["mechanical"],
        settings=RehearsalSettings(**settings),
    )


async def find_mechanical(
    objects: GitObjects, slots: Slots, plan: RehearsalPlan
) -> dict[BeadId, MechanicalPaths]:
    """Paths that code puts in place, by bead; beads without any are left out."""
    found: dict[BeadId, MechanicalPaths] = {}
    for bead, work in plan.works.items():
        parent = (await objects.read_commit(work.commit)).parents[0]
        paths = await mechanical_paths(objects, slots, work, parent)
        if paths:
            found[bead] = paths
    await slots.remove("plan")
    return found


async def announce(bus: Bus, objects: GitObjects, rig: Rig, rehearsal: StoredRehearsal) -> None:
    """Makes branch, target and convoy; what an earlier process already told is not told again."""
    plan, refs = rehearsal.plan, RefNames(rehearsal.convoy, rehearsal=True)
    for name in (refs.convoy_branch, refs.target):
        if await objects.read_ref(name) is None:
            await objects.swap_ref(name, old=None, new=plan.base)
    where: Any = {"rig": rig.id, "convoy": rehearsal.convoy}
    news: list[ev.DurableEvent] = []
    if not bus.state.convoy:
        title = f"Rehearsal of {len(plan.works)} commits up to {plan.tip[:10]}"
        created = ev.ConvoyCreated(
            **where,
            title=title,
            base=plan.base,
            target=refs.target,
            plan=rehearsal.settings.plan,
            rehearsal=True,
        )
        news.append(created)
    news += [
        ev.BeadAdded(**where, bead=bead, title=work.subject, description=work.body, files=work.paths)
        for bead, work in plan.works.items()
        if bead not in bus.state.beads
    ]
    known = {(dependency.bead, dependency.on) for dependency in bus.state.dependencies}
    news += [
        ev.DependencyAdded(**where, bead=dependency.bead, on=dependency.on)
        for dependency in dependencies_of(plan, rehearsal.settings.plan, rehearsal.settings.serialising)
        if (dependency.bead, dependency.on) not in known
    ]
    if news:
        await bus.publish(*news)


def finisher(
    objects: GitObjects,
    replays: Replays,
    rehearsal: StoredRehearsal,
    targets: Mapping[tuple[BeadId, Oid], Oid],
) -> Callable[[BeadId, Oid, Oid], Awaitable[Oid]]:
    """Puts a bead's mechanical paths in place, as replaying its commit gives them.

    Args:
        objects: the rig's own repository.
        replays: merges, remembered.
        rehearsal: what is rehearsed.
        targets: trees of beads that were not replayed on their base but on a later tip.
    """

    async def finish(bead: BeadId, base: Oid, tree: Oid) -> Oid:
        paths = rehearsal.mechanical.get(bead)
        if not paths:
            return tree
        wanted = targets.get((bead, base))
        if wanted is None:
            base_tree = await objects.tree_of(base)
            wanted = (await replays.on(rehearsal.plan.works[bead], base_tree)).tree
        entries = {entry.path: entry for entry in await objects.list_tree(wanted, recursive=True)}
        changes = {
            path: (entries[path].mode, entries[path].oid) if path in entries else None for path in paths
        }
        return await objects.edit_tree(tree, changes)

    return finish


async def unfinished(objects: GitObjects) -> list[ConvoyId]:
    """Names of all rehearsals that were written down."""
    refs = await objects.list_refs("refs/gastown/rehearsals/")
    return [ConvoyId(name.split("/")[3]) for name in refs if name.endswith("/plan")]
