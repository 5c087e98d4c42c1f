"""The cost meter of the top bar: what is settled and held, of which limit, and when that is reached."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.core.wording import show_held, show_money
from gastown_desktop.ui.limit_names import NAMES, of_words
from gastown_desktop.ui.theme import money_fill
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width

WIDE, NARROW = 340, 148
_BAR = QRectF(0, 18, WIDE, 6)
_TEXT = QRectF(0, -1, WIDE, 15)
_BETWEEN = 8
"""The least pixels between what is spent and the note at its right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the meter shows, in nano-dollars."""

    settled: int = 0
    assumed: int = 0
    held: int = 0
    cap: int | None = None
    kind: LimitKind = "convoy"
    """Whose limit it is; named where it is not the convoy's own."""
    note: str = ""
    """`$15.60/h, limit at about 15:40`; left out where there is no room."""


class Meter(QAbstractButton):
    """340 wide, or 148 without held and note; pressing it leads to Spend."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows nothing spent."""
        super().__init__(parent)
        self._figures = Figures()
        self._narrow = False
        self.setFixedHeight(24)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setProperty("radius", 2)
        self.set_narrow(narrow=False)
        self.set_figures(self._figures)

    def set_figures(self, figures: Figures) -> None:
        """Shows other figures."""
        self._figures = figures
        of = f" {of_words(figures.kind, figures.cap)[0]}" if figures.cap is not None else ""
        held = f", {show_money(figures.held)} held" if figures.held else ""
        spent = f"{show_money(self._used())} spent{held}{of}"
        self.setAccessibleName(f"{spent}, {figures.note}" if figures.note else spent)
        self.setToolTip(self._explained())
        self.update()

    def set_narrow(self, *, narrow: bool) -> None:
        """Leaves out what a small window has no room for."""
        self._narrow = narrow
        self.setFixedWidth(NARROW if narrow else WIDE)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(NARROW if self._narrow else WIDE, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pieces, note = self._fitting()
        draw_row(painter, pieces, _TEXT)
        left = self.width() - row_width(note)
        draw_row(painter, note, QRectF(left, _TEXT.top(), WIDE, _TEXT.height()))
        self._draw_bar(painter)

    def _used(self) -> int:
        return self._figures.settled + self._figures.assumed

    def written(self) -> str:
        """What is written on it now, which depends on the room that there is."""
        pieces, note = self._fitting()
        return " ".join(piece.text for piece in (*pieces, *note))

    def _fitting(self) -> tuple[list[Piece], list[Piece]]:
        """What stands at the left and at the right: as much as there is room for."""
        ways = self._ways()
        return next((way for way in ways if self._takes(*way) <= self.width()), ways[-1])

    def _takes(self, pieces: list[Piece], note: list[Piece]) -> float:
        return row_width(pieces) + (row_width(note) + _BETWEEN if note else 0)

    def _ways(self) -> list[tuple[list[Piece], list[Piece]]]:
        """All that could be written; what can be left out goes in this order: words, held, the note."""
        figures = self._figures
        settled = Piece(text=show_money(figures.settled), weight=600)
        held = [_small(f"{show_held(figures.held)} held")] if figures.held else []
        of = of_words(figures.kind, figures.cap) if figures.cap is not None else ()
        caps = [[_small(text)] for text in dict.fromkeys(of)] or [[]]
        note = [_small(figures.note)] if figures.note else []
        bare = [_small(f"of {show_money(figures.cap)}")] if figures.cap is not None else []
        short = [([settled, *cap], []) for cap in (*caps, bare)]
        if self._narrow:
            return short
        with_held = [([settled, *held, *cap], note) for cap in caps]
        return [*with_held, *(([settled, *cap], note) for cap in caps), *short]

    def _draw_bar(self, painter: QPainter) -> None:
        figures = self._figures
        whole = max(figures.cap or 0, self._used() + figures.held, 1)
        parts = (
            (figures.settled / whole, money_fill.settled_brush()),
            (figures.assumed / whole, money_fill.assumed_brush()),
            (figures.held / whole, money_fill.held_brush()),
        )
        rect = QRectF(_BAR.left(), _BAR.top(), self.width(), _BAR.height())
        edge = theme.color("text.secondary" if self.underMouse() else "border.strong")
        money_fill.draw_bar(painter, rect, parts, track=QColor(Qt.GlobalColor.transparent), border=edge)

    def _explained(self) -> str:
        figures = self._figures
        parts = [f"Settled {show_money(figures.settled)}"]
        parts += [f"assumed {show_money(figures.assumed)}"] if figures.assumed else []
        parts += [f"held {show_money(figures.held)}"] if figures.held else []
        whose = "limit" if figures.kind == "convoy" else NAMES[figures.kind]
        parts += [f"{whose} {show_money(figures.cap)}"] if figures.cap is not None else []
        return ", ".join(parts)


def _small(text: str) -> Piece:
    return Piece(text=text, role="caption", color="text.secondary")
