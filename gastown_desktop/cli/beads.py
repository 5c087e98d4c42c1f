"""`beads import` and `beads export`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.town_store import FileEventStore, read_lines
from gastown_desktop.adapters.whole_file import write_whole
from gastown_desktop.cli.progress import printable
from gastown_desktop.core import events as ev
from gastown_desktop.core.beads_jsonl import ListedBead, parse, render
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import ConvoyError, Refused
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import ConvoyId, convoy_id
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.bus import Bus
from gastown_desktop.wiring.histories import history_of
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import Workplace, open_workplace

_OVER = frozenset({"landed", "discarded"})
"""States of beads that nobody has to do any more."""


async def beads(given: argparse.Namespace) -> int:
    """Imports beads as a draft convoy, or exports those of the newest convoy."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        if given.action == "import":
            await _import(workplace, given.file)
        else:
            _export(workplace, given.file)
        return 0
    finally:
        await workplace.close()


async def _import(workplace: Workplace, file: Path) -> None:
    listed = read_beads(file)
    convoy = await begin_draft(workplace, str(file), f"Imported from {file.name}", listed)
    waits = sum(len(one.dependencies) for one in listed)
    counts = f"{plural(len(listed), 'bead')} and {plural(waits, 'dependency', 'dependencies')}"
    print(f"{counts} are in the draft convoy {convoy}.")


async def begin_draft(workplace: Workplace, source: str, title: str, listed: list[ListedBead]) -> ConvoyId:
    """Begins a draft convoy with beads that were planned elsewhere.

    Args:
        workplace: the rig.
        source: where they come from.
        title: what the convoy is called.
        listed: the beads.
    """
    convoy = convoy_id(f"{workplace.rig.id} {source} {workplace.clock.now().isoformat()}")
    store = FileEventStore(workplace.events_file(convoy))
    bus = Bus(store, workplace.clock)
    where: Any = {"rig": workplace.rig.id, "convoy": convoy}
    await bus.publish(
        ev.ConvoyCreated(
            **where,
            title=title,
            base=workplace.facts.head_oid,
            target=f"refs/heads/{workplace.facts.head_branch or 'HEAD'}",
        ),
        *told_beads(where, listed),
    )
    await store.close()
    return convoy


def planned_beads(workplace: Workplace, named: Path) -> list[ListedBead]:
    """The beads of a file or, where there is none of this name, of a draft convoy of the rig.

    Raises:
        Refused: neither is there, it holds no beads, or the convoy is no draft any more.
        ConvoyError: they wait for each other, or for what is not there.
    """
    history = workplace.events_file(ConvoyId(named.name))
    if named.exists() or str(named) != named.name or not history.is_file():
        return read_beads(named)
    state = history_of(workplace, ConvoyId(named.name))
    if state.stage != "draft":
        raise Refused(
            f"{named} is {state.stage} and no draft.", remedy="Go on with `gastown-desktop resume`."
        )
    listed = {one.bead.id: one for one in listed_beads(state) if one.status not in _OVER}
    if not listed:
        raise Refused(f"{named} holds no beads that are to be done.")
    return [
        replace(one, dependencies=tuple(waits for waits in one.dependencies if waits.on in listed))
        for one in listed.values()
    ]


def read_beads(file: Path) -> list[ListedBead]:
    """The beads of a file.

    Raises:
        Refused: it cannot be read, or holds none.
        ConvoyError: they wait for each other, or for what is not there.
    """
    listed = parse(_read(file))
    if not listed:
        raise Refused(f"{file} holds no beads.")
    Dag([one.bead.id for one in listed], [waits for one in listed for waits in one.dependencies])
    return listed


def told_beads(where: Any, listed: list[ListedBead]) -> list[ev.BeadAdded | ev.DependencyAdded]:
    """The events that tell of listed beads and their dependencies.

    Args:
        where: the fields that every event of the convoy begins with.
        listed: the beads.
    """
    dependencies = [waits for one in listed for waits in one.dependencies]
    return [
        *(_added(where, one) for one in listed),
        *(ev.DependencyAdded(**where, bead=one.bead, on=one.on, type=one.kind) for one in dependencies),
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {error}.") from None


def _added(where: Any, one: ListedBead) -> ev.BeadAdded:
    bead = one.bead
    return ev.BeadAdded(
        **where,
        bead=bead.id,
        title=bead.title,
        description=bead.description,
        acceptance=bead.acceptance,
        type=bead.kind,
        priority=bead.priority,
        status=one.status,
        files=bead.files,
        size=bead.size,
        model=bead.model,
        labels=bead.labels,
        extra=bead.extra,
    )


def _export(workplace: Workplace, file: Path) -> None:
    histories = (workplace.rig.folder / "events").glob("*.jsonl")
    newest = max(histories, key=lambda history: history.stat().st_mtime, default=None)
    if newest is None:
        raise Refused("There are no beads here yet.")
    state = fold([decode(line) for line in read_lines(newest)])
    _require_replaceable(file)
    try:
        write_whole(file.resolve(), render(listed_beads(state)).encode("utf-8"))
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}.", safe="It is as it was.") from None
    print(printable(f"{plural(len(state.beads), 'bead')} of {state.convoy} are in {file}."))


def _require_replaceable(file: Path) -> None:
    """Makes sure that nothing but an older list of beads is written over.

    Raises:
        Refused: something else is there.
    """
    if not file.exists():
        return
    try:
        older = parse(_read(file)) if file.stat().st_size else [True]
    except (Refused, ConvoyError):
        older = []
    if not older:
        raise Refused(
            f"{file} is there and is no list of beads.",
            safe="It is as it was.",
            remedy="Name another file, or delete it.",
        )


def listed_beads(state: Projection) -> list[ListedBead]:
    """The beads of a convoy with where they stand."""
    return [
        ListedBead(
            bead=view.bead,
            status=view.status,
            dependencies=tuple(dependency for dependency in state.dependencies if dependency.bead == bead),
        )
        for bead, view in state.beads.items()
    ]
