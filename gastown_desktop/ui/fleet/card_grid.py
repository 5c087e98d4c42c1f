"""Where cards and the heads of their groups stand: plain arithmetic, no widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from PySide6.QtCore import QPoint, QRect

from gastown_desktop.ui.fleet.card_painter import HEIGHT, WIDTH

LEFT, RIGHT = 14, 18
GAP, ROW_GAP = 8, 6
HEADER = 26
_BOTTOM = 14
MOST_COLUMNS = 5


def width_for(columns: int) -> int:
    """Pixels that a number of columns takes, margins and scroll bar included."""
    return LEFT + columns * WIDTH + (columns - 1) * GAP + RIGHT


def columns_in(width: int) -> int:
    """How many columns fit into a width, 1 to 5."""
    return max(1, min(MOST_COLUMNS, (width - LEFT - RIGHT + GAP) // (WIDTH + GAP)))


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a block of cards."""

    top: int
    parts: tuple[tuple[str, int], ...]
    """Which groups its cards are of, and how many each; several only while order is held."""


@dataclass(slots=True)
class CardGrid:
    """Rectangles of all cards, by their row in the model; y counts from the top of the content."""

    columns: int = 1
    height: int = 0
    headers: list[Header] = field(default_factory=list[Header])
    cards: list[QRect] = field(default_factory=list[QRect])
    _lines: list[list[int]] = field(default_factory=list[list[int]])
    """Rows of the model, line by line."""
    _line_of: list[int] = field(default_factory=list[int])

    @classmethod
    def of(cls, groups: Sequence[str], columns: int, blocks: Sequence[str] = ()) -> CardGrid:
        """Lays cards out.

        Args:
            groups: the group of each card, in the model's order.
            columns: how many stand side by side.
            blocks: the group in which each card stays standing, where that is another one.
        """
        grid = cls(columns=columns)
        top = 0
        for _, members in groupby(range(len(groups)), key=(blocks or groups).__getitem__):
            rows = list(members)
            parts = Counter(groups[row] for row in rows)
            grid.headers.append(Header(top, tuple(parts.items())))
            top = grid._lay_group(rows, top + HEADER)
        grid.height = top + _BOTTOM if groups else 0
        return grid

    def row_at(self, point: QPoint) -> int | None:
        """The card under a point of the content."""
        for line in self._lines:
            first = self.cards[line[0]]
            if first.top() <= point.y() <= first.bottom():
                return next((row for row in line if self.cards[row].contains(point)), None)
        return None

    def within(self, top: int, bottom: int) -> list[int]:
        """Cards that are at least partly between two heights."""
        return [row for row, card in enumerate(self.cards) if card.bottom() >= top and card.top() <= bottom]

    def moved(self, row: int, right: int, down: int) -> int:
        """The card that many columns and lines from another, or the nearest one to it.

        Left and right go on over the ends of lines, up and down keep the column.
        """
        if right:
            return max(0, min(len(self.cards) - 1, row + right))
        line = self._line_of[row]
        column = self._lines[line].index(row)
        wanted = max(0, min(len(self._lines) - 1, line + down))
        there = self._lines[wanted]
        return there[min(column, len(there) - 1)]

    def lines_in(self, height: int) -> int:
        """How many lines a page of a height holds, at least one."""
        return max(1, height // (HEIGHT + ROW_GAP))

    def _lay_group(self, rows: list[int], top: int) -> int:
        """Places the cards of a group; returns where the next group begins."""
        for first in range(0, len(rows), self.columns):
            line = rows[first : first + self.columns]
            for column in range(len(line)):
                left = LEFT + column * (WIDTH + GAP)
                self.cards.append(QRect(left, top, WIDTH, HEIGHT))
                self._line_of.append(len(self._lines))
            self._lines.append(line)
            last = first + self.columns >= len(rows)
            top += HEIGHT if last else HEIGHT + ROW_GAP
        return top
