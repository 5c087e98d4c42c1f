from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone

import pytest

from gastown_desktop.core.charges import cap_in, charges_of, holds_scope, sums_by, sums_of, total_usage
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ledger import Ledger, SetCap, Settle, Shrink
from gastown_desktop.core.money import NanoUsd, usd
from gastown_desktop.core.usage import Usage
from tests.told_convoy import SCOPE, USAGE, ToldConvoy


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSettle(Settle):
    """A settlement that knows the list price beside what a gateway reported."""

    listed: NanoUsd | None = None


@pytest.fixture
def told() -> ToldConvoy:
    told = ToldConvoy("gt-a", "gt-b")
    told.settle(1, "gt-a Nux turn 1", "0.10", bead="gt-a", polecat="Nux")
    told.assume(2, "gt-b Slit turn 1", "0.30", bead="gt-b", polecat="Slit")
    told.release(3, "gt-b Slit turn 1", bead="gt-b", polecat="Slit")
    name = told.reserve(4, "gt-a Nux turn 2", "5", bead="gt-a", polecat="Nux")
    told.records.append(Shrink(id=name, amount=usd("0.40")))
    return told


def test_a_request_is_what_its_last_record_says(told: ToldConvoy) -> None:
    assert [(one.state, one.amount, one.spent) for one in told.charges] == [
        ("settled", usd("0.10"), usd("0.10")),
        ("assumed", usd("0.30"), usd("0.30")),
        ("released", 0, 0),
        ("held", usd("0.40"), 0),
    ]


def test_sums_are_those_of_the_ledger(told: ToldConvoy) -> None:
    ledger = Ledger()
    for record in told.records:
        ledger.apply(record)
    totals, sums = ledger.totals(SCOPE), sums_of(told.charges)
    assert (sums.settled, sums.assumed, sums.held) == (totals.settled, totals.assumed, totals.held)
    assert sums.requests == 3


def test_lines_share_all_requests_out_the_dearest_first(told: ToldConvoy) -> None:
    by_bead = sums_by(told.charges, lambda one: one.named("bead"))
    assert {bead: (one.spent, one.held, one.requests) for bead, one in by_bead.items()} == {
        "gt-a": (usd("0.10"), usd("0.40"), 2),
        "gt-b": (usd("0.30"), 0, 1),
    }
    assert list(by_bead) == ["gt-a", "gt-b"]


def test_usage_is_added_bucket_by_bucket() -> None:
    assert total_usage([USAGE, USAGE]) == Usage(
        input_tokens=20, output_tokens=100, cache_read_tokens=160, cache_write_5m_tokens=20
    )
    assert total_usage([]) == Usage()


def test_mark_up_is_known_only_where_the_record_has_both_prices() -> None:
    told = ToldConvoy()
    told.settle(0, "Mayor turn 1", "1", role="mayor")
    name = told.reserve(1, "Mayor turn 2", role="mayor")
    told.records.append(
        ListedSettle(id=name, amount=usd("1.10"), usage=USAGE, request_id="", listed=usd("1"))
    )
    assert [one.mark_up for one in told.charges] == [None, usd("0.10")]


def test_origin_is_what_the_scopes_say_of_provider_and_key() -> None:
    told = ToldConvoy()
    told.settle(0, "Mayor turn 1", "1", role="mayor", provider="anthropic", key="work")
    told.settle(0, "Mayor turn 2", "1", role="mayor")
    assert [one.origin for one in told.charges] == ["anthropic work", ""]


def test_a_day_is_the_ledgers_own_else_the_calendars() -> None:
    told = ToldConvoy()
    told.settle(13 * 3600, "Mayor turn 1", "1")
    told.settle(13 * 3600, "Mayor turn 2", "1", day="2026-11-24")
    west, east = timezone(timedelta(hours=-8)), timezone(timedelta(hours=8))
    plain, fixed = told.charges
    assert (plain.day(west), plain.day(east), fixed.day(east)) == ("2026-11-25", "2026-11-26", "2026-11-24")


def test_a_ledger_holds_the_scopes_of_requests_and_caps(told: ToldConvoy) -> None:
    assert holds_scope(told.records[:1], SCOPE)
    assert holds_scope(told.records, "bead:gt-b")
    assert not holds_scope(told.records, "convoy:cv-2")


def test_the_newest_cap_of_a_scope_counts(told: ToldConvoy) -> None:
    assert cap_in(told.records, SCOPE) == usd("20")
    told.records.append(SetCap(scope=SCOPE, cap=None, at="2026-11-25T12:00:00+00:00"))
    assert cap_in(told.records, SCOPE) is None
    assert cap_in(told.records, "town") is None


def test_the_end_of_a_request_that_never_began_is_refused() -> None:
    with pytest.raises(StoreError, match="r9"):
        charges_of([Shrink(id="r9", amount=usd("1"))])
