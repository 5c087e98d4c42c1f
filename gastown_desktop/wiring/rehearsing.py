"""A rehearsal from the wish to its result, for the command line and the window alike."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.repository_config import RepositoryConfig
from gastown_desktop.adapters.whole_file import write_whole
from gastown_desktop.checker import Report, check
from gastown_desktop.core.chaos import Chaos, LastingFault
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, convoy_id
from gastown_desktop.core.preparation import NO_PREPARATION, Preparation
from gastown_desktop.engine.diff_sizes import changed_lines
from gastown_desktop.engine.evidence import as_markdown
from gastown_desktop.engine.evidence_page import as_page
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.misbehaving import chaos_json
from gastown_desktop.engine.plan_kinds import PlanKind
from gastown_desktop.engine.rehearsal import (
    RehearsalSettings,
    StoredRehearsal,
    announce,
    find_mechanical,
    store,
)
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan, choose_range, plan_true
from gastown_desktop.engine.rehearsal_result import result_of
from gastown_desktop.engine.replay import Replays
from gastown_desktop.engine.town import Town
from gastown_desktop.wiring.running import Listening, Running
from gastown_desktop.wiring.town_parts import build_slots, choose_sandbox, clear_slots
from gastown_desktop.wiring.workplace import SCRATCH, Workplace, rehearsal_folder, require_trust, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRequest:
    """What is to be rehearsed, and how."""

    last: int
    span: str | None = None
    """`A..B`, or None for the last commits."""
    gates: tuple[Gate, ...]
    trust: bool = False
    """The user trusts the repository with what would run, from now on."""
    polecats: int
    cap: int
    """Nano-dollars at list price."""
    real_pace: bool = False
    model: str
    strict_gates: bool = False
    plan: PlanKind = "true"
    lands_each: bool = False
    chaos: int | None = None
    """The seed of faults on purpose; None for none."""
    preparation: Preparation = NO_PREPARATION
    """What working folders are prepared with."""


async def span_of(workplace: Workplace, objects: GitObjects, span: str | None) -> tuple[Oid | None, Oid]:
    """The commit before the first one (None: as many as wanted), and the newest one.

    Raises:
        Refused: it is no range, or an end of it names no commit.
    """
    if not span:
        return None, workplace.facts.head_oid
    first, separator, second = span.partition("..")
    if not separator or not first:
        raise Refused(f"{span} is not a range.", remedy="Give it as A..B.")
    stop = await resolve(workplace, objects, first)
    return stop, await resolve(workplace, objects, second or "HEAD")


async def prepare_rehearsal(
    workplace: Workplace,
    objects: GitObjects,
    request: RehearsalRequest,
    config: RepositoryConfig,
    listening: Listening,
) -> StoredRehearsal:
    """Chooses the commits, asks for trust, plans, and writes the rehearsal down.

    Raises:
        Refused: there is nothing to rehearse, or the repository is not trusted with what would run.
    """
    stop, tip = await span_of(workplace, objects, request.span)
    before, commits = await choose_range(
        objects, tip, last=request.last, stop=stop, shallow=workplace.facts.shallow
    )
    preparation = request.preparation
    if preparation.hosts:
        scratch = workplace.rig.folder / SCRATCH
        await choose_sandbox(workplace, scratch, preparation.hosts, for_setup=True)
    await require_trust(
        *(workplace, request.gates, config.serialising.generated, (), preparation),
        trust=request.trust,
        say=listening.say,
    )
    convoy = convoy_id(f"{workplace.rig.id} {tip} {workplace.clock.now().isoformat()}")
    plan = await plan_true(
        objects,
        Replays(objects, config.serialising),
        before,
        commits,
        prefix=workplace.rig.prefix,
        convoy=convoy,
        told=listening.planned,
    )
    slots = await build_slots(workplace, objects, preparation)
    await clear_slots(slots)
    rehearsal = StoredRehearsal(
        convoy=convoy,
        plan=plan,
        mechanical=await find_mechanical(objects, slots, plan),
        settings=RehearsalSettings(
            polecats=request.polecats,
            gates=request.gates,
            cap=request.cap,
            real_pace=request.real_pace,
            model=request.model,
            strict_gates=request.strict_gates,
            plan=request.plan,
            lands_each=request.lands_each,
            chaos=request.chaos,
            serialising=config.serialising,
            preparation=preparation,
        ),
    )
    await store(objects, rehearsal)
    return rehearsal


@dataclass(slots=True, kw_only=True)
class Rehearsing(Running):
    """A rehearsal that is wired and can run."""

    rehearsal: StoredRehearsal

    @property
    def convoy(self) -> ConvoyId:
        """Which rehearsal it is."""
        return self.rehearsal.convoy

    @property
    def settings(self) -> RehearsalSettings:
        """What the user asked for."""
        return self.rehearsal.settings

    @property
    def result_file(self) -> Path:
        """The report that the window shows."""
        return evidence_file(self.workplace.rig.folder, self.convoy)

    async def announce(self) -> None:
        """Makes branch, target and convoy, where an earlier process did not."""
        await announce(self.town.kit.bus, self.objects, self.workplace.rig, self.rehearsal)

    async def keep(self, *, cap: int, polecats: int) -> None:
        """Writes a cap (nano-dollars at list price) and a number of workers down."""
        settings = replace(self.settings, cap=cap, polecats=polecats)
        self.rehearsal = replace(self.rehearsal, settings=settings)
        await store(self.objects, self.rehearsal)

    def whole_town(self, *, merges_only: bool = False) -> Town:
        """Dispatcher, polecats and Refinery, as the rehearsal's settings have them.

        Args:
            merges_only: nothing new is begun but what lets handed-in work merge.
        """
        settings, works = self.settings, self.rehearsal.plan.works
        return Town(
            self.town.kit,
            self.town.gates,
            fleet_size=settings.polecats,
            model=settings.model,
            strict_gates=settings.strict_gates,
            lands_each=settings.lands_each,
            merges_only=merges_only,
            diff_sizes=lambda: changed_lines(self.objects, [work.commit for work in works.values()]),
        )

    async def result(self, listening: Listening, *, checked: bool) -> dict[str, Any]:
        """Measures what was done; `rehearse --json` prints it.

        Args:
            listening: hears what changed in the user's repository, and what the checker found.
            checked: also replay all landings; a plan that is not the true one always is.
        """
        town, measured = self.town, await self._measured(listening)
        tip = await self.objects.read_ref(town.kit.refs.target)
        landed = await self.objects.tree_of(tip) if tip else None
        bill = town.bill.nano_usd if town.bill is not None else 0
        result = result_of(town.kit.bus.state, self.rehearsal, landed, town.gate, measured, bill)
        if town.misbehaving is not None:
            result["chaos"] = chaos_json(town.misbehaving, self.settings.chaos)
        if checked or self.settings.plan != "true" or town.misbehaving is not None:
            result["check"] = await self._check(listening)
        return result

    async def _check(self, listening: Listening) -> dict[str, Any]:
        """Lets the checker replay what was landed; says what it found and returns it as JSON values."""
        place, convoy = self.workplace, self.rehearsal.convoy
        excused = lasting_faults(self.rehearsal)
        report = await asyncio.to_thread(
            check, place.rig.town_git, place.events_file(convoy), convoy, excused=excused
        )
        for sentence in _found(report):
            listening.say(sentence)
        return asdict(report)


def lasting_faults(rehearsal: StoredRehearsal) -> dict[BeadId, LastingFault]:
    """Beads with a fault on purpose that lasts: they may end with the user."""
    if rehearsal.settings.chaos is None:
        return {}
    chaos = Chaos(rehearsal.settings.chaos)
    found: dict[BeadId, LastingFault] = {}
    for bead, work in rehearsal.plan.works.items():
        fault = chaos.lasting(work.commit)
        if fault is not None:
            found[bead] = fault
    return found


def evidence_file(rig_folder: Path, convoy: ConvoyId) -> Path:
    """Where the report of a rehearsal is kept."""
    return rehearsal_folder(rig_folder, convoy) / "evidence.json"


def plan_sentence(plan: RehearsalPlan, *, independent: int, critical_path: int) -> str:
    """What planning found, in one sentence."""
    return (
        f"{len(plan.works)} beads, {independent} independent, critical path {critical_path}, "
        f"{len(plan.silent)} silent merge differences"
    )


def write_report(folder: Path, result: dict[str, Any]) -> tuple[Path, ...]:
    """Writes the report as Markdown, one HTML page and JSON; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "evidence.md": as_markdown(result),
        "evidence.html": as_page(result),
        "evidence.json": json.dumps(result, indent=1),
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode("utf-8", "backslashreplace"))
    return tuple(folder / name for name in texts)


def _found(report: Report) -> list[str]:
    held = "everything holds" if report.ok else "this does not hold:"
    return [
        f"Checker: {report.checked} landings replayed, {held}",
        *(f"  {problem}" for problem in report.problems),
        *(
            f"  {difference.path} is not as in history after {' and '.join(difference.beads)}"
            for difference in report.differences
            if not difference.missing
        ),
    ]
