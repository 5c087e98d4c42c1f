"""One sentence on what was dropped or chosen, where it is not an ordinary repository, and its one action."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.engine.api import Kind, Looked
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Paragraph

ACTIONS: dict[Kind, str] = {
    "inside": "Open {name}",
    "plain_folder": "Initialise Git here",
    "missing": "Choose another folder…",
    "file": "Choose another folder…",
    "empty": "Choose another folder…",
    "bare": "Choose another folder…",
    "foreign": "Choose another folder…",
    "broken": "Choose another folder…",
    "refused": "Choose another folder…",
}
"""What is offered for each kind."""
GAP_BELOW = 12
"""Pixels below the strip, which go when it goes."""


class AnswerStrip(QWidget):
    """What the path is, what helps, one button for it, and one that takes the strip away; Esc does too."""

    action_wanted = Signal(object)
    """The user pressed the button; carries the `Looked` that was shown."""
    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a strip that is not shown yet."""
        super().__init__(parent)
        self.setAccessibleName("About this folder")
        self.setContentsMargins(0, 0, 0, GAP_BELOW)
        self.looked: Looked | None = None
        self.sentence = Paragraph("", "body", "text.primary")
        self.remedy = Paragraph("", "small")
        self.action = Button("")
        self.close_button = Button("", "quiet", icon="ui_close", small=True)
        self.close_button.setAccessibleName("Dismiss")
        self.close_button.setToolTip("Dismiss")
        self.action.clicked.connect(self._act)
        self.close_button.clicked.connect(self.dismiss)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.sentence)
        words.addWidget(self.remedy)
        row = QHBoxLayout(self)
        row.setContentsMargins(45, 9, 9, 9)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addWidget(self.action, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    def show_looked(self, looked: Looked) -> None:
        """Says what a path turned out to be."""
        self.looked = looked
        action = ACTIONS.get(looked.kind, "").format(name=looked.path.name)
        self._say(looked.sentence, " ".join((looked.remedy, *looked.notes)).strip(), action)

    def show_trouble(self, sentence: str, safe: str = "", remedy: str = "") -> None:
        """Says what went wrong, what is safe and what to do; there is no button then."""
        self.looked = None
        self._say(sentence, " ".join(one for one in (safe, remedy) if one), "")

    def dismiss(self) -> None:
        """Takes it away."""
        if self.isVisible():
            self.hide()
            self.dismissed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
            return
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.action.isVisible():
            (self.close_button if self.close_button.hasFocus() else self.action).click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.strong"), 1))
        painter.setBrush(theme.color("surface.raised"))
        painter.drawRoundedRect(QRectF(self.contentsRect()).adjusted(0.5, 0.5, -0.5, -0.5), 7.5, 7.5)
        rect = QRectF(18, (self.contentsRect().height() - 16) / 2, 16, 16)
        draw_glyph(painter, "ui_warning", theme.color("text.secondary"), rect)

    def _say(self, sentence: str, more: str, action: str) -> None:
        self.sentence.setText(sentence)
        self.remedy.setText(more)
        self.remedy.setVisible(bool(more))
        self.action.set_words(action)
        self.action.setVisible(bool(action))
        self.show()
        first = self.action if action else self.close_button
        first.setFocus(Qt.FocusReason.PopupFocusReason)

    def _act(self) -> None:
        looked = self.looked
        self.hide()
        if looked is not None:
            self.action_wanted.emit(looked)
