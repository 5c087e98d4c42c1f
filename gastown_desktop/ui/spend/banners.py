"""The strip that tells, once each, that half, four fifths and nearly all of the limit are used."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gastown_desktop.core.burn import crossed
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.core.wording import show_money
from gastown_desktop.ui.limit_names import NAMES
from gastown_desktop.ui.spend.gauge import MoneyStanding
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel

_NO_BREAK = "\N{NO-BREAK SPACE}"
_HEIGHT = 40
_FINISHING, _SLOWING = 80, 95
"""Percent from which the most advanced beads are finished first, and from which few workers have room."""


class LimitBanner(QWidget):
    """Hidden until a threshold is crossed; another limit starts anew."""

    limit_wanted = Signal(str)
    """The user wants to change the limit that it tells of (its LimitKind)."""
    told = Signal(str)
    """What it says, for a notification; once for each threshold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Says nothing yet."""
        super().__init__(parent)
        self.setFixedHeight(_HEIGHT)
        self._told: dict[tuple[ConvoyId, LimitKind, int], int] = {}
        self._kind: LimitKind = "convoy"
        self.words = ElidedLabel("", "body")
        self.dismiss = Button("Dismiss", "quiet", small=True)
        self.change = Button("Change limit…", small=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(40, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.words, 1)
        row.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.change, 0, Qt.AlignmentFlag.AlignVCenter)
        self.dismiss.clicked.connect(self.hide)
        self.change.clicked.connect(self._change)
        self.hide()

    def heed(self, convoy: ConvoyId, standing: MoneyStanding, kind: LimitKind = "convoy") -> None:
        """Takes where a limit stands; shows itself where it crossed a threshold that was not told.

        Args:
            convoy: for which it holds.
            standing: where it stands.
            kind: whose limit it is.
        """
        cap = standing.cap
        if cap is None:
            self._forget(kind)
            return
        already = self._told.get((convoy, kind, cap), 0)
        percent = crossed(standing.used, cap, ())
        if percent is None or percent <= already:
            if percent is None:
                self._forget(kind)  # the limit was raised
            return
        self._told[convoy, kind, cap] = percent
        self._kind = kind
        of = show_money(cap) if kind == "convoy" else f"{NAMES[kind]}, {show_money(cap)},"
        text = f"{percent}{_NO_BREAK}% of {of} is spent or promised. {_next(standing, percent)}"
        self.words.setText(text)
        self.setAccessibleName(text)
        self.show()
        self.told.emit(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("border.default"))
        color = theme.color("state.paused_budget")
        draw_glyph(painter, "paused_budget", color, QRectF(16, (self.height() - 16) / 2, 16, 16))

    def _forget(self, kind: LimitKind) -> None:
        """Hides itself where it tells of this limit."""
        if kind == self._kind:
            self.hide()

    def _change(self) -> None:
        self.hide()
        self.limit_wanted.emit(self._kind)


def _next(standing: MoneyStanding, percent: int) -> str:
    if percent >= _SLOWING:
        return "The fleet slows down to land under it."
    free = show_money(standing.free or 0)
    if percent >= _FINISHING:
        return f"{free} is free for work: beads that are nearest to their end come first."
    return f"{free} is free for work."
