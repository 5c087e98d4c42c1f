"""Controls of single settings: the fleet's size, its model, an amount."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QSlider

from gastown_desktop.core.money import exact_usd, usd
from gastown_desktop.core.polecat import MOST_POLECATS
from gastown_desktop.core.prices import PRICES, Price
from gastown_desktop.core.wording import show_model, show_money
from gastown_desktop.ui.widgets.buttons import MenuButton
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.fields import Field

SLIDER = 192
"""Width of the slider in pixels, and so of the column of controls."""
_MILLION = 1_000_000


def segments(*choices: tuple[str, str]) -> SegmentedControl:
    """Segments of (name, text)."""
    made = SegmentedControl()
    for name, text in choices:
        made.add(name, text)
    return made


class WorkersSlider(QSlider):
    """How many work at once; told when it is let go, the wheel turns it only while it has the keyboard."""

    chosen = Signal(int)
    """The user chose another number."""

    def __init__(self) -> None:
        """Shows the least."""
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(1, MOST_POLECATS)
        self.setFixedSize(SLIDER, 22)
        self.setTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty("ring", True)
        self.setProperty("radius", 4)
        self._shown = 1
        self.valueChanged.connect(self._changed)

    def show_number(self, number: int) -> None:
        """Shows a number without telling."""
        self._shown = number
        self.setValue(number)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _changed(self, number: int) -> None:
        if number != self._shown:
            self._shown = number
            self.chosen.emit(number)


class ModelMenu(MenuButton):
    """The models whose price is known, dearest first, each with its price."""

    chosen = Signal(str)
    """The user chose another model, by its id."""

    def __init__(self) -> None:
        """Names no model yet."""
        super().__init__("Model", small=False)
        self._group = QActionGroup(self)
        for model, price in sorted(PRICES.items(), key=lambda one: -one[1].output):
            action = self.drop.addAction(f"{show_model(model)}\t{_short(price)}")
            action.setCheckable(True)
            action.setData(model)
            self._group.addAction(action)
        self._group.triggered.connect(lambda action: self.chosen.emit(action.data()))

    def show_model(self, model: str) -> None:
        """Shows a model without telling."""
        self.set_words(show_model(model))
        self.setAccessibleName(f"Model of the fleet: {show_model(model)}")
        for action in self._group.actions():
            action.setChecked(action.data() == model)


class AmountField(Field):
    """An amount of dollars; one that cannot be read is told and not taken."""

    chosen = Signal(object)
    """The user typed another amount, in nano-dollars: more than Qt's own integers hold; None for none."""
    refused = Signal(str)
    """Why what stands there is no amount."""
    left = Signal()
    """The amount that was there before stands again."""

    def __init__(self, name: str, none: str = "") -> None:
        """Is empty.

        Args:
            name: what a screen reader says.
            none: what stands there without an amount; empty where there has to be one.
        """
        super().__init__(name, none)
        self.setFixedWidth(90)
        self._none = none
        self._shown: int | None = 0
        self.editingFinished.connect(self._edited)

    def show_amount(self, amount: int | None) -> None:
        """Shows an amount, in nano-dollars, or none, without telling."""
        self._shown = amount
        self.setText("" if amount is None else exact_usd(amount))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.show_amount(self._shown)
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _edited(self) -> None:
        try:
            amount = None if self._none and not self.text().strip() else usd(self.text())
        except ValueError:
            amount = 0
        if amount is not None and amount <= 0:
            self.refused.emit("An amount, such as $20" + (", or nothing" if self._none else ""))
        elif amount != self._shown:
            self._shown = amount
            self.chosen.emit(amount)
        else:
            self.show_amount(amount)
            self.left.emit()


def price_words(model: str) -> str:
    """List prices of a model, for a row: `$4.00 in, $20.00 out per MTok`."""
    price = PRICES.get(model)
    return "" if price is None else f"{_short(price)} per MTok"


def _short(price: Price) -> str:
    return f"{show_money(price.input * _MILLION)} in, {show_money(price.output * _MILLION)} out"
