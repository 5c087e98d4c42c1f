"""The gauge: where the money of a limit stands, and the words that say what its parts are."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.core.burn import THRESHOLDS
from gastown_desktop.core.glances import MeterMoved
from gastown_desktop.core.wording import show_money
from gastown_desktop.engine.api import Bill
from gastown_desktop.ui.theme import money_fill
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import Piece, baseline, draw_row, row_width

_NO_BREAK = "\N{NO-BREAK SPACE}"
_SCALE = 22
"""Pixels below the bar for the ticks and what they say."""
_LINE, _GAP = 20, 22
"""Height of a line of the legend, and pixels between its entries."""


Sums = MeterMoved | Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyStanding:
    """Where a limit stands, in nano-dollars."""

    settled: int = 0
    assumed: int = 0
    held: int = 0
    reserve: int = 0
    """What of the limit is kept for landing."""
    cap: int | None = None

    @classmethod
    def of(cls, sums: Sums) -> MoneyStanding:
        """Where the sums of a meter or of a bill stand."""
        return cls(
            settled=sums.settled,
            assumed=sums.assumed,
            held=sums.held,
            reserve=sums.reserve,
            cap=sums.cap,
        )

    @property
    def used(self) -> int:
        """What is spent or may still be."""
        return self.settled + self.assumed + self.held

    @property
    def kept(self) -> int:
        """What is still kept for landing: landing itself uses it up."""
        return max(0, min(self.reserve, (self.cap or 0) - self.used))

    @property
    def free(self) -> int | None:
        """What work may still use; None without a limit."""
        return None if self.cap is None else max(0, self.cap - self.used - self.kept)

    @property
    def spoken(self) -> str:
        """The gauge for a screen reader."""
        limit = "no limit" if self.cap is None else f"limit {show_money(self.cap)}"
        return ", ".join([*(f"{name} {show_money(amount)}" for name, amount in self.parts()), limit])

    def parts(self) -> list[tuple[str, int]]:
        """What the legend names, with amounts; of the rest what is nothing is left out."""
        rows = [("Settled", self.settled), ("Assumed", self.assumed), ("Held", self.held)]
        named = [(name, amount) for name, amount in rows if amount or name == "Settled"]
        named += [("Free", self.free)] if self.free is not None else []
        return [*named, *([("Kept for landing", self.kept)] if self.kept else [])]


class Gauge(QWidget):
    """The bar: settled solid, assumed dotted, held hatched, free empty, the reserve last."""

    def __init__(
        self,
        *,
        thickness: int = 26,
        scale: bool = True,
        ground: str = "surface.raised",
        parent: QWidget | None = None,
    ) -> None:
        """Shows nothing spent.

        Args:
            thickness: of the bar, in pixels.
            scale: with ticks at the thresholds and the limit below.
            ground: the colour of what is free.
            parent: owns it.
        """
        super().__init__(parent)
        self._standing = MoneyStanding()
        self._thickness = thickness
        self._scale = scale
        self._ground = ground
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(thickness + (_SCALE if scale else 0))

    def set_standing(self, standing: MoneyStanding) -> None:
        """Shows other figures."""
        self._standing = standing
        self.setAccessibleName(standing.spoken)
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._draw_bar(painter)
        if self._scale and self._standing.cap:
            self._draw_scale(painter, self._standing.cap)

    def _draw_bar(self, painter: QPainter) -> None:
        standing = self._standing
        whole = max(standing.cap or 0, standing.used, 1)
        parts = (
            (standing.settled / whole, money_fill.settled_brush()),
            (standing.assumed / whole, money_fill.assumed_brush()),
            (standing.held / whole, money_fill.held_brush(large=True)),
            ((standing.free or 0) / whole, QBrush(theme.color(self._ground))),
            (standing.kept / whole, money_fill.reserve_brush()),
        )
        rect = QRectF(0, 0, self.width(), self._thickness)
        edge = theme.color("border.control")
        money_fill.draw_bar(painter, rect, parts, track=theme.color(self._ground), border=edge, radius=4)

    def _draw_scale(self, painter: QPainter, cap: int) -> None:
        written = font("caption")
        painter.setFont(written)
        painter.setPen(theme.color("text.tertiary"))
        line = QRectF(0, self._thickness + 5, self.width(), 16)
        at = baseline(written, line)
        width = painter.fontMetrics().horizontalAdvance
        limit = show_money(cap).removesuffix(".00")
        painter.drawText(QPointF(0, at), "$0")
        painter.drawText(QPointF(self.width() - width(limit), at), limit)
        room = self.width() - width(limit) - 8
        for percent in reversed(THRESHOLDS):
            middle = self.width() * percent / 100
            painter.fillRect(QRectF(round(middle), self._thickness + 1, 1, 4), theme.color("border.control"))
            text = f"{percent}{_NO_BREAK}%"
            left = middle - width(text) / 2
            if left + width(text) <= room:
                painter.drawText(QPointF(left, at), text)
                room = left - 8


class Legend(QWidget):
    """What the gauge's parts are, with their amounts; over several lines where it has to be."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows nothing spent."""
        super().__init__(parent)
        self._standing = MoneyStanding()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_standing(self, standing: MoneyStanding) -> None:
        """Shows other figures."""
        self._standing = standing
        self.setAccessibleName(standing.spoken)
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return _LINE * (1 + max((line for *_, line in self._places(width)), default=0))

    def sizeHint(self) -> QSize:
        return QSize(400, _LINE)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, _LINE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for name, pieces, left, line in self._places(self.width()):
            rect = QRectF(left, line * _LINE, self.width(), _LINE)
            _draw_swatch(painter, name, QRectF(left, rect.top() + 4, 12, 12))
            draw_row(painter, pieces, rect.adjusted(19, 0, 0, 0))

    def _places(self, width: int) -> list[tuple[str, list[Piece], float, int]]:
        """Each entry with its left edge and its line."""
        found: list[tuple[str, list[Piece], float, int]] = []
        left, line = 0.0, 0
        for name, amount in self._standing.parts():
            pieces = [
                Piece(text=name, color="text.secondary"),
                Piece(text=show_money(amount), weight=500, gap=7),
            ]
            takes = 19 + row_width(pieces)
            if left and left + takes > width:
                left, line = 0.0, line + 1
            found.append((name, pieces, round(left), line))
            left += takes + _GAP
        return found


def _draw_swatch(painter: QPainter, name: str, rect: QRectF) -> None:
    """A square of what a part of the gauge is filled with."""
    brushes = {
        "Settled": money_fill.settled_brush,
        "Assumed": money_fill.assumed_brush,
        "Held": money_fill.held_brush,
        "Kept for landing": money_fill.reserve_brush,
    }
    brush = brushes[name]() if name in brushes else QBrush(theme.color("surface.raised"))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    bordered = name not in {"Settled", "Kept for landing"}
    painter.setPen(QPen(theme.color("border.control"), 1) if bordered else Qt.PenStyle.NoPen)
    painter.translate(rect.topLeft())
    painter.setBrushOrigin(rect.topLeft() + QPointF(2, 2))
    painter.setBrush(brush)
    inset = 0.5 if bordered else 0.0
    painter.drawRoundedRect(
        QRectF(inset, inset, rect.width() - 2 * inset, rect.height() - 2 * inset), 2.5, 2.5
    )
    painter.restore()
