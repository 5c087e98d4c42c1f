"""`rehearse` and `resume`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from gastown_desktop.adapters.gate_proposals import propose_gates
from gastown_desktop.adapters.git.user_repository import Fingerprint, fingerprint
from gastown_desktop.adapters.repository_config import RepositoryConfig
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.cli.progress import Progress, open_progress, printable
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.money import usd
from gastown_desktop.engine.evidence import as_markdown
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.plan_kinds import dag_of
from gastown_desktop.engine.ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal, load, store, with_cap
from gastown_desktop.engine.rehearsal_result import exit_code
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.histories import newest_unlanded
from gastown_desktop.wiring.rehearsing import (
    Listening,
    RehearsalRequest,
    plan_sentence,
    prepare_rehearsal,
    rehearsing,
    span_of,
    write_report,
)
from gastown_desktop.wiring.sample import make_sample, sample_folder
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace


async def rehearse(given: argparse.Namespace) -> int:
    """Rehearses a repository; returns the exit code."""
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
            result = await _run(given, workplace, objects, rehearsal, progress, before)
        return _show(given, result)
    finally:
        await workplace.close()


async def resume(given: argparse.Namespace) -> int:
    """Goes on with the newest rehearsal that did not land; returns the exit code."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
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
            result = await _run(given, workplace, objects, rehearsal, progress, before)
        return _show(given, result)
    finally:
        await workplace.close()


async def _prepare(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    progress: Progress,
    *,
    trusted: bool,
) -> StoredRehearsal:
    settings = read_settings(settings_file(given.data_dir))
    _, tip = await span_of(workplace, objects, given.span)
    config = await workplace.config(objects, tip)
    request = RehearsalRequest(
        last=given.last,
        span=given.span,
        gates=await _gates(given, workplace, objects, tip, config, progress),
        trust=given.trust or trusted,
        polecats=given.polecats or settings.polecats,
        cap=given.cap if given.cap is not None else usd(settings.rehearsal_limit_usd),
        real_pace=given.pace == "real",
        model=settings.model,
        strict_gates=given.strict_gates,
        plan=given.plan,
        lands_each=given.land_each,
    )
    rehearsal = await prepare_rehearsal(workplace, objects, request, config, _listening(progress))
    dag = dag_of(rehearsal.plan, given.plan, config.serialising)
    path = len(dag.critical_path())
    progress.say(plan_sentence(rehearsal.plan, independent=dag.independent, critical_path=path))
    return rehearsal


async def _run(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    rehearsal: StoredRehearsal,
    progress: Progress,
    before: Fingerprint,
) -> dict[str, Any]:
    """Runs a rehearsal to its end and measures it."""
    async with rehearsing(workplace, objects, rehearsal, before) as run:
        progress.watch(run.town.kit.bus, run.town.gate, rehearsal)
        if not run.town.sandbox.confined:
            progress.say("No sandbox is at hand: gates and commands run with your rights.")
        hooks = await run.begin()
        await run.work(run.whole_town(), hooks)
        result = await run.result(_listening(progress), checked=given.check)
    if given.report is not None:
        write_report(given.report, result)
    return result


def _listening(progress: Progress) -> Listening:
    return Listening(say=lambda text: progress.say(printable(text)), planned=progress.planned)


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


def _show(given: argparse.Namespace, result: dict[str, Any]) -> int:
    if given.json or given.json_lines:
        print(json.dumps(result), flush=True)
    elif sys.stdout.isatty():
        Console().print(Markdown(printable(as_markdown(result)), hyperlinks=False))
    else:
        print(printable(as_markdown(result)), flush=True)
    return exit_code(result)


def _say_oddities(workplace: Workplace, progress: Progress) -> None:
    facts = workplace.facts
    if facts.dirty:
        progress.say("You have uncommitted changes; they stay as they are and are not rehearsed.")
    if facts.head_branch is None:
        progress.say("HEAD is detached; its commit is the newest of the rehearsal.")
