"""The status line: the newest event in words, and where to find everything else."""

from __future__ import annotations

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
        self.setText(text)
        self.setAccessibleName(text)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(round(row_width([self._piece()])), 23)

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_row(QPainter(self), [self._piece()], QRectF(self.rect()))

    def _piece(self) -> Piece:
        color = "text.primary" if self.underMouse() else "text.secondary"
        return Piece(text=self.text(), role="caption", color=color)


class StatusLine(QWidget):
    """24 high, at the bottom of the window."""

    commands_wanted = Signal()
    shortcuts_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Says nothing yet."""
        super().__init__(parent)
        self.setFixedHeight(24)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 1, 12, 0)
        row.setSpacing(12)
        self.words = ElidedLabel("", "caption", "text.secondary")
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        commands, shortcuts = _Hint("Ctrl+K commands"), _Hint("? shortcuts")
        commands.clicked.connect(self.commands_wanted)
        shortcuts.clicked.connect(self.shortcuts_wanted)
        for widget in (self.words, commands, shortcuts):
            row.addWidget(widget)

    def set_words(self, text: str) -> None:
        """Says what happened last, in one line; with a time in front where it has one."""
        self.words.setText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.rail"))
        painter.fillRect(QRectF(0, 0, self.width(), 1), theme.color("border.default"))
