"""Buttons: one orange one per view at most, costs and keys on the button itself."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QPushButton, QStyle, QStyleOptionButton, QWidget

from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width

Kind = Literal["plain", "primary", "outlined", "quiet"]
_COLOR = {"primary": "accent.on", "outlined": "accent.text", "quiet": "text.secondary"}
_WEIGHT = {"primary": 600}


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
        self._hushed = 0
        self._icon = icon
        self._key = key
        self._opens = opens
        self._small = small
        self._large = large
        self.setProperty("kind", kind)
        self.setProperty("small", "true" if small else "false")
        self.setProperty("large", "true" if large else "false")
        self.setAccessibleName(text)
        self.setFont(font("body" if large else "small", _WEIGHT.get(kind, 500)))

    @property
    def kind(self) -> Kind:
        """How loud it is, where nothing hushes it."""
        return self._kind

    @property
    def shown_kind(self) -> Kind:
        """How loud it looks: only what lies on top may be orange."""
        return "plain" if self._hushed and self._kind == "primary" else self._kind

    def set_kind(self, kind: Kind) -> None:
        """Makes it louder or quieter."""
        if kind != self._kind:
            self._kind = kind
            self._show_kind()

    def hush(self, hushed: bool) -> None:
        """Is told that something with an orange button of its own came over it, or went."""
        self._hushed = max(0, self._hushed + (1 if hushed else -1))
        self._show_kind()

    def set_words(self, text: str, *, icon: str | None = None, key: str | None = None) -> None:
        """Changes what it says."""
        self._icon = self._icon if icon is None else icon
        self._key = self._key if key is None else key
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def pieces(self) -> list[Piece]:
        """What is painted on it, from left to right."""
        kind = self.shown_kind
        color = _COLOR.get(kind, "text.primary")
        size = 14 if self._large else 12
        made = [Piece(glyph=self._icon, color=color, size=size)] if self._icon else []
        if self.text():
            role = "body" if self._large else "small"
            made.append(Piece(text=self.text(), role=role, weight=_WEIGHT.get(kind, 500), color=color))
        if self._key:
            quiet = color if kind == "primary" else "text.tertiary"
            made.append(Piece(text=self._key, role="caption", color=quiet))
        if self._opens:
            made.append(Piece(glyph="ui_chevron", color=color))
        return made

    def sizeHint(self) -> QSize:
        edge = 15 if self._large else 9 if self._small else 11
        height = 32 if self._large else 24 if self._small else 28
        if not self.text() and self._icon and not self._opens:
            return QSize(max(height, round(row_width(self.pieces())) + 8), height)
        return QSize(round(row_width(self.pieces())) + 2 * edge, height)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""  # pyright: ignore[reportAttributeAccessIssue] - a plain field in Qt
        self.style().drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        pieces = self.pieces()
        left = (self.width() - row_width(pieces)) / 2
        off = None if self.isEnabled() else theme.color("text.disabled")
        draw_row(painter, pieces, QRectF(left, 0, self.width(), self.height()), on=off)

    def _show_kind(self) -> None:
        kind = self.shown_kind
        if kind == self.property("kind"):
            return
        self.setProperty("kind", kind)
        self.style().polish(self)
        self.setFont(font("body" if self._large else "small", _WEIGHT.get(kind, 500)))
        self.updateGeometry()
        self.update()


_SIGN = 28
"""Pixels at the right end of a button that acts, where its sign drops the menu."""


class MenuButton(Button):
    """A button that drops a menu; whoever made it fills the menu."""

    def __init__(
        self,
        text: str,
        *,
        icon: str = "",
        small: bool = True,
        acts: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Makes a button with an empty menu.

        Args:
            text: verb and object.
            icon: a glyph before the text.
            small: 24 instead of 28 pixels high.
            acts: a click does what it says; only its sign, and the down key, drop the menu.
            parent: owns it.
        """
        super().__init__(text, icon=icon, small=small, opens=True, parent=parent)
        self._acts = acts
        self.drop = QMenu(self)
        """Its menu."""
        if not acts:
            self.clicked.connect(self.drop_menu)

    def drop_menu(self) -> None:
        """Shows the menu under the button, when anything is in it."""
        if not self.drop.isEmpty():
            self.drop.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.drop_menu()
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._acts and event.position().x() >= self.width() - _SIGN:
            self.drop_menu()
            return
        super().mousePressEvent(event)


def draw_focus(painter: QPainter, rect: QRectF, radius: float) -> None:
    """Draws a focus ring of 2 px along the inner edge of `rect`, for items of painted lists."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("focus.ring"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius, radius)
    painter.restore()
