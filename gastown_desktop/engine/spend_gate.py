"""The spend gate: every request is reserved, durably, before it may leave.

`ask` is the only way to a model. It reserves the request's bound in every scope it belongs to, writes that
down, sends, shrinks the hold when the provider says what the prompt cost, and settles what the reply cost.
`consume` is called by the transport for each request that really leaves: a request without its own unused
reservation of exactly this body does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Any, Literal, cast

from gastown_desktop.core.errors import CapReached, ModelError, NoReservation, StoreError, TripwirePulled
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
    record_from_json,
)
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.prices import Price, cost, request_bound, shrunk_bound
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.ports import Clock, ModelRequest, ModelStream, MoneyLog

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
    }


def _hash_of_bytes(body: bytes, origin: str) -> str:
    """Names a request by the bytes that are about to leave; empty when they are not JSON."""
    try:
        return body_hash(json.loads(body), origin)
    except (ValueError, RecursionError):
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole reply."""

    content: tuple[dict[str, Any], ...]
    """Content blocks as the API wants them back: text and tool_use."""
    stop_reason: str
    usage: Usage
    cost: NanoUsd
    """At list price."""
    request_id: str


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


class SpendGate:
    """The choke point between the fleet and the provider."""

    def __init__(
        self,
        log: MoneyLog,
        clock: Clock,
        *,
        origin: str,
        geo_factor: Fraction = _ONE,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """Replays the log: every reservation without an end is charged in full.

        Args:
            log: the durable record.
            clock: the time.
            origin: scheme, host and port requests may go to.
            geo_factor: the worst multiplier of place and speed of inference there; 1 at Anthropic's own
                origin, where each request pins them, and in a rehearsal.
            moved: called after every change of the ledger.
        """
        self._log = log
        self._clock = clock
        self._origin = origin
        self._geo_factor = geo_factor
        self._moved = moved
        self._model: ModelStream | None = None
        self._unsent: dict[str, str] = {}
        self._room = asyncio.Event()
        records = [record_from_json(record) for record in log.records()]
        self.ledger, self._orphans = Ledger.replay(records)
        self.requests = sum(isinstance(record, Reserve) for record in records)
        self._number = self.requests
        self.usages = [record.usage for record in records if isinstance(record, Settle)]
        self.records: list[Record] = [*records, *self._orphans]
        """All records of the ledger, oldest first; for reading only."""

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
        self._apply(record)

    async def acknowledge_tripwire(self) -> None:
        """The user looked at the request that cost more than its bound: requests may leave again, durably."""
        if self.ledger.tripped is None:
            return
        record = Acknowledge(id=self.ledger.tripped.request.id, at=self._clock.now().isoformat())
        await self._log.append(record.to_json(), durable=True)
        self._apply(record)

    def watch(self, moved: Callable[[], None]) -> None:
        """Calls `moved` after every change of the ledger from now on."""
        self._moved = moved

    async def ask(self, order: Order, *, on_text: Callable[[str], None] = lambda _: None) -> Reply:
        """Sends one request and returns the whole reply.

        Raises:
            CapReached: it can never fit under a cap (one that fits later waits).
            TripwirePulled: it cost more than its bound, or an earlier one did; the fleet must stop.
            ModelError: the provider or the connection failed; the reservation is released or assumed.
            StoreError: the reservation could not be made durable; nothing was sent.
        """
        record = await self._hold_when_it_fits(order)
        assembler = _ReplyAssembler(on_text)
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

    async def _hold_when_it_fits(self, order: Order) -> Reserve:
        amount = request_bound(
            order.price,
            input_bound=order.prompt_bound,
            max_tokens=order.request.max_tokens,
            writes_cache=order.cache_writes,
            geo_factor=self._geo_factor,
        )
        hashed = body_hash(request_body(order.request, self._origin), self._origin)
        while True:
            self._refuse_after_tripwire()
            try:
                self.ledger.check(order.scopes, amount, closing=order.closing)
            except CapReached as reached:
                if not reached.fits_later:
                    raise
                self._room.clear()
                await self._room.wait()
            else:
                break
        self._number += 1
        record = Reserve(
            id=f"r{self._number}",
            at=self._clock.now().isoformat(),
            scopes=order.scopes,
            amount=amount,
            model=order.request.model,
            max_tokens=order.request.max_tokens,
            what=order.what,
            body_hash=hashed,
        )
        self._apply(record)
        return record

    def _refuse_after_tripwire(self) -> None:
        """A bound that did not hold once may not hold again: nothing leaves until the user looked at it."""
        if self.ledger.tripped is not None:
            raise TripwirePulled(
                f"Request {self.ledger.tripped.request_id} cost more than its bound; nothing more is sent.",
                safe="Everything merged so far is safe.",
                remedy="Look at this request; the fleet stays stopped.",
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

    async def _stream(self, order: Order, reservation: str, assembler: _ReplyAssembler) -> None:
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

    async def _settle(self, order: Order, reservation: str, assembler: _ReplyAssembler) -> Reply:
        reply = assembler.reply(cost(order.price, assembler.usage, geo_factor=self._geo_factor))
        record = Settle(id=reservation, amount=reply.cost, usage=reply.usage, request_id=reply.request_id)
        self.usages.append(reply.usage)
        crash_point("settle")
        held = self.ledger.open_reservations[reservation].held
        await self._record(record)
        crash_point("settled")
        if reply.cost > held:
            raise TripwirePulled(
                f"Request {reply.request_id} cost more than its bound.",
                safe="Everything merged so far is safe.",
                remedy="Look at this request; the fleet stays stopped.",
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
        self.ledger.apply(record)
        self.records.append(record)
        self._room.set()
        self._moved()


class _ReplyAssembler:
    """Builds a reply from raw stream events."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._blocks: list[dict[str, Any]] = []
        self._json: list[str] = []
        self._stop_reason = ""
        self._request_id = ""
        self._stopped = False
        self.usage = Usage()

    @property
    def complete(self) -> bool:
        """True when the reply was heard to its end and its cost is known: a prompt is never of no tokens."""
        return self._stopped and bool(self._stop_reason) and self.usage.prompt_tokens > 0

    def take(self, event: Mapping[str, Any]) -> str:
        """Takes one event; returns its type.

        Raises:
            ModelError: it is not as the protocol has it; the provider bills it all the same.
        """
        try:
            kind, text = self._take(event)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The reply could not be read: {error!r}", retry_after=1.0) from error
        if text:
            self._on_text(text)
        return kind

    def _take(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """Takes one event; returns its type and the text that it adds."""
        kind, text = cast("str", event["type"]), ""
        match kind:
            case "message_start":
                self._request_id = event["message"]["id"]
                self.usage = _usage(event["message"]["usage"], Usage())
            case "content_block_start":
                self._blocks.append(dict(event["content_block"]))
                self._json = []
            case "content_block_delta":
                text = self._grow(event["delta"])
            case "content_block_stop":
                if self._blocks[-1]["type"] == "tool_use":
                    self._blocks[-1]["input"] = _tool_input("".join(self._json))
            case "message_delta":
                self._stop_reason = event["delta"].get("stop_reason") or self._stop_reason
                self.usage = _usage(event["usage"], self.usage)
            case "message_stop":
                self._stopped = True
            case _:
                pass
        return kind, text

    def reply(self, amount: NanoUsd) -> Reply:
        """The whole reply."""
        return Reply(
            content=tuple(self._blocks),
            stop_reason=self._stop_reason,
            usage=self.usage,
            cost=amount,
            request_id=self._request_id,
        )

    def _grow(self, delta: Mapping[str, Any]) -> str:
        if delta["type"] == "text_delta":
            self._blocks[-1]["text"] += delta["text"]
            return cast("str", delta["text"])
        if delta["type"] == "input_json_delta":
            self._json.append(delta["partial_json"])
        return ""


def _tool_input(text: str) -> dict[str, Any]:
    """A tool call's input; what is not a JSON object is kept under `malformed` for the tool to refuse."""
    try:
        value: object = json.loads(text) if text else {}
    except ValueError:
        value = None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"malformed": text}


def _usage(fields: Mapping[str, Any], before: Usage) -> Usage:
    """Usage as far as an event tells it; numbers in a stream are running totals."""

    def of(name: str, known: int) -> int:
        value = fields.get(name)
        return known if value is None else _count(value)

    split: dict[str, int] = fields.get("cache_creation") or {}
    written = of("cache_creation_input_tokens", before.cache_write_5m_tokens + before.cache_write_1h_tokens)
    hour = _count(split.get("ephemeral_1h_input_tokens") or before.cache_write_1h_tokens)
    return Usage(
        input_tokens=of("input_tokens", before.input_tokens),
        output_tokens=of("output_tokens", before.output_tokens),
        cache_read_tokens=of("cache_read_input_tokens", before.cache_read_tokens),
        cache_write_5m_tokens=max(written - hour, _count(split.get("ephemeral_5m_input_tokens") or 0)),
        cache_write_1h_tokens=hour,
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number of tokens")
    return value


@dataclass(slots=True)
class RecentOutputs:
    """Output sizes of a role's last replies, for the adaptive max_tokens."""

    sizes: list[int] = field(default_factory=list[int])

    def saw(self, tokens: int) -> None:
        """Remembers one reply."""
        self.sizes.append(tokens)
        del self.sizes[:-50]
