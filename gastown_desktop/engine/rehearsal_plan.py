"""The true plan of a rehearsal: the user's own past commits as beads, with their real dependencies.

Commit j is replayed alone on the base. If that conflicts, j depends on the earlier commits that touch the
same files. If it is clean, it is landed on the history before j: a tree that differs from history means that
git merged silently wrong, so j gets the same dependencies and the pair is reported. A replay that finds part
of its work already done (a revert of something that is not there yet) depends likewise. At last the plan is
tried in memory, in the orders that differ most from history; whatever still comes out differently gets a
dependency too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, Oid, bead_id
from gastown_desktop.engine.git_ports import Commit, GitObjects
from gastown_desktop.engine.replay import PastWork, Replays
from gastown_desktop.engine.shown_difference import shown_difference

_TRIALS = 6
_STARTED_AT_ONCE = 0.7
_MOST_REPAIRS = 30
_LONGEST_RANGE = 100_000


@dataclass(frozen=True, slots=True)
class SilentDifference:
    """Two beads that git merges without a conflict, but not into what history has."""

    bead: BeadId
    earlier: tuple[BeadId, ...]
    paths: tuple[str, ...]
    lines: tuple[str, ...] = ()
    """A short diff from what git merged to what history has."""


@dataclass(slots=True, kw_only=True)
class RehearsalPlan:
    """Past work with its true dependencies."""

    base: Oid
    """Commit before the oldest."""
    tip: Oid
    """Newest commit."""
    base_tree: Oid
    expected_tree: Oid
    works: dict[BeadId, PastWork]
    """Oldest first."""
    dependencies: list[Dependency] = field(default_factory=list[Dependency])
    conflicting: dict[BeadId, tuple[str, ...]] = field(default_factory=dict[BeadId, tuple[str, ...]])
    """Beads that conflict when replayed alone on the base, and the paths."""
    silent: list[SilentDifference] = field(default_factory=list[SilentDifference])
    left_out: list[str] = field(default_factory=list[str])
    """Commits without any change: `<id> <subject>`."""

    @property
    def dag(self) -> Dag:
        """The beads as they wait for each other."""
        return Dag(self.works, self.dependencies)


async def choose_range(
    objects: GitObjects, tip: Oid, *, last: int, stop: Oid | None, shallow: frozenset[Oid]
) -> tuple[Commit, list[Commit]]:
    """The commit before the range, and the range along first parents, oldest first.

    Args:
        objects: the rig's own repository.
        tip: the newest commit.
        last: how many commits, if `stop` is not given.
        stop: the commit before the oldest, on the first-parent line of `tip`; None to count.
        shallow: commits whose parents are missing.

    Raises:
        Refused: no commits in the range, or it reaches where history was cut off.
    """
    chain = await objects.first_parents(tip, _LONGEST_RANGE if stop else last + 1)
    commits: list[Commit] = []
    for commit in chain:
        if commit.oid == stop or (stop is None and len(commits) == last):
            return commit, _oldest_first(commits)
        if commit.oid in shallow:
            raise Refused(
                "This clone is shallow and the range reaches the point where its history was cut off.",
                remedy="Run `git fetch --unshallow`, or take fewer commits with --last.",
            )
        if not commit.parents and stop is None:
            return commit, _oldest_first(commits)
        commits.append(commit)
    raise Refused(
        "The first commit of the range is not on the first-parent line of its last.",
        remedy="Give A..B with A an ancestor of B along first parents.",
    )


def _oldest_first(commits: list[Commit]) -> list[Commit]:
    if not commits:
        raise Refused(
            "There are no commits in this range; there is nothing to rehearse.",
            remedy="A rehearsal needs at least one commit and the one before it.",
        )
    return commits[::-1]


async def plan_true(
    objects: GitObjects,
    replays: Replays,
    before: Commit,
    commits: Sequence[Commit],
    *,
    prefix: str,
    convoy: str,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> RehearsalPlan:
    """Finds the true dependencies of past commits.

    Args:
        objects: the rig's own repository.
        replays: merges, remembered.
        before: the commit before the oldest.
        commits: oldest first, along first parents.
        prefix: what bead ids begin with.
        convoy: whose beads they become: two rehearsals of the same commits share no id.
        told: called with progress.
    """
    plan = RehearsalPlan(
        base=before.oid,
        tip=commits[-1].oid,
        base_tree=before.tree,
        expected_tree=commits[-1].tree,
        works={},
    )
    parent = before
    for commit in commits:
        if commit.tree == parent.tree:
            plan.left_out.append(f"{commit.oid[:10]} {commit.subject}")
        else:
            bead = _unused_id(prefix, f"{convoy} {commit.oid}", plan)
            work = await _past_work(objects, commit, parent, bead)
            plan.works[work.bead] = work
        parent = commit
    if not plan.works:
        raise Refused("The commits in this range change nothing; there is nothing to rehearse.")
    for number, work in enumerate(plan.works.values(), 1):
        await _find_dependencies(objects, replays, plan, work)
        told(number, len(plan.works))
    await _try_orders(objects, replays, plan)
    return plan


def _unused_id(prefix: str, seed: str, plan: RehearsalPlan) -> BeadId:
    """The bead id that a seed gives, or the next that no other commit of the plan has."""
    while bead_id(prefix, seed) in plan.works:
        seed += "+"
    return bead_id(prefix, seed)


async def restore_plan(objects: GitObjects, fields: Mapping[str, Any]) -> RehearsalPlan:
    """A plan from what was written down of it: commits, beads, dependencies and findings."""
    before = await objects.read_commit(fields["base"])
    tip = await objects.read_commit(fields["tip"])
    plan = RehearsalPlan(
        base=before.oid,
        tip=tip.oid,
        base_tree=before.tree,
        expected_tree=tip.tree,
        works={},
        dependencies=[Dependency(bead=bead, on=on) for bead, on in fields["dependencies"]],
        conflicting={bead: tuple(paths) for bead, paths in fields["conflicting"].items()},
        silent=[
            SilentDifference(
                found["bead"], tuple(found["earlier"]), tuple(found["paths"]), tuple(found["lines"])
            )
            for found in fields["silent"]
        ],
        left_out=list(fields["left_out"]),
    )
    for bead, oid in zip(fields["beads"], fields["commits"], strict=True):
        commit = await objects.read_commit(oid)
        parent = await objects.read_commit(commit.parents[0])
        plan.works[bead] = await _past_work(objects, commit, parent, bead)
    return plan


async def _past_work(objects: GitObjects, commit: Commit, parent: Commit, bead: BeadId) -> PastWork:
    changes = await objects.diff_trees(parent.tree, commit.tree)
    _, _, body = commit.message.strip().partition("\n")
    return PastWork(
        bead=bead,
        commit=commit.oid,
        subject=commit.subject or "(no message)",
        body=body.strip(),
        tree=commit.tree,
        before=parent.tree,
        changes=tuple(changes),
    )


async def _find_dependencies(
    objects: GitObjects, replays: Replays, plan: RehearsalPlan, work: PastWork
) -> None:
    earlier = _earlier_on_same_paths(plan, work)
    alone = await replays.on(work, plan.base_tree)
    if alone.conflicts:
        plan.conflicting[work.bead] = alone.conflicts
        _depend(plan, work, earlier or _all_earlier(plan, work))
        await _widen_until_clean(replays, plan, work)
        return
    landed = await replays.merge(plan.base_tree, work.before, alone.tree)
    if landed.conflicts or landed.tree != work.tree:
        wrong = await objects.diff_trees(landed.tree, work.tree)
        paths = tuple(change.path for change in wrong) or landed.conflicts
        on = earlier or _all_earlier(plan, work)
        lines = await shown_difference(objects, landed.tree, work.tree, paths)
        plan.silent.append(SilentDifference(work.bead, _touching(plan, earlier, paths) or on, paths, lines))
        _depend(plan, work, on)
        await _widen_until_clean(replays, plan, work)
        return
    done = {change.path for change in await objects.diff_trees(plan.base_tree, alone.tree)}
    if done != set(work.paths):
        _depend(plan, work, earlier)
        await _widen_until_clean(replays, plan, work)


async def _widen_until_clean(replays: Replays, plan: RehearsalPlan, work: PastWork) -> None:
    """Adds dependencies until the work replays on what it waits for and nothing else.

    Git takes a file that moves into a new folder for a part of that folder's move, so a work may also need
    those that moved other files there before it.
    """
    for wider in (_moving_alike(plan, work), _all_earlier(plan, work)):
        if not await _conflicts_on_its_own(replays, plan, work):
            return
        _depend(plan, work, wider)


async def _conflicts_on_its_own(replays: Replays, plan: RehearsalPlan, work: PastWork) -> bool:
    """Tells whether the work conflicts where only what it waits for, directly or not, has landed."""
    dag, needed, open_ = plan.dag, set[BeadId](), [work.bead]
    while open_:
        found = set(dag.dependencies(open_.pop())) - needed
        needed |= found
        open_ += found
    tip = plan.base_tree
    for bead, other in plan.works.items():
        if bead in needed:
            tip = (await replays.on(other, tip)).tree
    return bool((await replays.on(work, tip)).conflicts)


@dataclass(slots=True, kw_only=True)
class _Trial:
    """A landing order tried in memory, as far as it went."""

    landed: list[BeadId] = field(default_factory=list[BeadId])
    missing: dict[BeadId, set[BeadId]] = field(default_factory=dict[BeadId, set[BeadId]])
    """Earlier beads that had not landed when a bead started."""
    conflicted: BeadId | None = None
    """The bead that ended it; None when all landed."""
    paths: set[str] = field(default_factory=set[str])
    """Paths that conflict, or at the end differ from history; empty when it came out as history has it."""
    lines: tuple[str, ...] = ()
    """A short diff from how it ended to history."""


async def _try_orders(objects: GitObjects, replays: Replays, plan: RehearsalPlan) -> None:
    """Lands the plan in memory in several orders and adds what is missing until all equal history."""
    for repair in range(_MOST_REPAIRS + 1):
        trial = await _first_failure(objects, replays, plan)
        if trial is None:
            return
        if repair < _MOST_REPAIRS:
            _repair(plan, trial)
    for before, after in pairwise(plan.works.values()):
        _depend(plan, after, (before.bead,))


async def _first_failure(objects: GitObjects, replays: Replays, plan: RehearsalPlan) -> _Trial | None:
    for seed in range(_TRIALS):
        trial = await _try(objects, replays, plan, seed)
        if trial.paths:
            return trial
    return None


async def _try(objects: GitObjects, replays: Replays, plan: RehearsalPlan, seed: int) -> _Trial:
    """Lands the plan in one order that it allows: seed 0 is the one least like history, others are random.

    Every bead starts, as in the engine, from the tip at some moment between the last bead that it waits for
    and its own landing: with seed 0 as soon as it can, else at once or just before it lands.
    """
    dag, trial, random = plan.dag, _Trial(), Random(seed)  # noqa: S311 - any order will do
    tip, started = plan.base_tree, dict[BeadId, Oid]()
    while len(trial.landed) < len(plan.works):
        ready = dag.ready(done=set(trial.landed), taken=set())
        bead = ready[-1] if seed == 0 else random.choice(ready)
        for one in ready:
            if one not in started and (one == bead or seed == 0 or random.random() < _STARTED_AT_ONCE):
                started[one] = tip
                trial.missing[one] = set(_all_earlier(plan, plan.works[one])) - set(trial.landed)
        made = await replays.on(plan.works[bead], started[bead])
        landed = await replays.merge(started[bead], tip, made.tree)
        if made.conflicts or landed.conflicts:
            trial.conflicted, trial.paths = bead, {*made.conflicts, *landed.conflicts}
            return trial
        tip = landed.tree
        trial.landed.append(bead)
    trial.paths = {change.path for change in await objects.diff_trees(tip, plan.expected_tree)}
    if trial.paths:
        trial.lines = await shown_difference(objects, tip, plan.expected_tree, trial.paths)
    return trial


def _repair(plan: RehearsalPlan, trial: _Trial) -> None:
    """Makes beads wait that went another way in the trial than in history, those nearest to what failed."""
    pairs = [
        (later, earlier)
        for later in plan.works
        for earlier in plan.works
        if earlier in trial.missing.get(later, ())
        and (trial.conflicted is None or trial.conflicted in (later, earlier))
    ]
    landed_at = {bead: at for at, bead in enumerate(trial.landed)}
    touching = [pair for pair in pairs if all(trial.paths & set(plan.works[bead].paths) for bead in pair)]
    overtaking = [pair for pair in touching if landed_at.get(pair[0], -1) < landed_at.get(pair[1], -1)]
    related = [pair for pair in pairs if pair[1] in _related(plan, plan.works[pair[0]])]
    for later, earlier in overtaking or touching or related or pairs:
        work = plan.works[later]
        if trial.conflicted is None:
            found = tuple(sorted(trial.paths & set(work.paths))) or tuple(sorted(trial.paths))
            plan.silent.append(SilentDifference(later, (earlier,), found, trial.lines))
        _depend(plan, work, (earlier,))


def _depend(plan: RehearsalPlan, work: PastWork, on: Iterable[BeadId]) -> None:
    known = {(dependency.bead, dependency.on) for dependency in plan.dependencies}
    for bead in on:
        if (work.bead, bead) not in known:
            plan.dependencies.append(Dependency(bead=work.bead, on=bead))


def _all_earlier(plan: RehearsalPlan, work: PastWork) -> tuple[BeadId, ...]:
    beads = list(plan.works)
    return tuple(beads[: beads.index(work.bead)])


def _earlier_on_same_paths(plan: RehearsalPlan, work: PastWork) -> tuple[BeadId, ...]:
    """Earlier beads that touch a path of this one, or a path above or below it (file ↔ folder)."""
    return _touching(plan, _all_earlier(plan, work), work.paths)


def _related(plan: RehearsalPlan, work: PastWork) -> tuple[BeadId, ...]:
    """Earlier beads whose merge with this one git may decide by more than what is in other files."""
    return (*_earlier_on_same_paths(plan, work), *_moving_alike(plan, work))


def _moving_alike(plan: RehearsalPlan, work: PastWork) -> tuple[BeadId, ...]:
    """Earlier beads that bring files into, or take them out of, a folder where this one does."""
    folders = work.folders_changed
    return tuple(bead for bead in _all_earlier(plan, work) if folders & plan.works[bead].folders_changed)


def _touching(plan: RehearsalPlan, beads: Iterable[BeadId], paths: Iterable[str]) -> tuple[BeadId, ...]:
    exact = set(paths)
    above = {parent for path in exact for parent in _folders(path)}

    def touches(bead: BeadId) -> bool:
        theirs = set(plan.works[bead].paths)
        return bool(theirs & (exact | above)) or any(
            parent in exact for path in theirs for parent in _folders(path)
        )

    return tuple(bead for bead in beads if touches(bead))


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
