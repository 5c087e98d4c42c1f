"""The dashed place that says where a folder may be dropped."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import PlainLabel

WIDTH, HEIGHT = 720, 212
_DASH, _SPACE, _STROKE = 7.0, 5.0, 1.5


class DropTarget(QWidget):
    """720 × 212 with its two buttons; the edge turns orange and solid while a folder is held over it."""

    choose_wanted = Signal()
    clone_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes it as it is while nothing is dragged."""
        super().__init__(parent)
        self._hovers = False
        self.setFixedHeight(HEIGHT)
        self.setMaximumWidth(WIDTH)
        self.setAccessibleName("Drop a Git repository here")
        self.choose = Button("Choose folder…", "primary", icon="ui_folder", large=True)
        self.clone = Button("Clone from URL…", icon="ui_clone", large=True)
        self.choose.clicked.connect(self.choose_wanted)
        self.clone.clicked.connect(self.clone_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.choose)
        buttons.addWidget(self.clone)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 75, 0, 0)
        column.setSpacing(0)
        centre = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(PlainLabel("Drop a Git repository here", "heading"), 0, centre)
        column.addSpacing(8)
        column.addWidget(
            PlainLabel("or anywhere on this window, at any time", "body", "secondary"), 0, centre
        )
        column.addSpacing(18)
        column.addLayout(buttons)
        column.addStretch(1)

    def set_hovering(self, hovers: bool) -> None:  # a slot
        """Shows that a folder is held over the window."""
        self._hovers = hovers
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.color("accent.base" if self._hovers else "border.control"), _STROKE)
        if not self._hovers:
            pen.setDashPattern([_DASH / _STROKE, _SPACE / _STROKE])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.setBrush(theme.color("surface.raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        rect = QRectF(self.width() / 2 - 15, 35, 30, 30)
        draw_glyph(painter, "ui_folder", theme.color("text.tertiary"), rect)
