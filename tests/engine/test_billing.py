"""The bill: what a request's records come to, and why nobody knows what it cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gastown_desktop.core.away import Away
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import TOWN_SCOPE, Assume, Ledger, Record, Release, Reserve, SetCap, Settle
from gastown_desktop.core.money import NanoUsd, usd
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import Bill
from gastown_desktop.engine.bill import LimitLine
from gastown_desktop.engine.billing import absence_of, bill_of, limits_of

SCOPE = "convoy:cv-1"
AT = "2026-11-25T12:00:00+00:00"


def reserve(name: str, dollars: str) -> Reserve:
    return Reserve(
        id=name,
        at=AT,
        scopes=(SCOPE, "bead:gt-a", "polecat:Nux"),
        amount=usd(dollars),
        model="claude-opus-5-5",
        max_tokens=4_000,
        what="gt-a Nux turn 1",
        body_hash="",
    )


def bill(*records: Record) -> Bill:
    ledger = Ledger()
    for record in records:
        ledger.apply(record)
    return bill_of(records, ledger, Projection(convoy=ConvoyId("cv-1")))


def test_a_request_that_ended_without_a_bill_says_why() -> None:
    made = bill(
        SetCap(scope=SCOPE, cap=usd("10"), at=AT),
        reserve("r1", "2"),
        reserve("r2", "3"),
        Assume(id="r1", reason="the stream broke off"),
        Release(id="r2", reason="connection refused"),
    )
    assert [(one.state, one.amount, one.note) for one in made.requests] == [
        ("released", 0, "connection refused"),
        ("assumed", usd("2"), "the stream broke off"),
    ]


def test_lines_add_up_to_the_sums() -> None:
    usage = Usage(input_tokens=10, output_tokens=5)
    settle = Settle(id="r1", amount=NanoUsd(usd("1")), usage=usage, request_id="")
    made = bill(SetCap(scope=SCOPE, cap=usd("10"), at=AT), reserve("r1", "2"), settle, reserve("r2", "3"))
    assert (made.settled, made.held, made.reserve) == (usd("1"), usd("3"), usd("0.50"))
    for lines in (made.by_bead, made.by_polecat, made.by_model, made.by_role):
        assert [(one.settled, one.held, one.requests, one.usage) for one in lines] == [
            (usd("1"), usd("3"), 2, usage)
        ]


def test_each_limit_says_what_is_left_and_the_convoys_keeps_something_for_landing() -> None:
    today, held = "day:2026-11-25+00:00", reserve("r1", "2")
    ledger = Ledger()
    ledger.apply(SetCap(scope=SCOPE, cap=usd("10"), at=AT))
    ledger.apply(replace(held, scopes=(*held.scopes, today, TOWN_SCOPE)))
    limits = limits_of(ledger, SCOPE, day=today, day_cap=usd("3"), town_cap=usd("400"))
    assert [(one.kind, one.used, one.left) for one in limits] == [
        ("convoy", usd("2"), usd("7.50")),
        ("day", usd("2"), usd("1")),
        ("town", usd("2"), usd("398")),
    ]
    made = replace(bill(), limits=limits)
    assert made.nearest == LimitLine(kind="day", cap=usd("3"), used=usd("2"))
    assert limits_of(ledger, "convoy:other") == ()
    assert bill().nearest is None


def test_an_absence_lasts_until_the_user_is_back() -> None:
    at = datetime.fromisoformat(AT)
    away = Away(until=at, at_most=usd("15"))
    assert absence_of(None, [], SCOPE, at) is None
    after = absence_of(away, [reserve("r1", "2")], SCOPE, at)
    assert after is not None
    assert (after.lasts, after.spent, after.at_most) == (False, 0, usd("15"))
    endless = absence_of(replace(away, until=None), [reserve("r1", "2")], SCOPE, at)
    assert endless is not None
    assert (endless.lasts, endless.spent) == (True, usd("2"))
