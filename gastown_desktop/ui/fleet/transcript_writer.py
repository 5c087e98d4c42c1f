"""Writes a transcript into a document: rules, paragraphs, folded calls and messages, each with its mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextOption,
)

from gastown_desktop.core.views import MessageView
from gastown_desktop.core.wording import show_clock, show_hidden, show_money
from gastown_desktop.engine.api import SpokenTurn
from gastown_desktop.ui.fleet.call_rows import CallRow, rows_of, said_of
from gastown_desktop.ui.fleet.markdown_blocks import Block, markdown_blocks
from gastown_desktop.ui.fleet.written import Hand, cut, width_of
from gastown_desktop.ui.theme.theme import font, theme

Kind = Literal["text", "rule", "row", "result", "said", "said_when"]
MOST_BLOCKS = 5_000
SIDE = 12
_GAP = 8
ROW_PAD, SAID_PAD = 5, 9
"""Pixels between the text of a folded line, or of a message, and its frame."""
_ROW_INDENT, _ROW_END = 26, 9
_SAID_INDENT = 30
_RESULT_INDENT = 26
_MOST_LINES, _LONGEST_LINE = 60, 400
_CAPTION, _ROW, _ROW_TITLE = Hand("caption"), Hand("caption"), Hand("caption", 600)
ROW_LINK = "row:"


@dataclass(slots=True)
class Mark:
    """What a block of the document is, for painting around it and for the pointer."""

    kind: Kind
    row: CallRow | None = None
    is_open: bool = False
    blocks: int = 0
    """How many blocks of results follow an open line."""
    gap_after: int = -1
    """Where the words at the left of a rule end, as a position in its block."""
    outcome_at: int = -1
    """Where the result begins in a folded line."""


@dataclass(slots=True)
class TranscriptWriter:
    """The only one that writes into the document."""

    document: QTextDocument
    width: int = 340
    """Pixels between the margins."""
    marks: dict[int, Mark] = field(default_factory=dict[int, Mark])
    """By the state of their blocks; a number is never used twice."""
    _last: str = ""
    _count: int = 0

    def start(self, width: int, right: int) -> None:
        """Empties the document.

        Args:
            width: pixels between the margins.
            right: pixels of the margin at the right, where the scroll bar may take some.
        """
        self.document.clear()
        self.document.setUndoRedoEnabled(False)
        self.document.setMaximumBlockCount(MOST_BLOCKS)
        self.document.setDefaultFont(font("small"))
        self.document.setDocumentMargin(0)
        form = QTextFrameFormat()
        form.setLeftMargin(SIDE)
        form.setRightMargin(right)
        form.setTopMargin(_GAP)
        form.setBottomMargin(SIDE)
        self.document.rootFrame().setFrameFormat(form)
        option = self.document.defaultTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document.setDefaultTextOption(option)
        self.width, self.marks, self._last = width, {}, ""

    def set_right_margin(self, right: int) -> None:
        """Changes the margin at the right: the scroll bar came or went."""
        form = self.document.rootFrame().frameFormat()
        if form.rightMargin() != right:
            form.setRightMargin(right)
            self.document.rootFrame().setFrameFormat(form)

    def mark_of(self, block: QTextBlock) -> Mark | None:
        """What a block is; None for one that holds nothing."""
        return self.marks.get(block.userState())

    def turn(self, turn: SpokenTurn, heard: list[MessageView], told: str) -> None:
        """Writes a turn.

        Args:
            turn: what the worker said and did.
            heard: what the user said that it heard before.
            told: what the town said after it.
        """
        self.rule(f"Turn {turn.number}", show_clock(turn.at), show_money(turn.cost))
        for message in heard:
            self.message(message)
        for block in markdown_blocks(turn.text):
            self.block(block)
        for row in rows_of(turn):
            self.row(row)
        if told:
            self.rule("Gas Town said", "", "")
            self.text(told, "text.secondary")

    def rule(self, name: str, clock: str, right: str) -> None:
        """Writes a line with words at both ends."""
        mark = Mark("rule", gap_after=len(name) + (3 + len(clock) if clock else 0))
        cursor = self._begin(mark, line=14, tab=self.width)
        left = f"{name}   {clock}" if clock else name
        cursor.insertText(f"{left}\t{right}", _chars("caption", "text.tertiary"))

    def message(self, message: MessageView) -> None:
        """Writes what the user said, and whether it was heard."""
        form = _chars("small", "text.primary")
        for line in show_hidden(message.text).split("\n"):
            self._begin(Mark("said"), indent=_SAID_INDENT, end=SIDE).insertText(line, form)
        clock = show_clock(message.sent_at)
        heard = "Sent, not delivered yet" if message.turn is None else f"Delivered at turn {message.turn + 1}"
        cursor = self._begin(Mark("said_when"), indent=_SAID_INDENT, end=SIDE, line=16)
        cursor.insertText(f"You, {clock}. {heard}", _chars("caption", "text.tertiary"))

    def text(self, text: str, color: str = "text.primary") -> QTextCursor:
        """Writes plain text as it is; returns where more of it may follow."""
        cursor = self._begin(Mark("text"))
        cursor.insertText(show_hidden(text), _chars("small", color))
        return cursor

    def block(self, block: Block) -> None:
        """Writes a block of Markdown."""
        indent = 16 * block.depth + (18 if block.lead else 0) + (8 if block.code else 0)
        tight = self._last == "item" if block.lead else block.code and self._last == "code"
        cursor = self._begin(Mark("text"), indent=indent, lead=18 if block.lead else 0, tight=tight)
        self._last = "item" if block.lead else "code" if block.code else "text"
        if block.lead:
            cursor.insertText(f"{block.lead}\t", _chars("small", "text.secondary"))
        for span in block.spans:
            role = "code" if span.code or block.code else "small"
            form = _chars(role, "text.primary", 600 if span.bold else None)
            form.setFontItalic(span.italic)
            cursor.insertText(span.text, form)

    def row(self, row: CallRow) -> None:
        """Writes a folded line; a link, so that the keyboard gets to it."""
        mark = Mark("row", row=row)
        room = self.width - _ROW_INDENT - _ROW_END
        result = cut(row.result, _ROW, room / 2)
        icon = 18 if row.outcome else 0
        rest = (
            room - width_of(row.title, _ROW_TITLE) - 8 - (width_of(result, _ROW) + 12 + icon if result else 0)
        )
        words = cut(row.words, _ROW, max(20.0, rest))
        cursor = self._begin(mark, indent=_ROW_INDENT, end=_ROW_END, line=16, tab=room)
        link = f"{ROW_LINK}{cursor.block().userState()}"
        cursor.insertText(row.title, _chars("caption", "text.secondary", 600, link))
        cursor.insertText(f"  {words}", _chars("caption", "text.tertiary", None, link))
        if result:
            cursor.insertText("\t", _chars("caption", "text.secondary"))
            mark.outcome_at = cursor.positionInBlock()
            cursor.insertText(result, _chars("caption", "text.secondary"))

    def toggle(self, number: int) -> None:
        """Opens a folded line, or folds it again."""
        mark = self.marks[number]
        block = self.document.begin()
        while block.isValid() and block.userState() != number:
            block = block.next()
        if not block.isValid() or mark.row is None:
            return
        mark.is_open = not mark.is_open
        if mark.is_open:
            mark.blocks = self._write_results(QTextCursor(block), mark.row)
            return
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
        for _ in range(mark.blocks):
            cursor.movePosition(QTextCursor.MoveOperation.NextBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        block.setUserState(number)
        mark.blocks = 0

    def _write_results(self, cursor: QTextCursor, row: CallRow) -> int:
        """Writes what calls answered below their line; returns how many blocks that took."""
        count = 0
        for call in row.calls:
            lines = [said_of(call)] if len(row.calls) > 1 else []
            answered = show_hidden(call.result).rstrip("\n").split("\n")
            lines += [line[:_LONGEST_LINE] for line in answered[:_MOST_LINES]]
            if len(answered) > _MOST_LINES:
                lines.append(f"… {len(answered) - _MOST_LINES:,} more lines")
            for place, line in enumerate(lines):
                cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
                cursor.insertBlock(self._form(_RESULT_INDENT, 0, 17, top=ROW_PAD + 2 if not count else 0))
                self._number(cursor.block(), Mark("result"))
                is_head = len(row.calls) > 1 and place == 0
                tone = "text.secondary" if is_head else "text.primary"
                cursor.insertText(line, _chars("id", tone))
                count += 1
        return count

    def _begin(
        self,
        mark: Mark,
        *,
        indent: int = 0,
        end: int = 0,
        line: int = 18,
        tab: float = 0,
        lead: int = 0,
        tight: bool = False,
    ) -> QTextCursor:
        """Begins a block at the end of the document."""
        last = self.mark_of(self.document.lastBlock())
        before = last.kind if last else ""
        if not (tight or mark.kind == "text"):
            self._last = ""
        top = 2 if tight else _GAP + _outer(before) + _inner(mark.kind)
        if mark.kind == before == "said" or mark.kind == "said_when":
            top = 0
        form = self._form(indent, end, line, top=top if last else _inner(mark.kind))
        if tab:
            option = QTextOption.Tab(tab, QTextOption.TabType.RightTab)
            form.setTabPositions([option])
        elif lead:
            form.setTextIndent(-lead)
            form.setTabPositions([QTextOption.Tab(lead, QTextOption.TabType.LeftTab)])
        cursor = QTextCursor(self.document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if last:
            cursor.insertBlock(form)
        else:
            cursor.setBlockFormat(form)
        self._number(cursor.block(), mark)
        return cursor

    def _number(self, block: QTextBlock, mark: Mark) -> None:
        self._count += 1
        self.marks[self._count] = mark
        block.setUserState(self._count)

    @staticmethod
    def _form(indent: int, end: int, line: int, *, top: int) -> QTextBlockFormat:
        form = QTextBlockFormat()
        form.setLeftMargin(indent)
        form.setRightMargin(end)
        form.setTopMargin(top)
        form.setLineHeight(line, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        return form


def _inner(kind: str) -> int:
    """Pixels between the frame of a block and its first line."""
    return {"row": ROW_PAD, "said": SAID_PAD}.get(kind, 0)


def _outer(kind: str) -> int:
    """Pixels between the last line of a block and its frame."""
    return {"row": ROW_PAD, "said_when": SAID_PAD - 2, "result": ROW_PAD}.get(kind, 0)


def _chars(role: str, color: str, weight: int | None = None, link: str = "") -> QTextCharFormat:
    form = QTextCharFormat()
    form.setFont(font(role, weight))
    form.setForeground(theme.color(color))
    form.setBackground(Qt.BrushStyle.NoBrush)
    if link:
        form.setAnchor(True)
        form.setAnchorHref(link)
        form.setFontUnderline(False)
    return form
