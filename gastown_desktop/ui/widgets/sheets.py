"""Sheets and popovers: not modal, cut out of what lies below by a band, keyboard first."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QApplication, QVBoxLayout, QWidget
from shiboken6 import isValid

from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button

BAND = 4
"""Pixels of window ground around the frame."""
_TOP = 24
_BELOW = 7
_ENTER = {Qt.Key.Key_Return, Qt.Key.Key_Enter}


class Sheet(QWidget):
    """A panel over its parent; what lies below stays alive.

    Esc closes it without deciding, Enter presses `primary`, or the button that has the focus.
    While its own button is orange, those below are not.
    """

    opened = Signal()
    closed = Signal()
    """It went away; nothing was decided unless another signal said so."""

    def __init__(self, host: QWidget, *, width: int = 640, name: str = "") -> None:
        """Makes a sheet that is not shown yet.

        Args:
            host: what it lies over, and is kept inside of.
            width: of the frame, in pixels; less where the host is narrower.
            name: what a screen reader calls it.
        """
        super().__init__(host)
        self._host = host
        self._wanted_width = width
        self._before: QWidget | None = None
        self._hushed: list[Button] = []
        self.primary: QAbstractButton | None = None
        """What Enter presses."""
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.body = QVBoxLayout(self)
        """Its content, from edge to edge of the frame."""
        self.body.setContentsMargins(BAND + 1, BAND + 1, BAND + 1, BAND + 1)
        self.body.setSpacing(0)
        self.hide()
        host.installEventFilter(self)

    def open(self) -> None:
        """Shows it and gives it the keyboard."""
        if self.isVisible():
            return
        self._before = QApplication.focusWidget()
        self.place()
        self.show()
        self.raise_()
        self._hush_below()
        first = self.first_focus() or self.primary or self
        first.setFocus(Qt.FocusReason.PopupFocusReason)
        self.opened.emit()

    def close_sheet(self) -> None:
        """Takes it away and gives the keyboard back."""
        if self.isHidden():
            return
        self.hide()
        self._let_speak()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None
        self.closed.emit()

    def first_focus(self) -> QWidget | None:
        """What has the keyboard first; None for the primary button."""
        return None

    def place(self) -> None:
        """Puts it in the middle of its host, 24 px below the top."""
        host = self._host
        width = min(self._wanted_width, host.width() - 2 * 12) + 2 * BAND
        height = min(self.height_for(width), host.height() - 12)
        top = _TOP if height + _TOP <= host.height() else max(0, host.height() - height)
        self.setGeometry((host.width() - width) // 2, top - BAND, width, height)

    def height_for(self, width: int) -> int:
        """Pixels that its content needs at a width, band and all."""
        self.body.activate()
        return (
            self.body.heightForWidth(width)
            if self.body.hasHeightForWidth()
            else self.body.sizeHint().height()
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return False

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            self.place()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_sheet()
        elif event.key() in _ENTER:
            self._enter()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface.window"))
        painter.drawRoundedRect(QRectF(self.rect()), 8 + BAND, 8 + BAND)
        frame = QRectF(self.rect()).adjusted(BAND + 0.5, BAND + 0.5, -BAND - 0.5, -BAND - 0.5)
        painter.setPen(QPen(theme.color("border.strong"), 1))
        painter.setBrush(theme.color("surface.overlay"))
        painter.drawRoundedRect(frame, 7.5, 7.5)

    def _hush_below(self) -> None:
        if any(button.kind == "primary" for button in self.findChildren(Button)):
            below = self._host.findChildren(Button)
            self._hushed = [button for button in below if not self.isAncestorOf(button)]
        for button in self._hushed:
            button.hush(True)

    def _let_speak(self) -> None:
        for button in filter(isValid, self._hushed):
            button.hush(False)
        self._hushed = []

    def _enter(self) -> None:
        has = self.focusWidget()
        pressed = has if isinstance(has, Button) and has.hasFocus() else self.primary
        if pressed is not None and pressed.isEnabled() and pressed.isVisible():
            pressed.click()


class Popover(Sheet):
    """A sheet that hangs from a widget, with its left or right edge at the widget's."""

    def __init__(
        self,
        host: QWidget,
        anchor: QWidget,
        *,
        width: int,
        edge: Literal["left", "right"] = "left",
        name: str = "",
    ) -> None:
        """Makes a popover that is not shown yet; it closes when the keyboard goes elsewhere."""
        super().__init__(host, width=width, name=name)
        self._anchor = anchor
        self._edge = edge
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._focus_moved)

    def place(self) -> None:
        """Puts it under its anchor, inside its host."""
        host = self._host
        width = min(self._wanted_width, host.width() - 2 * 12) + 2 * BAND
        under = QRect(self._anchor.mapTo(host.window(), QPoint(0, 0)), self._anchor.size())
        under.translate(-host.mapTo(host.window(), QPoint(0, 0)))
        left = under.left() - BAND if self._edge == "left" else under.right() + 1 - width + BAND
        left = max(0, min(left, host.width() - width))
        top = max(0, under.bottom() + 1) + _BELOW - BAND
        self.setGeometry(left, top, width, min(self.height_for(width), host.height() - top))

    def _focus_moved(self, _old: QWidget | None, new: QWidget | None) -> None:
        if self.isVisible() and new is not None and new is not self and not self.isAncestorOf(new):
            self._before = None
            self.close_sheet()
