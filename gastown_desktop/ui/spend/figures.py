"""Figures of the spend page from a bill: where the limit stands, the course so far, shares, the export."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

from gastown_desktop.bridge.town_view import Sample
from gastown_desktop.core.burn import MeterSample
from gastown_desktop.core.money import NANO
from gastown_desktop.core.plain_text import cell_text
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import show_money, show_percent
from gastown_desktop.engine.api import Bill, BillLine, BillRequest
from gastown_desktop.ui.plots.share_bars import Share

_HEADS = (
    "time",
    "request",
    "model",
    "state",
    "amount_usd",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "id",
)


def course_of(bill: Bill, live: Iterable[MeterSample]) -> list[MeterSample]:
    """Where the meter stood: first what the bill's requests tell, then what was seen live.

    A request counts from when it was sent; what was held in between is not known any more.
    """
    seen = list(live)
    until = seen[0].at if seen else None
    counted = [one for one in reversed(bill.requests) if one.state in {"settled", "assumed"}]
    listed = sum(one.amount for one in counted)
    spent = bill.settled + bill.assumed - listed
    known: list[MeterSample] = []
    for one in counted:
        if until is not None and one.at >= until:
            break
        if not known:
            known.append(Sample(one.at, spent, 0, 0))
        spent += one.amount
        known.append(Sample(one.at, spent, 0, 0))
    return [*known, *seen]


def landings_of(states: Iterable[Projection]) -> tuple[datetime, ...]:
    """When beads were merged, oldest first."""
    times = (view.merged_at for state in states for view in state.beads.values())
    return tuple(sorted(at for at in times if at is not None))


def shares_of(lines: Sequence[BillLine], names: Iterable[str]) -> list[Share]:
    """Bars of what was settled, the dearest first; the largest has the whole length."""
    largest = max((line.settled for line in lines), default=0) or 1
    whole = sum(line.settled for line in lines) or 1
    return [
        Share(
            name=name,
            share=line.settled / largest,
            figure=show_money(line.settled),
            note=show_percent(line.settled / whole),
        )
        for line, name in zip(lines, names, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCheck:
    """Requests that were charged in full because nobody knows what they cost."""

    requests: tuple[BillRequest, ...]

    @property
    def amount(self) -> int:
        """What they count for, nano-dollars."""
        return sum(one.amount for one in self.requests)


def to_check(bill: Bill) -> ToCheck:
    """The requests of a bill whose cost is assumed, newest first."""
    return ToCheck(requests=tuple(one for one in bill.requests if one.state == "assumed"))


def as_csv(bill: Bill) -> str:
    """Every request of a bill as a line, oldest first; amounts in dollars, times with their offset."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADS)
    for one in reversed(bill.requests):
        usage = one.usage
        tokens = (
            [""] * 5
            if usage is None
            else [
                usage.input_tokens,
                usage.cache_read_tokens,
                usage.cache_write_5m_tokens,
                usage.cache_write_1h_tokens,
                usage.output_tokens,
            ]
        )
        amount = f"{one.amount // NANO}.{one.amount % NANO:09}"
        words = [cell_text(one.what), cell_text(one.model), one.state]
        writer.writerow([one.at.isoformat(), *words, amount, *tokens, cell_text(one.id)])
    return out.getvalue()
