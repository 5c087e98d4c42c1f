"""Charges: what became of each request, folded from the ledger's records, and sums of them.

Amounts are nano-dollars. Nothing is priced here: a charge is what the ledger settled, assumed or holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from typing import Literal

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ledger import Assume, Record, Release, Reserve, SetCap, Settle, Shrink
from gastown_desktop.core.usage import Usage

ChargeState = Literal["held", "settled", "assumed", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One request."""

    id: str
    at: datetime
    """When it was reserved; aware."""
    scopes: tuple[str, ...]
    model: str
    what: str
    """What it was for: `hb-2pl8d Nux turn 3`, `Mayor turn 2`."""
    state: ChargeState
    amount: int
    """Settled, assumed or still held; 0 once released."""
    usage: Usage | None = None
    """None unless it is settled."""
    note: str = ""
    """Why nobody knows what it cost, or why it cost nothing."""
    mark_up: int | None = None
    """What a gateway reported above the list price; None where it reported nothing else."""
    origin: str = ""
    """Provider and key that it went to, where the records say so."""

    @property
    def spent(self) -> int:
        """What counts as paid: settled or assumed."""
        return self.amount if self.state in {"settled", "assumed"} else 0

    @property
    def worked_on(self) -> str:
        """The bead that was worked on, as `what` begins; the Mayor's begin with another word."""
        return self.what.partition(" ")[0]

    def named(self, kind: str) -> str:
        """What its scope of a kind names: `bead`, `polecat`, `role`; empty where it has none."""
        prefix = f"{kind}:"
        return next((one.removeprefix(prefix) for one in self.scopes if one.startswith(prefix)), "")

    def day(self, zone: tzinfo | None = None) -> str:
        """The day that it counts for, ISO 8601: the ledger's own, else the calendar's in a time zone.

        Args:
            zone: None for the machine's.
        """
        return self.named("day") or self.at.astimezone(zone).date().isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Several charges together."""

    requests: int
    """Those that may be billed: released ones do not count."""
    settled: int
    assumed: int
    held: int
    usage: Usage
    """Tokens of the settled ones."""

    @property
    def spent(self) -> int:
        """What counts as paid: settled and assumed."""
        return self.settled + self.assumed


def charges_of(records: Iterable[Record]) -> list[Charge]:
    """Every request of a ledger, oldest first; one without an end is held.

    Raises:
        StoreError: a record ends a request that was never reserved.
    """
    found: dict[str, _Request] = {}
    for record in records:
        if isinstance(record, Reserve):
            found[record.id] = _Request(record, amount=record.amount)
        elif isinstance(record, Shrink | Settle | Assume | Release):
            request = found.get(record.id)
            if request is None:
                raise StoreError(f"The ledger ends the request {record.id}, which it never reserved.")
            request.heed(record)
    return [request.charge() for request in found.values()]


def holds_scope(records: Iterable[Record], scope: str) -> bool:
    """Whether a ledger knows a scope: a request belongs to it, or it was given a cap."""
    return any(
        (isinstance(record, Reserve) and scope in record.scopes)
        or (isinstance(record, SetCap) and record.scope == scope)
        for record in records
    )


def cap_in(records: Iterable[Record], scope: str) -> int | None:
    """The newest cap of a scope; None where it has none."""
    caps = [record.cap for record in records if isinstance(record, SetCap) and record.scope == scope]
    return caps[-1] if caps else None


def sums_of(charges: Iterable[Charge]) -> Sums:
    """All of these together."""
    listed = list(charges)

    def sum_in(state: ChargeState) -> int:
        return sum(one.amount for one in listed if one.state == state)

    return Sums(
        requests=sum(one.state != "released" for one in listed),
        settled=sum_in("settled"),
        assumed=sum_in("assumed"),
        held=sum_in("held"),
        usage=total_usage(one.usage for one in listed if one.usage is not None),
    )


def sums_by(charges: Sequence[Charge], name: Callable[[Charge], str]) -> dict[str, Sums]:
    """Sums by name, the dearest first, equals by name; every charge is in exactly one."""
    groups: dict[str, list[Charge]] = {}
    for one in charges:
        groups.setdefault(name(one), []).append(one)
    return dearest_first(groups)


def dearest_first(groups: Mapping[str, Iterable[Charge]]) -> dict[str, Sums]:
    """Sums of groups of charges, the dearest first, equals by name."""
    summed = {label: sums_of(group) for label, group in groups.items()}
    return dict(sorted(summed.items(), key=lambda item: (-item[1].spent - item[1].held, item[0])))


def total_usage(usages: Iterable[Usage]) -> Usage:
    """Tokens together, bucket by bucket."""
    sums = {one.name: 0 for one in fields(Usage)}
    for usage in usages:
        for name in sums:
            sums[name] += getattr(usage, name)
    return Usage(**sums)


@dataclass(slots=True)
class _Request:
    """One request as far as its records tell."""

    reserve: Reserve
    amount: int
    state: ChargeState = "held"
    settle: Settle | None = None
    note: str = ""

    def heed(self, record: Shrink | Settle | Assume | Release) -> None:
        """Takes in what became of it."""
        match record:
            case Shrink():
                self.amount = record.amount
            case Settle():
                self.state, self.amount, self.settle = "settled", record.amount, record
            case Assume():
                self.state, self.note = "assumed", record.reason
            case Release():
                self.state, self.amount, self.note = "released", 0, record.reason

    def charge(self) -> Charge:
        """It, as it stands."""
        reserve = self.reserve
        return Charge(
            id=reserve.id,
            at=datetime.fromisoformat(reserve.at),
            scopes=reserve.scopes,
            model=reserve.model,
            what=reserve.what,
            state=self.state,
            amount=self.amount,
            usage=self.settle.usage if self.settle else None,
            note=self.note,
            mark_up=_mark_up(self.settle) if self.settle else None,
            origin=_origin(reserve),
        )


def _mark_up(settle: Settle) -> int | None:
    """What a gateway's own cost is above the list price; None where the record tells of one price only.

    A record whose amount a gateway reported says in `listed` what the list price was; older ones do not.
    """
    return None if settle.listed is None else settle.amount - settle.listed


def _origin(reserve: Reserve) -> str:
    """Where a request went, as its scopes name it: `provider:` and `key:`; empty where they do not."""
    wanted = ("provider:", "key:")
    return " ".join(one.partition(":")[2] for one in reserve.scopes if one.startswith(wanted))
