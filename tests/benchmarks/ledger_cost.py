"""How long a launch reads a ledger of many requests: all of its records, and from its sums on.

    python -m tests.benchmarks.ledger_cost [--requests 100000]

Wall time and the largest memory of a process each; the ledger is in the temporary folder.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from gastown_desktop.adapters.money_log import FileMoneyLog, read_summed
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.core.ledger import Record, Reserve, Settle, Shrink
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.spend_gate import SpendGate

_USAGE = Usage(input_tokens=1_000, output_tokens=1_000)
_CONVOY, _BEAD, _DAY = 2_000, 30, 20_000
"""Requests of each."""


def _records(number: int) -> Iterator[Record]:
    name, bead = f"r{number}", f"gt-{number // _BEAD}"
    yield Reserve(
        id=name,
        at="2026-11-25T10:00:00+01:00",
        scopes=(
            *(f"convoy:cv-{number // _CONVOY}", f"bead:{bead}", f"polecat:{number % 30}", "role:polecat"),
            *("rig:harbor-0206c5", "town", f"day:2026-11-{1 + number // _DAY % 28:02d}+01:00"),
        ),
        amount=NanoUsd(10**8),
        model="claude-opus-5-5",
        max_tokens=4_000,
        what=f"{bead} Nux turn 3",
        body_hash="0" * 64,
    )
    yield Shrink(id=name, amount=NanoUsd(9 * 10**7))
    yield Settle(id=name, amount=NanoUsd(5 * 10**7), usage=_USAGE, request_id="req_0123456789abcdef")


def _write(path: Path, requests: int) -> None:
    with path.open("wb") as file:
        for number in range(1, requests + 1):
            for record in _records(number):
                body = json.dumps(record.to_json(), separators=(",", ":")).encode()
                file.write(struct.pack(">II", len(body), zlib.crc32(body)) + body)


def _launch(path: Path, convoy: str) -> None:
    log = FileMoneyLog(path, summed=True)
    SpendGate(log, SystemClock(), origin="https://api.example.org", by_day=True, keeps=convoy)


def _look(path: Path, convoy: str) -> None:
    read_summed(path, convoy)


def _timed(label: str, path: Path, convoy: str) -> None:
    began = time.monotonic()
    (_look if label == "a look at it" else _launch)(path, convoy)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{label:32} {time.monotonic() - began:7.2f} s {memory:6} MB", flush=True)


def main() -> None:
    """Measures what the arguments ask for, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="ledger-cost-") as name:
        path = Path(name) / "money.log"
        _write(path, given.requests)
        print(f"{given.requests} requests, {path.stat().st_size / 10**6:.0f} MB")
        for label, convoy in (
            ("all of its records", "convoy:new"),
            ("from its sums, a new convoy", "convoy:new"),
            ("from its sums, one of them", "convoy:cv-3"),
            ("a look at it", "convoy:cv-3"),
        ):
            process = spawn.Process(target=_timed, args=(label, path, convoy))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
