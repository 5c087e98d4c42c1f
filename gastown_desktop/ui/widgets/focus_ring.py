"""The focus ring: blue, 2 px, 1 px outside, shown while the keyboard is what the user works with."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from gastown_desktop.ui.theme.theme import theme

_REACH = 3
_MOVES = {QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide}


class FocusRing(QWidget):
    """Follows the focus through one window, above everything in it.

    Buttons have it; another widget wants it by its property `ring`, and says its corners by `radius`.
    """

    def __init__(self, window: QWidget) -> None:
        """Watches a window, from when it is shown."""
        super().__init__(window)
        self._around: QWidget | None = None
        self._watched: list[QWidget] = []
        self._by_keyboard = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow)
        window.installEventFilter(self)
        self._listen()
        self._follow(None, app.focusWidget())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self.window() and kind == QEvent.Type.Show:
            self._listen()
        elif kind == QEvent.Type.KeyPress:
            self._by_keyboard = True
            self._place()
        elif kind == QEvent.Type.MouseButtonPress:
            self._by_keyboard = False
            self._place()
        elif kind in _MOVES:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._around is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("focus.ring"), 2))
        radius = float(self._around.property("radius") or 6) + 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)

    def _listen(self) -> None:
        handle = self.window().windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def _follow(self, _old: QWidget | None, new: QWidget | None) -> None:
        for one in self._watched:
            one.removeEventFilter(self)
        self._watched.clear()
        wanted = (
            new is not None
            and self.window().isAncestorOf(new)
            and (isinstance(new, QAbstractButton) or new.property("ring") is True)
        )
        self._around = new if wanted else None
        above = self._around
        while above is not None and above is not self.window():
            above.installEventFilter(self)
            self._watched.append(above)
            above = above.parentWidget()
        if self._around is not None:
            self._around.destroyed.connect(self._lose)
        self._place()

    def _lose(self) -> None:
        self._around = None
        self._watched.clear()
        self.hide()

    def _place(self) -> None:
        around = self._around
        if around is None or not self._by_keyboard or around.visibleRegion().isEmpty():
            self.hide()
            return
        corner = around.mapTo(self.window(), QPoint(0, 0))
        self.setGeometry(QRect(corner, around.size()).adjusted(-_REACH, -_REACH, _REACH, _REACH))
        self.raise_()
        self.show()
        self.update()
