"""What the table shows under each tab, told from the bill and the cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.usage import Usage
from gastown_desktop.core.wording import (
    show_cents,
    show_clock,
    show_day,
    show_hidden,
    show_model,
    show_money,
    show_percent,
    show_tokens,
)
from gastown_desktop.engine.api import Bill, BillLine, BillRequest
from gastown_desktop.ui.spend.table import Cell, Head, Row
from gastown_desktop.ui.theme.glyphs import glyph_of, state_token
from gastown_desktop.ui.widgets.pieces import Piece

TABS = ("Convoy", "Bead", "Worker", "Role", "Model", "Day", "Request")
_FIGURES = (
    Head(title="Requests", width=80, right=True),
    Head(title="In, cached", width=100, right=True),
    Head(title="Out", width=70, right=True),
    Head(title="Held", width=70, right=True),
    Head(title="Settled", width=136, right=True),
)
_OF_BEADS = (
    Head(title="Bead"),
    Head(title="Worker", width=80),
    Head(title="Model", width=96),
    Head(title="State", width=90),
    *_FIGURES,
)
_OF_REQUESTS = (
    Head(title="Request"),
    Head(title="Time", width=110),
    Head(title="Model", width=96),
    Head(title="State", width=90),
    Head(title="In, cached", width=110, right=True),
    Head(title="Out", width=80, right=True),
    Head(title="Amount", width=110, right=True),
)
_STATES = {"held": "Held", "settled": "Settled", "assumed": "To check", "released": "Not billed"}


def covered(bill: Bill, view: TownView, zone: tzinfo | None) -> str:
    """What a bill is about: `today, both convoys`, `since 18 Nov, Retire legacy sessions`."""
    found = {
        state.convoy: state.title
        for line in bill.by_bead
        if (state := view.projection_of(BeadId(line.name))) is not None
    }
    titles = list(found.values())
    if len(titles) > 1:
        about = "both convoys" if len(titles) == 2 else f"{len(titles)} convoys"
    else:
        state = view.convoys.get(bill.convoy)
        about = show_hidden(titles[0] if titles else state.title if state is not None else "")
    if not bill.requests or view.now is None:
        return about
    begun = show_day(bill.requests[-1].at, view.now, zone)
    return f"today, {about}" if begun.startswith("today") else f"since {begun}, {about}"


def heads_of(tab: str) -> tuple[Head, ...]:
    """The columns of a tab."""
    if tab == "Bead":
        return _OF_BEADS
    return _OF_REQUESTS if tab == "Request" else (Head(title=tab), *_FIGURES)


def rows_of(
    tab: str, bill: Bill, bills: Mapping[ConvoyId, Bill], view: TownView, zone: tzinfo | None
) -> list[Row]:
    """The rows of a tab.

    Args:
        tab: one of `TABS`.
        bill: the bill of the convoy that is shown.
        bills: all bills that are known.
        view: knows what beads and convoys are called.
        zone: where the user is.
    """
    match tab:
        case "Bead":
            return [_of_bead(line, view) for line in dearest(bill.by_bead)]
        case "Worker":
            return [_named(line, show_hidden(line.name)) for line in dearest(bill.by_polecat)]
        case "Role":
            return [_named(line, line.name) for line in dearest(bill.by_role)]
        case "Model":
            return [_named(line, show_model(line.name)) for line in dearest(bill.by_model)]
        case "Day":
            return [_named(line, line.name) for line in days_of(bill, zone)]
        case "Request":
            today = None if view.now is None else _midnight(view.now, zone)
            return [_of_request(one, zone, today) for one in bill.requests]
        case _:
            return [_of_convoy(one, view) for one in bills.values()]


def dearest(lines: Iterable[BillLine]) -> list[BillLine]:
    """Lines by what was settled, the dearest first."""
    return sorted(lines, key=lambda line: -line.settled)


def days_of(bill: Bill, zone: tzinfo | None) -> list[BillLine]:
    """The requests by day where the user is, newest first."""
    days: dict[date, list[BillRequest]] = {}
    for one in bill.requests:
        days.setdefault(one.at.astimezone(zone).date(), []).append(one)
    return [
        _summed(f"{day.day} {day:%b %Y}", requests) for day, requests in sorted(days.items(), reverse=True)
    ]


def _summed(name: str, requests: Iterable[BillRequest]) -> BillLine:
    listed = list(requests)
    sums = {state: sum(one.amount for one in listed if one.state == state) for state in _STATES}
    return BillLine(
        name=name,
        requests=sum(one.state != "released" for one in listed),
        usage=added(one.usage for one in listed if one.usage is not None),
        settled=sums["settled"],
        held=sums["held"],
        assumed=sums["assumed"],
    )


def added(usages: Iterable[Usage]) -> Usage:
    """All tokens together."""
    listed = list(usages)
    return Usage(
        input_tokens=sum(one.input_tokens for one in listed),
        output_tokens=sum(one.output_tokens for one in listed),
        cache_read_tokens=sum(one.cache_read_tokens for one in listed),
        cache_write_5m_tokens=sum(one.cache_write_5m_tokens for one in listed),
        cache_write_1h_tokens=sum(one.cache_write_1h_tokens for one in listed),
    )


def _of_bead(line: BillLine, view: TownView) -> Row:
    bead = BeadId(line.name)
    card = view.card(bead)
    state = view.projection_of(bead)
    title = state.beads[bead].bead.title if state is not None else ""
    name = Cell(pieces=(Piece(text=line.name, role="id", color="text.tertiary"), _text(title, gap=4)))
    if card is None:
        who, model, shown = _cell(""), _cell(""), _cell("")
    else:
        who = _cell(card.worker or "")
        model = _cell(show_model(card.model) if card.model else "", "text.secondary")
        color = state_token("state", card.state)
        shown = Cell(
            pieces=(
                Piece(glyph=glyph_of(card.state), color=color),
                Piece(text=card.word, role="caption", weight=500, color=color, gap=5),
            )
        )
    return Row(key=line.name, cells=(name, who, model, shown, *_figures(line)))


def _of_convoy(bill: Bill, view: TownView) -> Row:
    state = view.convoys.get(bill.convoy)
    line = BillLine(
        name=bill.convoy,
        requests=sum(one.requests for one in bill.by_model),
        usage=added(one.usage for one in bill.by_model),
        settled=bill.settled,
        held=bill.held,
        assumed=bill.assumed,
    )
    return _named(line, show_hidden(state.title) if state is not None and state.title else bill.convoy)


@lru_cache(maxsize=4_096)
def _of_request(one: BillRequest, zone: tzinfo | None, today: datetime | None) -> Row:
    """Remembered, since thousands of rows are asked for every second and few of them are new."""
    day = "" if today is None else show_day(one.at, today, zone)
    time = show_clock(one.at, zone, seconds=True)
    when = time if today is None or day.startswith("today") else f"{day} {time}"
    color = "state.paused_budget" if one.state == "assumed" else "text.secondary"
    cells = (
        _cell(show_hidden(one.what)),
        _cell(when, "text.secondary"),
        _cell(show_model(one.model), "text.secondary"),
        _cell(_STATES[one.state], color),
        _tokens(one.usage),
        _cell("" if one.usage is None else show_tokens(one.usage.output_tokens)),
        Cell(pieces=(Piece(text=show_money(one.amount), weight=500),)),
    )
    return Row(key=one.id, cells=cells)


def _midnight(now: datetime, zone: tzinfo | None) -> datetime:
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _named(line: BillLine, name: str) -> Row:
    return Row(key=line.name, cells=(_cell(name), *_figures(line)))


def _figures(line: BillLine) -> tuple[Cell, ...]:
    settled: tuple[Piece, ...] = (Piece(text=show_money(line.settled), weight=500),)
    if line.assumed and not line.settled:
        note = f"{show_cents(line.assumed)} assumed"
        settled = (Piece(text=note, role="caption", color="text.tertiary"), *settled)
    return (
        _cell(f"{line.requests:,}"),
        _tokens(line.usage),
        _cell(show_tokens(line.usage.output_tokens)),
        _cell(show_cents(line.held) if line.held else "", "text.secondary"),
        Cell(pieces=settled),
    )


def _tokens(usage: Usage | None) -> Cell:
    """Prompt tokens, with the share that came from the cache."""
    if usage is None:
        return Cell()
    prompt = usage.prompt_tokens
    share = show_percent(round(usage.cache_read_tokens / prompt, 2)) if prompt else ""
    return Cell(pieces=(_text(show_tokens(prompt)), Piece(text=share, color="text.tertiary", gap=4)))


def _cell(text: str, color: str = "text.primary") -> Cell:
    return Cell(pieces=(_text(text, color),) if text else ())


def _text(text: str, color: str = "text.primary", gap: float = 6) -> Piece:
    return Piece(text=text, color=color, gap=gap)
