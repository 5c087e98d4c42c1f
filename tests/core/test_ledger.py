from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gastown_desktop.core.errors import CapReached, MoneyError, NoReservation, StoreError
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
    record_from_json,
)
from gastown_desktop.core.money import NanoUsd, usd
from gastown_desktop.core.usage import Usage

AT = "2026-11-25T12:00:00+00:00"


def reserve(reservation: str, amount: int, *scopes: str) -> Reserve:
    return Reserve(
        id=reservation,
        at=AT,
        scopes=scopes or ("town",),
        amount=NanoUsd(amount),
        model="claude-haiku-5-5",
        max_tokens=4_000,
        what="turn 1 of Nux",
        body_hash="0f",
    )


def settle(reservation: str, amount: int) -> Settle:
    return Settle(id=reservation, amount=NanoUsd(amount), usage=Usage(input_tokens=3), request_id="req_1")


def shrink(reservation: str, amount: int) -> Shrink:
    return Shrink(id=reservation, amount=NanoUsd(amount))


def cap(scope: str, amount: int | None) -> SetCap:
    return SetCap(scope=scope, cap=None if amount is None else NanoUsd(amount), at=AT)


def ledger_of(*records: Record) -> Ledger:
    ledger = Ledger()
    for record in records:
        ledger.apply(record)
    return ledger


def test_cap_blocks_call_when_reservation_would_exceed_it() -> None:
    ledger = ledger_of(cap("town", 100), reserve("a", 60))
    ledger.check(["town"], 40)
    with pytest.raises(CapReached) as reached:
        ledger.check(["town"], 41)
    assert (reached.value.scope, reached.value.fits_later) == ("town", True)


def test_a_request_larger_than_what_is_left_unspent_never_fits() -> None:
    ledger = ledger_of(cap("town", 100), reserve("a", 60), settle("a", 60))
    with pytest.raises(CapReached) as reached:
        ledger.check(["town"], 41)
    assert not reached.value.fits_later


def test_the_scope_that_never_fits_is_named_before_one_that_fits_later() -> None:
    ledger = ledger_of(cap("town", 100), cap("bead:b", 50), reserve("a", 60, "town"))
    with pytest.raises(CapReached) as reached:
        ledger.check(["town", "bead:b"], 51)
    assert (reached.value.scope, reached.value.fits_later) == ("bead:b", False)


def test_every_scope_of_a_request_is_charged_once() -> None:
    ledger = ledger_of(reserve("a", 10, "polecat:Nux", "town", "town"), settle("a", 7))
    assert ledger.totals("polecat:Nux").settled == ledger.totals("town").settled == 7
    assert ledger.scopes() == ("polecat:Nux", "town")


def test_a_scope_without_a_cap_takes_anything() -> None:
    ledger = ledger_of(cap("town", 5), cap("town", None))
    ledger.check(["town"], 10**15)
    assert ledger.totals("town").free is None


def test_applying_a_reservation_over_the_cap_is_refused_and_changes_nothing() -> None:
    ledger = ledger_of(cap("town", 10))
    with pytest.raises(CapReached):
        ledger.apply(reserve("a", 11))
    assert ledger.totals("town").committed == 0
    assert ledger.open_reservations == {}


def test_shrinking_frees_the_difference() -> None:
    ledger = ledger_of(cap("town", 100), reserve("a", 100), shrink("a", 30))
    assert ledger.totals("town").free == 70
    assert ledger.open_reservations["a"].held == 30


def test_a_shrink_never_grows() -> None:
    ledger = ledger_of(reserve("a", 10))
    with pytest.raises(MoneyError, match="cannot grow"):
        ledger.apply(shrink("a", 11))


def test_settling_below_the_bound_frees_the_rest() -> None:
    totals = ledger_of(cap("town", 100), reserve("a", 80), settle("a", 5)).totals("town")
    assert (totals.settled, totals.held, totals.free, totals.max_committed) == (5, 0, 95, 80)


def test_settling_above_the_bound_is_recorded_exactly_and_trips_the_wire() -> None:
    ledger = ledger_of(cap("town", 100), reserve("a", 80), shrink("a", 50), settle("a", 120))
    assert ledger.totals("town").settled == 120
    assert ledger.totals("town").free == 0
    assert ledger.totals("town").max_committed == 120
    assert ledger.tripped is not None
    assert (ledger.tripped.request.id, ledger.tripped.held, ledger.tripped.actual) == ("a", 50, 120)


def test_settling_at_the_bound_trips_nothing() -> None:
    assert ledger_of(reserve("a", 80), settle("a", 80)).tripped is None


def test_an_unknown_outcome_is_charged_at_what_was_held() -> None:
    totals = ledger_of(reserve("a", 80), shrink("a", 50), Assume(id="a", reason="the stream was cut")).totals(
        "town"
    )
    assert (totals.assumed, totals.held, totals.settled) == (50, 0, 0)


