"""The bill: a convoy's ledger line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from gastown_desktop.core.away import Away
from gastown_desktop.core.charges import Charge, charges_of, sums_by
from gastown_desktop.core.ledger import (
    TOWN_SCOPE,
    Ledger,
    LimitKind,
    Record,
    SetCap,
    Totals,
    closing_reserve,
)
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.worth import role_of
from gastown_desktop.engine.bill import Absence, Bill, BillLine, BillRequest, LimitLine

MOST_REQUESTS = 2_000


def bill_of(records: Sequence[Record], ledger: Ledger, state: Projection) -> Bill:
    """The bill of a convoy.

    Args:
        records: all records of its ledger, oldest first.
        ledger: their fold.
        state: the convoy, which tells resolvers from workers.
    """
    scope = f"convoy:{state.convoy}"
    totals = ledger.totals(scope)
    requests = [one for one in charges_of(records) if scope in one.scopes]
    return Bill(
        convoy=state.convoy,
        cap=totals.cap,
        settled=totals.settled,
        assumed=totals.assumed,
        held=totals.held,
        reserve=closing_reserve(totals.cap) if totals.cap is not None else 0,
        by_bead=_lines(requests, lambda one: one.named("bead")),
        by_polecat=_lines(requests, lambda one: one.named("polecat")),
        by_model=_lines(requests, lambda one: one.model),
        by_role=_lines(requests, lambda one: role_of(one, state)),
        requests=tuple(_as_line(one) for one in reversed(requests[-MOST_REQUESTS:])),
        caps=tuple(
            (datetime.fromisoformat(one.at), one.cap)
            for one in records
            if isinstance(one, SetCap) and one.scope == scope
        ),
    )


def limits_of(
    ledger: Ledger, convoy: str, *, day: str = "", day_cap: int | None = None, town_cap: int | None = None
) -> tuple[LimitLine, ...]:
    """The limits that hold for a convoy, its own first.

    Args:
        ledger: what is spent.
        convoy: its scope.
        day: the scope of the day that it is now.
        day_cap: what a day may cost, nano-dollars; None for no such limit.
        town_cap: what everything may cost, nano-dollars; None for no such limit.
    """
    own = ledger.totals(convoy)
    found = [_limit("day", ledger.totals(day), day_cap), _limit("town", ledger.totals(TOWN_SCOPE), town_cap)]
    kept = closing_reserve(own.cap) if own.cap is not None else 0
    return tuple(one for one in (_limit("convoy", own, own.cap, kept), *found) if one is not None)


def _limit(kind: LimitKind, totals: Totals, cap: int | None, reserve: int = 0) -> LimitLine | None:
    if cap is None:
        return None
    kept = max(0, min(reserve, cap - totals.committed))
    return LimitLine(kind=kind, cap=cap, used=totals.committed, kept=kept)


def absence_of(away: Away | None, records: Sequence[Record], convoy: str, now: datetime) -> Absence | None:
    """How long the user is away, and what was spent meanwhile; None where they never were.

    Args:
        away: as it was said.
        records: of the ledger, oldest first.
        convoy: its scope.
        now: aware.
    """
    if away is None:
        return None
    spent = away.spent(records, convoy)
    return Absence(lasts=away.lasts(now), until=away.until, at_most=away.at_most, spent=spent)


def _lines(requests: Sequence[Charge], name: Callable[[Charge], str]) -> tuple[BillLine, ...]:
    """Sums by name, the dearest first; what has no name is left out."""
    return tuple(
        BillLine(
            name=label,
            requests=sums.requests,
            usage=sums.usage,
            settled=sums.settled,
            held=sums.held,
            assumed=sums.assumed,
        )
        for label, sums in sums_by(requests, name).items()
        if label
    )


def _as_line(one: Charge) -> BillRequest:
    return BillRequest(
        id=one.id,
        at=one.at,
        what=one.what,
        model=one.model,
        state=one.state,
        amount=one.amount,
        usage=one.usage,
        note=one.note,
    )
