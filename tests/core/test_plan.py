"""Plans and the facts between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead, Dependency
from gastown_desktop.core.event_lines import decode, encode
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, RigId
from gastown_desktop.core.plan import Plan, PlannedBead, facts_between, plan_text, untold
from gastown_desktop.core.projection import Projection, fold

WHERE: Any = {"rig": RigId("r"), "convoy": ConvoyId("cv-1")}
AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
NAMES = [BeadId(f"gt-{name}") for name in "abcde"]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True))
    beads = {
        name: PlannedBead(
            bead=Bead(
                id=name,
                title=draw(st.sampled_from(["One", "Two"])),
                files=tuple(draw(st.lists(st.sampled_from(["a.py", "b.py"]), unique=True))),
                priority=draw(st.integers(0, 4)),
                model=draw(st.sampled_from([None, "m"])),
            )
        )
        for name in sorted(chosen)
    }
    pairs = [(one, other) for one in sorted(chosen) for other in sorted(chosen) if other < one]
    waits = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return Plan(
        **WHERE,
        title=draw(st.sampled_from(["T", "U"])),
        beads=beads,
        dependencies=tuple(Dependency(bead=one, on=other) for one, other in waits),
    )


def told(state: Projection, facts: list[Any]) -> Projection:
    """The state after more facts, as they come back from a file."""
    for fact in facts:
        envelope = ev.Envelope(seq=state.last_seq + 1, at=AT, event=fact)
        state.apply(decode(encode(envelope)))
    return state


def state_of(plan: Plan) -> Projection:
    created = ev.ConvoyCreated(**WHERE, title="", base=Oid("1" * 40), target="refs/heads/main")
    state = fold([ev.Envelope(seq=1, at=AT, event=created)])
    return told(state, list(facts_between(Plan(**WHERE), plan)))


def same(state: Projection, plan: Plan) -> bool:
    now = Plan.of(state)
    return (now.title, dict(now.beads), set(now.dependencies)) == (
        plan.title,
        dict(plan.beads),
        set(plan.dependencies),
    )


@given(plans(), plans())
def test_facts_between_two_plans_turn_one_into_the_other(old: Plan, new: Plan) -> None:
    kept = replace(new, beads={**{one: new.beads[one] for one in old.beads if one in new.beads}, **new.beads})
    state = state_of(old)
    assert same(state, old)
    told(state, list(facts_between(old, kept)))
    assert same(state, kept)


@given(plans(), plans(), st.data())
def test_a_history_that_was_cut_short_is_told_the_rest_and_nothing_twice(
    old: Plan, new: Plan, data: st.DataObject
) -> None:
    facts = list(facts_between(old, new))
    cut = data.draw(st.integers(0, len(facts)))
    state = told(state_of(old), facts[:cut])
    rest = untold(facts, state)
    assert rest == facts[cut:]
    told(state, list(rest))
    assert same(state, new)
    assert untold(facts, state) == []


def test_what_the_user_changed_meanwhile_is_not_undone() -> None:
    a, b = NAMES[:2]
    one = PlannedBead(bead=Bead(id=a, title="One"))
    old = Plan(**WHERE, beads={a: one})
    edited = replace(one, bead=replace(one.bead, title="Uno"))
    new = replace(
        old,
        beads={a: edited, b: PlannedBead(bead=Bead(id=b, title="Two"))},
        dependencies=(Dependency(bead=b, on=a),),
    )
    state = told(state_of(old), [ev.BeadRemoved(**WHERE, bead=a)])
    assert [fact.kind for fact in untold(facts_between(old, new), state)] == ["bead_added"]


def test_a_plan_is_read_with_what_each_bead_waits_for() -> None:
    a, b = NAMES[:2]
    plan = Plan(
        **WHERE,
        title="T",
        beads={
            a: PlannedBead(bead=Bead(id=a, title="One", files=("caf\udce9",))),
            b: PlannedBead(bead=Bead(id=b, title="Two", kind="bug", size="S", priority=0), status="open"),
        },
        dependencies=(Dependency(bead=b, on=a),),
    )
    assert plan_text(plan).splitlines() == [
        "Convoy “T” (draft), 2 beads:",
        "- gt-a “One” (draft, task, M, P2); files: caf\\xe9",
        "- gt-b “Two” (open, bug, S, P0; after gt-a); files: none named",
    ]


@pytest.mark.parametrize(("status", "seen"), [("draft", True), ("open", True), ("discarded", False)])
def test_a_plan_holds_what_is_to_be_merged(status: str, seen: bool) -> None:
    added = ev.BeadAdded(**WHERE, bead=NAMES[0], title="One", status=status)
    plan = Plan.of(told(Projection(), [added]))
    assert bool(plan.beads) == seen
    assert (NAMES[0] in plan.gone) != seen