def test_a_release_frees_everything() -> None:
    totals = ledger_of(reserve("a", 80), Release(id="a", reason="connection refused")).totals("town")
    assert totals.committed == 0
    assert totals.max_committed == 80


@pytest.mark.parametrize(
    "record",
    [shrink("a", 1), settle("a", 1), Assume(id="a", reason="cut"), Release(id="a", reason="429")],
    ids=lambda record: record.kind,
)
def test_nothing_happens_to_a_reservation_that_ended_or_never_was(record: Record) -> None:
    with pytest.raises(NoReservation, match="never made"):
        ledger_of().apply(record)
    with pytest.raises(NoReservation, match="has ended"):
        ledger_of(reserve("a", 5), settle("a", 5)).apply(record)


@pytest.mark.parametrize("before", [[reserve("a", 1)], [reserve("a", 1), settle("a", 1)]])
def test_an_id_is_used_once(before: list[Record]) -> None:
    with pytest.raises(MoneyError, match="made before"):
        ledger_of(*before).apply(reserve("a", 1))


@pytest.mark.parametrize("record", [reserve("b", -1), shrink("a", -1), settle("a", -1), cap("town", -1)])
def test_negative_amounts_are_refused(record: Record) -> None:
    with pytest.raises(MoneyError, match="zero or more"):
        ledger_of(reserve("a", 1)).apply(record)


def test_lowering_a_cap_below_what_is_committed_is_accepted_and_blocks_at_once() -> None:
    ledger = ledger_of(cap("town", 100), reserve("a", 60), cap("town", 10))
    assert ledger.totals("town").free == 0
    with pytest.raises(CapReached):
        ledger.check(["town"], 0)


def test_restart_charges_every_reservation_without_an_end_in_full() -> None:
    ledger, assumed = Ledger.replay(
        [cap("town", 100), reserve("a", 60), shrink("a", 20), reserve("b", 30), settle("b", 4)]
    )
    assert [record.id for record in assumed] == ["a"]
    totals = ledger.totals("town")
    assert (totals.assumed, totals.settled, totals.held, totals.free) == (20, 4, 0, 76)


def test_replaying_the_log_with_the_appended_assumptions_assumes_nothing_more() -> None:
    log: list[Record] = [cap("town", 100), reserve("a", 60)]
    first, assumed = Ledger.replay(log)
    second, nothing = Ledger.replay([*log, *assumed])
    assert nothing == []
    assert second.totals("town") == first.totals("town")


def test_replay_remembers_that_the_wire_was_tripped() -> None:
    ledger, _ = Ledger.replay([reserve("a", 1), settle("a", 2)])
    assert ledger.tripped is not None


@pytest.mark.parametrize(("dollars", "kept"), [("1.99", "0"), ("2", "0.10"), ("20", "1"), ("0", "0")])
def test_closing_reserve_is_a_twentieth_from_two_dollars(dollars: str, kept: str) -> None:
    assert closing_reserve(usd(dollars)) == usd(kept)


def test_only_closing_work_uses_the_closing_reserve_of_a_convoy() -> None:
    ledger = ledger_of(cap("convoy:cv-x", usd(20)))
    ledger.check(["convoy:cv-x"], usd(19))
    ledger.check(["convoy:cv-x"], usd(20), closing=True)
    with pytest.raises(CapReached, match=r"\$1\.00 is kept for landing") as reached:
        ledger.check(["convoy:cv-x"], usd(19) + 1)
    assert not reached.value.fits_later


def test_a_scope_that_is_no_convoy_keeps_nothing_back() -> None:
    ledger_of(cap("town", usd(20))).check(["town"], usd(20))


@pytest.mark.parametrize(
    "record",
    [
        reserve("a", 5, "town", "bead:b"),
        shrink("a", 4),
        settle("a", 3),
        Assume(id="a", reason="cut"),
        Release(id="a", reason="429"),
        cap("town", 7),
        cap("town", None),
    ],
    ids=lambda record: record.kind,
)
def test_a_record_survives_json(record: Record) -> None:
    assert record_from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"kind": "gift", "id": "a"},
        {"kind": "release", "id": "a"},
        {"kind": "release", "id": "a", "reason": "", "more": 1},
        settle("a", 1).to_json() | {"usage": {"tokens": 1}},
        settle("a", 1).to_json() | {"usage": None},
        reserve("a", 1).to_json() | {"scopes": 5},
    ],
)
def test_a_malformed_record_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(StoreError):
        record_from_json(raw)


SCOPES = ("town", "convoy:cv-x", "bead:b")


def charged(records: list[Record], scope: str) -> int:
    """What a scope owes in the worst case, by the simplest arithmetic: the last amount of each id."""
    amounts: dict[str, int] = {}
    for record in records:
        match record:
            case Reserve() if scope in record.scopes:
                amounts[record.id] = record.amount
            case Shrink() | Settle() if record.id in amounts:
                amounts[record.id] = record.amount
            case Release():
                amounts.pop(record.id, None)
            case _:
                pass
    return sum(amounts.values())


