"""Real work, written down and read back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.away import Away
from gastown_desktop.core.ids import ConvoyId, Oid
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.serialising import Generated, SerialisingFiles
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.work import (
    StoredWork,
    WorkSettings,
    load_work,
    settings_ref,
    store_work,
    stored_work,
)

CONVOY = ConvoyId("cv-1")
WORK = StoredWork(
    convoy=CONVOY,
    goal="Do it.\nAll of it.",
    base=Oid("a" * 40),
    target="refs/heads/main",
    settings=WorkSettings(
        polecats=6,
        gates=(Gate("tests", "make test"),),
        cap=5,
        model="claude-opus-5-5",
        base_url="https://api.anthropic.com",
        price=PRICES["claude-opus-5-5"],
        pilot="first",
        unattended=Away(until=datetime(2026, 11, 26, 6, 0, tzinfo=UTC), at_most=15, spent_before=4),
        allowed_hosts=("pypi.org:443",),
        serialising=SerialisingFiles(generated=(Generated(path="lock", command="make lock"),), union=("a",)),
    ),
    planned_by="given",
)


async def test_it_is_read_back_as_it_was(objects: PygitObjects) -> None:
    await store_work(objects, WORK)
    await store_work(objects, WORK)
    assert await load_work(objects, CONVOY) == WORK
    assert await stored_work(objects) == [CONVOY]
    assert await load_work(objects, ConvoyId("cv-2")) is None


async def test_another_cap_takes_the_place_of_the_old_one(objects: PygitObjects) -> None:
    await store_work(objects, WORK)
    await store_work(objects, replace(WORK, settings=replace(WORK.settings, cap=9)))
    found = await load_work(objects, CONVOY)
    assert found is not None
    assert found.settings.cap == 9


async def rewrite(objects: PygitObjects, **settings: Any) -> None:
    """Changes settings as another version of the program would have stored them."""
    name = settings_ref(CONVOY)
    old = await objects.read_ref(name)
    assert old is not None
    fields = json.loads(await objects.read_blob(old))
    fields["settings"] |= settings
    new = await objects.write_blob(json.dumps(fields).encode())
    assert await objects.swap_ref(name, old=old, new=new)


async def test_settings_of_a_later_version_are_left_out(objects: PygitObjects) -> None:
    await store_work(objects, WORK)
    await rewrite(objects, later=True)
    assert await load_work(objects, CONVOY) == WORK


@pytest.mark.parametrize(("stored", "away"), [(True, Away()), (False, None), (None, None)])
async def test_unattended_as_the_first_versions_stored_it_is_read(
    objects: PygitObjects, stored: bool | None, away: Away | None
) -> None:
    await store_work(objects, WORK)
    await rewrite(objects, unattended=stored)
    found = await load_work(objects, CONVOY)
    assert found == replace(WORK, settings=replace(WORK.settings, unattended=away))
