from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.core.bead import DEPENDENCY_KINDS, WAITING_KINDS, Dependency, DependencyKind
from gastown_desktop.core.convoy import ConvoyStage, Dag, may_become
from gastown_desktop.core.errors import ConvoyError, DependencyCycle
from gastown_desktop.core.ids import BeadId


def beads(names: str) -> list[BeadId]:
    return [BeadId(name) for name in names]


def waits(bead: str, on: str, kind: DependencyKind = "blocks") -> Dependency:
    return Dependency(bead=BeadId(bead), on=BeadId(on), kind=kind)


def dag(names: str, *pairs: str) -> Dag:
    """A DAG of one-letter beads; "ba" says that b waits for a."""
    return Dag(beads(names), [waits(pair[0], pair[1]) for pair in pairs])


def spelt(groups: list[list[BeadId]]) -> list[str]:
    return ["".join(group) for group in groups]


DIAMOND = dag("abcde", "ba", "ca", "db", "dc")


def test_waves_of_a_diamond() -> None:
    assert spelt(DIAMOND.waves()) == ["ae", "bc", "d"]


def test_no_beads_make_no_waves() -> None:
    assert dag("").waves() == []
    assert dag("").critical_path() == []


def test_beads_keep_the_order_in_which_they_were_given() -> None:
    assert spelt(dag("zya", "az").waves()) == ["zy", "a"]


def test_a_cycle_is_refused_with_its_path() -> None:
    with pytest.raises(DependencyCycle) as cycle:
        dag("abcd", "ba", "cb", "bd", "dc")
    assert cycle.value.path == ("b", "d", "c", "b")


def test_a_bead_that_waits_for_itself_is_a_cycle() -> None:
    with pytest.raises(DependencyCycle) as cycle:
        dag("a", "aa")
    assert cycle.value.path == ("a", "a")


def test_an_edit_that_closes_a_cycle_is_refused_and_changes_nothing() -> None:
    with pytest.raises(DependencyCycle):
        DIAMOND.with_dependency(waits("a", "d"))
    assert spelt(DIAMOND.waves()) == ["ae", "bc", "d"]


def test_a_dependency_taken_away_frees_its_bead() -> None:
    freed = DIAMOND.with_dependency(waits("e", "d")).without_dependency(waits("b", "a"))
    assert spelt(freed.waves()) == ["ab", "c", "d", "e"]


def test_waiting_for_a_bead_outside_the_convoy_is_refused() -> None:
    with pytest.raises(ConvoyError, match="x is not in this convoy"):
        dag("a", "ax")


def test_kinds_that_only_tell_order_nothing() -> None:
    telling = [kind for kind in DEPENDENCY_KINDS if kind not in WAITING_KINDS]
    told = Dag(
        beads("ab"), [waits("a", "b", kind) for kind in telling] + [waits("b", "elsewhere", "related")]
    )
    assert spelt(told.waves()) == ["ab"]
    assert len(told.all_dependencies) == 4


def test_neighbours() -> None:
    assert DIAMOND.dependencies(BeadId("d")) == ("b", "c")
    assert DIAMOND.dependants(BeadId("a")) == ("b", "c")
    assert DIAMOND.independent == 2


@pytest.mark.parametrize(
    ("done", "taken", "failed", "ready"),
    [
        ("", "", "", "ae"),
        ("", "a", "", "e"),
        ("a", "e", "", "bc"),
        ("abe", "c", "", ""),
        ("abce", "", "", "d"),
        ("a", "e", "b", "c"),
        ("abcde", "", "", ""),
    ],
)
def test_ready_beads(done: str, taken: str, failed: str, ready: str) -> None:
    assert DIAMOND.ready(set(beads(done)), set(beads(taken)), set(beads(failed))) == beads(ready)


def test_a_failed_bead_frees_only_what_waits_for_its_failure() -> None:
    plan = Dag(beads("abc"), [waits("b", "a", "conditional"), waits("c", "a", "merge-blocks")])
    assert plan.ready(set(), {BeadId("a")}) == []
    assert plan.ready(set(), set(), {BeadId("a")}) == beads("b")
    assert plan.ready({BeadId("a")}, set()) == beads("c")
    assert plan.unneeded({BeadId("a")}) == beads("b")
    assert plan.unneeded(set()) == []


def test_critical_path_counts_beads_or_weighs_them() -> None:
    plan = dag("abcx", "ba", "cb")
    assert plan.critical_path() == beads("abc")
    heavy = {BeadId("a"): 1.0, BeadId("b"): 1.0, BeadId("c"): 1.0, BeadId("x"): 5.0}
    assert plan.critical_path(heavy) == beads("x")
    assert plan.remaining() == {"a": 3, "b": 2, "c": 1, "x": 1}


def test_stages() -> None:
    stages: tuple[ConvoyStage, ...] = get_args(ConvoyStage)
    assert [then for then in stages if may_become("staged", then)] == [
        "draft",
        "staged",
        "running",
        "abandoned",
    ]
    assert [now for now in stages if may_become(now, "landed")] == ["running", "ready_to_land", "landed"]
    assert [then for then in stages if may_become("abandoned", then)] == ["abandoned"]


NAMES = "abcdefgh"
edges = st.builds(
    waits, st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(sorted(DEPENDENCY_KINDS))
)


@given(st.lists(st.tuples(st.booleans(), edges), max_size=40))
@settings(deadline=None)
def test_no_sequence_of_edits_makes_a_cycle(edits: list[tuple[bool, Dependency]]) -> None:
    plan = dag(NAMES)
    for add, dependency in edits:
        if not add:
            plan = plan.without_dependency(dependency)
            continue
        try:
            plan = plan.with_dependency(dependency)
        except DependencyCycle as refused:
            assert_is_a_cycle(refused.path, [*plan.all_dependencies, dependency])
    assert_waves_are_sound(plan)


def assert_is_a_cycle(path: tuple[str, ...], dependencies: list[Dependency]) -> None:
    steps = {(edge.bead, edge.on) for edge in dependencies if edge.kind in WAITING_KINDS}
    assert path[0] == path[-1]
    assert len(set(path)) == len(path) - 1 >= 1
    assert all(step in steps for step in pairwise(path))


def assert_waves_are_sound(plan: Dag) -> None:
    wave_of = {bead: index for index, wave in enumerate(plan.waves()) for bead in wave}
    assert sorted(bead for wave in plan.waves() for bead in wave) == sorted(plan.beads)
    for bead in plan.beads:
        assert all(wave_of[bead] > wave_of[on] for on in plan.dependencies(bead))
    chain = plan.critical_path()
    assert len(chain) == len(plan.waves())
    assert all(on in plan.dependencies(bead) for on, bead in pairwise(chain))


@given(st.lists(edges, max_size=20))
@settings(deadline=None)
def test_working_on_what_is_ready_finishes_every_bead(wanted: list[Dependency]) -> None:
    plan = dag(NAMES)
    for dependency in wanted:
        if dependency.kind != "conditional" and dependency.bead > dependency.on:
            plan = plan.with_dependency(dependency)
    done: set[BeadId] = set()
    while ready := plan.ready(done, set()):
        done.update(ready)
    assert done == set(plan.beads)
