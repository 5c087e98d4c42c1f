"""One of several: segments in a frame, and tabs with a line of ink under the one that is shown."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QWidget

from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width

_NEXT = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}


class _Choice(QAbstractButton):
    """One of the choices; it has the focus when the row has it."""

    widest = 500
    """Weight that its width is measured with, so that nothing moves when another one is chosen."""

    def __init__(self, name: str, text: str, glyph: str, edge: float, height: int) -> None:
        super().__init__()
        self.name = name
        self.glyph = glyph
        self._edge = edge
        self._height = height
        self.setText("" if glyph else text)
        self.setAccessibleName(text)
        self.setToolTip(text if glyph else "")
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def pieces(self) -> list[Piece]:
        color = "text.primary" if self.isChecked() else "text.secondary"
        color = color if self.isEnabled() else "text.disabled"
        if self.glyph:
            return [Piece(glyph=self.glyph, color=color, size=14)]
        return [Piece(text=self.text(), weight=self.weight(), color=color)]

    def weight(self) -> int:
        return 600 if self.isChecked() else 400

    def sizeHint(self) -> QSize:
        widest = self.text()
        made = [Piece(text=widest, weight=self.widest)] if widest else self.pieces()
        return QSize(round(row_width(made) + 2 * self._edge), self._height)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _NEXT.get(Qt.Key(event.key()))
        row = self.parentWidget()
        if step is not None and isinstance(row, ChoiceRow):
            row.step(step)
            return
        super().keyPressEvent(event)


class _Segment(_Choice):
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ground = "surface.selection" if self.isChecked() else "surface.raised"
        if not self.isChecked() and self.underMouse() and self.isEnabled():
            ground = "surface.hover"
        row = self.parentWidget()
        if isinstance(row, SegmentedControl):
            painter.setClipPath(row.inside().translated(-self.pos()))
        painter.fillRect(self.rect(), theme.color(ground))
        pieces = self.pieces()
        left = (self.width() - row_width(pieces)) / 2
        draw_row(painter, pieces, QRectF(round(left), 0, self.width(), self.height()))


class _Tab(_Choice):
    widest = 600

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        pieces = self.pieces()
        if self.underMouse() and self.isEnabled() and not self.isChecked():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface.hover"))
            painter.drawRoundedRect(self.rect().adjusted(0, 4, 0, -5), 4, 4)
        left = (self.width() - row_width(pieces)) / 2
        draw_row(painter, pieces, QRectF(round(left), 0, self.width(), self.height() - 1))
        if self.isChecked():
            painter.fillRect(QRectF(0, self.height() - 2, self.width(), 2), theme.color("text.primary"))


class ChoiceRow(QWidget):
    """A row of which one is chosen."""

    chosen = Signal(str)
    """The user chose another one, by its name."""

    def __init__(self, *, gap: int, parent: QWidget | None = None) -> None:
        """Makes an empty row with `gap` pixels between the choices."""
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(gap)
        self._group.buttonClicked.connect(self._clicked)

    @property
    def current(self) -> str:
        """The name of the chosen one; empty before there is one."""
        chosen = self._group.checkedButton()
        return chosen.name if isinstance(chosen, _Choice) else ""

    def select(self, name: str) -> None:
        """Chooses without telling."""
        for one in self._choices():
            if one.name == name:
                one.setChecked(True)

    def step(self, by: int) -> None:
        """Chooses the next one, or the one before, as the arrow keys do."""
        choices = self._choices()
        here = next((place for place, one in enumerate(choices) if one.isChecked()), 0)
        there = choices[(here + by) % len(choices)]
        there.setFocus(Qt.FocusReason.TabFocusReason)
        there.click()

    def _choices(self) -> list[_Choice]:
        return [one for one in self._group.buttons() if isinstance(one, _Choice)]

    def _put(self, choice: _Choice) -> None:
        self._group.addButton(choice)
        self._row.addWidget(choice)
        if len(self._choices()) == 1:
            choice.setChecked(True)

    def _clicked(self, button: QAbstractButton) -> None:
        if isinstance(button, _Choice):
            self.chosen.emit(button.name)


class SegmentedControl(ChoiceRow):
    """Segments in one frame, 24 high: words, or glyphs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty one."""
        super().__init__(gap=1, parent=parent)
        self._row.setContentsMargins(1, 1, 1, 1)
        self.setFixedHeight(24)

    def add(self, name: str, text: str, *, glyph: str = "") -> None:
        """Adds a segment; with a glyph the text is its tooltip."""
        self._put(_Segment(name, text, glyph, edge=7.5 if glyph else 8, height=22))

    def inside(self) -> QPainterPath:
        """What the frame leaves to the segments."""
        path = QPainterPath()
        path.addRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        return path

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border.default"))
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        painter.setPen(QPen(theme.color("border.strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4.5, 4.5)


class TabBar(ChoiceRow):
    """Tabs as plain words, 32 high, on a hairline."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty one; what stands at its right is added with `add_right`."""
        super().__init__(gap=12, parent=parent)
        self._row.addStretch(1)
        self.setFixedHeight(32)

    def add(self, name: str, text: str) -> None:
        """Adds a tab."""
        tab = _Tab(name, text, "", edge=4, height=32)
        count = len(self._choices())
        self._put(tab)
        self._row.removeWidget(tab)
        self._row.insertWidget(count, tab)

    def add_right(self, widget: QWidget) -> None:
        """Puts a widget at the right end."""
        self._row.addWidget(widget)

    def paintEvent(self, event: QPaintEvent) -> None:
        rect = QRectF(0, self.height() - 1, self.width(), 1)
        QPainter(self).fillRect(rect, theme.color("border.default"))
