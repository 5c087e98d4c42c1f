from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.bridge.town_view import LONGEST_LIVE_TEXT, Changes, TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import MAYOR, BeadId, ConvoyId
from tests.bridge.town import (
    CONVOY,
    NUX,
    OID,
    RIG,
    SLIT,
    START,
    WHERE,
    A,
    B,
    C,
    acting,
    answered,
    became,
    begun,
    enveloped,
    gate,
    merged,
    merging,
    metered,
    needs,
    resolving,
    shown,
    slung,
    streamed,
    submitted,
    tell,
    then,
    turned,
    waits,
)

R = BeadId("gt-r")
OTHER = ConvoyId("cv-2")


# --- which changes are told -----------------------------------------------------------------------


def test_a_new_convoy_is_told_and_shows_its_beads() -> None:
    view = TownView()
    changes = tell(view, enveloped(*begun(A, B)))
    assert changes.convoys
    assert len(changes.envelopes) == 3
    assert [card.bead for card in view.cards()] == [A, B]


def test_an_event_that_was_folded_before_tells_nothing() -> None:
    view = shown(*begun(A))
    assert not tell(view, enveloped(*begun(A)))
    assert len(view.timeline) == 2


def test_a_workers_new_state_touches_the_card_of_its_bead_alone() -> None:
    view = shown(*begun(A, B), slung(A), slung(B, SLIT))
    changes = then(view, became("working"))
    assert changes.beads == {A}
    assert (changes.convoys, changes.needs, changes.money, changes.queue) == (False, False, False, False)


def test_a_merged_bead_touches_those_that_waited_for_it_and_the_queue() -> None:
    view = shown(*begun(A, B, C), waits(B, A), slung(A), submitted(A))
    changes = then(view, merged(A))
    assert {A, B} <= changes.beads
    assert C not in changes.beads
    assert changes.queue


def test_the_end_of_a_turn_drops_what_streamed_and_tells_of_the_turn() -> None:
    view = shown(*begun(A), slung(A))
    assert tell(view, [streamed("Hel"), streamed("lo")]).texts == {NUX}
    assert view.live == {NUX: "Hello"}
    changes = then(view, turned(A))
    assert changes.turns == {A}
    assert changes.texts == {NUX}
    assert view.live == {}


def test_of_an_endless_reply_only_the_end_is_kept() -> None:
    view = shown(*begun(A), slung(A))
    for _ in range(5):
        tell(view, [streamed("x" * 9_999 + "\n")])
    assert len(view.live[NUX]) == LONGEST_LIVE_TEXT
    assert view.live[NUX].endswith("x\n")


def test_an_action_touches_its_card_once_and_a_heartbeat_does_not() -> None:
    view = shown(*begun(A), slung(A), became("working"))
    assert tell(view, [acting("Running pytest")], START).beads == {A}
    assert not tell(view, [acting("Running pytest")], START + timedelta(seconds=5))
    card = view.card(A)
    assert card is not None
    assert (card.action, card.action_since) == ("Running pytest", START)


def test_the_witness_word_makes_a_card_stalled() -> None:
    view = shown(*begun(A), slung(A), became("working"))
    health = ev.HealthChanged(rig=RIG, polecat=NUX, health="stalled")
    assert tell(view, [health]).beads == {A}
    card = view.card(A)
    assert card is not None
    assert card.state == "stalled"


def test_a_gate_touches_the_cards_it_takes_up_and_those_it_leaves() -> None:
    view = shown(*begun(A, B), slung(A), submitted(A), slung(B), submitted(B))
    assert tell(view, [gate("check", A)]).beads == {A}
    changes = tell(view, [gate("check", B)])
    assert changes.beads == {A, B}
    assert changes.queue
    card = view.card(B)
    assert card is not None
    assert card.action == "Gate check"
    tell(view, [gate("check", B, running=False)])
    card = view.card(B)
    assert card is not None
    assert card.action == "In the queue"


def test_progress_of_a_task_is_told_and_kept_by_task() -> None:
    view = TownView()
    planning = ev.Progressed(rig=RIG, task="plan", done=3, all=12)
    changes = tell(view, [planning])
    assert changes.progress
    assert changes
    assert view.progress == {"plan": planning}


