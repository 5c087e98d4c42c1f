"""A folder that is dropped anywhere on the window, over text as well."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget


class FolderDrop(QObject):
    """Takes drags of exactly one local folder before any widget of the window sees them; leaves all others.

    It listens at the window's handle, where the system delivers a drag, so that no text widget swallows it
    and no other event passes through it.
    """

    hovering = Signal(bool)
    """A folder is held over the window, or no longer."""
    dropped = Signal(Path)

    def __init__(self, window: QWidget) -> None:
        """Watches a window, from when it is shown."""
        super().__init__(window)
        self._window = window
        self._hovers = False
        window.setAcceptDrops(True)
        window.installEventFilter(self)
        self._listen()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window:
            if event.type() in {QEvent.Type.Show, QEvent.Type.WinIdChange}:
                self._listen()
            return False
        return self._heed(event)

    def _listen(self) -> None:
        handle = self._window.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def _heed(self, event: QEvent) -> bool:
        if isinstance(event, QDropEvent):  # entering and moving are kinds of it
            folder = folder_of(event.mimeData())
            if folder is None:
                return False
            if isinstance(event, QDragEnterEvent | QDragMoveEvent):
                event.setDropAction(Qt.DropAction.CopyAction)
                event.accept()
                self._hover(hovers=True)
                return True
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self._hover(hovers=False)
            self.dropped.emit(folder)
            return True
        if event.type() == QEvent.Type.DragLeave and self._hovers:
            self._hover(hovers=False)
        return False

    def _hover(self, *, hovers: bool) -> None:
        if hovers != self._hovers:
            self._hovers = hovers
            self.hovering.emit(hovers)


def folder_of(data: QMimeData) -> Path | None:
    """The one local folder that is dragged; None for anything else."""
    if not data.hasUrls():
        return None
    urls = data.urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.is_dir() else None
