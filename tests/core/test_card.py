from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.card import GROUPS, STATES, WORDS, Card, card_of, cards, group_of, sort_key
from gastown_desktop.core.ids import BeadId
from tests.bridge.town import (
    CONVOY,
    NUX,
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
    gate,
    merged,
    merging,
    metered,
    needs,
    resolving,
    shown,
    slung,
    submitted,
    tell,
    then,
    turned,
    waits,
)

RESOLVER = BeadId("gt-r")


def card(view: TownView, bead: BeadId = A) -> Card:
    """The card of a bead that has one."""
    found = card_of(view.convoys[CONVOY], view.glance, bead)
    assert found is not None
    return found


def at_work(*more: ev.DurableEvent) -> TownView:
    """Nux works on A."""
    return shown(*begun(A, B, C), slung(A), became("working"), *more)


# --- which state -----------------------------------------------------------------------------------


def test_a_bead_that_nobody_works_on_is_queued() -> None:
    made = card(shown(*begun(A)))
    assert (made.state, made.group, made.worker, made.action) == ("queued", "Queued", None, "Ready")


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("starting", "", "starting"),
        ("working", "", "working"),
        ("paused", "budget: the limit is reached", "paused_budget"),
        ("paused", "you paused it", "paused"),
        ("failed", "the model answers nothing", "failed"),
        ("stuck", "", "stalled"),
    ],
)
def test_a_worker_gives_its_bead_the_state(state: str, reason: str, expected: str) -> None:
    assert card(shown(*begun(A), slung(A), became(state, reason=reason))).state == expected


@pytest.mark.parametrize("health", ["stalled", "quiet", "lost", "dead"])
def test_what_the_witness_sees_makes_a_worker_stalled(health: str) -> None:
    view = at_work()
    tell(view, [ev.HealthChanged(rig=WHERE["rig"], polecat=NUX, health=health)])
    assert card(view).state == "stalled"


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ("question", "needs_you"),
        ("conflict", "conflict"),
        ("red", "failed"),
        ("model", "failed"),
        ("stuck", "stalled"),
        ("review", "review"),
        ("limit", "paused_budget"),
        ("something new", "needs_you"),
    ],
)
def test_an_open_item_goes_before_everything_else(about: str, expected: str) -> None:
    view = at_work(needs("one", about))
    assert (card(view).state, card(view).need) == (expected, "one")


def test_an_answered_item_no_longer_shows() -> None:
    view = at_work(needs("one"))
    then(view, answered("one"))
    assert (card(view).state, card(view).need) == ("queued", None)


def test_what_is_handed_in_merges_until_it_collides_and_lands_in_the_end() -> None:
    view = at_work(submitted())
    assert card(view).state == "merging"
    then(view, merging("conflicted", paths=("a.py",)))
    assert card(view).state == "conflict"
    then(view, merging("resolving", paths=("a.py",)))
    assert card(view).state == "conflict"
    then(view, merging("queued"), merged())
    assert (card(view).state, card(view).action) == ("landed", "Merged")


def test_a_worker_that_has_gone_on_to_another_bead_is_not_at_work_on_the_first() -> None:
    view = at_work(submitted(), slung(B), became("working"))
    assert card(view, A).state == "merging"
    assert card(view, B).state == "working"
    assert card(view, A).worker == NUX


# --- which cards there are -------------------------------------------------------------------------


def test_a_discarded_bead_has_no_card() -> None:
    view = at_work(ev.BeadDropped(**WHERE, bead=A))
    assert card_of(view.convoys[CONVOY], view.glance, A) is None
    assert [one.bead for one in cards(view.convoys[CONVOY], view.glance)] == [B, C]


def test_an_unknown_bead_has_no_card() -> None:
    view = at_work()
    assert card_of(view.convoys[CONVOY], view.glance, BeadId("gt-x")) is None


def test_a_resolution_has_a_card_until_it_is_handed_in() -> None:
    conflicted = (submitted(), merging("conflicted", paths=("a.py",)), *resolving(RESOLVER, A))
    view = at_work(*conflicted, merging("resolving", paths=("a.py",)), slung(RESOLVER, SLIT))
    assert card(view, RESOLVER).worker == SLIT
    then(view, submitted(A, SLIT, resolver=RESOLVER))
    assert card_of(view.convoys[CONVOY], view.glance, RESOLVER) is None


# --- what it says ----------------------------------------------------------------------------------


def test_a_conflict_says_how_many_files_and_who_resolves_it() -> None:
    view = at_work(submitted(), merging("conflicted", paths=("a.py", "b.py")))
    assert card(view).action == "2 files collide"
    then(view, *resolving(RESOLVER, A), merging("resolving", paths=("a.py",)), slung(RESOLVER, SLIT))
    assert card(view).action == "1 file collides; Slit resolves it"


