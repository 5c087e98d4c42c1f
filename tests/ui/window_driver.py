"""Drives the real program in a test: its window, its engine thread, a data folder and a HOME of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.app import Application
from gastown_desktop.core.projection import Projection
from gastown_desktop.ui.main_window import MainWindow

_LEFT = Qt.MouseButton.LeftButton
_W = TypeVar("_W", bound=QWidget)
LONG_MS = 60_000


class WindowDriver:
    """A user's hands and eyes."""

    def __init__(self, qtbot: QtBot, data: Path) -> None:
        """Starts the program on an empty data folder, and waits until it is usable."""
        self.qtbot = qtbot
        self.application = Application(data)
        with qtbot.waitSignal(self.window.usable, timeout=LONG_MS):
            self.application.start(None)

    @property
    def window(self) -> MainWindow:
        """The window."""
        return self.application.window

    @property
    def state(self) -> Projection:
        """The convoy as the screens know it."""
        state = self.application.view.current
        assert state is not None
        return state

    @property
    def page(self) -> str:
        """The page that is shown."""
        return self.window.frame.shown

    def stop(self) -> bool:
        """Ends the program; tells whether it ended in order."""
        return self.application.stop()

    def wait(self, until: Callable[[], bool], timeout_ms: int = LONG_MS) -> None:
        """Lets the program run until something is so."""
        self.qtbot.waitUntil(until, timeout=timeout_ms)

    def drop(self, folder: Path) -> None:
        """Drops a folder in the middle of the window."""
        handle = self.window.windowHandle()
        assert handle is not None
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(folder))])
        modifiers = Qt.KeyboardModifier.NoModifier
        copy = Qt.DropAction.CopyAction
        QApplication.sendEvent(handle, QDragEnterEvent(QPoint(600, 400), copy, data, _LEFT, modifiers))
        QApplication.sendEvent(handle, QDropEvent(QPointF(600, 400), copy, data, _LEFT, modifiers))

    def button(self, words: str, inside: QWidget | None = None) -> QAbstractButton:
        """The visible button that says exactly this."""
        place = inside or self.window
        found = [
            one for one in place.findChildren(QAbstractButton) if one.text() == words and one.isVisible()
        ]
        assert found, f"no button says {words!r}; there are {self.words(place)}"
        return found[-1]

    def words(self, inside: QWidget | None = None) -> list[str]:
        """What the visible buttons say."""
        buttons = (inside or self.window).findChildren(QAbstractButton)
        return [one.text() for one in buttons if one.isVisible() and one.text()]

    def click(self, words: str, inside: QWidget | None = None) -> None:
        """Waits for a button, and clicks it."""

        def there() -> bool:
            place = inside or self.window
            buttons = place.findChildren(QAbstractButton)
            return any(one.text() == words and one.isVisible() and one.isEnabled() for one in buttons)

        self.wait(there, 20_000)
        self.qtbot.mouseClick(self.button(words, inside), _LEFT)

    def find(self, kind: type[_W]) -> _W:
        """Waits for a visible widget of a kind."""

        def visible() -> list[_W]:
            return [one for one in self.window.findChildren(kind) if one.isVisible()]

        self.wait(lambda: bool(visible()), 20_000)
        return visible()[-1]

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Presses a key where the keyboard is."""
        place = QApplication.focusWidget() or self.window
        self.qtbot.keyClick(place, key, modifiers)
