"""The rail: one entry for each page, wide with words and keys or narrow with icons."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width

OPEN, ICONS = 200, 56
SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page as the rail names it."""

    name: str
    text: str
    glyph: str
    key: str = ""


PAGES: tuple[Entry, ...] = (
    Entry(name="plan", text="Plan", glyph="ui_plan", key="Ctrl+1"),
    Entry(name="fleet", text="Fleet", glyph="ui_fleet", key="Ctrl+2"),
    Entry(name="graph", text="Graph", glyph="ui_graph", key="Ctrl+3"),
    Entry(name="merge", text="Merge", glyph="ui_merge", key="Ctrl+4"),
    Entry(name="spend", text="Spend", glyph="ui_spend", key="Ctrl+5"),
    Entry(name="history", text="History", glyph="ui_history", key="Ctrl+6"),
)
_SETTINGS = Entry(name=SETTINGS, text="Settings", glyph="ui_settings")
_STEP = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}


class RailItem(QAbstractButton):
    """One entry, 32 high; the chosen one has a marker at the window's edge."""

    def __init__(self, entry: Entry) -> None:
        """Makes an entry that is not chosen."""
        super().__init__()
        self.entry = entry
        self._open = True
        self._reason = ""
        self.setText(entry.text)
        self.setAccessibleName(entry.text)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFixedHeight(32)
        self._tell()

    def set_open(self, *, is_open: bool) -> None:
        """Shows its words, or its icon alone."""
        self._open = is_open
        self._tell()
        self.update()

    def set_able(self, *, able: bool, reason: str = "") -> None:
        """Lets it be chosen, or says in its tooltip why not."""
        self.setEnabled(able)
        self._reason = "" if able else reason
        self._tell()

    def sizeHint(self) -> QSize:
        return QSize(OPEN - 1 if self._open else ICONS - 1, 32)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        rail = self.parentWidget()
        step = _STEP.get(Qt.Key(event.key()))
        if step is not None and isinstance(rail, Rail):
            rail.step(self, step)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        if chosen or (self.underMouse() and self.isEnabled()):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface.selection" if chosen else "surface.hover"))
            painter.drawRoundedRect(QRectF(8, 0, self.width() - 16, 32), 6, 6)
        if chosen:
            painter.fillRect(QRectF(0, 6, 3, 20), theme.color("text.primary"))
        color = "text.primary" if chosen else "text.secondary"
        color = color if self.isEnabled() else "text.disabled"
        glyph = Piece(glyph=self.entry.glyph, color=color, size=17)
        if not self._open:
            draw_row(painter, [glyph], QRectF((self.width() - 17) / 2, 0, 17, 32))
            return
        text = Piece(text=self.text(), role="strong" if chosen else "body", color=color, gap=10)
        draw_row(painter, [glyph, text], QRectF(18, 0, self.width(), 32))
        key = Piece(text=self.entry.key, role="caption", color="text.tertiary")
        draw_row(painter, [key], QRectF(self.width() - 18 - row_width([key]), 0, self.width(), 32))

    def _tell(self) -> None:
        words = self.entry.text if not self._open else ""
        key = f" ({self.entry.key})" if words and self.entry.key else ""
        self.setToolTip(self._reason or words + key)


class Rail(QWidget):
    """The entries, and settings at the bottom."""

    chosen = Signal(str)
    """The user chose a page, by its name."""
    settings_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an open rail on which nothing is chosen."""
        super().__init__(parent)
        self._items: dict[str, RailItem] = {}
        self._open = True
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 1, 8)
        column.setSpacing(2)
        for entry in PAGES:
            column.addWidget(self._make(entry))
        column.addStretch(1)
        column.addWidget(self._make(_SETTINGS))
        self.setAccessibleName("Pages")
        self.set_open(is_open=True)

    @property
    def is_open(self) -> bool:
        """Whether words are shown."""
        return self._open

    def item(self, name: str) -> RailItem:
        """The entry of a page, or of `settings`.

        Raises:
            KeyError: there is none.
        """
        return self._items[name]

    def set_open(self, *, is_open: bool) -> None:
        """Shows words, or icons alone."""
        self._open = is_open
        self.setFixedWidth(OPEN if is_open else ICONS)
        for item in self._items.values():
            item.set_open(is_open=is_open)

    def select(self, name: str) -> None:
        """Marks a page as the one that is shown; an unknown name marks none."""
        for item in self._items.values():
            item.setChecked(item.entry.name == name)

    def set_able(self, name: str, *, able: bool, reason: str = "") -> None:
        """Lets a page be chosen, or says why not."""
        self._items[name].set_able(able=able, reason=reason)

    def step(self, item: RailItem, by: int) -> None:
        """Moves the focus from an entry to the next one that can be chosen."""
        able = [one for one in self._items.values() if one.isEnabled()]
        able[(able.index(item) + by) % len(able)].setFocus(Qt.FocusReason.TabFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.rail"))
        painter.fillRect(QRectF(self.width() - 1, 0, 1, self.height()), theme.color("border.default"))

    def _make(self, entry: Entry) -> RailItem:
        item = RailItem(entry)
        self._items[entry.name] = item
        item.clicked.connect(lambda: self._clicked(item))
        return item

    def _clicked(self, item: RailItem) -> None:
        self.select(item.entry.name)
        if item.entry.name == SETTINGS:
            self.settings_wanted.emit()
            return
        self.chosen.emit(item.entry.name)
