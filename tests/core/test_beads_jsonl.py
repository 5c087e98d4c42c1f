from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_desktop.core.bead import BEAD_KINDS, DEPENDENCY_KINDS, Bead, Dependency
from gastown_desktop.core.beads_jsonl import ListedBead, parse, render
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId

WORDS = st.text()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
UNKNOWN = st.dictionaries(
    st.sampled_from(("created_at", "assignee", "design", "estimate", "émoji")),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2), max_leaves=4),
    max_size=3,
)


@st.composite
def listings(draw: st.DrawFn) -> list[ListedBead]:
    ids = draw(st.lists(st.from_regex(r"[a-z]{2}-[0-9a-z]{5}", fullmatch=True), unique=True, max_size=4))
    return [
        ListedBead(
            bead=Bead(
                id=BeadId(one),
                title=draw(WORDS),
                description=draw(WORDS),
                acceptance=draw(WORDS),
                kind=draw(st.sampled_from(BEAD_KINDS)),
                priority=draw(st.integers(0, 4)),
                labels=tuple(draw(st.lists(WORDS, max_size=2))),
                extra=draw(UNKNOWN),
            ),
            status=draw(st.sampled_from(("open", "blocked", "deferred", "landed"))),
            dependencies=tuple(
                Dependency(bead=BeadId(one), on=BeadId(on), kind=draw(st.sampled_from(DEPENDENCY_KINDS)))
                for on in draw(st.lists(st.sampled_from(ids), max_size=2))
            ),
        )
        for one in ids
    ]


@settings(max_examples=50)
@given(listings())
def test_what_is_written_is_read_back(listed: list[ListedBead]) -> None:
    text = render(listed)
    assert parse(text) == listed
    assert render(parse(text)) == text
    assert text.count("\n") == len(listed)


def one(**fields: Any) -> ListedBead:
    return parse(json.dumps({"id": "gt-1", "title": "Do it", **fields}))[0]


def written(listed: ListedBead) -> dict[str, Any]:
    return json.loads(render([listed]))


def test_fields_of_another_tool_are_kept() -> None:
    listed = one(created_at="2026-01-01", estimate={"hours": 2}, priority=0)
    assert listed.bead.extra == {"created_at": "2026-01-01", "estimate": {"hours": 2}}
    assert written(listed)["estimate"] == {"hours": 2}
    assert written(listed)["priority"] == 0


def test_an_unknown_kind_is_a_task_here_and_stays_what_it_was_there() -> None:
    listed = one(issue_type="molecule")
    assert listed.bead.kind == "task"
    assert written(listed)["issue_type"] == "molecule"


def test_an_unknown_status_is_kept_until_the_bead_moves_on() -> None:
    listed = one(status="hibernating")
    assert listed.status == "open"
    assert written(listed)["status"] == "hibernating"
    landed = ListedBead(bead=listed.bead, status="landed", dependencies=())
    assert written(landed)["status"] == "closed"


def test_a_draft_is_still_what_the_file_said() -> None:
    listed = replace(one(status="hibernating"), status="draft")
    assert written(listed)["status"] == "hibernating"


def test_dependencies_that_ours_cannot_express_are_written_back() -> None:
    elsewhere = {"issue_id": "gt-1", "depends_on_id": "external:a:b", "type": "tracks"}
    listed = one(dependencies=[{"depends_on_id": "gt-1", "type": "blocks"}])
    listed = replace(listed, bead=replace(listed.bead, extra={"dependencies": [elsewhere]}))
    assert [given["type"] for given in written(listed)["dependencies"]] == ["blocks", "tracks"]


@pytest.mark.parametrize(
    ("theirs", "ours", "back"),
    [
        ("open", "open", "open"),
        ("in_progress", "open", "open"),
        ("closed", "landed", "closed"),
        ("blocked", "blocked", "blocked"),
        ("deferred", "deferred", "deferred"),
    ],
)
def test_a_status_is_translated(theirs: str, ours: str, back: str) -> None:
    assert one(status=theirs).status == ours
    assert written(one(status=theirs))["status"] == back


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("conditional-blocks", "conditional"), ("parent-child", "parent"), ("blocks", "blocks")],
)
def test_a_dependency_is_translated_there_and_back(theirs: str, ours: str) -> None:
    listed = one(dependencies=[{"issue_id": "gt-1", "depends_on_id": "gt-1", "type": theirs}])
    assert [dependency.kind for dependency in listed.dependencies] == [ours]
    assert written(listed)["dependencies"][0]["type"] == theirs


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_a_line_ends_at_a_newline_only(character: str) -> None:
    assert parse(render([one(title=f"one{character}two")]))[0].bead.title == f"one{character}two"


def test_half_a_surrogate_pair_can_be_written_to_a_file() -> None:
    text = render([one(title="\ud800 ü")])
    assert parse(text.encode().decode())[0].bead.title == "\ud800 ü"


def test_text_is_written_as_people_read_it() -> None:
    assert "Grüße" in render([one(title="Grüße")])


def test_empty_lines_and_windows_line_ends_are_no_trouble() -> None:
    assert len(parse('\n{"id":"a","title":"x"}\r\n\r\n{"id":"b","title":"y"}')) == 2


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "17",
        "null",
        "{}",
        '{"id":"a"}',
        '{"id":7,"title":"x"}',
        '{"id":"a","title":null}',
        '{"id":"a","title":"x","priority":null}',
        '{"id":"a","title":"x","priority":9}',
        '{"id":"a","title":"x","priority":Infinity}',
        '{"id":"a","title":"x","labels":[1]}',
        '{"id":"a","title":"x","labels":5}',
        '{"id":"a","title":"x","status":[]}',
        '{"id":"a","title":"x","dependencies":["a"]}',
        '{"id":"a","title":"x","dependencies":[{"type":"blocks"}]}',
        '{"id":"a","title":"x","dependencies":[{"depends_on_id":"a","type":"eats"}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_bead_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(Refused, match="Line 2 is no bead"):
        parse('{"id":"ok","title":"fine"}\n' + line)


def test_two_beads_of_one_name_are_refused() -> None:
    with pytest.raises(Refused, match="Line 2 is a second bead a"):
        parse('{"id":"a","title":"x"}\n{"id":"a","title":"y"}')


def test_a_dependency_on_nothing_is_refused() -> None:
    with pytest.raises(Refused, match="gone-1"):
        one(dependencies=[{"depends_on_id": "gone-1"}])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a\nGastown-Cost: 0",
        "../../heads/main",
        "a/b",
        "a..b",
        "a.lock",
        "-rf",
        "\x1b[2J",
        "\u202ea",
        "x" * 101,
    ],
)
def test_a_name_that_cannot_be_part_of_a_ref_or_a_trailer_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="Line 1 is no bead"):
        one(id=name)


@pytest.mark.parametrize("name", ["gt-1", "bd-a3f8.1.2", "Proj_1-x", "1"])
def test_names_of_other_tools_are_taken(name: str) -> None:
    assert one(id=name).bead.id == name
