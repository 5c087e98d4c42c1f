"""Chips that filter, and tags that name a state."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gastown_desktop.core.card import WORDS, State
from gastown_desktop.ui.theme.glyphs import glyph_of, state_token
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width


class Chip(QAbstractButton):
    """A filter: the glyph of a state and how many there are; pressed, only these are shown."""

    def __init__(self, state: State, count: int = 0, parent: QWidget | None = None) -> None:
        """Makes a chip for a state."""
        super().__init__(parent)
        self.state: State = state
        self._count = -1
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(WORDS[state])
        self.set_count(count)

    def set_count(self, count: int) -> None:
        """Shows another number."""
        if count == self._count:
            return
        self._count = count
        self.setAccessibleName(f"{WORDS[self.state]}, {count}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(row_width(self._pieces())) + 12, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = "surface.content"
        if self.isChecked():
            ground = "surface.selection"
        elif self.underMouse():
            ground = "surface.hover"
        edge = "text.primary" if self.isChecked() else "border.default"
        painter.setPen(QPen(theme.color(edge), 1))
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4.5, 4.5)
        draw_row(painter, self._pieces(), QRectF(6, 0, self.width(), self.height()))

    def _pieces(self) -> list[Piece]:
        return [
            Piece(glyph=glyph_of(self.state), color=state_token("state", self.state), size=12),
            Piece(text=str(self._count), weight=500, gap=7),
        ]


class Tag(QWidget):
    """A state's glyph and a word, on its tint or in an outline."""

    def __init__(
        self, state: State, text: str | None = None, *, outlined: bool = False, parent: QWidget | None = None
    ) -> None:
        """Makes a tag.

        Args:
            state: gives glyph and colour.
            text: what it says; None for the state's word.
            outlined: a border in the state's colour instead of its tint.
            parent: owns it.
        """
        super().__init__(parent)
        self._state: State = state
        self._text = ""
        self._outlined = outlined
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_state(state, text)

    def set_state(self, state: State, text: str | None = None) -> None:
        """Shows another state."""
        self._state = state
        self._text = WORDS[state] if text is None else text
        self.setAccessibleName(self._text if text is None else f"{WORDS[state]}: {text}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(row_width(self._pieces())) + 16, 18 if self._outlined else 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._outlined:
            painter.setPen(QPen(theme.color(state_token("state", self._state)), 1))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(state_token("tint", self._state)))
        shift = 0.5 if self._outlined else 0.0
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(shift, shift, -shift, -shift), 4, 4)
        draw_row(painter, self._pieces(), QRectF(8, 0, self.width(), self.height()))

    def _pieces(self) -> list[Piece]:
        color = state_token("state", self._state)
        return [
            Piece(glyph=glyph_of(self._state), color=color, size=12),
            Piece(text=self._text, role="caption", weight=500, color=color, gap=5),
        ]
