"""What a test tells the running server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.messages_api.holding import Hold
from tests.messages_api.script import Script

if TYPE_CHECKING:
    from tests.messages_api.app import App


def control(app: App, orders: Mapping[str, Any]) -> None:
    """Does each of the orders, in their order."""
    for name, value in orders.items():
        _ORDERS[name](app, value)


def _storm(app: App, storm: Mapping[str, Any]) -> None:
    app.switches.storm_status = storm.get("status", 529)
    app.switches.storm_until = app.now() + storm.get("seconds", 1.0)
    app.switches.storm_retry_after = storm.get("retry_after", 0.2)


def _spend_limit(app: App, value: bool | str) -> None:
    app.switches.spend_limit = value if isinstance(value, str) else "usage" if value else ""


def _answer_for_role(app: App, answer: Mapping[str, Any]) -> None:
    app.script.override(answer["role"], answer["turn"], answer.get("times", 1))


def _rules(app: App, rules: list[Mapping[str, Any]]) -> None:
    app.script = Script(rules)


def _hold(app: App, order: Mapping[str, Any]) -> None:
    app.hold = Hold(order)


def _switch(name: str) -> Callable[[App, Any], None]:
    return lambda app, value: setattr(app.switches, name, value)


_ORDERS: dict[str, Callable[[App, Any], object]] = {
    "reset": lambda app, _: app.reset(),
    "expire_key": lambda app, key: app.switches.expired.add(key),
    "revive_key": lambda app, key: app.switches.expired.discard(key),
    "add_key": lambda app, key: app.keys.add(key),
    "spend_limit": _spend_limit,
    "faults": lambda app, fields: app.set_faults(fields),
    "storm": _storm,
    "rate_limit": lambda app, rates: app.limits.set(rates),
    "answer_for_role": _answer_for_role,
    "rules": _rules,
    "hold": _hold,
    "advance_clock": lambda app, seconds: app.advance(seconds),
    "reported_cost": _switch("reported_cost"),
    "bill_full_on_disconnect": _switch("bill_full_on_disconnect"),
    "redirect": _switch("redirect"),
    "pace": _switch("pace"),
    "latency": _switch("latency"),
}
