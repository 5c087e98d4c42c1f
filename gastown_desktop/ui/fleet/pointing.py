"""Whether the user points at something: the pointer moved over it, not merely lies where it appeared."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Signal
from PySide6.QtGui import QEnterEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

_CLEAR = frozenset({QEvent.Type.Wheel, QEvent.Type.MouseButtonPress})


class Pointing(QObject):
    """Watches the pointer over one widget."""

    changed = Signal(bool)
    """The user begins to point at it, or the pointer left."""

    def __init__(self, over: QWidget) -> None:
        """Watches a widget that tracks the mouse; it owns this."""
        super().__init__(over)
        self._entered = QPointF()
        self._points = False
        over.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QEnterEvent):
            self._entered = event.globalPosition()
        elif kind == QEvent.Type.Leave:
            self._set(False)
        elif kind in _CLEAR or (isinstance(event, QMouseEvent) and event.globalPosition() != self._entered):
            self._set(True)
        return False

    def _set(self, points: bool) -> None:
        if points != self._points:
            self._points = points
            self.changed.emit(points)
