from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.card import GROUPS, STATES, WAITING, Glance, card_of, cards, group_of, sort_key
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId
from gastown_desktop.core.projection import Projection, fold

WHERE: Any = {"rig": RigId("calc-0a1b2c"), "convoy": ConvoyId("cv-1")}
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
A, B = BeadId("gt-a"), BeadId("gt-b")
NUX, SLIT = PolecatName("Nux"), PolecatName("Slit")
OID = Oid("1" * 40)


def town(*events: ev.DurableEvent) -> Projection:
    begun: list[ev.DurableEvent] = [
        ev.ConvoyCreated(**WHERE, title="Things", base=OID, target="refs/heads/main"),
        ev.BeadAdded(**WHERE, bead=A, title="Do a", extra={"p50": 500, "p90": 900}),
        ev.BeadAdded(**WHERE, bead=B, title="Do b"),
    ]
    return fold(
        [
            ev.Envelope(seq=seq, at=START + timedelta(seconds=seq), event=event)
            for seq, event in enumerate([*begun, *events], 1)
        ]
    )


def slung(bead: BeadId = A, polecat: PolecatName = NUX) -> ev.BeadSlung:
    branch = f"refs/heads/work/{polecat}/{bead}"
    return ev.BeadSlung(
        **WHERE, bead=bead, polecat=polecat, epoch=1, base=OID, branch=branch, model="claude-opus-5-5"
    )


def became(state: str, reason: str = "") -> ev.PolecatStateChanged:
    return ev.PolecatStateChanged(**WHERE, polecat=NUX, state=state, reason=reason)


def needs(about: str, text: str = "What now?", bead: BeadId | None = A) -> ev.NeedsYou:
    return ev.NeedsYou(**WHERE, item=f"{about}-1", about=about, text=text, bead=bead)


SUBMITTED = ev.BeadSubmitted(
    **WHERE, bead=A, polecat=NUX, merge=MergeId("mr-a"), branch="refs/heads/x", commit=OID, base=OID
)
COLLIDED = ev.MergeStateChanged(
    **WHERE, merge=MergeId("mr-a"), bead=A, state="conflicted", paths=("a.py", "b.py")
)
R = BeadId("gt-r")
RESOLVING = (
    ev.BeadAdded(**WHERE, bead=R, title="Resolve a", type="resolve"),
    ev.DependencyAdded(**WHERE, bead=R, on=A, type="parent"),
    replace(COLLIDED, state="resolving"),
    slung(R, SLIT),
)
TURNED = ev.TurnEnded(
    **WHERE,
    polecat=NUX,
    bead=A,
    turn=3,
    hook=OID,
    cost=10,
    prompt_tokens=100,
    output_tokens=7,
    steps_done=3,
    steps=5,
)
MERGED = ev.BeadMerged(**WHERE, bead=A, merge=MergeId("mr-a"), commit=OID, tree=OID)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "queued"),
        ((slung(),), "starting"),
        ((slung(), became("working")), "working"),
        ((slung(), became("waiting")), "working"),
        ((slung(), became("paused", "by you")), "paused"),
        ((slung(), became("paused", "budget: the limit is reached")), "paused_budget"),
        ((slung(), became("stuck")), "stalled"),
        ((slung(), became("failed")), "failed"),
        ((slung(), became("working"), needs("question")), "needs_you"),
        ((slung(), needs("taken")), "needs_you"),
        ((slung(), needs("conflict")), "conflict"),
        ((slung(), needs("red")), "failed"),
        ((slung(), needs("stuck")), "stalled"),
        ((slung(), needs("review")), "review"),
        ((slung(), SUBMITTED), "merging"),
        ((slung(), SUBMITTED, MERGED), "landed"),
        ((slung(), SUBMITTED, MERGED, needs("question")), "landed"),
    ],
)
def test_a_bead_has_its_most_urgent_state(events: tuple[ev.DurableEvent, ...], state: str) -> None:
    card = card_of(town(*events), Glance(), A)
    assert card is not None
    assert card.state == state
    assert card.group == group_of(card.state)


@pytest.mark.parametrize(
    ("events", "action"),
    [
        ((), "Ready"),
        ((ev.DependencyAdded(**WHERE, bead=A, on=B, type="blocks"),), "Waits for gt-b"),
        ((slung(),), "Preparing its copy"),
        ((slung(), needs("question", "Seconds or date?\nMore.")), "Asks: seconds or date?"),
        ((slung(), needs("red", "Gate red in 3 rounds")), "Gate red in 3 rounds"),
        ((slung(), SUBMITTED), "In the queue"),
        ((slung(), SUBMITTED, MERGED), "Merged"),
        ((ev.DependencyAdded(**WHERE, bead=A, on=B, type="related"),), "Ready"),
        (
            (slung(), ev.BeadReopened(**WHERE, bead=A, reason="The gate is red.\nlong")),
            "Went back: The gate is red.",
        ),
        ((slung(), needs("question", "HTTP date?")), "Asks: HTTP date?"),
        ((slung(), needs("question", " ")), "Asks: question"),
        ((slung(), became("paused", "budget")), "Committed"),
        ((slung(), TURNED, became("paused", "budget")), "Committed at step 3 of 5"),
        ((slung(), SUBMITTED, COLLIDED), "2 files collide"),
        ((slung(), SUBMITTED, COLLIDED, *RESOLVING), "2 files collide; Slit resolves it"),
    ],
)
def test_what_happens_is_said_in_words(events: tuple[ev.DurableEvent, ...], action: str) -> None:
    card = card_of(town(*events), Glance(), A)
    assert card is not None
    assert card.action == action


