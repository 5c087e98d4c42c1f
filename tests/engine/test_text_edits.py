from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gastown_desktop.engine.text_edits import edits_between

LINES = st.sampled_from(("a\n", "b\n", "aa\n", "\n", "  x\n", "def f():\r\n", "last", "ä\u2028", "\f"))
TEXTS = st.lists(LINES, max_size=14).map("".join)


def occurrences(text: str, old: str) -> int:
    """How often a text occurs, overlaps included."""
    return sum(text.startswith(old, start) for start in range(len(text)))


@given(TEXTS, TEXTS)
@example("a\na\n", "a\na\na\n")
@example("b\na\nb\na\nb\n", "b\na\nb\na\n")
@example("", "new\n")
@example("old\n", "")
def test_edits_applied_in_order_give_the_new_text_each_at_its_only_place(before: str, after: str) -> None:
    edits = edits_between(before, after)
    text = before
    for old, new in edits:
        assert old
        assert occurrences(text, old) == 1
        text = text.replace(old, new)
    assert not edits or text == after


@given(st.lists(st.integers(0, 500), min_size=2, max_size=60, unique=True), st.data())
def test_a_change_in_a_text_of_different_lines_can_always_be_told(
    numbers: list[int], data: st.DataObject
) -> None:
    lines = [f"line {number};\n" for number in numbers]
    changed = list(lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    changed[at] = data.draw(st.sampled_from(("", "changed\n", "one\ntwo\n")))
    edits = edits_between("".join(lines), "".join(changed))
    assert len(edits) == 1
    assert "".join(lines).replace(*edits[0]) == "".join(changed)


def test_lines_above_make_a_repeated_line_unique() -> None:
    before = "def a():\n    pass\n\ndef b():\n    pass\n"
    edits = edits_between(before, before[: -len("    pass\n")] + "    return 1\n")
    assert edits == [("def b():\n    pass\n", "def b():\n    return 1\n")]


def test_a_place_that_overlaps_itself_is_not_taken_for_the_only_one() -> None:
    assert edits_between("a\na\na\n", "a\na\nb\n") == [("a\na\na\n", "a\na\nb\n")]


def test_equal_texts_need_no_edit() -> None:
    assert edits_between("a\n", "a\n") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x\n" * 3_001, "y\n" * 3_001),
        ("".join(f"{n}\n-\n" for n in range(50)), "".join(f"{n}!\n-\n" for n in range(50))),
        ("", "from nothing\n"),
    ],
)
def test_what_takes_too_many_edits_takes_none(before: str, after: str) -> None:
    assert edits_between(before, after) == []
