"""The bill: what a request's records come to, and why nobody knows what it cost."""

from __future__ import annotations

from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import Assume, Ledger, Record, Release, Reserve, SetCap, Settle
from gastown_desktop.core.money import NanoUsd, usd
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import Bill
from gastown_desktop.engine.billing import bill_of

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
