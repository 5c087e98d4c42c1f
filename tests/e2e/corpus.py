"""Rehearses real repositories and checks what every rehearsal promises.

    python -m tests.e2e.corpus REPO… [--last 12,40] [--polecats 6,30] [--plans true,predicted,none]
        [--gate CMD]

REPO is a path, or one of the words `sample` and `scripted` (a repository with everything that is hard).
Each line: repository, plan, commits, workers, exit code, seconds and the figures of the result. Ends with
exit code 1 if the oracle of a true plan does not hold, the checker disagrees with a landing or what is in
Needs you, a repository was touched, a bill passed its ledger, or something was left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.builders import hard_repository

_RUN_S = 1_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rehearsal."""

    repo: str
    plan: str
    last: int
    polecats: int
    gate: str


def rehearse(case: Case, data: Path) -> tuple[int, dict[str, Any], str]:
    """One rehearsal in a process of its own: exit code, result, standard error."""
    gates = ["--gate", case.gate, "--trust"] if case.gate else ["--no-gate"]
    if case.repo == "sample":
        gates = []
    finished = subprocess.run(
        [
            sys.executable, "-m", "gastown_desktop", "rehearse", case.repo, "--last", str(case.last),
            "--polecats", str(case.polecats), "--plan", case.plan, "--data-dir", str(data), "--json",
            "--check", *gates,
        ],
        env={**os.environ, "HOME": str(data)},
        capture_output=True,
        text=True,
        timeout=_RUN_S,
    )  # fmt: skip
    return finished.returncode, json.loads(finished.stdout or "{}"), finished.stderr


def problems(case: Case, data: Path, code: int, result: dict[str, Any]) -> list[str]:
    """What does not hold."""
    if not result:
        return ["no result"]
    ledger = result["ledger"]
    spent = ledger["settled_usd"] + ledger["assumed_usd"]
    found: list[str] = []
    if case.plan == "true" and (code != 0 or not result["tree_equal"]):
        found.append("the oracle does not hold")
    if not result["check"]["ok"]:
        found.append("the checker disagrees: " + "; ".join(result["check"]["problems"]))
    if result["merged"] + len({need["bead"] for need in result["needs_you"]}) < result["beads"]:
        found.append("a bead is neither merged nor in Needs you")
    if not result["user_repo_untouched"]:
        found.append("the repository was touched")
    if not result["provider_bill_usd"] <= spent + 1e-9 <= ledger["cap_usd"] + 2e-9:
        found.append("the bill passed the ledger")
    if list((data / "wt").glob("*/*")) or list((data / "rigs").glob("*/town.git/**/*.lock")):
        found.append("something was left behind")
    return found


def _line(case: Case, code: int, result: dict[str, Any]) -> str:
    names = ("beads", "independent", "critical_path", "conflicts", "resolver_runs", "rework", "merged")
    figures = " ".join(f"{name}={result.get(name)}" for name in (*names, "tree_equal", "gate_runs"))
    lists = " ".join(f"{name}={len(result.get(name, ()))}" for name in ("needs_you", "mechanical"))
    differing = len(result.get("check", {}).get("differences", ()))
    return (
        f"{Path(case.repo).name:10} {case.plan:9} {case.last:3} commits {case.polecats:2} workers "
        f"exit {code} {result.get('elapsed_s', 0):6.1f} s {figures} {lists} differing={differing}"
    )


def _cases(given: argparse.Namespace, scratch: Path) -> Iterator[Case]:
    for repo in given.repos:
        place = repo
        if repo == "scripted":
            place = str(hard_repository(scratch / "scripted").folder)
        for last in map(int, given.last.split(",")):
            for plan in given.plans.split(","):
                for polecats in map(int, given.polecats.split(",")):
                    yield Case(repo=place, plan=plan, last=last, polecats=polecats, gate=given.gate)


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repos", nargs="+")
    parser.add_argument("--last", default="12,40")
    parser.add_argument("--plans", default="true")
    parser.add_argument("--polecats", default="6")
    parser.add_argument("--gate", default="")
    given = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="corpus-") as scratch:
        data = Path(scratch, "data")
        for case in _cases(given, Path(scratch)):
            code, result, error = rehearse(case, data)
            found = problems(case, data, code, result)
            failures += bool(found)
            print(_line(case, code, result), "; ".join(found) or "held", flush=True)
            if found:
                print(error[-2_000:], flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
