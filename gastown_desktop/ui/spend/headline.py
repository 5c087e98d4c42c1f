"""The one large figure of the page, with the rates at its right."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.core.burn import Burn
from gastown_desktop.core.wording import show_clock, show_money
from gastown_desktop.ui.spend.gauge import MoneyStanding
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import Piece, row_width

_HEIGHT, _BASELINE = 58, 41
_BETWEEN = 24
"""The least pixels between the figure and the rates."""


class Headline(QWidget):
    """Painted on one baseline; what has no room at the right is left out from its middle."""

    def __init__(self, zone: tzinfo | None = None, parent: QWidget | None = None) -> None:
        """Shows nothing yet."""
        super().__init__(parent)
        self._zone = zone
        self._figure = ""
        self._rest = Piece()
        self._rates: list[Piece] = []
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_figures(self, standing: MoneyStanding, burn: Burn, *, rehearsal: bool) -> None:
        """Shows other figures; a rehearsal's are at list price, and nothing was spent."""
        of = "" if standing.cap is None else f"of {show_money(standing.cap)} "
        if rehearsal:
            figure, rest = "$0.00", f"spent · {show_money(standing.used)} {of}at list price"
        else:
            figure, rest = show_money(standing.used), f"{of}spent or promised"
        self._figure = figure
        self._rest = Piece(text=rest, role="title", weight=400, color="text.secondary")
        self._rates = self._worded(burn)
        spoken = [f"{figure} {rest}", *(piece.text for piece in self._rates)]
        self.setAccessibleName(", ".join(spoken))
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(240, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        written = _large()
        painter.setFont(written)
        painter.setPen(theme.color("text.primary"))
        painter.drawText(QPointF(-1, _BASELINE), self._figure)
        left = QFontMetricsF(written).horizontalAdvance(self._figure) + 8
        self._draw(painter, [self._rest], left)
        room = self.width() - left - self._rest.width - _BETWEEN
        rates = list(self._rates)
        while rates and row_width(rates) > room:
            del rates[len(rates) // 2]
        self._draw(painter, rates, self.width() - row_width(rates))

    def _draw(self, painter: QPainter, pieces: list[Piece], left: float) -> None:
        for number, piece in enumerate(pieces):
            left += piece.gap if number else 0
            painter.setFont(piece.font)
            painter.setPen(theme.color(piece.color))
            painter.drawText(QPointF(left, _BASELINE), piece.text)
            left += piece.width

    def _worded(self, burn: Burn) -> list[Piece]:
        if burn.per_hour_now is None:
            return []
        made = [Piece(text=f"{show_money(burn.per_hour_now)}/h now", role="body", weight=500)]
        if burn.per_hour is not None:
            text = f"{show_money(burn.per_hour)}/h over the run"
            made.append(Piece(text=text, role="body", color="text.secondary", gap=8))
        if burn.reached_at is not None:
            text = f"limit reached at about {show_clock(burn.reached_at, self._zone)}"
            made.append(Piece(text=text, role="body", color="text.secondary", gap=8))
        return made


def _large() -> QFont:
    """The font of the figure: it stands alone, so its digits may be as narrow as they are."""
    made = QFont(font("figure"))
    made.setFeature(QFont.Tag("tnum"), 0)
    made.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 99)
    return made
