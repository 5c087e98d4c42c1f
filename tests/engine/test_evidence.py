"""Figures of the evidence report: the same for machine and person, whatever became of the rehearsal."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.evidence import as_markdown
from gastown_desktop.engine.rehearsal import RehearsalSettings, StoredRehearsal
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan
from gastown_desktop.engine.rehearsal_result import (
    DOES_NOT_HOLD,
    HOLDS,
    NEEDS_YOU,
    RunMeasured,
    exit_code,
    result_of,
)
from tests.builders import RepositoryBuilder
from tests.engine.past import plan_of, take
from tests.fakes.town import CONVOY, FakeTown, found_town


class Rehearsed:
    """A plan, and a town that tells of it."""

    def __init__(self, town: FakeTown, plan: RehearsalPlan) -> None:
        self.town = town
        self.plan = plan

    async def add_all(self) -> None:
        for bead in self.plan.works:
            await self.town.add(bead)

    async def gate_runs(self, *seconds: float) -> None:
        for one in seconds:
            await self.town.bus.publish(
                ev.GateRun(**self.town.where, gate="check", tree=self.plan.base_tree, green=True, seconds=one)
            )

    async def work(self, beads: Iterable[BeadId], *, seconds: float = 60.0, merged: bool = True) -> None:
        """Beads that each keep a worker so long, one after the other."""
        for bead in beads:
            await self.town.submit(bead, **{f"{bead[3:]}_txt": "x\n"})
            self.town.clock.elapsed_s += seconds
            await self.town.bus.publish(
                ev.TurnEnded(
                    **self.town.where,
                    polecat=self.town.bus.state.merges[ev.MergeId(f"{bead}.1")].polecat,
                    bead=bead,
                    turn=1,
                    hook=self.town.base,
                    cost=1_000,
                    prompt_tokens=1_000,
                    output_tokens=int(70 * seconds),
                )
            )
            if merged:
                await self.town.bus.publish(
                    ev.BeadMerged(
                        **self.town.where,
                        bead=bead,
                        merge=ev.MergeId(f"{bead}.1"),
                        commit=self.town.base,
                        tree=self.plan.base_tree,
                    )
                )

    def result(
        self, *, equal: bool = True, untouched: bool = True, real_pace: bool = False
    ) -> dict[str, Any]:
        settings = RehearsalSettings(
            polecats=6, gates=(), cap=5_000_000_000, real_pace=real_pace, model="claude-haiku-5-5"
        )
        return result_of(
            self.town.bus.state,
            StoredRehearsal(convoy=CONVOY, plan=self.plan, mechanical={}, settings=settings),
            self.plan.expected_tree if equal else None,
            self.town.gate,
            RunMeasured(
                elapsed_s=1.0,
                cpu_self_s=0.5,
                cpu_git_s=0.1,
                cpu_tools_s=0.1,
                peak_mb=100.0,
                user_repo_untouched=untouched,
                sandbox="fake",
            ),
            0,
        )


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo")
    repo.write("a.txt", "a\n").commit("Start")
    return repo


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.gate.set_cap(f"convoy:{CONVOY}", NanoUsd(5_000_000_000))
    return town


async def rehearsed(town: FakeTown, repo: RepositoryBuilder, town_git: Path) -> Rehearsed:
    made = Rehearsed(town, await plan_of(town.objects, take(repo, town_git)))
    await made.add_all()
    return made


def independent(repo: RepositoryBuilder, beads: int) -> None:
    for number in range(beads):
        repo.write(f"{number}.txt", "x\n").commit(f"Work {number}")


def chained(repo: RepositoryBuilder, beads: int) -> None:
    for number in range(beads):
        repo.write("a.txt", f"{number}\n").commit(f"Work {number}")


def finite(value: Any) -> bool:
    """Tells whether no number in a JSON value is infinite or none at all."""
    if isinstance(value, dict):
        return all(finite(one) for one in value.values())
    if isinstance(value, list | tuple):
        return all(finite(one) for one in value)
    return not isinstance(value, float) or math.isfinite(value)


def check_both_forms(result: dict[str, Any]) -> str:
    """Reads the report against the result; returns the report."""
    assert finite(result)
    assert json.loads(json.dumps(result)) is not None
    report = as_markdown(result)
    fit = result["fit"]
    assert report.startswith(f"# Rehearsal: fit {fit['verdict']}\n")
    assert f"Above {fit['knee']} workers" in report
    for reason in fit["reasons"]:
        assert f"- {reason}" in report
    for size in result["fleet_sizes"]:
        assert f"| {size['workers']} |" in report
        assert f"| {size['speedup']:.2f} × |" in report
    assert fit["verdict"] == ("parallel" if fit["knee"] >= 6 else "partly" if fit["knee"] >= 3 else "serial")
    assert result["fleet_sizes"][0]["speedup"] == 1.0
    speedups = [size["speedup"] for size in result["fleet_sizes"]]
    assert speedups == sorted(speedups)
    return report


async def test_independent_work_is_fit_for_a_fleet(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 8)
    made = await rehearsed(town, repo, town_git)
    await made.gate_runs(1.0, 3.0)
    await made.work(made.plan.works)
    result = made.result()
    check_both_forms(result)
    assert result["fit"]["verdict"] == "parallel"
    assert (result["beads"], result["merged"], result["independent"]) == (8, 8, 8)
    assert exit_code(result) == HOLDS


async def test_work_in_one_chain_is_fit_for_one_worker(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    chained(repo, 5)
    made = await rehearsed(town, repo, town_git)
    await made.work(made.plan.works)
    result = made.result()
    report = check_both_forms(result)
    assert (result["fit"]["verdict"], result["fit"]["knee"]) == ("serial", 1)
    assert result["critical_path"] == 5
    assert "`a.txt`: 5 beads" in report
    assert result["proposed_config"] == ""


async def test_a_lock_file_that_many_beads_touch_is_proposed_as_generated(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    repo.write("uv.lock", "0\n").write("CHANGES.md", "0\n").commit("Start")
    for number in range(3):
        repo.write("uv.lock", f"{number + 1}\n").write("CHANGES.md", f"{number + 1}\n").commit(f"Do {number}")
    made = await rehearsed(town, repo, town_git)
    await made.work(made.plan.works)
    result = made.result()
    assert tomllib.loads(result["proposed_config"]) == {
        "union": ["CHANGES.md"],
        "generated": [{"path": "uv.lock", "command": "uv lock --offline"}],
    }
    assert result["proposed_config"].splitlines()[0] in check_both_forms(result)


async def test_a_gate_in_quarantine_is_a_row_of_the_report(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 2)
    made = await rehearsed(town, repo, town_git)
    await made.work(made.plan.works)
    run = ev.GateRun(
        **town.where,
        gate="a|b",
        tree=made.plan.base_tree,
        green=True,
        seconds=1.0,
        known_runs=10,
        known_flips=2,
    )
    judged = ev.GateJudged(**town.where, sees=True, base_green=True, seeing=("a|b",))
    await town.bus.publish(run, judged)
    result = made.result()
    assert result["gates"] == [
        {
            "name": "a|b",
            "sees": True,
            "runs": 1,
            "known_runs": 10,
            "flips": 2,
            "flake_rate": 0.125,
            "reds_needed": 8,
            "quarantined": True,
        }
    ]
    report = check_both_forms(result)
    assert "| a\\|b | yes | 2 of 10 runs | yes: 8 reds in a row count |" in report


async def test_answers_from_memory_keep_the_gate_s_time(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 4)
    made = await rehearsed(town, repo, town_git)
    known = ev.GateRun(
        **town.where,
        gate="g",
        tree=made.plan.base_tree,
        green=True,
        seconds=0.0,
        cached=True,
        saved_s=500.0,
    )
    await town.bus.publish(known)
    await made.work(made.plan.works)
    result = made.result()
    assert (result["gate_runs"], result["gate_cached"]) == (0, 1)
    assert "nothing was tested" not in check_both_forms(result)
    assert result["fleet_sizes"][0]["makespan_s"] > 700


@pytest.mark.parametrize("real_pace", [True, False])
async def test_one_bead_divides_nothing_by_zero(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path, real_pace: bool
) -> None:
    independent(repo, 1)
    made = await rehearsed(town, repo, town_git)
    await made.work(made.plan.works, seconds=0.0)
    result = made.result(real_pace=real_pace)
    check_both_forms(result)
    assert result["fit"]["verdict"] == "serial"


async def test_without_gates_the_report_says_that_nothing_was_tested(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 2)
    made = await rehearsed(town, repo, town_git)
    await made.work(made.plan.works)
    assert "nothing was tested" in check_both_forms(made.result())


async def test_a_red_base_is_said(town: FakeTown, repo: RepositoryBuilder, town_git: Path) -> None:
    independent(repo, 2)
    made = await rehearsed(town, repo, town_git)
    await town.bus.publish(ev.GateJudged(**town.where, sees=False, base_green=False, reason="check is red"))
    await made.work(made.plan.works)
    assert "Rehearsed without gates, as check is red" in check_both_forms(made.result())


async def test_a_rehearsal_in_which_nothing_happened_is_reported(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 3)
    made = await rehearsed(town, repo, town_git)
    result = made.result(equal=False, real_pace=True)
    assert "✘ not equal" in check_both_forms(result)
    assert (result["merged"], result["landed_tree"]) == (0, None)
    assert exit_code(result) == DOES_NOT_HOLD


async def test_a_rehearsal_that_stopped_half_way_says_what_waits(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 3)
    made = await rehearsed(town, repo, town_git)
    first, second, third = made.plan.works
    await made.work([first])
    await made.work([second], merged=False)
    await town.bus.publish(
        ev.NeedsYou(**town.where, item="x", about="question", text="Which colour?", bead=third)
    )
    result = made.result(equal=False)
    report = check_both_forms(result)
    assert f"- {third}: Which colour?" in report
    assert result["merged"] == 1
    assert exit_code(result) == NEEDS_YOU


async def test_a_repository_that_changed_meanwhile_does_not_hold(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    independent(repo, 2)
    made = await rehearsed(town, repo, town_git)
    await made.work(made.plan.works)
    assert exit_code(made.result(untouched=False)) == DOES_NOT_HOLD


async def test_a_bead_that_went_back_counts_no_negative_time(
    town: FakeTown, repo: RepositoryBuilder, town_git: Path
) -> None:
    """Its last start is later than its last submission."""
    independent(repo, 1)
    made = await rehearsed(town, repo, town_git)
    (bead,) = made.plan.works
    await made.work([bead], merged=False)
    await town.bus.publish(ev.BeadReopened(**town.where, bead=bead, reason="red"))
    town.clock.elapsed_s += 60
    slung = ev.BeadSlung(
        **town.where, bead=bead, polecat=ev.PolecatName("Nux"), epoch=2, base=town.base, branch="b"
    )
    await town.bus.publish(slung)
    result = made.result(equal=False, real_pace=True)
    check_both_forms(result)
    assert all(size["makespan_s"] >= 0 for size in result["fleet_sizes"])
