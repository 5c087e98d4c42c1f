"""Three simulated days of work: nothing is lost, and nothing grows that should not.

    python -m tests.e2e.soak                              72 hours, 2,016 beads, 10 restarts
    python -m tests.e2e.soak --hours 6 --beads 8 --restarts 3 --keep DIR

In each hour a convoy of real work begins, with storms of 429 and all other faults, and lands on the branch
from which the next one starts. Half of the hours lead over the end of summer time, half over its begin.
Processes are stopped in the middle of the work, every other one with SIGKILL, and the next one goes on. The
model's server keeps its own bill. Ends with exit code 1 if a bead is lost, if the bill is above the ledger,
or if memory, objects, refs or logs grow beyond what is said below.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.money_log import read_ledger
from gastown_desktop.core.ledger import Ledger
from tests.e2e.money_soak import NANO
from tests.e2e.real_work import KEY, make_repository
from tests.e2e.soaked_town import HOUR_S, Soak, load_state
from tests.messages_api.running import ROOT

LEGS = ("2026-10-24T12:00", "2027-03-27T12:00")
"""A day before the clock goes back, and a day before it goes ahead."""
FLAT_MB = 10.0
_LOOSE_OBJECTS = 10_000
_LOG_BYTES = 6_000_000
"""What the program's own log may have, in three files."""