def limits(records: list[Record]) -> dict[str, int]:
    """The most each scope may owe: its cap, or what it owed when the cap was lowered below that."""
    found: dict[str, int] = {}
    for index, record in enumerate(records):
        if isinstance(record, SetCap) and record.cap is not None:
            found[record.scope] = max(record.cap, charged(records[:index], record.scope))
        elif isinstance(record, SetCap):
            found.pop(record.scope, None)
    return found


class LedgerUnderFire(RuleBasedStateMachine):
    """Any interleaving of requests, replies, changed caps and crashes, against plain sums."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Record] = []
        self.bill: dict[str, int] = {}
        self.ledger = Ledger()
        self.made = 0

    def write(self, record: Record) -> None:
        self.ledger.apply(record)
        self.log.append(record)

    def an_open_one(self, data: st.DataObject) -> tuple[str, int]:
        reservation = data.draw(st.sampled_from(sorted(self.ledger.open_reservations)))
        return reservation, self.ledger.open_reservations[reservation].held

    @rule(scope=st.sampled_from(SCOPES), amount=st.none() | st.integers(0, 300))
    def change_cap(self, scope: str, amount: int | None) -> None:
        self.write(cap(scope, amount))

    @rule(scopes=st.sets(st.sampled_from(SCOPES), min_size=1), amount=st.integers(0, 120))
    def reserve(self, scopes: set[str], amount: int) -> None:
        record = reserve(str(self.made), amount, *sorted(scopes))
        limit = limits(self.log)
        fits = all(
            charged(self.log, scope) + amount <= self.ledger.totals(scope).cap
            for scope in scopes
            if scope in limit
        )
        self.made += 1
        try:
            self.ledger.check(record.scopes, record.amount)
        except CapReached:
            assert not fits
            return
        assert fits
        self.write(record)

    @precondition(lambda self: self.ledger.open_reservations)
    @rule(data=st.data())
    def shrink(self, data: st.DataObject) -> None:
        reservation, held = self.an_open_one(data)
        self.write(shrink(reservation, data.draw(st.integers(0, held))))

    @precondition(lambda self: self.ledger.open_reservations)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        reservation, held = self.an_open_one(data)
        self.bill[reservation] = data.draw(st.integers(0, held))
        self.write(settle(reservation, self.bill[reservation]))

    @precondition(lambda self: self.ledger.open_reservations)
    @rule(data=st.data())
    def assume(self, data: st.DataObject) -> None:
        reservation, held = self.an_open_one(data)
        self.bill[reservation] = data.draw(st.integers(0, held))
        self.write(Assume(id=reservation, reason="the stream was cut"))

    @precondition(lambda self: self.ledger.open_reservations)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.write(Release(id=self.an_open_one(data)[0], reason="429"))

    @rule(torn=st.booleans())
    def crash(self, torn: bool) -> None:
        """Ends forced to disk survive; a record torn while it was written was never acted upon."""
        if torn and self.log:
            lost = self.log.pop()
            if isinstance(lost, Reserve):
                self.bill.pop(lost.id, None)
        self.ledger, assumed = Ledger.replay(self.log)
        self.log.extend(assumed)
        assert self.ledger.open_reservations == {}

    @rule(data=st.data())
    def any_prefix_replays_below_its_caps(self, data: st.DataObject) -> None:
        prefix = self.log[: data.draw(st.integers(0, len(self.log)))]
        ledger, _ = Ledger.replay(prefix)
        for scope, limit in limits(prefix).items():
            assert ledger.totals(scope).committed <= limit

    @invariant()
    def no_cap_is_passed(self) -> None:
        limit = limits(self.log)
        for scope in SCOPES:
            totals = self.ledger.totals(scope)
            assert totals.committed == charged(self.log, scope)
            assert totals.committed <= limit.get(scope, totals.committed)
            assert totals.max_committed >= totals.committed

    @invariant()
    def the_provider_never_bills_more_than_is_charged(self) -> None:
        requests = {record.id: record.scopes for record in self.log if isinstance(record, Reserve)}
        for scope in SCOPES:
            billed = sum(
                amount for reservation, amount in self.bill.items() if scope in requests.get(reservation, ())
            )
            totals = self.ledger.totals(scope)
            assert billed <= totals.settled + totals.assumed


TestLedgerUnderFire = LedgerUnderFire.TestCase
TestLedgerUnderFire.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(0, 200))
@settings(deadline=None)
def test_requests_admitted_one_by_one_fill_the_cap_and_never_pass_it(amounts: list[int], limit: int) -> None:
    ledger = ledger_of(cap("town", limit))
    admitted = 0
    for number, amount in enumerate(amounts):
        try:
            ledger.apply(reserve(str(number), amount))
        except CapReached:
            assert admitted + amount > limit
        else:
            admitted += amount
    assert ledger.totals("town").held == admitted <= limit
