"""Kills a rehearsal with SIGKILL, resumes it, and checks that nothing acknowledged was lost.

    python -m tests.e2e.kill_series --random 30          at random moments
    python -m tests.e2e.kill_series --points             at every named crash point: first, middle, last
    python -m tests.e2e.kill_series --points --resumed   the same in `resume`, after an early kill
    python -m tests.e2e.kill_series --random 30 --torn   and the last records are torn, as a power cut would
    python -m tests.e2e.kill_series --random 2 --repo PATH --gate CMD

Only the process itself is killed, not its children. *Acknowledged* is what `--json-lines` printed before the
kill. Ends with exit code 1 if any run breaks a promise.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gastown_desktop.engine.crash_points import POINTS
from tests.e2e import left_behind
from tests.e2e.warm import warm_python

_RUN_S = 300
_EARLY = "event-durable:20"
"""Where a rehearsal dies whose resumption is to die: planned, and the first workers at work."""
_WITH_A_REQUEST_OUT = frozenset({"reserve", "send", "answered", "settle"})


@dataclass
class Run:
    """One process: what it acknowledged and how it ended."""

    code: int
    events: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: str = ""


class Series:
    """Runs rehearsals of one repository in a scratch folder."""

    def __init__(self, scratch: Path, repo: str, extra: list[str]) -> None:
        self.scratch = scratch
        self.repo = repo
        self.extra = extra
        self.number = 0
        self.failures = 0

    def command(self, data: Path, verb: str) -> list[str]:
        """The arguments of one process."""
        options = ["--json-lines", "--check", "--data-dir", str(data)]
        extra = self.extra if verb == "rehearse" else []
        return [verb, self.repo, *options, *extra]

    def start(
        self, data: Path, verb: str, *, crash_at: str = "", count: str = "", kill_after: float = 0
    ) -> Run:
        """Runs one process to its end, natural or not.

        A positive `kill_after` counts seconds from the first acknowledged event, a negative one from the
        start.
        """
        environment = {**os.environ, "HOME": str(self.scratch / "home")}
        environment |= {"GASTOWN_CRASH_AT": crash_at} if crash_at else {}
        environment |= {"GASTOWN_CRASH_COUNT": count} if count else {}
        starts = _cold if "LD_PRELOAD" in environment else warm_python().start
        process = starts(self.command(data, verb), environment)
        run = Run(0)
        errors = threading.Thread(target=lambda: setattr(run, "error", process.stderr.read()))
        errors.start()
        watchdog = threading.Timer(_RUN_S, process.kill)
        watchdog.start()
        killer = threading.Timer(abs(kill_after), process.kill)
        if kill_after < 0:
            killer.start()
        for line in process.stdout:
            if line.endswith("\n"):
                fields = json.loads(line)
                if "kind" in fields:
                    run.events.append(fields)
                else:
                    run.result = fields
            if kill_after > 0 and not killer.is_alive() and run.result is None:
                with contextlib.suppress(RuntimeError):
                    killer.start()
        run.code = process.wait()
        for thread in (killer, watchdog):
            thread.cancel()
        errors.join()
        process.stdout.close()
        process.stderr.close()
        return run

    def check(
        self,
        label: str,
        *,
        crash_at: str = "",
        kill_after: float = 0,
        again: str = "",
        torn: random.Random | None = None,
    ) -> None:
        """Kills one rehearsal (and perhaps its resumption), resumes it and judges."""
        self.number += 1
        data = self.scratch / f"data-{self.number}"
        killed = self.start(data, "rehearse", crash_at=crash_at, kill_after=kill_after)
        runs = [killed]
        if torn and not killed.result:
            label += f", {_tear(data, torn)} torn"
        if again and not killed.result:
            runs.append(self.start(data, "resume", crash_at=again))
        if not runs[-1].result:
            runs.append(self.start(data, "resume"))
        if _never_began(killed) and runs[-1].code == 2:
            runs.append(self.start(data, "rehearse"))
        problems = problems_of(data, runs)
        if crash_at.split(":")[0] in _WITH_A_REQUEST_OUT and not problems:
            problems += _unspent(runs[-1])
        self.failures += bool(problems)
        died = [run.code for run in runs]
        acknowledged = sum(len(run.events) for run in runs[:-1])
        print(
            f"{label:40} exits {died} acknowledged {acknowledged:3} {'; '.join(problems) or 'held'}",
            flush=True,
        )

    def counts(self) -> dict[str, int]:
        """How often an undisturbed rehearsal passes each crash point."""
        file = self.scratch / "counts.json"
        run = self.start(self.scratch / "data-count", "rehearse", count=str(file))
        if run.code != 0:
            raise SystemExit(f"the undisturbed rehearsal ended with {run.code}: {run.error[-2000:]}")
        return json.loads(file.read_text())


def _tear(data: Path, dice: random.Random) -> int:
    """Leaves the beginning of one more record at the end of each log; returns how many logs there are."""
    logs = [*(data / "rigs").glob("*/rehearsals/*/money.log"), *(data / "rigs").glob("*/events/*.jsonl")]
    for log in logs:
        whole = log.read_bytes()
        record = whole.splitlines(keepends=True)[-1:] if log.suffix == ".jsonl" else [_last_framed(whole)]
        if record and record[0]:
            with log.open("ab") as file:
                file.write(record[0][: dice.randrange(1, len(record[0]))])
    return len(logs)


def _last_framed(whole: bytes) -> bytes:
    """The last record of a money log, with its length and checksum before it."""
    position = last = 0
    while position < len(whole):
        last, position = position, position + 8 + int.from_bytes(whole[position : position + 4], "big")
    return whole[last:]


def _cold(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """One that loads everything itself, for what must be there before Python is."""
    return subprocess.Popen(
        [sys.executable, "-m", "gastown_desktop", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _never_began(run: Run) -> bool:
    return not run.events


def _unspent(last: Run) -> list[str]:
    """A request that was reserved or sent when the process died must count as spent in full."""
    assumed = last.result["ledger"]["assumed_usd"]
    return [] if assumed > 0 else ["the killed request does not count as spent"]


def problems_of(data: Path, runs: list[Run]) -> list[str]:
    """What does not hold after the last of some runs."""
    last = runs[-1]
    if last.result is None:
        return [f"no result: {last.error.strip()[-800:]}"]
    problems: list[str] = []
    result, ledger = last.result, last.result["ledger"]
    told_all = last.code == 0 or last.code < 0  # killed after it had printed its result
    as_planned = result["tree_equal"] or result["plan"] != "true"
    if not told_all or not as_planned or not result["check"]["ok"]:
        problems.append(f"the oracle does not hold (exit {last.code}, {result['needs_you'][:2]})")
    if not result["user_repo_untouched"]:
        problems.append("the user's repository was touched")
    spent = ledger["settled_usd"] + ledger["assumed_usd"]
    if not result["provider_bill_usd"] <= spent + 1e-9 <= ledger["cap_usd"] + 2e-9:
        problems.append(f"bill {result['provider_bill_usd']} spent {spent} cap {ledger['cap_usd']}")
    if ledger["held_usd"]:
        problems.append("something is still held")
    problems += _lost(data, runs, result)
    problems += _ungated(data, result) if result["gate_runs"] else []
    problems += _left_behind(data.parent / "home", data)
    return problems


def _lost(data: Path, runs: list[Run], result: dict[str, Any]) -> list[str]:
    """Acknowledged events that are not in the history any more."""
    lost: list[str] = []
    for run in runs:
        for event in run.events:
            histories = list((data / "rigs").glob(f"*/events/{event['convoy']}.jsonl"))
            kept = [
                json.loads(line.partition(" ")[2])
                for path in histories
                for line in path.read_text().splitlines()
            ]
            if event not in kept:
                lost.append(f"lost event {event['seq']} {event['kind']}")
    return lost[:3]


def _ungated(data: Path, result: dict[str, Any]) -> list[str]:
    """Prefixes that were merged although no gate was green on exactly their tree."""
    (history,) = (data / "rigs").glob(f"*/events/{result['convoy']}.jsonl")
    events = [json.loads(line.partition(" ")[2]) for line in history.read_text().splitlines()]
    green = {event["tree"] for event in events if event["kind"] == "gate_run" and event["green"]}
    ends = [
        event
        for event, after in zip(events, [*events[1:], {"kind": ""}], strict=True)
        if event["kind"] == "bead_merged" and after["kind"] != "bead_merged"
    ]
    return [f"merged ungated: {event['bead']}" for event in ends if event["tree"] not in green]


def _left_behind(home: Path, data: Path) -> list[str]:
    found = [*left_behind.files(data), *left_behind.refs(data), *left_behind.processes(home, data)]
    return [f"left behind: {', '.join(found)}"] if found else []


def _points(series: Series, only: list[str], *, resumed: bool) -> None:
    counts = series.counts()
    for name in only or POINTS:
        passed = counts.get(name, 0)
        if not passed:
            print(f"{name}: never passed", flush=True)
            series.failures += 1
            continue
        for occurrence in sorted({1, (passed + 1) // 2, passed}):
            point = f"{name}:{occurrence}"
            if resumed:
                series.check(f"{point} of {passed} in resume", crash_at=_EARLY, again=point)
            else:
                series.check(f"{point} of {passed}", crash_at=point)


def main() -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--resumed", action="store_true", help="of --points: kill the resumption there")
    parser.add_argument("--torn", action="store_true", help="of --random: tear the last records")
    parser.add_argument("--only", nargs="*", default=[], choices=POINTS, help="of --points only these")
    parser.add_argument("--repo", default="sample")
    parser.add_argument("--gate", default="")
    parser.add_argument("--last", default="12")
    parser.add_argument("--plan", default="true", help="under `none` conflicts are resolved, too")
    parser.add_argument(
        "--longest", type=float, default=2.5, help="latest random kill, seconds after the first event"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    extra = ["--last", given.last, "--plan", given.plan]
    if given.repo != "sample":
        extra += ["--gate", given.gate, "--trust"] if given.gate else ["--no-gate"]
    with tempfile.TemporaryDirectory(prefix="kill-series-") as scratch:
        (Path(scratch) / "home").mkdir()
        series = Series(Path(scratch), given.repo, extra)
        if given.points:
            _points(series, given.only, resumed=given.resumed)
        moments = random.Random(given.seed)
        for number in range(given.random):
            early = number % 5 == 4
            moment = -moments.uniform(0.5, 3) if early else moments.uniform(0.01, given.longest)
            since = "the start" if early else "the first event"
            label = f"random {number + 1}: {abs(moment):.2f} s after {since}"
            series.check(label, kill_after=moment, torn=moments if given.torn else None)
        print(f"{series.number} runs, {series.failures} failures")
        return 1 if series.failures else 0


if __name__ == "__main__":
    sys.exit(main())
