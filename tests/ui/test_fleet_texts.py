"""What the Fleet page makes of texts that workers, tools and repositories wrote."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from gastown_desktop.engine.api import FileDiff
from gastown_desktop.ui.fleet.call_rows import rows_of, what_of
from gastown_desktop.ui.fleet.card_grid import CardGrid, columns_in, width_for
from gastown_desktop.ui.fleet.diff_view import MOST_LINES, DiffView
from gastown_desktop.ui.fleet.markdown_blocks import LONGEST_MARKDOWN, Block, Span, markdown_blocks
from gastown_desktop.ui.fleet.written import Hand, cut, width_of
from tests.ui.fleet_town import called, diffed, spoken


def plain(blocks: list[Block]) -> list[str]:
    return ["".join(span.text for span in block.spans) for block in blocks]


@pytest.mark.parametrize(
    ("calls", "rows"),
    [
        ((called("plan", "plan step 4 done"),), [("plan", "step 4 done", "4.1 s", "")]),
        ((called("read", "Reading a.py"),), [("read", "a.py", "4.1 s", "")]),
        (
            (called("read", "Reading a"), called("search", "Searching for b")),
            [("2 calls", "read a, search b", "4.1 s", "")],
        ),
        ((called("bash", "Running make", "x\n== 3 passed ==\n"),), [("bash", "make", "3 passed", "good")]),
        (
            (called("bash", "Running make", "no\n(exit status 2)"),),
            [("bash", "make", "exit status 2", "bad")],
        ),
        ((called("bash", "Running make", "y" * 99),), [("bash", "make", "done", "good")]),
        ((called("edit", "Editing a", refused=True),), [("edit", "a", "refused", "bad")]),
    ],
)
def test_calls_are_folded(calls: tuple[object, ...], rows: list[tuple[str, str, str, str]]) -> None:
    turn = spoken(1, "", *calls)  # type: ignore[arg-type]
    assert [(row.title, row.words, row.result, row.outcome) for row in rows_of(turn)] == rows


def test_a_command_between_other_calls_stands_alone() -> None:
    turn = spoken(
        1, "", called("read", "Reading a"), called("bash", "Running b"), called("read", "Reading c")
    )
    assert [row.title for row in rows_of(turn)] == ["read", "bash", "read"]


def test_a_call_without_a_verb_is_said_as_it_is() -> None:
    assert what_of(called("read", "limits/bucket.py")) == "limits/bucket.py"


def test_a_call_whose_words_only_repeat_its_name_is_said_by_the_name() -> None:
    calls = [called("plan", "Planning"), called("note", "Taking a note"), called("submit", "Submitting")]
    assert [row.words for row in rows_of(spoken(1, "", *calls))] == ["plan, note, submit"]
    assert [row.words for row in rows_of(spoken(1, "", calls[0]))] == [""]
    assert [row.words for row in rows_of(spoken(1, "", calls[0], calls[0]))] == ["plan"]


def test_markdown_becomes_blocks(qtbot: QtBot) -> None:
    blocks = markdown_blocks("# Head\n\nSome `code` and **bold**.\n\n- one\n- two\n\n```\nx = 1\n```\n")
    assert plain(blocks) == ["Head", "Some code and bold.", "one", "two", "x = 1"]
    assert blocks[0].spans[0].bold
    assert Span(text="code", code=True) in blocks[1].spans
    assert [block.lead for block in blocks] == ["", "", "•", "•", ""]
    assert blocks[4].code


def test_a_table_becomes_a_block_for_each_row(qtbot: QtBot) -> None:
    blocks = markdown_blocks("| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter.")
    assert plain(blocks) == ["a | b", "1 | 2", "After."]


@pytest.mark.parametrize("text", ["![x](file:///etc/passwd)", "<img src='http://x'>", "\u202eabc", "a\x00b"])
def test_what_cannot_be_seen_is_written_out_and_pictures_go(qtbot: QtBot, text: str) -> None:
    words = "".join(plain(markdown_blocks(text)))
    assert "\N{OBJECT REPLACEMENT CHARACTER}" not in words
    assert "\u202e" not in words
    assert "\x00" not in words


def test_a_very_long_text_is_shown_as_it_is(qtbot: QtBot) -> None:
    blocks = markdown_blocks("**x** " * LONGEST_MARKDOWN)
    assert "**x**" in plain(blocks)[0]


def test_a_cut_text_fits(qtbot: QtBot) -> None:
    hand = Hand("small")
    assert width_of(cut("A long title that goes on and on", hand, 80), hand) <= 80
    assert cut("two\nlines", hand, 300) == "two lines"


def test_a_diff_is_capped_and_says_so(qtbot: QtBot) -> None:
    view = DiffView()
    qtbot.addWidget(view)
    long = diffed().hunks[0] * MOST_LINES
    view.set_files([FileDiff(path="a.py", change="modified", added=1, removed=1, hunks=(long,))])
    assert view.lines.blockCount() <= MOST_LINES + 1
    assert view.lines.toPlainText().endswith("More lines are not shown.")


def test_a_diff_of_nothing_says_so(qtbot: QtBot) -> None:
    view = DiffView()
    qtbot.addWidget(view)
    view.set_files([])
    assert view.summary.text() == "Nothing has changed yet."


def test_groups_begin_on_a_new_line_below_their_head() -> None:
    grid = CardGrid.of(["a"] * 4 + ["b"] * 2, 3)
    assert [header.parts for header in grid.headers] == [(("a", 4),), (("b", 2),)]
    assert grid.cards[3].top() > grid.cards[2].top()
    assert grid.cards[4].left() == grid.cards[0].left()
    assert grid.headers[1].top == grid.cards[3].bottom() + 1
    assert [grid.row_at(card.center()) for card in grid.cards] == [0, 1, 2, 3, 4, 5]
    assert grid.moved(2, 0, 1) == 3
    assert grid.moved(3, 0, 1) == 4


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5])
def test_a_width_holds_the_columns_that_it_is_for(columns: int) -> None:
    assert columns_in(width_for(columns)) == columns
    assert width_for(3) == 840
