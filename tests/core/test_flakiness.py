from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.flakiness import (
    CHANCE,
    LEAST_REDS,
    MOST_REDS,
    USELESS,
    FlakeRecord,
    describe,
    lesson,
    reds_needed,
)


def test_a_gate_without_a_record_is_neither_trusted_nor_quarantined() -> None:
    record = FlakeRecord()
    assert record.rate == pytest.approx(0.05)
    assert not record.quarantined
    assert reds_needed(record) == 8


@pytest.mark.parametrize(("runs", "reds"), [(0, 8), (3, 7), (8, 5), (20, 4), (60, 3), (264, 2), (1_000, 2)])
def test_the_longer_a_gate_was_steady_the_fewer_reds_it_takes(runs: int, reds: int) -> None:
    assert reds_needed(FlakeRecord(runs=runs)) == reds


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_the_chance_of_blaming_a_good_change_is_bounded(runs: int, flips: int) -> None:
    record = FlakeRecord(runs=runs, flips=min(flips, runs))
    needed = reds_needed(record)
    if needed is None:
        assert record.rate > USELESS
        return
    assert LEAST_REDS <= needed <= MOST_REDS
    assert needed == MOST_REDS or record.rate**needed <= CHANCE


def test_a_red_becomes_a_flip_once_the_same_tree_is_green() -> None:
    assert lesson(green=False, known_good=False, reds=0) == (0, 0)
    assert lesson(green=False, known_good=False, reds=3) == (0, 0)
    assert lesson(green=True, known_good=False, reds=0) == (1, 0)
    assert lesson(green=True, known_good=False, reds=3) == (4, 3)
    assert lesson(green=True, known_good=True, reds=0) == (1, 0)
    assert lesson(green=False, known_good=True, reds=0) == (1, 1)


@pytest.mark.parametrize("flakes", [0.02, 0.2, 0.4])
def test_the_rate_is_learned_from_good_trees_alone(flakes: float) -> None:
    random, record = Random(5), FlakeRecord()
    for tree in range(300):
        is_good = tree % 10 != 0
        for reds in range(6):
            green = is_good and random.random() >= flakes
            runs, flips = lesson(green=green, known_good=False, reds=reds)
            record = record.plus(runs=runs, flips=flips)
            if green:
                break
    assert record.rate == pytest.approx(flakes, abs=0.06)


def test_a_mended_gate_leaves_quarantine_after_a_long_steady_time() -> None:
    record = FlakeRecord(runs=100, flips=3)
    months = 0
    while record.quarantined:
        record = record.plus(runs=100, flips=0)
        months += 1
    assert 9 <= months < 25
    assert record.runs >= 400


def test_a_flaky_gate_is_described_with_what_its_reds_count_for() -> None:
    assert describe("lint", FlakeRecord(runs=10, flips=2)) == (
        "lint is in quarantine, 2 of 10 runs on good trees were red: "
        "a red of it counts only after 8 in a row."
    )
    assert "blame nobody" in describe("lint", FlakeRecord(runs=60, flips=50))
