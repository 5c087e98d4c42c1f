"""A strip above the page: what happened, what is safe, what to do; it stays until it is dismissed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gastown_desktop.core.card import State
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import PlainLabel


class Strip(QWidget):
    """One sentence at a time; a newer one takes the place of an older."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is hidden until there is something to say."""
        super().__init__(parent)
        self._state: State = "failed"
        self._act: Callable[[], object] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(36, 6, 12, 6)
        row.setSpacing(8)
        self.words = PlainLabel("", wraps=True)
        self.button = Button("", small=True)
        self.button.clicked.connect(self._do)
        dismiss = Button("Dismiss", "quiet", small=True)
        dismiss.clicked.connect(self.dismiss)
        row.addWidget(self.words, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(dismiss, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    @property
    def state(self) -> State | None:
        """What kind of news it shows; None while it shows none."""
        return None if self.isHidden() else self._state

    def say(
        self,
        text: str,
        *,
        state: State = "failed",
        words: str = "",
        act: Callable[[], object] | None = None,
    ) -> None:
        """Shows a sentence.

        Args:
            text: what is said, shown as it is.
            state: gives the glyph and its colour.
            words: what its button says; none without.
            act: what the button does.
        """
        self._state, self._act = state, act
        self.words.setText(text)
        self.button.setVisible(act is not None)
        if act is not None:
            self.button.set_words(words)
        self.setAccessibleName(text)
        self.show()
        self.update()

    def dismiss(self) -> None:
        """Takes it away."""
        self._act = None
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("border.default"))
        draw_glyph(painter, glyph_of(self._state), state_color(self._state), QRectF(12, 11, 14, 14))

    def _do(self) -> None:
        act = self._act
        self.dismiss()
        if act is not None:
            act()
