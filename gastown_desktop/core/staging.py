"""Staging: what is wrong or doubtful about a plan before money is spent on it, and how it is launched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import NOT_DISPATCHABLE
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.disk import PLENTY, Disk, show_bytes
from gastown_desktop.core.errors import DependencyCycle
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.overlaps import overlaps_in
from gastown_desktop.core.plain_text import shown_path
from gastown_desktop.core.plan import Plan
from gastown_desktop.core.plan_changes import cycle_text
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.core.wording import plural, show_money

About = Literal["empty", "cycle", "files", "gate", "isolated", "overlap", "capacity", "cost"]
_NO_RULES = SerialisingFiles()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a plan that the user should know before it is launched."""

    level: Literal["error", "warning"]
    """An error stops the launch; a warning the user may accept."""
    about: About
    text: str
    beads: tuple[BeadId, ...] = ()


def check(
    plan: Plan,
    *,
    known_paths: Collection[str],
    gates: Sequence[str],
    forecast_p90: int | None = None,
    free: int | None = None,
    slots_wanted: int = 0,
    slot_bytes: int = 0,
    disk: Disk = PLENTY,
    serialising: SerialisingFiles = _NO_RULES,
) -> list[Finding]:
    """What is wrong or doubtful about a plan, errors first.

    Args:
        plan: what is to be launched.
        known_paths: tracked paths at the convoy's base.
        gates: commands that have to succeed before anything lands.
        forecast_p90: nano-dollars that it costs with nine chances in ten at most; None when not known.
        free: nano-dollars that the cap leaves; None when no cap was set yet.
        slots_wanted: workers that are to be at work at the same time.
        slot_bytes: what one working folder holds, in bytes.
        disk: where they are going to be.
        serialising: files that the rig settles by itself.
    """
    if not plan.beads:
        return [Finding(level="error", about="empty", text="The plan has no beads: there is nothing to do.")]
    try:
        dag = plan.dag()
    except DependencyCycle as cycle:
        beads = tuple(BeadId(one) for one in dict.fromkeys(cycle.path))
        found = Finding(level="error", about="cycle", text=cycle_text(plan, cycle.path), beads=beads)
        return [found, *_files(plan, known_paths), *_gates(gates)]
    return [
        *_files(plan, known_paths),
        *_gates(gates),
        *_isolated(plan, dag),
        *_overlaps(plan, dag, serialising),
        *_capacity(dag, slots_wanted, slot_bytes, disk),
        *_cost(forecast_p90, free),
    ]


def launch_events(state: Projection) -> list[ev.BeadOpened | ev.ConvoyStageChanged]:
    """What launches a convoy: every draft may be begun, and it runs; at a running one only new drafts open.

    Nothing where the convoy is over, or waits to land without drafts.
    """
    where: Any = {"rig": state.rig, "convoy": state.convoy}
    if state.stage in {"landed", "abandoned"}:
        return []
    told: list[ev.BeadOpened | ev.ConvoyStageChanged] = []
    drafts = state.with_status("draft")
    if state.stage == "draft":
        told.append(ev.ConvoyStageChanged(**where, stage="staged"))
    told += [ev.BeadOpened(**where, bead=bead) for bead in drafts]
    if state.stage in {"draft", "staged"} or (state.stage == "ready_to_land" and drafts):
        told.append(ev.ConvoyStageChanged(**where, stage="running"))
    return told


def _files(plan: Plan, known: Collection[str]) -> Iterable[Finding]:
    works = {one: planned.bead for one, planned in plan.beads.items() if not _is_told_only(plan, one)}
    silent = tuple(one for one, bead in works.items() if not bead.files)
    if silent:
        text = f"{_some(silent)} named no files: overlaps with other beads cannot be foreseen."
        yield Finding(level="warning", about="files", text=text, beads=silent)
    for one, bead in works.items():
        absent = [path for path in bead.files if path not in known]
        if absent and len(absent) == len(bead.files) and len(absent) > 1:
            paths = ", ".join(shown_path(path) for path in absent[:3])
            text = (
                f"{one} expects only files that do not exist yet ({paths}): look whether its paths are right."
            )
            yield Finding(level="warning", about="files", text=text, beads=(one,))


def _gates(gates: Sequence[str]) -> Iterable[Finding]:
    if not gates:
        text = "No gate is configured: whatever the workers hand in will be taken as it is."
        yield Finding(level="warning", about="gate", text=text)


def _isolated(plan: Plan, dag: Dag) -> Iterable[Finding]:
    """Beads that nothing connects, where others are connected: perhaps a dependency was forgotten."""
    alone = tuple(one for one in dag.beads if not dag.dependencies(one) and not dag.dependants(one))
    if alone and len(alone) < len(dag.beads):
        titles = ", ".join(f"{one} “{plan.beads[one].bead.title}”" for one in alone[:3])
        more = f" and {len(alone) - 3} more" if len(alone) > 3 else ""
        text = f"Nothing connects {titles}{more} with the other beads: look whether a dependency is missing."
        yield Finding(level="warning", about="isolated", text=text, beads=alone)


def _overlaps(plan: Plan, dag: Dag, rules: SerialisingFiles) -> Iterable[Finding]:
    files = {one: planned.bead.files for one, planned in plan.beads.items()}
    for pair in overlaps_in(dag, files, rules):
        paths = ", ".join(shown_path(path) for path in pair.files[:3])
        more = f" and {len(pair.files) - 3} more" if len(pair.files) > 3 else ""
        text = f"{pair.one} and {pair.other} both expect {paths}{more}: they may conflict."
        yield Finding(level="warning", about="overlap", text=text, beads=(pair.one, pair.other))


def _capacity(dag: Dag, wanted: int, slot_bytes: int, disk: Disk) -> Iterable[Finding]:
    room = disk.slots_that_fit(slot_bytes)
    if wanted > room:
        need, free = show_bytes(wanted * slot_bytes), show_bytes(disk.free)
        text = (
            f"{plural(wanted, 'working folder')} ≈ {need}, and {free} of the disk are free: "
            f"{plural(room, 'worker')} can be at work at a time."
        )
        yield Finding(level="warning", about="capacity", text=text)
    widest = max(map(len, dag.waves()), default=0)
    if wanted > widest > 0:
        text = (
            f"This plan has work for {plural(widest, 'worker')} at a time at most, and {wanted} are wanted."
        )
        yield Finding(level="warning", about="capacity", text=text)


def _cost(forecast: int | None, free: int | None) -> Iterable[Finding]:
    if forecast is not None and free is not None and forecast > free:
        text = (
            f"It may cost up to {show_money(forecast)} (nine chances in ten), and {show_money(free)} are "
            "left: the limit may stop it before the end."
        )
        yield Finding(level="warning", about="cost", text=text)


def _is_told_only(plan: Plan, bead: BeadId) -> bool:
    return plan.beads[bead].bead.kind in NOT_DISPATCHABLE


def _some(beads: Sequence[BeadId], most: int = 5) -> str:
    shown = ", ".join(beads[:most])
    return f"{shown} and {len(beads) - most} more" if len(beads) > most else shown
