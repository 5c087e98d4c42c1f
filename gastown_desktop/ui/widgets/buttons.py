"""Buttons: one orange one per view at most, costs and keys on the button itself."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QStyle, QStyleOptionButton, QWidget

from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import font, theme

Kind = Literal["plain", "primary", "outlined", "quiet"]
_GAP = 6
_ICON = 16


class Button(QPushButton):
    """A button with an icon before its words and a key after them."""

    def __init__(
        self,
        text: str,
        kind: Kind = "plain",
        *,
        icon: str = "",
        key: str = "",
        small: bool = False,
        large: bool = False,
        opens: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Makes a button.

        Args:
            text: verb and object.
            kind: how loud it is.
            icon: a glyph before the text.
            key: what presses it as well, shown after the text.
            small: 24 instead of 28 pixels high.
            large: 32 pixels high, on reading pages.
            opens: shows that it opens a menu.
            parent: owns it.
        """
        super().__init__(text, parent)
        self._kind: Kind = kind
        self._icon = icon
        self._key = key
        self._opens = opens
        self._small = small
        self.setProperty("kind", kind)
        self.setProperty("small", "true" if small else "false")
        self.setProperty("large", "true" if large else "false")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(text)
        self.setFont(font("body" if not small else "small", self._weight()))

    @property
    def kind(self) -> Kind:
        """How loud it is."""
        return self._kind

    def set_kind(self, kind: Kind) -> None:
        """Makes it louder or quieter."""
        if kind == self._kind:
            return
        self._kind = kind
        self.setProperty("kind", kind)
        self.style().polish(self)
        self.setFont(font("body" if not self._small else "small", self._weight()))
        self.update()

    def set_words(self, text: str, *, icon: str | None = None, key: str | None = None) -> None:
        """Changes what it says."""
        self._icon = self._icon if icon is None else icon
        self._key = self._key if key is None else key
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        padding = 14 if self.property("large") == "true" else 8 if self._small else 10
        width = 2 * padding + 2 + metrics.horizontalAdvance(self.text())
        if self._icon:
            width += _ICON + (_GAP if self.text() else 0)
        if self._key:
            width += _GAP + self.fontMetrics().horizontalAdvance(self._key)
        if self._opens:
            width += _GAP + 12
        height = 24 if self._small else 32 if self.property("large") == "true" else 28
        return QSize(width, height)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""  # pyright: ignore[reportAttributeAccessIssue] - a plain field in Qt
        self.style().drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        self._draw_words(painter)
        if self.hasFocus() and self.window().property("keyboard") is not False:
            draw_focus(painter, QRectF(self.rect()), 5.0 if self._small else 6.0)

    def _draw_words(self, painter: QPainter) -> None:
        color = theme.color(self._color_name())
        painter.setFont(self.font())
        metrics = painter.fontMetrics()
        parts = [metrics.horizontalAdvance(self.text())]
        parts += [_ICON + (_GAP if self.text() else 0)] if self._icon else []
        parts += [_GAP + metrics.horizontalAdvance(self._key)] if self._key else []
        parts += [_GAP + 12] if self._opens else []
        left = (self.width() - sum(parts)) / 2
        middle = self.height() / 2
        if self._icon:
            draw_glyph(painter, self._icon, color, QRectF(left, middle - _ICON / 2, _ICON, _ICON))
            left += _ICON + (_GAP if self.text() else 0)
        painter.setPen(color)
        self._draw_text(painter, self.text(), left)
        left += parts[0]
        if self._key:
            painter.setFont(font("small"))
            self._draw_text(painter, self._key, left + _GAP)
            left += _GAP + metrics.horizontalAdvance(self._key)
        if self._opens:
            draw_glyph(painter, "ui_chevron", color, QRectF(left + _GAP, middle - 6, 12, 12))

    def _draw_text(self, painter: QPainter, text: str, left: float) -> None:
        area = QRectF(left, 0, self.width(), self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _color_name(self) -> str:
        if not self.isEnabled():
            return "text.disabled"
        names = {"primary": "accent.on", "outlined": "accent.text", "quiet": "text.secondary"}
        return names.get(self._kind, "text.primary")

    def _weight(self) -> int:
        return {"primary": 600, "outlined": 600, "quiet": 400}.get(self._kind, 500)


def draw_focus(painter: QPainter, rect: QRectF, radius: float) -> None:
    """Draws the focus ring, 2 px, along the edge of what has the keyboard."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("focus.ring"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius, radius)
    painter.restore()
