"""Stored convoys of a rig: which there are, and which one a command means when it names none."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gastown_desktop.adapters.money_log import ledger_records
from gastown_desktop.adapters.past_file import PastFile
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.prices import PRICES, Price
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.past import Archive, Past, past_of
from gastown_desktop.engine.rehearsal import unfinished
from gastown_desktop.engine.work import load_work, stored_work
from gastown_desktop.wiring.workplace import Workplace


def history_files(workplace: Workplace) -> list[Path]:
    """Histories of the rig's convoys, the one that was written last first."""
    files = (workplace.rig.folder / "events").glob("*.jsonl")
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)


def history_of(workplace: Workplace, convoy: ConvoyId) -> Projection:
    """A convoy as its history has it; an empty one where nothing was told yet."""
    file = workplace.events_file(convoy)
    return fold([decode(line) for line in read_lines(file)] if file.exists() else [])


def newest_history(workplace: Workplace) -> Projection | None:
    """The convoy whose history was written last; None where nothing was done yet."""
    files = history_files(workplace)
    return fold([decode(line) for line in read_lines(files[0])]) if files else None


async def newest_unlanded(workplace: Workplace, objects: GitObjects) -> ConvoyId:
    """The convoy that was touched last among those that did not land, else among those that did.

    Raises:
        Refused: there is none.
    """
    convoys = [*await unfinished(objects), *await stored_work(objects)]
    if not convoys:
        raise Refused("There is nothing to resume here.", remedy="Start with `gastown-desktop rehearse`.")

    def to_do_then_newest(convoy: ConvoyId) -> tuple[bool, float]:
        file = workplace.events_file(convoy)
        if not file.exists():
            return True, 0.0
        state = fold([decode(line) for line in read_lines(file)])
        return state.stage != "landed", file.stat().st_mtime

    return max(convoys, key=to_do_then_newest)


async def rig_past(workplace: Workplace, objects: GitObjects) -> tuple[Past, dict[str, Price]]:
    """What is known of a rig's finished beads, and the prices of the models that they ran on."""
    prices = dict(PRICES)
    for convoy in await stored_work(objects):
        stored = await load_work(objects, convoy)
        if stored is not None:
            prices[stored.settings.model] = stored.settings.price
    return await asyncio.to_thread(_read_past, workplace), prices


def _read_past(workplace: Workplace) -> Past:
    remembered = PastFile(workplace.rig.folder / "past.json", workplace.rig.folder / "events")
    past = past_of(_archive(workplace, remembered))
    remembered.save()
    return past


def _archive(workplace: Workplace, remembered: PastFile) -> Archive:
    return Archive(
        convoys=[ConvoyId(file.stem) for file in history_files(workplace)],
        history=lambda convoy: [decode(line) for line in read_lines(workplace.events_file(convoy))],
        ledger=lambda: ledger_records(workplace.money_file),
        rehearsal_ledger=lambda convoy: ledger_records(workplace.rehearsal_folder(convoy) / "money.log"),
        remembered=remembered.find,
        remember=remembered.keep,
    )
