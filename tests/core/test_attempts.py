from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.attempts import Attempts
from gastown_desktop.core.ids import BeadId
from tests.told_convoy import ToldConvoy


def wasted(told: ToldConvoy) -> dict[str, list[str]]:
    found = Attempts(told.envelopes).waste_of(told.charges)
    return {kind: [one.what for one in charges] for kind, charges in found.items()}


def test_what_went_through_at_once_is_no_waste() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.turn(2, 3, "gt-a", "Nux", 1)
    told.submit(4, "gt-a", "Nux")
    told.merge(5, "gt-a")
    told.settle(6, "Mayor turn 1", "1", role="mayor")
    told.settle(7, "Mayor turn 1", "1", role="mayor")
    assert wasted(told) == {}


def test_turns_after_a_red_gate_are_rework_and_those_before_are_not() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.turn(2, 3, "gt-a", "Nux", 1)
    told.submit(4, "gt-a", "Nux")
    told.merge_state(5, "gt-a", "red")
    told.reopen(5, "gt-a")
    told.sling(6, "gt-a", "Nux", turn=1)
    told.turn(7, 8, "gt-a", "Nux", 2)
    told.need(9, "gt-a:question:2", "question", "gt-a")
    told.answer(10, "gt-a:question:2")
    told.sling(11, "gt-a", "Nux", turn=2)
    told.turn(12, 13, "gt-a", "Nux", 3)
    assert wasted(told) == {"rework": ["gt-a Nux turn 2", "gt-a Nux turn 3"]}


def test_a_conversation_that_goes_on_after_an_answer_is_no_waste() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.turn(2, 3, "gt-a", "Nux", 1)
    told.need(4, "gt-a:question:1", "question", "gt-a")
    told.answer(5, "gt-a:question:1")
    told.sling(6, "gt-a", "Nux", turn=1)
    told.turn(7, 8, "gt-a", "Nux", 2)
    attempts = Attempts(told.envelopes)
    assert [(one.conversation, one.carried) for one in attempts.of("gt-a")] == [(1, 0), (1, 1)]
    assert wasted(told) == {}


def test_an_attempt_that_is_begun_anew_was_stopped() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.turn(2, 3, "gt-a", "Nux", 1)
    told.reopen(4, "gt-a")
    told.sling(5, "gt-a", "Slit")
    told.turn(6, 7, "gt-a", "Slit", 1)
    assert wasted(told) == {"stopped": ["gt-a Nux turn 1"]}
    assert [one.conversation for one in Attempts(told.envelopes).of("gt-a")] == [1, 2]


def test_what_was_handed_in_and_is_begun_anew_is_rework() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.submit(2, "gt-a", "Nux")
    told.reopen(3, "gt-a")
    told.sling(4, "gt-a", "Slit")
    told.turn(5, 6, "gt-a", "Slit", 1)
    assert wasted(told) == {"rework": ["gt-a Slit turn 1"]}


def test_resolving_is_waste_of_its_own() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.turn(2, 3, "gt-a", "Nux", 1)
    told.submit(4, "gt-a", "Nux")
    told.merge_state(5, "gt-a", "conflicted")
    told.resolver(5, "gt-a.r1", "gt-a")
    told.sling(6, "gt-a.r1", "Slit")
    told.settle(7, "gt-a.r1 Slit turn 1", "1", bead="gt-a", polecat="Slit")
    assert wasted(told) == {"resolvers": ["gt-a.r1 Slit turn 1"]}


def test_all_that_a_discarded_or_failed_bead_paid_is_waste_of_that_kind() -> None:
    told = ToldConvoy("gt-a")
    told.bead(0, "gt-b", status="failed")
    told.sling(1, "gt-a", "Nux")
    told.turn(2, 3, "gt-a", "Nux", 1)
    told.resolver(4, "gt-a.r1", "gt-a")
    told.settle(5, "gt-a.r1 Slit turn 1", "1", bead="gt-a", polecat="Slit")
    told.settle(5, "gt-b Toast turn 1", "1", bead="gt-b", polecat="Toast")
    told.tell(6, ev.BeadDropped(**told.where, bead=BeadId("gt-a")))
    assert wasted(told) == {
        "discarded": ["gt-a Nux turn 1", "gt-a.r1 Slit turn 1"],
        "failed": ["gt-b Toast turn 1"],
    }


def test_an_assumed_request_is_waste_whatever_it_was_for_and_a_free_one_never() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.assume(2, "gt-a Nux turn 1", "1", bead="gt-a", polecat="Nux")
    told.release(3, "gt-a Nux turn 1", bead="gt-a", polecat="Nux")
    told.turn(4, 5, "gt-a", "Nux", 1)
    told.assume(6, "Mayor turn 1", "1", role="mayor")
    assert wasted(told) == {"assumed": ["gt-a Nux turn 1", "Mayor turn 1"]}


def test_a_reply_that_was_paid_and_asked_for_again_is_waste() -> None:
    told = ToldConvoy("gt-a")
    told.sling(1, "gt-a", "Nux")
    told.settle(2, "gt-a Nux turn 1", "0.25", bead="gt-a", polecat="Nux")
    told.turn(4, 5, "gt-a", "Nux", 1, "0.50")
    assert wasted(told) == {"repeated": ["gt-a Nux turn 1"]}
