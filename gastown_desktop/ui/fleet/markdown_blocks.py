"""Markdown as plain blocks of spans: nothing in it can load, link or style anything outside these blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PySide6.QtGui import (
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextListFormat,
)

from gastown_desktop.core.wording import show_hidden

LONGEST_MARKDOWN = 40_000
"""Characters; a longer text is shown as it is."""
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML
_IMAGE = "\N{OBJECT REPLACEMENT CHARACTER}"
_BOLD = 600
_BULLETS = {
    QTextListFormat.Style.ListDisc,
    QTextListFormat.Style.ListCircle,
    QTextListFormat.Style.ListSquare,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Text in one style."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One paragraph, heading, item of a list, or line of code."""

    spans: tuple[Span, ...]
    lead: str = ""
    """What stands before it: a bullet or a number."""
    depth: int = 0
    """How far it is indented: lists and quotations."""
    code: bool = False


def markdown_blocks(text: str) -> list[Block]:
    """Reads Markdown; a text that is too long, or that reads as nothing, is one block a line."""
    if len(text) > LONGEST_MARKDOWN:
        return plain_blocks(text)
    read = QTextDocument()
    read.setMarkdown(text, _FEATURES)
    return list(_joined(_blocks(read))) or plain_blocks(text)


def plain_blocks(text: str) -> list[Block]:
    """A text as it is, a block for each line that has anything in it."""
    lines = (line for line in show_hidden(text).split("\n") if line.strip())
    return [Block(spans=(Span(text=line),)) for line in lines]


def _blocks(read: QTextDocument) -> Iterator[tuple[int, Block]]:
    """Blocks with the table row that they are a cell of; 0 for none."""
    block, row_number = read.begin(), 0
    last = (-1, -1)
    while block.isValid():
        cell = QTextCursor(block)
        table = cell.currentTable()
        if table is not None:
            here = (table.firstPosition(), table.cellAt(cell).row())
            row_number += here != last
            last = here
        made = _block(block)
        if made.spans:
            yield (row_number if table is not None else 0), made
        block = block.next()


def _joined(blocks: Iterator[tuple[int, Block]]) -> Iterator[Block]:
    """The cells of a table's row as one block."""
    open_row, cells = 0, Block(spans=())
    for row, block in blocks:
        if row and row == open_row:
            cells = replace(cells, spans=(*cells.spans, Span(text=" | "), *block.spans))
            continue
        if open_row:
            yield cells
        open_row, cells = row, block
        if not row:
            yield block
    if open_row:
        yield cells


def _block(block: QTextBlock) -> Block:
    form = block.blockFormat()
    is_code = form.hasProperty(QTextFormat.Property.BlockCodeFence) or form.nonBreakableLines()
    spans = tuple(_spans(block, heading=form.headingLevel() > 0))
    items = block.textList()
    quotes = int(form.property(QTextFormat.Property.BlockQuoteLevel) or 0)
    if items is None:
        return Block(spans=spans, depth=quotes, code=is_code)
    marker = form.marker()
    lead = "•" if items.format().style() in _BULLETS else items.itemText(block)
    if marker == QTextBlockFormat.MarkerType.Checked:
        lead = "☑"
    elif marker == QTextBlockFormat.MarkerType.Unchecked:
        lead = "☐"
    return Block(spans=spans, lead=lead, depth=max(0, items.format().indent() - 1) + quotes)


def _spans(block: QTextBlock, *, heading: bool) -> Iterator[Span]:
    for place in block:  # pyright: ignore[reportGeneralTypeIssues] - an iterator all the same
        fragment = place.fragment()
        if not fragment.isValid():
            continue
        text = show_hidden(fragment.text().replace(_IMAGE, "").replace("\u2028", " "))
        if text:
            yield _span(text, fragment.charFormat(), heading=heading)


def _span(text: str, form: QTextCharFormat, *, heading: bool) -> Span:
    code = form.fontFixedPitch()
    bold = heading or form.fontWeight() >= _BOLD
    return Span(text=text, bold=bold, italic=form.fontItalic(), code=code)
