"""What a rehearsal is to be: how many commits, how many workers, which plan, which limit, which gates."""

from __future__ import annotations

from typing import Literal, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gastown_desktop.core.money import exact_usd, usd
from gastown_desktop.core.polecat import MOST_POLECATS
from gastown_desktop.engine.api import GateWish, RehearsalWish
from gastown_desktop.ui.theme.theme import line_height
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.checks import Check
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel, plain_tooltip
from gastown_desktop.ui.widgets.pieces import Piece

_PLANS = (
    (
        "true",
        "True",
        "Beads wait for exactly what they need. The landed tree must equal your history, bit for bit.",
    ),
    (
        "predicted",
        "Predicted",
        "Beads wait for earlier ones on the same files, as a plan before launch would have it.",
    ),
    ("none", "None", "Nothing waits: the worst case. Conflicts are resolved on the way, some will ask you."),
)
PlanName = Literal["true", "predicted", "none"]
_LEAST_COMMITS, _MOST_COMMITS = 1, 500
_DEFAULT_LAST, _DEFAULT_POLECATS = 12, 6


class RehearsalForm(QWidget):
    """The sheet's content; `wanted` carries what was asked for."""

    wanted = Signal(object)
    """`RehearsalWish`."""
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows defaults."""
        super().__init__(parent)
        self._gates: list[tuple[Check, GateWish]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(PlainLabel("Rehearse for $0", "heading"))
        says = "The whole town works on your own past commits. Only the model is replaced; nothing is spent, "
        layout.addWidget(PlainLabel(says + "and your repository is only read.", tone="secondary", wraps=True))
        layout.addLayout(self._figures())
        layout.addWidget(Hairline())
        layout.addWidget(PlainLabel("Gates", "strong"))
        self._gate_note = PlainLabel("", "small", "secondary", wraps=True)
        layout.addWidget(self._gate_note)
        self._gate_list = QVBoxLayout()
        self._gate_list.setSpacing(4)
        layout.addLayout(self._gate_list)
        layout.addLayout(self._own_gate())
        layout.addWidget(Hairline())
        layout.addLayout(self._buttons())

    def show_rig(
        self,
        commits: int,
        gates: tuple[GateWish, ...],
        polecats: int | None = None,
        limit: int | None = None,
    ) -> None:
        """Fits the form to a repository.

        Args:
            commits: how many could be rehearsed.
            gates: what it names itself, or what was found.
            polecats: a suggested size of the fleet.
            limit: to begin with, in nano-dollars.
        """
        if polecats is not None:
            self._polecats.setValue(polecats)
        if limit is not None:
            self.limit.setText(exact_usd(limit))
        self._last.setMaximum(max(_LEAST_COMMITS, min(commits, _MOST_COMMITS)))
        self._last.setValue(min(_DEFAULT_LAST, self._last.maximum()))
        for box, _ in self._gates:
            self._gate_list.removeWidget(box)
            box.deleteLater()
        self._gates = []
        for gate in gates:
            self._add_gate(gate, checked=not gate.reason or len(gates) == 1)
        proposed = any(gate.reason for gate in gates)
        if not gates:
            note = "No gate was found. Without one nothing is tested; type a command that must succeed."
        elif proposed:
            note = "Found in your repository. Only what is ticked runs, and only after you trusted it."
        else:
            note = "From .gastown.toml. Only what is ticked runs, and only after you trusted it."
        self._gate_note.setText(note)

    def wish(self) -> RehearsalWish:
        """What is asked for now."""
        gates = tuple(gate for box, gate in self._gates if box.isChecked())
        return RehearsalWish(
            last=self._last.value(),
            polecats=self._polecats.value(),
            plan=cast("PlanName", self._plan.current),
            cap=usd(self.limit.text()),
            gates=gates,
            real_pace=self._real_pace.isChecked(),
        )

    def _figures(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnMinimumWidth(0, 84)
        grid.setColumnStretch(2, 1)
        self._last = QSpinBox()
        self._last.setRange(_LEAST_COMMITS, _MOST_COMMITS)
        self._last.setValue(_DEFAULT_LAST)
        self._last.setFixedWidth(90)
        self._last.lineEdit().setTextMargins(8, 0, 0, 0)
        _row(grid, "Last commits", self._last, "of your history; a merge commit is one bead")
        self._polecats = QSlider(Qt.Orientation.Horizontal)
        self._polecats.setRange(1, MOST_POLECATS)
        self._polecats.setFixedWidth(200)
        self._polecats.valueChanged.connect(self._say_workers)
        self._workers = _row(grid, "Workers", self._polecats, "")
        self._plan = SegmentedControl()
        for name, label, _ in _PLANS:
            self._plan.add(name, label)
        self._plan.setAccessibleName("Plan")
        self._plan.chosen.connect(self._say_plan)
        _row(grid, "Plan", self._plan, "")
        self._plan_words = Paragraph(_PLANS[0][2], "small")
        self._plan_words.setMinimumHeight(2 * line_height("small"))
        grid.addWidget(self._plan_words, grid.rowCount(), 1, 1, 2)
        self.limit = QLineEdit("$100")
        self.limit.setAcceptDrops(False)
        self.limit.setFixedWidth(90)
        self.limit.textChanged.connect(self._check)
        _row(grid, "Limit", self.limit, "at list price; a rehearsal spends nothing")
        self._real_pace = Check("Stream at a real model’s pace")
        grid.addWidget(self._real_pace, grid.rowCount(), 1, 1, 2)
        self._polecats.setValue(_DEFAULT_POLECATS)
        return grid

    def _own_gate(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.command = QLineEdit()
        self.command.setAcceptDrops(False)
        self.command.setPlaceholderText("Another command that must succeed, for example: pytest -q")
        self.command.setAccessibleName("Gate command")
        self.command.returnPressed.connect(self._add_own)
        add = Button("Add gate", small=False)
        add.clicked.connect(self._add_own)
        row.addWidget(self.command, 1)
        row.addWidget(add)
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._problem = PlainLabel("", "small", "failed")
        row.addWidget(self._problem, 1)
        cancel = Button("Cancel")
        cancel.clicked.connect(self.cancelled)
        self.start_button = Button("Start rehearsal", "primary", key="Ctrl+Enter")
        self.start_button.clicked.connect(lambda: self.wanted.emit(self.wish()))
        self.start_button.setShortcut("Ctrl+Return")
        row.addWidget(cancel)
        row.addWidget(self.start_button)
        return row

    def _add_own(self) -> None:
        command = self.command.text().strip()
        if command:
            number = len(self._gates) + 1
            self._add_gate(GateWish(name=f"gate {number}", command=command), checked=True)
            self.command.clear()

    def _add_gate(self, gate: GateWish, *, checked: bool) -> None:
        words = gate.command.replace("\n", " ")
        box = Check(words, [Piece(text=words, role="code")])
        box.setToolTip(plain_tooltip(gate.reason or gate.name))
        box.setAccessibleName(f"Gate {gate.name}: {words}")
        box.setChecked(checked)
        self._gates.append((box, gate))
        self._gate_list.addWidget(box)

    def _say_workers(self, count: int) -> None:
        self._workers.setText(f"{count} at once")

    def _say_plan(self, name: str) -> None:
        self._plan_words.setText(next(words for plan, _, words in _PLANS if plan == name))

    def _check(self) -> None:
        """A limit that cannot be read is said at once, and nothing starts with it."""
        try:
            good = usd(self.limit.text()) > 0
        except ValueError:
            good = False
        self._problem.setText("" if good else "The limit is an amount such as $20.")
        self.start_button.setEnabled(good)


def _row(grid: QGridLayout, name: str, field: QWidget, words: str) -> PlainLabel:
    """Adds a field with its name and a word on it; returns that word's label."""
    at = grid.rowCount()
    label = PlainLabel(name, tone="secondary")
    label.setBuddy(field)
    if not field.accessibleName():
        field.setAccessibleName(name)
    grid.addWidget(label, at, 0)
    grid.addWidget(field, at, 1, Qt.AlignmentFlag.AlignLeft)
    said = PlainLabel(words, "small", "tertiary", wraps=True)
    grid.addWidget(said, at, 2)
    return said
