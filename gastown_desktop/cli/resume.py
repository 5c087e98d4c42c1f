"""`resume`: the newest convoy that did not land goes on."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.git.user_repository import Fingerprint, fingerprint
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.cli.away import away_of
from gastown_desktop.cli.progress import Progress, open_progress
from gastown_desktop.cli.running import rehearse_to_end, show
from gastown_desktop.cli.stay import Stay
from gastown_desktop.cli.work import opened, work_on
from gastown_desktop.core.allowed_hosts import listed_hosts
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal
from gastown_desktop.engine.work import StoredWork
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.access import find_access
from gastown_desktop.wiring.histories import history_of, newest_unlanded
from gastown_desktop.wiring.preparing import with_setup_read_again
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.stored import load_stored, require_trust_in
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace


async def resume(given: argparse.Namespace) -> int:
    """Goes on with the newest convoy that did not land; returns the exit code."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        with open_progress(given) as progress:
            before = await fingerprint(workplace.git, workplace.facts)
            objects = await enter(workplace)
            convoy = await newest_unlanded(workplace, objects)
            progress.say(f"Resuming {convoy}")
            stored = await with_setup_read_again(
                workplace,
                objects,
                await load_stored(objects, convoy),
                history_of(workplace, convoy),
                hosts=listed_hosts(
                    given.setup_hosts or read_settings(settings_file(given.data_dir)).setup_hosts
                ),
                say=progress.say,
            )
            if given.trust:
                await require_trust_in(workplace, stored, trust=True)
            if isinstance(stored, StoredRehearsal):
                _refuse_for_rehearsals(given)
                result = await rehearse_to_end(
                    given, workplace, objects, stored, progress, before, cap=given.cap
                )
                stay = None
            else:
                stay, result = await _work(given, workplace, objects, stored, progress, before)
        code = show(given, result)
        return code if stay is None else await stay.idle(code)
    finally:
        await workplace.close()


def _refuse_for_rehearsals(given: argparse.Namespace) -> None:
    """Refuses what only real work knows.

    Raises:
        Refused: it was asked for.
    """
    if given.stay or given.unattended is not None or given.unattended_cap is not None:
        raise Refused(
            "--stay and --unattended are for real work; the newest convoy is a rehearsal.",
            safe="Nothing was changed.",
        )


async def _work(
    given: argparse.Namespace,
    workplace: Workplace,
    objects: GitObjects,
    work: StoredWork,
    progress: Progress,
    before: Fingerprint,
) -> tuple[Stay, dict[str, Any]]:
    settings = read_settings(settings_file(given.data_dir))
    provider = provider_at(work.settings.base_url)
    access = await find_access(provider, Keychain(), os.environ, silence_s=settings.silence_s)
    away = away_of(given, workplace.clock.now())
    total = work.settings.cap if given.cap is None else given.cap
    stay = Stay(given, workplace, objects, access, total=total)
    convoy = opened(workplace, objects, work, access, progress, before, cap=given.cap, away=away)
    async with convoy as (run, hooks):
        working = work_on(given, run, hooks, progress, plan_only=False, ask=stay.ask)
        return stay, await stay.beside(run, working)
