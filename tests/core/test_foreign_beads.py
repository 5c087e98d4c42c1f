"""Beads of another town: work, what is none, and what has to be named because it cannot come along."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.beads_jsonl import render
from gastown_desktop.core.foreign_beads import ForeignBeads, Taken, kind_of, read_beads, taken


def bead(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Do {name}",
        "status": "open",
        "priority": 2,
        "issue_type": "task",
        **fields,
    }


def read(*beads: dict[str, Any]) -> ForeignBeads:
    return read_beads("\n".join(json.dumps(one) for one in beads))


def waits(name: str, on: str, kind: str = "blocks") -> dict[str, Any]:
    return {"issue_id": name, "depends_on_id": on, "type": kind, "created_by": "mayor"}


def exported(beads: Taken) -> list[dict[str, Any]]:
    return [json.loads(line) for line in render(beads.listed).splitlines()]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, ""),
        ({"issue_type": "epic"}, ""),
        ({"issue_type": "something-new"}, ""),
        ({"issue_type": "convoy"}, "convoy"),
        ({"issue_type": "task", "labels": ["gt:convoy"]}, "convoy"),
        ({"issue_type": "task", "labels": ["urgent", "gt:agent"]}, "agent"),
        ({"issue_type": "merge-request"}, "merge-request"),
        ({"issue_type": "message"}, "message"),
        ({"status": "tombstone", "issue_type": "bug"}, "deleted"),
        ({"ephemeral": True}, "wisp"),
        ({"ephemeral": 1}, "wisp"),
        ({"id": "gt-wisp-abc"}, "wisp"),
        ({"is_template": True}, "molecule"),
        ({"_type": "issue"}, ""),
        ({"_type": "memory"}, "memory"),
    ],
)
def test_what_is_work_and_what_is_not(fields: dict[str, Any], kind: str) -> None:
    assert kind_of(bead("gt-1", **fields)) == kind


def test_open_work_is_drafts_and_closed_work_stays_behind() -> None:
    found = read(
        bead("gt-1"),
        bead("gt-2", status="in_progress", assignee="gastown/polecats/toast"),
        bead("gt-3", status="closed"),
        bead("gt-4", status="hooked"),
        bead("gt-5", status="deferred"),
        bead("gt-6", issue_type="message"),
    )
    assert (found.open, found.closed, dict(found.others)) == (4, 1, {"message": 1})
    chosen = taken(found, closed=False)
    assert {one.bead.id: one.status for one in chosen.listed} == {
        "gt-1": "draft",
        "gt-2": "draft",
        "gt-4": "draft",
        "gt-5": "deferred",
    }
    assert [one.bead.id for one in taken(found, closed=True).listed][2] == "gt-3"
    assert [one["status"] for one in exported(chosen)] == ["open", "in_progress", "hooked", "deferred"]
    assert exported(chosen)[1]["assignee"] == "gastown/polecats/toast"


def test_order_is_kept_where_both_come_along_and_named_where_it_is_lost() -> None:
    found = read(
        bead("gt-1", status="closed"),
        bead("gt-wisp-1", status="closed"),
        bead("gt-9", status="tombstone"),
        bead("gt-2"),
        bead(
            "gt-3",
            dependencies=[
                waits("gt-3", "gt-wisp-1"),
                waits("gt-3", "gt-9"),
                waits("gt-3", "gt-2"),
                waits("gt-3", "gt-1"),
                waits("gt-3", "external:beads:bd-9"),
                waits("gt-3", "gt-2", "relates-to"),
                waits("gt-3", "gt-2", "parent-child"),
                "nonsense",
            ],
        ),
    )
    chosen = taken(found, closed=False)
    third = chosen.listed[1]
    assert [(one.on, one.kind) for one in third.dependencies] == [("gt-2", "blocks"), ("gt-2", "parent")]
    notes = "\n".join(chosen.notes)
    assert "order is lost: gt-3 → external:beads:bd-9" in notes
    assert "of the kind relates-to" in notes
    assert "of the kind unknown" in notes
    assert notes.count("order is lost") == 1
    written = exported(chosen)[1]["dependencies"]
    assert {one["depends_on_id"] for one in written if isinstance(one, dict)} == {
        "gt-1",
        "gt-2",
        "gt-9",
        "gt-wisp-1",
        "external:beads:bd-9",
    }
    assert len(written) == 8


def test_a_convoy_tells_what_it_tracks() -> None:
    found = read(
        bead(
            "hq-cv-1",
            issue_type="convoy",
            title="Ship \x1b[31mit",
            dependencies=[waits("x", "gt-1", "tracks")],
        )
    )
    (convoy,) = found.convoys
    assert (convoy.id, convoy.title, convoy.tracks) == ("hq-cv-1", "Ship [31mit", ("gt-1",))


def test_lines_that_are_no_bead_stop_nothing_and_are_named() -> None:
    text = "\n".join(
        [
            "not json",
            "[1]",
            "",
            "[" * 100_000,
            json.dumps(bead("../etc")),
            json.dumps({"id": "gt-1"}),
            json.dumps(bead("gt-2", priority=17)),
            json.dumps(bead("gt-3", labels=["a", 5])),
            json.dumps(bead("gt-4", status=["open"])),
            json.dumps(bead("gt-2")),
            json.dumps(bead("gt-5", description="x" * 1_100_000)),
        ]
    )
    found = read_beads(text)
    assert [one.bead.id for one in found.listed] == ["gt-2", "gt-3", "gt-4"]
    notes = "\n".join(found.notes)
    assert "3 × line that is no bead: line 1, line 2, line 4" in notes
    assert "2 × bead that cannot be read: ../etc" in notes
    assert "priority that is none of 0 to 4, read as 2: gt-2 (17)" in notes
    assert "label that is no text, left out: gt-3" in notes
    assert "status that is no text, left out: gt-4" in notes
    assert "second bead of one name, left out: gt-2" in notes
    assert "line that is too long" in notes


def test_a_back_up_has_dependencies_and_labels_in_files_of_their_own() -> None:
    text = "\n".join(json.dumps(bead(name)) for name in ("gt-1", "gt-2", "gt-3"))
    found = read_beads(
        text,
        dependencies=[waits("gt-2", "gt-1"), {"issue_id": 5}],
        labels=[{"issue_id": "gt-3", "label": "gt:agent"}, {"issue_id": "gt-1", "label": "urgent"}],
    )
    assert dict(found.others) == {"agent": 1}
    first, second = taken(found, closed=False).listed
    assert first.bead.labels == ("urgent",)
    assert [one.on for one in second.dependencies] == ["gt-1"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    ["id", "title", "status", "priority", "issue_type", "labels", "dependencies", "description", "_type", "x"]
)


@given(st.lists(st.dictionaries(_FIELDS, _VALUES), max_size=5))
def test_whatever_a_line_holds_it_is_read_or_named(lines: list[dict[str, Any]]) -> None:
    found = read_beads("\n".join(json.dumps(line) for line in lines))
    counted = len(found.listed) + len(found.convoys) + sum(found.others.values())
    left_out = [note for note in found.notes if "cannot be read" in note or "second bead" in note]
    empty = sum(not line for line in lines)
    assert counted + sum(int(note.partition(" ")[0]) for note in left_out) + empty == len(lines)
    taken(found, closed=True)
