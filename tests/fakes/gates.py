"""What is remembered of gates, and what they depend on, in memory."""

from __future__ import annotations

from gastown_desktop.core.flakiness import FlakeRecord
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.merge_queue import FailureRate
from gastown_desktop.engine.ports import GateAnswer


class MemoryGateCache:
    """Implements the GateCache port."""

    def __init__(self) -> None:
        self.answers: dict[tuple[Oid, str], GateAnswer] = {}
        self.records: dict[str, FlakeRecord] = {}
        self.rates: dict[str, FailureRate] = {}

    def find(self, tree: Oid, key: str) -> GateAnswer | None:
        return self.answers.get((tree, key))

    def remember(self, tree: Oid, key: str, answer: GateAnswer) -> None:
        self.answers[tree, key] = answer

    def record(self, command: str) -> FlakeRecord:
        return self.records.get(command, FlakeRecord())

    def count(self, command: str, *, runs: int, flips: int) -> None:
        self.records[command] = self.record(command).plus(runs=runs, flips=flips)

    def failure_rate(self, queue: str) -> FailureRate:
        return self.rates.get(queue, FailureRate())

    def judged(self, queue: str, *, landed: int, blamed: int) -> None:
        self.rates[queue] = self.failure_rate(queue).seen(landed, blamed)


class NamedEnvironment:
    """Implements the GateEnvironment port: it is called what a test calls it."""

    def __init__(self) -> None:
        self.name = "here"

    def digest(self, command: str) -> str:
        return self.name
