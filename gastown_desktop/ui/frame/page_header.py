"""The head of a page: its title, a few words beside it, what belongs to it at the left and at the right."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.labels import PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width


class _Crumb(QAbstractButton):
    """The page above, and the sign that this one lies below it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setText(text)
        self.setAccessibleName(f"Back to {text}")
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(round(row_width([self._piece()])) + 20, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        end = draw_row(painter, [self._piece()], QRectF(self.rect()))
        rect = QRectF(end + 7, (self.height() - 12) / 2, 12, 12)
        draw_glyph(painter, "ui_chevron_right", theme.color("text.tertiary"), rect)

    def _piece(self) -> Piece:
        color = "text.primary" if self.underMouse() else "text.tertiary"
        return Piece(text=self.text(), role="body", color=color)


class PageHeader(QWidget):
    """40 high, with a hairline below."""

    back_wanted = Signal()
    """The name of the page above was clicked."""

    def __init__(
        self, title: str, *, above: str = "", reading: bool = False, parent: QWidget | None = None
    ) -> None:
        """Makes a head.

        Args:
            title: the page's name.
            above: the page that leads here.
            reading: 20 instead of 12 pixels at the sides.
            parent: owns it.
        """
        super().__init__(parent)
        self.setFixedHeight(40)
        side = 20 if reading else 12
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(side, 0, side, 0)
        self._row.setSpacing(8)
        if above:
            crumb = _Crumb(above)
            crumb.clicked.connect(self.back_wanted)
            self._row.addWidget(crumb)
        self.title = PlainLabel(title, "title")
        self.words = PlainLabel("", "small", "tertiary")
        self.words.hide()
        self._row.addWidget(self.title)
        self._row.addWidget(self.words)
        self._left = QHBoxLayout()
        self._left.setContentsMargins(10, 0, 0, 0)
        self._left.setSpacing(8)
        self._row.addLayout(self._left)
        self._row.addStretch(1)

    def set_title(self, text: str) -> None:
        """Names the page anew."""
        self.title.setText(text)

    def set_words(self, text: str) -> None:
        """Says a few words beside the title: `21 beads`."""
        self.words.setText(text)
        self.words.setVisible(bool(text))

    def add_left(self, widget: QWidget) -> None:
        """Puts a widget after the words."""
        self._left.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def add_right(self, widget: QWidget) -> None:
        """Puts a widget at the right end."""
        self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("border.subtle"))


def under_header(title: str, content: QWidget) -> QWidget:
    """A page that is a header and one thing below it."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(PageHeader(title))
    column.addWidget(content, 1)
    return page
