"""`gastown-desktop tour`: pictures of every screen, of the told story or of a real rehearsal."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from gastown_desktop.ui.theme.tokens import Scheme

_THEMES: dict[str, tuple[Scheme, ...]] = {"light": ("light",), "dark": ("dark",), "both": ("light", "dark")}


def tour(given: argparse.Namespace) -> int:
    """Takes the pictures and lists them on standard output; returns the exit code.

    Args:
        given: `out`, `story`, `theme`, `scale`, `on_screen` and `data_dir` of the command line.
    """
    _fix_surroundings(given.scale, on_screen=given.on_screen)
    import qasync
    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from gastown_desktop.tour.visit import Visit

    qInstallMessageHandler(_said)
    app = QApplication.instance() or QApplication(["gastown-desktop"])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    visit = Visit(app, given.out, _THEMES[given.theme])
    with loop:
        taken = loop.run_until_complete(_pictures(visit, given.story, given.data_dir))
    asyncio.set_event_loop(None)
    qInstallMessageHandler(None)
    for path in taken:
        print(path, file=sys.stdout)  # noqa: T201 - what the command is for
    return 0


def _pictures(visit: Any, which: str, data_override: Path | None) -> Coroutine[Any, Any, list[Path]]:
    if which == "harbor":
        return visit.harbor()
    from gastown_desktop.tour.sample import visit_sample

    return visit_sample(visit, data_override)


def _fix_surroundings(scale: float, *, on_screen: bool) -> None:
    """What a picture may not depend on: the screen, its density, the time zone."""
    if not on_screen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_SCALE_FACTOR"] = str(scale)
    os.environ["TZ"] = "UTC"
    if hasattr(time, "tzset"):
        time.tzset()


def _said(_kind: object, _context: object, text: str) -> None:
    """Passes Qt's messages on, but for one that every window without a window manager causes."""
    if "propagateSizeHints" not in text:
        print(text, file=sys.stderr)  # noqa: T201 - as Qt itself does
