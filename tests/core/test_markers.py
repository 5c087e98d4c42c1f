"""Marked texts come apart and together without losing a byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.markers import Choice, has_markers, joined, parts_of

MARKED = b"a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\nd\r\n<<<<<<< x\n=======\ne\n>>>>>>> y"


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        (("ours", "ours"), b"a\nb\nd\r\n"),
        (("theirs", "theirs"), b"a\nc\nd\r\ne\n"),
        (("both", "theirs"), b"a\nb\nc\nd\r\ne\n"),
        (("open", "open"), MARKED),
    ],
)
def test_a_choice_for_each_conflict_gives_a_text(choices: tuple[Choice, ...], text: bytes) -> None:
    assert joined(parts_of(MARKED), choices) == text


def test_the_base_between_the_sides_is_left_out() -> None:
    (part,) = parts_of(b"<<<<<<< a\n1\n||||||| base\n0\n=======\n2\n>>>>>>> b\n")
    assert (part.ours, part.theirs) == (b"1\n", b"2\n")


@pytest.mark.parametrize(
    "text",
    [b"", b"=======\n", b"<<<<<<< a\nno end\n", b"<<<<<<<no space\n=======\n>>>>>>> b\n", b">>>>>>> b\n"],
)
def test_what_is_no_conflict_stays_plain(text: bytes) -> None:
    assert not any(part.is_conflict for part in parts_of(text))
    assert joined(parts_of(text), ()) == text


def test_markers_are_noticed_only_as_a_whole() -> None:
    assert has_markers(MARKED)
    assert not has_markers(b"<<<<<<< a\nb\n")
    assert not has_markers(b"Title\n=======\n")


def test_too_few_and_too_many_choices_are_refused() -> None:
    for choices in (("ours",), ("ours", "ours", "ours")):
        with pytest.raises(ValueError, match="choice"):
            joined(parts_of(MARKED), choices)


@given(
    st.lists(
        st.sampled_from([b"<<<<<<< a\n", b"=======\n", b">>>>>>> b\n", b"x\n", b"||||||| c\n", b"y\r\n"])
    )
)
def test_left_open_nothing_changes(lines: list[bytes]) -> None:
    text = b"".join(lines)
    parts = parts_of(text)
    assert joined(parts, ["open"] * sum(part.is_conflict for part in parts)) == text
