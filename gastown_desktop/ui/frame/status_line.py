"""The status line: the newest event in words, and where to find everything else."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.labels import ElidedLabel
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width


class _Hint(QAbstractButton):
    """Words that name a key and do what it does when they are clicked."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.set_words(text)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_words(self, text: str) -> None:
        self.setText(text)
        self.setAccessibleName(text)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(ceil(row_width([self._piece()])), 23)

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_row(QPainter(self), [self._piece()], QRectF(self.rect()))

    def _piece(self) -> Piece:
        color = "text.primary" if self.underMouse() else "text.secondary"
        return Piece(text=self.text(), role="caption", color=color)


class StatusLine(QWidget):
    """24 high, at the bottom of the window."""

    commands_wanted = Signal()
    shortcuts_wanted = Signal()
    money_wanted = Signal()
    """What is said of the user's absence was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Says nothing yet."""
        super().__init__(parent)
        self.setFixedHeight(24)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 1, 12, 0)
        row.setSpacing(12)
        self.words = ElidedLabel("", "caption", "text.secondary")
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.away = _Hint("")
        self.away.clicked.connect(self.money_wanted)
        self.away.hide()
        commands, shortcuts = _Hint("Ctrl+K commands"), _Hint("? shortcuts")
        commands.clicked.connect(self.commands_wanted)
        shortcuts.clicked.connect(self.shortcuts_wanted)
        for widget in (self.words, self.away, commands, shortcuts):
            row.addWidget(widget)

    def set_words(self, text: str) -> None:
        """Says what happened last, in one line; with a time in front where it has one."""
        self.words.setText(text)

    def set_away(self, text: str) -> None:
        """Says that nobody answers, and until when; nothing where somebody does."""
        if text != self.away.text():
            self.away.set_words(text)
            self.away.setVisible(bool(text))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.rail"))
        painter.fillRect(QRectF(0, 0, self.width(), 1), theme.color("border.default"))
