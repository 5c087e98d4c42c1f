"""The box that names requests of which nobody knows what they cost."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QWidget

from gastown_desktop.core.wording import plural, show_clock, show_hidden, show_money
from gastown_desktop.ui.spend.figures import ToCheck
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, PlainLabel

_RIGHT = Qt.AlignmentFlag.AlignRight


class CheckBox(QWidget):
    """Hidden while every cost is known."""

    wanted = Signal()
    """The user wants to see them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows none."""
        super().__init__(parent)
        self.setFixedHeight(63)
        self._title = PlainLabel("", "small", weight=500)
        self._amount = PlainLabel("", "small", weight=500)
        self._newest = ElidedLabel("", "small", "text.secondary")
        self.look = Button("Check…", small=True)
        grid = QGridLayout(self)
        grid.setContentsMargins(13, 9, 13, 10)
        grid.setVerticalSpacing(4)
        grid.setHorizontalSpacing(8)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._amount, 0, 1, alignment=_RIGHT)
        grid.addWidget(self._newest, 1, 0)
        grid.addWidget(self.look, 1, 1, alignment=_RIGHT)
        grid.setColumnStretch(0, 1)
        self.look.clicked.connect(self.wanted)
        self.hide()

    def set_requests(self, found: ToCheck, zone: tzinfo | None) -> None:
        """Shows how many there are, with the newest of them."""
        self.setVisible(bool(found.requests))
        if not found.requests:
            return
        newest = found.requests[0]
        self._title.setText(f"{plural(len(found.requests), 'request')} to check")
        self._amount.setText(show_money(found.amount))
        reason = newest.note or "charged in full"
        words = f"{_who(newest.what)}, {show_clock(newest.at, zone)}. {reason[:1].upper()}{reason[1:]}"
        self._newest.setText(show_hidden(words.rstrip(".") + "."))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.default"), 1))
        painter.setBrush(theme.color("surface.raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def _who(what: str) -> str:
    """Who asked: the worker, where a worker did; a request is called `hb-2pl8d Nux turn 3`."""
    words = what.split()
    return words[1] if len(words) == 4 and words[2] == "turn" else what
