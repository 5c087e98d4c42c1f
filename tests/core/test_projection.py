from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Dependency, may_become
from gastown_desktop.core.event_lines import decode, encode
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId, merge_id
from gastown_desktop.core.projection import Projection, fold

WHERE: Any = {"rig": RigId("calc-0a1b2c"), "convoy": ConvoyId("cv-1")}
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
A, B, C = BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-c")
NUX, SLIT = PolecatName("Nux"), PolecatName("Slit")
BASE, TIP, TREE = Oid("1" * 40), Oid("2" * 40), Oid("3" * 40)


def enveloped(*events: ev.DurableEvent) -> list[ev.Envelope]:
    return [
        ev.Envelope(seq=seq, at=START + timedelta(seconds=seq), event=event)
        for seq, event in enumerate(events, 1)
    ]


def town(*events: ev.DurableEvent) -> Projection:
    return fold(enveloped(created(), added(A), added(B), *events))


def created() -> ev.ConvoyCreated:
    return ev.ConvoyCreated(**WHERE, title="Two things", base=BASE, target="refs/heads/main", plan="true")


def added(bead: BeadId, **fields: Any) -> ev.BeadAdded:
    return ev.BeadAdded(**WHERE, bead=bead, title=f"Do {bead}", **fields)


def slung(bead: BeadId = A, polecat: PolecatName = NUX, epoch: int = 1) -> ev.BeadSlung:
    branch = f"refs/heads/work/{polecat}/{bead}-{epoch}"
    return ev.BeadSlung(**WHERE, bead=bead, polecat=polecat, epoch=epoch, base=BASE, branch=branch, model="m")


def became(state: str, polecat: PolecatName = NUX, reason: str = "") -> ev.PolecatStateChanged:
    return ev.PolecatStateChanged(**WHERE, polecat=polecat, state=state, reason=reason)


def turned(turn: int = 1, bead: BeadId = A, polecat: PolecatName = NUX, cost: int = 10) -> ev.TurnEnded:
    return ev.TurnEnded(
        **WHERE,
        polecat=polecat,
        bead=bead,
        turn=turn,
        hook=TIP,
        cost=cost,
        prompt_tokens=100,
        output_tokens=7,
        steps_done=turn,
        steps=5,
        files_changed=2,
    )


def submitted(bead: BeadId = A, polecat: PolecatName = NUX, attempt: int = 1) -> ev.BeadSubmitted:
    return ev.BeadSubmitted(
        **WHERE,
        bead=bead,
        polecat=polecat,
        merge=merge_id(bead, attempt),
        branch="refs/heads/work/x",
        commit=TIP,
        base=BASE,
    )


def judged(state: str, bead: BeadId = A, attempt: int = 1, **fields: Any) -> ev.MergeStateChanged:
    return ev.MergeStateChanged(**WHERE, merge=merge_id(bead, attempt), bead=bead, state=state, **fields)


def reopened(bead: BeadId = A, reason: str = "red") -> ev.BeadReopened:
    return ev.BeadReopened(**WHERE, bead=bead, reason=reason)


def merged(bead: BeadId = A, attempt: int = 1) -> ev.BeadMerged:
    return ev.BeadMerged(**WHERE, bead=bead, merge=merge_id(bead, attempt), commit=TIP, tree=TREE)


def landed() -> ev.ConvoyLanded:
    return ev.ConvoyLanded(**WHERE, target="refs/heads/main", commit=TIP, tree=TREE)


def restacked(*beads: BeadId, **fields: Any) -> ev.ConvoyRestacked:
    return ev.ConvoyRestacked(
        **WHERE, base=TREE, commit=BASE, beads=beads, commits=tuple(BASE for _ in beads), **fields
    )


def asks(item: str = "q", bead: BeadId | None = A, text: str = "Which?") -> ev.NeedsYou:
    return ev.NeedsYou(
        **WHERE, item=item, about="question", text=text, bead=bead, options=("x",), default="x"
    )


def answered(item: str = "q", answer: str = "x") -> ev.NeedAnswered:
    return ev.NeedAnswered(**WHERE, item=item, answer=answer)


