"""What landed convoys told, remembered beside a rig's histories."""

from __future__ import annotations

from pathlib import Path

import pytest

from gastown_desktop.adapters.past_file import PastFile
from gastown_desktop.core.forecast import PastBead
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.engine.past import ConvoyPast

A, B = ConvoyId("cv-a"), ConvoyId("cv-b")
BEAD = PastBead(size="S", files=2, model="m", cost=3, turns=4, seconds=5.5)
PAST = ConvoyPast(rehearsal=False, beads=(BEAD,), answers=6, gate_s=7.0)


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    (tmp_path / "events").mkdir()
    for convoy in (A, B):
        (tmp_path / "events" / f"{convoy}.jsonl").write_text("an event\n")
    return tmp_path


def opened(rig: Path) -> PastFile:
    return PastFile(rig / "past.json", rig / "events")


def remember(rig: Path, *convoys: ConvoyId) -> None:
    file = opened(rig)
    for convoy in convoys:
        assert file.find(convoy) is None
        file.keep(convoy, PAST)
    file.save()


def test_it_is_found_again_as_long_as_the_history_is_the_same(rig: Path) -> None:
    remember(rig, A)
    remember(rig, B)
    assert opened(rig).find(A) == PAST
    with (rig / "events" / "cv-b.jsonl").open("a") as history:
        history.write("another\n")
    assert opened(rig).find(A) == PAST
    assert opened(rig).find(B) is None


def test_a_history_that_grew_while_it_was_read_is_read_again(rig: Path) -> None:
    file = opened(rig)
    file.find(A)
    with (rig / "events" / "cv-a.jsonl").open("a") as history:
        history.write("another\n")
    file.keep(A, PAST)
    file.save()
    assert opened(rig).find(A) is None


def test_what_is_forgotten_leaves_the_file(rig: Path) -> None:
    remember(rig, A)
    (rig / "events" / "cv-a.jsonl").unlink()
    remember(rig, B)
    assert "cv-a" not in (rig / "past.json").read_text()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"cv-a": {"size": 9, "past": {"beads": [{"cost": "3"}]}}}']
)
def test_a_damaged_file_is_as_if_there_were_none(rig: Path, content: str) -> None:
    (rig / "past.json").write_text(content)
    assert opened(rig).find(A) is None
    remember(rig, A)
    assert opened(rig).find(A) == PAST


def test_a_folder_that_takes_no_file_stops_nobody(rig: Path) -> None:
    (rig / "past.new").mkdir()
    file = opened(rig)
    file.find(A)
    file.keep(A, PAST)
    file.save()
    assert opened(rig).find(A) is None
