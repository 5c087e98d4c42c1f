"""A key that expires under a working fleet: one item, nothing but what was on its way, and it goes on.

    python -m tests.e2e.expired_key                30 workers on 40 beads
    python -m tests.e2e.expired_key --polecats 6 --beads 12

After some requests the server takes the key no more. Printed: what waits for the user, how many requests came
after that, and how a resume with another key ends. Ends with exit code 1 where more than one item waits, a
worker asked more than once more, a bead is not merged at the end, or the bill is not the ledger's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import ROOT, RunningServer, running

OTHER_KEY = "sk-test-other-111111"
_SHAPE = Shape(turns=6, spread=2, output_tokens=200)
_LATENCY_S = 0.5
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What came of it."""

    needs: list[str]
    """What the items that waited for the user were about."""
    requests_after: int
    """Requests that reached the server after the key had expired."""
    merged: int
    """After the resume with another key."""
    needs_at_end: int
    bill: int
    """Nano-dollars, by the server."""
    settled: int
    """Nano-dollars, by the ledger."""
    refused: int
    """Requests that the server found malformed."""


def expire(beads: int, polecats: int) -> Expired:
    """Runs a fleet whose key expires in the middle, and resumes it with another."""
    with tempfile.TemporaryDirectory(prefix="expired-key-") as name, _serving() as server:
        scratch = Path(name)
        repo = make_repository(scratch / "repo", beads).folder
        write_beads(scratch / "beads.jsonl", beads, beads)
        process = started(scratch, KEY, "run", repo, *_arguments(scratch, server, polecats))
        assert server.wait_for(beads * 3)
        server.control({"expire_key": KEY, "add_key": OTHER_KEY})
        before = len(server.requests())
        stopped = result_of(process)
        after = len(server.requests()) - before
        done = result_of(started(scratch, OTHER_KEY, "resume", repo, "--json"))
        bill = server.bill(idle=True)
        return Expired(
            needs=[need["about"] for need in stopped["needs_you"]],
            requests_after=after,
            merged=done["merged"],
            needs_at_end=len(done["needs_you"]),
            bill=bill["total_nano"],
            settled=round(done["ledger"]["settled_usd"] * 1e9),
            refused=bill["refused"],
        )


def _serving() -> Any:
    return running(script(_SHAPE), arguments=["--latency", str(_LATENCY_S)])


def _arguments(scratch: Path, server: RunningServer, polecats: int) -> tuple[str | Path, ...]:
    shown = ("--base-url", server.url, "--gate", GATE, "--trust", "--yes", "--json")
    return ("--beads", scratch / "beads.jsonl", *shown, "--cap", "20", "--polecats", str(polecats))


def started(scratch: Path, key: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """The program with a key, a HOME and a data folder of its own below `scratch`."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_API_KEY": key,
    }
    command = [sys.executable, "-m", "gastown_desktop", *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--data-dir", str(scratch / "data")],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What `--json` printed at its end."""
    out, err = process.communicate(timeout=_LONGEST_S)
    if not out:
        raise AssertionError(f"no result: {err[-2_000:]}")
    result: dict[str, Any] = json.loads(out)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beads", type=int, default=40)
    parser.add_argument("--polecats", type=int, default=30)
    given = parser.parse_args()
    seen = expire(given.beads, given.polecats)
    print(f"waits for the user: {seen.needs}; requests after the key expired: {seen.requests_after}")
    print(f"after resume: {seen.merged} of {given.beads} merged, {seen.needs_at_end} wait for the user")
    print(f"bill ${seen.bill / 1e9:.4f}, settled ${seen.settled / 1e9:.4f}; malformed: {seen.refused}")
    holds = (
        seen.needs == ["provider"]
        and seen.requests_after <= given.polecats
        and (seen.merged, seen.needs_at_end) == (given.beads, 0)
        and seen.bill == seen.settled
        and not seen.refused
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
