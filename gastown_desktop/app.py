"""The window's composition root: thread, feed, screens, and their orderly end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast, get_args

import qasync
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from gastown_desktop.adapters.memory import keep_together
from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.bridge.engine_thread import EngineThread, RunningEngine
from gastown_desktop.bridge.event_pump import EventPump
from gastown_desktop.bridge.garbage import GarbageTimer
from gastown_desktop.bridge.single_instance import SingleInstance
from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.logs import keep_no_core, start_logging
from gastown_desktop.paths import data_folder, settings_file
from gastown_desktop.ui.main_window import MainWindow
from gastown_desktop.ui.theme.glyphs import app_icon
from gastown_desktop.ui.theme.theme import Wanted, theme

REFUSED = 2
"""Exit code: nothing was done."""
STOP_S = 30.0
"""How long the engine may take to stop; then the process ends, and the next start recovers."""
_SIGNALS_MS = 200

_log = logging.getLogger(__name__)


class Application(QObject):
    """One window with its engine."""

    def __init__(self, data_override: Path | None) -> None:
        """Shows nothing yet.

        Args:
            data_override: what `--data-dir` says.
        """
        super().__init__()
        self._override = data_override
        self.view = TownView()
        self.pump = EventPump(self.view, SystemClock().now, self)
        self.engine = EngineThread(self._make_engine)
        self._garbage = GarbageTimer(self)
        self.window = MainWindow(self.view, self.pump, self.engine.api, SystemClock().now)

    def start(self, folder: Path | None) -> None:
        """Shows the window; what is slow to load comes after its first paint.

        Args:
            folder: is opened as soon as the engine is there.
        """
        self.window.show()

        def after_first_paint() -> None:
            self.engine.start()
            self.window.engine_ready(folder)

        QTimer.singleShot(0, self, lambda: QTimer.singleShot(0, self, after_first_paint))

    def stop(self) -> bool:
        """Ends in order: nothing new starts, what runs is kept, stores are closed; tells whether in time."""
        tasks.cancel_all()
        self.pump.stop()
        ended = self.engine.stop(STOP_S)
        if not ended:
            _log.error("the engine did not end within %s s", STOP_S)
        self.window.dispose()
        self._garbage.stop()
        return ended

    async def _make_engine(self) -> RunningEngine:
        from gastown_desktop.wiring.engine import Engine

        return await Engine(self.pump.put, self._override).start()


def run(arguments: list[str]) -> int:
    """Shows the window; returns the exit code."""
    given = _parser().parse_args(arguments)
    began = time.monotonic()
    data = data_folder(given.data_dir)
    keep_no_core()
    keep_together()
    start_logging(data / "logs")
    if (refusal := _no_screen()) and QApplication.instance() is None:
        print(refusal, file=sys.stderr)  # noqa: T201
        return REFUSED
    app = QApplication.instance() or QApplication(["gastown-desktop"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Gas Town")
    app.setDesktopFileName("gastown-desktop")
    app.setQuitOnLastWindowClosed(False)
    instance = SingleInstance(data)
    if instance.hand_over(given.folder):
        return 0
    instance.listen()
    look = _first_look(settings_file(given.data_dir))
    theme.apply(app, given.theme or look.theme)
    app.setWindowIcon(app_icon())
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    application = Application(given.data_dir)
    application.window.frame.set_rail_open(look.rail_open)
    instance.asked.connect(application.window.asked_by_another_start)
    application.window.quit_wanted.connect(_end)
    _heed_signals(application)
    if given.measure_start:
        _measure(application, began)
    application.start(given.folder)
    with loop:
        loop.run_forever()
        instance.close()
        ended = application.stop()
    asyncio.set_event_loop(None)
    if not ended:
        os._exit(1)
    return 0


def _end() -> None:
    """Ends the loop. `quit` would ask the window first, which asks the user for as long as a convoy runs."""
    QApplication.exit(0)


def _no_screen() -> str:
    """Why no window can be shown: Qt would end the process without a word of ours."""
    variables = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if not sys.platform.startswith("linux") or any(os.environ.get(name) for name in variables):
        return ""
    return (
        "There is no screen to show the window on. Everything but the window works without one: "
        "gastown-desktop --help"
    )


class _Look(NamedTuple):
    theme: Wanted = "system"
    rail_open: bool = True


def _first_look(file: Path) -> _Look:
    """What the first paint needs of the settings; the engine reads them all, and says what is wrong."""
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return _Look()
    wanted: object = said.get("theme")
    return _Look(
        cast("Wanted", wanted) if wanted in get_args(Wanted) else "system", said.get("rail") != "icons"
    )


def _heed_signals(application: Application) -> None:
    """Ctrl+C, a polite kill and the end of the terminal (not under `nohup`) quit in order.

    The timer lets Python notice them.
    """
    heeded = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        heeded.append(signal.SIGHUP)
    for number in heeded:
        signal.signal(number, lambda *_: _end())
    timer = QTimer(application)
    timer.setInterval(_SIGNALS_MS)
    timer.timeout.connect(lambda: None)
    timer.start()


def _measure(application: Application, began: float) -> None:
    """Prints when the window was first painted and when it was usable, in seconds since `run` began."""

    def tell(what: str) -> Callable[[], None]:
        return lambda: print(f"{what} {time.monotonic() - began:.3f}", file=sys.stderr, flush=True)  # noqa: T201

    application.window.painted.connect(tell("painted"))
    application.window.usable.connect(tell("usable"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gastown-desktop", description="Shows the window.")
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="a repository to open")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="keep everything there instead")
    themes: tuple[Wanted, ...] = ("system", "light", "dark")
    parser.add_argument("--theme", choices=themes, help="instead of the one in Settings, until it is changed")
    parser.add_argument("--measure-start", action="store_true", help=argparse.SUPPRESS)
    return parser
