"""Closing the window while workers run: keep what is done and quit, stay in the tray, or stay."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.core.wording import plural
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import PlainLabel
from gastown_desktop.ui.widgets.sheets import Sheet


class QuitSheet(Sheet):
    """Says first what is safe."""

    quit_chosen = Signal()
    tray_chosen = Signal()

    def __init__(self, host: QWidget, *, has_tray: bool) -> None:
        """Makes a sheet that is not shown yet; without a tray there is no staying in it."""
        super().__init__(host, width=520, name="Quit")
        column = QVBoxLayout()
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        self._title = PlainLabel("", "heading")
        column.addWidget(self._title)
        words = (
            "Every finished turn is kept, and the convoy goes on where it stopped. A reply that is being "
            "written is lost, and counts as spent in full."
        )
        column.addWidget(PlainLabel(words, tone="secondary", wraps=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        stay = Button("Cancel", key="Esc")
        stay.clicked.connect(self.close_sheet)
        row.addWidget(stay)
        if has_tray:
            tray = Button("Keep running in tray")
            tray.clicked.connect(self.tray_chosen)
            tray.clicked.connect(self.close_sheet)
            row.addWidget(tray)
        self.primary = Button("Checkpoint and quit", "primary", key="Enter")
        self.primary.clicked.connect(self.quit_chosen)
        row.addWidget(self.primary)
        column.addLayout(row)
        self.body.addLayout(column)

    def set_count(self, workers: int) -> None:
        """Says how many work."""
        self._title.setText(f"{plural(workers, 'worker is', 'workers are')} at work")
