"""`rehearse` and `resume`."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource as limits
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from gastown_desktop.adapters.gate_proposals import propose_gates
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.git.user_repository import Fingerprint, differences, fingerprint
from gastown_desktop.adapters.repository_config import RepositoryConfig
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.checker import check
from gastown_desktop.cli.progress import Progress, open_progress, printable
from gastown_desktop.cli.sample import make_sample, sample_folder
from gastown_desktop.cli.workplace import (
    RehearsalTown,
    Workplace,
    build_rehearsal,
    build_slots,
    enter,
    open_workplace,
    require_trust,
    resolve,
)
from gastown_desktop.core import events as ev
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.events import decode
from gastown_desktop.core.ids import ConvoyId, Oid, convoy_id
from gastown_desktop.core.money import NanoUsd, usd
from gastown_desktop.core.projection import fold
from gastown_desktop.engine.diff_sizes import changed_lines
from gastown_desktop.engine.evidence import as_markdown
from gastown_desktop.engine.evidence_page import as_page
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.plan_kinds import dag_of
from gastown_desktop.engine.ports import GitObjects
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.rehearsal import (
    RehearsalSettings,
    StoredRehearsal,
    announce,
    find_mechanical,
    load,
    store,
    unfinished,
    with_cap,
)
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan, choose_range, plan_true
from gastown_desktop.engine.rehearsal_result import Measured, exit_code, result_of
from gastown_desktop.engine.replay import Replays
from gastown_desktop.engine.taking_over import is_hand_slot
from gastown_desktop.engine.town import Town
from gastown_desktop.paths import settings_file


async def rehearse(given: argparse.Namespace) -> int:
    """Rehearses a repository; returns the exit code."""
    started = time.monotonic()
    repo = Path(given.repo)
    trusted = False
    if given.repo == "sample":
        repo, trusted = await make_sample(given.data_dir), True
    workplace = await open_workplace(repo, given.data_dir)
    try:
        with open_progress(given) as progress:
            progress.say(f"Rehearsing {workplace.facts.top_level}")
            before = await fingerprint(workplace.git, workplace.facts)
            _say_oddities(workplace, progress)
            objects = await enter(workplace)
            rehearsal = await _prepare(given, workplace, objects, progress, trusted=trusted)
            result = await _run(given, workplace, objects, rehearsal, progress, before, started)
        return _show(given, result)
    finally:
        await workplace.close()


async def resume(given: argparse.Namespace) -> int:
    """Goes on with the newest rehearsal that did not land; returns the exit code."""
    started = time.monotonic()
    workplace = await open_workplace(_repo(given), given.data_dir)
    try:
        with open_progress(given) as progress:
            before = await fingerprint(workplace.git, workplace.facts)
            objects = await enter(workplace)
            convoy = await newest_unlanded(workplace, objects)
            rehearsal = await load(objects, convoy)
            if given.cap is not None:
                rehearsal = with_cap(rehearsal, given.cap)
                await store(objects, rehearsal)
            progress.say(f"Resuming {convoy}")
            result = await _run(given, workplace, objects, rehearsal, progress, before, started)
        return _show(given, result)
    finally:
        await workplace.close()


async def newest_unlanded(workplace: Workplace, objects: GitObjects) -> ConvoyId:
    """The rehearsal that was touched last among those that did not land, else among those that did.

    Raises:
        Refused: there is none.
    """
    convoys = await unfinished(objects)
    if not convoys:
        raise Refused("There is nothing to resume here.", remedy="Start with `gastown-desktop rehearse`.")

    def to_do_then_newest(convoy: ConvoyId) -> tuple[bool, float]:
        file = workplace.events_file(convoy)
        if not file.exists():
            return True, 0.0
        state = fold([decode(line) for line in read_lines(file)])
        return state.stage != "landed", file.stat().st_mtime

    return max(convoys, key=to_do_then_newest)


async def _prepare(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    progress: Progress,
    *,
    trusted: bool,
) -> StoredRehearsal:
    """Chooses the commits, asks for trust, plans, and writes the rehearsal down."""
    settings = read_settings(settings_file(given.data_dir))
    stop, tip = None, workplace.facts.head_oid
    if given.span is not None:
        first, separator, second = given.span.partition("..")
        if not separator or not first:
            raise Refused(f"{given.span} is not a range.", remedy="Give it as A..B.")
        stop = await resolve(workplace, objects, first)
        tip = await resolve(workplace, objects, second or "HEAD")
    before, commits = await choose_range(
        objects, tip, last=given.last, stop=stop, shallow=workplace.facts.shallow
    )
    config = await workplace.config(objects, tip)
    gates = await _gates(given, workplace, objects, tip, config, progress)
    generated = config.serialising.generated
    await require_trust(workplace, gates, generated, trust=given.trust or trusted)
    plan = await plan_true(
        objects,
        Replays(objects, config.serialising),
        before,
        commits,
        prefix=workplace.rig.prefix,
        told=progress.planned,
    )
    slots = await build_slots(workplace, objects)
    await _clear(slots)
    mechanical = await find_mechanical(objects, slots, plan)
    rehearsal = StoredRehearsal(
        convoy=convoy_id(f"{workplace.rig.id} {plan.tip} {workplace.clock.now().isoformat()}"),
        plan=plan,
        mechanical=mechanical,
        settings=RehearsalSettings(
            polecats=given.polecats or settings.polecats,
            gates=gates,
            cap=given.cap if given.cap is not None else usd(str(settings.rehearsal_limit_usd)),
            real_pace=given.pace == "real",
            model=settings.model,
            strict_gates=given.strict_gates,
            plan=given.plan,
            lands_each=given.land_each,
            serialising=config.serialising,
        ),
    )
    await store(objects, rehearsal)
    progress.say(_plan_sentence(plan, dag_of(plan, given.plan, config.serialising)))
    return rehearsal


async def _run(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    rehearsal: StoredRehearsal,
    progress: Progress,
    before: Fingerprint,
    started: float,
) -> dict[str, Any]:
    """Runs a rehearsal to its end and measures it."""
    slots = await build_slots(workplace, objects)
    town = await build_rehearsal(workplace, objects, slots, rehearsal)
    try:
        bus = town.kit.bus
        progress.watch(bus, town.gate, rehearsal)
        if not town.sandbox.confined:
            progress.say("No sandbox is at hand: gates and commands run with your rights.")
        resumed = bool(bus.state.convoy)
        orphans = await town.gate.open(town.model)
        await announce(bus, objects, workplace.rig, rehearsal)
        hooks = await reconcile(town.kit)
        if resumed:
            await bus.publish(_recovered(workplace, rehearsal, orphans, len(hooks)))
        await _set_cap(town, rehearsal)
        await _work(town, rehearsal, hooks)
        changed = differences(before, await fingerprint(workplace.git, workplace.facts))
        for difference in changed:
            progress.say(f"Your repository changed meanwhile: {difference}")
        measured = _measure(workplace, town, started, untouched=not changed)
        tip = await objects.read_ref(town.kit.refs.target)
        landed = await objects.tree_of(tip) if tip else None
        result = result_of(bus.state, rehearsal, landed, town.gate, measured)
        if given.check or rehearsal.settings.plan != "true":
            result["check"] = await _check(workplace, rehearsal, progress)
        if given.report is not None:
            _write_report(given.report, result)
        return result
    finally:
        await town.close()


async def _work(town: RehearsalTown, rehearsal: StoredRehearsal, hooks: list[Hook]) -> None:
    """Runs the town to its end; slots are kept only for an interrupted run, which `resume` goes on with."""
    settings = rehearsal.settings
    whole = Town(
        town.kit,
        town.gates,
        fleet_size=settings.polecats,
        model=settings.model,
        strict_gates=settings.strict_gates,
        lands_each=settings.lands_each,
        diff_sizes=lambda: changed_lines(
            town.kit.objects, [work.commit for work in rehearsal.plan.works.values()]
        ),
    )
    try:
        await whole.run(hooks)
    except Refused:
        await _clear(town.slots)
        raise
    await _clear(town.slots)


async def _clear(slots: GitSlots) -> None:
    for name in await slots.names():
        if not is_hand_slot(name):
            await slots.remove(name)


async def _set_cap(town: RehearsalTown, rehearsal: StoredRehearsal) -> None:
    """Sets the cap, and tells of it, unless it is so already."""
    scope, cap = town.kit.scopes[0], NanoUsd(rehearsal.settings.cap)
    old = town.gate.ledger.totals(scope).cap
    if old == cap:
        return
    await town.gate.set_cap(scope, cap)
    await town.kit.bus.publish(
        ev.CapChanged(rig=town.kit.rig.id, convoy=rehearsal.convoy, scope=scope, old=old, new=cap)
    )


async def _gates(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    tip: Oid,
    config: RepositoryConfig,
    progress: Progress,
) -> tuple[Gate, ...]:
    if given.no_gate:
        return ()
    if given.gates:
        return _named(given.gates)
    if config.ignored:
        progress.say(f".gastown.toml: ignored, not for a repository to set: {', '.join(config.ignored)}")
    if not config.gates:
        progress.say("No gate is configured: nothing will be tested. Give one with --gate.")
        for proposal in propose_gates(await workplace.gate_hints(objects, tip)):
            progress.say(f"  --gate {shlex.quote(proposal.command)}: {proposal.reason}")
    return config.gates


def _named(commands: tuple[str, ...] | list[str]) -> tuple[Gate, ...]:
    return tuple(Gate(f"gate {number}", command) for number, command in enumerate(commands, 1))


def _recovered(workplace: Workplace, rehearsal: StoredRehearsal, orphans: int, hooks: int) -> ev.Recovered:
    return ev.Recovered(
        rig=workplace.rig.id,
        convoy=rehearsal.convoy,
        assumed_requests=orphans,
        killed_children=workplace.swept,
        facts=(f"{hooks} workers go on",),
    )


def _measure(workplace: Workplace, town: RehearsalTown, started: float, *, untouched: bool) -> Measured:
    cpu = workplace.launcher.cpu_by_kind
    return Measured(
        elapsed_s=time.monotonic() - started,
        cpu_self_s=time.process_time(),
        cpu_git_s=cpu.get("git", 0.0),
        cpu_tools_s=sum(seconds for kind, seconds in cpu.items() if kind != "git"),
        peak_mb=limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024,
        user_repo_untouched=untouched,
        provider_bill=town.bill.nano_usd,
        sandbox=town.sandbox.profile,
    )


async def _check(workplace: Workplace, rehearsal: StoredRehearsal, progress: Progress) -> dict[str, Any]:
    """Lets the checker replay what was landed; says what it found and returns it as JSON values."""
    convoy = rehearsal.convoy
    report = await asyncio.to_thread(check, workplace.rig.town_git, workplace.events_file(convoy), convoy)
    held = "everything holds" if report.ok else "this does not hold:"
    progress.say(f"Checker: {report.checked} landings replayed, {held}")
    for problem in report.problems:
        progress.say(f"  {printable(problem)}")
    for difference in report.differences:
        if not difference.missing:
            beads = " and ".join(difference.beads)
            progress.say(f"  {printable(difference.path)} is not as in history after {beads}")
    return asdict(report)


def _show(given: argparse.Namespace, result: dict[str, Any]) -> int:
    if given.json or given.json_lines:
        print(json.dumps(result), flush=True)
    elif sys.stdout.isatty():
        Console().print(Markdown(printable(as_markdown(result)), hyperlinks=False))
    else:
        print(printable(as_markdown(result)), flush=True)
    return exit_code(result)


def _write_report(folder: Path, result: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evidence.md").write_text(as_markdown(result), encoding="utf-8")
    (folder / "evidence.html").write_text(as_page(result), encoding="utf-8", errors="backslashreplace")
    (folder / "evidence.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


def _say_oddities(workplace: Workplace, progress: Progress) -> None:
    facts = workplace.facts
    if facts.dirty:
        progress.say("You have uncommitted changes; they stay as they are and are not rehearsed.")
    if facts.head_branch is None:
        progress.say("HEAD is detached; its commit is the newest of the rehearsal.")


def _plan_sentence(plan: RehearsalPlan, dag: Dag) -> str:
    return (
        f"{len(plan.works)} beads, {dag.independent} independent, critical path {len(dag.critical_path())}, "
        f"{len(plan.silent)} silent merge differences"
    )


def _repo(given: argparse.Namespace) -> Path:
    return sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
