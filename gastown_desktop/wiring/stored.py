"""Convoys as they were written down, opened again: a rehearsal or real work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gastown_desktop.adapters.git.user_repository import Fingerprint
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rehearsal import StoredRehearsal, load
from gastown_desktop.engine.work import StoredWork, WorkSettings, load_work
from gastown_desktop.wiring.access import ModelAccess
from gastown_desktop.wiring.preparing import read_copies
from gastown_desktop.wiring.real_town import build_work
from gastown_desktop.wiring.rehearsal_town import build_rehearsal
from gastown_desktop.wiring.rehearsing import Rehearsing
from gastown_desktop.wiring.running import Running
from gastown_desktop.wiring.town_parts import Prepared, WiredTown, build_slots
from gastown_desktop.wiring.working import Working
from gastown_desktop.wiring.workplace import Workplace, require_trust

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
    preparation = stored.settings.preparation
    prepared = Prepared(preparation=preparation, copies=read_copies(workplace, preparation))
    if isinstance(stored, StoredRehearsal):
        slots = await build_slots(workplace, objects, preparation)
        return await build_rehearsal(workplace, objects, slots, stored, prepared)
    slots = await build_slots(workplace, objects, preparation, workplace.secrets)
    provider = provider_at(stored.settings.base_url)
    return await build_work(
        workplace, objects, slots, stored, access or ModelAccess(provider=provider, key="none"), prepared
    )


async def require_trust_in(
    workplace: Workplace, stored: Stored, *, confined: bool | None = None, trust: bool = False
) -> None:
    """Lets a convoy run, or go on, only while the user trusts the repository with what it would run now.

    Args:
        workplace: the rig.
        stored: the convoy.
        confined: whether there is a sandbox, where that is known.
        trust: the user agrees to the list as it is now.

    Raises:
        Refused: something changed since they agreed; lists what would run.
    """
    settings = stored.settings
    hosts = settings.allowed_hosts if isinstance(settings, WorkSettings) else ()
    await require_trust(
        *(workplace, settings.gates, settings.serialising.generated, hosts, settings.preparation),
        trust=trust,
        workers=isinstance(stored, StoredWork),
        confined=confined,
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
        await require_trust_in(workplace, stored, confined=town.sandbox.confined)
        if isinstance(stored, StoredRehearsal):
            yield Rehearsing(workplace=workplace, objects=objects, town=town, before=before, rehearsal=stored)
        else:
            yield Working(workplace=workplace, objects=objects, town=town, before=before, stored=stored)
    finally:
        await town.close()