# --- any history ------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[ev.Envelope]:
    """What a town could tell: each event is possible after those before it."""
    beads = [BeadId(f"gt-{number}") for number in range(draw(st.integers(1, 4)))]
    polecats = [PolecatName(name) for name in ("Nux", "Slit", "Toast")]
    told: list[ev.DurableEvent] = [created(), *(added(bead) for bead in beads)]
    state = fold(enveloped(*told))
    for number in range(draw(st.integers(0, 30))):
        told.append(draw(st.sampled_from(_possible(state, beads, polecats, number))))
        state.apply(ev.Envelope(seq=len(told), at=START, event=told[-1]))
    return enveloped(*told)


def _possible(
    state: Projection, beads: list[BeadId], polecats: list[PolecatName], number: int
) -> list[ev.DurableEvent]:
    possible: list[ev.DurableEvent] = [
        ev.ConvoyStageChanged(**WHERE, stage="running"),
        ev.GateRun(**WHERE, gate="tests", tree=TREE, green=True, seconds=0.1),
        ev.CapChanged(**WHERE, scope="town", old=None, new=number),
        ev.DependencyAdded(**WHERE, bead=beads[-1], on=beads[0]),
        asks(f"town:{number}", None),
    ]
    possible += [answered(item) for item in state.needs_you]
    possible += [became("starting", name) for name in state.polecats]
    free = [name for name in polecats if name not in state.polecats or state.polecats[name].bead is None]
    for bead in beads:
        view = state.beads[bead]
        if view.status == "open" and free:
            possible.append(slung(bead, free[0], view.attempts + 1))
        if view.status == "hooked" and view.polecat is not None:
            possible += [
                turned(view.turns + 1, bead, view.polecat),
                submitted(bead, view.polecat, len(state.merges) + 1),
                asks(f"{bead}:{number}", bead),
            ]
        if view.status == "submitted" and view.merge is not None:
            attempt = int(view.merge.rpartition(".")[2])
            possible += [
                judged("conflicted", bead, attempt, paths=("a.py",)),
                merged(bead, attempt),
                reopened(bead),
            ]
        if view.status == "merged":
            possible += [landed(), asks(f"{bead}:late:{number}", bead)]
    return possible


@settings(max_examples=60)
@given(histories())
def test_folding_one_by_one_is_folding_all_at_once(history: list[ev.Envelope]) -> None:
    town = Projection()
    for end, envelope in enumerate(history, 1):
        town.apply(envelope)
        assert town == fold(history[:end])
    assert town.last_seq == len(history)


@settings(max_examples=60)
@given(histories())
def test_a_history_that_was_written_down_folds_to_the_same(history: list[ev.Envelope]) -> None:
    assert fold([decode(encode(one)) for one in history]) == fold(history)


@settings(max_examples=60)
@given(histories(), st.data())
def test_an_event_that_comes_again_changes_nothing(history: list[ev.Envelope], data: st.DataObject) -> None:
    town, once = Projection(), fold(history)
    for index, envelope in enumerate(history):
        town.apply(envelope)
        town.apply(history[data.draw(st.integers(0, index))])
    assert town == once


@settings(max_examples=60)
@given(histories())
def test_a_glance_never_changes_what_is_durable(history: list[ev.Envelope]) -> None:
    town = Projection()
    for envelope in history:
        town.apply(envelope)
        for name in ("Nux", "Nobody"):
            where = envelope.event.rig
            town.glance(ev.ActionChanged(rig=where, polecat=PolecatName(name), action="thinks"))
            town.glance(ev.TextStreamed(rig=where, polecat=PolecatName(name), text="hm"))
    quiet = {name: replace(view, action="") for name, view in town.polecats.items()}
    town.polecats = quiet
    assert town == fold(history)


@settings(max_examples=60)
@given(histories())
def test_a_bead_only_takes_a_status_that_may_follow(history: list[ev.Envelope]) -> None:
    town = Projection()
    for envelope in history:
        before = {bead: view.status for bead, view in town.beads.items()}
        town.apply(envelope)
        for bead, status in before.items():
            assert may_become(status, town.beads[bead].status), envelope.event


