"""What the merge queue costs: candidates landed per run of the gate, simulated.

    python -m tests.benchmarks.queue_cost [--candidates 20000] [--waiting 30] [--seed 1]

A share p of candidates is bad, independently; the queue is always full. Every run counts, confirming runs
too, and the queue has to learn p. Columns: one by one; batches of five, bisected when red; ours with a gate
without a record, with a steady gate that has one, and with a gate that is red by chance in a fifth of its
runs; and the most that anybody could land, (1 − p) / (H₂(p) + p): each candidate's fate is H₂(p) bits, and
every bad one is confirmed once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from math import log2
from random import Random

from gastown_desktop.core.flakiness import MOST_REDS, FlakeRecord, lesson, reds_needed
from gastown_desktop.core.ids import MergeId
from gastown_desktop.core.merge_queue import FailureRate, PrefixSearch

LONG_RECORD = FlakeRecord(runs=500)
"""What a rig knows of a steady gate after some twenty convoys."""


class Gate:
    """A gate that is red on prefixes with a bad candidate, and by chance.

    Args:
        bad: which candidates are.
        flakes: share of good prefixes that it is red on.
        record: what is known of it at the start; it learns.
        random: where chance comes from.
    """

    def __init__(self, bad: set[MergeId], flakes: float, record: FlakeRecord, random: Random) -> None:
        self._bad = bad
        self._flakes = flakes
        self._random = random
        self.record = record
        self.runs = 0

    def once(self, prefix: Sequence[MergeId]) -> bool:
        """One run: whether it is green."""
        self.runs += 1
        return self._bad.isdisjoint(prefix) and self._random.random() >= self._flakes

    def check(self, prefix: Sequence[MergeId]) -> bool:
        """A first run on a prefix."""
        green = self.once(prefix)
        if green:
            self._learn(reds=0)
        return green

    def confirm(self, prefix: Sequence[MergeId]) -> bool:
        """Runs again after a red until it is green, or until chance explains it no more."""
        for reds in range(1, reds_needed(self.record) or MOST_REDS):
            if self.once(prefix):
                self._learn(reds=reds)
                return True
        return False

    def _learn(self, reds: int) -> None:
        runs, flips = lesson(green=True, known_good=False, reds=reds)
        self.record = self.record.plus(runs=runs, flips=flips)


def prefix_queue(todo: Sequence[MergeId], gate: Gate, waiting: int) -> tuple[list[MergeId], list[MergeId]]:
    """Plays the Refinery's queue; answers what landed and who was blamed."""
    landed: list[MergeId] = []
    blamed: list[MergeId] = []
    left, rate = list(todo), FailureRate()
    while left:
        search = PrefixSearch(left[:waiting], rate)
        while (probe := search.next_probe()) is not None:
            prefix = search.stack[: probe.length]
            search.record(probe, gate.confirm(prefix) if probe.confirming else gate.check(prefix))
            count = search.landable
            landed += search.stack[:count]
            rate = rate.seen(count, 0)
            search.landed(count)
            search.extend(left[len(search.stack) + count : waiting + count])
            del left[:count]
        if search.blamed is not None:
            blamed.append(left.pop(0))
            rate = rate.seen(0, 1)
    return landed, blamed


def serial(todo: Sequence[MergeId], gate: Gate) -> int:
    """One by one, a red confirmed once; answers how many landed."""
    return sum(1 for one in todo if gate.once([one]) or gate.once([one]))


def batches(todo: Sequence[MergeId], gate: Gate, size: int = 5) -> int:
    """Batches, each bisected when red, a single red confirmed once; answers how many landed."""

    def settle(batch: Sequence[MergeId]) -> int:
        if not batch or gate.once(batch):
            return len(batch)
        if len(batch) == 1:
            return int(gate.once(batch))
        middle = len(batch) // 2
        return settle(batch[:middle]) + settle(batch[middle:])

    return sum(settle(todo[start : start + size]) for start in range(0, len(todo), size))


def bound(p: float) -> float:
    """Most candidates that can land per run, each bad one being confirmed once."""
    entropy = -p * log2(p) - (1 - p) * log2(1 - p)
    return (1 - p) / (entropy + p)


def per_run(p: float, candidates: int, seed: int, play: Callable[[Sequence[MergeId], Gate], int],
            record: FlakeRecord = LONG_RECORD, flakes: float = 0.0) -> float:  # fmt: skip
    """Candidates landed per run of the gate."""
    random = Random(seed)
    todo = [MergeId(str(number)) for number in range(candidates)]
    gate = Gate({one for one in todo if random.random() < p}, flakes, record, random)
    return play(todo, gate) / gate.runs


def main() -> None:
    """Simulates and prints one row per p."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=20_000)
    parser.add_argument("--waiting", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    def ours(todo: Sequence[MergeId], gate: Gate) -> int:
        return len(prefix_queue(todo, gate, given.waiting)[0])

    def convoys(todo: Sequence[MergeId], gate: Gate) -> int:
        """A rig's first convoy again and again: forty candidates, nothing known of the gate."""
        landed = 0
        for start in range(0, len(todo), 40):
            gate.record = FlakeRecord(runs=3)
            landed += ours(todo[start : start + 40], gate)
        return landed

    names = ("serial", "batch 5", "first convoy", "steady", "flaky 20 %", "bound")
    print(f"{'p':>5}" + "".join(f"{name:>14}" for name in names))
    for p in (0.02, 0.05, 0.1):
        row = [per_run(p, given.candidates, given.seed, play) for play in (serial, batches, convoys, ours)]
        flaky = per_run(p, given.candidates // 4, given.seed, ours, FlakeRecord(), 0.2)
        print(f"{p:>5}" + "".join(f"{figure:>14.2f}" for figure in (*row, flaky, bound(p))))


if __name__ == "__main__":
    main()
