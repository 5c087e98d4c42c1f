"""A row of glyphs and texts, as buttons, chips, tags and the top bar are painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import font, theme

GAP = 6
"""Pixels between two pieces where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One glyph, or one text in one font and colour."""

    text: str = ""
    glyph: str = ""
    """A file of `resources/icons`, without `.svg`; then `text` is not painted."""
    role: str = "small"
    weight: int | None = None
    color: str = "text.primary"
    size: int = 12
    """Side of the glyph in pixels."""
    gap: float = GAP
    """Pixels between the piece before it and this one."""

    @property
    def font(self) -> QFont:
        """What its text is written in."""
        return font(self.role, self.weight)

    @property
    def width(self) -> float:
        """Pixels that it takes, without its gap."""
        if self.glyph:
            return self.size
        return QFontMetricsF(self.font).horizontalAdvance(self.text)


def row_width(pieces: Sequence[Piece]) -> float:
    """Pixels that the pieces take side by side."""
    return sum(piece.width for piece in pieces) + sum(piece.gap for piece in pieces[1:])


def draw_row(painter: QPainter, pieces: Sequence[Piece], rect: QRectF, *, on: QColor | None = None) -> float:
    """Paints pieces from the left, each centred in the height.

    Args:
        painter: paints.
        pieces: from left to right.
        rect: where; nothing is cut at its right.
        on: one colour for all of them instead of their own.

    Returns:
        Where the last one ends.
    """
    left = rect.left()
    for place, piece in enumerate(pieces):
        left += piece.gap if place else 0
        draw_piece(painter, piece, left, rect, on=on)
        left += piece.width
    return left


def draw_piece(
    painter: QPainter, piece: Piece, left: float, rect: QRectF, *, on: QColor | None = None
) -> None:
    """Paints one piece at `left`, centred in the height of `rect`."""
    color = on or theme.color(piece.color)
    if piece.glyph:
        top = rect.center().y() - piece.size / 2
        draw_glyph(painter, piece.glyph, color, QRectF(left, top, piece.size, piece.size))
        return
    painter.setPen(color)
    painter.setFont(piece.font)
    painter.drawText(QPointF(left, baseline(piece.font, rect)), piece.text)


def baseline(written: QFont, rect: QRectF) -> float:
    """The baseline of a line that is centred in the height of `rect`, on a whole pixel."""
    metrics = QFontMetricsF(written)
    return round(rect.center().y() + (metrics.ascent() - metrics.descent()) / 2)
