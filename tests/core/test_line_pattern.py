"""Patterns hold the same lines as `re` does, and none takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.line_pattern import MOST_STATES, LinePattern

ATOMS = st.sampled_from(
    [
        *("a", "b", "A", "_", " ", ".", "1", "[ab]", "[^a]", "[a-c1]", "[]a]", "[a-]", "^", "$", "é"),
        *(r"\d", r"\w", r"\s", r"\W", r"\.", r"[\d_]", r"\b", r"\B", r"\x61", r"[^\W]"),
    ]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"(?:{one})*"),
        inner.map(lambda one: f"(?P<n>{one})+?"),
        inner.map(lambda one: f"(?:{one})?"),
        inner.map(lambda one: f"(?:{one}){{1,2}}"),
        inner.map(lambda one: f"(?:{one}){{2}}"),
        inner.map(lambda one: f"(?:{one}){{,2}}"),
    ),
    max_leaves=6,
)
LINES = st.text(st.sampled_from("abAc1_ .é-"), min_size=1, max_size=8)


@settings(max_examples=600)
@given(PATTERNS, LINES, st.booleans())
@example("a{x}", "a{x}", False)
@example(r"(?i)straße|É", "é", False)
@example("$^", "", False)
@example(r"\bfoo\b", "a foo.", False)
def test_the_same_lines_are_found_as_with_re(pattern: str, line: str, ignore_case: bool) -> None:
    wanted = re.sub(r"\(\?P<n>", "(?:", pattern)
    expected = re.search(wanted, line, re.IGNORECASE if ignore_case else 0) is not None
    found = LinePattern(pattern, ignore_case=ignore_case)
    assert found.found_in(line) == expected
    assert found.found_in(line) == expected


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "a?" * 40 + "a" * 40, ".*.*.*.*.*x", "(.|a)*(a|.)*[^a]$"]
)
def test_what_hangs_a_backtracking_engine_takes_no_time(pattern: str) -> None:
    found = LinePattern(pattern)
    for _ in range(3):
        found.found_in("a" * 1_000)


def test_many_different_characters_do_not_fill_the_memory() -> None:
    found = LinePattern("(a.{1,30}b|c.{1,30}d)e")
    for start in range(0, 60_000, 500):
        first = 0x4E00 + start % 20_000
        assert not found.found_in("".join(map(chr, range(first, first + 500))))
    assert found.found_in("xaxxbe")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "empty"),
        ("(", "lacks"),
        (")", "too many"),
        ("a)", "too many"),
        ("[a", "breaks off"),
        ("[b-a]", "range"),
        (r"[a-\d]", "range"),
        ("*a", "nothing to repeat"),
        ("a|+", "nothing to repeat"),
        ("\\", "breaks off"),
        (r"(a)\1", "refers back"),
        (r"\q", "not known"),
        (r"\xzz", "no character"),
        ("(?=a)", "not supported"),
        ("(?<!a)b", "not supported"),
        ("a(?i)b", "not supported"),
        ("a{3,2}", "from small to large"),
        ("a{501}", "at most"),
        ("(a{500}){500}", "too large"),
        ("(" * 60 + "a" + ")" * 60, "too many groups"),
        ("ab" * MOST_STATES, "too large"),
    ],
)
def test_what_is_no_pattern_or_not_supported_is_refused_by_name(pattern: str, why: str) -> None:
    with pytest.raises(ToolRefused, match=why):
        LinePattern(pattern)
