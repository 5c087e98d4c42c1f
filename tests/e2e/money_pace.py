"""How well a cap is used, and what that costs in speed: 30 workers, 60 beads, with and without a cap.

    python -m tests.e2e.money_pace                 $25, without faults and with
    python -m tests.e2e.money_pace --model claude-opus-5-5 --cap 5

Printed for each model: how much of the cap the server's bill reached together with what is kept for landing,
and the turns per minute over the whole run, tail included, against an uncapped run of the same work. The
work costs about twice the cap. Haiku, the cheapest by far, has a tenth of the cap. Ends with exit code 1
below 97 % or 70 %.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.money_soak import FAULTS, NANO, process_of
from tests.e2e.real_work import GATE, MODELS, Shape, make_repository, script, write_beads
from tests.messages_api.running import running

BEADS = 60
LEAST_USED, LEAST_PACE = 0.97, 0.70
_OUTPUT_PRICE = {"fable": 40, "opus": 20, "sonnet": 10, "haiku": 0.5}
"""Dollars per million tokens of a reply, which is nearly all that these runs cost."""
_TURNS = 12
_FIRST_TOKEN_S, _STREAM_S = 0.4, 1.6
"""Seconds until a reply begins, and for which it streams on average: the longer it is the longer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to."""

    bill: float
    """Dollars, by the server."""
    spent: float
    """Dollars settled and assumed."""
    reserve: float
    turns: int
    merged: int
    """Beads."""
    seconds: float
    """Of the program's own clock, from its start to its end."""

    @property
    def pace(self) -> float:
        """Turns per minute."""
        return self.turns * 60 / self.seconds


def measure(model: str, cap: float, work: float, *, faults: bool) -> Measured:
    """One run of work that costs about `work` dollars under a cap of `cap` dollars."""
    price = next(dollars for name, dollars in _OUTPUT_PRICE.items() if name in model)
    output = min(int(work / (BEADS * _TURNS * price / 1e6)), 14_000)
    shape = Shape(turns=_TURNS - 2, spread=4, output_tokens=output)
    with tempfile.TemporaryDirectory(prefix="money-pace-") as name:
        scratch = Path(name)
        repo = make_repository(scratch / "repo", BEADS)
        write_beads(scratch / "beads.jsonl", BEADS, BEADS)
        data = scratch / "data"
        data.mkdir()
        (data / "settings.toml").write_text("silence_s = 3.0\n")
        struck = {"seed": 3, "rates": FAULTS, "retry_after": 0.2, "stall_seconds": 6.0}
        speed = ["--latency", f"{_FIRST_TOKEN_S}", "--pace", f"{output / _STREAM_S:.0f}"]
        with running(script(shape), faults=struck if faults else None, arguments=speed) as server:
            options = [
                "--cap",
                f"{cap:.2f}",
                "--bead-cap",
                "100",
                "--model",
                model,
                "--polecats",
                "30",
                "--base-url",
                server.url,
            ]
            options += ["--beads", str(scratch / "beads.jsonl"), "--gate", GATE, "--trust", "--yes", "--json"]
            result = process_of(
                ["run", str(repo.folder), *options, "--data-dir", str(data)], scratch, None
            ).json
            ledger = result["ledger"]
            return Measured(
                bill=server.bill(idle=True)["total_nano"] / NANO,
                spent=ledger["settled_usd"] + ledger["assumed_usd"],
                reserve=ledger["reserve_usd"],
                turns=sum(bead["turns"] for bead in result["planned"]),
                merged=result["merged"],
                seconds=result["elapsed_s"],
            )


def main() -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", action="append", choices=MODELS)
    parser.add_argument("--cap", type=float, default=25.0)
    parser.add_argument("--faults", choices=("yes", "no", "both"), default="both")
    given = parser.parse_args()
    wrong = 0
    for model in given.model or MODELS:
        cap = given.cap / 10 if "haiku" in model else given.cap
        for faults in {"yes": (True,), "no": (False,), "both": (False, True)}[given.faults]:
            free = measure(model, 1_000, 2 * cap, faults=faults)
            capped = measure(model, cap, 2 * cap, faults=faults)
            used = ((capped.spent if faults else capped.bill) + capped.reserve) / cap
            pace = capped.pace / free.pace
            passed = capped.bill <= cap
            wrong += not passed or used < LEAST_USED or pace < LEAST_PACE
            print(
                f"{model:18s} faults {'yes' if faults else 'no '} cap ${cap:.2f} bill ${capped.bill:.4f} "
                f"spent ${capped.spent:.4f} used+reserve {used:.1%} · {capped.pace:.0f} turns/min of "
                f"{free.pace:.0f} = {pace:.0%} ({capped.turns} turns in {capped.seconds:.0f} s, "
                f"{capped.merged} merged; "
                f"all of it costs ${free.bill:.2f}, {free.turns} turns in {free.seconds:.0f} s)"
                f"{'' if passed else ' THE BILL PASSED THE CAP'}",
                flush=True,
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
