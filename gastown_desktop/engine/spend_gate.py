"""The spend gate: every request is reserved, durably, before it may leave.

`ask` is the only way to a model. It reserves the request's bound in every scope it belongs to, writes that
down, sends, shrinks the hold when the provider says what the prompt cost, and settles what the reply cost.
`consume` is called by the transport for each request that really leaves: a request without its own unused
reservation of exactly this body does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import sha256
from typing import Literal

from gastown_desktop.core.days import DAY, Day
from gastown_desktop.core.disk import PLENTY, Disk, show_bytes
from gastown_desktop.core.errors import (
    CapReached,
    DiskLow,
    ModelError,
    NoReservation,
    StoreError,
    TripwirePulled,
)
from gastown_desktop.core.ledger import (
    Acknowledge,
    Assume,
    Ledger,
    Record,
    Release,
    Reserve,
    SetCap,
    Settle,
    Shrink,
    limit_words,
    record_from_json,
)
from gastown_desktop.core.ledger_sums import sums_from_json
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.prices import Price, charged, cost, request_bound, shrunk_bound
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.counted_days import day_at, day_of
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.ports import Clock, ModelRequest, ModelStream, MoneyLog
from gastown_desktop.engine.reply import Reply, ReplyAssembler
from gastown_desktop.engine.system_sleep import SystemSleep
from gastown_desktop.engine.waiting_line import WaitingLine

_ONE = Fraction(1)


RESERVATION_HEADER = "x-gastown-reservation"
"""Carries the reservation's id to the transport, which takes it off again."""


def body_hash(body: Mapping[str, object], origin: str) -> str:
    """Names a request: its JSON whatever the order of keys, and the origin it goes to."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(f"{origin}\n{text}".encode()).hexdigest()


ANTHROPIC_ORIGIN = "https://api.anthropic.com"
_PINNED: dict[str, object] = {"service_tier": "standard_only", "inference_geo": "global"}
"""What keeps a request at list price at Anthropic's own origin; other origins may not know these fields."""


def request_body(request: ModelRequest, origin: str) -> dict[str, object]:
    """The JSON body of a request to an origin, as the SDK sends it."""
    return {
        **(_PINNED if origin == ANTHROPIC_ORIGIN else {}),
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": list(request.system),
        "tools": list(request.tools),
        "messages": list(request.messages),
        "stream": True,
        **({"thinking": {"type": "adaptive"}} if request.thinks else {}),
    }


def _hash_of_bytes(body: bytes, origin: str) -> str:
    """Names a request by the bytes that are about to leave; empty when they are not JSON."""
    try:
        return body_hash(json.loads(body), origin)
    except (ValueError, RecursionError):
        return ""


_AFTER_TRIPWIRE = (
    "Look at this request, on Spend or with `report`; then say that it goes on (`--acknowledge`)."
)
SUMMED_UP = 2_000
"""After so many requests without, a log is told what they come to."""
URGENCY_CLOSING, URGENCY_DONE, URGENCY_WORK, URGENCY_PLAN = range(4)
"""Resolvers and reviewers, workers whose tests are green, other workers, the Mayor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked, for whom, and what it may cost at most."""

    request: ModelRequest
    price: Price
    prompt_bound: int
    """Upper bound of prompt tokens (core.prices)."""
    scopes: tuple[str, ...]
    what: str
    """For the record: `Nux turn 3`."""
    cache_writes: Literal["none", "5m", "1h"] = "5m"
    closing: bool = False
    """Work that finishes what is done: it may use the closing reserve."""
    tight_max_tokens: int | None = None
    """A lower limit on the reply, with which it is sent when there is no room for the request's own."""
    urgency: int = URGENCY_WORK
    """Who goes first when there is room for some only: the smallest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What ordinary work may still use, under the tightest of some caps; nano-dollars."""

    scope: str
    cap: int
    free: int


Moved = Callable[[tuple[str, ...]], None]
"""Hears the scopes that moved."""


def _ways(order: Order) -> list[Order]:
    """As it was ordered, then with the tight limit."""
    tight = order.tight_max_tokens
    if tight is None or tight >= order.request.max_tokens:
        return [order]
    return [order, replace(order, request=replace(order.request, max_tokens=tight))]


