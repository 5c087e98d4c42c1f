from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import ConvoyError
from gastown_desktop.core.fleet import (
    EVERY_SIZE,
    FLEET_SIZES,
    FleetSize,
    Work,
    expected_gate_runs,
    fit,
    knee,
    makespan,
    speed_up_curve,
)
from gastown_desktop.core.ids import BeadId


def town(seconds: list[float], waits: list[tuple[int, int]]) -> tuple[list[Work], Dag]:
    """Numbered beads; (3, 1) says that bead 3 waits for bead 1."""
    names = [BeadId(str(number)) for number in range(len(seconds))]
    works = [Work(bead=name, seconds_before_gate=length) for name, length in zip(names, seconds, strict=True)]
    edges = [Dependency(bead=names[bead], on=names[on]) for bead, on in waits]
    return works, Dag(names, edges)


@st.composite
def towns(draw: st.DrawFn) -> tuple[list[Work], Dag]:
    seconds = draw(st.lists(st.integers(1, 60).map(float), min_size=1, max_size=14))
    pairs = st.tuples(st.integers(0, len(seconds) - 1), st.integers(0, len(seconds) - 1))
    waits = (
        draw(st.lists(pairs.filter(lambda pair: pair[0] > pair[1]), max_size=20)) if len(seconds) > 1 else []
    )
    return town(seconds, waits)


def seconds_of(works: list[Work]) -> dict[BeadId, float]:
    return {work.bead: work.seconds for work in works}


def curve_of(works: list[Work], dag: Dag) -> list[FleetSize]:
    return speed_up_curve(works, dag, merge_s=0, gate_s=0, sizes=EVERY_SIZE)


def made_curve(*speedups: float) -> list[FleetSize]:
    return [
        FleetSize(workers=workers, makespan_s=1 / speedup, speedup=speedup)
        for workers, speedup in enumerate(speedups, 1)
    ]


speeds = {"merge_s": st.floats(0, 2), "gate_s": st.floats(0, 20), "failure_rate": st.floats(0, 0.5)}


@given(towns(), st.fixed_dictionaries(speeds))
@settings(deadline=None)
def test_more_workers_are_never_slower(plan: tuple[list[Work], Dag], speed: dict[str, float]) -> None:
    spans = [size.makespan_s for size in speed_up_curve(*plan, **speed, sizes=range(1, 9))]
    assert spans == sorted(spans, reverse=True)


@given(towns(), st.fixed_dictionaries(speeds), st.integers(1, 6))
@settings(deadline=None)
def test_no_fleet_beats_the_critical_path(
    plan: tuple[list[Work], Dag], speed: dict[str, float], workers: int
) -> None:
    works, dag = plan
    landing = speed["merge_s"] + speed["gate_s"]
    chain = dag.critical_path({bead: seconds + landing for bead, seconds in seconds_of(works).items()})
    shortest = sum(seconds_of(works)[bead] + landing for bead in chain)
    assert makespan(works, dag, workers, **speed) >= shortest - 1e-6


@given(towns())
@settings(deadline=None)
def test_one_worker_takes_the_sum_of_the_works_when_landing_takes_no_time(
    plan: tuple[list[Work], Dag],
) -> None:
    works, dag = plan
    assert makespan(works, dag, 1, merge_s=0, gate_s=0) == sum(seconds_of(works).values())


@given(towns(), st.floats(0, 2), st.floats(0, 20))
@settings(deadline=None)
def test_one_worker_takes_the_works_and_at_most_one_landing_each(
    plan: tuple[list[Work], Dag], merge_s: float, gate_s: float
) -> None:
    works, dag = plan
    work_s = sum(seconds_of(works).values())
    span = makespan(works, dag, 1, merge_s=merge_s, gate_s=gate_s)
    assert work_s + merge_s + gate_s - 1e-6 <= span <= work_s + len(works) * (merge_s + gate_s) + 1e-6


def test_a_chain_takes_every_work_and_every_landing() -> None:
    works, dag = town([10, 20, 30], [(1, 0), (2, 1)])
    assert makespan(works, dag, 8, merge_s=1, gate_s=5) == 60 + 3 * 6


def test_all_that_waits_lands_with_one_gate_run() -> None:
    works, dag = town([10, 12, 13], [])
    assert makespan(works, dag, 3, merge_s=1, gate_s=5) == 10 + (1 + 5) + (2 + 5)


def test_a_worker_is_busy_during_its_own_test_run() -> None:
    _, dag = town([0], [])
    work = Work(bead=dag.beads[0], seconds_before_gate=7, gate_s=3)
    assert makespan([work], dag, 1, merge_s=0, gate_s=0) == 10


