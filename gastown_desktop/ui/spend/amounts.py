"""Typing an amount of dollars, and changing the limit in its place."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gastown_desktop.core.money import NANO, usd
from gastown_desktop.core.wording import show_money
from gastown_desktop.ui.spend.gauge import MoneyStanding
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.fields import Field
from gastown_desktop.ui.widgets.labels import ElidedLabel, PlainLabel


class AmountField(Field):
    """A field for dollars, `$ 60.00`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """Makes an empty field.

        Args:
            name: what a screen reader says.
            parent: owns it.
        """
        super().__init__(name, "$ 0.00", parent=parent)
        self.setFixedWidth(92)

    def amount(self) -> int | None:
        """What is typed, in nano-dollars; None where it is no amount."""
        try:
            return usd(self.text())
        except ValueError:
            return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            event.accept()  # what it stands in must not take it for its own Enter

    def set_amount(self, amount: int) -> None:
        """Shows an amount."""
        self.setText(f"$ {amount / NANO:.2f}")


def next_limit(cap: int | None) -> int:
    """What a raised limit is likely to be: half as much again, in whole dollars; $20 where there was none."""
    if cap is None:
        return 20 * NANO
    return max(cap + NANO, -(-cap * 3 // 2 // NANO) * NANO)


class LimitEditor(QWidget):
    """One row: the new limit, what it was, what is used. Enter sets it, Esc leaves it."""

    wanted = Signal(object)
    """The new limit in nano-dollars (int; a Qt integer would be too small for it)."""
    left = Signal()
    """The user goes away without changing it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is shown by `begin`."""
        super().__init__(parent)
        self.setProperty("surface", "raised")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(44)
        self._standing = MoneyStanding()
        self.field = AmountField("New limit in dollars")
        self.note = ElidedLabel("", "small", "text.secondary")
        self.set_button = Button("Set limit")
        self.cancel = Button("Cancel", "quiet", key="Esc")
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 0, 20, 0)
        row.setSpacing(12)
        row.addWidget(PlainLabel("New limit", "strong"))
        row.addWidget(self.field)
        row.addWidget(self.note, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.set_button)
        self.field.textChanged.connect(self._explain)
        self.field.returnPressed.connect(self.set_button.click)
        self.set_button.clicked.connect(self._set)
        self.cancel.clicked.connect(self.left)
        self.hide()

    def begin(self, standing: MoneyStanding) -> None:
        """Opens on the limit as it stands."""
        self._standing = standing
        self.field.set_amount(next_limit(standing.cap))
        self._explain()
        self.show()
        self.field.setFocus()
        self.field.selectAll()

    def say(self, text: str) -> None:
        """Says why it could not be set."""
        self.note.set_color("state.failed")
        self.note.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _set(self) -> None:
        amount = self.field.amount()
        if amount:
            self.wanted.emit(amount)

    def _explain(self) -> None:
        amount, used = self.field.amount(), self._standing.used
        self.set_button.setEnabled(bool(amount))
        self.note.set_color("text.secondary")
        if not amount:
            self.note.setText("An amount in dollars, such as 60 or 60.00")
            return
        before = "no limit" if self._standing.cap is None else show_money(self._standing.cap)
        change = f"{before} → {show_money(amount)}. "
        if amount <= used:
            self.note.setText(f"{change}{show_money(used)} is spent or promised: nothing more would start.")
        else:
            self.note.setText(f"{change}{show_money(amount - used)} would be free.")
