"""Labels: always plain text, since what they show may come from a repository, a worker or a tool."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from gastown_desktop.ui.theme.theme import font, theme

Tone = Literal["primary", "secondary", "tertiary", "accent", "failed", "landed"]


class PlainLabel(QLabel):
    """Text in one of the roles and tones of the design."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        tone: Tone = "primary",
        *,
        wraps: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Shows a text.

        Args:
            text: shown as it is, whatever is in it.
            role: the font's role.
            tone: the colour's.
            wraps: breaks over lines.
            parent: owns it.
        """
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(font(role))
        self.setProperty("tone", tone)
        self.setWordWrap(wraps)
        self.setText(text)

    def set_tone(self, tone: Tone) -> None:
        """Changes the colour."""
        self.setProperty("tone", tone)
        self.style().polish(self)


class ElidedLabel(QWidget):
    """One line that is cut where the width ends; the whole text is in the tooltip."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        color: str = "text.primary",
        *,
        middle: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Shows a text.

        Args:
            text: shown as it is.
            role: the font's role.
            color: a colour of the theme.
            middle: cuts in the middle, as paths want it, else at the right.
            parent: owns it.
        """
        super().__init__(parent)
        self._text = text
        self._color = color
        self._cut = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self.setFont(font(role))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def text(self) -> str:
        """The whole text."""
        return self._text

    def setText(self, text: str) -> None:
        """Shows another text."""
        self._text = text.replace("\n", " ")
        self.setAccessibleName(self._text)
        self.updateGeometry()
        self.update()

    def set_color(self, color: str) -> None:
        """Changes the colour to another one of the theme."""
        self._color = color
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._text) + 1, metrics.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(24, QFontMetrics(self.font()).height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.color(self._color))
        shown = painter.fontMetrics().elidedText(self._text, self._cut, self.width())
        self.setToolTip(plain_tooltip(self._text) if shown != self._text else "")
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


class Hairline(QFrame):
    """A line of one pixel between two parts."""

    def __init__(
        self, *, upright: bool = False, color: str = "border.subtle", parent: QWidget | None = None
    ) -> None:
        """Makes a level line, or an upright one."""
        super().__init__(parent)
        self._color = color
        if upright:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color(self._color))


def plain_tooltip(text: str) -> str:
    """A tooltip that shows exactly this text: tooltips guess otherwise whether it is rich."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
    return f"<span>{escaped}</span>" if text else ""
