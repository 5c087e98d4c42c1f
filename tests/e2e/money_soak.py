"""Real work under caps, faults and kills: the server's own bill never passes the cap.

    python -m tests.e2e.money_soak --runs 200            every run another cap, model, fleet and set of faults
    python -m tests.e2e.money_soak --runs 1 --seed 17    one of them again

Each run is a process of the program with a server of its own (tests/messages_api). Half of the runs are
killed with SIGKILL, once or twice, and resumed. Printed for each run: cap, the server's bill, what the
ledger says, how far the work came. Ends with exit code 1 if any run breaks a promise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.real_work import GATE, KEY, MODELS, Shape, make_repository, script, write_beads
from tests.messages_api.running import ROOT, RunningServer, running

NANO = 1_000_000_000
_RUN_S = 400
_REFUSED = 2
_CAPS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0)
FAULTS = {
    "529": 0.03,
    "429": 0.03,
    "500": 0.01,
    "stall": 0.01,
    "cut": 0.02,
    "cut_before_headers": 0.01,
    "malformed": 0.01,
    "slow": 0.02,
    "error_event": 0.01,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run."""

    seed: int
    cap: float
    model: str
    polecats: int
    beads: int
    shape: Shape
    faults: bool
    kills: int


@dataclass(slots=True)
class Outcome:
    """What a run came to; money in nano-dollars."""

    plan: Plan
    bill: int = 0
    settled: int = 0
    assumed: int = 0
    reserve: int = 0
    merged: int = 0
    requests: int = 0
    refused: int = 0
    seconds: float = 0.0
    killed: int = 0
    needs: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan_of(seed: int) -> Plan:
    """The run of a seed."""
    draw = random.Random(seed)
    model = MODELS[seed % len(MODELS)]
    cap = _CAPS[(seed // len(MODELS)) % len(_CAPS)]
    output = draw.choice((200, 800, 3_000, 9_000))
    return Plan(
        seed=seed,
        cap=cap,
        model=model,
        polecats=30 if draw.random() < 0.7 else draw.choice((1, 6, 12)),
        beads=draw.choice((12, 20, 30)),
        shape=Shape(turns=draw.choice((3, 5, 8)), output_tokens=output, long_prompts="haiku" in model),
        faults=draw.random() < 0.75,
        kills=draw.choice((0, 0, 1, 2)),
    )


def run_one(plan: Plan) -> Outcome:
    """Does one run in a scratch folder."""
    began = time.monotonic()
    outcome = Outcome(plan)
    with tempfile.TemporaryDirectory(prefix="money-soak-") as name:
        scratch = Path(name)
        modules = max(3, plan.beads - 2)
        repo = make_repository(scratch / "repo", modules, long_prompts=plan.shape.long_prompts)
        write_beads(scratch / "beads.jsonl", plan.beads, modules)
        data = scratch / "data"
        data.mkdir()
        (data / "settings.toml").write_text("silence_s = 2.0\n")
        faults = {"seed": plan.seed, "rates": FAULTS, "retry_after": 0.1, "stall_seconds": 4.0}
        with running(
            script(plan.shape),
            faults=faults if plan.faults else None,
            bill=scratch / "bill.jsonl",
            arguments=["--latency", "0.05"],
        ) as server:
            result = _with_kills(plan, outcome, scratch, repo.folder, data, server)
            _judge(plan, outcome, result, server)
    outcome.seconds = time.monotonic() - began
    return outcome


def _with_kills(
    plan: Plan, outcome: Outcome, scratch: Path, repo: Path, data: Path, server: RunningServer
) -> dict[str, Any] | None:
    draw = random.Random(plan.seed * 7 + 1)
    options = ["--cap", str(plan.cap), "--model", plan.model, "--polecats", str(plan.polecats)]
    options += ["--beads", str(scratch / "beads.jsonl"), "--base-url", server.url, "--gate", GATE]
    first: list[str] = ["run", str(repo), *options, "--trust", "--yes"]
    verb = first
    for left in range(plan.kills, -1, -1):
        kill_after = draw.uniform(1.5, 9.0) if left else None
        ended = process_of([*verb, "--json", "--data-dir", str(data)], scratch, kill_after)
        if ended.code == _REFUSED and "no beads" in ended.err:  # killed before its plan was taken
            ended = process_of([*first, "--json", "--data-dir", str(data)], scratch, kill_after)
        if ended.code != -signal.SIGKILL:
            if ended.code not in {0, 1, 3} or not ended.out:
                outcome.problems.append(f"exit {ended.code}: {ended.err[-600:]}")
                return None
            return ended.json
        outcome.killed += 1
        verb = ["resume", str(repo), "--yes"] if (data / "money" / "money.log").exists() else first
    return None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object that it printed."""
        assert self.out, self.err
        return json.loads(self.out)


def process_of(arguments: list[str], scratch: Path, kill_after: float | None) -> Ended:
    """Runs the program with a HOME of its own, to its end or until it is killed after so many seconds."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_API_KEY": KEY,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gastown_desktop", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=kill_after or _RUN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        if kill_after is None:
            return Ended(124, out, f"did not end within {_RUN_S} s\n{err}")
    return Ended(process.returncode, out, err)


def _judge(plan: Plan, outcome: Outcome, result: dict[str, Any] | None, server: RunningServer) -> None:
    bill = server.bill(idle=True)
    cap = round(plan.cap * NANO)
    outcome.bill, outcome.requests, outcome.refused = bill["total_nano"], bill["requests"], bill["refused"]
    if bill["total_nano"] > cap:
        outcome.problems.append(f"THE BILL PASSED THE CAP: {bill['total_nano']} > {cap}")
    if bill["refused"] or bill["unmatched"] or bill["forbidden"]:
        bad = [one for one in server.requests() if one["status"] == 400][:2]
        outcome.problems.append(f"the server refused requests: {bad}")
    if result is None:
        return
    ledger = result["ledger"]
    outcome.settled, outcome.assumed = (round(ledger[f"{one}_usd"] * NANO) for one in ("settled", "assumed"))
    outcome.reserve, outcome.merged = round(ledger["reserve_usd"] * NANO), result["merged"]
    outcome.needs = [need["item"] for need in result["needs_you"]]
    if outcome.bill > outcome.settled + outcome.assumed:
        outcome.problems.append("the bill is above what the ledger has")
    if outcome.settled + outcome.assumed > cap or round(ledger["max_committed_usd"] * NANO) > cap:
        outcome.problems.append("the ledger passed the cap")
    if ledger["held_usd"]:
        outcome.problems.append("something is held at the end")
    if outcome.merged != result["beads"] and not outcome.needs:
        outcome.problems.append("neither merged nor in Needs you")
    if not result["user_repo_untouched"]:
        outcome.problems.append("the user's repository changed")


def line_of(outcome: Outcome) -> str:
    """One line of the table."""
    plan = outcome.plan
    share = (outcome.settled + outcome.assumed + outcome.reserve) / (plan.cap * NANO)
    return (
        f"{plan.seed:4d} {plan.model:18s} cap {plan.cap:6.2f} bill {outcome.bill / NANO:8.4f} "
        f"settled {outcome.settled / NANO:8.4f} assumed {outcome.assumed / NANO:7.4f} "
        f"used+reserve {share:6.1%} merged {outcome.merged:2d}/{plan.beads} workers {plan.polecats:2d} "
        f"requests {outcome.requests:4d} faults {'yes' if plan.faults else 'no '} killed {outcome.killed} "
        f"{outcome.seconds:5.1f} s {'; '.join(outcome.problems)}"
    )


def main() -> int:
    """Runs the soak; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    plans = [plan_of(seed) for seed in range(given.seed, given.seed + given.runs)]
    broken = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for outcome in pool.map(run_one, plans):
            broken += bool(outcome.problems)
            print(line_of(outcome), flush=True)
    print(f"{given.runs} runs, {broken} broke a promise")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
