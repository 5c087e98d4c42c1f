"""Past work for the tests of a rehearsal's parts: repositories taken into town.git, and random histories."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random

from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan, choose_range, plan_true
from gastown_desktop.engine.replay import Replays
from tests.builders import RepositoryBuilder


def take(repo: RepositoryBuilder, town_git: Path) -> Oid:
    """Brings a repository's HEAD into town.git."""
    subprocess.run(
        ["git", "--git-dir", town_git, "fetch", "-q", repo.folder, "+HEAD:refs/heads/source"], check=True
    )
    return Oid(repo.git("rev-parse", "HEAD"))


async def plan_of(objects: GitObjects, tip: Oid, last: int = 100) -> RehearsalPlan:
    """The true plan of the newest commits."""
    before, commits = await choose_range(objects, tip, last=last, stop=None, shallow=frozenset())
    return await plan_true(objects, Replays(objects), before, commits, prefix="gt", convoy="cv-tests")


def named(plan: RehearsalPlan) -> dict[str, set[str]]:
    """Subject of each bead → subjects of the beads it waits for."""
    subjects = {bead: work.subject for bead, work in plan.works.items()}
    return {
        subject: {subjects[other] for other in plan.dag.dependencies(bead)}
        for bead, subject in subjects.items()
    }


async def engine_shaped(
    objects: GitObjects, replays: Replays, plan: RehearsalPlan, random: Random, fleet: int
) -> tuple[Oid, Sequence[BeadId]]:
    """Lands a plan as the engine does, in a random order: start from the tip at dispatch, land later.

    Returns:
        The landed tree, and the beads that conflicted (at once, or when landed).
    """
    dag, tip = plan.dag, plan.base_tree
    done: set[BeadId] = set()
    at_work: dict[BeadId, Oid] = {}
    while len(done) < len(plan.works):
        ready = dag.ready(done=done, taken=set(at_work))
        if ready and len(at_work) < fleet and (not at_work or random.random() < 0.6):
            at_work[random.choice(ready)] = tip
            continue
        bead = random.choice(list(at_work))
        start = at_work.pop(bead)
        work = plan.works[bead]
        made = await replays.merge(work.before, start, work.tree)
        landed = await replays.merge(start, tip, made.tree)
        if made.conflicts or landed.conflicts:
            return tip, [bead]
        tip = landed.tree
        done.add(bead)
    return tip, []


def random_history(folder: Path, random: Random, commits: int) -> RepositoryBuilder:
    """A few short files whose lines are changed, added and removed, files renamed, commits reverted."""
    repo = RepositoryBuilder(folder)
    files = {
        f"{name}.txt": [f"{name} line {number}" for number in range(random.choice((4, 12)))] for name in "abc"
    }
    for path, lines in files.items():
        repo.write(path, "\n".join(lines) + "\n")
    repo.commit("Start")
    made: list[str] = []
    for number in range(commits):
        kind = random.random()
        if made and kind < 0.2:
            try:
                made.append(repo.revert(random.choice(made[-3:])))
            except AssertionError:
                repo.git("reset", "-q", "--hard")
            continue
        if kind < 0.28:
            old = random.choice(repo.git("ls-files").split())
            repo.rename(old, f"{random.choice(('', 'sub/'))}r{number}.txt")
        else:
            for _ in range(random.choice((1, 1, 2))):
                _change(repo, random, number)
        made.append(repo.commit(f"Work {number}"))
    return repo


def _change(repo: RepositoryBuilder, random: Random, number: int) -> None:
    """Changes, adds, doubles or removes a line of some file; or adds or deletes a file."""
    paths = repo.git("ls-files").split()
    if random.random() < 0.1 or len(paths) < 2:
        repo.write(f"new{number}.txt", f"new {number}\nsame\nsame\n")
        return
    path = random.choice(paths)
    if not (repo.folder / path).exists():
        return
    lines = (repo.folder / path).read_text().splitlines()
    at = random.randrange(len(lines) + 1)
    match random.choice(("change", "change", "add", "repeat", "remove", "delete")):
        case "change":
            lines[at : at + 1] = [f"changed in {number}"]
        case "add":
            lines.insert(at, f"added in {number}")
        case "repeat":
            lines.insert(at, random.choice([*lines, "same"]))
        case "remove":
            del lines[at : at + 1]
        case _ if random.random() < 0.2:
            repo.delete(path)
            return
    repo.write(path, "".join(f"{line}\n" for line in lines))
