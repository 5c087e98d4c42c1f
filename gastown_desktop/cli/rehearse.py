"""`rehearse`."""

from __future__ import annotations

import argparse
from pathlib import Path

from gastown_desktop.adapters.git.user_repository import fingerprint
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.cli.progress import Progress, open_progress
from gastown_desktop.cli.running import (
    gates_of,
    listening,
    preparation_of,
    rehearse_to_end,
    say_oddities,
    show,
)
from gastown_desktop.core.money import usd
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.plan_kinds import dag_of
from gastown_desktop.engine.rehearsal import StoredRehearsal
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.rehearsing import (
    RehearsalRequest,
    plan_sentence,
    prepare_rehearsal,
    span_of,
)
from gastown_desktop.wiring.sample import make_sample
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
            say_oddities(workplace, progress)
            objects = await enter(workplace)
            rehearsal = await _prepare(given, workplace, objects, progress, trusted=trusted)
            result = await rehearse_to_end(given, workplace, objects, rehearsal, progress, before)
        return show(given, result)
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
        gates=await gates_of(given, workplace, objects, tip, config, progress),
        trust=given.trust or trusted,
        polecats=given.polecats or settings.polecats,
        cap=given.cap if given.cap is not None else usd(settings.rehearsal_limit_usd),
        real_pace=given.pace == "real",
        model=settings.model,
        strict_gates=given.strict_gates,
        plan=given.plan,
        lands_each=given.land_each,
        chaos=given.chaos,
        preparation=await preparation_of(given, workplace, config, settings, progress),
    )
    rehearsal = await prepare_rehearsal(workplace, objects, request, config, listening(progress))
    dag = dag_of(rehearsal.plan, given.plan, config.serialising)
    path = len(dag.critical_path())
    progress.say(plan_sentence(rehearsal.plan, independent=dag.independent, critical_path=path))
    return rehearsal
