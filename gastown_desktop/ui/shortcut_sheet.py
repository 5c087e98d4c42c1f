"""The shortcut sheet: every key of the window, made from the registry."""

from __future__ import annotations

from itertools import groupby

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.ui.actions import Actions
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import PlainLabel
from gastown_desktop.ui.widgets.sheets import Sheet

_COLUMNS = 2
_IN_PLACE = (
    ("Fleet", (("Arrows", "Move over the cards"), ("Enter", "Open the chosen card"), ("F3", "Find again"))),
    ("Needs you", (("1 to 9", "Answer the current item"), ("Enter", "Take its first answer"))),
)
"""Keys that belong to a place and not to the whole window."""


class ShortcutSheet(Sheet):
    """Opens with `?`."""

    def __init__(self, actions: Actions, host: QWidget) -> None:
        """Lists the actions that have a shortcut now."""
        super().__init__(host, width=720, name="Shortcuts")
        outer = QVBoxLayout()
        outer.setContentsMargins(20, 16, 20, 16)
        outer.setSpacing(12)
        head = QHBoxLayout()
        head.addWidget(PlainLabel("Shortcuts", "heading"))
        head.addStretch(1)
        self.primary = Button("Close", key="Esc")
        self.primary.clicked.connect(self.close_sheet)
        head.addWidget(self.primary)
        outer.addLayout(head)
        grid = QGridLayout()
        grid.setHorizontalSpacing(32)
        grid.setVerticalSpacing(16)
        with_key = [spec for spec in actions.specs() if spec.shortcut]
        groups = [
            (name, tuple((_native(spec.shortcut), spec.text) for spec in specs))
            for name, specs in groupby(sorted(with_key, key=lambda spec: spec.group), lambda spec: spec.group)
        ]
        for number, (name, keys) in enumerate([*groups, *_IN_PLACE]):
            grid.addLayout(_group(name, keys), number // _COLUMNS, number % _COLUMNS)
        outer.addLayout(grid)
        self.body.addLayout(outer)


def _native(shortcut: str) -> str:
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)


def _group(name: str, keys: tuple[tuple[str, str], ...]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(4)
    column.addWidget(PlainLabel(name, "strong"))
    for key, words in keys:
        row = QHBoxLayout()
        shown = PlainLabel(key, "id", "secondary")
        shown.setFixedWidth(110)
        row.addWidget(shown)
        row.addWidget(PlainLabel(words, "small"))
        row.addStretch(1)
        column.addLayout(row)
    column.addStretch(1)
    return column
