"""Where the user writes to a worker; Enter sends, Shift+Enter begins a new line."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from gastown_desktop.ui.fleet.written import Hand, width_of, write
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import PlainLabel

LONGEST_MESSAGE = 20_000
"""Characters; the engine takes no more."""
_LINE, _MOST_LINES, _FRAME = 16, 6, 14


class Composer(QWidget):
    """The field, and below it when the message will be heard."""

    sent = Signal(str)
    """The text to send."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        self.field = _Field()
        self.field.wanted.connect(self._send)
        self.words = PlainLabel("", "caption", "tertiary")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 9, 12, 9)
        column.setSpacing(5)
        column.addWidget(self.field)
        column.addWidget(self.words)

    def address(self, name: str, words: str, refusal: str) -> None:
        """Says to whom a message goes and when it is heard.

        Args:
            name: of the worker.
            words: when it will be heard.
            refusal: why nothing can be said now; empty when it can.
        """
        hint = f"Message {name}" if name else "Message"
        self.field.setPlaceholderText(hint)
        self.field.setAccessibleName(hint)
        self.field.setEnabled(not refusal)
        self.words.setText(refusal or words)

    def restore(self, text: str) -> None:
        """Puts a text back that could not be sent, unless another is being written."""
        if not self.field.toPlainText():
            self.field.setPlainText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(0, 0, self.width(), 1, theme.color("border.default"))

    def _send(self) -> None:
        text = self.field.toPlainText().strip()
        if text:
            self.field.clear()
            self.sent.emit(text)


class _Field(QPlainTextEdit):
    """Grows with what is written into it."""

    wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "composer")
        self.setAcceptDrops(False)
        self.setFont(font("small"))
        self.document().setDocumentMargin(1)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.textChanged.connect(self._grow)
        self._grow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.wanted.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.toPlainText() or not self.isEnabled():
            return
        painter = QPainter(self.viewport())
        painter.setPen(theme.color("text.tertiary"))
        rect = QRectF(self.viewport().rect())
        write(painter, rect.right() - width_of("Enter", _KEY) - 1, rect.center().y(), "Enter", _KEY)

    def _grow(self) -> None:
        if len(self.toPlainText()) > LONGEST_MESSAGE:
            self.setPlainText(self.toPlainText()[:LONGEST_MESSAGE])
        lines = max(1, min(_MOST_LINES, int(self.document().size().height())))
        self.setFixedHeight(lines * _LINE + _FRAME)


_KEY = Hand("caption")
