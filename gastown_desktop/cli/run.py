"""`run`: real work towards a goal, under a cap that is never passed."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.git.user_repository import Fingerprint, fingerprint
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.adapters.settings_file import Settings, read_settings
from gastown_desktop.cli.beads import read_beads, told_beads
from gastown_desktop.cli.progress import Progress, open_progress, printable
from gastown_desktop.cli.running import gates_of, listening, say_oddities, say_sandbox, show
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import show_usd
from gastown_desktop.core.planning_words import forecast_sentence
from gastown_desktop.core.providers import Provider, price_at, provider_at
from gastown_desktop.engine.ports import GitObjects
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.access import ModelAccess, find_access
from gastown_desktop.wiring.stored import running
from gastown_desktop.wiring.working import Working, WorkRequest, prepare_work
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace, resolve


async def run_goal(given: argparse.Namespace) -> int:
    """Plans a convoy, runs it and, where that was asked for, lands it; returns the exit code."""
    settings = read_settings(settings_file(given.data_dir))
    request_provider = provider_at(given.base_url or settings.base_url)
    workplace = await open_workplace(Path(given.repo), given.data_dir)
    try:
        with open_progress(given) as progress:
            before = await fingerprint(workplace.git, workplace.facts)
            say_oddities(workplace, progress)
            objects = await enter(workplace)
            request = await _request(given, settings, request_provider, workplace, objects, progress)
            access = await find_access(request_provider, Keychain(), os.environ, silence_s=settings.silence_s)
            result = await _work(given, workplace, objects, request, access, progress, before)
        return show(given, result, plan_only=given.plan_only)
    finally:
        await workplace.close()


async def _request(
    given: argparse.Namespace,
    settings: Settings,
    provider: Provider,
    workplace: Workplace,
    objects: GitObjects,
    progress: Progress,
) -> WorkRequest:
    """What was asked for, refused where it cannot be done before anything is spent."""
    if not given.goal and given.beads is None:
        raise Refused("There is nothing to do.", remedy="Say --goal TEXT, or give beads with --beads FILE.")
    model = given.model or settings.model
    typed = settings.typed_prices() | ({model: given.price} if given.price else {})
    price = price_at(provider, model, typed)
    tip = await resolve(workplace, objects, f"refs/heads/{given.on}" if given.on else "HEAD")
    config = await workplace.config(objects, tip)
    return WorkRequest(
        goal=given.goal or f"The beads of {given.beads.name}",
        gates=await gates_of(given, workplace, objects, tip, config, progress),
        trust=given.trust,
        polecats=given.polecats or settings.polecats,
        cap=given.cap,
        model=model,
        base_url=provider.base_url,
        price=price,
        strict_gates=given.strict_gates,
        branch=given.on or "",
    )


async def _work(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    request: WorkRequest,
    access: ModelAccess,
    progress: Progress,
    before: Fingerprint,
) -> dict[str, Any]:
    stored = await prepare_work(workplace, objects, request)
    async with running(workplace, objects, stored, before, access) as run:
        assert isinstance(run, Working)
        progress.watch(run.town.kit.bus, run.town.gate)
        say_sandbox(run.town.sandbox.confined, progress)
        hooks = await run.begin()
        if given.beads is not None:
            await run.take_beads(told_beads(run.town.kit.where, read_beads(given.beads)))
        else:
            await _plan(given.goal, run, progress)
        if not given.plan_only and run.has_plan and not run.town.kit.bus.state.needs_you:
            await _agree(given, run, progress)
            await run.launch()
            await run.work(run.whole_town(), hooks)
        return await run.result(listening(progress), checked=False)


async def _plan(goal: str, run: Working, progress: Progress) -> None:
    """Lets the Mayor plan; what it says last is shown."""
    mayor = await run.mayor()
    outcome = await mayor.say(goal)
    spoken = [turn.text for turn in await mayor.turns() if turn.text]
    if spoken:
        progress.say(printable(spoken[-1]))
    if outcome in {"limit", "refused"}:
        progress.say(printable(mayor.stopped_by))


async def _agree(given: argparse.Namespace, run: Working, progress: Progress) -> None:
    """Shows the plan and waits for a yes, where none was given before.

    Raises:
        Refused: nobody can be asked, or the answer is no.
    """
    state = run.town.kit.bus.state
    dag = Dag(state.works(), state.dependencies)
    lines = [f"{state.convoy} {state.title}"]
    for bead in dag.beads:
        after = dag.dependencies(bead)
        waits = f" (after {', '.join(after)})" if after else ""
        lines.append(f"  {bead} {state.beads[bead].bead.title}{waits}")
    lines.append(
        f"{len(dag.beads)} beads, {run.settings.polecats} workers on {run.settings.model}, "
        f"at most {show_usd(run.settings.cap)}"
    )
    forecast = await run.foresee()
    if forecast is not None:
        lines.append(forecast_sentence(forecast))
    findings = await run.findings(forecast)
    lines += [f"{one.level}: {one.text}" for one in findings]
    summary = printable("\n".join(lines))
    if any(one.level == "error" for one in findings):
        raise Refused(summary, safe="No worker was started; the plan is kept.")
    if given.yes:
        progress.say(summary)
        return
    if not sys.stdin.isatty() or given.json or given.json_lines:
        raise Refused(
            f"{summary}\nNobody can be asked here.",
            safe="No worker was started.",
            remedy="Add --yes to agree.",
        )
    progress.say(summary)
    answer = await asyncio.to_thread(input, "Run it? [y/N] ")
    if answer.strip().lower() not in {"y", "yes"}:
        raise Refused("You said no.", safe="No worker was started; the plan is kept.")
