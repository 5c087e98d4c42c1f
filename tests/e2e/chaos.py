"""Rehearses with faults on purpose and checks what must hold whatever goes wrong.

    python -m tests.e2e.chaos REPO… [--seeds 20] [--first 0] [--polecats 6,30] [--caps 0.05,0.5,5]
        [--last 12] [--gate CMD] [--jobs 2]

REPO is a path, or the word `sample`. Faults of the transport end with nothing in Needs you; of faults of
behaviour only beads with one that lasts may be there, and all others are merged, as plain git merges them;
`provider bill ≤ settled + assumed ≤ cap` always. Ends with exit code 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.warm import run_warm

_RUN_S = 1_800
_ABOUT_MONEY = frozenset({"limit", "cap"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rehearsal."""

    repo: str
    seed: int
    polecats: int
    cap: str
    last: int
    gate: str


def rehearse(case: Case, data: Path) -> tuple[int, dict[str, Any], str]:
    """One rehearsal in a process of its own: exit code, result, standard error."""
    gates = ["--gate", case.gate, "--trust"] if case.gate else ["--no-gate"]
    if case.repo == "sample":
        gates = []
    finished = run_warm(
        [
            "rehearse", case.repo, "--last", str(case.last),
            "--polecats", str(case.polecats), "--cap", case.cap, "--chaos", str(case.seed),
            "--data-dir", str(data), "--json", *gates,
        ],
        {**os.environ, "HOME": str(data)},
        _RUN_S,
    )  # fmt: skip
    return finished.returncode, json.loads(finished.stdout or "{}"), finished.stderr


def problems(data: Path, code: int, result: dict[str, Any]) -> list[str]:
    """What does not hold."""
    if not result:
        return [f"no result, exit code {code}"]
    ledger, lasting = result["ledger"], result["chaos"]["lasting"]
    spent = ledger["settled_usd"] + ledger["assumed_usd"]
    short = any(need["about"] in _ABOUT_MONEY for need in result["needs_you"])
    asking = {need["bead"] for need in result["needs_you"] if need["about"] not in _ABOUT_MONEY}
    found: list[str] = []
    if not result["check"]["ok"]:
        found.append("the checker disagrees: " + "; ".join(result["check"]["problems"]))
    if strangers := asking - set(lasting):
        found.append(f"in Needs you without a fault that lasts: {strangers}")
    if not lasting and not short and not result["tree_equal"]:
        found.append("nothing lasts, and the tree is not as in history")
    if code not in ({0, 3} if lasting or short else {0}):
        found.append(f"exit code {code}")
    if not result["user_repo_untouched"]:
        found.append("the repository was touched")
    if not result["provider_bill_usd"] <= spent + 1e-9 <= ledger["cap_usd"] + 2e-9:
        found.append(f"the bill {result['provider_bill_usd']} passed the ledger {spent}")
    if ledger["held_usd"]:
        found.append("something is held")
    if list((data / "wt").glob("*/*")) or list((data / "rigs").glob("*/town.git/**/*.lock")):
        found.append("something was left behind")
    return found


def _played(case: Case) -> tuple[str, Counter[str], bool]:
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        data = Path(scratch)
        code, result, error = rehearse(case, data)
        found = problems(data, code, result)
    chaos = result.get("chaos", {"faults": {}, "lasting": {}})
    words = (
        f"{Path(case.repo).name:10} seed {case.seed:3} {case.polecats:2} workers cap ${case.cap} "
        f"exit {code} {result.get('elapsed_s', 0):6.1f} s merged {result.get('merged')} of "
        f"{result.get('beads')} faults {sum(chaos['faults'].values())} lasting {len(chaos['lasting'])} "
        f"needs {len(result.get('needs_you', ()))}: {'; '.join(found) or 'held'}"
    )
    return f"{words}\n{error[-2_000:]}" if found else words, Counter(chaos["faults"]), bool(found)


def _cases(given: argparse.Namespace) -> Iterator[Case]:
    seeds = range(given.first, given.first + given.seeds)
    sizes, caps = given.polecats.split(","), given.caps.split(",")
    for repo, seed, polecats, cap in itertools.product(given.repos, seeds, sizes, caps):
        yield Case(repo=repo, seed=seed, polecats=int(polecats), cap=cap, last=given.last, gate=given.gate)


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repos", nargs="+")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--polecats", default="6,30")
    parser.add_argument("--caps", default="100")
    parser.add_argument("--last", type=int, default=12)
    parser.add_argument("--gate", default="")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    faults, failures, runs = Counter[str](), 0, 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for words, struck, failed in pool.map(_played, _cases(given)):
            print(words, flush=True)
            faults += struck
            failures += failed
            runs += 1
    print(f"{runs} runs, {failures} of them do not hold; faults: {dict(sorted(faults.items()))}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