def main() -> int:
    """Runs the soak; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hours", type=int, default=72)
    parser.add_argument("--beads", type=int, default=28, help="of each hour's convoy")
    parser.add_argument("--polecats", type=int, default=10)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a new folder that stays")
    given = parser.parse_args()
    soak = Soak(
        hours=given.hours,
        beads=given.beads,
        polecats=given.polecats,
        restarts=given.restarts,
        seed=given.seed,
        legs=LEGS,
    )
    place = nullcontext(given.keep) if given.keep else tempfile.TemporaryDirectory(prefix="soak-")
    with place as name:
        folder = Path(name)
        folder.mkdir(exist_ok=True)
        begin(folder, soak)
        began = time.monotonic()
        problems = live(folder, soak)
        problems += judge(folder, soak)
        print(f"{time.monotonic() - began:.0f} s of real time")
    for problem in problems:
        print("BROKEN:", problem)
    return 1 if problems else 0


def begin(folder: Path, soak: Soak) -> None:
    """Makes the repository and what the processes read."""
    make_repository(folder / "repo", soak.beads)
    (folder / "data").mkdir()
    (folder / "home").mkdir()
    (folder / "soak.json").write_text(json.dumps(asdict(soak)))


def live(folder: Path, soak: Soak) -> list[str]:
    """Starts process after process until all hours are over; what went wrong."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_API_KEY": KEY,
    }
    processes = 0
    while load_state(folder).hour < soak.hours:
        processes += 1
        if processes > soak.restarts + 1:
            return [f"{processes} processes were needed"]
        with (folder / "errors.txt").open("a") as errors:
            code = subprocess.run(
                [sys.executable, "-m", "tests.e2e.soaked_town", str(folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=errors,
                check=False,
            ).returncode
        state = load_state(folder)
        print(f"process {processes} ended with {code} in hour {state.hour}, {state.now[:16]} UTC", flush=True)
        if code not in {0, 130, -9}:
            return [f"a process ended with {code}: {(folder / 'errors.txt').read_text()[-2000:]}"]
    restarts = processes - 1
    return [] if restarts == soak.restarts else [f"{restarts} restarts instead of {soak.restarts}"]


def judge(folder: Path, soak: Soak) -> list[str]:
    """Prints what came of it, and returns what is wrong."""
    return [*_beads(folder, soak), *_money(folder), *_memory(folder), *_size(folder, soak)]


def _beads(folder: Path, soak: Soak) -> list[str]:
    convoys = _lines(folder / "convoys.jsonl")
    merged = sum(one["merged"] for one in convoys)
    wanted = soak.hours * soak.beads
    log = _git(
        folder / "repo", "log", "--format=%(trailers:key=Gastown-Bead,valueonly,separator=%x20)", "main"
    )
    landed = {line.strip() for line in log.splitlines() if line.strip()}
    steps = "".join(
        _git(folder / "repo", "show", f"main:m{module}.py") for module in range(1, soak.beads + 1)
    )
    there = sum(f"# step {number}\n" in steps for number in range(1, wanted + 1))
    faults: dict[str, int] = {}
    for one in convoys:
        for kind, times in one["faults"].items():
            faults[kind] = faults.get(kind, 0) + times
    took = sorted(one["took_s"] for one in convoys)
    print(f"{merged} of {wanted} beads merged, {len(landed)} landed, {there} of their lines on main")
    print(f"{sum(one['requests'] for one in convoys)} requests, faults {faults}")
    print(f"simulated seconds of a convoy: median {took[len(took) // 2]}, most {took[-1]}")
    stops = _lines(folder / "stops.jsonl")
    codes = [one["code"] for one in stops]
    print(f"{len(stops)} times a convoy stopped before its end and was resumed: {codes}")
    wrong: list[str] = []
    if not merged == len(landed) == there == wanted:
        wrong.append("beads are lost")
    if any(one["refused"] for one in convoys):
        wrong.append("the server refused requests as malformed")
    if _git(folder / "repo", "status", "--porcelain").strip():
        wrong.append("the checkout is not clean")
    return wrong


def _money(folder: Path) -> list[str]:
    bill = _lines(folder / "bill.jsonl")
    billed = sum(line["nano"] for line in bill)
    ledger = Ledger()
    for record in read_ledger(folder / "data" / "money" / "money.log"):
        ledger.apply(record)
    town = ledger.totals("town")
    spent = town.settled + town.assumed
    print(
        f"bill ${billed / NANO:.2f}, settled ${town.settled / NANO:.2f}, "
        f"assumed ${town.assumed / NANO:.2f}, held ${town.held / NANO:.2f}"
    )
    wrong: list[str] = []
    if billed > spent:
        wrong.append("the bill is above what the ledger has")
    if town.held:
        wrong.append("something is held at the end")
    return wrong


def _memory(folder: Path) -> list[str]:
    """Every process against itself and against the first one, from its first hour on."""
    samples = _lines(folder / "memory.jsonl")
    first: dict[int, float] = {}
    wrong: list[str] = []
    most, least = 0.0, 1e9
    for one in samples:
        if one["when"] != "rest" or one["age_s"] < HOUR_S:
            continue
        begin = first.setdefault(one["pid"], one["mb"])
        most, least = max(most, one["mb"]), min(least, one["mb"])
        if one["mb"] > begin + FLAT_MB:
            wrong.append(f"memory grew from {begin} to {one['mb']} MB by hour {one['hour']}")
    peak = max((one["mb"] for one in samples), default=0.0)
    print(f"memory at rest after an hour: {least:.1f} to {most:.1f} MB, at work at most {peak:.1f} MB")
    if most - least > 2 * FLAT_MB:
        wrong.append(f"memory at rest lies between {least:.1f} and {most:.1f} MB")
    return wrong[:3]


def _size(folder: Path, soak: Soak) -> list[str]:
    town = next((folder / "data" / "rigs").glob("*/town.git"))
    counts = dict(line.split(": ") for line in _git(town, "count-objects", "-v").splitlines())
    refs = len(_git(town, "for-each-ref", "--format=%(refname)").splitlines())
    loose_refs = sum(1 for path in (town / "refs").rglob("*") if path.is_file())
    logs = sum(path.stat().st_size for path in (folder / "data" / "logs").glob("*"))
    events = sum(path.stat().st_size for path in town.parent.glob("events/*.jsonl"))
    money = (folder / "data" / "money" / "money.log").stat().st_size
    beads = soak.hours * soak.beads
    slots = list((folder / "data").glob("wt/*/*"))
    left = list(town.rglob("*.lock"))
    print(
        f"objects: {counts['count']} loose, {counts['in-pack']} in {counts['packs']} packs, "
        f"{(int(counts['size']) + int(counts['size-pack'])) / beads:.1f} KiB a bead; "
        f"refs: {refs}, {loose_refs} of them loose, {refs / beads:.1f} a bead"
    )
    print(f"logs {logs} bytes, events {events / beads:.0f} and ledger {money / beads:.0f} bytes a bead")
    wrong: list[str] = []
    if int(counts["count"]) > _LOOSE_OBJECTS:
        wrong.append(f"{counts['count']} loose objects")
    if logs > _LOG_BYTES:
        wrong.append(f"the program's log has {logs} bytes")
    if slots or left:
        wrong.append(f"left behind: {[*slots, *left][:5]}")
    return wrong


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