def test_a_running_command_says_since_when() -> None:
    glance = Glance(actions={NUX: ("Running tests", START)})
    card = card_of(town(slung(), became("working")), glance, A)
    assert card is not None
    assert (card.action, card.action_since) == ("Running tests", START)
    glance = Glance(actions={NUX: ("Editing a.py", START)})
    card = card_of(town(slung(), became("working")), glance, A)
    assert card is not None
    assert card.action_since is None


@pytest.mark.parametrize("action", sorted(WAITING))
def test_a_worker_that_waits_does_not_look_at_work(action: str) -> None:
    glance = Glance(actions={NUX: (action, START)})
    card = card_of(town(slung(), became("working")), glance, A)
    assert card is not None
    assert (card.state, card.word, card.group, card.action) == ("waiting", "Waiting", "At work", action)
    stuck = card_of(town(slung(), became("stuck")), glance, A)
    assert stuck is not None
    assert stuck.state == "stalled"


def test_a_card_names_what_has_to_be_looked_at_while_it_waits_to_land() -> None:
    why = "package.json: it is run when something is installed or built"
    handed = (slung(), replace(SUBMITTED, sensitive=(why,)))
    landed = ev.ConvoyLanded(**WHERE, target="refs/heads/main", commit=OID, tree=OID)
    back = ev.BeadReopened(**WHERE, bead=A, reason="red")
    for events, shown in (((), True), ((MERGED,), True), ((MERGED, landed), False), ((back,), False)):
        card = card_of(town(*handed, *events), Glance(), A)
        assert card is not None
        assert card.sensitive == ((why,) if shown else ())
        assert card.spoken.endswith(f"look at it before it lands: {why}") == shown


def test_money_is_that_of_the_meter_where_there_is_one() -> None:
    meter = ev.MeterMoved(rig=WHERE["rig"], scope=f"bead:{A}", cap=None, settled=5, held=3, assumed=2)
    card = card_of(town(slung()), Glance(meters={meter.scope: meter}), A)
    assert card is not None
    assert (card.cost, card.held, card.likely, card.at_most) == (7, 3, 500, 900)


def test_at_the_limit_what_merges_stands_in_a_group_of_its_own() -> None:
    card = card_of(town(slung(), SUBMITTED, needs("limit", bead=None)), Glance(), A)
    assert card is not None
    assert card.group == "Merging"


def test_a_discarded_bead_has_no_card() -> None:
    dropped = ev.BeadDropped(**WHERE, bead=A)
    assert [card.bead for card in cards(town(dropped), Glance())] == [B]


def test_what_waits_for_several_says_how_many_are_left() -> None:
    waits = [ev.DependencyAdded(**WHERE, bead=B, on=on, type="blocks") for on in (A, R)]
    added = ev.BeadAdded(**WHERE, bead=R, title="Do r")
    card = card_of(town(added, *waits), Glance(), B)
    assert card is not None
    assert card.action == "Waits for 2 beads"
    card = card_of(town(added, *waits, slung(), SUBMITTED, MERGED), Glance(), B)
    assert card is not None
    assert card.action == "Waits for gt-r"


def test_a_gate_shows_on_the_cards_that_it_tests_and_since_when() -> None:
    running = ev.GateProgress(rig=WHERE["rig"], gate="pytest", beads=(A,), running=True)
    state = town(slung(), SUBMITTED)
    card = card_of(state, Glance(gate=running, gate_since=START), A)
    assert card is not None
    assert (card.action, card.action_since) == ("Gate pytest", START)
    card = card_of(state, Glance(gate=replace(running, beads=(B,)), gate_since=START), A)
    assert card is not None
    assert (card.action, card.action_since) == ("In the queue", None)


def test_a_resolution_has_a_card_until_it_is_handed_in() -> None:
    conflicted = (slung(), SUBMITTED, COLLIDED, *RESOLVING)
    card = card_of(town(*conflicted), Glance(), R)
    assert card is not None
    assert card.worker == SLIT
    handed_in = replace(SUBMITTED, polecat=SLIT, merge=MergeId("mr-r"), resolver=R)
    assert card_of(town(*conflicted, handed_in), Glance(), R) is None


def test_cards_sort_by_group_and_then_by_state() -> None:
    card = card_of(town(slung()), Glance(), A)
    assert card is not None
    all_states = [replace(card, state=state, group=group_of(state)) for state in STATES]
    keys = [sort_key(one) for one in sorted(all_states, key=sort_key)]
    assert keys == sorted(keys)
    assert {one.group for one in all_states} <= set(GROUPS)


def test_a_card_is_spoken_with_worker_state_bead_and_action() -> None:
    card = card_of(town(slung(), became("working")), Glance(actions={NUX: ("Editing a.py", START)}), A)
    assert card is not None
    assert card.spoken == "Nux, Working, gt-a Do a, Editing a.py"
    waiting = card_of(town(), Glance(), B)
    assert waiting is not None
    assert waiting.spoken.startswith("no worker yet, Queued")