@settings(max_examples=60)
@given(histories())
def test_a_bead_hangs_on_one_hook_and_only_while_it_is_worked_on(history: list[ev.Envelope]) -> None:
    town = fold(history)
    held = [view.bead for view in town.polecats.values() if view.bead is not None]
    assert sorted(held) == sorted(town.with_status("hooked"))


def test_every_kind_of_event_is_folded() -> None:
    golden = Path(__file__).with_name("golden_events_v1.jsonl").read_bytes().splitlines(keepends=True)
    told = [decode(line) for line in golden]
    assert {type(one.event) for one in told} == set(get_args(ev.DurableEvent))
    town = fold(told)
    before_undo = fold([one for one in told if not isinstance(one.event, ev.LandingUndone | ev.BeadDropped)])
    assert (before_undo.stage, before_undo.missing_on) == ("landed", "")
    assert before_undo.beads[BeadId("calc-00001")].status == "landed"
    assert (town.stage, town.conflicts, town.gate_runs, town.last_seq) == ("ready_to_land", 1, 3, len(told))
    assert town.beads[BeadId("calc-00001")].status == "discarded"


# --- one by one -------------------------------------------------------------------------------------


def test_a_convoy_is_created_with_where_it_starts_and_lands() -> None:
    state = fold(enveloped(created()))
    assert (state.title, state.base, state.target, state.plan) == (
        "Two things",
        BASE,
        "refs/heads/main",
        "true",
    )
    assert (state.stage, state.rehearsal) == ("draft", False)
    assert state.started_at == START + timedelta(seconds=1)


def test_a_bead_is_added_with_all_that_is_known_of_it() -> None:
    state = fold(enveloped(created(), added(A, type="bug", priority=0, files=("a.py",), extra={"x": 1})))
    bead = state.beads[A].bead
    assert (bead.kind, bead.priority, bead.files, bead.extra) == ("bug", 0, ("a.py",), {"x": 1})
    assert state.beads[A].status == "open"


def test_dependencies_are_kept_in_order() -> None:
    state = town(ev.DependencyAdded(**WHERE, bead=B, on=A), ev.DependencyAdded(**WHERE, bead=A, on=B))
    assert state.dependencies == [Dependency(bead=B, on=A), Dependency(bead=A, on=B)]


def test_a_stage_says_why() -> None:
    state = town(ev.ConvoyStageChanged(**WHERE, stage="paused", reason="budget"))
    assert (state.stage, state.stage_reason) == ("paused", "budget")


def test_a_slung_bead_hangs_on_its_polecat() -> None:
    state = town(slung())
    assert (state.beads[A].status, state.beads[A].polecat, state.beads[A].attempts) == ("hooked", NUX, 1)
    assert (state.polecats[NUX].bead, state.polecats[NUX].state) == (A, "starting")


def test_a_polecat_that_starts_again_counts_as_a_restart_of_its_bead() -> None:
    state = town(slung(), became("working"), became("starting", reason="died"), became("working"))
    assert (state.restarts, state.beads[A].restarts, state.polecats[NUX].state) == (1, 1, "working")


def test_the_state_of_an_unknown_polecat_is_passed_over() -> None:
    assert town(became("working", SLIT)).polecats == {}


def test_turns_add_up_over_all_attempts() -> None:
    state = town(slung(), turned(1), turned(2), reopened(), slung(A, SLIT, 2), turned(1, A, SLIT))
    view = state.beads[A]
    assert (view.turns, view.cost, view.prompt_tokens, view.output_tokens) == (3, 30, 300, 21)
    assert (state.polecats[NUX].cost, state.polecats[SLIT].cost) == (20, 10)
    assert (state.polecats[SLIT].turn, state.polecats[SLIT].steps, state.polecats[SLIT].files_changed) == (
        1,
        5,
        2,
    )


