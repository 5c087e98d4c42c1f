from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, ConvoyId, MergeId, Oid, PolecatName, RigId
from gastown_desktop.core.lanes import (
    LEAST_GAP,
    TIP_GAP,
    TOGETHER,
    Lanes,
    axis_of,
    fork_times,
)

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CONVOY = ConvoyId("cv-1")
WHERE: Any = {"rig": RigId("r"), "convoy": CONVOY}
OID = Oid("0" * 40)
_LINES = count(1)
"""Each turn adds a line."""


def event(told: str) -> ev.DurableEvent:
    """`Nux + a` starts, `Nux . a` a turn with changes, `Nux > a` hands in, `* a` merges, `- a` drops."""
    worker, sign, bead, *rest = told.split() if told[0].isupper() else ("", *told.split())
    known: Any = {**WHERE, "bead": BeadId(bead)}
    name = PolecatName(worker)
    match sign:
        case "+":
            base = Oid(rest[0]) if rest else OID
            return ev.BeadSlung(**known, polecat=name, epoch=1, base=base, branch="b")
        case ".":
            return ev.TurnEnded(
                **known,
                polecat=name,
                turn=1,
                hook=OID,
                cost=1,
                prompt_tokens=1,
                output_tokens=1,
                files_changed=int(rest[0]) if rest else 1,
                lines_added=next(_LINES) if rest != ["0"] else 0,
            )
        case ">":
            return ev.BeadSubmitted(
                **known, polecat=name, merge=MergeId(bead), branch="b", commit=OID, base=OID
            )
        case "g":
            beads = tuple(BeadId(one) for one in bead)
            return ev.GateRun(**WHERE, gate="t", tree=OID, green=True, seconds=60.0, beads=beads)
        case "*":
            return ev.BeadMerged(**known, merge=MergeId(bead), commit=Oid(f"c{bead}"), tree=OID)
        case _:
            return ev.BeadDropped(**known)


def lanes(told: str) -> Lanes:
    """One event a minute, separated by commas."""
    events = [event(one.strip()) for one in told.split(",")]
    made = Lanes()
    made.catch_up(
        [
            ev.Envelope(seq=seq, at=START + timedelta(minutes=seq), event=one)
            for seq, one in enumerate(events, 1)
        ]
    )
    return made


def drawn(made: Lanes) -> str:
    """Each lane as a line: workers with their beads, `.` for a commit, `>` for the end, `*` for the merge."""
    rows = [""] * made.width(CONVOY)
    for one in made.stretches(CONVOY):
        dots = "." * len(one.commits) + (">" if one.ended else "") + ("*" if one.merged else "")
        rows[one.slot] += f" {one.worker}:{one.bead}{dots}"
    return "\n".join(row.strip() for row in rows)


@pytest.mark.parametrize(
    ("told", "picture"),
    [
        # each worker has a lane, in the order of their birth
        ("Nux + a, Slit + b, Nux . a, Slit . b, Nux . a", "Nux:a..\nSlit:b."),
        # turns that changed nothing are no commits
        ("Nux + a, Nux . a 0, Nux . a 2, Nux . a 0", "Nux:a.."),
        # who waits to be merged keeps the lane, and a new bead takes another
        ("Nux + a, Nux > a, Nux + b", "Nux:a>\nNux:b"),
        # a merge frees the lane, and its worker takes it again
        ("Nux + a, Slit + b, Nux > a, * a, Nux + c", "Nux:a>* Nux:c\nSlit:b"),
        # or somebody else does
        ("Nux + a, Slit + b, Nux > a, * a, Dag + c", "Nux:a>* Dag:c\nSlit:b"),
        # work that went back goes on in its own lane
        ("Nux + a, Nux > a, Slit + b, Dag + a", "Nux:a> Dag:a\nSlit:b"),
        # what is dropped frees its lane
        ("Nux + a, - a, Slit + b", "Nux:a> Slit:b"),
    ],
)
def test_lanes(told: str, picture: str) -> None:
    assert drawn(lanes(told)) == picture


def test_what_one_gate_allowed_landed_together_and_the_newest_says_its_time() -> None:
    made = lanes("Nux + a, Slit + b, Dag + c, g ab, * a, * b, g c, * c")
    trunk = made.trunk([CONVOY])
    assert [(one.bead, one.worker, one.gate_s) for one in trunk] == [
        ("a", "Nux", None),
        ("b", "Slit", 60.0),
        ("c", "Dag", 60.0),
    ]
    assert trunk[0].group == trunk[1].group != trunk[2].group


def test_heights_grow_downward_and_what_is_new_leaves_old_gaps_alone() -> None:
    made = lanes("Nux + a, g ab, * a, * b, g c, * c")
    trunk = made.trunk([CONVOY])
    now = START + timedelta(minutes=7)
    axis, heights = axis_of(START, trunk, made.stretches(CONVOY), now)
    assert heights == [TIP_GAP + LEAST_GAP + TOGETHER, TIP_GAP + LEAST_GAP, TIP_GAP]
    assert axis.at(now) == 0
    later, moved = axis_of(START, trunk, made.stretches(CONVOY), now + timedelta(hours=1))
    assert [one - moved[2] for one in moved] == [one - heights[2] for one in heights]
    assert later.bottom - axis.bottom == moved[0] - heights[0]


def test_a_time_between_two_landings_is_drawn_between_them() -> None:
    made = lanes("g a, * a, g b, * b")
    axis, heights = axis_of(START, made.trunk([CONVOY]), [], START + timedelta(minutes=10))
    halfway = axis.at(START + timedelta(minutes=3))
    assert halfway == (heights[0] + heights[1]) / 2
    assert axis.at(START - timedelta(minutes=1)) == axis.bottom
    assert axis.at(START + timedelta(hours=2)) == 0


def test_many_commits_get_the_room_they_need() -> None:
    few, many = "Nux + a, Nux . a", "Nux + a" + ", Nux . a" * 12
    quiet, busy = (
        axis_of(START, [], lanes(told).stretches(CONVOY), START + timedelta(minutes=30))[0]
        for told in (few, many)
    )
    assert busy.bottom > quiet.bottom


def test_a_lane_leaves_the_trunk_at_its_base_or_where_the_lane_was_free() -> None:
    made = lanes("Nux + a, g a, * a, Slit + b ca, Nux + c ca")
    stretches = made.stretches(CONVOY)
    forks = list(fork_times(stretches, made.trunk([CONVOY]), START).values())
    assert forks == [START, START + timedelta(minutes=3), START + timedelta(minutes=3)]
    again = lanes("Nux + a, Nux . a, Nux > a, Dag + a")
    stretches = again.stretches(CONVOY)
    assert list(fork_times(stretches, [], START).values()) == [START, START + timedelta(minutes=4)]
