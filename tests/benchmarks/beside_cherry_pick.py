"""A rehearsal's wall time beside a plain loop of `git cherry-pick` of the same commits.

    python -m tests.benchmarks.beside_cherry_pick REPO [--last 40] [--polecats 6] [--rounds 3]

Both start from the commit before the range; the loop runs in a clone of its own. The best of the rounds
counts, the ratio is what is compared.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.e2e.corpus import Case, rehearse


def cherry_picks(repo: Path, folder: Path, last: int) -> float:
    """Seconds of the loop, the clone not counted."""
    environment = {**os.environ, "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_CONFIG_GLOBAL": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "bench", f"GIT_{who}_EMAIL": "bench@example.org"}

    def git(*args: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *args], env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(repo), str(folder)], check=True)
    commits = git("rev-list", "--first-parent", f"-{last}", "--reverse", "HEAD").splitlines()
    git("checkout", "-q", f"{commits[0]}^")
    began = time.perf_counter()
    for commit in commits:
        is_merge = len(git("rev-list", "--parents", "-1", commit).split()) > 2
        mainline = ("-m", "1") if is_merge else ()
        git("cherry-pick", "--allow-empty", "--keep-redundant-commits", *mainline, commit)
    return time.perf_counter() - began


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repo", type=Path)
    parser.add_argument("--last", type=int, default=40)
    parser.add_argument("--polecats", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    case = Case(repo=str(given.repo), plan="true", last=given.last, polecats=given.polecats, gate="")
    rehearsed: list[float] = []
    picked: list[float] = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory(prefix="beside-") as scratch:
            picked.append(cherry_picks(given.repo, Path(scratch) / "clone", given.last))
            code, result, error = rehearse(case, Path(scratch) / "data")
            if code:
                raise SystemExit(f"the rehearsal ended with {code}: {error[-2_000:]}")
            rehearsed.append(result["elapsed_s"])
    times = f"rehearsal {min(rehearsed):.1f} s, cherry-picks {min(picked):.1f} s"
    print(f"{given.repo.name}: {times}, ratio {min(rehearsed) / min(picked):.1f}")


if __name__ == "__main__":
    main()
