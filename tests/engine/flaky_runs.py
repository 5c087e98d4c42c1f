"""No good change is blamed however the gate wavers: seeded convoys through the real Refinery and gates.

    python -m tests.engine.flaky_runs [--runs 100] [--flakes 0.2] [--seed 0]

Each run has twelve beads of which some are truly bad, and one gate that is red by chance, of which nothing is
known. Slots and sandbox are fakes, the repository is real. A run ends when nothing is queued any more: the
good ones are merged, the bad ones went back. A bad bead never lands, as its gate is never green.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pygit2

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.refinery import Refinery
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, found_town

BEADS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    seed: int
    bad: frozenset[str]
    merged: frozenset[str]
    blamed: frozenset[str]
    runs: int
    flips: int
    asked: int

    @property
    def problems(self) -> list[str]:
        """What must never be."""
        everyone = {f"gt-{number:02}" for number in range(BEADS)}
        problems = [f"{bead} is good and was blamed" for bead in sorted(self.blamed - self.bad)]
        problems += [f"{bead} is bad and landed" for bead in sorted(self.merged & self.bad)]
        problems += [f"{bead} was left" for bead in sorted(everyone - self.merged - self.blamed)]
        return [f"seed {self.seed}: {problem}" for problem in problems]


async def run(objects: GitObjects, seed: int, flakes: float) -> Outcome:
    """One convoy to its end."""
    random = Random(seed)
    town = await found_town(objects)
    beads = [f"gt-{number:02}" for number in range(BEADS)]
    bad = frozenset(bead for bead in beads if random.random() < 0.2)
    await town.add(*beads)

    def verdict(command: str, files: dict[str, bytes]) -> CommandResult:
        if any(data == b"bad\n" for data in files.values()) or random.random() < flakes:
            return said("red", 1)
        return said()

    town.sandbox.verdict = verdict
    for bead in beads:
        await town.submit(bead, **{f"{bead[3:]}_txt": "bad\n" if bead in bad else f"{bead}\n"})
    await work_off(town)
    state = town.bus.state
    return Outcome(
        seed=seed,
        bad=bad,
        merged=frozenset(state.merged()),
        blamed=frozenset(event.bead for event in town.events("merge_state_changed")),
        runs=state.gate_runs,
        flips=state.gates["check"].record.flips,
        asked=len(state.needs_you),
    )


async def work_off(town: FakeTown) -> None:
    """Lets the Refinery work until its queue is empty."""
    idle = asyncio.Event()
    refinery = Refinery(town.kit, town.runner("check"), idle=idle.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(refinery.run())
        refinery.wake()
        await idle.wait()
        running.cancel()


async def run_all(scratch: Path, seeds: range, flakes: float) -> list[Outcome]:
    """All runs, on one repository."""
    git, folder = shutil.which("git"), scratch / "town.git"
    assert git
    launcher = LocalLauncher(scratch / "launcher" / "children.journal")
    objects = PygitObjects(GitCommand(launcher, Path(git), scratch / "no-hooks"), folder)
    pygit2.settings.enable_fsync_gitdir(False)
    try:
        return [await run(objects, seed, flakes) for seed in seeds]
    finally:
        objects.close()
        await launcher.close()


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--flakes", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flaky-runs-") as scratch:
        folder = Path(scratch) / "town.git"
        subprocess.run(["git", "init", "-q", "--bare", "--template=", str(folder)], check=True)
        seeds = range(given.seed, given.seed + given.runs)
        outcomes = asyncio.run(run_all(Path(scratch), seeds, given.flakes))
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    merged, bad = sum(len(one.merged) for one in outcomes), sum(len(one.bad) for one in outcomes)
    runs, flips = sum(one.runs for one in outcomes), sum(one.flips for one in outcomes)
    print(f"{len(outcomes)} runs: {merged} good beads merged, {bad} bad ones blamed")
    print(f"{runs} gate runs, {flips} of them red by chance; {sum(one.asked for one in outcomes)} runs asked")
    if problems:
        raise SystemExit("\n".join(problems))
    print("No good change was blamed, no bad one landed, every run ended.")


if __name__ == "__main__":
    main()
