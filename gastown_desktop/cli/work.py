"""Real work on the command line: it is planned, agreed to, run and, where that was asked for, landed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from gastown_desktop.adapters.git.user_repository import Fingerprint
from gastown_desktop.cli.asking import ask_line, is_yes
from gastown_desktop.cli.progress import Progress
from gastown_desktop.cli.running import listening, say_sandbox
from gastown_desktop.core.away import Away
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.money import show_usd
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.plan import OPEN_STAGES
from gastown_desktop.core.planning_words import forecast_sentence
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.landing import Landing
from gastown_desktop.engine.landing_plan import NotLanded
from gastown_desktop.engine.work import StoredWork
from gastown_desktop.wiring.access import ModelAccess
from gastown_desktop.wiring.stored import running
from gastown_desktop.wiring.working import Working
from gastown_desktop.wiring.workplace import Workplace

Ask = Callable[[str], Awaitable[str]]
"""Puts a question to the user and returns their line."""


@asynccontextmanager
async def opened(
    workplace: Workplace,
    objects: GitObjects,
    work: StoredWork,
    access: ModelAccess,
    progress: Progress,
    before: Fingerprint,
    *,
    cap: int | None = None,
    away: Away | None = None,
) -> AsyncIterator[tuple[Working, list[Hook]]]:
    """A convoy of real work, begun, and the workers that go on.

    Args:
        workplace: the rig.
        objects: its repository.
        work: the convoy.
        access: the way to the model.
        progress: where it is shown.
        before: the user's repository as it is.
        cap: another cap, in nano-dollars; None for the one it has.
        away: the user is away from now on; None for what was said before.
    """
    async with running(workplace, objects, work, before, access) as run:
        assert isinstance(run, Working)
        progress.watch(run.town.kit.bus, run.town.gate)
        say_sandbox(run.town.sandbox.confined, progress)
        if cap is not None:
            await run.change(cap=cap)
        if away is not None:
            await run.leave(away)
        yield run, await run.begin()


async def work_on(
    given: argparse.Namespace,
    run: Working,
    hooks: list[Hook],
    progress: Progress,
    *,
    plan_only: bool,
    ask: Ask = ask_line,
) -> dict[str, Any]:
    """Takes a convoy from where it is to where it can go, and measures it.

    Args:
        given: what was asked for: `yes`, `land`, `acknowledge`.
        run: the convoy, begun.
        hooks: workers that go on.
        progress: where it is shown.
        plan_only: no worker is started.
        ask: asks the user, where there is a terminal.

    Raises:
        Refused: nobody agreed to the plan, or there is none.
    """
    state = run.town.kit.bus.state
    if given.acknowledge:
        await run.town.gate.acknowledge_tripwire()
    is_planned_here = run.stored.planned_by == "mayor" and state.stage in OPEN_STAGES
    if is_planned_here or not run.has_plan:  # the Mayor may have been stopped in the middle of its talk
        await _plan(run, progress)
    asks = any(need.bead is None for need in state.needs_you.values()) and state.stage in OPEN_STAGES
    if plan_only or not run.has_plan or asks:
        return await run.result(listening(progress), checked=False)
    if state.stage in OPEN_STAGES:
        await _agree(given, run, progress, ask)
        await run.launch()
    if run.settings.pilot == "first":
        if not await run.pilot(hooks):
            return await run.result(listening(progress), checked=False)
        await _agree(given, run, progress, ask)
        hooks = []
    await run.work(run.whole_town(), hooks)
    if given.land and state.stage == "ready_to_land":
        await _land(run, progress, looked=False)
    return await run.result(listening(progress), checked=False)


async def _plan(run: Working, progress: Progress) -> None:
    """Lets the Mayor plan, or go on planning; what it says last is shown.

    Raises:
        Refused: the plan was to come from elsewhere, and did not.
    """
    if run.stored.planned_by == "given":
        raise Refused("This convoy has no beads.", remedy="Start again with `gastown-desktop run --beads`.")
    mayor = run.mayor()
    outcome = await mayor.go_on()
    turns = await mayor.turns()
    if outcome is None and not turns:
        outcome = await mayor.say(run.stored.goal)
        turns = await mayor.turns()
    spoken = [turn.text for turn in turns if turn.text]
    if spoken:
        progress.say(printable(spoken[-1]))
    if outcome in {"limit", "refused"}:
        progress.say(printable(mayor.stopped_by))
    if outcome == "limit":
        await run.ask_about_limit()


async def _agree(given: argparse.Namespace, run: Working, progress: Progress, ask: Ask) -> None:
    """Shows the plan and waits for a yes, where none was given before.

    Raises:
        Refused: nobody can be asked, or the answer is no.
    """
    begun = run.settings.pilot == "done"
    safe = "What the pilot did is kept." if begun else "No worker was started; the plan is kept."
    question = "The pilot is merged. Go on with the rest?" if begun else "Run it?"
    forecast = await run.foresee()
    foreseen = [] if forecast is None else [forecast_sentence(forecast)]
    findings = await run.findings(forecast)
    doubts = [f"{one.level}: {one.text}" for one in findings]
    summary = printable("\n".join([*_plan_lines(run), *foreseen, *doubts]))
    if any(one.level == "error" for one in findings):
        raise Refused(summary, safe=safe)
    if given.yes:
        progress.say(summary)
        return
    if not sys.stdin.isatty() or given.json or given.json_lines:
        raise Refused(
            f"{summary}\nNobody can be asked here.",
            safe=safe,
            remedy="Add --yes to agree.",
        )
    progress.say(summary)
    answer = await ask(f"{question} [y/N]")
    if not is_yes(answer):
        raise Refused("You said no.", safe=safe)


def _plan_lines(run: Working) -> list[str]:
    """The plan, the fleet and the limit."""
    state = run.town.kit.bus.state
    works = state.works()
    dag = Dag(works, (one for one in state.dependencies if one.bead in works and one.on in works))
    lines = [f"{state.convoy} {state.title}"]
    for bead in dag.beads:
        after = dag.dependencies(bead)
        waits = f" (after {', '.join(after)})" if after else ""
        lines.append(f"  {bead} {state.beads[bead].bead.title}{waits}")
    settings = run.settings
    fleet = f"{settings.polecats} workers on {settings.model}"
    lines.append(f"{len(dag.beads)} beads, {fleet}, at most {show_usd(settings.cap)}")
    if settings.unattended is not None:
        lines.append(run.away_words())
    if settings.allowed_hosts:
        lines.append(f"Commands reach {', '.join(settings.allowed_hosts)}, and no other host")
    return lines


async def land_it(run: Working, progress: Progress) -> dict[str, Any]:
    """Brings what is merged onto the user's branch, and measures the convoy."""
    if run.town.kit.bus.state.base_green is False:
        run.town.gates.without_gates()
    await _land(run, progress, looked=True)
    return await run.result(listening(progress), checked=False)


async def _land(run: Working, progress: Progress, *, looked: bool) -> None:
    """Brings what is merged onto the user's branch; what stands in the way becomes an item of Needs you."""
    target = run.workplace.target(run.objects, run.stored.target.removeprefix("refs/heads/"))
    signer = run.workplace.signer()
    landing = Landing(run.town.kit, run.town.gates, target, None, signer, looked=looked)
    outcome = await landing.land()
    if isinstance(outcome, NotLanded):
        progress.say(printable(outcome.words))
