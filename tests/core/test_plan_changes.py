"""Changes of a plan: what is taken, what is refused, and how each refusal says to mend it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead, Dependency
from gastown_desktop.core.errors import PlanRefused
from gastown_desktop.core.ids import BeadId, ConvoyId, RigId, bead_id
from gastown_desktop.core.plan import Ground, Plan, PlannedBead
from gastown_desktop.core.plan_changes import (
    MOST_BEADS,
    BeadEdits,
    DraftBead,
    PlanChange,
    add_bead,
    add_dependency,
    edit_bead,
    propose,
    remove_bead,
    remove_dependency,
)
from gastown_desktop.core.planned_values import MOST_FILES
from gastown_desktop.core.serialising import Generated, SerialisingFiles

PATHS = frozenset(
    {"a.py", "b.py", "src/c.py", "src/d.py", "CHANGES.md", "poetry.lock", "db/migrations/1.sql"}
)
RULES = SerialisingFiles(
    generated=(Generated(path="poetry.lock", command="poetry lock"),),
    union=("CHANGES.md",),
    serial=("db/migrations/*",),
)
GROUND = Ground(paths=PATHS, serialising=RULES)
EMPTY = Plan(rig=RigId("r"), convoy=ConvoyId("cv-1"), title="New")
A, B, C = BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-c")


def named(key: str) -> BeadId:
    return BeadId(f"gt-{key}")


def draft(key: str = "x", **fields: Any) -> DraftBead:
    given: dict[str, Any] = {"title": f"Do {key}", "acceptance": "It works.", "files": ("a.py",), **fields}
    return DraftBead(key=key, **given)


def planned(bead: BeadId, *, status: Any = "draft", slung: bool = False, **fields: Any) -> PlannedBead:
    given: dict[str, Any] = {"title": f"Do {bead}", "acceptance": "It works.", "files": ("a.py",), **fields}
    return PlannedBead(bead=Bead(id=bead, **given), status=status, slung=slung)


def plan(*beads: PlannedBead, stage: str = "draft", after: tuple[tuple[BeadId, BeadId], ...] = ()) -> Plan:
    return replace(
        EMPTY,
        stage=stage,
        beads={one.bead.id: one for one in beads},
        dependencies=tuple(Dependency(bead=bead, on=on) for bead, on in after),
    )


def proposed(*drafts: DraftBead, title: str = "Things", to: Plan = EMPTY) -> PlanChange:
    return propose(to, title, drafts, ground=GROUND, named=named)


# --- propose --------------------------------------------------------------------------------------


def test_a_proposal_gives_beads_ids_in_order_and_facts_to_tell() -> None:
    change = proposed(draft("a"), draft("b", files=("b.py",), after=("a",)), title="Two  things\u202e")
    assert change.beads == (A, B)
    assert list(change.plan.beads) == [A, B]
    assert change.plan.title == "Two things"
    assert [fact.kind for fact in change.facts] == [
        "convoy_retitled",
        "bead_added",
        "bead_added",
        "dependency_added",
    ]
    added = change.facts[1]
    assert isinstance(added, ev.BeadAdded)
    assert (added.status, added.files, added.acceptance) == ("draft", ("a.py",), "It works.")
    assert change.warnings == ()


def test_a_proposal_takes_the_place_of_drafts_and_of_nothing_else() -> None:
    before = plan(planned(A), planned(B, status="open"), after=((B, A),))
    change = proposed(draft("c"), to=before)
    assert list(change.plan.beads) == [B, C]
    assert [fact.kind for fact in change.facts] == ["convoy_retitled", "bead_removed", "bead_added"]


def test_a_staged_convoy_whose_plan_changes_is_a_draft_again() -> None:
    change = proposed(draft("a"), to=plan(planned(B), stage="staged"))
    assert change.facts[-1] == ev.ConvoyStageChanged(
        rig=EMPTY.rig, convoy=EMPTY.convoy, stage="draft", reason="The plan was changed."
    )


@pytest.mark.parametrize("stage", ["running", "paused", "ready_to_land", "landed"])
def test_a_launched_plan_is_not_replaced(stage: str) -> None:
    with pytest.raises(PlanRefused, match="cannot be replaced any more"):
        proposed(draft("a"), to=plan(planned(B), stage=stage))


def test_an_id_that_was_used_is_not_used_again() -> None:
    change = proposed(draft("a"), to=replace(EMPTY, gone=frozenset({A})))
    assert change.beads == (BeadId("gt-a'"),)


def test_the_same_keys_and_plan_give_the_same_ids() -> None:
    def seeded(key: str) -> BeadId:
        return bead_id("gt", f"cv-1 2 {key}")

    once, again = (propose(EMPTY, "T", [draft("a")], ground=GROUND, named=seeded) for _ in range(2))
    assert once == again


def test_a_new_file_of_one_bead_may_be_expected_by_another() -> None:
    first = draft("a", files=(), new_files=("src/new.py",))
    change = proposed(first, draft("b", files=("src/new.py",), after=("a",)))
    assert change.plan.beads[B].bead.files == ("src/new.py",)


LONG = "x" * 5_000
REFUSALS: list[tuple[tuple[DraftBead, ...], str]] = [
    ((), "no beads"),
    ((draft(title=" \u200b"),), "no title: say"),
    ((draft(title=LONG),), "shorten it"),
    ((draft(description=LONG),), "description of “Do x” has 5,000"),
    ((draft(acceptance=LONG),), "acceptance of “Do x” has 5,000"),
    ((draft(acceptance="\n"),), "no acceptance: say what shows"),
    ((draft(files=()),), "names no files"),
    (
        (draft(files=("gone.py",)),),
        "gone.py, which does not exist: correct the path, or put it into `new_files`",
    ),
    ((draft(files=("gone.py", "lost.py")),), "and 1 more"),
    ((draft(files=("src",)),), "is a folder: name the files"),
    ((draft(files=("src/",)),), "without"),
    ((draft(files=("src/*.py",)),), "looks like a pattern"),
    ((draft(files=("/etc/passwd",)),), "is absolute"),
    ((draft(files=("~/x",)),), "is absolute"),
    ((draft(files=("C:/x.py",)),), "is absolute"),
    ((draft(new_files=("../x.py",)),), "outside the repository"),
    ((draft(new_files=("src/../../x.py",)),), "outside the repository"),
    ((draft(new_files=(".git/config",)),), "outside the repository"),
    ((draft(new_files=("./x.py",)),), "without"),
    ((draft(new_files=("src//x.py",)),), "without"),
    ((draft(new_files=("",)),), "empty or longer"),
    ((draft(new_files=("y" * 401,)),), "empty or longer"),
    ((draft(new_files=("a\nb",)),), "control characters"),
    ((draft(new_files=("src",)),), "which is a folder"),
    ((draft(new_files=("a.py/x.py",)),), "a.py is a file"),
    ((draft(new_files=tuple(f"n{n}.py" for n in range(MOST_FILES))),), "at most 12 are taken: split it"),
    ((draft(size="L"),), "say in `why_large`"),
    ((draft(size="XL"),), "unknown size 'XL': use S, M or L"),
    ((draft(kind="epic"),), "unknown kind 'epic': use task"),
    ((draft(kind="resolve"),), "unknown kind"),
    ((draft(priority=5),), "priority 5: it goes from 0"),
    ((draft(priority=-1),), "priority -1"),
    ((draft("a"), draft("a", title="Other")), "Two beads have the key 'a'"),
    ((draft("a"), draft("b", title="do  A")), "is called “do A” already"),
    ((draft("a", after=("a",)),), "wait for itself"),
    ((draft("a", after=("z",)),), "unknown bead 'z': name one of a"),
    (
        (draft("a", after=("c",)), draft("b", after=("a",)), draft("c", after=("b",))),
        "gt-a “Do a” → gt-c “Do c” → gt-b “Do b” → gt-a “Do a”. Leave out one",
    ),
    (tuple(draft(f"n{n}", title=f"T{n}") for n in range(MOST_BEADS + 1)), "at most 200 are taken"),
]


@pytest.mark.parametrize(("drafts", "why"), REFUSALS, ids=[why[:40] for _, why in REFUSALS])
def test_a_proposal_that_makes_no_sense_is_refused_with_how_to_mend_it(
    drafts: tuple[DraftBead, ...], why: str
) -> None:
    with pytest.raises(PlanRefused) as refused:
        proposed(*drafts)
    assert why in str(refused.value)


def test_a_convoy_needs_a_title_too() -> None:
    with pytest.raises(PlanRefused, match="The convoy has no title"):
        proposed(draft("a"), title="")


def test_a_large_bead_says_why_in_its_description() -> None:
    change = proposed(draft("a", size="L", why_large="One\ntable.", description="Move it."))
    assert change.plan.beads[A].bead.description == "Move it.\n\nNot split because: One table."


def test_hidden_characters_do_not_get_into_a_bead() -> None:
    change = proposed(draft("a", title="Do\u202e it\x1b[0m", description="x\u200by\nz", acceptance="ok\x00"))
    bead = change.plan.beads[A].bead
    assert (bead.title, bead.description, bead.acceptance) == ("Do it[0m", "xy\nz", "ok")


# --- overlaps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "after", "warned"),
    [
        (("a.py",), (), True),
        (("b.py",), (), False),
        (("a.py",), ("a",), False),
        (("CHANGES.md", "b.py"), (), False),
        (("poetry.lock", "db/migrations/1.sql", "b.py"), (), False),
    ],
)
def test_two_beads_on_one_file_are_warned_of_unless_something_orders_or_settles_them(
    files: tuple[str, ...], after: tuple[str, ...], warned: bool
) -> None:
    shared = ("a.py", "CHANGES.md", "poetry.lock", "db/migrations/1.sql")
    change = proposed(draft("a", files=shared), draft("b", files=files, after=after))
    expected = ("gt-a and gt-b both expect a.py: add a dependency or split them.",) if warned else ()
    assert change.warnings == expected


def test_a_dependency_by_way_of_another_bead_orders_two_as_well() -> None:
    third = draft("c", files=("a.py",), after=("b",))
    change = proposed(draft("a"), draft("b", files=("b.py",), after=("a",)), third)
    assert change.warnings == ()


def test_many_pairs_are_counted() -> None:
    change = proposed(*(draft(f"n{n}") for n in range(6)))
    assert len(change.warnings) == 11
    assert change.warnings[-1] == "5 more pairs of beads expect the same files."


# --- one bead -------------------------------------------------------------------------------------


def test_a_bead_is_added_behind_others_also_while_the_convoy_runs() -> None:
    change = add_bead(
        plan(planned(B, status="merged"), stage="running"), draft("c", after=("gt-b",)), GROUND, named
    )
    assert change.plan.beads[C].status == "draft"
    assert [fact.kind for fact in change.facts] == ["bead_added", "dependency_added"]


@pytest.mark.parametrize("stage", ["landed", "abandoned"])
def test_a_convoy_that_is_over_takes_no_changes(stage: str) -> None:
    over = plan(planned(A), stage=stage)
    changes = (
        lambda: add_bead(over, draft("c"), GROUND, named),
        lambda: edit_bead(over, A, BeadEdits(title="x"), GROUND),
        lambda: remove_bead(over, A, GROUND),
        lambda: add_dependency(over, A, A, "blocks", GROUND),
    )
    for change in changes:
        with pytest.raises(PlanRefused, match="another convoy"):
            change()


def test_an_edit_tells_only_what_is_different() -> None:
    edits = BeadEdits(title="Do it well", priority=0, size="M", kind="bug", new_files=("n.py",))
    change = edit_bead(plan(planned(A), planned(B)), A, edits, GROUND)
    (fact,) = change.facts
    assert fact == ev.BeadEdited(
        rig=EMPTY.rig,
        convoy=EMPTY.convoy,
        bead=A,
        title="Do it well",
        priority=0,
        type="bug",
        files=("a.py", "n.py"),
    )


@pytest.mark.parametrize(
    ("bead", "edits", "why"),
    [
        ("gt-z", BeadEdits(title="x"), "no bead 'gt-z' in this plan: its beads are gt-a, gt-b"),
        ("gt-a", BeadEdits(), "says all that already"),
        ("gt-a", BeadEdits(title="DO gt-b"), "gt-b is called"),
        ("gt-a", BeadEdits(files=("gone.py",)), "does not exist"),
        ("gt-a", BeadEdits(files=()), "names no files"),
        ("gt-a", BeadEdits(acceptance=" "), "no acceptance"),
        ("gt-a", BeadEdits(size="L"), "why_large"),
        ("gt-a", BeadEdits(priority=9), "priority 9"),
        ("gt-a", BeadEdits(kind="decision"), "unknown kind"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(bead: str, edits: BeadEdits, why: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        edit_bead(plan(planned(A), planned(B)), BeadId(bead), edits, GROUND)
    assert why in str(refused.value)


@pytest.mark.parametrize("status", ["hooked", "submitted", "merged", "landed", "blocked", "failed"])
def test_what_a_bead_says_does_not_change_once_somebody_began_it(status: Any) -> None:
    begun = plan(planned(A, status=status, slung=True), stage="running")
    with pytest.raises(PlanRefused, match="Add another bead"):
        edit_bead(begun, A, BeadEdits(title="x"), GROUND)


def test_a_large_bead_stays_large_without_saying_why_again() -> None:
    change = edit_bead(plan(planned(A, size="L")), A, BeadEdits(title="x"), GROUND)
    assert change.plan.beads[A].bead.size == "L"


def test_a_bead_is_taken_out_with_its_dependencies_in_one_fact() -> None:
    change = remove_bead(plan(planned(A), planned(B), planned(C), after=((B, A), (C, B))), B, GROUND)
    assert change.facts == (ev.BeadRemoved(rig=EMPTY.rig, convoy=EMPTY.convoy, bead=B),)
    assert change.plan.dependencies == ()
    with pytest.raises(PlanRefused, match="only the user can drop it"):
        remove_bead(plan(planned(A, status="open"), stage="running"), A, GROUND)


# --- dependencies ---------------------------------------------------------------------------------


def test_a_dependency_comes_and_goes() -> None:
    both = plan(planned(A), planned(B, files=("b.py",)))
    change = add_dependency(both, B, A, "merge-blocks", GROUND)
    assert [fact.kind for fact in change.facts] == ["dependency_added"]
    back = remove_dependency(change.plan, B, A, GROUND)
    assert [fact.kind for fact in back.facts] == ["dependency_removed"]
    assert back.plan == both


@pytest.mark.parametrize(
    ("bead", "on", "kind", "why"),
    [
        (A, A, "blocks", "wait for itself"),
        (A, B, "blocks", "→"),
        (B, A, "blocks", "already"),
        (B, A, "related", "already"),
        (A, C, "hates", "no kind of dependency: use blocks"),
        (A, BeadId("gt-z"), "blocks", "no bead 'gt-z'"),
        (BeadId("gt-\u202ez"), A, "blocks", "no bead 'gt-z'"),
    ],
)
def test_a_dependency_that_makes_no_sense_is_refused(bead: BeadId, on: BeadId, kind: str, why: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        add_dependency(plan(planned(A), planned(B), planned(C), after=((B, A),)), bead, on, kind, GROUND)
    assert why in str(refused.value)


def test_what_only_tells_may_go_round() -> None:
    change = add_dependency(plan(planned(A), planned(B), after=((B, A),)), A, B, "related", GROUND)
    assert len(change.plan.dependencies) == 2


def test_a_dependency_that_is_not_there_cannot_go() -> None:
    with pytest.raises(PlanRefused, match="it depends on gt-a"):
        remove_dependency(plan(planned(A), planned(B), planned(C), after=((B, A),)), B, C, GROUND)


def test_what_a_bead_waits_for_is_fixed_once_it_may_begin() -> None:
    running = plan(planned(A, status="open"), planned(B, status="open"), planned(C), stage="running")
    with pytest.raises(PlanRefused, match="cannot change any more"):
        add_dependency(running, B, A, "blocks", GROUND)
    assert add_dependency(running, C, A, "blocks", GROUND).facts
