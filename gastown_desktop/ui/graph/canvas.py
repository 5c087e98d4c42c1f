"""The branch graph as one painted widget: scrolled, clicked, and walked through with the arrow keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from gastown_desktop.core.ids import BeadId
from gastown_desktop.ui.graph.paint import paint_names, paint_scene
from gastown_desktop.ui.graph.scene import Scene
from gastown_desktop.ui.theme.theme import theme

_STEPS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}


class GraphCanvas(QAbstractScrollArea):
    """Shows a `Scene`; one bead is selected."""

    selected = Signal(str)
    """The user selected a bead."""
    activated = Signal(str)
    """The user wants to see a bead in the fleet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Starts empty."""
        super().__init__(parent)
        self.scene = Scene()
        self.current: BeadId | None = None
        self.setAccessibleName("Branch graph")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", True)
        self.setProperty("radius", 2)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)

    def show_scene(self, scene: Scene) -> None:
        """Shows another scene at the same place."""
        self.scene = scene
        self._measure()
        self.viewport().update()

    def select(self, bead: BeadId | None, spoken: str = "") -> None:
        """Selects a bead and brings it into view.

        Args:
            bead: which one; None for none.
            spoken: what a screen reader says of it.
        """
        self.current = bead
        self.setAccessibleDescription(spoken)
        target = self.scene.targets.get(bead) if bead is not None else None
        if target is not None:
            self._show_rect(target)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is not None:
            found = self._next(step)
            if found is not None:
                self.selected.emit(found)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.current is not None:
            self.activated.emit(self.current)
        elif event.key() == Qt.Key.Key_Home:
            self.verticalScrollBar().setValue(0)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._hit(event.position())
        if found is not None:
            self.selected.emit(found)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        found = self._hit(event.position())
        if found is not None:
            self.activated.emit(found)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._measure()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme.color("surface.content"))
        offset = self._offset()
        painter.translate(-offset)
        area = QRectF(self.viewport().rect()).translated(offset)
        paint_scene(painter, self.scene, area, self.current)
        paint_names(painter, self.scene, area.top(), self.current)

    def _hit(self, at: QPointF) -> BeadId | None:
        point = at + self._offset()
        for bead, rect in self.scene.targets.items():
            if rect.adjusted(-4, -4, 4, 4).contains(point):
                return bead
        for line in self.scene.lines:
            if abs(line.x - point.x()) < 8 and line.head <= point.y() <= line.fork:
                return line.bead
        for entry in self.scene.queue:
            y = self.scene.queue_y(entry.position or 1)
            if abs(y - point.y()) < 12 and self.scene.frame.left() < point.x() < 200:
                return entry.bead
        return None

    def _next(self, step: QPointF) -> BeadId | None:
        """The nearest target in a direction; the first of all when nothing is selected."""
        here = self.scene.targets.get(self.current) if self.current is not None else None
        if here is None:
            return next(iter(self.scene.targets), None)
        best: tuple[float, BeadId] | None = None
        for bead, rect in self.scene.targets.items():
            way = rect.center() - here.center()
            ahead = way.x() * step.x() + way.y() * step.y()
            aside = abs(way.x() * step.y()) + abs(way.y() * step.x())
            if ahead > 1 and (best is None or ahead + 3 * aside < best[0]):
                best = (ahead + 3 * aside, bead)
        return best[1] if best is not None else None

    def _offset(self) -> QPointF:
        return QPointF(self.horizontalScrollBar().value(), self.verticalScrollBar().value())

    def _show_rect(self, rect: QRectF) -> None:
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        view = self.viewport().size()
        across.setValue(_brought(across.value(), rect.left() - 30, rect.right() + 30, view.width()))
        down.setValue(_brought(down.value(), rect.top() - 80, rect.bottom() + 30, view.height()))

    def _measure(self) -> None:
        view = self.viewport().size()
        for bar, whole, seen in (
            (self.horizontalScrollBar(), self.scene.width, view.width()),
            (self.verticalScrollBar(), self.scene.height, view.height()),
        ):
            bar.setRange(0, max(0, round(whole) - seen))
            bar.setPageStep(seen)
            bar.setSingleStep(24)


def _brought(now: int, first: float, last: float, seen: int) -> int:
    """The scroll position nearest to this one that shows a part."""
    if first < now:
        return round(first)
    return round(last - seen) if last > now + seen else now