def test_a_question_is_said_in_one_line_and_an_abbreviation_keeps_its_capitals() -> None:
    asked: dict[str, Any] = {**WHERE, "item": "q", "about": "question", "bead": A}
    view = at_work(ev.NeedsYou(**asked, text="Seconds or date?\nBoth are allowed."))
    assert card(view).action == "Asks: seconds or date?"
    then(view, answered("q"), ev.NeedsYou(**asked, text="HTTP date?"))
    assert card(view).action == "Asks: HTTP date?"
    then(view, answered("q"), ev.NeedsYou(**asked, text=" "))
    assert card(view).action == "Asks: question"


def test_what_waits_says_for_what() -> None:
    view = shown(*begun(A, B, C), waits(C, A))
    assert card(view, C).action == f"Waits for {A}"
    then(view, waits(C, B))
    assert card(view, C).action == "Waits for 2 beads"
    then(view, slung(A), submitted(), merged())
    assert card(view, C).action == f"Waits for {B}"


def test_what_only_belongs_together_does_not_wait() -> None:
    assert card(shown(*begun(A, B), waits(B, A, "related")), B).action == "Ready"


def test_a_bead_that_went_back_says_why_in_one_line() -> None:
    view = at_work(ev.BeadReopened(**WHERE, bead=A, reason="The gate is red.\nlong output"))
    assert card(view).action == "Went back: The gate is red."


def test_the_newest_action_is_told_and_its_time_only_while_something_runs() -> None:
    view = at_work()
    tell(view, [acting("Editing src/a.py")])
    assert (card(view).action, card(view).action_since) == ("Editing src/a.py", None)
    later = START + timedelta(minutes=2)
    tell(view, [acting("Running tests")], later)
    assert (card(view).action, card(view).action_since) == ("Running tests", later)


def test_a_worker_that_starts_prepares_its_copy() -> None:
    assert card(shown(*begun(A), slung(A))).action == "Preparing its copy"


def test_a_gate_shows_on_the_cards_that_it_tests_and_since_when() -> None:
    view = at_work(submitted(), slung(B), submitted(B))
    tell(view, [gate("pytest", A)], START)
    assert (card(view).action, card(view).action_since) == ("Gate pytest", START)
    assert card(view, B).action == "In the queue"
    tell(view, [gate("pytest", A, running=False)])
    assert card(view).action == "In the queue"


def test_a_budget_pause_says_how_far_the_work_is_kept() -> None:
    view = at_work(became("paused", reason="budget"))
    assert card(view).action == "Committed"
    then(view, turned(turn=3))
    assert card(view).action == "Committed at step 3 of 5"


# --- figures ---------------------------------------------------------------------------------------


def test_figures_are_those_of_the_newest_turn() -> None:
    made = card(at_work(turned(turn=2)))
    assert (made.steps_done, made.steps, made.added, made.removed, made.cost) == (2, 5, 3, 0, 10)


def test_the_meter_knows_the_cost_better_than_the_turns_do() -> None:
    view = at_work(turned())
    assert card(view).held == 0
    tell(view, [metered(f"bead:{A}", 40, held=7, assumed=2)])
    assert (card(view).cost, card(view).held) == (42, 7)


def test_the_forecast_is_unknown_unless_it_is_a_number() -> None:
    created, *_ = begun()
    extra: dict[str, Any] = {"p50": 5, "p90": "much"}
    made = card(shown(created, ev.BeadAdded(**WHERE, bead=A, title="Do", extra=extra)))
    assert (made.likely, made.at_most) == (5, None)


def test_time_runs_from_the_first_worker_to_the_merge() -> None:
    view = at_work()
    started = card(view).started_at
    assert started is not None
    assert card(view).ended_at is None
    then(view, ev.BeadReopened(**WHERE, bead=A, reason="again"), slung(A), submitted(), merged())
    ended = card(view).ended_at
    assert card(view).started_at == started
    assert ended is not None
    assert ended > started


def test_the_model_is_the_workers_or_what_the_bead_wants() -> None:
    assert card(at_work()).model == "m"
    assert card(at_work(), B).model == ""


# --- order and words -------------------------------------------------------------------------------


def test_at_the_limit_what_merges_stands_by_itself() -> None:
    view = at_work(submitted())
    assert card(view).group == "At work"
    then(view, needs("limit", "limit", None))
    assert card(view).group == "Merging"


def test_every_state_has_a_word_and_a_group_that_is_shown() -> None:
    assert set(WORDS) == set(STATES)
    assert {group_of(state) for state in STATES} <= set(GROUPS)
    assert {group_of(state, limit_reached=True) for state in STATES} <= set(GROUPS)


def test_what_needs_the_user_comes_first_and_what_landed_last() -> None:
    view = shown(*begun(A, B, C), slung(A), submitted(), merged(), needs("q", bead=C))
    made = sorted(cards(view.convoys[CONVOY], view.glance), key=sort_key)
    assert [one.bead for one in made] == [C, B, A]


def test_a_screen_reader_hears_who_does_what_and_the_state_in_words() -> None:
    view = at_work()
    tell(view, [acting("Reading src/a.py")])
    assert card(view).spoken == f"Nux, Working, {A} Do {A}, Reading src/a.py"
    assert card(view, B).spoken == f"no worker yet, Queued, {B} Do {B}, Ready"
