"""The monthly statement: every convoy of every rig, what was paid and what was only rehearsed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from gastown_desktop.core.charges import Charge, charges_of, dearest_first, sums_of
from gastown_desktop.core.ledger import Record
from gastown_desktop.core.plain_text import cell_text
from gastown_desktop.core.worth import NOBODY
from gastown_desktop.engine.worth import line_of, lines
from gastown_desktop.engine.worth_page import cell, dollars, table

NOT_RECORDED = "not recorded"
"""Where a request went, where its record does not say."""
STAND_IN = "stand-in"
"""Where a rehearsal's requests go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One ledger with what it is about."""

    records: Sequence[Record]
    rehearsal: bool
    rig_of: Mapping[str, str]
    """The rig of each convoy that is known."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What one line of the statement is about."""

    origin: str
    rig: str
    convoy: str
    model: str


_Entry = tuple[_Key, Charge]


def statement_of(
    month: str, books: Iterable[Book], *, rig: str | None = None, zone: tzinfo | None = None
) -> dict[str, Any]:
    """The statement as JSON values; `paid` and `rehearsed` are never added up.

    Args:
        month: `2026-11`; a day is the ledger's own, else the local calendar's.
        books: all ledgers.
        rig: only this one; None for all.
        zone: whose days count; None for the machine's.
    """
    entries: dict[bool, list[_Entry]] = {False: [], True: []}
    for book in books:
        for charge in charges_of(book.records):
            key = _key(charge, book)
            if charge.day(zone).startswith(month) and rig in {None, key.rig}:
                entries[book.rehearsal].append((key, charge))
    return {
        "month": month,
        "rig": rig,
        "paid": _part(entries[False]),
        "rehearsed": _part(entries[True]),
    }


def _key(charge: Charge, book: Book) -> _Key:
    convoy = charge.named("convoy") or NOBODY
    return _Key(
        origin=STAND_IN if book.rehearsal else charge.origin or NOT_RECORDED,
        rig=charge.named("rig") or book.rig_of.get(convoy, NOBODY),
        convoy=convoy,
        model=charge.model,
    )


def _part(entries: Sequence[_Entry]) -> dict[str, Any]:
    """One part of the statement: its sum, sums by one thing each, and every line."""
    groups: dict[_Key, list[Charge]] = {}
    for key, charge in entries:
        groups.setdefault(key, []).append(charge)
    return {
        "total": line_of(sums_of(charge for _, charge in entries)),
        "by_origin": _by(entries, lambda key: key.origin),
        "by_rig": _by(entries, lambda key: key.rig),
        "by_convoy": _by(entries, lambda key: key.convoy),
        "by_model": _by(entries, lambda key: key.model),
        "lines": [_line(key, groups[key]) for key in sorted(groups, key=_in_order)],
    }


def _by(entries: Iterable[_Entry], name: Callable[[_Key], str]) -> list[dict[str, Any]]:
    groups: dict[str, list[Charge]] = {}
    for key, charge in entries:
        groups.setdefault(name(key), []).append(charge)
    return lines(dearest_first(groups))


def _in_order(key: _Key) -> tuple[str, str, str, str]:
    return key.origin, key.rig, key.convoy, key.model


def _line(key: _Key, charges: Sequence[Charge]) -> dict[str, Any]:
    named = {"origin": key.origin, "rig": key.rig, "convoy": key.convoy, "model": key.model}
    return {**named, **line_of(sums_of(charges))}


def statement_as_csv(statement: Mapping[str, Any]) -> str:
    """Every line, what was paid first; `part` tells the two apart. Money is in dollars."""
    named = ("origin", "rig", "convoy", "model")
    figures = tuple(line_of(sums_of(())))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("month", "part", *named, *figures))
    for part in ("paid", "rehearsed"):
        for line in statement[part]["lines"]:
            texts = [cell_text(line[name]) for name in named]
            writer.writerow((statement["month"], part, *texts, *(_plain(line[name]) for name in figures)))
    return out.getvalue()


def statement_as_markdown(statement: Mapping[str, Any]) -> str:
    """The person's form."""
    of = f" of {cell(statement['rig'])}" if statement["rig"] else ""
    paid, rehearsed = statement["paid"], statement["rehearsed"]
    return "\n".join(
        [
            f"# Statement{of}, {statement['month']}",
            "",
            f"**{dollars(paid['total']['spent_usd'])} spent** · {dollars(paid['total']['held_usd'])} held · "
            f"rehearsals: $0.00 spent · {dollars(rehearsed['total']['spent_usd'])} at list price",
            "",
            *_section("Spent", paid),
            *_section("Rehearsed, at list price", rehearsed),
        ]
    )


def _section(heading: str, part: Mapping[str, Any]) -> list[str]:
    """One part; nothing where nothing happened in it."""
    if not part["lines"]:
        return []
    rows = [[cell(line["origin"]), *_cells(line)] for line in part["lines"]]
    head = ("provider, key", "rig", "convoy", "model", "requests", "settled", "assumed", "held")
    sums = [f"**{heading.lower()}**", "", "", "", *_amounts(part["total"])]
    return [f"## {heading}", "", *table(head, [*rows, sums], texts=4), ""]


def _cells(line: Mapping[str, Any]) -> list[str]:
    return [cell(line["rig"]), cell(line["convoy"]), cell(line["model"]), *_amounts(line)]


def _amounts(line: Mapping[str, Any]) -> list[str]:
    money = [dollars(line[name]) for name in ("settled_usd", "assumed_usd", "held_usd")]
    return [str(line["requests"]), *money]


def _plain(value: float) -> str:
    """A number without an exponent, exact to a nano-dollar."""
    return f"{Decimal(repr(value)):f}"
