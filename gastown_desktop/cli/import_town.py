"""`import-town`: what an open-source Gas Town folder holds, and its beads as a draft convoy of ours."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gastown_desktop.cli.beads import begin_draft
from gastown_desktop.cli.progress import printable
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.foreign_beads import MOST_BEADS, Taken, taken
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.plain_text import one_line, shown_path, shown_url
from gastown_desktop.core.wording import plural
from gastown_desktop.wiring.foreign_towns import FoundRig, FoundTown, survey
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import open_workplace

_SHOWN = 20
"""Convoys, formulas and notes that are listed for people; JSON has all."""


async def import_town(given: argparse.Namespace) -> int:
    """Lists a town and, where a repository is named, imports the beads of one of its rigs."""
    if given.into is None and (given.rig is not None or given.closed):
        raise Refused("Say which repository the beads are for.", remedy="Add --into REPO.")
    town = await asyncio.to_thread(survey, given.path)
    imported: dict[str, Any] | None = None
    if given.into is not None:
        rig = _chosen(town, given.rig)
        beads = _taken(rig, closed=given.closed)
        convoy = await _import(given, town, rig, beads)
        imported = {
            "convoy": convoy,
            "rig": rig.rig.name,
            "beads": len(beads.listed),
            "dependencies": sum(len(one.dependencies) for one in beads.listed),
            "left_out": {} if given.closed else {"closed": rig.beads.closed},
            "notes": list(beads.notes),
        }
    if given.json:
        print(json.dumps({**_as_json(town), "imported": imported}))
    else:
        print(printable("\n".join([*_words(town), *_imported_words(given, imported)])))
    return 0


def _chosen(town: FoundTown, wanted: str | None) -> FoundRig:
    """The rig that is named, else the only one that has beads.

    Raises:
        Refused: there is none of this name, or more than one to choose from.
    """
    known = town.with_beads()
    listed = ", ".join(shown_path(one.rig.name) for one in known) or "none"
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted is None:
        raise Refused("Say whose beads are to be imported.", remedy=f"Add --rig NAME. With beads: {listed}.")
    for one in (*town.rigs[1:], town.rigs[0]):  # a rig may be called like the town's own beads
        if one.rig.name == wanted:
            return one
    raise Refused(f"There is no rig {shown_path(wanted)} in this town.", remedy=f"With beads: {listed}.")


def _taken(rig: FoundRig, *, closed: bool) -> Taken:
    """The beads of a rig for a convoy.

    Raises:
        Refused: there are none, or too many.
        ConvoyError: they wait for each other.
    """
    beads = taken(rig.beads, closed=closed)
    if not beads.listed:
        raise Refused(
            f"{shown_path(rig.rig.name)} has no open beads.",
            remedy="Add --closed to import what is done." if rig.beads.closed and not closed else "",
        )
    if len(beads.listed) > MOST_BEADS:
        raise Refused(
            f"{len(beads.listed)} beads are too many for one convoy; at most {MOST_BEADS} are imported.",
            remedy="Write those that you want to a file with `bd export`, then use `beads import`.",
        )
    Dag([one.bead.id for one in beads.listed], [waits for one in beads.listed for waits in one.dependencies])
    return beads


async def _import(given: argparse.Namespace, town: FoundTown, rig: FoundRig, beads: Taken) -> ConvoyId:
    repo = sample_folder(given.data_dir) if given.into == "sample" else Path(given.into)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        title = one_line(f"Imported from {town.name}, {rig.rig.name}")[:120]
        return await begin_draft(workplace, str(given.path.resolve()), title, list(beads.listed))
    finally:
        await workplace.close()


def _as_json(town: FoundTown) -> dict[str, Any]:
    return {
        "town": town.name,
        "rigs": [_rig_json(one) for one in town.rigs],
        "convoys": [asdict(one) for one in town.convoys],
        "formulas": [asdict(one) for one in town.formulas],
        "notes": town.notes,
    }


def _rig_json(one: FoundRig) -> dict[str, Any]:
    return {
        **asdict(one.rig),
        "repository": shown_url(one.rig.repository),
        "file": one.file,
        "open": one.beads.open,
        "closed": one.beads.closed,
        "others": dict(one.beads.others),
        "notes": list(one.beads.notes),
    }


def _words(town: FoundTown) -> list[str]:
    lines = [
        f"{town.name}: {plural(len(town.rigs) - 1, 'rig')}, {plural(len(town.convoys), 'convoy')}, "
        f"{plural(len(town.formulas), 'formula')}"
    ]
    for one in town.rigs:
        lines += _rig_words(one)
    for title, listed in (
        (
            "Convoys",
            [
                f"{one.id} {one.title} ({one.status}, {plural(len(one.tracks), 'bead')})"
                for one in town.convoys
            ],
        ),
        (
            "Formulas",
            [f"{one.name} ({one.kind or 'formula'}, {plural(one.steps, 'step')})" for one in town.formulas],
        ),
        ("Not read or not understood", town.notes),
    ):
        lines += _section(title, listed)
    if town.formulas:
        lines.append("Formulas have no counterpart here: their text can be a goal for the Mayor.")
    return lines


def _section(title: str, listed: list[str]) -> list[str]:
    if not listed:
        return []
    more = [f"  and {len(listed) - _SHOWN} more (--json lists all)"] if len(listed) > _SHOWN else []
    return [f"{title}:", *(f"  {line}" for line in listed[:_SHOWN]), *more]


def _rig_words(one: FoundRig) -> list[str]:
    beads = one.beads
    where = f" from {shown_url(one.rig.repository)}" if one.rig.repository else ""
    if one.rig.local:
        where += f", here in {one.rig.local}"
    lines = [f"  {one.rig.name}{where}: {beads.open} open and {beads.closed} closed beads"]
    if beads.others:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(beads.others.items()))
        lines.append(f"    no work, left out: {counts}")
    return lines + [f"    {note}" for note in beads.notes]


def _imported_words(given: argparse.Namespace, imported: dict[str, Any] | None) -> list[str]:
    if imported is None:
        return ["Nothing was imported. Add --rig NAME --into REPO to take beads over."]
    repo = shlex.quote(given.into)
    closed = imported["left_out"].get("closed")
    return [
        f"{imported['beads']} beads and {imported['dependencies']} dependencies of {imported['rig']} are in "
        f"the draft convoy {imported['convoy']}.",
        *(f"  {note}" for note in imported["notes"]),
        *([f"  {closed} closed beads were left out (--closed takes them along)"] if closed else []),
        f"Run them with `gastown-desktop run {repo} --beads {imported['convoy']} --cap USD`.",
    ]
