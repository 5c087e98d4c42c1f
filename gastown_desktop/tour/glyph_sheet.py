"""The sheet of the program's signs: icon, state glyphs, colours, money, and what focus looks like."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from gastown_desktop.core.card import STATES, WORDS, State
from gastown_desktop.paths import resource
from gastown_desktop.ui.theme import money_fill
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.chips import Tag
from gastown_desktop.ui.widgets.pieces import Piece, draw_piece

WIDTH, HEIGHT = 640, 800
_LEFT, _RIGHT = 32, 608
_SHOWN: tuple[State, ...] = tuple(state for state in STATES if state not in {"paused", "waiting"})
_ICONS = ((160, 32, 28), (64, 216, 124), (32, 304, 156), (16, 360, 172))
_HEADS = ((32, "State, 14 px"), (182, "12"), (219, "16"), (254, "24"), (300, "on its tint"), (444, "grey"))
_FIRST_ROW, _ROW = 260, 36
_SWATCHES = (
    ("window", "surface.window"),
    ("rail", "surface.rail"),
    ("content", "surface.content"),
    ("raised", "surface.raised"),
    ("sunken", "surface.sunken"),
    ("selected", "surface.selection"),
    ("border", "border.default"),
    ("control", "border.control"),
    ("text 3", "text.tertiary"),
    ("text 2", "text.secondary"),
    ("text", "text.primary"),
    ("accent", "accent.base"),
    ("focus", "focus.ring"),
)
_SETTLED, _ASSUMED, _HELD, _KEPT = 0.448, 0.074, 0.178, 0.076
"""Shares of the bar."""


class GlyphSheet(QWidget):
    """One half of the sheet, in the theme that is in force; 640 × 800."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes its tags and buttons."""
        super().__init__(parent)
        self.setFixedSize(WIDTH, HEIGHT)
        self.setAccessibleName("Signs")
        for row, state in enumerate(_SHOWN):
            tag = Tag(state, parent=self)
            tag.adjustSize()
            tag.move(300, _FIRST_ROW + _ROW * row + 7)
        move, focus = (
            Button("Your move", "primary", small=True, parent=self),
            Button("Focus", small=True, parent=self),
        )
        move.setGeometry(461, 729, 79, 24)
        focus.setGeometry(557, 729, 51, 24)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - as Qt has it
        """Paints everything but the tags and buttons."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        self._head(painter)
        for row, state in enumerate(_SHOWN):
            _row(painter, state, _FIRST_ROW + _ROW * row)
        _swatches(painter)
        _money(painter)
        painter.setPen(QPen(theme.color("focus.ring"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(554, 727, 56, 28), 6, 6)

    def _head(self, painter: QPainter) -> None:
        for size, x, y in _ICONS:
            name = "icon" if size >= 48 else "icon-small"
            QSvgRenderer(str(resource(f"icons/{name}.svg"))).render(painter, QRectF(x, y, size, size))
            _text(painter, str(size), x, 196, role="caption", color="text.tertiary")
        _right(painter, "Gas Town", Piece(role="heading"), 28, 26)
        words = "Dark" if theme.dark else "Light"
        _right(painter, words, Piece(role="body", color="text.tertiary"), 55, 18)
        _line(painter, 226)
        for x, words in (*_HEADS, (504, "colour, contrast")):
            _text(painter, words, x, 240, role="caption", color="text.tertiary")
        _line(painter, 259)


def contrast(one: QColor, other: QColor) -> float:
    """How far two colours stand apart, 1 to 21, as WCAG 2.2 defines it."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: QColor) -> float:
    parts = (color.redF(), color.greenF(), color.blueF())
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _row(painter: QPainter, state: State, top: int) -> None:
    middle, color, glyph = top + 18, state_color(state), glyph_of(state)
    for size, x in ((14, 32), (12, 182), (16, 218), (24, 254)):
        draw_glyph(painter, glyph, color, QRectF(x, middle - size / 2, size, size))
    level = round(255 * (0.299 * color.redF() + 0.587 * color.greenF() + 0.114 * color.blueF()))
    draw_glyph(painter, glyph, QColor(level, level, level), QRectF(443, middle - 8, 16, 16))
    word = Piece(text=WORDS[state], role="caption", weight=500, color=f"state.{state}")
    draw_piece(painter, word, 51, QRectF(0, top, WIDTH, _ROW))
    figure = f"{color.name().upper()} {contrast(color, theme.color('surface.raised')):.1f}"
    draw_piece(
        painter, Piece(text=figure, role="id", color="text.secondary"), 504, QRectF(0, top, WIDTH, _ROW)
    )
    _line(painter, top + _ROW - 1)


def _swatches(painter: QPainter) -> None:
    for place, (words, name) in enumerate(_SWATCHES):
        x = _LEFT + 44 * place
        painter.setPen(QPen(theme.color("border.default"), 1))
        painter.setBrush(theme.color(name))
        painter.drawRoundedRect(QRectF(x + 0.5, 670.5, 37, 25), 3.5, 3.5)
        _text(painter, words, x, 698, role="caption", color="text.tertiary", px=9)


def _money(painter: QPainter) -> None:
    bar = QRectF(_LEFT, 735, 230, 12)
    parts = (
        (_SETTLED, money_fill.settled_brush()),
        (_ASSUMED, money_fill.assumed_brush()),
        (_HELD, money_fill.held_brush(large=True)),
        (1 - _SETTLED - _ASSUMED - _HELD - _KEPT, theme.color("money.free")),
        (_KEPT, money_fill.reserve_brush()),
    )
    money_fill.draw_bar(
        painter,
        bar,
        tuple((share, money_fill.QBrush(brush)) for share, brush in parts),
        track=theme.color("money.free"),
        border=theme.color("border.control"),
    )
    for line, words in enumerate(("settled, assumed, held, free,", "kept for landing")):
        _text(painter, words, 278, 727 + 14 * line, role="small", color="text.tertiary")


def _text(
    painter: QPainter, words: str, x: float, top: float, *, role: str, color: str, px: int | None = None
) -> None:
    piece = Piece(text=words, role=role, color=color)
    if px is None:
        draw_piece(painter, piece, x, QRectF(0, top, WIDTH, 14))
        return
    small = piece.font
    small.setPixelSize(px)
    painter.setPen(theme.color(color))
    painter.setFont(small)
    painter.drawText(QRectF(x, top, 60, 14), Qt.AlignmentFlag.AlignVCenter, words)


def _right(painter: QPainter, words: str, like: Piece, top: float, height: float) -> None:
    width = QFontMetricsF(like.font).horizontalAdvance(words)
    piece = Piece(text=words, role=like.role, color=like.color)
    draw_piece(painter, piece, _RIGHT - width, QRectF(0, top, WIDTH, height))


def _line(painter: QPainter, y: int) -> None:
    painter.fillRect(QRectF(_LEFT, y, _RIGHT - _LEFT, 1), theme.color("border.subtle"))