def test_the_limit_that_was_set_is_told_as_money() -> None:
    view = shown(*begun(A))
    scope = f"convoy:{CONVOY}"
    assert then(view, ev.CapChanged(**WHERE, scope=scope, old=None, new=5)).money
    assert view.convoys[CONVOY].caps == {scope: 5}


def test_trouble_is_told_and_forgotten_when_the_convoy_runs_again() -> None:
    view = shown(*begun(A))
    trouble = ev.Troubled(rig=RIG, convoy=CONVOY, what="The disk is full.")
    changes = tell(view, [trouble])
    assert changes
    assert changes.troubles
    assert view.troubles == {CONVOY: trouble}
    running = ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6)
    assert tell(view, [running]).convoys
    assert view.runs == {CONVOY: running}
    assert view.troubles == {}


def test_landing_touches_every_card() -> None:
    view = shown(*begun(A, B), slung(A), submitted(A), merged(A))
    landed = ev.ConvoyLanded(**WHERE, target="refs/heads/main", commit=OID, tree=OID)
    changes = then(view, landed)
    assert changes.convoys
    assert changes.beads == {A, B}


# --- needs ----------------------------------------------------------------------------------------


def test_what_blocks_others_comes_first_then_the_newest() -> None:
    view = shown(
        *begun(A, B, C),
        waits(C, B),
        needs("one", bead=A),
        needs("two", bead=B),
        needs("three", bead=A),
    )
    assert [need.item for _, need in view.needs()] == ["two", "three", "one"]
    assert [view.blocked_by(*one) for one in view.needs()] == [1, 0, 0]


def test_what_is_about_no_bead_blocks_all_that_is_not_merged() -> None:
    view = shown(*begun(A, B, C), slung(A), submitted(A), merged(A), needs("limit", "limit", bead=None))
    ((state, need),) = view.needs()
    assert view.blocked_by(state, need) == 2


def test_an_answer_is_told_together_with_the_card_that_asked() -> None:
    view = shown(*begun(A, B), slung(A), needs("q", bead=A))
    changes = then(view, answered("q"))
    assert changes.needs
    assert A in changes.beads
    assert view.needs() == []


def test_the_limit_moves_what_merges_to_a_group_of_its_own_and_back() -> None:
    view = shown(*begun(A, B), slung(A), submitted(A))
    changes = then(view, needs("limit", "limit", bead=None))
    assert A in changes.beads
    assert view.cards()[0].group == "Merging"
    assert A in then(view, answered("limit")).beads
    assert view.cards()[0].group == "At work"


# --- money ----------------------------------------------------------------------------------------


OWN, TODAY, YESTERDAY = f"convoy:{CONVOY}", "day:2026-11-25+00:00", "day:2026-11-24+00:00"


def test_without_a_limit_the_meter_is_the_convoys_own() -> None:
    view = shown(*begun(A))
    assert view.meter() is None
    tell(view, [metered("town", 1)])
    assert view.meter() == metered("town", 1)
    tell(view, [metered(OWN, 2)])
    assert view.meter() == metered(OWN, 2)


def test_the_meter_is_that_of_the_limit_of_which_least_is_left() -> None:
    view = shown(*begun(A))
    own, day, town = metered(OWN, 2, cap=10), metered(TODAY, 3, cap=50), metered("town", 90, cap=100)
    tell(view, [town, day, own])
    assert view.meter() == own
    assert view.meters() == [own, day, town]
    nearer = metered(TODAY, 40, cap=50, held=2, assumed=1)
    tell(view, [nearer])
    assert view.meter() == nearer
    nearest = metered("town", 95, cap=100)
    tell(view, [nearest])
    assert view.meter() == nearest


def test_what_is_kept_for_landing_is_not_left_and_of_two_as_near_the_convoys_own_shows() -> None:
    view = shown(*begun(A))
    own = metered(OWN, 5, cap=10, reserve=3)
    tell(view, [own, metered(TODAY, 7, cap=10)])
    assert own.left == 2
    assert view.meter() == own
    empty = metered(OWN, 9, cap=10, reserve=3)
    tell(view, [empty, metered(TODAY, 10, cap=10)])
    assert view.meter() == empty


