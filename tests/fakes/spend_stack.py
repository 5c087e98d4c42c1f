"""Everything between an order and a provider that misbehaves: the gate, the real transport, the real SDK."""

from __future__ import annotations

from gastown_desktop.adapters.claude import ClaudeMessages
from gastown_desktop.adapters.spend_transport import SpendGateTransport
from gastown_desktop.core.prices import PRICES, request_bound
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.spend_gate import Order, SpendGate
from tests.fakes.clock import FakeClock
from tests.fakes.journal import Journal
from tests.fakes.provider import MODEL, ORIGIN, Behaviour, Provider
from tests.fakes.stores import MemoryMoneyLog

PRICE = PRICES[MODEL]


def order(*, scopes: tuple[str, ...] = ("town",), prompt_bound: int = 5_000, text: str = "Hello.") -> Order:
    request = ModelRequest(
        model=MODEL,
        max_tokens=4_000,
        system=({"type": "text", "text": "You are Nux."},),
        tools=(),
        messages=({"role": "user", "content": [{"type": "text", "text": text}]},),
    )
    return Order(request=request, price=PRICE, prompt_bound=prompt_bound, scopes=scopes, what="Nux turn 1")


BOUND = request_bound(PRICE, input_bound=5_000, max_tokens=4_000, writes_cache="5m")


class Stack:
    """Everything between an order and the provider."""

    def __init__(self, *behaviours: Behaviour, log: MemoryMoneyLog | None = None) -> None:
        self.journal = Journal()
        self.log = log or MemoryMoneyLog()
        self.log.journal = self.journal
        self.provider = Provider(*behaviours, journal=self.journal)
        self.gate = SpendGate(self.log, FakeClock(), origin=ORIGIN)
        transport = SpendGateTransport(self.provider, self.gate.consume)
        self.model = ClaudeMessages(api_key="k", base_url=ORIGIN, transport=transport)

    def totals(self, scope: str = "town") -> tuple[int, int, int]:
        totals = self.gate.ledger.totals(scope)
        return totals.settled, totals.held, totals.assumed
