"""Labels: always plain text, since what they show may come from a repository, a worker or a tool."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from gastown_desktop.core.wording import show_hidden
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import font, line_height, theme
from gastown_desktop.ui.widgets.pieces import baseline

Tone = Literal["primary", "secondary", "tertiary", "accent", "failed", "landed"]


class PlainLabel(QLabel):
    """Text in one of the roles and tones of the design."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        tone: Tone = "primary",
        *,
        weight: int | None = None,
        wraps: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Shows a text.

        Args:
            text: shown as it is, whatever is in it.
            role: the font's role.
            tone: the colour's.
            weight: another weight than the role's.
            wraps: breaks over lines.
            parent: owns it.
        """
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(font(role, weight))
        self.setProperty("tone", tone)
        self.setWordWrap(wraps)
        if not wraps:
            self.setMinimumHeight(line_height(role))
        self.setText(text)


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
        painter.drawText(QPointF(0, baseline(self.font(), QRectF(self.rect()))), shown)


class Paragraph(QWidget):
    """Text over as many lines as it needs, in the design's line height; it breaks rather than be cut."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        color: str = "text.secondary",
        *,
        weight: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Shows a text.

        Args:
            text: shown as it is; characters that cannot be seen are written out.
            role: the font's role.
            color: a colour of the theme.
            weight: another weight than the role's.
            parent: owns it.
        """
        super().__init__(parent)
        self._color = color
        self._line = line_height(role)
        self._text = ""
        self.setFont(font(role, weight))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setText(text)

    def text(self) -> str:
        """The text as it is shown."""
        return self._text

    def setText(self, text: str) -> None:
        """Shows another text."""
        self._text = show_hidden(text)
        self.setAccessibleName(self._text)
        self.updateGeometry()
        self.update()

    def set_color(self, color: str) -> None:
        """Changes the colour to another one of the theme."""
        self._color = color
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._line * max(1, self._laid_out(width).lineCount())

    def sizeHint(self) -> QSize:
        widest = max(QFontMetrics(self.font()).horizontalAdvance(one) for one in self._text.split("\n")) + 1
        width = min(widest, 400)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self._line)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.color(self._color))
        laid_out = self._laid_out(self.width())
        for number in range(laid_out.lineCount()):
            line = laid_out.lineAt(number)
            top = number * self._line + (self._line - line.height()) / 2
            line.draw(painter, QPointF(0, round(top)))

    def _laid_out(self, width: int) -> QTextLayout:
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        made = QTextLayout(self._text.replace("\n", "\u2028"), self.font())
        made.setTextOption(option)
        made.beginLayout()
        while (line := made.createLine()).isValid():
            line.setLineWidth(max(1, width))
            line.setPosition(QPointF(0, 0))
        made.endLayout()
        return made


class Glyph(QWidget):
    """One glyph as a widget; decoration, what it means is said in words beside it."""

    def __init__(
        self, name: str, color: str = "text.secondary", size: int = 16, parent: QWidget | None = None
    ) -> None:
        """Shows a glyph.

        Args:
            name: a file of `resources/icons`, without `.svg`.
            color: a colour of the theme.
            size: its side in pixels.
            parent: owns it.
        """
        super().__init__(parent)
        self._name = name
        self._color = color
        self.setFixedSize(size, size)

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_glyph(QPainter(self), self._name, theme.color(self._color), QRectF(self.rect()))


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
