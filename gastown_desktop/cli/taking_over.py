"""`take-over` and `give-back`: a bead goes into the user's hands, and back to its worker."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.plain_text import printable
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.taking_over import give_back, take_over
from gastown_desktop.wiring.histories import newest_unlanded
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.stored import build_town, load_stored
from gastown_desktop.wiring.workplace import enter, open_workplace


async def take(given: argparse.Namespace) -> int:
    """Puts the copy of a bead where the user can work on it, and says where."""
    async with _kit(given) as kit:
        slot = await take_over(kit, BeadId(given.bead))
    command = f"gastown-desktop give-back {shlex.quote(given.repo)} {given.bead}"
    print(f"{given.bead} is in your hands, in {slot.folder}\nWhen you are done: {command}")
    return 0


async def give(given: argparse.Namespace) -> int:
    """Gives a bead back to its worker, with what the user made of it."""
    async with _kit(given) as kit:
        lines = await give_back(kit, BeadId(given.bead))
    print(printable("\n".join([f"Its worker will be told what you changed in {given.bead}:", *lines])))
    print(f"Go on with: gastown-desktop resume {shlex.quote(given.repo)}")
    return 0


@asynccontextmanager
async def _kit(given: argparse.Namespace) -> AsyncGenerator[Kit]:
    """What the newest convoy shares, under the rig's lock."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        objects = await enter(workplace)
        stored = await load_stored(objects, await newest_unlanded(workplace, objects))
        town = await build_town(workplace, objects, stored)
        try:
            yield town.kit
        finally:
            await town.close()
    finally:
        await workplace.close()
