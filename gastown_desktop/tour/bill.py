"""The story's ledger: every request behind the table's sums, told as the engine tells a bill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.money import usd
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import Absence, Bill, BillLine, BillRequest, LimitLine
from gastown_desktop.tour.beads import BEADS, FABLE, HAIKU, OPUS, OTHER_SPENDING, REQUESTS, SONNET
from gastown_desktop.tour.lives import Row, Worked
from gastown_desktop.tour.moments import FLEET, Moment, at
from gastown_desktop.tour.story import CAP, DAY_CAP, RESERVE, durable_until, totals

_BROKE_OFF = ("14:11:20", "hb-k5t0n", "Toast", "0.18")
"""The one request whose end is not known: time, bead, worker, dollars."""
_PROMPT_A_DOLLAR = {OPUS: 1_140, SONNET: 2_600, HAIKU: 11_000, FABLE: 900}
"""Thousands of prompt tokens for a dollar, where the table does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """One request with all that it is summed by."""

    line: BillRequest
    bead: str
    worker: str
    role: str


def bill_of(convoy: ConvoyId, moment: Moment) -> Bill:
    """The bill at a moment; it is that of both convoys, whose limit is the town's.

    Args:
        convoy: who is named on it.
        moment: up to when.
    """
    requests = sorted(_requests(moment), key=lambda one: one.line.at)
    now = totals(moment.at)
    capped = moment.at >= at("13:05:02")
    return Bill(
        convoy=convoy,
        cap=CAP if capped else None,
        settled=now.settled,
        assumed=now.assumed,
        held=now.held,
        reserve=RESERVE,
        by_bead=_lines(requests, lambda one: one.bead),
        by_polecat=_lines(requests, lambda one: one.worker),
        by_model=_lines(requests, lambda one: one.line.model),
        by_role=_lines(requests, lambda one: one.role),
        requests=tuple(one.line for one in reversed(requests)),
        caps=((at("13:05:02"), CAP),) if capped else (),
        limits=_limits(now.settled + now.assumed + now.held) if moment.away else (),
        absence=Absence(lasts=True, until=at("19:00:00"), at_most=usd("15"), spent=usd("6.42"))
        if moment.away
        else None,
    )


def _limits(used: int) -> tuple[LimitLine, ...]:
    """The convoys' limit, and two that hold for more than them."""
    return (
        LimitLine(kind="convoy", cap=CAP, used=used, kept=RESERVE),
        LimitLine(kind="day", cap=DAY_CAP, used=used),
        LimitLine(kind="town", cap=usd("400"), used=used + usd("179.40")),
    )


def _requests(moment: Moment) -> Iterator[_Request]:
    for row in BEADS:
        yield from _requests_of(row, moment)
    for clock, role, model, dollars in OTHER_SPENDING:
        if at(clock) <= moment.at:
            name = role.title()
            spent = usd(dollars)
            yield _Request(
                line=_line(f"{role}-{clock}", at(clock), name, model, "settled", spent, _usage(model, spent)),
                bead="",
                worker="",
                role=name,
            )
    clock, bead, worker, dollars = _BROKE_OFF
    if at(clock) <= moment.at:
        line = _line(
            f"{bead}-{clock}", at(clock), f"{bead} {worker} turn 11", OPUS, "assumed", usd(dollars), None
        )
        yield _Request(line=replace(line, note="stream broke off"), bead=bead, worker=worker, role="Workers")


def _requests_of(row: Row, moment: Moment) -> Iterator[_Request]:
    """The paid requests of a bead, several to a turn, and the one that is promised."""
    turns = [(when, event) for when, event in durable_until(row, moment) if isinstance(event, ev.TurnEnded)]
    usages = iter(_usages(row, [event.cost for _, event in turns]))
    for number, (when, event) in enumerate(turns):
        parts = _share(_count(row, len(turns)), len(turns), number)
        for part in range(parts):
            what = f"{row.id} {row.worker} turn {event.turn}"
            begun = when - timedelta(seconds=20 * (parts - part))
            yield _Request(
                line=_line(
                    f"{row.id}-{event.turn}-{part}",
                    begun,
                    what,
                    row.model,
                    "settled",
                    _share(event.cost, parts, part),
                    next(usages),
                ),
                bead=row.id,
                worker=row.worker,
                role="Workers",
            )
    for bead, dollars in moment.held:
        if bead == row.id:
            what = f"{row.id} {row.worker} turn {len(turns) + 1}"
            line = _line(
                f"{row.id}-held",
                moment.at - timedelta(seconds=25),
                what,
                row.model,
                "held",
                usd(dollars),
                None,
            )
            yield _Request(line=line, bead=row.id, worker=row.worker, role="Workers")


