"""Convoys as they were written down, opened again: a rehearsal or real work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gastown_desktop.adapters.git.user_repository import Fingerprint
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal, load
from gastown_desktop.engine.work import StoredWork, load_work
from gastown_desktop.wiring.access import ModelAccess
from gastown_desktop.wiring.real_town import build_work
from gastown_desktop.wiring.rehearsal_town import build_rehearsal
from gastown_desktop.wiring.rehearsing import Rehearsing
from gastown_desktop.wiring.running import Running
from gastown_desktop.wiring.town_parts import WiredTown, build_slots
from gastown_desktop.wiring.working import Working
from gastown_desktop.wiring.workplace import Workplace

Stored = StoredRehearsal | StoredWork


async def load_stored(objects: GitObjects, convoy: ConvoyId) -> Stored:
    """Reads a convoy back.

    Raises:
        GitError: there is none of this name.
    """
    return await load_work(objects, convoy) or await load(objects, convoy)


async def build_town(
    workplace: Workplace, objects: GitObjects, stored: Stored, access: ModelAccess | None = None
) -> WiredTown:
    """Wires a convoy.

    Args:
        workplace: the rig.
        objects: its repository.
        stored: what was asked for.
        access: the way to the model; None where none is to be asked.
    """
    slots = await build_slots(workplace, objects)
    if isinstance(stored, StoredRehearsal):
        return await build_rehearsal(workplace, objects, slots, stored)
    provider = provider_at(stored.settings.base_url)
    return await build_work(
        workplace, objects, slots, stored, access or ModelAccess(provider=provider, key="none")
    )


@asynccontextmanager
async def running(
    workplace: Workplace,
    objects: GitObjects,
    stored: Stored,
    before: Fingerprint,
    access: ModelAccess | None = None,
) -> AsyncIterator[Running]:
    """Wires a convoy, and closes its ledger, model and history at the end."""
    town = await build_town(workplace, objects, stored, access)
    try:
        if isinstance(stored, StoredRehearsal):
            yield Rehearsing(workplace=workplace, objects=objects, town=town, before=before, rehearsal=stored)
        else:
            yield Working(workplace=workplace, objects=objects, town=town, before=before, stored=stored)
    finally:
        await town.close()
