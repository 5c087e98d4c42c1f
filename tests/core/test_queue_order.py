from __future__ import annotations

from datetime import timedelta

from gastown_desktop.core.queue_order import QueueEntry, queue
from tests.bridge.town import (
    CONVOY,
    NUX,
    SLIT,
    START,
    A,
    B,
    C,
    approved,
    begun,
    gate,
    merged,
    merging,
    shown,
    slung,
    submitted,
    tell,
    then,
)


def listed(*events: object) -> list[QueueEntry]:
    view = shown(*begun(A, B, C), *events)  # type: ignore[arg-type]
    return queue([view.convoys[CONVOY]], view.glance, START + timedelta(hours=1))


def test_who_came_first_lands_first_and_the_score_says_why() -> None:
    first, second = listed(slung(A), slung(B, SLIT), submitted(A), submitted(B, SLIT))
    assert (first.bead, first.position) == (A, 1)
    assert (second.bead, second.position) == (B, 2)
    assert first.parts == "200 + 200 − 0"
    assert round(first.score.total) == 1400
    assert first.word == "Queued"


def test_what_is_merged_or_went_back_does_not_wait() -> None:
    assert listed(slung(A), submitted(A), merged(A)) == []
    assert listed(slung(A), submitted(A), merging("red")) == []


def test_what_is_in_conflict_has_no_place_and_says_why() -> None:
    entries = listed(
        slung(A),
        slung(B, SLIT),
        submitted(A),
        submitted(B, SLIT),
        merging("conflicted", reason="it conflicts"),
    )
    assert [(one.bead, one.position, one.word) for one in entries] == [
        (B, 1, "Queued"),
        (A, None, "Conflict"),
    ]
    assert entries[1].reason == "it conflicts"
    assert "it conflicts" in entries[1].spoken


def test_what_is_in_the_running_gate_is_gating() -> None:
    view = shown(*begun(A, B), slung(A, NUX), submitted(A))
    tell(view, [gate("pytest", A)])
    (entry,) = queue([view.convoys[CONVOY]], view.glance, START)
    assert (entry.word, entry.state) == ("Gating", "merging")
    then(view, merged(A))
    assert queue([view.convoys[CONVOY]], view.glance, START) == []


def test_what_a_reviewer_has_not_let_pass_has_no_place_yet() -> None:
    view = shown(*begun(A, B, reviewed=True), slung(A), slung(B, SLIT), submitted(A), submitted(B, SLIT))
    then(view, approved(B))
    entries = queue([view.convoys[CONVOY]], view.glance, START)
    assert [(one.bead, one.position, one.word, one.state) for one in entries] == [
        (B, 1, "Queued", "queued"),
        (A, None, "In review", "review"),
    ]
