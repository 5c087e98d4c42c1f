"""The list of what needs the user, hanging from its button."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.ui.needs.list import WIDTH, NeedsList
from gastown_desktop.ui.widgets.sheets import BAND, Popover

_TOP = 50
"""Pixels from the window's top: six under the top bar."""


class NeedsPopover(Popover):
    """470 wide; its right edge is at its button's."""

    answered = Signal(str, object, object)
    """(convoy, `NeedView`, `Answer`)."""

    def __init__(self, host: QWidget, anchor: QWidget, view: TownView, right_edge: Callable[[], int]) -> None:
        """Is closed.

        Args:
            host: what it lies over.
            anchor: the button that it hangs from.
            view: what waits.
            right_edge: where the content ends that it lies over, in the host's pixels.
        """
        self._right_edge = right_edge
        super().__init__(host, anchor, width=WIDTH, edge="right", name="Needs you")
        self.list = NeedsList(view)
        self.list.answered.connect(self.answered)
        self.body.addWidget(self.list)

    def first_focus(self) -> QWidget:
        """The list: keys answer at once."""
        return self.list

    def open_with(self, now: datetime) -> None:
        """Opens with what waits now."""
        self.list.refresh(now)
        self.open()

    def heed(self, now: datetime) -> None:
        """Shows what waits now, where it is open."""
        if self.isVisible():
            self.list.refresh(now)
            self.place()

    def place(self) -> None:
        """Under its button, with its right edge where the content ends."""
        super().place()
        right = min(self.geometry().right(), self._right_edge() + BAND - 6)
        self.move(max(0, right - self.width() + 1), _TOP - BAND)

    def height_for(self, width: int) -> int:
        """As high as its items, band and all."""
        return self.list.wanted_height() + 2 * BAND + 2
