from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.models.fleet import COLUMNS, FleetModel
from gastown_desktop.bridge.models.rows import SORT_ROLE
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.card import sort_key
from gastown_desktop.core.ids import BeadId, ConvoyId, PolecatName
from tests.bridge.town import (
    CONVOY,
    NUX,
    SLIT,
    WHERE,
    A,
    B,
    C,
    acting,
    answered,
    became,
    begun,
    enveloped,
    merged,
    metered,
    needs,
    shown,
    slung,
    submitted,
    tell,
    then,
    turned,
)


def beads(model: FleetModel) -> list[BeadId]:
    return [card.bead for card in model.values]


def test_the_model_keeps_qts_rules(qtmodeltester: ModelTester) -> None:
    view = shown(*begun(A, B, C), slung(A), needs("q", bead=B))
    model = FleetModel(view)
    qtmodeltester.check(model)
    model.heed(then(view, slung(C, SLIT), answered("q")))
    qtmodeltester.check(model)


def test_cards_stand_by_urgency_and_equals_in_planning_order(qtbot: QtBot) -> None:
    view = shown(*begun(A, B, C), slung(B), became("working"))
    model = FleetModel(view)
    assert beads(model) == [B, A, C]
    model.heed(then(view, needs("q", bead=C)))
    assert beads(model) == [C, B, A]


def test_what_stays_in_its_place_is_one_signal(qtbot: QtBot) -> None:
    view = shown(*begun(A, B), slung(A), slung(B, SLIT), became("working"), became("working", SLIT))
    model = FleetModel(view)
    signals: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: signals.append((first.row(), last.row())))
    moves: list[object] = []
    model.rowsMoved.connect(lambda *args: moves.append(args))
    model.heed(tell(view, [acting("Reading"), acting("Editing", SLIT), metered(f"bead:{B}", 7)]))
    assert signals == [(0, 1)]
    assert moves == []
    assert [card.action for card in model.values] == ["Reading", "Editing"]


def test_while_the_pointer_is_over_the_cards_they_change_and_do_not_move(qtbot: QtBot) -> None:
    view = shown(*begun(A, B, C), slung(A), became("working"))
    model = FleetModel(view)
    model.hold_order(True)
    model.heed(then(view, needs("q", bead=C)))
    assert beads(model) == [A, B, C]
    assert model.values[2].state == "needs_you"
    model.hold_order(False)
    assert beads(model) == [C, A, B]


def test_while_held_new_cards_come_last_and_discarded_ones_go(qtbot: QtBot) -> None:
    view = shown(*begun(A, B))
    model = FleetModel(view)
    model.hold_order(True)
    added = ev.BeadAdded(
        rig=view.convoys[CONVOY].rig, convoy=view.convoys[CONVOY].convoy, bead=C, title="New"
    )
    model.heed(then(view, added, needs("q", bead=C)))
    assert beads(model) == [A, B, C]
    dropped = ev.BeadDropped(**WHERE, bead=A)
    model.heed(then(view, dropped))
    assert beads(model) == [B, C]
    model.hold_order(False)
    assert beads(model) == [C, B]


def test_only_convoys_at_hand_are_shown_and_one_more_that_is_looked_at(qtbot: QtBot) -> None:
    view = shown(*begun(A))
    model = FleetModel(view)
    model.heed(tell(view, enveloped(*begun(B, convoy=ConvoyId("cv-2")))))
    assert beads(model) == [B]
    model.look_at(A)
    assert sorted(beads(model)) == [A, B]
    model.heed(then(view, needs("q", bead=A)))
    assert sorted(beads(model)) == [A, B]
    model.heed(then(view, ev.NeedAnswered(**WHERE, item="q", answer="Yes")))
    assert beads(model) == [B]


def test_letting_go_of_what_did_not_move_signals_nothing(qtbot: QtBot) -> None:
    model = FleetModel(shown(*begun(A, B)))
    said: list[object] = []
    for signal in (model.rowsMoved, model.dataChanged, model.rowsInserted, model.modelReset):
        signal.connect(lambda *args: said.append(args))
    model.hold_order(True)
    model.hold_order(False)
    assert said == []


def test_counts_are_by_state_in_the_order_of_the_states(qtbot: QtBot) -> None:
    view = shown(*begun(A, B, C), slung(A), became("working"), needs("q", bead=B))
    assert FleetModel(view).counts() == {"needs_you": 1, "working": 1, "queued": 1}
    assert list(FleetModel(view).counts()) == ["needs_you", "working", "queued"]


def test_every_column_has_words_for_every_card(qtbot: QtBot) -> None:
    view = shown(*begun(A, B), slung(A), turned(A))
    model = FleetModel(view)
    row = model.row_of(A)
    assert row is not None
    texts = {column.title: model.data(model.index(row, at)) for at, column in enumerate(COLUMNS)}
    assert texts["Worker"] == "Nux"
    assert texts["Steps"] == "1/5"
    assert texts["Lines"] == "+3 −0"
    assert model.data(model.index(row, 7), SORT_ROLE) == 10
    assert model.data(model.index(1 - row, 4)) == ""


def test_another_repository_empties_the_model(qtbot: QtBot) -> None:
    view = shown(*begun(A))
    model = FleetModel(view)
    view.forget()
    model.refresh()
    assert model.rowCount() == 0
    tell(view, enveloped(*begun(B)))
    model.refresh()
    assert beads(model) == [B]


_WORKERS = {A: NUX, B: SLIT, C: PolecatName("Toast")}
_ONE = st.sampled_from([A, B, C])
_STEPS = st.one_of(
    st.tuples(st.just("work"), _ONE),
    st.tuples(st.just("ask"), _ONE),
    st.tuples(st.just("answer"), _ONE),
    st.tuples(st.just("pause"), _ONE),
    st.tuples(st.just("submit"), _ONE),
    st.tuples(st.just("merge"), _ONE),
    st.tuples(st.just("hold"), _ONE),
    st.tuples(st.just("let go"), _ONE),
)


def _happens(view: TownView, what: str, bead: BeadId) -> list[ev.DurableEvent]:
    worker = _WORKERS[bead]
    is_submitted = view.convoys[CONVOY].beads[bead].merge is not None
    happening: dict[str, list[ev.DurableEvent]] = {
        "work": [slung(bead, worker), became("working", worker)],
        "ask": [needs(f"q {bead}", bead=bead)],
        "answer": [answered(f"q {bead}")],
        "pause": [became("paused", worker)],
        "submit": [submitted(bead, worker)],
        "merge": [merged(bead)] if is_submitted else [],
    }
    return happening.get(what, [])


@given(st.lists(_STEPS, max_size=25))
def test_whatever_happens_the_cards_are_those_of_the_town_in_its_order(
    steps: list[tuple[str, BeadId]],
) -> None:
    view = shown(*begun(A, B, C))
    model, held = FleetModel(view), False
    for what, bead in steps:
        if what in {"hold", "let go"}:
            held = what == "hold"
            model.hold_order(held)
        order = beads(model)
        model.heed(then(view, *_happens(view, what, bead)))
        assert {card.bead: card for card in model.values} == {card.bead: card for card in view.cards()}
        if held:
            assert beads(model) == order
        else:
            assert list(model.values) == sorted(view.cards(), key=sort_key)
