"""`report`: was a convoy worth it, and the statement of a month. It only looks, also while one runs."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.money_log import read_ledger
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.core.errors import Refused, StoreError
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.plain_text import printable
from gastown_desktop.engine.statement import Book, statement_as_csv, statement_as_markdown, statement_of
from gastown_desktop.engine.worth import Fleet, Question, fleet_of, ledger_with, report_of
from gastown_desktop.engine.worth_page import as_markdown
from gastown_desktop.paths import data_folder
from gastown_desktop.wiring.histories import history_files
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import Workplace, open_workplace

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_HOURS = re.compile(r"\d{1,6}(\.\d{1,4})?")


async def report(given: argparse.Namespace) -> int:
    """Says what a convoy, or a month, came to."""
    if given.month is not None:
        return await _month(given)
    if given.csv:
        raise Refused("--csv is for a month.", remedy="Add --month YYYY-MM, or take --json.")
    if given.repo is None:
        raise Refused("Name a repository, or a month with --month YYYY-MM.")
    question = _question(given)
    workplace = await _open(given)
    try:
        convoy = _chosen(workplace, given.convoy)
        envelopes = [decode(line) for line in read_lines(workplace.events_file(convoy))]
        records = ledger_with(convoy, [read_ledger(path) for path in _ledgers_of(workplace, convoy)])
        result = report_of(envelopes, records, await _fleet(workplace, convoy), question)
    finally:
        await workplace.close()
    _show(given, result, as_markdown(result))
    return 0


async def _month(given: argparse.Namespace) -> int:
    """The statement of a month, of one rig or of all."""
    if not _MONTH.fullmatch(given.month):
        raise Refused(f"{given.month} is not a month.", remedy="Write it as 2026-11.")
    if given.convoy is not None or given.hourly_rate is not None or given.hours is not None:
        raise Refused("A statement of a month is over all convoys.", remedy="Leave --month or the rest out.")
    rig = None
    if given.repo is not None:
        workplace = await _open(given)
        rig = workplace.rig.id
        await workplace.close()
    unread: list[str] = []
    result = statement_of(given.month, _books(data_folder(given.data_dir), unread), rig=rig)
    result["unread"] = unread
    if given.csv:
        print(statement_as_csv(result), end="")
    else:
        _show(given, result, statement_as_markdown(result))
    for trouble in unread:
        print(f"Left out: {trouble}", file=sys.stderr)
    return 0


async def _open(given: argparse.Namespace) -> Workplace:
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    return await open_workplace(repo, given.data_dir)


def _question(given: argparse.Namespace) -> Question:
    """What the user gave on top.

    Raises:
        Refused: a rate of nothing, hours that are no number, or hours without a rate.
    """
    if given.hourly_rate == 0:
        raise Refused("An hourly rate is above $0.")
    if given.hours is None:
        return Question(hourly_rate=given.hourly_rate)
    if not _HOURS.fullmatch(given.hours):
        raise Refused(f"{given.hours} is not a number of hours.", remedy="Write it as 2 or 1.5.")
    if given.hourly_rate is None:
        raise Refused("Hours need an hourly rate.", remedy="Add --hourly-rate USD.")
    return Question(hourly_rate=given.hourly_rate, hours=Fraction(given.hours))


def _chosen(workplace: Workplace, wanted: str | None) -> ConvoyId:
    """The convoy that is named, else the one whose history was written last.

    Raises:
        Refused: there is none, or none of that name.
    """
    known = [file.stem for file in history_files(workplace)]
    if not known:
        raise Refused("Nothing was done here yet.")
    if wanted is None:
        return ConvoyId(known[0])
    if wanted not in known:
        raise Refused(
            f"There is no convoy {printable(wanted)} here.", remedy=f"There are: {', '.join(known)}."
        )
    return ConvoyId(wanted)


def _ledgers_of(workplace: Workplace, convoy: ConvoyId) -> tuple[Path, ...]:
    """Where a convoy's requests may be: a rehearsal's own ledger, and the one of all rigs."""
    return workplace.rehearsal_folder(convoy) / "money.log", _money_log(workplace.data)


def _money_log(data: Path) -> Path:
    return data / "money" / "money.log"


async def _fleet(workplace: Workplace, convoy: ConvoyId) -> Fleet:
    if not workplace.rig.town_git.is_dir():
        return Fleet()
    workplace.objects = await open_objects(workplace.git, workplace.rig.town_git)
    return await fleet_of(workplace.objects, convoy)


def _books(data: Path, unread: list[str]) -> Iterator[Book]:
    """All ledgers of the data folder; a rehearsal's that is damaged is left out and named in `unread`.

    Raises:
        StoreError: the ledger of real money is damaged.
    """
    rig_of = {file.stem: file.parent.parent.name for file in sorted(data.glob("rigs/*/events/*.jsonl"))}
    yield Book(records=read_ledger(_money_log(data)), rehearsal=False, rig_of=rig_of)
    for path in sorted(data.glob("rigs/*/rehearsals/*/money.log")):
        try:
            records = read_ledger(path)
        except StoreError as error:
            unread.append(str(error))
        else:
            named = {path.parent.name: path.parents[2].name}
            yield Book(records=records, rehearsal=True, rig_of=named)


def _show(given: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    if given.json:
        print(json.dumps(result), flush=True)
    elif sys.stdout.isatty() and not given.md:
        Console().print(Markdown(printable(text), hyperlinks=False))
    else:
        print(printable(text), flush=True)
