"""How fast work and money are made durable: hook writes with fsync, and reservations.

    python -m tests.benchmarks.store_cost [--writers 30] [--turns 10] [--requests 300]

Hook writes are those of the engine (`Hooks.record`, 30 at once); a request is reserved (with fsync), sent to
a model that answers at once, and settled. Wall time; the disk is that of the temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pygit2

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.money_log import FileMoneyLog
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName
from gastown_desktop.core.prices import PRICES
from gastown_desktop.engine.git_ports import REGULAR, Signature, TreeEntry
from gastown_desktop.engine.hooks import Assignment, Hooks, Turn
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.spend_gate import Order, SpendGate
from tests.fakes.provider import MODEL, ORIGIN
from tests.fakes.town import ScriptedModel, says


async def hook_writes(folder: Path, writers: int, turns: int) -> float:
    """Hook writes a second."""
    town = folder / "town.git"
    launcher = LocalLauncher(folder / "children")
    git = GitCommand(launcher, Path(shutil.which("git") or "git"), folder / "no-hooks")
    objects = PygitObjects(git, town)
    pygit2.settings.enable_fsync_gitdir(True)
    blob = await objects.write_blob(b"start\n")
    tree = await objects.write_tree([TreeEntry("a", REGULAR, blob)])
    who = Signature("Gas Town", "town@gastown.invalid", SystemClock().now())
    base = await objects.write_commit(tree, (), "Start\n", who, who)
    hooks = Hooks(objects, RefNames(ConvoyId("cv-1"), rehearsal=True), SystemClock())

    async def work(number: int) -> None:
        assignment = Assignment(
            polecat=PolecatName(f"W{number}"),
            bead=BeadId(f"gt-{number}"),
            base=base,
            branch=f"refs/heads/work/W{number}",
            epoch=1,
            model=MODEL,
        )
        hook = await hooks.hang(assignment)
        for turn in range(1, turns + 1):
            hook = await hooks.record(hook, _turn(turn, tree))

    began = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(writers)))
    rate = writers * (turns + 1) / (time.perf_counter() - began)
    objects.close()
    await launcher.close()
    return rate


def _turn(number: int, tree: Oid) -> Turn:
    text = {"type": "text", "text": "words " * 200}
    return Turn(
        number=number,
        at="2026-01-01T00:00:00+00:00",
        tree=tree,
        cost=1,
        request_id="r",
        prompt_tokens=1,
        output_tokens=1,
        assistant=[text],
        results=[],
        steps=[],
        notes=[],
    )


async def money(folder: Path, requests: int) -> float:
    """Microseconds from a reservation to its settlement, one after the other."""
    model = ScriptedModel(lambda _: _said())
    gate = SpendGate(FileMoneyLog(folder / "money.log"), SystemClock(), origin=ORIGIN)
    model.gate = gate
    await gate.open(model)
    request = ModelRequest(model=MODEL, max_tokens=1_000, system=(), tools=(), messages=())
    order = Order(
        request=request, price=PRICES[MODEL], prompt_bound=2_000, scopes=("convoy:x",), what="bench"
    )
    began = time.perf_counter()
    for _ in range(requests):
        await gate.ask(order)
    return (time.perf_counter() - began) / requests * 1e6


async def _said():
    return says({"type": "text", "text": "Done."}, stop_reason="end_turn")


def fsync_us(folder: Path, times: int = 200) -> float:
    """Microseconds of one append with fsync, for comparison."""
    import os

    with (folder / "plain").open("ab", buffering=0) as file:
        began = time.perf_counter()
        for _ in range(times):
            file.write(b"x" * 300)
            os.fsync(file.fileno())
    return (time.perf_counter() - began) / times * 1e6


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=30)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--requests", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="store-cost-") as scratch:
        folder = Path(scratch)
        subprocess.run(["git", "init", "-q", "--bare", "--template=", str(folder / "town.git")], check=True)
        print(f"hook writes: {asyncio.run(hook_writes(folder, given.writers, given.turns)):.0f} a second")
        print(f"reserve to settle: {asyncio.run(money(folder, given.requests)):.0f} µs a request")
        print(f"a plain append with fsync: {fsync_us(folder):.0f} µs")


if __name__ == "__main__":
    main()
