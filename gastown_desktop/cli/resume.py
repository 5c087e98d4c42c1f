"""`resume`: the newest convoy that did not land goes on."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gastown_desktop.adapters.git.user_repository import fingerprint
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.cli.progress import open_progress
from gastown_desktop.cli.running import run_to_end, show
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal, store, with_cap
from gastown_desktop.engine.work import store_work, work_with_cap
from gastown_desktop.wiring.access import ModelAccess, find_access
from gastown_desktop.wiring.histories import newest_unlanded
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.stored import Stored, load_stored
from gastown_desktop.wiring.workplace import enter, open_workplace


async def resume(given: argparse.Namespace) -> int:
    """Goes on with the newest convoy that did not land; returns the exit code."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        with open_progress(given) as progress:
            before = await fingerprint(workplace.git, workplace.facts)
            objects = await enter(workplace)
            convoy = await newest_unlanded(workplace, objects)
            stored = await load_stored(objects, convoy)
            if given.cap is not None:
                stored = await _with_cap(objects, stored, given.cap)
            access = await access_of(stored)
            progress.say(f"Resuming {convoy}")
            result = await run_to_end(given, workplace, objects, stored, progress, before, access)
        return show(given, result)
    finally:
        await workplace.close()


async def access_of(stored: Stored) -> ModelAccess | None:
    """The way to the model of a convoy; None for a rehearsal, which needs none.

    Raises:
        Refused: there is no key.
    """
    if isinstance(stored, StoredRehearsal):
        return None
    return await find_access(provider_at(stored.settings.base_url), Keychain(), os.environ)


async def _with_cap(objects: GitObjects, stored: Stored, cap: int) -> Stored:
    if isinstance(stored, StoredRehearsal):
        rehearsal = with_cap(stored, cap)
        await store(objects, rehearsal)
        return rehearsal
    work = work_with_cap(stored, cap)
    await store_work(objects, work)
    return work