def test_a_submitted_bead_frees_its_polecat_and_queues_a_merge_request() -> None:
    state = town(slung(), submitted())
    assert (state.beads[A].status, state.beads[A].merge) == ("submitted", "gt-a.1")
    assert (state.polecats[NUX].bead, state.polecats[NUX].state) == (None, "done")
    assert state.merges[MergeId("gt-a.1")].state == "queued"


def test_a_second_submission_supersedes_the_first_unless_that_has_ended() -> None:
    again = (slung(), submitted(), reopened(), slung(A, SLIT, 2), submitted(A, SLIT, 2))
    assert town(*again).merges[MergeId("gt-a.1")].state == "superseded"
    ended = (slung(), submitted(), judged("ejected"), reopened(), slung(A, SLIT, 2), submitted(A, SLIT, 2))
    assert town(*ended).merges[MergeId("gt-a.1")].state == "ejected"


def test_a_conflict_is_counted_and_names_its_paths() -> None:
    state = town(slung(), submitted(), judged("conflicted", reason="both changed it", paths=("a.py",)))
    merge = state.merges[MergeId("gt-a.1")]
    assert (state.conflicts, merge.state, merge.paths) == (1, "conflicted", ("a.py",))


def test_gate_time_adds_up() -> None:
    run = ev.GateRun(**WHERE, gate="tests", tree=TREE, green=True, seconds=1.5)
    state = town(run, replace(run, green=False))
    assert (state.gate_runs, state.gate_seconds) == (2, 3.0)


def test_what_was_known_before_is_no_run_but_is_told_apart() -> None:
    known = ev.GateRun(
        **WHERE, gate="tests", tree=TREE, green=True, seconds=0.0, cached=True, saved_s=4.0, known_runs=9
    )
    state = town(known)
    assert (state.gate_runs, state.gate_cached, state.gate_saved_s) == (0, 1, 4.0)
    assert (state.gates["tests"].runs, state.gates["tests"].record.runs) == (0, 9)
    assert state.gate_greens == {("tests", TREE)}


def test_reds_of_a_tree_count_until_it_is_green() -> None:
    red = ev.GateRun(**WHERE, gate="tests", tree=TREE, green=False, seconds=1.0)
    known = replace(red, cached=True)
    assert town(red, known, red).gate_reds == {("tests", TREE): 2}
    assert town(red, replace(red, green=True), red).gate_reds == {}
    assert town(red, replace(red, gate="lint")).gate_reds == {("tests", TREE): 1, ("lint", TREE): 1}


def test_each_gate_is_known_to_see_or_not() -> None:
    state = town(ev.GateJudged(**WHERE, sees=True, base_green=True, seeing=("tests",), blind=("lint",)))
    assert {name: gate.sees for name, gate in state.gates.items()} == {"tests": True, "lint": False}


def test_what_the_gates_are_worth_is_known_once_they_were_judged() -> None:
    assert (town().gate_sees, town().base_green) == (None, None)
    state = town(ev.GateJudged(**WHERE, sees=False, base_green=True, reason="sabotage passed"))
    assert (state.gate_sees, state.base_green, state.gate_reason) == (False, True, "sabotage passed")


def test_merged_work_lands_with_the_convoy_and_the_rest_does_not() -> None:
    before = town(slung(), submitted(), merged())
    assert (before.merged(), before.beads[A].commit) == ({A}, TIP)
    paused = ev.ConvoyStageChanged(**WHERE, stage="paused", reason="budget")
    state = town(slung(), submitted(), merged(), paused, landed())
    assert (state.beads[A].status, state.beads[B].status) == ("landed", "open")
    assert (state.stage, state.stage_reason, state.landed_tree) == ("landed", "", TREE)
    assert state.merged() == {A}


def test_a_bead_that_comes_back_after_its_submission_is_rework() -> None:
    state = town(slung(), submitted(), reopened(reason="red"), slung(B, SLIT), reopened(B, "lost"))
    assert (state.beads[A].status, state.beads[A].rework, state.beads[A].reason) == ("open", 1, "red")
    assert (state.beads[B].rework, state.polecats[SLIT].bead) == (0, None)


