"""Another program, as a file manager is: from its window a folder can be dragged.

    python tests/ui/folder_dragger.py FOLDER SIGN

The file SIGN is made when the window below the pointer says that it would take the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget


class Dragger(QWidget):
    """Starts a drag when the button is held and the pointer moves."""

    def __init__(self, folder: str, sign: Path) -> None:
        super().__init__()
        self._folder, self._sign = folder, sign
        self.setWindowTitle("Dragger")
        self.setFixedSize(200, 120)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - as Qt has it
        if event.buttons() & Qt.MouseButton.LeftButton:
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(self._folder)])
            drag = QDrag(self)
            drag.setMimeData(data)
            drag.actionChanged.connect(self._tell)
            drag.exec(Qt.DropAction.CopyAction | Qt.DropAction.LinkAction)

    def _tell(self, action: Qt.DropAction) -> None:
        if action == Qt.DropAction.CopyAction:
            self._sign.touch()


if __name__ == "__main__":
    app = QApplication(sys.argv[:1])
    dragger = Dragger(sys.argv[1], Path(sys.argv[2]))
    dragger.show()
    sys.exit(app.exec())
