from __future__ import annotations

from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.engine.git_ports import REGULAR, TreeChange
from gastown_desktop.engine.plan_kinds import dag_of, dependencies_of
from gastown_desktop.engine.rehearsal_plan import RehearsalPlan
from gastown_desktop.engine.replay import PastWork

OID = Oid("0" * 40)


def work(name: str, *paths: str) -> PastWork:
    changes = tuple(TreeChange(path, 0, None, REGULAR, OID) for path in paths)
    return PastWork(
        bead=BeadId(name), commit=OID, subject=name, body="", tree=OID, before=OID, changes=changes
    )


def plan() -> RehearsalPlan:
    works = [work("a", "x"), work("b", "x", "y"), work("c", "y"), work("d", "z")]
    return RehearsalPlan(
        base=OID,
        tip=OID,
        base_tree=OID,
        expected_tree=OID,
        works={one.bead: one for one in works},
        dependencies=[Dependency(bead=BeadId("c"), on=BeadId("b"))],
    )


def test_true_plan_waits_for_what_was_found() -> None:
    assert dependencies_of(plan(), "true") == [Dependency(bead=BeadId("c"), on=BeadId("b"))]


def test_predicted_plan_waits_for_earlier_beads_on_the_same_files() -> None:
    found = {(one.bead, one.on) for one in dependencies_of(plan(), "predicted")}
    assert found == {("b", "a"), ("c", "b")}


def test_plan_none_starts_everything_at_once() -> None:
    assert dag_of(plan(), "none").independent == 4


def test_files_whose_lines_are_kept_from_both_sides_keep_nobody_waiting() -> None:
    files = {path for work in plan().works.values() for path in work.paths}
    rules = SerialisingFiles(union=tuple(files))
    assert dependencies_of(plan(), "predicted", rules) == []
    assert dependencies_of(plan(), "true", rules) == dependencies_of(plan(), "true")
