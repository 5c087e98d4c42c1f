"""The soak in small: days that pass in seconds, over a change of the clock, with a kill and a restart."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.soak import LEGS, begin, judge, live
from tests.e2e.soaked_town import Soak


def test_hours_of_work_over_both_changes_of_the_clock_lose_nothing(tmp_path: Path) -> None:
    soak = Soak(hours=4, beads=3, polecats=3, restarts=2, seed=5, legs=LEGS)
    begin(tmp_path, soak)

    assert live(tmp_path, soak) == []

    assert judge(tmp_path, soak) == []
    ends = (tmp_path / "ends.jsonl").read_text()
    assert '"how": "kill"' in ends