def _in_line(scope: str) -> str:
    """What a scope is called among those who wait: a day has no date."""
    return DAY if scope.startswith(DAY) else scope


class SpendGate:
    """The choke point between the fleet and the provider."""

    def __init__(
        self,
        log: MoneyLog,
        clock: Clock,
        *,
        origin: str,
        geo_factor: Fraction = _ONE,
        by_day: bool = False,
        keeps: str | None = None,
        disk: Callable[[], Disk] = lambda: PLENTY,
        moved: Moved = lambda _: None,
    ) -> None:
        """Replays the log: every reservation without an end is charged in full.

        Args:
            log: the durable record.
            clock: the time.
            origin: scheme, host and port requests may go to.
            geo_factor: the worst multiplier of place and speed of inference there; 1 at Anthropic's own
                origin, where each request pins them, and in a rehearsal.
            by_day: count each request under its local calendar day as well.
            keeps: the scope whose records are kept in memory; None for all that the log gives.
            disk: the disk that ledger, transcripts and slots are on, as it is now.
            moved: hears the scopes that moved, after every change of the ledger.
        """
        self._by_day = by_day
        self._disk = disk
        self._day_cap: NanoUsd | None = None
        self._capping = asyncio.Lock()
        self._log = log
        self._clock = clock
        self._origin = origin
        self._geo_factor = geo_factor
        self._moved = moved
        self._model: ModelStream | None = None
        self._unsent: dict[str, str] = {}
        self._line = WaitingLine()
        self.sleep = SystemSleep()
        """Whether the system goes to sleep: requests wait until it is awake."""
        self.sleep.listen(self.look_again)
        self._keeps = keeps
        self._kept: set[str] = set()
        self.records: list[Record] = []
        """The records of the ledger, or of the scope that it keeps, oldest first; for reading only."""
        self.requests = 0
        self._day: Day | None = None
        self.ledger, self._orphans = self._replay(log)
        for orphan in self._orphans:
            self._keep(orphan)
        self._number = self.requests
        self.named: dict[str, str] = {}
        """What to call caps that are not what the user would take them for, by scope."""
        self.met: set[str] = set()
        """Scopes whose cap has refused a request since it was set."""

    async def open(self, model: ModelStream) -> int:
        """Connects the model and writes down what became of orphans; returns how many there were."""
        self._model = model
        orphans, self._orphans = self._orphans, []
        for record in orphans:
            await self._log.append(record.to_json(), durable=True)
        return len(orphans)

    async def set_cap(self, scope: str, cap: NanoUsd | None) -> None:
        """Sets a cap, durably; nano-dollars."""
        record = SetCap(scope=scope, cap=cap, at=self._clock.now().isoformat())
        await self._log.append(record.to_json(), durable=True)
        self.met.discard(scope)
        self._apply(record)

    async def set_day_cap(self, cap: NanoUsd | None) -> None:
        """Sets the cap of the day that it is now, and of every later one; nano-dollars, None for no cap."""
        self._day_cap = cap
        self.met = {scope for scope in self.met if not scope.startswith(DAY)}
        await self._today()

    @property
    def day(self) -> str:
        """The scope of the day that requests count under now."""
        return self._day_now().scope

    def _day_now(self) -> Day:
        if self._day is not None and self._day.scope in self.met:
            return self._day
        return day_at(self._day, self._clock.now().astimezone())

    def free(self, scopes: tuple[str, ...]) -> NanoUsd | None:
        """Nano-dollars left below the tightest cap of these scopes and of today; None without one."""
        if self._by_day and self._day is not None:
            scopes = (*scopes, self._day.scope)
        free = [self.ledger.totals(scope).free for scope in scopes]
        return min((one for one in free if one is not None), default=None)

    def room(self, scopes: tuple[str, ...]) -> Room | None:
        """What is left below the tightest cap of these scopes and of today, without what is kept for landing.

        None where there is no cap.
        """
        if self._by_day and self._day is not None:
            scopes = (*scopes, self._day.scope)
        rooms: list[Room] = []
        for scope in scopes:
            totals, limit = self.ledger.totals(scope), self.ledger.limit(scope)
            if limit is not None:
                rooms.append(Room(scope=scope, cap=limit, free=max(0, limit - totals.committed)))
        return min(rooms, key=lambda room: room.free, default=None)

    def news(self) -> asyncio.Event:
        """Is set as soon as the ledger, or the line of those who ask, moves after this call."""
        return self._line.news

    def look_again(self) -> None:
        """Something else moved that those who wait for news go by."""
        self._line.tell()

    def short_of(self, scopes: tuple[str, ...]) -> str:
        """The scope whose cap stopped those who ask for these scopes; the convoy's where none is known.

        Args:
            scopes: the convoy's first.
        """
        days = [scope for scope in self.met if scope.startswith(DAY)]
        return next((scope for scope in (*days, *reversed(scopes)) if scope in self.met), scopes[0])

    def why_short(self, scopes: tuple[str, ...]) -> str:
        """Which cap stopped those who ask for these scopes, as a sentence.

        Args:
            scopes: the convoy's first.
        """
        met = self.short_of(scopes)
        cap = self.ledger.totals(met).cap
        words = self.named.get(met) or (
            "the spending limit" if met == scopes[0] else limit_words(met, cap or 0)
        )
        return f"{words[0].upper()}{words[1:]} leaves no room to go on."

    async def acknowledge_tripwire(self) -> None:
        """The user looked at the request that cost more than its bound: requests may leave again, durably."""
        if self.ledger.tripped is None:
            return
        record = Acknowledge(id=self.ledger.tripped.request.id, at=self._clock.now().isoformat())
        await self._log.append(record.to_json(), durable=True)
        self._apply(record)

    def watch(self, moved: Moved) -> None:
        """Tells `moved` from now on which scopes moved, after every change of the ledger."""
        self._moved = moved

    async def ask(self, order: Order, *, on_text: Callable[[str], None] = lambda _: None) -> Reply:
        """Sends one request and returns the whole reply.

        Raises:
            CapReached: it can never fit under a cap (one that fits later waits).
            TripwirePulled: it cost more than its bound, or an earlier one did; the fleet must stop.
            ModelError: the provider or the connection failed; the reservation is released or assumed.
            DiskLow: so little disk is free that its answer might not be kept; nothing was sent.
            StoreError: the reservation could not be made durable; nothing was sent.
        """
        self._require_disk()
        order, record = await self._hold_when_it_fits(order)
        assembler = ReplyAssembler(on_text)
        try:
            await self._write_down(record)
            crash_point("reserve")
            self._unsent[record.id] = record.body_hash
            self.requests += 1
            await self._stream(order, record.id, assembler)
        except ModelError as error:
            await self._end_unanswered(record.id, str(error), billed=not error.unbilled)
            raise
        except BaseException as error:
            with suppress(StoreError):
                await asyncio.shield(self._end_unanswered(record.id, type(error).__name__, billed=True))
            raise
        return await self._settle(order, record.id, assembler)

    def _require_disk(self) -> None:
        disk = self._disk()
        if not disk.takes_request:
            raise DiskLow(
                f"Only {show_bytes(disk.free)} of the disk are free.",
                unbilled=True,
                safe="No request was sent. Everything so far is safe.",
                remedy="Make room, then go on.",
            )

    def consume(self, reservation: str, body: bytes, origin: str) -> None:
        """Uses up a reservation for the one request that leaves now.

        Raises:
            NoReservation: there is none, it was used, or it is for another body or origin.
        """
        expected = self._unsent.get(reservation)
        if expected is None:
            raise NoReservation("A request without an unused reservation was stopped; nothing was sent.")
        if _hash_of_bytes(body, origin) != expected:
            raise NoReservation("A request differs from what was reserved and was stopped; nothing was sent.")
        del self._unsent[reservation]
        crash_point("send")

    async def _hold_when_it_fits(self, order: Order) -> tuple[Order, Reserve]:
        """Waits for room and holds it; returns the order as it is sent, which may have the tight limit.

        The day is the one on which room is held, however long it was waited for. In the line a day has no
        date: all count under the same.
        """
        ways = [(one, self._bound(one)) for one in _ways(order)]
        wanted = (*order.scopes, DAY) if self._by_day else order.scopes
        with self._line.place(wanted, order.urgency, self._spent_by(order)) as place:
            while True:
                scopes = (*order.scopes, await self._today()) if self._by_day else order.scopes
                # from here to the record in the ledger nothing is awaited
                self._refuse_after_tripwire()
                found = self._fitting(ways, scopes)
                place.waits_for = _in_line(found.scope) if isinstance(found, CapReached) else ""
                if not isinstance(found, CapReached) and place.is_first and not self.sleep.near:
                    return self._hold(found, scopes)
                await place.news()

    def _hold(self, found: tuple[Order, NanoUsd], scopes: tuple[str, ...]) -> tuple[Order, Reserve]:
        """Holds what fits; it is in the ledger when this returns."""
        chosen, amount = found
        self._number += 1
        record = Reserve(
            id=f"r{self._number}",
            at=self._clock.now().isoformat(),
            scopes=scopes,
            amount=amount,
            model=chosen.request.model,
            max_tokens=chosen.request.max_tokens,
            what=chosen.what,
            body_hash=body_hash(request_body(chosen.request, self._origin), self._origin),
        )
        self._apply(record)
        return chosen, record

    def _fitting(
        self, ways: list[tuple[Order, NanoUsd]], scopes: tuple[str, ...]
    ) -> tuple[Order, NanoUsd] | CapReached:
        """The first way that fits now; else why the last one, the cheapest, has to wait.

        Raises:
            CapReached: not even the last one can ever fit.
        """
        last: CapReached | None = None
        for way, amount in ways:
            try:
                self.ledger.check(scopes, amount, closing=way.closing)
            except CapReached as reached:
                last = reached
            else:
                return way, amount
        assert last is not None
        if not last.fits_later:
            self.met.add(last.scope)
            raise last
        return last

    async def _today(self) -> str:
        """The scope of the day, under the cap that days have.

        Where a day's cap has refused somebody, the calendar makes no room: it stays that day until the cap is
        set again, which is when the user goes on.
        """
        self._day = self._day_now()
        if not self._day_is_capped(self._day):
            await self._cap_day()
        return self._day.scope

    async def _cap_day(self) -> None:
        """Puts the cap that days have in force for the day that it is at the end of this, one at a time.

        Who else asks meanwhile waits: a cap that is set twice would forget whom it has refused in between.
        """
        async with self._capping:
            self._day = self._day_now()
            while not self._day_is_capped(self._day):
                await self.set_cap(self._day.scope, self._day_cap)
                self._day = self._day_now()

    def _day_is_capped(self, day: Day) -> bool:
        return self.ledger.totals(day.scope).cap == self._day_cap

    def _bound(self, order: Order) -> NanoUsd:
        return request_bound(
            order.price,
            input_bound=order.prompt_bound,
            max_tokens=order.request.max_tokens,
            writes_cache=order.cache_writes,
            geo_factor=self._geo_factor,
        )

    def _spent_by(self, order: Order) -> int:
        """What the request's bead has cost so far, in nano-dollars: who had most goes first."""
        bead = next((scope for scope in order.scopes if scope.startswith("bead:")), None)
        return self.ledger.totals(bead).committed if bead else 0

    def _refuse_after_tripwire(self) -> None:
        """A bound that did not hold once may not hold again: nothing leaves until the user looked at it."""
        if self.ledger.tripped is not None:
            raise TripwirePulled(
                f"Request {self.ledger.tripped.request_id} cost more than its bound; nothing more is sent.",
                safe="Everything merged so far is safe.",
                remedy=_AFTER_TRIPWIRE,
            )

    async def _write_down(self, record: Reserve) -> None:
        """Makes a reservation durable.

        Raises:
            StoreError: it is not, or nobody knows: it stays charged.
        """
        try:
            await self._log.append(record.to_json(), durable=True)
        except asyncio.CancelledError:
            release = Release(id=record.id, reason="cancelled before it was sent")
            self._apply(release)
            with suppress(StoreError):
                await asyncio.shield(self._log.append(release.to_json(), durable=False))
            raise

    async def _stream(self, order: Order, reservation: str, assembler: ReplyAssembler) -> None:
        if self._model is None:
            raise NoReservation("The spend gate has no model yet; nothing was sent.")
        async with aclosing(self._model.stream(order.request, reservation=reservation)) as events:
            async for event in events:
                if assembler.take(event) == "message_start":
                    crash_point("answered")
                    await self._shrink(order, reservation, assembler.usage)
        if not assembler.complete:
            raise ModelError("The reply broke off before its end.", retry_after=1.0)

    async def _shrink(self, order: Order, reservation: str, usage: Usage) -> None:
        """Holds no more than the request can still cost, now that its prompt is known."""
        held = shrunk_bound(order.price, usage, order.request.max_tokens, geo_factor=self._geo_factor)
        if held < self.ledger.open_reservations[reservation].held:
            await self._record(Shrink(id=reservation, amount=held))

    async def _settle(self, order: Order, reservation: str, assembler: ReplyAssembler) -> Reply:
        listed = cost(order.price, assembler.usage, geo_factor=self._geo_factor)
        amount = charged(listed, assembler.reported)
        reply = assembler.reply(amount)
        record = Settle(
            id=reservation,
            amount=amount,
            usage=reply.usage,
            request_id=reply.request_id,
            listed=None if amount == listed else listed,
        )
        crash_point("settle")
        held = self.ledger.open_reservations[reservation].held
        await self._record(record)
        crash_point("settled")
        if reply.cost > held:
            raise TripwirePulled(
                f"Request {reply.request_id} cost more than its bound.",
                safe="Everything merged so far is safe.",
                remedy=_AFTER_TRIPWIRE,
            )
        return reply

    async def _end_unanswered(self, reservation: str, reason: str, *, billed: bool) -> None:
        """Ends a reservation without a reply: released if surely unbilled, else charged in full."""
        if reservation not in self.ledger.open_reservations:
            return
        never_left = self._unsent.pop(reservation, None) is not None
        if never_left or not billed:
            await self._record(Release(id=reservation, reason=reason))
        else:
            await self._record(Assume(id=reservation, reason=reason))

    async def _record(self, record: Record) -> None:
        self._apply(record)
        await self._log.append(record.to_json(), durable=False)

    def _apply(self, record: Record) -> None:
        touched = self.ledger.touched_by(record)
        self.ledger.apply(record)
        self._keep(record)
        self._line.tell()
        self._moved(touched)

    def _replay(self, log: MoneyLog) -> tuple[Ledger, list[Assume]]:
        """The ledger as the log has it, from its sums where it has some; many records are summed up anew."""
        told = log.sums()
        sums = None if told is None else sums_from_json(told)
        if sums is not None:
            self.requests, self._day = sums.requests, Day.of(sums.day)
            if self._keeps is not None and self._keeps in sums.accounts:
                for found in log.earlier(self._keeps):
                    self._keep(record_from_json(found))
        before = self.requests
        ledger, orphans = Ledger.replay(self._found(log), sums)
        if not orphans and self.requests - before >= SUMMED_UP:
            new = ledger.sums("" if self._day is None else self._day.scope)
            if new is not None:
                log.keep_sums(new.to_json())
        return ledger, orphans

    def _found(self, log: MoneyLog) -> Iterator[Record]:
        """The records of the log after its sums, noted as they pass."""
        for found in log.records():
            record = record_from_json(found)
            if isinstance(record, Reserve):
                self.requests += 1
                self._day = day_of(record) or self._day
            self._keep(record)
            yield record

    def _keep(self, record: Record) -> None:
        """Keeps a record, where it is of the scope that is kept: a ledger of years does not fit in memory."""
        if self._keeps is None or self._is_of(self._keeps, record):
            self.records.append(record)

    def _is_of(self, scope: str, record: Record) -> bool:
        match record:
            case SetCap():
                return record.scope == scope
            case Acknowledge():
                return True
            case Reserve() if scope in record.scopes:
                self._kept.add(record.id)
                return True
            case _:
                return record.id in self._kept


@dataclass(slots=True)
class RecentOutputs:
    """Output sizes of a role's last replies, for the adaptive max_tokens."""

    sizes: list[int] = field(default_factory=list[int])

    def saw(self, tokens: int) -> None:
        """Remembers one reply."""
        self.sizes.append(tokens)
        del self.sizes[:-50]
