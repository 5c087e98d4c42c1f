"""Python's cyclic garbage is collected on the GUI thread alone.

A collection on the engine's thread could free a Qt object there, which ends the process.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_EVERY_MS = 1_000


class GarbageTimer(QObject):
    """Collects when as much has gathered as the collector itself would have waited for."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Takes the automatic collection over until `stop`."""
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collects the oldest generation that is due."""
        counts = gc.get_count()
        due = [age for age in (2, 1, 0) if counts[age] > self._thresholds[age] > 0]
        if due:
            gc.collect(due[0])

    def stop(self) -> None:
        """Gives the collection back."""
        self._timer.stop()
        gc.enable()
