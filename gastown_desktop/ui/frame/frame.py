"""The frame: top bar, rail and status line round the pages."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.ui.frame.rail import Rail
from gastown_desktop.ui.frame.status_line import StatusLine
from gastown_desktop.ui.frame.top_bar import TopBar
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.focus_ring import FocusRing


class Frame(QWidget):
    """Everything in the window; pages are added by name, one is shown."""

    page_shown = Signal(str)
    """Another page came to be shown, by its name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a frame without pages."""
        super().__init__(parent)
        self.top_bar = TopBar()
        self.rail = Rail()
        self.status = StatusLine()
        self.stack = QStackedWidget()
        self._pages: dict[str, QWidget] = {}
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(self.stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addLayout(middle, 1)
        column.addWidget(self.status)
        self.setMinimumSize(960, 600)
        self.rail.chosen.connect(self.show_page)
        self.ring: FocusRing | None = None

    def add_notice(self, notice: QWidget) -> None:
        """Puts something between top bar and pages; it is there while it is shown."""
        column = self.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertWidget(1, notice)

    def add_page(self, name: str, page: QWidget) -> None:
        """Adds a page; it is not shown unless it is the first."""
        self._pages[name] = page
        self.stack.addWidget(page)
        if len(self._pages) == 1:
            self.rail.select(name)

    def page(self, name: str) -> QWidget:
        """A page by its name.

        Raises:
            KeyError: there is none.
        """
        return self._pages[name]

    @property
    def shown(self) -> str:
        """The name of the page that is shown; empty without pages."""
        current = self.stack.currentWidget()
        return next((name for name, page in self._pages.items() if page is current), "")

    def show_page(self, name: str) -> None:
        """Shows a page; one that was not added is ignored."""
        if name not in self._pages:
            self.rail.select(self.shown)
            return
        before = self.shown
        self.stack.setCurrentWidget(self._pages[name])
        self.rail.select(name)
        if before != name:
            self.page_shown.emit(name)

    def set_rail_open(self, is_open: bool) -> None:
        """Shows the rail with words, or with icons alone."""
        self.rail.set_open(is_open=is_open)
        self.top_bar.set_rail_open(is_open=is_open)

    def watch_focus(self) -> None:
        """Draws the focus ring in the frame's window from now on; called once it has its window."""
        if self.ring is None:
            self.ring = FocusRing(self.window())

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("surface.content"))
