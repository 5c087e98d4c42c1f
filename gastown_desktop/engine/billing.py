"""The bill: a convoy's ledger line by line, folded from its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.ledger import (
    Assume,
    Ledger,
    Record,
    Release,
    Reserve,
    SetCap,
    Settle,
    Shrink,
    closing_reserve,
)
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import Bill, BillLine, BillRequest

MOST_REQUESTS = 2_000
_State = Literal["held", "settled", "assumed", "released"]


@dataclass(slots=True)
class _Request:
    """One request as far as its records tell."""

    reserve: Reserve
    state: _State = "held"
    amount: int = 0
    usage: Usage | None = None
    note: str = ""


def bill_of(records: Sequence[Record], ledger: Ledger, state: Projection) -> Bill:
    """The bill of a convoy.

    Args:
        records: all records of its ledger, oldest first.
        ledger: their fold.
        state: the convoy, which tells resolvers from workers.
    """
    scope = f"convoy:{state.convoy}"
    totals = ledger.totals(scope)
    requests = [one for one in _requests(records) if scope in one.reserve.scopes]
    return Bill(
        convoy=state.convoy,
        cap=totals.cap,
        settled=totals.settled,
        assumed=totals.assumed,
        held=totals.held,
        reserve=closing_reserve(totals.cap) if totals.cap is not None else 0,
        by_bead=_lines(requests, lambda one: _named(one, "bead:")),
        by_polecat=_lines(requests, lambda one: _named(one, "polecat:")),
        by_model=_lines(requests, lambda one: one.reserve.model),
        by_role=_lines(requests, lambda one: _role(one, state)),
        requests=tuple(_as_line(one) for one in reversed(requests[-MOST_REQUESTS:])),
        caps=tuple(
            (datetime.fromisoformat(one.at), one.cap)
            for one in records
            if isinstance(one, SetCap) and one.scope == scope
        ),
    )


def _requests(records: Iterable[Record]) -> list[_Request]:
    """All requests, oldest first."""
    found: dict[str, _Request] = {}
    for record in records:
        match record:
            case Reserve():
                found[record.id] = _Request(record, amount=record.amount)
            case Shrink():
                found[record.id].amount = record.amount
            case Settle():
                one = found[record.id]
                one.state, one.amount, one.usage = "settled", record.amount, record.usage
            case Assume():
                one = found[record.id]
                one.state, one.note = "assumed", record.reason
            case Release():
                one = found[record.id]
                one.state, one.amount, one.note = "released", 0, record.reason
            case _:
                pass
    return list(found.values())


def _lines(requests: Sequence[_Request], name: Callable[[_Request], str]) -> tuple[BillLine, ...]:
    """Sums by name, the dearest first."""
    groups: dict[str, list[_Request]] = {}
    for one in requests:
        groups.setdefault(name(one), []).append(one)
    lines = [_line(label, group) for label, group in groups.items() if label]
    return tuple(sorted(lines, key=lambda line: -(line.settled + line.assumed + line.held)))


def _line(name: str, requests: Sequence[_Request]) -> BillLine:
    def sum_of(state: _State) -> int:
        return sum(one.amount for one in requests if one.state == state)

    return BillLine(
        name=name,
        requests=sum(one.state != "released" for one in requests),
        usage=_total(one.usage for one in requests if one.usage is not None),
        settled=sum_of("settled"),
        held=sum_of("held"),
        assumed=sum_of("assumed"),
    )


def _total(usages: Iterable[Usage]) -> Usage:
    sums = {one.name: 0 for one in fields(Usage)}
    for usage in usages:
        for name in sums:
            sums[name] += getattr(usage, name)
    return Usage(**sums)


def _as_line(one: _Request) -> BillRequest:
    return BillRequest(
        id=one.reserve.id,
        at=datetime.fromisoformat(one.reserve.at),
        what=one.reserve.what,
        model=one.reserve.model,
        state=one.state,
        amount=one.amount,
        usage=one.usage,
        note=one.note,
    )


def _named(one: _Request, prefix: str) -> str:
    """What the scope of this kind names; empty where there is none."""
    return next((scope.removeprefix(prefix) for scope in one.reserve.scopes if scope.startswith(prefix)), "")


def _role(one: _Request, state: Projection) -> str:
    """Who asked: the role that its scopes name, else a worker or a resolver, as `what` names the bead."""
    named = _named(one, "role:")
    if named:
        return named.capitalize()
    worked_on = BeadId(one.reserve.what.partition(" ")[0])
    view = state.beads.get(worked_on)
    return "Resolver" if view is not None and view.bead.kind == "resolve" else "Workers"
