"""The server: what it knows, and who answers which path."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.messages_api.bill import Bill
from tests.messages_api.cache import PromptCache
from tests.messages_api.checks import check_request, forbidden, model_of
from tests.messages_api.control import control
from tests.messages_api.faults import Dice, Faults, faults_from
from tests.messages_api.holding import Hold
from tests.messages_api.limits import Limits
from tests.messages_api.prompt import prompt_of
from tests.messages_api.script import Script
from tests.messages_api.serving import serve_message
from tests.messages_api.values import ERROR_KINDS, Model, Refused, error_body, models_with, to_json
from tests.messages_api.wire import Exchange, Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the server was started."""

    bill: Path | None = None
    bodies: Path | None = None
    """A file that gets every body as it came, one JSON string a line."""
    reports_cost: str = ""
    pace: float = 0.0
    """Output tokens a second; 0: as fast as it goes."""
    latency: float = 0.0
    """Seconds before a reply begins."""
    anthropic_tiers: bool = False
    lenient_fields: bool = False
    redirect: str = ""


@dataclass(slots=True, kw_only=True)
class Switches:
    """What a test turns while the server runs."""

    bill_full_on_disconnect: bool = True
    spend_limit: str = ""
    reported_cost: Any = None
    redirect: str = ""
    expired: set[str] = field(default_factory=set)
    storm_status: int = 0
    storm_until: float = 0.0
    storm_retry_after: float = 0.2
    pace: float = 0.0
    latency: float = 0.0


