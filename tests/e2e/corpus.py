"""Rehearses real repositories and checks what every rehearsal promises.

    python -m tests.e2e.corpus REPO… [--last 12,40] [--polecats 6] [--gate CMD]

Each line: repository, commits, workers, exit code, seconds and the figures of the result. Ends with exit
code 1 if an oracle does not hold, a repository was touched, a bill passed its ledger, or something was left
behind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_RUN_S = 1_800


def rehearse(repo: Path, data: Path, last: int, polecats: int, gate: str) -> tuple[int, dict[str, Any], str]:
    """One rehearsal in a process of its own: exit code, result, standard error."""
    gates = ["--gate", gate, "--trust"] if gate else ["--no-gate"]
    finished = subprocess.run(
        [
            sys.executable, "-m", "gastown_desktop", "rehearse", str(repo), "--last", str(last),
            "--polecats", str(polecats), "--data-dir", str(data), "--json", *gates,
        ],
        env={**os.environ, "HOME": str(data)},
        capture_output=True,
        text=True,
        timeout=_RUN_S,
    )  # fmt: skip
    return finished.returncode, json.loads(finished.stdout or "{}"), finished.stderr


def problems(data: Path, code: int, result: dict[str, Any]) -> list[str]:
    """What does not hold."""
    if not result:
        return ["no result"]
    ledger = result["ledger"]
    spent = ledger["settled_usd"] + ledger["assumed_usd"]
    found: list[str] = []
    if code != 0 or not result["tree_equal"]:
        found.append("the oracle does not hold")
    if not result["user_repo_untouched"]:
        found.append("the repository was touched")
    if not result["provider_bill_usd"] <= spent + 1e-9 <= ledger["cap_usd"] + 2e-9:
        found.append("the bill passed the ledger")
    if list((data / "wt").glob("*/*")) or list((data / "rigs").glob("*/town.git/**/*.lock")):
        found.append("something was left behind")
    return found


def _line(repo: Path, last: int, polecats: int, code: int, result: dict[str, Any]) -> str:
    names = ("beads", "independent", "critical_path", "conflicting_alone", "merged", "gate_runs")
    figures = " ".join(f"{name}={result.get(name)}" for name in names)
    lists = " ".join(f"{name}={len(result.get(name, ()))}" for name in ("silent_differences", "mechanical"))
    seconds = result.get("elapsed_s", 0)
    return (
        f"{repo.name:14} {last:3} commits {polecats:2} workers exit {code} {seconds:6.1f} s {figures} {lists}"
    )


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repos", nargs="+", type=Path)
    parser.add_argument("--last", default="12,40")
    parser.add_argument("--polecats", type=int, default=6)
    parser.add_argument("--gate", default="")
    given = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
        for repo in given.repos:
            for last in map(int, given.last.split(",")):
                code, result, error = rehearse(repo, Path(scratch), last, given.polecats, given.gate)
                found = problems(Path(scratch), code, result)
                failures += bool(found)
                print(_line(repo, last, given.polecats, code, result), "; ".join(found) or "held", flush=True)
                if found:
                    print(error[-2_000:], flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
