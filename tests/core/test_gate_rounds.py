from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.gate_rounds import GateRounds, candidates, red_is_in, usual_seconds
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, RigId

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WHERE: Any = {"rig": RigId("r"), "convoy": ConvoyId("cv-1")}


def run(beads: str, green: bool = True, gate: str = "pytest", **fields: Any) -> ev.GateRun:
    known: Any = {"tree": Oid(beads or "base"), "seconds": 10.0, **fields}
    return ev.GateRun(**WHERE, gate=gate, green=green, beads=tuple(BeadId(one) for one in beads), **known)


def merged(bead: str) -> ev.BeadMerged:
    return ev.BeadMerged(
        **WHERE, bead=BeadId(bead), merge=MergeId(bead), commit=Oid("1" * 40), tree=Oid("2" * 40)
    )


def history(*events: ev.DurableEvent) -> list[ev.Envelope]:
    return [
        ev.Envelope(seq=seq, at=START + timedelta(seconds=20 * seq), event=event)
        for seq, event in enumerate(events, 1)
    ]


def gathered(*events: ev.DurableEvent) -> GateRounds:
    rounds = GateRounds()
    rounds.catch_up(history(*events))
    return rounds


def test_gates_asked_of_one_tree_are_one_round() -> None:
    one, two = gathered(run("ab", gate="ruff"), run("ab", gate="pytest"), run("abc", gate="ruff")).rounds
    assert [answer.gate for answer in one.answers] == ["ruff", "pytest"]
    assert (one.number, two.number) == (1, 2)
    assert one.seconds == 20
    assert one.began == START + timedelta(seconds=10)
    assert one.ended == START + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (run("a"), run("a", purpose="confirm")),
        (run("a"), run("a")),
        (run("a", green=False, gate="ruff"), run("a", gate="pytest")),
        (run("a", gate="ruff"), run("b", gate="pytest")),
    ],
)
def test_another_question_is_another_round(first: ev.GateRun, second: ev.GateRun) -> None:
    assert len(gathered(first, second).rounds) == 2


def test_a_red_gives_the_tail_and_a_known_answer_took_no_time() -> None:
    red, known = gathered(
        run("a", green=False, tail="1 failed"), run("b", cached=True, seconds=0, saved_s=9)
    ).rounds
    assert not red.green
    assert red.tail == "1 failed"
    assert known.cached
    assert known.seconds == 0


def test_merges_count_for_the_round_that_allowed_them() -> None:
    (one,) = gathered(run("abc"), merged("a"), merged("b"), merged("c")).rounds
    assert one.merged == 3
    (red,) = gathered(run("abc", green=False), merged("a")).rounds
    assert red.merged == 0


def test_history_is_read_once_and_another_one_from_its_begin() -> None:
    rounds, told = GateRounds(), history(run("a"))
    assert rounds.catch_up(told)
    assert not rounds.catch_up(told)
    told.extend(history(run("a"), run("b"))[1:])
    assert rounds.catch_up(told)
    assert [one.number for one in rounds.rounds] == [1, 2]
    assert not rounds.catch_up([])
    assert rounds.rounds == ()


def test_the_usual_time_leaves_known_answers_out() -> None:
    rounds = gathered(run("a", seconds=5), run("b", seconds=9), run("c", cached=True, seconds=0)).rounds
    assert usual_seconds(rounds, "pytest") == 7
    assert usual_seconds(rounds, "ruff") is None


@pytest.mark.parametrize(
    ("tested", "waiting", "row"),
    [
        ([], "ab", "ab"),
        (["abc"], "", "abc"),
        (["abc", "ab", "cd"], "cde", "abcde"),
        (["axb", "ab"], "x", "axb"),
        (["ab"], "ba", "ab"),
        (["ab", "cd", "e"], "f", "abcdef"),
        (["bc", "ab"], "", "abc"),
    ],
)
def test_candidates_stand_in_one_row(tested: list[str], waiting: str, row: str) -> None:
    rounds = gathered(*(run(beads) for beads in tested)).rounds
    assert candidates(rounds, [BeadId(one) for one in waiting]) == list(row)


@pytest.mark.parametrize(
    ("runs", "place", "found"),
    [
        ([("abcd", False), ("ab", True)], 1, "cd"),
        ([("abcd", False), ("ab", False)], 1, ""),
        ([("abcd", True), ("ab", True)], 1, ""),
        ([("ab", False), ("abcd", True)], 1, ""),
        ([("ab", True)], 0, ""),
    ],
)
def test_a_green_says_where_the_red_must_be(runs: list[tuple[str, bool]], place: int, found: str) -> None:
    rounds = gathered(*(run(beads, green) for beads, green in runs)).rounds
    assert red_is_in(rounds, place) == tuple(found)
