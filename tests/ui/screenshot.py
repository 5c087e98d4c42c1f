"""Takes a picture of the whole screen: `python tests/ui/screenshot.py FILE`."""

from __future__ import annotations

import sys

from PySide6.QtGui import QGuiApplication

if __name__ == "__main__":
    app = QGuiApplication(sys.argv[:1])
    sys.exit(0 if app.primaryScreen().grabWindow(0).save(sys.argv[1]) else 1)
