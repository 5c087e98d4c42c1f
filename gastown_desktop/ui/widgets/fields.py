"""Fields that are typed into."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import font, theme


class Field(QLineEdit):
    """One line of text; a folder that is dropped on it goes to the window."""

    def __init__(
        self, name: str, hint: str = "", *, mono: bool = False, parent: QWidget | None = None
    ) -> None:
        """Makes a field.

        Args:
            name: what a screen reader says.
            hint: shown while it is empty.
            mono: for addresses, paths and ids.
            parent: owns it.
        """
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        self.setAcceptDrops(False)
        self.setFont(font("code" if mono else "small"))


class SearchField(Field):
    """A field with a magnifier, 26 high; Esc empties it."""

    def __init__(self, hint: str = "Filter", *, width: int = 136, parent: QWidget | None = None) -> None:
        """Makes a field that is `width` pixels wide."""
        super().__init__(hint, hint, parent=parent)
        self.setProperty("role", "search")
        self.setFixedWidth(width)
        self.setTextMargins(16, 0, 0, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        rect = QRectF(9, self.height() / 2 - 7, 14, 14)
        draw_glyph(QPainter(self), "ui_search", theme.color("text.secondary"), rect)
