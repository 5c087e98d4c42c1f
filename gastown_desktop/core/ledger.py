"""The ledger: what was spent, what is held, and whether a request still fits under every cap.

The ledger is the fold of its records; the durable log of the same records is kept elsewhere. A
request is checked, its reservation applied and written down, and only then is it sent:

    reserve → [shrink] → settle | assume | release

A scope is a name such as "town", "day:2026-11-25+01:00", "convoy:cv-x", "bead:b" or "polecat:Nux"; a
request belongs to several and must fit under the cap of each. Amounts are nano-dollars.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gastown_desktop.core.days import DAY
from gastown_desktop.core.errors import CapReached, MoneyError, NoReservation, StoreError
from gastown_desktop.core.ledger_sums import AccountSums, LedgerSums
from gastown_desktop.core.money import NANO, NanoUsd, exact_usd, show_usd
from gastown_desktop.core.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLOSING_RESERVE_FROM = NanoUsd(2 * NANO)
"""Caps below this keep nothing back."""
CLOSING_RESERVE_SHARE = 20
"""One part in this many of a convoy's cap is kept for landing what is done."""

TOWN_SCOPE = "town"
"""Everything that was ever spent through this data folder."""
LimitKind = Literal["convoy", "day", "town"]
"""Whose limit may stop a convoy: its own, that of a day, or that of everything."""

_ORPHAN = "the app ended before the reply did"


@dataclass(frozen=True, slots=True, kw_only=True)
class _AsJson:
    """Gives a record its dictionary form: its fields and its `kind`."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The record as values that JSON can express; `record_from_json` reads it back."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(_AsJson):
    """A request may be sent, once; the most it can cost is held."""

    kind: ClassVar[str] = "reserve"
    id: str
    at: str
    """When, ISO 8601 with offset."""
    scopes: tuple[str, ...]
    amount: NanoUsd
    model: str
    max_tokens: int
    what: str
    """What it is for, in words."""
    body_hash: str
    """Hash of the only body that may be sent for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrink(_AsJson):
    """The provider said how large the prompt was: the request can cost no more than `amount`."""

    kind: ClassVar[str] = "shrink"
    id: str
    amount: NanoUsd


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(_AsJson):
    """The reply is complete and cost `amount`."""

    kind: ClassVar[str] = "settle"
    id: str
    amount: NanoUsd
    usage: Usage
    request_id: str
    """The provider's name of the request, empty when it gave none."""
    listed: NanoUsd | None = None
    """Its cost at list price, where `amount` is what the provider reported; None where that is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assume(_AsJson):
    """Nobody knows what was billed: all that was held counts as spent."""

    kind: ClassVar[str] = "assume"
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(_AsJson):
    """The request was surely not billed: nothing is held any more."""

    kind: ClassVar[str] = "release"
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCap(_AsJson):
    """The user set, moved or removed (None) the cap of a scope."""

    kind: ClassVar[str] = "set-cap"
    scope: str
    cap: NanoUsd | None
    at: str
    """When, ISO 8601 with offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(_AsJson):
    """The user looked at a reply that cost more than was held for it, and goes on."""

    kind: ClassVar[str] = "acknowledge"
    id: str
    """The reservation of that reply."""
    at: str
    """When, ISO 8601 with offset."""


Record = Reserve | Shrink | Settle | Assume | Release | SetCap | Acknowledge
_RECORDS: dict[str, type[Record]] = {
    record.kind: record for record in (Reserve, Shrink, Settle, Assume, Release, SetCap, Acknowledge)
}
_KNOWN = {kind: frozenset(field.name for field in fields(record)) for kind, record in _RECORDS.items()}
_NEEDED = {
    kind: frozenset(field.name for field in fields(record) if field.default is MISSING)
    for kind, record in _RECORDS.items()
}