def test_only_the_newest_day_counts_and_only_while_it_lasts() -> None:
    view = shown(*begun(A))
    own = metered(OWN, 2, cap=10)
    tell(view, [metered(TODAY, 1, cap=50), metered(YESTERDAY, 20, cap=20), own], START)
    assert view.meter() == own
    near = metered(TODAY, 49, cap=50)
    tell(view, [near], START)
    assert view.meter() == near
    tell(view, [metered("bead:gt-a", 1)], START + timedelta(days=2))
    assert view.meter() == own


def test_a_rehearsal_is_under_its_own_limit_alone() -> None:
    created, *beads = begun(A)
    assert isinstance(created, ev.ConvoyCreated)
    view = shown(replace(created, rehearsal=True), *beads)
    own = metered(OWN, 2, cap=10)
    tell(view, [metered(TODAY, 50, cap=50), metered("town", 100, cap=100), own])
    assert view.meters() == [own]
    assert view.meter() == own


def test_each_limit_keeps_a_course_of_its_own_while_another_is_nearer() -> None:
    view = shown(*begun(A))
    for second in range(0, 9, 3):
        at = START + timedelta(seconds=second)
        tell(view, [metered(OWN, second, cap=100), metered(TODAY, 60 + second, cap=165)], at)
    assert [one.settled for one in view.samples] == [0, 3, 6]
    tell(view, [metered(TODAY, 69, cap=70)], START + timedelta(seconds=9))
    assert [one.settled for one in view.samples] == [60, 63, 66, 69]
    assert [one.settled for one in view.course(OWN)] == [0, 3, 6]


def test_a_beads_meter_shows_on_its_card() -> None:
    view = shown(*begun(A), slung(A))
    changes = tell(view, [metered(f"bead:{A}", 70, held=20, assumed=5)])
    assert changes.money
    assert changes.beads == {A}
    card = view.card(A)
    assert card is not None
    assert (card.cost, card.held) == (75, 20)


def test_the_meters_course_has_a_point_every_two_seconds_at_most() -> None:
    view = shown(*begun(A))
    scope = f"convoy:{CONVOY}"
    for tenth in range(50):
        tell(view, [metered(scope, tenth, cap=100)], START + timedelta(seconds=tenth / 10))
    assert [(one.at - START).total_seconds() for one in view.samples] == [0.0, 2.0, 4.0]
    assert view.samples[-1].settled == 49


def test_another_scopes_meter_leaves_the_course_alone() -> None:
    view = shown(*begun(A))
    tell(view, [metered(f"convoy:{CONVOY}", 1, cap=100), metered(f"bead:{A}", 1)])
    assert len(view.samples) == 1


# --- several convoys ------------------------------------------------------------------------------


def test_the_convoy_that_came_last_is_the_current_one_and_all_cards_show() -> None:
    view = shown(*begun(A))
    tell(view, enveloped(*begun(B, convoy=OTHER)))
    assert view.current is not None
    assert view.current.convoy == OTHER
    assert [card.bead for card in view.cards()] == [A, B]
    state = view.projection_of(A)
    assert state is not None
    assert state.convoy == CONVOY


def two_convoys() -> TownView:
    view = shown(*begun(A))
    tell(view, enveloped(*begun(B, convoy=OTHER)))
    return view


def test_a_convoy_that_runs_is_the_current_one_whenever_it_came() -> None:
    view = two_convoys()
    tell(view, [ev.RunChanged(rig=RIG, convoy=CONVOY, running=True)])
    assert view.current is view.convoys[CONVOY]


def test_at_hand_is_what_is_at_work_and_what_waits_for_the_user() -> None:
    view = two_convoys()
    assert view.at_hand() == [view.convoys[OTHER]]
    then(view, needs("q", bead=A))
    assert view.at_hand() == [view.convoys[CONVOY], view.convoys[OTHER]]


