"""The transcript of one worker: its turns, its reply as it streams, and what the user said to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget

from gastown_desktop.core.views import MessageView
from gastown_desktop.core.wording import show_clock, show_hidden
from gastown_desktop.engine.api import SpokenTurn
from gastown_desktop.ui.fleet.call_rows import CallRow
from gastown_desktop.ui.fleet.transcript_writer import (
    ROW_LINK,
    ROW_PAD,
    SAID_PAD,
    SIDE,
    Mark,
    TranscriptWriter,
)
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme

MOST_TURNS = 200
"""Newest turns that are shown."""
_CARET = QSizeF(7, 14)
_USER_SAYS = "The user says: "
"""How the town repeats a message of the user's to the worker."""


class TranscriptView(QTextBrowser):
    """One document; ended turns are written once, the running one grows at its end."""

    def __init__(self, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        self._now = now
        self._writer = TranscriptWriter(self.document())
        self._turns: tuple[SpokenTurn, ...] = ()
        self._messages: tuple[MessageView, ...] = ()
        self._live, self._action, self._held = "", "", ""
        self._live_since = ""
        self._live_from: QTextCursor | None = None
        self._tail: QTextCursor | None = None
        self._shape = (0, "")
        self._before_live = -1
        self.setProperty("role", "transcript")
        self.setAccessibleName("Transcript")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptDrops(False)
        self.setOpenLinks(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.anchorClicked.connect(self._follow)
        self._relay = QTimer(self)
        self._relay.setSingleShot(True)
        self._relay.setInterval(0)
        self._relay.timeout.connect(self._rewrite_if_reshaped)
        theme.changed.connect(self._relay.start)

    # --- what is shown ---

    def clear_all(self) -> None:
        """Another worker: nothing of the last one stays."""
        self._turns, self._messages = (), ()
        self._live, self._action, self._held, self._live_since = "", "", "", ""
        self._rewrite()

    def set_turns(self, turns: Sequence[SpokenTurn], messages: Sequence[MessageView]) -> None:
        """Shows turns that have ended; those that are shown already are not written again."""
        new, said = tuple(turns[-MOST_TURNS:]), tuple(messages)
        if new == self._turns and said == self._messages:
            return
        grows = new[: len(self._turns)] == self._turns and said == self._messages and bool(self._turns)
        added = new[len(self._turns) :]
        self._turns, self._messages = new, said
        if not grows:
            self._rewrite()
            return
        with _Tail(self):
            self._drop_live()
            for turn in added:
                self._write_turn(turn)
            self._write_live()

    def set_live(self, text: str, action: str, held: str) -> None:
        """Shows what the running turn says so far, what it does, and what is held for it."""
        if (text, action, held) == (self._live, self._action, self._held):
            return
        grows = (
            self._tail is not None
            and text.startswith(self._live)
            and (action, held) == (self._action, self._held)
            and bool(self._live)
        )
        added = text[len(self._live) :]
        if not self._live_since or not (text or action):
            self._live_since = show_clock(self._now()) if text or action else ""
        self._live, self._action, self._held = text, action, held
        with _Tail(self):
            if grows and self._tail is not None:
                self._tail.insertText(show_hidden(added))
                self.viewport().update()
            else:
                self._drop_live()
                self._write_live()

    def find_next(self, words: str, *, back: bool = False, again: bool = True) -> bool:
        """Selects the next place of some words; goes on from the other end when there is none.

        Args:
            words: looked for without regard to case.
            back: looks backwards.
            again: goes on behind the current place, else stays at it while it fits.
        """
        flag = QTextDocument.FindFlag.FindBackward if back else QTextDocument.FindFlag(0)
        here = self.textCursor()
        if not again:
            here.setPosition(here.selectionStart())
        found = self.document().find(words, here, flag)
        if found.isNull():
            begin = QTextCursor(self.document())
            if back:
                begin.movePosition(QTextCursor.MoveOperation.End)
            found = self.document().find(words, begin, flag)
        if found.isNull():
            return False
        self.setTextCursor(found)
        self.ensureCursorVisible()
        return True

    # --- what Qt calls ---

    def loadResource(self, type: int, name: QUrl | str) -> Any:  # noqa: A002 - as Qt has it
        """Loads nothing, whatever a worker wrote."""
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._writer.set_right_margin(self._right())
        self._relay.start()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if (
            event.button() == Qt.MouseButton.LeftButton
            and not self.textCursor().hasSelection()
            and not self.anchorAt(at.toPoint())
        ):
            number = self._row_at(at)
            if number is not None:
                self._toggle(number)
                return
        super().mouseReleaseEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(0, -self.verticalScrollBar().value())
        for block, mark, rect in self._in_sight():
            if mark.kind == "rule":
                self._paint_rule(painter, block, mark, rect)
            elif mark.kind == "row":
                self._paint_row(painter, block, mark, rect)
            elif mark.kind == "said":
                self._paint_said(painter, block, rect)
            elif mark.kind == "result":
                painter.fillRect(self._across(rect).adjusted(14, 0, 0, 0), theme.color("surface.code"))
        self._paint_caret(painter)
        painter.end()
        super().paintEvent(event)

    # --- writing ---

    def _rewrite_if_reshaped(self) -> None:
        if self._shape != (self._width(), theme.scheme):
            self._rewrite()

    def _width(self) -> int:
        return max(120, self.width() - 2 * SIDE)

    def _right(self) -> int:
        """Pixels at the right of the text, inside the viewport: the scroll bar takes from them."""
        return max(2, self.viewport().width() - self._width() - SIDE)

    def _rewrite(self) -> None:
        with _Tail(self):
            self._shape = (self._width(), theme.scheme)
            self._live_from = self._tail = None
            self._writer.start(self._width(), self._right())
            for turn in self._turns:
                self._write_turn(turn)
            self._write_live()

    def _write_turn(self, turn: SpokenTurn) -> None:
        heard = [one for one in self._messages if one.turn == turn.number - 1]
        self._writer.turn(turn, heard, _without_messages(turn.told, self._messages))

    def _write_live(self) -> None:
        """Writes the running turn, and what nobody has heard yet, at the end."""
        last = self._turns[-1].number if self._turns else 0
        heard = [one for one in self._messages if one.turn is not None and one.turn >= last]
        unheard = [one for one in self._messages if one.turn is None]
        running = bool(self._live or self._action)
        if not (running or heard or unheard):
            return
        self._before_live = self.document().lastBlock().userState()
        if running:
            self._writer.rule(f"Turn {last + 1}", self._live_since, self._held)
        for one in heard:
            self._writer.message(one)
        if self._live:
            self._tail = self._writer.text(self._live)
            self._tail.setKeepPositionOnInsert(True)
        if self._action:
            verb, _, rest = self._action.partition(" ")
            self._writer.row(CallRow(title=verb, words=rest, result="now"))
        for one in unheard:
            self._writer.message(one)
        self._live_from = self._after(self._before_live)
        if self._tail is not None:
            self._tail.setKeepPositionOnInsert(False)

    def _drop_live(self) -> None:
        """Takes the running turn off again."""
        if self._live_from is None:
            return
        cursor = QTextCursor(self._live_from)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        if self._before_live >= 0:
            cursor.deletePreviousChar()
        self.document().lastBlock().setUserState(self._before_live)
        self._live_from = self._tail = None

    def _after(self, number: int) -> QTextCursor:
        """The begin of the block that follows the one with a number."""
        block = self.document().lastBlock()
        while block.isValid() and block.previous().isValid() and block.previous().userState() != number:
            block = block.previous()
        cursor = QTextCursor(block)
        cursor.setKeepPositionOnInsert(True)
        return cursor

    # --- painting ---

    def _in_sight(self) -> list[tuple[QTextBlock, Mark, QRectF]]:
        top = self.verticalScrollBar().value()
        bottom = top + self.viewport().height() + 40
        layout = self.document().documentLayout()
        block = self.cursorForPosition(self.viewport().rect().topLeft()).block()
        block = block.previous() if block.previous().isValid() else block
        found: list[tuple[QTextBlock, Mark, QRectF]] = []
        while block.isValid():
            rect = _lines_rect(block, layout.blockBoundingRect(block))
            if rect.top() > bottom:
                break
            mark = self._writer.mark_of(block)
            if mark is not None:
                found.append((block, mark, rect))
            block = block.next()
        return found

    def _across(self, rect: QRectF) -> QRectF:
        """A block's rectangle from margin to margin."""
        return QRectF(SIDE, rect.top(), self._width(), rect.height())

    def _paint_rule(self, painter: QPainter, block: QTextBlock, mark: Mark, rect: QRectF) -> None:
        line = block.layout().lineAt(0)
        if not line.isValid():
            return
        tab = block.text().find("\t")
        left = rect.left() + _x(line, mark.gap_after) + 9
        right = rect.left() + _x(line, tab + 1) - 8 if tab + 1 < len(block.text()) else SIDE + self._width()
        middle = round(rect.top() + rect.height() / 2)
        painter.fillRect(QRectF(left, middle, right - left, 1), theme.color("border.subtle"))

    def _paint_row(self, painter: QPainter, block: QTextBlock, mark: Mark, rect: QRectF) -> None:
        frame = self._across(rect).adjusted(0.5, -ROW_PAD + 0.5, -0.5, ROW_PAD - 0.5)
        painter.setPen(QPen(theme.color("border.subtle"), 1))
        painter.setBrush(theme.color("surface.sunken"))
        painter.drawRoundedRect(frame, 3.5, 3.5)
        middle = rect.center().y()
        icon = "ui_chevron" if mark.is_open else "ui_chevron_right"
        draw_glyph(painter, icon, theme.color("text.tertiary"), QRectF(SIDE + 9, round(middle - 6), 12, 12))
        if mark.row is not None and mark.row.outcome and mark.outcome_at >= 0:
            x = rect.left() + _x(block.layout().lineAt(0), mark.outcome_at) - 18
            good = mark.row.outcome == "good"
            color = theme.color("state.landed" if good else "state.failed")
            place = QRectF(round(x), round(middle - 6), 12, 12)
            draw_glyph(painter, "ui_check" if good else "ui_close", color, place)

    def _paint_said(self, painter: QPainter, block: QTextBlock, rect: QRectF) -> None:
        before = self._writer.mark_of(block.previous())
        if before is not None and before.kind == "said":
            return
        bottom, last = rect.bottom(), block.next()
        layout = self.document().documentLayout()
        while (mark := self._writer.mark_of(last)) is not None and mark.kind in {"said", "said_when"}:
            bottom = _lines_rect(last, layout.blockBoundingRect(last)).bottom()
            if mark.kind == "said_when":
                break
            last = last.next()
        frame = QRectF(SIDE, rect.top(), self._width(), bottom - rect.top())
        painter.setPen(QPen(theme.color("border.default"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame.adjusted(0.5, -SAID_PAD + 0.5, -0.5, SAID_PAD - 2.5), 5.5, 5.5)
        place = QRectF(SIDE + 9, round(rect.top() + 1), 14, 14)
        draw_glyph(painter, "ui_user", theme.color("text.secondary"), place)

    def _paint_caret(self, painter: QPainter) -> None:
        if self._tail is None or not self._live:
            return
        block = self._tail.block()
        where = self._tail.positionInBlock()
        line = block.layout().lineForTextPosition(where)
        if not line.isValid():
            return
        rect = self.document().documentLayout().blockBoundingRect(block)
        left = min(rect.left() + _x(line, where) + 2, SIDE + self._width() - _CARET.width())
        top = rect.top() + line.y() + (line.height() - _CARET.height()) / 2
        painter.fillRect(QRectF(QPointF(round(left), round(top)), _CARET), theme.color("text.primary"))

    # --- folded lines ---

    def _follow(self, link: QUrl) -> None:
        text = link.toString()
        if text.startswith(ROW_LINK) and text.removeprefix(ROW_LINK).isdigit():
            self._toggle(int(text.removeprefix(ROW_LINK)))

    def _toggle(self, number: int) -> None:
        if number in self._writer.marks:
            self._writer.toggle(number)
            self.viewport().update()

    def _row_at(self, point: QPointF) -> int | None:
        y = point.y() + self.verticalScrollBar().value()
        for block, mark, rect in self._in_sight():
            if mark.kind == "row" and rect.top() - ROW_PAD <= y <= rect.bottom() + ROW_PAD:
                return block.userState()
        return None


class _Tail:
    """Keeps the end in sight where it was, and anything else where it was."""

    def __init__(self, view: TranscriptView) -> None:
        bar = view.verticalScrollBar()
        self._bar, self._at = bar, bar.value()
        self._follows = bar.value() >= bar.maximum() - 4

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        self._bar.setValue(self._bar.maximum() if self._follows else self._at)


def _without_messages(told: str, messages: Sequence[MessageView]) -> str:
    """What the town said itself: messages have frames of their own, and only whole paragraphs are theirs."""
    left = f"\n\n{told}\n\n"
    for one in messages:
        for said in (_USER_SAYS + one.text, one.text):
            left = left.replace(f"\n\n{said}\n\n", "\n\n", 1)
    return left.strip()


def _x(line: Any, position: int) -> float:
    """Where a position of a line is; PySide answers with the position as well."""
    found = line.cursorToX(position)
    return float(found[0] if isinstance(found, tuple) else found)


def _lines_rect(block: QTextBlock, rect: QRectF) -> QRectF:
    """The place of a block's lines; Qt leaves out what a fixed line height adds to the last one."""
    height = block.layout().lineCount() * block.blockFormat().lineHeight()
    return QRectF(rect.left(), rect.top(), rect.width(), height or rect.height())
