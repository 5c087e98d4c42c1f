"""What the engine itself costs: 30 workers × 10 turns at full pace, in CPU seconds a turn.

    python -m tests.benchmarks.engine_cost [--polecats 30] [--turns 10]

Every turn writes one file of 39,000 characters, is streamed through the SDK, paid, snapshotted and recorded.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.builders import RepositoryBuilder
from tests.e2e.corpus import Case, rehearse

_SIZE = 39_000


def build(folder: Path, beads: int, turns: int) -> None:
    """A history of independent commits that each take so many turns (two are opening and submission)."""
    builder = RepositoryBuilder(folder)
    builder.write("README", "start\n")
    builder.commit("Start")
    for bead in range(beads):
        for turn in range(turns - 2):
            line = f"bead {bead} turn {turn}\n"
            builder.write(f"bead{bead}/file{turn}.txt", line * (_SIZE // len(line)))
        builder.commit(f"Add bead {bead}")


def main() -> None:
    """Builds, rehearses and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--polecats", type=int, default=30)
    parser.add_argument("--turns", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engine-cost-") as scratch:
        repo = Path(scratch) / "repo"
        build(repo, given.polecats, given.turns)
        case = Case(repo=str(repo), plan="true", last=given.polecats, polecats=given.polecats, gate="")
        code, result, error = rehearse(case, Path(scratch) / "data")
    if code != 0:
        raise SystemExit(f"the rehearsal ended with {code}: {error[-2000:]}")
    turns = result["model_requests"]
    cpu = result["cpu_s"]
    print(f"{turns} turns in {result['elapsed_s']} s; peak {result['peak_mb']} MB")
    print(f"CPU seconds: own {cpu['self']}, git {cpu['git']}, tools {cpu['tools']}")
    print(f"a turn: own {1000 * cpu['self'] / turns:.1f} ms, git {1000 * cpu['git'] / turns:.1f} ms")


if __name__ == "__main__":
    main()
