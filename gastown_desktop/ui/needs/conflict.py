"""A conflict that reached the user: file by file ours, theirs, both, or the marked text edited."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPlainTextEdit, QVBoxLayout, QWidget

from gastown_desktop.core.markers import Choice, has_markers, joined, parts_of
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.api import Conflict, ConflictFile
from gastown_desktop.ui.theme.theme import font
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, Hairline, PlainLabel

_ENCODING, _ERRORS = "utf-8", "surrogateescape"
_DELETED = "deleted"


class ConflictPanel(QWidget):
    """Each file is settled when nothing of it is open any more; only then can it be finished."""

    finished = Signal(object)
    """{path: bytes, or None for a deleted file}."""
    aborted = Signal()

    def __init__(self, conflict: Conflict, parent: QWidget | None = None) -> None:
        """Shows a conflict, its first file open."""
        super().__init__(parent)
        self._conflict = conflict
        self._texts: dict[str, bytes | None] = {one.path: _begin(one) for one in conflict.files}
        self._chosen: set[str] = set()
        self._path = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(PlainLabel(f"Conflict in {plural(len(conflict.files), 'file')}", "heading"))
        layout.addWidget(ElidedLabel(f"Ours, merged already: {conflict.ours}", "small", "text.secondary"))
        layout.addWidget(ElidedLabel(f"Theirs, to be merged: {conflict.theirs}", "small", "text.secondary"))
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(self._file_list())
        body.addLayout(self._editor(), 1)
        layout.addLayout(body, 1)
        layout.addWidget(Hairline())
        layout.addLayout(self._foot())
        self._files.setCurrentRow(0)
        self._tell()

    @property
    def resolution(self) -> dict[str, bytes | None]:
        """What was made of each file so far."""
        return dict(self._texts)

    def open_paths(self) -> list[str]:
        """Files that are not settled."""
        return [one.path for one in self._conflict.files if not self._is_settled(one)]

    def choose(self, choice: Choice) -> None:
        """Takes one side, or both, for the whole file that is open."""
        file = self._file()
        if file.marked and not file.binary:
            parts = parts_of(file.marked)
            choices: list[Choice] = [choice] * sum(part.is_conflict for part in parts)
            self._texts[file.path] = joined(parts, choices)
        elif choice != "both":
            self._texts[file.path] = file.ours if choice == "ours" else file.theirs
        self._chosen.add(file.path)
        self._show()
        self._tell()

    def _file_list(self) -> QListWidget:
        self._files = QListWidget()
        self._files.setAccessibleName("Files in conflict")
        self._files.setFixedWidth(240)
        self._files.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for one in self._conflict.files:
            item = QListWidgetItem(one.path)
            item.setSizeHint(QSize(0, 28))
            self._files.addItem(item)
        self._files.currentRowChanged.connect(self._go_to)
        return self._files

    def _editor(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        self._choices: dict[Choice, Button] = {}
        named: tuple[tuple[Choice, str, str], ...] = (
            ("ours", "Take ours", "Alt+1"),
            ("theirs", "Take theirs", "Alt+2"),
            ("both", "Take both", "Alt+3"),
            ("open", "Start over", "Alt+0"),
        )
        for choice, words, key in named:
            self._add_choice(row, choice, words, key)
        row.addStretch(1)
        column.addLayout(row)
        self._kind = PlainLabel("", "small", "tertiary", wraps=True)
        column.addWidget(self._kind)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Result, to be edited")
        self.text.setAcceptDrops(False)
        self.text.setFont(font("code"))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(False)
        self.text.textChanged.connect(self._edited)
        column.addWidget(self.text, 1)
        return column

    def _add_choice(self, row: QHBoxLayout, choice: Choice, words: str, key: str) -> None:
        button = Button(words, key=key)
        button.clicked.connect(lambda: self._choose_or_reopen(choice))
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.activated.connect(lambda: self._choose_or_reopen(choice))
        self._choices[choice] = button
        row.addWidget(button)

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self._state = PlainLabel("", "small", "secondary")
        row.addWidget(self._state, 1)
        abort = Button("Leave it as it is")
        abort.clicked.connect(self.aborted)
        self.finish_button = Button("Hand in the resolution", "primary", key="Ctrl+Enter")
        self.finish_button.setShortcut("Ctrl+Return")
        self.finish_button.clicked.connect(lambda: self.finished.emit(self.resolution))
        row.addWidget(abort)
        row.addWidget(self.finish_button)
        return row

    def _choose_or_reopen(self, choice: Choice) -> None:
        if choice != "open":
            self.choose(choice)
            return
        file = self._file()
        self._texts[file.path] = _begin(file)
        self._chosen.discard(file.path)
        self._show()
        self._tell()

    def _file(self) -> ConflictFile:
        return next(one for one in self._conflict.files if one.path == self._path)

    def _go_to(self, row: int) -> None:
        self._path = self._conflict.files[row].path
        self._show()

    def _show(self) -> None:
        """Shows the open file's text; bytes that are no text cannot be edited, only chosen."""
        file, now = self._file(), self._texts[self._path]
        editable = not file.binary and now is not None
        self.text.blockSignals(True)
        self.text.setPlainText(_shown(now) if editable and now is not None else "")
        self.text.blockSignals(False)
        self.text.setEnabled(editable)
        self._kind.setText(_words(file, now, chosen=file.path in self._chosen))
        self._kind.setVisible(bool(self._kind.text()))
        self._choices["both"].setEnabled(bool(file.marked) and not file.binary)
        self._choices["ours"].set_words("Take ours" if file.ours is not None else "Delete, as ours")
        self._choices["theirs"].set_words("Take theirs" if file.theirs is not None else "Delete, as theirs")

    def _edited(self) -> None:
        """Typing settles nothing by itself: what counts is whether a marker is left."""
        self._texts[self._path] = _typed(self.text.toPlainText(), _begin(self._file()))
        self._tell()

    def _is_settled(self, file: ConflictFile) -> bool:
        now = self._texts[file.path]
        if not file.marked or file.binary:
            return file.path in self._chosen
        return now is None or not has_markers(now)

    def _tell(self) -> None:
        left = self.open_paths()
        for row, one in enumerate(self._conflict.files):
            done = one.path not in left
            item = self._files.item(row)
            item.setText(f"✓ {one.path}" if done else one.path)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{one.path}, {'settled' if done else 'open'}")
        self.finish_button.setEnabled(not left)
        self._state.setText(
            f"{plural(len(left), 'file')} still open"
            if left
            else "Settled. The gates decide whether it merges."
        )


def _begin(file: ConflictFile) -> bytes | None:
    """What a file begins with: the marked text where there is one, else what is merged already."""
    if file.marked and not file.binary:
        return file.marked
    return file.ours


def _shown(text: bytes) -> str:
    return text.decode(_ENCODING, _ERRORS).replace("\r\n", "\n")


def _typed(text: str, before: bytes | None) -> bytes:
    """Edited text as bytes, with the line ends that the file had."""
    data = text.encode(_ENCODING, _ERRORS)
    ends = before is not None and before.count(b"\r\n") * 2 > before.count(b"\n")
    return data.replace(b"\n", b"\r\n") if ends else data


def _words(file: ConflictFile, now: bytes | None, *, chosen: bool) -> str:
    if file.binary:
        return "No text: take one side." if not chosen else "No text. One side was taken."
    if file.ours is None or file.theirs is None:
        gone = "merged work" if file.ours is None else "bead's work"
        other = "changed" if file.base is not None else "added"
        state = _DELETED if now is None else "kept"
        return f"The {gone} has no such file, the other side {other} it. " + (
            f"Now: {state}." if chosen else ""
        )
    return ""
