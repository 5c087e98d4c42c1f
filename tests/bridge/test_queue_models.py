from __future__ import annotations

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.models.queue import (
    GatesModel,
    MergedModel,
    QueueModel,
    RoundsModel,
    round_answer,
)
from gastown_desktop.core import events as ev
from gastown_desktop.core.gate_rounds import GateRounds
from gastown_desktop.core.ids import ConvoyId, Oid
from tests.bridge.town import (
    CONVOY,
    RIG,
    SLIT,
    START,
    A,
    B,
    begun,
    gate,
    gate_run,
    merged,
    shown,
    slung,
    submitted,
    tell,
    then,
)


def test_the_models_keep_qts_rules(qtmodeltester: ModelTester) -> None:
    view = shown(*begun(A, B), slung(A), slung(B, SLIT), submitted(A), gate_run(A))
    states = view.at_work()
    queue, done, rounds, gates = QueueModel(), MergedModel(), RoundsModel(), GatesModel()
    gathered = GateRounds()

    def check_all() -> None:
        gathered.catch_up(view.timeline)
        queue.refresh(view, states, START)
        done.refresh(states)
        rounds.refresh(gathered.of({CONVOY}))
        gates.refresh(states)
        for model in (queue, done, rounds, gates):
            qtmodeltester.check(model)

    check_all()
    then(view, merged(A), submitted(B, SLIT), gate_run(B, green=False, tail="1 failed"))
    check_all()
    assert [one.bead for one in queue.values] == [B]
    assert [one.bead for one in done.values] == [A]
    assert [one.number for one in rounds.values] == [2, 1]
    assert gates.values[0].runs == 2


def test_every_column_of_the_queue_has_words(qtbot: QtBot) -> None:
    view = shown(*begun(A), slung(A), submitted(A))
    model = QueueModel()
    model.refresh(view, view.at_work(), START)
    texts = [model.data(model.index(0, column)) for column in range(model.columnCount())]
    assert texts == ["1", "gt-a Do gt-a", "Nux", "1,200", "0 + 200 − 0", "Queued", "0 s"]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((gate_run(A),), "Green"),
        ((gate_run(A), merged(A)), "Green, merged"),
        ((gate_run(A, cached=True),), "Known to be green"),
        ((gate_run(A, green=False, tail="a\nFAILED test_x\n\n"),), "Red, pytest: FAILED test_x"),
        ((gate_run(A, green=False, purpose="confirm"),), "Red again, pytest"),
        ((gate_run(A, purpose="confirm"),), "Green the second time, so the red was chance"),
    ],
)
def test_a_round_says_how_it_ended(events: tuple[ev.DurableEvent, ...], words: str, qtbot: QtBot) -> None:
    view = shown(*begun(A), slung(A), submitted(A), *events)
    rounds = GateRounds()
    rounds.catch_up(view.timeline)
    assert round_answer(rounds.rounds[0]) == words


def test_convoys_that_run_are_at_work_else_the_newest(qtbot: QtBot) -> None:
    view = shown(*begun(A))
    assert view.at_work() == [view.convoys[CONVOY]]
    other = ev.ConvoyCreated(rig=RIG, convoy=ConvoyId("cv-2"), title="T", base=Oid("1"), target="t")
    tell(view, [ev.Envelope(seq=1, at=START, event=other)])
    assert view.at_work() == [view.convoys[ConvoyId("cv-2")]]
    tell(view, [ev.RunChanged(rig=RIG, convoy=CONVOY, running=True), gate("pytest", A)])
    assert view.at_work() == [view.convoys[CONVOY]]
