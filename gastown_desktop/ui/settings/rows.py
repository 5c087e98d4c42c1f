"""Rows of the settings page: a setting with where its value comes from, and a fact."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, Glyph, Hairline, Paragraph, PlainLabel

ROW = 32
"""Height of a row in pixels."""
NAME = 120
"""Width of the column of names in pixels."""
_CONTROL, _GAP = 192, 12
_SOURCE, _RESET = 98, 80
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class SettingRow(QWidget):
    """Name, control, a few words; at the right where the value comes from, and the way back."""

    default_wanted = Signal()

    def __init__(self, name: str, control: QWidget, words: str = "") -> None:
        """Makes a row.

        Args:
            name: what is set.
            control: sets it; it gets the name for screen readers.
            words: what it means, where the name does not say it.
        """
        super().__init__()
        self.setFixedHeight(ROW)
        self._words = words
        self.control = control
        if not control.accessibleName():
            control.setAccessibleName(name)
        label = PlainLabel(name, tone="secondary")
        label.setFixedWidth(NAME)
        label.setBuddy(control)
        self.words = ElidedLabel(words, "small", "text.tertiary")
        self.source = PlainLabel("", "small", "tertiary")
        self.source.setFixedWidth(_SOURCE)
        self.reset = Button("Use default", "quiet", small=True)
        self.reset.setAccessibleName(f"Use default: {name}")
        self.reset.clicked.connect(self.default_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_GAP)
        row.addWidget(label)
        row.addWidget(_place(control, _CONTROL, Qt.AlignmentFlag.AlignLeft))
        row.addWidget(self.words, 1)
        row.addWidget(self.source, 0, _MIDDLE)
        row.addWidget(_place(self.reset, _RESET, Qt.AlignmentFlag.AlignRight))
        self.show_source(given=False)

    def show_source(self, *, given: bool) -> None:
        """Says where the value comes from.

        Args:
            given: the user's settings file gives it.
        """
        self.source.setText("Your settings file" if given else "Default")
        had_keyboard = self.reset.hasFocus()
        self.reset.setVisible(given)
        if had_keyboard and not given:
            first_button_or_itself(self.control).setFocus(Qt.FocusReason.TabFocusReason)

    def say(self, text: str = "", *, failed: bool = False) -> None:
        """Says something else beside the control; nothing for what it means."""
        self.words.setText(text or self._words)
        self.words.set_color("state.failed" if failed else "text.tertiary")


class FactRow(QWidget):
    """A name, and what is so; with a button where something can be done about it."""

    wanted = Signal()
    """The button was pressed."""

    def __init__(self, name: str, button: str = "", *, path: bool = False) -> None:
        """Makes a row that says nothing yet.

        Args:
            name: what the fact is about.
            button: verb and object; empty for none.
            path: the fact is a path: one line, cut in its middle.
        """
        super().__init__()
        label = PlainLabel(name, tone="secondary")
        label.setFixedWidth(NAME)
        self.value = ElidedLabel("", middle=True) if path else Paragraph("", color="text.primary")
        self.button = Button(button, small=True)
        if not button:
            self.button.hide()
        self.button.clicked.connect(self.wanted)
        row = QHBoxLayout(self)
        edge = 0 if path else 7
        row.setContentsMargins(0, edge, 0, edge)
        row.setSpacing(_GAP)
        side = _MIDDLE if path else Qt.AlignmentFlag.AlignTop
        row.addWidget(label, 0, side)
        row.addWidget(self.value, 1, side)
        row.addWidget(self.button, 0, side)
        self.setMinimumHeight(ROW)

    def say(self, text: str, color: str = "text.primary") -> None:
        """Says the fact, in a colour of the theme."""
        self.value.setText(text)
        self.value.set_color(color)


class ListRow(QWidget):
    """A name, and lines below each other, each with where it comes from."""

    def __init__(self, name: str) -> None:
        """Makes a row without lines."""
        super().__init__()
        label = PlainLabel(name, tone="secondary")
        label.setFixedWidth(NAME)
        self._lines: list[QWidget] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(_GAP)
        row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._column, 1)
        label.setContentsMargins(0, 3, 0, 3)

    def show_lines(self, lines: tuple[tuple[str, str], ...]) -> None:
        """Shows (text, source) of each line, in the order given."""
        for old in self._lines:
            self._column.removeWidget(old)
            old.deleteLater()
        self._lines = [_line(text, source) for text, source in lines]
        for line in self._lines:
            self._column.addWidget(line)

    def texts(self) -> list[str]:
        """What the lines say, source and all."""
        return [line.accessibleName() for line in self._lines]


class Notice(QWidget):
    """What happened and what to do, in place; hidden while there is nothing to say."""

    wanted = Signal()

    def __init__(self, button: str) -> None:
        """Makes a hidden one whose button says `button`."""
        super().__init__()
        self.words = Paragraph("", color="text.primary")
        self.button = Button(button, small=True)
        self.button.clicked.connect(self.wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 12, 0, 4)
        row.setSpacing(8)
        row.addWidget(Glyph("ui_warning", "state.failed", 16), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.words, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def say(self, text: str) -> None:
        """Says something, or goes away with an empty text."""
        self.words.setText(text)
        self.setVisible(bool(text))


class Section(QWidget):
    """A title on a hairline, and rows below it."""

    def __init__(self, title: str) -> None:
        """Has no rows yet."""
        super().__init__()
        self.setAccessibleName(title)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(0, 16, 0, 0)
        self.rows.setSpacing(0)
        self.rows.addWidget(PlainLabel(title, "strong"))
        self.rows.addSpacing(6)
        self.rows.addWidget(Hairline())
        self.rows.addSpacing(4)

    def add(self, row: QWidget) -> None:
        """Adds a row at the end."""
        self.rows.addWidget(row)


def _line(text: str, source: str) -> QWidget:
    line = QWidget()
    line.setFixedHeight(24)
    line.setAccessibleName(f"{text}, {source}")
    shown = PlainLabel(source, "small", "tertiary")
    shown.setFixedWidth(_SOURCE + _GAP + _RESET)
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(_GAP)
    row.addWidget(ElidedLabel(text, "code"), 1)
    row.addWidget(shown)
    return line


def _place(widget: QWidget, width: int, edge: Qt.AlignmentFlag) -> QWidget:
    """A column of a fixed width, with a widget at one of its edges."""
    place = QWidget()
    place.setFixedWidth(width)
    holder = QHBoxLayout(place)
    holder.setContentsMargins(0, 0, 0, 0)
    holder.addWidget(widget, 0, edge | _MIDDLE)
    return place


def first_button_or_itself(control: QWidget) -> QWidget:
    """What has the keyboard in a control: its chosen or first button where it is made of several."""
    buttons = control.findChildren(QAbstractButton)
    return next((one for one in buttons if one.isChecked()), buttons[0] if buttons else control)
