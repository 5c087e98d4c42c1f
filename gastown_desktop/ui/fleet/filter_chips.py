"""The row of chips that filter by state; what does not fit is left out, the least urgent first."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gastown_desktop.core.card import STATES, State
from gastown_desktop.ui.widgets.chips import Chip

_GAP = 8


class FilterChips(QWidget):
    """A chip for each state that any card has."""

    chosen = Signal(object)
    """`frozenset[State]`: the states that are to be shown; none for all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows none."""
        super().__init__(parent)
        self.setAccessibleName("Filter by state")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(24)
        self.chips: dict[State, Chip] = {}
        self._counts: dict[State, int] = {}

    def set_counts(self, counts: Mapping[State, int]) -> None:
        """Shows how many cards each state has; a chosen one stays when it has none."""
        for state in STATES:
            count, chip = counts.get(state, 0), self.chips.get(state)
            if chip is None and count:
                chip = self.chips[state] = Chip(state, count, self)
                chip.toggled.connect(self._tell)
            if chip is not None:
                chip.set_count(count)
        self._counts = dict(counts)
        self._place()

    def clear(self) -> None:
        """Chooses none."""
        for chip in self.chips.values():
            chip.setChecked(False)

    def sizeHint(self) -> QSize:
        return QSize(480, 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 24)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _tell(self) -> None:
        self.chosen.emit(frozenset(state for state, chip in self.chips.items() if chip.isChecked()))
        self._place()

    def _place(self) -> None:
        left = 0
        before: Chip | None = None
        for state in STATES:
            chip = self.chips.get(state)
            if chip is None:
                continue
            size = chip.sizeHint()
            wanted = bool(self._counts.get(state)) or chip.isChecked()
            fits = left + size.width() <= self.width()
            chip.setVisible(wanted and fits)
            if wanted and fits:
                chip.setGeometry(left, 0, size.width(), 24)
                left += size.width() + _GAP
                if before is not None:
                    QWidget.setTabOrder(before, chip)
                before = chip
