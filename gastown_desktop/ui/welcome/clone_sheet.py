"""Cloning: from where, to where, how far it is; cancelled, nothing is left."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.welcome.recent_list import short_path
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.fields import Field
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.sheets import Sheet

_NAME = re.compile(r"([^/\\:]+?)(?:\.git)?[/\\]*$")


class ProgressLine(QWidget):
    """A bar of 4 px and words: a number while one is known, words alone otherwise."""

    def __init__(self) -> None:
        """Shows nothing yet."""
        super().__init__()
        self._share: float | None = None
        self.words = PlainLabel("", "small", "secondary")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 10, 0, 0)
        column.addWidget(self.words)

    def set_progress(self, words: str, share: float | None) -> None:
        """Shows how far it is, from 0 to 1; None while nobody knows."""
        self._share = share
        percent = f", {share * 100:.0f}\N{NO-BREAK SPACE}%" if share is not None else ""
        self.words.setText(words + percent)
        self.setAccessibleName(self.words.text())
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface.sunken"))
        painter.drawRoundedRect(QRectF(0, 0, self.width(), 4), 2, 2)
        if self._share:
            painter.setBrush(theme.color("text.secondary"))
            painter.drawRoundedRect(QRectF(0, 0, self.width() * min(1.0, self._share), 4), 2, 2)


class CloneSheet(Sheet):
    """Asks for an address and a folder; stays open while it clones."""

    clone_wanted = Signal(str, Path)
    """Address as it was typed, and the folder that is to be made."""
    cancel_wanted = Signal()
    """Stop the clone that runs."""

    def __init__(self, host: QWidget, parent_folder: Path) -> None:
        """Makes a sheet.

        Args:
            host: what it lies over.
            parent_folder: where the new folder is proposed.
        """
        super().__init__(host, width=560, name="Clone a repository")
        self._parent_folder = parent_folder
        self._typed_folder = False
        self._runs = False
        self._dialog: QFileDialog | None = None
        self.url = Field("Address", "https://… or git@…", mono=True)
        self.folder = Field("Into the folder", mono=True)
        self.choose = Button("Choose…")
        self.progress = ProgressLine()
        self.trouble = Paragraph("", "small", "state.failed")
        self.start = Button("Clone", "primary", key="Enter")
        self.cancel = Button("Cancel", key="Esc")
        self.primary = self.start
        self._lay_out()
        self.url.textChanged.connect(self._address_changed)
        self.folder.textEdited.connect(self._folder_edited)
        self.folder.textChanged.connect(self._decide)
        self.choose.clicked.connect(self._choose_parent)
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self._cancel)
        self.set_idle()

    def first_focus(self) -> QWidget:
        return self.url

    def set_idle(self) -> None:
        """Shows that nothing runs."""
        self._runs = False
        self.progress.hide()
        for widget in (self.url, self.folder, self.choose):
            widget.setEnabled(True)
        self._decide()

    def set_progress(self, words: str, share: float | None) -> None:
        """Shows how far the clone is.

        Args:
            words: what it does: `Receiving objects`.
            share: from 0 to 1; None while nobody knows.
        """
        self.progress.set_progress(words, share)
        self.progress.show()

    def set_trouble(self, what: str, safe: str = "", remedy: str = "") -> None:
        """Says that the clone ended badly: what happened, what is safe, what to do."""
        self.set_idle()
        self.trouble.setText(" ".join(one for one in (what, safe, remedy) if one))
        self.trouble.show()
        self.url.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_sheet(self) -> None:
        """Stops what runs, then goes."""
        if self._runs:
            self._runs = False
            self.cancel_wanted.emit()
            self.set_idle()
        super().close_sheet()

    def _lay_out(self) -> None:
        fields = QGridLayout()
        fields.setContentsMargins(16, 14, 16, 14)
        fields.setHorizontalSpacing(12)
        fields.setVerticalSpacing(8)
        fields.addWidget(PlainLabel("Clone a repository", "heading"), 0, 0, 1, 3)
        fields.addWidget(PlainLabel("From", "small", "secondary"), 1, 0)
        fields.addWidget(self.url, 1, 1, 1, 2)
        fields.addWidget(PlainLabel("Into", "small", "secondary"), 2, 0)
        fields.addWidget(self.folder, 2, 1)
        fields.addWidget(self.choose, 2, 2)
        fields.addWidget(self.progress, 3, 1, 1, 2)
        fields.addWidget(self.trouble, 4, 1, 1, 2)
        fields.setColumnStretch(1, 1)
        self.trouble.hide()
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 12, 16, 12)
        buttons.setSpacing(8)
        words = "Nothing of it runs; you are asked before its tests do."
        buttons.addWidget(PlainLabel(words, "small", "tertiary"))
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.start)
        self.body.addLayout(fields)
        self.body.addWidget(Hairline(color="border.default"))
        self.body.addLayout(buttons)

    def _address_changed(self, text: str) -> None:
        self.trouble.hide()
        name = folder_name(text)
        if not self._typed_folder:
            self.folder.setText(short_path(self._parent_folder / name) if name else "")
        self._decide()

    def _folder_edited(self) -> None:
        self._typed_folder = True
        self.trouble.hide()

    def _decide(self) -> None:
        able = bool(self.url.text().strip() and self.folder.text().strip()) and not self._runs
        self.start.setEnabled(able)

    def _choose_parent(self) -> None:
        if self._dialog is None:
            self._dialog = QFileDialog(self, "Choose where to clone to", str(self._parent_folder))
            self._dialog.setFileMode(QFileDialog.FileMode.Directory)
            self._dialog.setOption(QFileDialog.Option.ShowDirsOnly)
            self._dialog.fileSelected.connect(self._parent_chosen)
        self._dialog.open()

    def _parent_chosen(self, chosen: str) -> None:
        self._parent_folder = Path(chosen)
        self._typed_folder = False
        self._address_changed(self.url.text())

    def _start(self) -> None:
        self._runs = True
        self.trouble.hide()
        for widget in (self.url, self.folder, self.choose, self.start):
            widget.setEnabled(False)
        self.set_progress("Connecting", None)
        self.cancel.setFocus(Qt.FocusReason.OtherFocusReason)
        self.clone_wanted.emit(self.url.text().strip(), Path(self.folder.text().strip()).expanduser())

    def _cancel(self) -> None:
        self.close_sheet()


def folder_name(url: str) -> str:
    """The folder that git itself would make for an address; empty while there is none."""
    found = _NAME.search(url.strip())
    return found[1] if found and found[1] not in {".", ".."} else ""