def _count(row: Row, turns: int) -> int:
    """Requests of so many turns: as the table has it at 14:32, else nine in five turns."""
    known = REQUESTS.get(row.id)
    if known is None:
        return turns * 9 // 5
    then = sum(line.turns for line in row.life if isinstance(line, Worked) and at(line.at) <= FLEET.at)
    return known[0] * turns // then


def _usages(row: Row, costs: list[int]) -> list[Usage]:
    """Tokens of each request; they add up to the table's."""
    count = _count(row, len(costs))
    prompt, cached, reply = _tokens(row, sum(costs))
    return [
        Usage(
            input_tokens=_share(prompt - cached - prompt // 25, count, number),
            cache_write_5m_tokens=_share(prompt // 25, count, number),
            cache_read_tokens=_share(cached, count, number),
            output_tokens=_share(reply, count, number),
        )
        for number in range(count)
    ]


def _tokens(row: Row, spent: int) -> tuple[int, int, int]:
    """Prompt tokens, those of them from the cache, reply tokens."""
    known = REQUESTS.get(row.id)
    if known is None:
        usage = _usage(row.model, spent)
        return usage.prompt_tokens, usage.cache_read_tokens, usage.output_tokens
    _, thousands, percent, replied = known
    then = next(
        usd(line.spent) for line in reversed(row.life) if isinstance(line, Worked) and at(line.at) <= FLEET.at
    )
    prompt = thousands * 1_000 * spent // then
    return prompt, prompt * percent // 100, replied * 1_000 * spent // then


def _usage(model: str, spent: int) -> Usage:
    prompt = _PROMPT_A_DOLLAR[model] * 1_000 * spent // usd("1")
    cached, written = prompt * 91 // 100, prompt // 25
    return Usage(
        input_tokens=prompt - cached - written,
        cache_read_tokens=cached,
        cache_write_5m_tokens=written,
        output_tokens=prompt // 60,
    )


def _share(whole: int, parts: int, number: int) -> int:
    """The number-th of so many nearly equal parts, which add up to the whole."""
    return whole * (number + 1) // parts - whole * number // parts


def _line(
    name: str, when: datetime, what: str, model: str, state: str, amount: int, usage: Usage | None
) -> BillRequest:
    assert state == "held" or state == "settled" or state == "assumed"
    return BillRequest(id=name, at=when, what=what, model=model, state=state, amount=amount, usage=usage)


def _lines(requests: Iterable[_Request], name: Callable[[_Request], str]) -> tuple[BillLine, ...]:
    groups: dict[str, list[BillRequest]] = {}
    for one in requests:
        if name(one):
            groups.setdefault(name(one), []).append(one.line)
    lines = [_sum(label, group) for label, group in groups.items()]
    return tuple(sorted(lines, key=lambda line: -(line.settled + line.assumed + line.held)))


def _sum(name: str, requests: list[BillRequest]) -> BillLine:
    usages = [one.usage for one in requests if one.usage is not None]
    amounts = {
        state: sum(one.amount for one in requests if one.state == state)
        for state in ("settled", "held", "assumed")
    }
    return BillLine(
        name=name,
        requests=sum(one.state == "settled" for one in requests),
        usage=Usage(
            input_tokens=sum(one.input_tokens for one in usages),
            output_tokens=sum(one.output_tokens for one in usages),
            cache_read_tokens=sum(one.cache_read_tokens for one in usages),
            cache_write_5m_tokens=sum(one.cache_write_5m_tokens for one in usages),
        ),
        settled=amounts["settled"],
        held=amounts["held"],
        assumed=amounts["assumed"],
    )
