"""Lines of painted text: their widths, cuts and baselines, measured once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QStaticText, QTransform

from gastown_desktop.core.wording import show_hidden
from gastown_desktop.ui.theme.theme import font

_LONGEST = 400
"""Characters of a text that are looked at for where to cut it."""


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """A role of text in a weight; told apart by identity, since caches are asked for it all the time."""

    role: str
    weight: int | None = None

    @property
    def font(self) -> QFont:
        """What it is written in."""
        return font(self.role, self.weight)


def width_of(text: str, hand: Hand) -> float:
    """The width of a text in pixels."""
    return _width(text, hand)


def cut(text: str, hand: Hand, width: float, *, middle: bool = False) -> str:
    """A text in one line that fits into a width; characters that cannot be seen are written out.

    Args:
        text: whatever a repository, a model or a tool wrote.
        hand: what it is written in.
        width: pixels that there are.
        middle: cuts in the middle, as paths want it, else at the right.
    """
    return _cut(text[:_LONGEST], hand, int(width), middle)


def write(painter: QPainter, x: float, middle: float, text: str, hand: Hand) -> float:
    """Writes a text in the painter's pen, centred on a height; returns where it ends."""
    shaped, written, top, width = _placed(text, hand, middle)
    painter.setFont(written)
    painter.drawStaticText(QPointF(x, top), shaped)
    return x + width


@lru_cache(maxsize=1_000)
def baseline(hand: Hand, middle: float) -> float:
    """The baseline of a line that is centred on a height, on a whole pixel."""
    metrics = _metrics(hand)
    return round(middle + (metrics.ascent() - metrics.descent()) / 2)


@lru_cache(maxsize=4_000)
def _placed(text: str, hand: Hand, middle: float) -> tuple[QStaticText, QFont, float, float]:
    """A text whose glyphs are chosen already, its font, its top and its width.

    Choosing them is most of what painting text costs.
    """
    made = QStaticText(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    made.prepare(QTransform(), hand.font)
    return made, hand.font, baseline(hand, middle) - round(_metrics(hand).ascent()), width_of(text, hand)


@lru_cache(maxsize=64)
def _metrics(hand: Hand) -> QFontMetricsF:
    return QFontMetricsF(hand.font)


@lru_cache(maxsize=4_000)
def _width(text: str, hand: Hand) -> float:
    return _metrics(hand).horizontalAdvance(text)


@lru_cache(maxsize=4_000)
def _cut(text: str, hand: Hand, width: int, middle: bool) -> str:
    line = show_hidden(text.replace("\n", " ").replace("\t", " "))
    side = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
    return _metrics(hand).elidedText(line, side, width)
