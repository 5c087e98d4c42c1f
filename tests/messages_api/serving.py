"""One request to `/v1/messages`: read, answered, struck by faults, and charged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.messages_api.bill import Line, price_of
from tests.messages_api.cache import Cached
from tests.messages_api.faults import Draw
from tests.messages_api.messages import remember_pause
from tests.messages_api.prompt import Prompt, prompt_of
from tests.messages_api.reply import Reply, event, events_of, full_usage, message_of, reply_to, usage_of
from tests.messages_api.script import Answer
from tests.messages_api.values import (
    ERROR_KINDS,
    NANO_PER_DOLLAR,
    Model,
    Refused,
    digest_of,
    hash_of,
    to_json,
)
from tests.messages_api.wire import Exchange, Gone

if TYPE_CHECKING:
    from tests.messages_api.app import App

_BROKEN = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n',
    b'event: weather\ndata: {"type":"weather","index":0,"sky":["clear"]}\n\n',
    b"event: content_block_delta\ndata: \xff\xfe not json\n\n",
)
_MORE_THAN_POSSIBLE = 10_000
"""Tokens that the faults of usage tell and charge beyond what any honest bound allows."""


@dataclass(slots=True, kw_only=True)
class Serving:
    """A request that is being served."""

    app: App
    exchange: Exchange
    record: dict[str, Any]
    request: Mapping[str, Any]
    model: Model
    key: str
    role: str
    body: str
    prompt: Prompt
    cached: Cached
    reply: Reply
    draw: Draw
    held: str = ""
    """The moment at which a test wants it held."""
    charged: int | None = None
    produced: int = 0
    """Output tokens that have left."""

    @property
    def head(self) -> list[tuple[str, str]]:
        return [("request-id", self.record["request_id"]), *self.app.limits.headers(self.key)]

    @property
    def tier(self) -> str:
        return "standard"

    def nano(self, output_tokens: int) -> int:
        pinned = (
            self.request.get("service_tier") == "standard_only"
            and self.request.get("inference_geo") == "global"
        )
        dearer = self.app.options.anthropic_tiers and not pinned
        return price_of(self.model, self.cached, output_tokens, eleven_tenths=dearer)

    def charge(self, output_tokens: int) -> None:
        """Puts the request on the bill, once."""
        if self.charged is not None or self.draw.kind in self.app.dice.faults.free:
            return
        self.charged = output_tokens
        nano = self.nano(output_tokens)
        self.record.update(nano=nano, output_tokens=output_tokens)
        self.app.limits.produced(self.key, output_tokens)
        self.app.bill.charge(
            Line(
                key=self.key,
                model=self.model.id,
                role=self.role,
                request_id=self.record["request_id"],
                nano=nano,
                prompt_tokens=self.cached.total,
                read=self.cached.read,
                write_5m=self.cached.write_5m,
                write_1h=self.cached.write_1h,
                output_tokens=output_tokens,
                fault=self.draw.kind,
                body=self.body,
                at=self.app.wall().isoformat(),
            )
        )

    def begin(self) -> None:
        """The reply begins: what it wrote into the cache can be read by others."""
        self.app.cache.write(self.key, self.prompt, self.model.cache_minimum)
        self.record.update(status=200, stop_reason=self.reply.stop_reason)

    def final_usage(self, usage: dict[str, Any]) -> dict[str, Any]:
        """Usage with what a gateway says the request cost."""
        told, factor = self.app.switches.reported_cost, self.app.options.reports_cost
        if told == "missing" or (told is None and not factor):
            return usage
        dollars = self.nano(self.reply.output_tokens) * float(factor or 1) / NANO_PER_DOLLAR
        return {**usage, "cost": dollars * 0.01 if told == "low" else dollars if told is None else told}


async def serve_message(app: App, exchange: Exchange, request_id: str, record: dict[str, Any]) -> None:
    """Answers a request for a reply."""
    if app.switches.redirect:
        record["status"] = 307
        app.bill.counts["redirected"] += 1
        return await exchange.answer(
            307, b"", [("location", app.switches.redirect), ("request-id", request_id)]
        )
    record["key"] = app.key_of(exchange)
    app.weather()
    serving = _read(app, exchange, record)
    _refuse(serving)
    try:
        if serving.held == "before":
            await app.hold.stop(exchange)
        await exchange.wait(app.switches.latency)
        if serving.draw.kind in {"500", "cut_before_headers"}:
            await _fail(serving)
        elif serving.request.get("stream"):
            await _stream(serving)
        else:
            await _whole(serving)
    except (Gone, asyncio.CancelledError):
        record["client_left"] = True
        full = app.switches.bill_full_on_disconnect
        serving.charge(serving.reply.output_tokens if full else serving.produced)
        raise
    return None


def _read(app: App, exchange: Exchange, record: dict[str, Any]) -> Serving:
    key = record["key"]
    request, model = app.valid(exchange, counting=False)
    messages = request["messages"]
    record.update(
        model=model.id,
        messages=len(messages),
        tools=len(request.get("tools", ())),
        max_tokens=request["max_tokens"],
    )
    prompt = prompt_of(request)
    record.update(prompt_tokens=prompt.tokens, head=prompt.head)
    if prompt.tokens > model.window:
        raise Refused(f"prompt is too long: {prompt.tokens} tokens > {model.window} maximum")
    answer: Answer = app.script.answer(request)
    body = hash_of(exchange.body.decode("utf-8", "surrogateescape"))
    times = app.came[key, body]
    app.came[key, body] += 1
    record.update(role=answer.role, turn=answer.number, body=body, times=times, asked=digest_of(request))
    record.update(calls=list(answer.turn.get("calls", ())))
    draw = app.dice.throw(key, body, times, answer.role, answer.number)
    cached = app.cache.divide(key, prompt, model.cache_minimum)
    if draw.kind == "wrong_usage":
        more = 3 * len(exchange.body) + 6 * request["max_tokens"] + _MORE_THAN_POSSIBLE
        cached = replace(cached, plain=cached.plain + more)
    record.update(cache_read=cached.read, cache_write=cached.write_5m + cached.write_1h, fault=draw.kind)
    reply = reply_to(request, answer.turn, model, prompt.tokens, f"msg_{hash_of(key, body, str(times))}")
    record.update(message=reply.id)
    if draw.kind == "wrong_output":
        reply = replace(reply, output_tokens=request["max_tokens"] + _MORE_THAN_POSSIBLE)
    if reply.stop_reason == "pause_turn":
        remember_pause(reply.content)
    return Serving(
        app=app,
        exchange=exchange,
        record=record,
        request=request,
        model=model,
        key=key,
        role=answer.role,
        body=body,
        prompt=prompt,
        cached=cached,
        reply=reply,
        draw=draw,
        held=app.hold.moment_of(request),
    )


def _refuse(serving: Serving) -> None:
    """The refusals of a request that is right: they cost nothing."""
    app, kind = serving.app, serving.draw.kind
    if app.switches.spend_limit == "usage":
        raise Refused("You have reached your specified API usage limits.", count_as="spend_limit")
    if app.switches.spend_limit:
        message = "Your credit balance is too low to access the Anthropic API."
        raise Refused(message, status=402, kind="billing_error", count_as="spend_limit")
    if kind:
        app.bill.faults[kind] += 1
    if kind in {"429", "529"}:
        status = int(kind)
        wait = (("retry-after", f"{app.dice.faults.retry_after:g}"),)
        message = (
            "Overloaded" if status == 529 else "This request would exceed your organization's rate limit"
        )
        raise Refused(message, status=status, kind=ERROR_KINDS[status], count_as="faults", headers=wait)
    app.limits.admit(serving.key, serving.cached.total - serving.cached.read)


async def _fail(serving: Serving) -> None:
    """Work was done and charged, and nothing comes of it."""
    serving.charge(serving.reply.output_tokens)
    if serving.draw.kind == "500":
        raise Refused("Internal server error", status=500, kind="api_error", count_as="faults")
    await serving.exchange.cut(reset=serving.draw.way % 2 == 0)


async def _stream(serving: Serving) -> None:
    reply, cached, exchange = serving.reply, serving.cached, serving.exchange
    first = min(1, reply.output_tokens)
    opening = message_of(reply, full_usage(cached, first, serving.tier), begun=True)
    body = list(events_of(reply))
    struck = serving.draw.kind in {"stall", "cut", "error_event", "malformed"}
    half = body[: len(body) // 2] if struck or serving.held == "while" else body
    if serving.draw.kind == "stall" and serving.draw.way % 3 == 1:
        half = []
    if serving.draw.kind == "stall" and serving.draw.way % 3 == 0:
        serving.charge(reply.output_tokens)
        await exchange.wait(serving.app.dice.faults.stall_seconds)
        return await exchange.cut(reset=False)
    serving.begin()
    headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        *serving.head,
    ]
    serving.produced = first
    await exchange.begin(headers, event("message_start", message=opening))
    await _send(serving, half)
    if serving.held == "while":
        await serving.app.hold.stop(exchange)
    if struck and await _struck(serving):
        return None
    await _send(serving, body[len(half) :])
    if (pace := serving.app.switches.pace) > 0:
        await exchange.wait((reply.output_tokens - serving.produced) / pace)
    serving.charge(reply.output_tokens)
    delta = {"stop_reason": reply.stop_reason, "stop_sequence": None, "stop_details": reply.stop_details}
    usage = serving.final_usage(usage_of(cached, reply.output_tokens, reply.thinking_tokens))
    await exchange.end(event("message_delta", delta=delta, usage=usage) + event("message_stop"))
    if serving.held == "after":
        serving.app.hold.passed()
    return None


async def _struck(serving: Serving) -> bool:
    """What happens in the middle of a stream; whether it ends there."""
    exchange, faults, way = serving.exchange, serving.app.dice.faults, serving.draw.way
    match serving.draw.kind:
        case "stall":
            serving.charge(serving.reply.output_tokens)
            await exchange.wait(faults.stall_seconds)
            await exchange.cut(reset=False)
        case "cut":
            serving.charge(max(serving.produced, 1))
            await exchange.cut(reset=way % 2 == 0)
        case "error_event":
            serving.charge(max(serving.produced, 1))
            error = {"type": "overloaded_error", "message": "Overloaded"}
            await exchange.end(event("error", error=error, request_id=serving.record["request_id"]))
        case _:
            serving.charge(serving.reply.output_tokens)
            await exchange.send(_BROKEN[way % len(_BROKEN)])
            return False
    return True


async def _send(serving: Serving, body: list[tuple[bytes, int]]) -> None:
    """Sends events at the pace of the model, or all at once."""
    pace = serving.app.switches.pace
    if serving.draw.kind == "slow" and body:
        pace = max(1.0, serving.reply.output_tokens / serving.app.dice.faults.slow_seconds)
    if not body:
        return
    if pace <= 0:
        serving.produced = body[-1][1]
        await serving.exchange.send(b"".join(data for data, _ in body))
        return
    for data, produced in body:
        if produced > serving.produced:
            await serving.exchange.wait((produced - serving.produced) / pace)
        serving.produced = produced
        await serving.exchange.send(data)


async def _whole(serving: Serving) -> None:
    """A reply that is not streamed; cut and stalled it is half a body."""
    reply, exchange, kind = serving.reply, serving.exchange, serving.draw.kind
    usage = full_usage(serving.cached, reply.output_tokens, serving.tier, reply.thinking_tokens)
    body = to_json(message_of(reply, serving.final_usage(usage), begun=False)).encode(
        "utf-8", "surrogatepass"
    )
    pace = serving.app.switches.pace
    if kind == "slow":
        await exchange.wait(serving.app.dice.faults.slow_seconds)
    elif pace > 0:
        await exchange.wait(reply.output_tokens / pace)
    serving.charge(reply.output_tokens)
    if kind == "error_event":
        raise Refused("Overloaded", status=500, kind="api_error", count_as="faults")
    serving.begin()
    if kind == "malformed":
        body = body[:-1] + b",]"
    headers = [("content-type", "application/json"), *serving.head]
    if kind not in {"cut", "stall"}:
        return await exchange.begin(headers, body, length=len(body))
    await exchange.begin(headers, body[: len(body) // 2], length=len(body))
    if kind == "stall":
        await exchange.wait(serving.app.dice.faults.stall_seconds)
    await exchange.cut(reset=kind == "cut" and serving.draw.way % 2 == 0)
    return None
