"""The program with a convoy that runs, which is asked to end; for the test of that.

python -m tests.ui.quitting_program DATA SIGNAL
"""

from __future__ import annotations

import os
import signal
import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gastown_desktop.app import run
from gastown_desktop.core.events import RunChanged
from gastown_desktop.ui.main_window import MainWindow
from tests.bridge.town import CONVOY, RIG, A, begun, enveloped, tell


def end_once_it_shows() -> None:
    """Lets a convoy run, and ends the program politely, as a logout or a closed terminal does."""
    window = next((one for one in app.topLevelWidgets() if isinstance(one, MainWindow)), None)
    if window is None or not window.isVisible():
        return
    poll.stop()
    running = RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6)
    tell(window.view, [*enveloped(*begun(A)), running])
    os.kill(os.getpid(), signal.Signals[sys.argv[2]])


if __name__ == "__main__":
    app = QApplication(["gastown-desktop"])
    poll = QTimer()
    poll.timeout.connect(end_once_it_shows)
    poll.start(10)
    sys.exit(run(["--data-dir", sys.argv[1]]))