def test_the_course_begins_anew_with_another_convoys_meter() -> None:
    view = shown(*begun(A))
    tell(view, [metered(f"convoy:{CONVOY}", 90, cap=100)])
    tell(view, enveloped(*begun(convoy=OTHER)))
    tell(view, [metered(f"convoy:{OTHER}", 1, cap=100)], START + timedelta(seconds=9))
    assert [one.settled for one in view.samples] == [1]
    assert list(view.course(f"convoy:{CONVOY}")) == []


def test_another_repository_finds_nothing_of_the_last() -> None:
    view = shown(*begun(A), slung(A))
    tell(view, [streamed("x"), metered("town", 1)])
    view.forget()
    assert (view.convoys, view.live, view.timeline, view.meter()) == ({}, {}, [], None)


# --- no card changes unseen -----------------------------------------------------------------------


_BEADS = (A, B, C, R)
_ONE = st.sampled_from(_BEADS)
_WORKER = st.sampled_from([NUX, SLIT])
_STEPS = st.one_of(
    st.builds(slung, _ONE, _WORKER),
    st.builds(became, st.sampled_from(["starting", "working", "paused", "stuck", "failed"]), _WORKER),
    st.builds(turned, _ONE, _WORKER, st.integers(1, 5)),
    st.builds(submitted, st.sampled_from([A, B, C]), _WORKER, st.sampled_from([None, R])),
    st.builds(
        merging, st.sampled_from(["conflicted", "resolving", "queued", "ejected"]), st.sampled_from([A, B, C])
    ),
    st.builds(merged, st.sampled_from([A, B, C])),
    st.builds(
        needs,
        st.sampled_from(["i1", "i2"]),
        st.sampled_from(["question", "limit", "red", "conflict"]),
        st.one_of(st.none(), _ONE),
    ),
    st.builds(answered, st.sampled_from(["i1", "i2"])),
    st.builds(lambda bead: ev.BeadReopened(**WHERE, bead=bead, reason="red"), _ONE),
    st.builds(lambda bead: ev.BeadDropped(**WHERE, bead=bead), st.sampled_from([A, B, C])),
    st.builds(acting, st.sampled_from(["Reading", "Running pytest"]), _WORKER),
    st.builds(lambda bead: metered(f"bead:{bead}", 7, held=1), _ONE),
    st.builds(gate, st.just("check"), _ONE, running=st.booleans()),
)


@given(st.lists(_STEPS, max_size=30))
def test_no_card_changes_without_being_told(steps: list[ev.DurableEvent | ev.EphemeralEvent]) -> None:
    view = shown(*begun(A, B, C), waits(B, A), *resolving(R, A))
    submitted_ones: set[BeadId] = set()
    for step in steps:
        bead = getattr(step, "bead", None)
        if isinstance(step, ev.MergeStateChanged | ev.BeadMerged) and bead not in submitted_ones:
            continue
        if isinstance(step, ev.BeadSubmitted):
            submitted_ones.add(step.bead)
        before = {card.bead: card for card in view.cards()}
        changes = tell(view, [step]) if isinstance(step, ev.Ephemeral) else then(view, step)
        after = {card.bead: card for card in view.cards()}
        moved = {one for one in _BEADS if before.get(one) != after.get(one)}
        assert changes.convoys or moved <= changes.beads, step


@pytest.mark.parametrize("count", [0, 1])
def test_changes_are_none_until_there_is_one(count: int) -> None:
    view = shown(*begun(A))
    assert bool(tell(view, [metered("town", 1)] * count)) is bool(count)


def test_what_the_mayor_streamed_goes_once_it_is_said() -> None:
    view, changes = TownView(), Changes()
    view.apply(ev.TextStreamed(rig=WHERE["rig"], polecat=MAYOR, text="Two be"), START, changes)
    assert view.live[MAYOR] == "Two be"
    said = ev.MayorSaid(**WHERE, who="mayor", turn=1, text="Two beads.")
    titled = ev.ConvoyRetitled(**WHERE, title="Other")
    for seq, event in enumerate((said, titled), 1):
        view.apply(ev.Envelope(seq=seq, at=START, event=event), START, changes)
    assert MAYOR not in view.live
    assert MAYOR in changes.texts
    assert changes.convoys