def test_what_was_answered_by_default_is_remembered_as_such() -> None:
    by_default = replace(answered("q", "yes"), by="unattended")
    (taken,) = town(slung(), asks("q"), by_default, asks("r"), answered("r")).by_default
    assert (taken.bead, taken.answer) == (A, "yes")
    assert taken.words.endswith(" yes.")


def test_a_question_blocks_its_bead_until_it_is_answered() -> None:
    state = town(slung(), asks())
    assert (state.beads[A].status, state.beads[A].reason, state.asking()) == ("blocked", "Which?", {A})
    assert (state.polecats[NUX].bead, state.polecats[NUX].state) == (None, "waiting")
    state = town(slung(), asks(), answered(answer="yes"))
    assert (state.beads[A].status, state.asking(), state.answers) == ("open", set(), {"q": "yes"})


def test_a_bead_with_two_questions_waits_for_both_answers() -> None:
    state = town(slung(), asks("q"), asks("r"), answered("q"))
    assert state.beads[A].status == "blocked"
    assert town(slung(), asks("q"), asks("r"), answered("q"), answered("r")).beads[A].status == "open"


def test_an_answer_about_merged_work_does_not_open_it_again() -> None:
    state = town(slung(), submitted(), merged(), asks(), answered())
    assert state.beads[A].status == "merged"


def test_an_answer_to_nothing_is_kept() -> None:
    assert town(answered("gone", "no")).answers == {"gone": "no"}


def test_a_question_about_no_bead_blocks_none() -> None:
    state = town(asks("limit", None))
    assert state.asking() == set()
    assert [view.status for view in state.beads.values()] == ["open", "open"]


def test_the_last_cap_counts() -> None:
    cap = ev.CapChanged(**WHERE, scope="town", old=None, new=5)
    assert town(cap, replace(cap, new=None)).caps == {"town": None}


@pytest.mark.parametrize(
    "told",
    [
        ev.Recovered(**WHERE, assumed_requests=1, killed_children=0),
        ev.DispatchPaused(**WHERE, reason="budget"),
    ],
)
def test_what_is_only_told_moves_nothing_but_the_number(told: ev.DurableEvent) -> None:
    state, before = town(told), town()
    state.last_seq, state.last_at = before.last_seq, before.last_at
    assert state == before


def test_an_action_shows_on_the_card_of_a_known_polecat() -> None:
    state = town(slung())
    state.glance(ev.ActionChanged(rig=WHERE["rig"], polecat=NUX, action="Reading a.py"))
    assert state.polecats[NUX].action == "Reading a.py"
    state.glance(ev.ActionChanged(rig=WHERE["rig"], polecat=SLIT, action="x"))
    assert SLIT not in state.polecats


# --- landing --------------------------------------------------------------------------------------


def test_a_restacked_convoy_stands_on_its_new_base_and_keeps_the_old_one() -> None:
    state = town(slung(), submitted(), merged(), restacked(A, signed=True))
    assert (state.base, state.stands_on, state.signed_tip) == (BASE, TREE, BASE)
    assert (state.beads[A].commit, state.beads[A].status) == (BASE, "merged")


def test_a_bead_whose_change_was_there_already_counts_as_merged_where_it_was_found() -> None:
    state = town(slung(), submitted(), merged(), restacked(skipped=(A,)))
    assert (state.beads[A].commit, state.beads[A].status) == (TREE, "merged")


def test_what_landed_here_is_missing_on_its_remote_until_it_was_pushed() -> None:
    here = ev.ConvoyLanded(**WHERE, target="refs/heads/main", commit=TIP, tree=TREE, remote="origin")
    state = town(slung(), submitted(), merged(), here)
    assert (state.missing_on, state.landed_on) == ("origin", "refs/heads/main")
    state = town(
        slung(),
        submitted(),
        merged(),
        here,
        ev.ConvoyPushed(**WHERE, remote="origin", branch="main", commit=TIP),
    )
    assert state.missing_on == ""
    assert town(slung(), submitted(), merged(), landed()).missing_on == ""


