"""A box that is ticked, with words or pieces beside it; what they say is plain text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QWidget

from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.pieces import Piece, row_width
from gastown_desktop.ui.widgets.rows_table import draw_cut

_BOX, _GAP, _HIGH = 14, 8, 22


class Check(QCheckBox):
    """One choice of yes or no; space ticks it."""

    def __init__(
        self, words: str = "", pieces: Sequence[Piece] = (), *, parent: QWidget | None = None
    ) -> None:
        """Makes a box that is not ticked.

        Args:
            words: what it says, and what a screen reader reads.
            pieces: how that is painted; none for plain words.
            parent: owns it.
        """
        super().__init__(parent)
        self._pieces: tuple[Piece, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setProperty("radius", 3)
        self.set_words(words, pieces)

    def set_words(self, words: str, pieces: Sequence[Piece] = ()) -> None:
        """Says something else."""
        self.setText(words.replace("&", "&&"))
        self.setAccessibleName(words)
        self._pieces = tuple(pieces) or (Piece(text=words, role="small"),)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(_BOX + _GAP + row_width(self._pieces)) + 4, _HIGH)

    def minimumSizeHint(self) -> QSize:
        return QSize(_BOX + _GAP + 40, _HIGH)

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0, (self.height() - _BOX) / 2, _BOX, _BOX)
        ground = "surface.hover" if self.underMouse() and self.isEnabled() else "surface.raised"
        painter.setPen(QPen(theme.color("border.control"), 1))
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if self.isChecked():
            color = theme.color("text.primary" if self.isEnabled() else "text.disabled")
            draw_glyph(painter, "ui_check", color, box.adjusted(1, 1, -1, -1))
        left = _BOX + _GAP
        draw_cut(painter, self._pieces, QRectF(left, 0, self.width() - left, self.height()))
