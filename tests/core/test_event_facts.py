"""Every stored event can be looked at closely."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from gastown_desktop.bridge.models.timeline import KINDS
from gastown_desktop.core import events as ev
from gastown_desktop.core.event_facts import bead_of, facts_of, worker_of
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.projection import Projection
from tests.bridge.town import CONVOY, NUX, WHERE, A, B, begun, shown, slung, turned

GOLDEN = Path(__file__).with_name("golden_events_v1.jsonl")


def test_stored_events_tell_facts_without_failing() -> None:
    for line in GOLDEN.read_bytes().splitlines(keepends=True):
        event = decode(line).event
        told = facts_of(event)
        assert all(name and value for name, value in told.facts), event
        assert worker_of(Projection(), event) == getattr(event, "polecat", None)


def test_every_kind_of_event_is_in_exactly_one_group() -> None:
    grouped = [kind for kinds in KINDS.values() for kind in kinds]
    assert set(grouped) == set(get_args(ev.DurableEvent))
    assert len(grouped) == len(set(grouped))


def test_money_time_and_ids_are_worded() -> None:
    facts = dict(facts_of(turned()).facts)
    assert facts["Worker"] == "Nux"
    assert facts["Cost"] == "<$0.01"
    assert facts["Hook"] == "1" * 10
    assert facts["Prompt tokens"] == "100"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ev.NeedsYou(**WHERE, item="q", about="question", text="Which?\nOne?"), "Which?\nOne?"),
        (ev.BeadReopened(**WHERE, bead=A, reason="red:\ntail"), "red:\ntail"),
        (slung(), ""),
    ],
)
def test_long_texts_stand_alone(event: ev.DurableEvent, text: str) -> None:
    assert facts_of(event).text == text


def test_an_event_belongs_to_the_worker_of_its_bead() -> None:
    state = shown(*begun(A, B), slung(A)).convoys[CONVOY]
    assert worker_of(state, ev.BeadReopened(**WHERE, bead=A, reason="r")) == NUX
    assert worker_of(state, ev.BeadReopened(**WHERE, bead=B, reason="r")) is None
    run = ev.GateRun(**WHERE, gate="g", tree=WHERE["rig"], green=True, seconds=1, beads=(B, A))
    assert bead_of(run) == A
    assert worker_of(state, run) == NUX
