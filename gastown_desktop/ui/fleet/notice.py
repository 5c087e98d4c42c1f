"""A notice in place: what happened, what is safe, what to do; or a question with its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.core.errors import GasTownError
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Paragraph

Answer = tuple[str, Callable[[], object]]


class Notice(QWidget):
    """One at a time; Esc takes it away without deciding."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is hidden until there is something to say."""
        super().__init__(parent)
        self.words = Paragraph("", "small", "text.primary")
        self.buttons: list[Button] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 9)
        column.setSpacing(6)
        column.addWidget(self.words)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self._row.addStretch(1)
        column.addLayout(self._row)
        self.hide()

    def say(self, text: str, answers: Sequence[Answer] = (), *, dismiss: str = "Dismiss") -> None:
        """Shows a text with buttons.

        Args:
            text: shown as it is.
            answers: words of each button, and what it does; the notice goes before.
            dismiss: words of the button that does nothing.
        """
        self._clear()
        self.words.setText(text)
        self.setAccessibleName(text)
        for words, act in (*answers, (dismiss, _nothing)):
            button = Button(words, "plain" if act is not _nothing else "quiet", small=True)
            button.clicked.connect(lambda _=False, act=act: self._answer(act))
            self._row.addWidget(button)
            self.buttons.append(button)
        self.show()
        if answers:
            self.buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def fail(self, error: GasTownError) -> None:
        """Says what went wrong, what is safe and what to do."""
        self.say(error.whole)

    def dismiss(self) -> None:
        """Takes it away."""
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.window"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.color("border.default"))

    def _answer(self, act: Callable[[], object]) -> None:
        self.dismiss()
        act()

    def _clear(self) -> None:
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []


def _nothing() -> None:
    """What dismissing does."""
