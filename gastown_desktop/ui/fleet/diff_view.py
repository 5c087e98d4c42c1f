"""What a worker has changed: the files, and their lines with numbers on tints."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent, QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.core.wording import plural, show_hidden
from gastown_desktop.engine.api import FileDiff
from gastown_desktop.ui.fleet.written import Hand, width_of, write
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece
from gastown_desktop.ui.widgets.rows_table import RowsTable

MOST_LINES = 5_000
"""Lines that are shown; the rest is counted."""
_LONGEST_LINE = 1_000
_MOST_FILES_SEEN = 5
_NUMBER = Hand("id")
_GUTTER = 72
_CONTEXT, _ADDED, _REMOVED, _HEAD, _GAP = range(5)
_KIND = {" ": _CONTEXT, "+": _ADDED, "-": _REMOVED}
_TINT = {_ADDED: "diff.add_bg", _REMOVED: "diff.del_bg", _HEAD: "surface.sunken"}
_CHANGE = {
    "added": "new file",
    "deleted": "deleted",
    "mode": "mode changed",
    "binary": "binary file changed",
    "too_large": "too large to show",
}


class DiffView(QWidget):
    """The list of files above their lines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        self.summary = PlainLabel("", "small", "secondary")
        self.summary.setContentsMargins(12, 8, 12, 6)
        columns = (
            Column[FileDiff]("File", lambda one: show_hidden(one.path)),
            Column[FileDiff]("Lines", lambda one: f"+{one.added} −{one.removed}", right=True),
        )
        self.model = RowsModel[FileDiff](columns, lambda one: one.path, _spoken, self)
        self.files = RowsTable(self.model, _pieces, name="Changed files", widths=(200, 96), stretch=0)
        self.files.horizontalHeader().hide()
        self.files.selectionModel().currentRowChanged.connect(lambda now, _: self._go_to(now.row()))
        self.lines = DiffLines()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.summary)
        column.addWidget(self.files)
        column.addWidget(self.lines, 1)
        self.set_files(())

    def set_files(self, files: Sequence[FileDiff]) -> None:
        """Shows these."""
        if tuple(files) == self.model.values and self.summary.text():
            return
        self.model.set_values(files)
        added, removed = sum(one.added for one in files), sum(one.removed for one in files)
        words = f"{plural(len(files), 'file')}, +{added} −{removed} against its base"
        self.summary.setText(words if files else "Nothing has changed yet.")
        seen = min(len(files), _MOST_FILES_SEEN)
        self.files.setFixedHeight(28 * seen)
        self.files.setVisible(bool(files))
        self.lines.setVisible(bool(files))
        self.lines.set_files(files)

    def _go_to(self, row: int) -> None:
        if row >= 0:
            self.lines.go_to_file(row)


class DiffLines(QPlainTextEdit):
    """Lines of a unified diff; colours are painted below them, so that they are plain text to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        self._numbers: list[tuple[int | None, int | None]] = []
        self._heads: list[int] = []
        self.setAccessibleName("Changed lines")
        self.setReadOnly(True)
        self.setAcceptDrops(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(font("id"))
        self.document().setDocumentMargin(4)
        self._gutter = _Gutter(self)
        self.setViewportMargins(_GUTTER, 0, 0, 0)
        self.updateRequest.connect(lambda _rect, _dy: self._gutter.update())
        theme.changed.connect(self.viewport().update)

    def set_files(self, files: Sequence[FileDiff]) -> None:
        """Shows the lines of these files, at most `MOST_LINES`."""
        texts: list[str] = []
        kinds: list[int] = []
        self._numbers, self._heads = [], []

        def put(text: str, kind: int, old: int | None = None, new: int | None = None) -> None:
            texts.append(show_hidden(text[:_LONGEST_LINE]))
            kinds.append(kind)
            self._numbers.append((old, new))

        for file in files:
            self._heads.append(len(texts))
            note = _CHANGE.get(file.change, "")
            put(f"{file.path}  {note}".rstrip(), _HEAD)
            for place, hunk in enumerate(file.hunks):
                if place:
                    put("⋯", _GAP)
                for line in hunk[: max(0, MOST_LINES - len(texts))]:
                    put(
                        f"{'−' if line.sign == '-' else line.sign} {line.text}",
                        _KIND[line.sign],
                        line.old,
                        line.new,
                    )
        if len(texts) >= MOST_LINES:
            put("More lines are not shown.", _GAP)
        self.setPlainText("\n".join(text.replace("\n", " ").replace("\r", " ") for text in texts))
        block = self.document().begin()
        for kind in kinds:
            block.setUserState(kind)
            block = block.next()

    def go_to_file(self, row: int) -> None:
        """Scrolls to the head of a file."""
        if row < len(self._heads):
            block = self.document().findBlockByNumber(self._heads[row])
            self.setTextCursor(QTextCursor(block))
            self.verticalScrollBar().setValue(self._heads[row])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        for kind, rect in self.lines_in_sight():
            if kind[0] in _TINT:
                painter.fillRect(
                    QRectF(0, rect.top(), self.viewport().width(), rect.height()), _tint(kind[0])
                )
        painter.end()
        super().paintEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inner = self.contentsRect()
        self._gutter.setGeometry(QRect(inner.left(), inner.top(), _GUTTER, self.viewport().height()))

    def lines_in_sight(self) -> list[tuple[tuple[int, int | None, int | None], QRectF]]:
        """Kind and numbers of each line that can be seen, with its place."""
        found: list[tuple[tuple[int, int | None, int | None], QRectF]] = []
        block = self.firstVisibleBlock()
        while block.isValid():
            rect = self.blockBoundingGeometry(block).translated(self.contentOffset())
            if rect.top() > self.viewport().height():
                break
            if block.blockNumber() < len(self._numbers):
                found.append(((block.userState(), *self._numbers[block.blockNumber()]), rect))
            block = block.next()
        return found


class _Gutter(QWidget):
    """Line numbers before and after."""

    def __init__(self, lines: DiffLines) -> None:
        super().__init__(lines)
        self._lines = lines

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.code"))
        for (kind, old, new), rect in self._lines.lines_in_sight():
            if kind in _TINT:
                painter.fillRect(QRectF(0, rect.top(), self.width(), rect.height()), _tint(kind))
            painter.setPen(theme.color("text.tertiary"))
            for number, right in ((old, 32), (new, 66)):
                if number is not None:
                    text = str(number)
                    write(painter, right - width_of(text, _NUMBER), rect.center().y(), text, _NUMBER)


def _tint(kind: int) -> QColor:
    return theme.color(_TINT[kind])


def _pieces(value: FileDiff, column: int) -> list[Piece]:
    if column == 0:
        return [Piece(text=show_hidden(value.path))]
    return [
        Piece(text=f"+{value.added}", role="caption", color="diff.add_text"),
        Piece(text=f"−{value.removed}", role="caption", color="diff.del_text", gap=4),
    ]


def _spoken(value: FileDiff) -> str:
    note = _CHANGE.get(value.change, "modified")
    return f"{value.path}, {note}, {value.added} lines added, {value.removed} removed"