def test_an_undone_landing_can_land_again() -> None:
    undone = ev.LandingUndone(**WHERE, target="refs/heads/main", commit=BASE, reverted=True)
    state = town(slung(), submitted(), merged(), landed(), undone)
    assert (state.stage, state.landed_on, state.landed_tree) == ("ready_to_land", "", None)
    assert (state.reverted_by, state.beads[A].status) == (BASE, "merged")
    assert town(slung(), submitted(), merged(), landed(), undone, landed()).reverted_by is None


def test_a_dropped_bead_is_discarded_and_not_awaited() -> None:
    state = town(slung(), submitted(), merged(), ev.BeadDropped(**WHERE, bead=A, reason="not wanted"))
    assert (state.beads[A].status, state.beads[A].reason) == ("discarded", "not wanted")
    assert state.works() == [B]


# --- messages -------------------------------------------------------------------------------------


def sent(message: str, bead: BeadId = A) -> ev.MessageSent:
    return ev.MessageSent(**WHERE, bead=bead, message=message, text=f"text of {message}")


def delivered(message: str, turn: int) -> ev.MessageDelivered:
    return ev.MessageDelivered(**WHERE, bead=A, message=message, turn=turn)


def test_a_message_is_unheard_until_it_was_delivered() -> None:
    state = town(slung(), sent("m-1"), sent("m-2"), sent("m-3", B), delivered("m-1", 4))
    assert [one.id for one in state.unheard(A)] == ["m-2"]
    first = state.messages["m-1"]
    assert (first.turn, first.text) == (4, "text of m-1")
    assert first.delivered_at is not None
    assert first.delivered_at > first.sent_at


def test_a_message_is_delivered_once_and_only_if_it_was_sent() -> None:
    state = town(slung(), sent("m-1"), delivered("m-1", 4), delivered("m-1", 5), delivered("m-9", 5))
    assert [(one.id, one.turn) for one in state.messages.values()] == [("m-1", 4)]


# --- planning ---------------------------------------------------------------------------------------


def test_a_draft_is_edited_opened_and_taken_out() -> None:
    waits = ev.DependencyAdded(**WHERE, bead=C, on=A)
    state = town(
        added(C, status="draft", model="m"),
        waits,
        ev.ConvoyRetitled(**WHERE, title="Other"),
        ev.BeadEdited(**WHERE, bead=C, title="Better", files=("x.py",), type="bug", model=""),
        ev.BeadEdited(**WHERE, bead=BeadId("gt-gone"), title="Nobody's"),
    )
    bead = state.beads[C].bead
    assert (state.title, bead.title, bead.files, bead.kind, bead.model, bead.priority) == (
        "Other",
        "Better",
        ("x.py",),
        "bug",
        None,
        2,
    )
    assert state.beads[C].status == "draft"
    opened = town(added(C, status="draft"), ev.BeadOpened(**WHERE, bead=C), ev.BeadOpened(**WHERE, bead=A))
    assert opened.with_status("open") == [A, B, C]
    gone = town(added(C, status="draft"), waits, ev.BeadRemoved(**WHERE, bead=C))
    assert (list(gone.beads), gone.dependencies, gone.removed) == ([A, B], [], {C})


def test_only_the_dependency_of_that_kind_goes() -> None:
    both = [ev.DependencyAdded(**WHERE, bead=B, on=A, type=kind) for kind in ("blocks", "related")]
    state = town(*both, ev.DependencyRemoved(**WHERE, bead=B, on=A))
    assert [one.kind for one in state.dependencies] == ["related"]


def test_what_is_said_to_the_mayor_is_kept_once_and_in_order() -> None:
    said = ev.MayorSaid(**WHERE, who="you", turn=1, text="Do it.")
    reply = ev.MayorSaid(**WHERE, who="mayor", turn=2, tools=("read",), cost=7, shown=(A,))
    state = town(said, reply, reply)
    assert [(one.who, one.text, one.tools, one.cost) for one in state.mayor] == [
        ("you", "Do it.", (), 0),
        ("mayor", "", ("read",), 7),
    ]
