"""The meter: shows where each scope of the ledger stands, as it moves."""

from __future__ import annotations

from collections.abc import Iterable

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import RigId
from gastown_desktop.core.ledger import Totals, closing_reserve
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.spend_gate import SpendGate


class Meter:
    """Tells of every scope whose sums changed since it was last told of."""

    def __init__(self, gate: SpendGate, bus: Bus, rig: RigId) -> None:
        """Watches the gate from now on, and tells where everything stands."""
        self._gate = gate
        self._bus = bus
        self._rig = rig
        self._told: dict[str, Totals] = {}
        gate.watch(self.tell)

    def tell(self, scopes: Iterable[str]) -> None:
        """Shows those of the scopes that moved; the ledger may hold thousands of others."""
        for scope in scopes:
            totals = self._gate.ledger.totals(scope)
            if self._told.get(scope) != totals:
                self._told[scope] = totals
                self._bus.show(self._moved(scope, totals))

    def tell_all(self) -> None:
        """Shows every scope, for screens that know none yet."""
        self._told.clear()
        self.tell(self._gate.ledger.scopes())

    def _moved(self, scope: str, totals: Totals) -> ev.MeterMoved:
        kept = closing_reserve(totals.cap) if totals.cap is not None and scope.startswith("convoy:") else 0
        return ev.MeterMoved(
            rig=self._rig,
            scope=scope,
            cap=totals.cap,
            settled=totals.settled,
            held=totals.held,
            assumed=totals.assumed,
            reserve=kept,
        )
