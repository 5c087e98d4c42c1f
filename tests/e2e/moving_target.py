"""Lands a convoy while a colleague pushes at random moments, and checks that nothing is lost or forced.

    python -m tests.e2e.moving_target --runs 20
    python -m tests.e2e.moving_target --runs 1 --seed 7

Real git on real repositories; a moment is before or after any call of the landing to target, remote, objects
or gate, or the middle of the push itself. Ends with exit code 1 if any run breaks a promise.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.engine.landing import Landed
from tests.fakes.shared import Shared

_FIRST_ROUND, _ALL_ROUNDS = 45, 120
"""About as many moments as a landing has that nobody disturbs, and one that has to begin again."""
_MORE_PUSHES = 2
"""Most pushes after the first; with more of them than a landing has rounds it may give up."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One landing."""

    moments: tuple[str, ...]
    """When the colleague pushed."""
    rounds: int
    """How often the landing began."""
    problems: tuple[str, ...]


async def run(seed: int, folder: Path) -> Run:
    """One landing with pushes at moments that the seed chooses."""
    random = Random(seed)
    git_path = shutil.which("git")
    assert git_path
    launcher = LocalLauncher(folder / "children.journal")
    scene = await Shared(GitCommand(launcher, Path(git_path), folder / "no-hooks"), folder / "scene").build()
    later = random.sample(range(_FIRST_ROUND, _ALL_ROUNDS), random.randint(0, _MORE_PUSHES))
    pushes_at = [random.randrange(_FIRST_ROUND), *sorted(later)]
    pushed: list[str] = []
    if random.random() < 0.3:
        scene.race()

    def tick(moment: str) -> None:
        if pushes_at and len(scene.ticks) > pushes_at[0]:
            pushes_at.pop(0)
            scene.colleague()
            pushed.append(f"{moment} ({len(scene.ticks)})")

    try:
        landing = await scene.landing()
        scene.at_tick = tick
        outcome = await landing.land()
        problems = scene.broken_promises()
        if not isinstance(outcome, Landed):
            problems.append(f"it did not land: {outcome.words}")
    finally:
        scene.close()
        await launcher.close()
    pushed += ["in the middle of a push"] * len(scene.raced())
    return Run(moments=tuple(pushed), rounds=scene.ticks.count("before fetch"), problems=tuple(problems))


def main() -> int:
    """Runs the series; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    given = parser.parse_args()
    broken = 0
    for seed in range(given.seed, given.seed + given.runs):
        with tempfile.TemporaryDirectory(prefix="moving-target-") as folder:
            os.environ["HOME"] = folder
            done = asyncio.run(run(seed, Path(folder)))
        broken += bool(done.problems)
        told = f"{', '.join(done.moments) or 'nobody pushed'}; {done.rounds} rounds"
        print(f"seed {seed}: {told}: {'; '.join(done.problems) or 'ok'}", flush=True)
    print(f"{given.runs - broken} of {given.runs} landings kept every promise")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
