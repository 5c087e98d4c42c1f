"""A disk that is full, or whose writes fail, in the middle of a rehearsal; then it is mended, and resumed.

    python -m tests.e2e.full_disk --runs 20            full at a random moment, on a small disk of its own
    python -m tests.e2e.full_disk --runs 20 --eio      writes of the program fail by chance for a while

The process has to end by itself with a plain sentence; nothing may be half merged, and `resume` finishes it:
the oracle, the checker and the ledger hold. The small disk needs the right to mount; failing writes need gcc.
Ends with exit code 1 if any run breaks a promise.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.kill_series import Run, Series, problems_of

_DISK = "64m"
_ATTEMPTS = 4
"""Resumptions until it has to be done: a disk may have been full in the middle of one."""
_TRACE = "Traceback (most recent call last)"


@contextmanager
def small_disk(folder: Path, size: str = _DISK) -> Iterator[Path]:
    """A file system of its own, of a size as `mount` takes it."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fills a disk but for so many bytes."""
    filler = disk / "filler"
    space = os.statvfs(disk)
    size = max(0, space.f_bavail * space.f_frsize - leave)
    with filler.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], check=False, capture_output=True)
    return filler


def failing_writes(scratch: Path) -> Path:
    """The library that lets writes fail."""
    source, library = Path(__file__).with_name("failing_disk.c"), scratch / "failing_disk.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def _unplain(run: Run) -> list[str]:
    """What is not as a user should see it, of a process that could not go on."""
    if _TRACE in run.error:
        return [f"a traceback: {run.error.strip()[-600:]}"]
    if run.code < 0:
        return [f"killed by signal {-run.code}"]
    if run.code in {1, 2} and not run.error.strip():
        return ["it ended without a word"]
    return []


def one_full(series: Series, data: Path, dice: random.Random) -> list[str]:
    """Full after some time, for some time."""
    after, leave = dice.uniform(0.3, 6), dice.choice([0, 0, 4_096, 65_536, 1_000_000, 3_000_000])
    fillers: list[Path] = []
    timer = threading.Timer(after, lambda: fillers.append(fill(data.parent, leave)))
    timer.start()
    runs = [series.start(data, "rehearse")]
    timer.cancel()
    timer.join()
    for filler in fillers:
        filler.unlink()
    return _resumed(series, data, runs, f"full after {after:.1f} s but for {leave} bytes")


def one_failing(series: Series, data: Path, dice: random.Random, library: Path) -> list[str]:
    """Writes that fail by chance after some time."""
    switch, after, one_in = data.parent / "fails", dice.uniform(0.3, 6), dice.choice([1, 3, 20, 100])
    failing = {
        "LD_PRELOAD": str(library),
        "FAILING_BELOW": str(data),
        "FAILING_WHILE": str(switch),
        "FAILING_ONE_IN": str(one_in),
        "FAILING_SEED": str(dice.randrange(1_000)),
    }
    timer = threading.Timer(after, switch.touch)
    timer.start()
    os.environ.update(failing)
    try:
        runs = [series.start(data, "rehearse")]
    finally:
        for name in failing:
            del os.environ[name]
        timer.cancel()
        timer.join()
    switch.unlink(missing_ok=True)
    return _resumed(series, data, runs, f"one write in {one_in} fails after {after:.1f} s")


def _resumed(series: Series, data: Path, runs: list[Run], label: str) -> list[str]:
    found = _unplain(runs[0])
    while len(runs) <= _ATTEMPTS and runs[-1].code != 0:
        never_began = not any(run.events for run in runs)
        runs.append(series.start(data, "rehearse" if never_began else "resume"))
    found += problems_of(data, runs)
    words = runs[0].error.strip().splitlines()[-1:] or [""]
    print(f"{label:48} exits {[run.code for run in runs]} {words[0][:90]!r} ", end="", flush=True)
    print("; ".join(found) or "held", flush=True)
    for run in runs if found else ():
        print("      " + (run.error.strip()[-1_000:] or "no word").replace("\n", "\n      "), flush=True)
    return found


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--repo", default="sample")
    parser.add_argument(
        "--eio", action="store_true", help="writes of the program fail, instead of a full disk"
    )
    given = parser.parse_args()
    failures = 0
    for number in range(given.first, given.first + given.runs):
        dice, began = random.Random(number), time.monotonic()
        with tempfile.TemporaryDirectory(prefix="full-disk-") as name:
            scratch = Path(name)
            series = Series(scratch, given.repo, [])
            print(f"{number:3} ", end="", flush=True)
            if given.eio:
                found = one_failing(series, scratch / "data", dice, failing_writes(scratch))
            else:
                with small_disk(scratch / "disk") as disk:
                    found = one_full(series, disk / "data", dice)
        failures += bool(found)
        print(f"    {time.monotonic() - began:.0f} s", flush=True)
    print(f"{given.runs} runs, {failures} of them do not hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
