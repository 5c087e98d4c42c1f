"""Transcripts give every request again as it was sent, whenever the process was killed."""

from __future__ import annotations

import pytest

from tests.e2e.transcripts import Outcome, Trial, kill_at, run_trial


def assert_replays(outcome: Outcome) -> None:
    """Asserts that nothing differs and that the convoy is merged whole."""
    assert outcome.problems == []
    assert outcome.replay.turns == outcome.replay.equal > 0
    assert (outcome.result["merged"], outcome.result["needs_you"]) == (outcome.result["beads"], [])


def test_every_recorded_turn_replays_to_the_byte_whatever_befell_its_conversation() -> None:
    kinds = ("odd", "full", "cut", "circles", "red", "meet", "meet")
    outcome = run_trial(Trial(beads=7, kinds=kinds, polecats=7))
    assert_replays(outcome)
    ways = {"afresh", "cut", "in circles", "malformed", "nudged", "red", "resolver", "silent"}
    assert outcome.replay.ways >= ways
    assert outcome.kills == 0


@pytest.mark.parametrize(
    ("kind", "moment", "number"),
    [("plain", "while", 3), ("odd", "while", 9), ("red", "after", 7)],
)
def test_a_run_killed_at_a_request_goes_on_with_valid_messages_and_replays_to_the_byte(
    kind: str, moment: str, number: int
) -> None:
    """The third request of a run is the Mayor's, who has proposed beads and may still mend them."""
    outcome = kill_at(kind, moment, number)
    assert outcome.kills == 1
    assert_replays(outcome)