class App:
    """One server."""

    def __init__(self, script: Mapping[str, Any], faults: Faults, options: Options) -> None:
        self._started_with = (script, faults)
        self.options = options
        self.bill = Bill(options.bill)
        self._begin()

    def reset(self) -> None:
        """Begins anew, as if it had just been started on an empty bill."""
        self.bill.forget()
        self._begin()

    def _begin(self) -> None:
        script, faults = self._started_with
        options = self.options
        self._ahead = 0.0
        self.switches = Switches(redirect=options.redirect, pace=options.pace, latency=options.latency)
        self.models = models_with(script.get("models", {}))
        self.keys: set[str] = set(script.get("keys", {"sk-test": {}}))
        self.script = Script(script.get("rules", ()))
        self.dice = Dice(faults)
        self.cache = PromptCache(self.now)
        self.limits = Limits(self.now, self.wall)
        if "rate_limit" in script:
            self.limits.set(script["rate_limit"])
        self.seen: list[dict[str, Any]] = []
        self.came: Counter[tuple[str, str]] = Counter()
        self.hold = Hold({"at": "before", "number": 0})
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.most_in_flight = 0
        self._number = 0

    def now(self) -> float:
        """Seconds on a clock that a test may move forward."""
        return time.monotonic() + self._ahead

    def wall(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=self._ahead)

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    async def serve(self, exchange: Exchange) -> None:
        """Answers one request."""
        self._number += 1
        request_id = f"req_{self._number:012d}"
        record: dict[str, Any] = {}
        try:
            await self._route(exchange, request_id, record)
        except Refused as refused:
            record.update(status=refused.status, error=str(refused), kind=refused.kind)
            self.bill.counts[refused.count_as] += 1
            body = error_body(refused.kind, str(refused), request_id)
            headers = [("request-id", request_id), *refused.headers]
            if refused.status == 429:
                headers += self.limits.headers(record.get("key", ""))
            await exchange.answer(refused.status, body, headers)
        except (Gone, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - a rule in Python failed, or the server: a test has to see it
            record.update(status=500, error=repr(error))
            self.bill.counts["broken"] += 1
            traceback.print_exc()
            await exchange.answer(500, error_body("api_error", repr(error), request_id))

    async def _route(self, exchange: Exchange, request_id: str, record: dict[str, Any]) -> None:
        head = [("request-id", request_id)]
        match exchange.method, exchange.path:
            case "GET", "/_test/bill":
                if "idle" in exchange.query:
                    await self.idle.wait()
                await exchange.answer(200, to_json(self.told_bill()).encode())
            case "GET", "/_test/requests":
                since = int(exchange.query.get("since", ["0"])[0])
                await exchange.answer(200, json.dumps(self.seen[since:]).encode())
            case "GET", "/_test/held":
                reached = await self.hold.reached(float(exchange.query.get("seconds", ["60"])[0]))
                await exchange.answer(200, to_json(reached).encode())
            case "POST", "/_test/control":
                control(self, json.loads(exchange.body))
                await exchange.answer(200, b"{}")
            case "POST", "/v1/messages":
                await self._messages(exchange, request_id, record)
            case "POST", "/v1/messages/count_tokens":
                key = self.key_of(exchange)
                request, _ = self.valid(exchange, counting=True)
                self.bill.counts["token_counts"] += 1
                body = to_json({"input_tokens": prompt_of(request).tokens}).encode()
                await exchange.answer(200, body, [*head, *self.limits.headers(key)])
            case "GET", path if path == "/v1/models" or path.startswith("/v1/models/"):
                self.key_of(exchange)
                self.bill.counts["model_lists"] += 1
                await exchange.answer(200, to_json(self._told_models(path)).encode(), head)
            case _:
                self.bill.counts[f"unknown_path {exchange.method} {exchange.path}"] += 1
                raise Refused("Not found", status=404, kind="not_found_error", count_as="unknown_path")

    async def _messages(self, exchange: Exchange, request_id: str, record: dict[str, Any]) -> None:
        self.bill.counts["requests"] += 1
        record.update(
            request_id=request_id,
            host=exchange.headers.get("host", ""),
            bytes=len(exchange.body),
            status=0,
            user_agent=exchange.headers.get("user-agent", ""),
        )
        self.seen.append(record)
        if self.options.bodies is not None:
            with self.options.bodies.open("a") as file:
                file.write(json.dumps(exchange.body.decode("utf-8", "replace")) + "\n")
        self.in_flight += 1
        self.idle.clear()
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await serve_message(self, exchange, request_id, record)
        except Gone:
            record["client_left"] = True
            raise
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self.idle.set()

    def key_of(self, exchange: Exchange) -> str:
        """The key a request came with.

        Raises:
            Refused: it is not known, or not any more, or the request does not say which API it speaks.
        """
        key = exchange.headers.get("x-api-key", "")
        bearer = exchange.headers.get("authorization", "")
        if not key and bearer.lower().startswith("bearer "):
            key = bearer[len("bearer ") :]
        if key not in self.keys or key in self.switches.expired:
            message = "invalid x-api-key" if key else "x-api-key header is required"
            raise Refused(message, status=401, kind="authentication_error", count_as="unauthenticated")
        if not exchange.headers.get("anthropic-version"):
            raise Refused("anthropic-version: header is required")
        if exchange.headers.get("anthropic-beta") and not self.options.lenient_fields:
            raise forbidden(
                f"Unexpected value(s) `{exchange.headers['anthropic-beta']}` for the `anthropic-beta` header"
            )
        return key

    def weather(self) -> None:
        """Storms and redirections, which come before anything else.

        Raises:
            Refused: it storms.
        """
        switches = self.switches
        if switches.storm_status and self.now() < switches.storm_until:
            status = switches.storm_status
            self.bill.faults[f"storm_{status}"] += 1
            raise Refused(
                "Overloaded" if status == 529 else "This server is in a storm",
                status=status,
                kind=ERROR_KINDS.get(status, "api_error"),
                count_as="storm",
                headers=(("retry-after", f"{switches.storm_retry_after:g}"),),
            )

    def valid(self, exchange: Exchange, *, counting: bool) -> tuple[dict[str, Any], Model]:
        """The request's body, read strictly.

        Raises:
            Refused: the API would not take it.
        """
        if exchange.too_large:
            raise Refused("Request exceeds the maximum size", status=413, kind="request_too_large")
        try:
            request = json.loads(exchange.body)
        except (ValueError, RecursionError) as error:
            raise Refused(f"The request body is not valid JSON: {error}") from error
        model = model_of(request, self.models)
        check_request(request, model, lenient=self.options.lenient_fields, counting=counting)
        return request, model

    def told_bill(self) -> dict[str, Any]:
        """The bill, and what the server itself took."""
        return {
            **self.bill.as_json(),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "cpu_seconds": time.process_time(),
        }

    def set_faults(self, fields: Mapping[str, Any]) -> None:
        self.dice = Dice(faults_from(fields))

    def _told_models(self, path: str) -> dict[str, Any]:
        told = {model.id: _told_model(model) for model in self.models.values()}
        if path == "/v1/models":
            ids = list(told)
            return {"data": list(told.values()), "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
        name = path.removeprefix("/v1/models/")
        if name not in told:
            raise Refused(f"model: {name}", status=404, kind="not_found_error")
        return told[name]


def _told_model(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "created_at": "2026-06-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "line": model.id.split("-")[1],
        "max_input_tokens": model.window,
        "max_tokens": model.output_limit,
        "capabilities": None,
    }