def record_from_json(raw: Mapping[str, Any]) -> Record:
    """Reads a record back from its dictionary form.

    Raises:
        StoreError: an unknown kind of record, or fields that are not those of its kind.
    """
    kind = raw.get("kind", "")
    record_type = _RECORDS.get(kind)
    if record_type is None:
        raise StoreError(f"not a record of the ledger: {raw.get('kind')!r}")
    values: dict[str, Any] = {name: value for name, value in raw.items() if name != "kind"}
    if not _NEEDED[kind] <= values.keys() <= _KNOWN[kind]:
        raise StoreError(f"a {record_type.kind} record with the fields {', '.join(sorted(values))}")
    try:
        if "usage" in values:
            values["usage"] = Usage(**values["usage"])
        if "scopes" in values:
            values["scopes"] = tuple(values["scopes"])
    except TypeError as wrong:
        raise StoreError(f"a {record_type.kind} record that cannot be read: {wrong}") from wrong
    return record_type(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Where a scope stands, in nano-dollars."""

    cap: NanoUsd | None
    """None when the scope has no cap of its own."""
    settled: NanoUsd
    assumed: NanoUsd
    held: NanoUsd
    max_committed: NanoUsd
    """The largest settled + assumed + held that there ever was."""

    @property
    def committed(self) -> NanoUsd:
        """What is spent or may still be: settled + assumed + held."""
        return NanoUsd(self.settled + self.assumed + self.held)

    @property
    def free(self) -> NanoUsd | None:
        """What is left below the cap, never negative; None without a cap."""
        return None if self.cap is None else NanoUsd(max(0, self.cap - self.committed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A request that was sent or is about to be, and whose cost is not known yet."""

    request: Reserve
    held: NanoUsd
    """What still counts against its scopes: the amount reserved, or what it shrank to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """The tripwire: a reply cost more than was held for it, so an assumption of the bound is wrong."""

    request: Reserve
    held: NanoUsd
    actual: NanoUsd
    usage: Usage
    request_id: str


@dataclass(slots=True)
class _Account:
    """Running sums of one scope, in nano-dollars."""

    cap: int | None = None
    settled: int = 0
    assumed: int = 0
    held: int = 0
    max_committed: int = 0

    @property
    def committed(self) -> int:
        return self.settled + self.assumed + self.held


def closing_reserve(cap: int) -> NanoUsd:
    """The part of a convoy's cap that is kept for landing what is done: 5 %, none below $2."""
    return NanoUsd(cap // CLOSING_RESERVE_SHARE if cap >= CLOSING_RESERVE_FROM else 0)


def limit_kind(scope: str) -> LimitKind:
    """Whose limit the cap of a scope is; the convoy's own where the scope is not shared."""
    if scope == TOWN_SCOPE:
        return "town"
    return "day" if scope.startswith(DAY) else "convoy"


def limit_words(scope: str, cap: int) -> str:
    """A cap as the user knows it: `today's limit of $20`.

    Args:
        scope: whose cap it is.
        cap: nano-dollars.
    """
    kind, _, name = scope.partition(":")
    whose = {"day": "today's limit", "town": "the town's limit", "convoy": "the convoy's limit"}
    return f"{whose.get(kind) or f'the limit on {name or kind}'} of {exact_usd(cap)}"


class Ledger:
    """Sums of all records so far; `check` before reserving, `apply` each record as it is written.

    Attributes:
        tripped: the last reply that cost more than was held for it; None while there was none, or once
            the user acknowledged it. The caller stops the fleet when it appears.
    """

    def __init__(self) -> None:
        self.tripped: Excess | None = None
        self._accounts: dict[str, _Account] = {}
        self._open: dict[str, Reservation] = {}
        self._ended: set[str] = set()
        self._ended_before = 0
        """So many reservations, `r1` and on, ended among records of which only the sums are known."""

    @classmethod
    def replay(
        cls, records: Iterable[Record], since: LedgerSums | None = None
    ) -> tuple[Ledger, list[Assume]]:
        """Rebuilds the ledger after a restart; a reservation without an end is charged in full.

        Args:
            records: all records of the log, oldest first.
            since: the sums of those that are left out before them.

        Returns:
            The ledger, with nothing held, and the records it assumed, which the caller appends to the log.

        Raises:
            MoneyError: records that contradict each other.
        """
        ledger = cls()
        if since is not None:
            ledger._begin_with(since)
        for record in records:
            ledger._fold(record)
        orphans = [Assume(id=reservation_id, reason=_ORPHAN) for reservation_id in ledger._open]
        for orphan in orphans:
            ledger._fold(orphan)
        return ledger, orphans

    def _begin_with(self, sums: LedgerSums) -> None:
        self._ended_before = sums.requests
        for scope, one in sums.accounts.items():
            self._accounts[scope] = _Account(
                cap=one.cap, settled=one.settled, assumed=one.assumed, max_committed=one.max_committed
            )

    def sums(self, day: str = "") -> LedgerSums | None:
        """What all records so far come to; None while that is not all that counts.

        It is not while a request is open, while a reply that cost too much was not looked at, and where
        reservations have ids of another form.

        Args:
            day: the scope of the newest day that a request was counted under.
        """
        first = self._ended_before + 1
        ids = (f"r{number}" for number in range(first, first + len(self._ended)))
        if self._open or self.tripped is not None or not all(one in self._ended for one in ids):
            return None
        accounts = {
            scope: AccountSums(
                cap=one.cap, settled=one.settled, assumed=one.assumed, max_committed=one.max_committed
            )
            for scope, one in self._accounts.items()
        }
        return LedgerSums(requests=self._ended_before + len(self._ended), day=day, accounts=accounts)

    @property
    def open_reservations(self) -> dict[str, Reservation]:
        """Reservations without an end, by id, oldest first."""
        return dict(self._open)

    def totals(self, scope: str) -> Totals:
        """Where a scope stands; a scope that was never named stands at zero."""
        account = self._accounts.get(scope, _Account())
        return Totals(
            cap=None if account.cap is None else NanoUsd(account.cap),
            settled=NanoUsd(account.settled),
            assumed=NanoUsd(account.assumed),
            held=NanoUsd(account.held),
            max_committed=NanoUsd(account.max_committed),
        )

    def limit(self, scope: str) -> int | None:
        """How far work that lands nothing may go in a scope, in nano-dollars; None without a cap."""
        return _limit(scope, self.totals(scope).cap, closing=False)

    def scopes(self) -> tuple[str, ...]:
        """Every scope that has a cap or was ever charged, in the order of appearance."""
        return tuple(self._accounts)

    def touched_by(self, record: Record) -> tuple[str, ...]:
        """The scopes that a record moves; ask before it is applied."""
        if isinstance(record, Reserve):
            return record.scopes
        if isinstance(record, SetCap):
            return (record.scope,)
        known = self._open.get(record.id)
        return known.request.scopes if known is not None else ()

    def check(self, scopes: Iterable[str], amount: int, *, closing: bool = False) -> None:
        """Makes sure that a request of at most `amount` fits under the cap of every scope.

        Args:
            scopes: all scopes that the request belongs to.
            amount: the most it can cost, in nano-dollars.
            closing: true for work that lands what is done, which alone may use a convoy's closing reserve.

        Raises:
            CapReached: it does not fit; `fits_later` tells whether it would if nothing were held.
        """
        blocked = [scope for scope in dict.fromkeys(scopes) if not self._fits(scope, amount, closing=closing)]
        if not blocked:
            return
        never = [scope for scope in blocked if not self._fits_later(scope, amount, closing=closing)]
        scope = (never or blocked)[0]
        raise CapReached(self._why_not(scope, amount, closing=closing), scope=scope, fits_later=not never)

    def apply(self, record: Record) -> None:
        """Counts a record; call it together with writing the record down, with nothing in between.

        Raises:
            CapReached: a reservation that would pass a cap.
            NoReservation: the record ends or shrinks a reservation that is unknown or has ended.
            MoneyError: a reservation whose id was used before, a shrink that grows, a negative amount.
        """
        if isinstance(record, Reserve):
            self.check(record.scopes, record.amount, closing=True)
        self._fold(record)

    def _fold(self, record: Record) -> None:
        match record:
            case Reserve():
                self._reserve(record)
            case Shrink():
                self._shrink(record)
            case Settle():
                self._settle(record)
            case Assume():
                self._end(record.id, assumed=self._reservation(record.id).held)
            case Release():
                self._end(record.id)
            case SetCap():
                _not_negative(record.cap or 0)
                self._account(record.scope).cap = record.cap
            case Acknowledge():
                if self.tripped is not None and self.tripped.request.id == record.id:
                    self.tripped = None

    def _reserve(self, record: Reserve) -> None:
        if record.id in self._open or self._has_ended(record.id):
            raise MoneyError(f"the reservation {record.id} was made before")
        _not_negative(record.amount)
        self._open[record.id] = Reservation(request=record, held=record.amount)
        for account in self._accounts_of(record):
            account.held += record.amount
            account.max_committed = max(account.max_committed, account.committed)

    def _shrink(self, record: Shrink) -> None:
        reservation = self._reservation(record.id)
        _not_negative(record.amount)
        if record.amount > reservation.held:
            raise MoneyError(
                f"the reservation {record.id} cannot grow from {reservation.held} to {record.amount}"
            )
        self._open[record.id] = Reservation(request=reservation.request, held=record.amount)
        for account in self._accounts_of(reservation.request):
            account.held -= reservation.held - record.amount

    def _settle(self, record: Settle) -> None:
        reservation = self._reservation(record.id)
        _not_negative(record.amount)
        if record.amount > reservation.held:
            self.tripped = Excess(
                request=reservation.request,
                held=reservation.held,
                actual=record.amount,
                usage=record.usage,
                request_id=record.request_id,
            )
        self._end(record.id, settled=record.amount)

    def _end(self, reservation_id: str, *, settled: int = 0, assumed: int = 0) -> None:
        reservation = self._reservation(reservation_id)
        del self._open[reservation_id]
        self._ended.add(reservation_id)
        for account in self._accounts_of(reservation.request):
            account.held -= reservation.held
            account.settled += settled
            account.assumed += assumed
            account.max_committed = max(account.max_committed, account.committed)

    def _reservation(self, reservation_id: str) -> Reservation:
        reservation = self._open.get(reservation_id)
        if reservation is None:
            state = "has ended" if self._has_ended(reservation_id) else "was never made"
            raise NoReservation(f"the reservation {reservation_id} {state}")
        return reservation

    def _has_ended(self, reservation_id: str) -> bool:
        sign, number = reservation_id[:1], reservation_id[1:]
        before = sign == "r" and number.isdecimal() and 0 < int(number) <= self._ended_before
        return before or reservation_id in self._ended

    def _account(self, scope: str) -> _Account:
        account = self._accounts.get(scope)
        if account is None:
            account = self._accounts[scope] = _Account()
        return account

    def _accounts_of(self, request: Reserve) -> list[_Account]:
        return [self._account(scope) for scope in dict.fromkeys(request.scopes)]

    def _why_not(self, scope: str, amount: int, *, closing: bool) -> str:
        totals = self.totals(scope)
        cap = totals.cap or 0
        kept = cap - (_limit(scope, cap, closing=closing) or 0)
        kept_for_landing = f", {show_usd(kept)} is kept for landing" if kept else ""
        return (
            f"{show_usd(amount)} more would pass {limit_words(scope, cap)}: {show_usd(totals.committed)}"
            f" of {show_usd(cap)} is spent or held{kept_for_landing}."
        )

    def _fits(self, scope: str, amount: int, *, closing: bool) -> bool:
        totals = self.totals(scope)
        limit = _limit(scope, totals.cap, closing=closing)
        return limit is None or totals.committed + amount <= limit

    def _fits_later(self, scope: str, amount: int, *, closing: bool) -> bool:
        totals = self.totals(scope)
        limit = _limit(scope, totals.cap, closing=closing)
        return limit is None or totals.settled + totals.assumed + amount <= limit


def _limit(scope: str, cap: int | None, *, closing: bool) -> int | None:
    """How far the committed amount of a scope may go, in nano-dollars; None without a cap."""
    if cap is None or closing or not scope.startswith("convoy:"):
        return cap
    return cap - closing_reserve(cap)


def _not_negative(amount: int) -> None:
    if amount < 0:
        raise MoneyError(f"an amount is zero or more, not {amount} nano-dollars")
