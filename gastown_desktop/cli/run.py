"""`run`: real work towards a goal, under a cap that is never passed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gastown_desktop.adapters.git.user_repository import fingerprint
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.adapters.settings_file import Settings, read_settings
from gastown_desktop.cli.away import away_of
from gastown_desktop.cli.beads import planned_beads, told_beads
from gastown_desktop.cli.progress import Progress, open_progress
from gastown_desktop.cli.running import gates_of, listening, preparation_of, say_oddities, show
from gastown_desktop.cli.stay import Stay
from gastown_desktop.cli.work import opened, work_on
from gastown_desktop.core.allowed_hosts import listed_hosts
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.providers import Provider, price_at, provider_at
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.work import WorkSettings
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.access import find_access
from gastown_desktop.wiring.working import WorkRequest, find_start, prepare_work
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace


async def run_goal(given: argparse.Namespace) -> int:
    """Plans a convoy, runs it and, where that was asked for, lands it; returns the exit code."""
    settings = read_settings(settings_file(given.data_dir))
    request_provider = provider_at(given.base_url or settings.base_url)
    workplace = await open_workplace(Path(given.repo), given.data_dir)
    try:
        with open_progress(given) as progress:
            before = await fingerprint(workplace.git, workplace.facts)
            say_oddities(workplace, progress)
            beads = planned_beads(workplace, given.beads) if given.beads is not None else None
            objects = await enter(workplace)
            request = await _request(given, settings, request_provider, workplace, objects, progress)
            access = await find_access(request_provider, Keychain(), os.environ, silence_s=settings.silence_s)
            work = await prepare_work(workplace, objects, request, listening(progress))
            stay = Stay(given, workplace, objects, access, total=request.settings.cap)
            async with opened(workplace, objects, work, access, progress, before) as (run, hooks):
                if beads is not None:
                    await run.take_beads(told_beads(run.town.kit.where, beads))
                working = work_on(given, run, hooks, progress, plan_only=given.plan_only, ask=stay.ask)
                result = await stay.beside(run, working)
        return await stay.idle(show(given, result, plan_only=given.plan_only))
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
    start = await find_start(workplace, objects, given.on or "")
    return WorkRequest(
        goal=given.goal or f"The beads of {given.beads.name}",
        start=start,
        settings=WorkSettings(
            polecats=given.polecats or settings.polecats,
            gates=await gates_of(given, workplace, objects, start.base, start.config, progress),
            cap=given.cap,
            model=model,
            base_url=provider.base_url,
            price=price,
            bead_cap=given.bead_cap,
            per_hour=given.per_hour,
            strict_gates=given.strict_gates,
            pilot="first" if given.pilot else "no",
            review=given.review,
            unattended=away_of(given, workplace.clock.now()),
            allowed_hosts=listed_hosts(given.allowed_hosts or settings.allowed_hosts),
            preparation=await preparation_of(given, workplace, start.config, settings, progress),
        ),
        trust=given.trust,
        planned_by="given" if given.beads is not None else "mayor",
    )
