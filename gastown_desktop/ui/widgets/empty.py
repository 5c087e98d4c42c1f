"""A page without content: one sentence and at most one action, at the content's top left."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Paragraph


class EmptyState(QWidget):
    """Says why there is nothing, and what can be done about it."""

    wanted = Signal()
    """The action was chosen."""

    def __init__(self, sentence: str, action: str = "", parent: QWidget | None = None) -> None:
        """Makes one.

        Args:
            sentence: why there is nothing.
            action: verb and object; empty for none.
            parent: owns it.
        """
        super().__init__(parent)
        self._words = Paragraph(sentence, "body", "text.secondary")
        self._button = Button(action or "Go on", "primary")
        self._button.clicked.connect(self.wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(self._words)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        self._button.setVisible(bool(action))
        column.addStretch(1)

    def set_words(self, sentence: str) -> None:
        """Says something else."""
        self._words.setText(sentence)

    def show_action(self, shown: bool) -> None:
        """Offers its action, or not: where nothing can be done about it."""
        self._button.setVisible(shown)


class NoConvoy(EmptyState):
    """What every page of a convoy says before there is one."""

    WORDS: ClassVar[str] = "No convoy yet. Rehearse one on your own history for $0."

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes one; its action is to rehearse."""
        super().__init__(self.WORDS, "Rehearse for $0", parent)