def test_the_longest_chain_is_started_first() -> None:
    works, dag = town([10, 10, 10, 10], [(3, 2)])
    assert makespan(works, dag, 2, merge_s=0, gate_s=0) == 20


def test_a_bead_that_runs_only_after_a_failure_does_not_run() -> None:
    works, dag = town([10, 50, 70], [(2, 1)])
    dag = dag.with_dependency(Dependency(bead=dag.beads[1], on=dag.beads[0], kind="conditional"))
    assert makespan(works, dag, 2, merge_s=0, gate_s=0) == 10


def test_durations_must_be_those_of_the_convoy() -> None:
    works, dag = town([1, 2], [])
    with pytest.raises(ConvoyError):
        makespan(works[:1], dag, 1, merge_s=0, gate_s=0)


def test_a_fleet_has_workers() -> None:
    with pytest.raises(ValueError):
        makespan(*town([1], []), 0, merge_s=0, gate_s=0)


def test_failing_candidates_cost_gate_runs_and_executors_save_them() -> None:
    assert expected_gate_runs(8, 0) == 1
    assert expected_gate_runs(1, 0.1) == pytest.approx(1.1)
    assert expected_gate_runs(8, 0.05) > expected_gate_runs(8, 0.05, executors=3) > 1


def test_the_curve_has_the_sizes_of_the_report() -> None:
    curve = speed_up_curve(*town([10.0] * 30, []), merge_s=0, gate_s=0)
    assert tuple(size.workers for size in curve) == FLEET_SIZES
    assert [round(size.speedup, 2) for size in curve] == [1, 2, 3.75, 7.5, 15, 30]


def test_the_curve_and_the_makespan_agree() -> None:
    works, dag = town([7, 3, 9, 4, 6, 2], [(3, 0), (4, 1), (5, 1)])
    curve = speed_up_curve(works, dag, merge_s=1, gate_s=2, executors=2, failure_rate=0.1, sizes=(2, 3))
    assert [size.makespan_s for size in curve] == [
        makespan(works, dag, size.workers, merge_s=1, gate_s=2, executors=2, failure_rate=0.1)
        for size in curve
    ]


def test_one_worker_more_never_hurts_where_list_scheduling_alone_would() -> None:
    works, dag = town([3, 2, 2, 2, 4, 4, 4, 4, 9], [(4, 3), (5, 3), (6, 3), (7, 3), (8, 0)])
    spans = [makespan(works, dag, size, merge_s=0, gate_s=0) for size in (2, 3, 4, 5)]
    assert spans == sorted(spans, reverse=True)


def test_no_work_is_as_fast_with_any_fleet() -> None:
    assert {size.speedup for size in curve_of(*town([], []))} == {1.0}


@pytest.mark.parametrize(
    ("speedups", "expected"),
    [
        ((1.0,), 1),
        ((1.0, 1.0, 1.0), 1),
        ((1.0, 1.9, 1.95, 1.96), 2),
        ((1.0, 2.0, 3.0, 3.0, 3.0, 6.0), 6),
        ((1.0, 1.9, 2.7, 3.3, 3.8, 4.1, 4.2, 4.25, 4.26), 6),
    ],
)
def test_knee(speedups: tuple[float, ...], expected: int) -> None:
    assert knee(made_curve(*speedups)) == expected


def test_an_empty_curve_has_no_knee() -> None:
    with pytest.raises(ValueError):
        knee([])


def test_independent_beads_are_fit_for_a_fleet() -> None:
    works, dag = town([60.0] * 24, [])
    found = fit(works, dag, curve_of(works, dag))
    assert (found.verdict, found.knee) == ("parallel", 24)
    assert found.reasons == (
        "24 of 24 beads wait for nothing.",
        "The longest chain has 1 bead and takes 60 s of 1,440 s of work.",
        "24 workers are 24.0 times as fast as one; above that you pay for waiting.",
    )


def test_a_chain_is_serial_and_names_the_files_in_the_way() -> None:
    works, dag = town([60.0] * 5, [(number + 1, number) for number in range(4)])
    found = fit(works, dag, curve_of(works, dag), ["CHANGES.rst", "setup.py"])
    assert (found.verdict, found.knee) == ("serial", 1)
    assert found.reasons[2].startswith("1 worker is 1.0 times")
    assert found.reasons[3] == "2 files in the way: CHANGES.rst, setup.py."


def test_four_chains_are_partly_parallel() -> None:
    works, dag = town([60.0] * 16, [(number, number - 4) for number in range(4, 16)])
    assert fit(works, dag, curve_of(works, dag)).verdict == "partly"
