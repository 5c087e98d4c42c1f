"""One window per data folder: a second start hands its folder over, and the window comes to the front."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_WAIT_MS = 1_000
_LONGEST = 8_192


class SingleInstance(QObject):
    """The socket of the first window of a data folder. It takes one path, or nothing, and never a command."""

    asked = Signal(object)
    """A `Path` to open, or None: the window is to come to the front."""

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        """Does not listen yet.

        Args:
            data: the data folder; each has its own window.
            parent: owns it.
        """
        super().__init__(parent)
        self._name = "gastown-" + sha256(str(data.resolve()).encode()).hexdigest()[:20]
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._heard)

    def hand_over(self, folder: Path | None) -> bool:
        """Gives a folder to the window that is there; tells whether one took it."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        text = json.dumps({"open": None if folder is None else str(folder.resolve())})
        socket.write(text.encode())
        socket.flush()
        socket.waitForBytesWritten(_WAIT_MS)
        socket.disconnectFromServer()
        if socket.state() != QLocalSocket.LocalSocketState.UnconnectedState:
            socket.waitForDisconnected(_WAIT_MS)
        return True

    def listen(self) -> bool:
        """Becomes the window of its data folder; a socket that a killed process left is taken over."""
        if self._server.listen(self._name):
            return True
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def close(self) -> None:
        """Listens no more."""
        self._server.close()

    def _heard(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(lambda one=socket: self._read(one))
            if socket.state() == QLocalSocket.LocalSocketState.UnconnectedState:
                self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        data = bytes(socket.read(_LONGEST).data())
        socket.deleteLater()
        try:
            wanted = json.loads(data)["open"]
        except (ValueError, KeyError, TypeError):
            return
        self.asked.emit(Path(wanted) if isinstance(wanted, str) else None)
