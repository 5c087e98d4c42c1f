"""The line that says what of a piece of work somebody has to look at before it lands, and why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gastown_desktop.ui.widgets.labels import Glyph, Paragraph


class LookLine(QWidget):
    """A mark and the changes with their reasons; hidden where there are none."""

    def __init__(self, most: int = 5, parent: QWidget | None = None) -> None:
        """Shows nothing.

        Args:
            most: changes that are named before the rest is only counted.
            parent: owns it.
        """
        super().__init__(parent)
        self._most = most
        self._words = Paragraph("", "small", "text.primary")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(7)
        mark = Glyph("review", "state.review", 14)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._words, 1)
        self.hide()

    @property
    def words(self) -> str:
        """What it says."""
        return self._words.text()

    def show_changes(self, sensitive: Sequence[str]) -> None:
        """Shows changes, each as `path: why`."""
        self.setVisible(bool(sensitive))
        if not sensitive:
            return
        more = len(sensitive) - self._most
        named = list(sensitive) if more <= 0 else [*sensitive[: self._most], f"and {more} more"]
        self._words.setText("\n".join(["Look at this before it lands:", *named]))
