from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.core.plain_text import cell_text, one_line, plain_text, shown_path, shown_text, shown_url


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  Greet \n naïvely\t🛠 ", "Greet naïvely 🛠"),
        ("a\u202eb\u200bc\x1b[31md\x00", "abc[31md"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("\udce9x\ud800", "x"),
        ("\x07\u2066", ""),
    ],
)
def test_a_line_holds_nothing_that_cannot_be_seen(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(st.characters(), max_size=60))
def test_what_is_plain_stays_plain_and_can_be_sent(text: str) -> None:
    plain, line = plain_text(text), one_line(text)
    assert plain_text(plain) == plain
    assert one_line(line) == line
    assert "\n" not in line
    (plain + line).encode()


def test_lines_and_tabs_of_a_long_text_stay() -> None:
    assert plain_text("\r\na\tb\r\n\rc\u202e\n") == "a\tb\n\nc"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("src/é.py", "src/é.py"),
        ("caf\udce9.txt", "caf\\xe9.txt"),
        ("a\nb\u202e", "a\\u000ab\\u202e"),
        ("x\ud800\udfff\udce9", "x\\ud800\\udfff\\xe9"),
    ],
)
def test_a_path_is_shown_with_escapes(path: str, shown: str) -> None:
    assert shown_path(path) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a\tb\r\nc\n", "  a\tb\nc\n"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\u202eb\udce9", "a\\u202eb\\udce9"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_cannot_be_seen_in_a_long_text_shows_and_nothing_is_lost(text: str, shown: str) -> None:
    assert shown_text(text) == shown


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_cell_is_no_formula(formula: str) -> None:
    assert cell_text(formula) == f"'{formula}"
    assert cell_text("a=1") == "a=1"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:ghp_token@example.org/x.git", "https://example.org/x.git"),
        ("https://ghp_token@example.org:8443/x.git", "https://example.org:8443/x.git"),
        ("https://me:a@b@example.org/x@y", "https://example.org/x@y"),
        ("https://me:a/b#c@example.org/x", "https://example.org/x"),
        ("https://me:a?b#c@example.org/x", "https://example.org/x"),
        ("https://example.org/x?private_token=1#2", "https://example.org/x"),
        ("https://example.org:443/@scope/x", "https://example.org:443/@scope/x"),
        ("ext::https://me:token@example.org/x", "ext::https://example.org/x"),
        ("git@example.org:sea/x.git", "git@example.org:sea/x.git"),
        ("me:token@example.org/x.git", "example.org/x.git"),
        ("/srv/git/x.git", "/srv/git/x.git"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_lets_one_in(address: str, shown: str) -> None:
    assert shown_url(address) == shown
