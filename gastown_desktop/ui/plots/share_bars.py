"""Level bars, one a row: a name, its share of the largest, and figures at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One row."""

    name: str
    share: float
    """Length of the bar, 0 to 1."""
    figure: str
    """What it comes to."""
    note: str = ""
    """A smaller figure beside it."""
    marked: bool = False
    """The one that counts here."""

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        return f"{self.name} {self.figure}" + (f", {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where things stand in a row, in pixels; the bar lies between the name and the figures."""

    pitch: int
    bar_from: int
    bar_height: int
    figure_from_right: int
    """Right edge of the figure, counted from the right."""
    note_from_right: int
    bar_to_right: int
    """Right edge of the bar, counted from the right."""


BESIDE = Columns(
    pitch=24, bar_from=104, bar_height=8, figure_from_right=0, note_from_right=56, bar_to_right=125
)
"""The note before the figure, as on the spend page."""
AFTER = Columns(
    pitch=26, bar_from=88, bar_height=10, figure_from_right=94, note_from_right=0, bar_to_right=186
)
"""The note after the figure, as on the evidence page."""


class ShareBars(QWidget):
    """Bars under each other; the order is the rank."""

    def __init__(self, name: str, columns: Columns, parent: QWidget | None = None) -> None:
        """Shows no row yet.

        Args:
            name: what the bars are about, for a screen reader.
            columns: how a row is laid out.
            parent: owns it.
        """
        super().__init__(parent)
        self._name = name
        self._columns = columns
        self._rows: tuple[Share, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_rows(())

    @property
    def rows(self) -> tuple[Share, ...]:
        """What is shown."""
        return self._rows

    def set_rows(self, rows: Sequence[Share]) -> None:
        """Shows other rows."""
        self._rows = tuple(rows)
        self.setAccessibleName(self._name + ": " + "; ".join(row.spoken for row in rows))
        self.setFixedHeight(self._columns.pitch * len(rows))
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._columns.bar_from + self._columns.bar_to_right + 30, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for number, row in enumerate(self._rows):
            pitch = self._columns.pitch
            self._draw_row(painter, row, QRectF(0, number * pitch, self.width(), pitch))

    def _draw_row(self, painter: QPainter, row: Share, rect: QRectF) -> None:
        columns = self._columns
        name = font("small", 600 if row.marked else None)
        painter.setFont(name)
        painter.setPen(theme.color("text.primary"))
        shown = QFontMetricsF(name).elidedText(row.name, Qt.TextElideMode.ElideRight, columns.bar_from - 8)
        painter.drawText(QPointF(0, baseline(name, rect)), shown)
        width = max(0.0, rect.width() - columns.bar_from - columns.bar_to_right)
        top = rect.top() + (rect.height() - columns.bar_height) / 2
        track = QRectF(columns.bar_from, round(top), width, columns.bar_height)
        fill = QRectF(track)
        fill.setWidth(max(2.0, track.width() * min(1.0, row.share)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for area, color in (
            (track, "surface.sunken"),
            (fill, "text.secondary" if row.marked else "border.control"),
        ):
            painter.setBrush(theme.color(color))
            painter.drawRoundedRect(area, 2, 2)
        note = font("caption") if columns is BESIDE else font("small")
        _draw_right(painter, row.note, note, "text.tertiary", rect, columns.note_from_right)
        _draw_right(painter, row.figure, font("small", 500), "text.primary", rect, columns.figure_from_right)


def _draw_right(painter: QPainter, text: str, written: QFont, color: str, rect: QRectF, off: int) -> None:
    painter.setFont(written)
    painter.setPen(theme.color(color))
    width = painter.fontMetrics().horizontalAdvance(text)
    painter.drawText(QPointF(rect.right() - off - width, baseline(written, rect)), text)
