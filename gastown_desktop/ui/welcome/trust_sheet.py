"""Trust: exactly what would run on this computer, before any of it does."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.engine.api import RunsList
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Glyph, Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.sheets import Sheet

KINDS = {
    "unconfined": "Not confined",
    "gate": "Gate",
    "setup": "Set-up",
    "copy": "Copied file",
    "generated": "Generated files",
    "network": "Network",
    "program": "Program",
    "hook": "Git hook",
    "submodule": "Submodule",
}
"""How the kinds of things that run are called."""
_MOST = 260
"""Pixels of the list before it scrolls."""


class TrustSheet(Sheet):
    """Lists what would run, says whether it is confined, and asks; nothing is trusted by closing it."""

    trusted = Signal(str)
    """The user trusts exactly this list; carries its digest."""
    gateless_wanted = Signal()
    """Rehearse without gates: nothing of the repository runs."""

    def __init__(self, host: QWidget, repository: str, runs: RunsList) -> None:
        """Makes the sheet for a list.

        Args:
            host: what it lies over.
            repository: its name.
            runs: what would run.
        """
        super().__init__(host, width=640, name=f"Trust {repository}?")
        self._digest = runs.digest
        self.trust = Button("Trust and run", "primary", key="Enter")
        self.without = Button("Rehearse without gates")
        self.cancel = Button("Cancel", key="Esc")
        self.primary = self.trust
        self._lay_out(repository, runs)
        self.trust.clicked.connect(self._trust)
        self.without.clicked.connect(self._go_without)
        self.cancel.clicked.connect(self.close_sheet)

    def _lay_out(self, repository: str, runs: RunsList) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(16, 14, 16, 12)
        head.setSpacing(6)
        head.addWidget(Paragraph(f"Run the commands of {repository}?", "heading", "text.primary"))
        head.addWidget(Paragraph(_lead(runs)))
        self.body.addLayout(head)
        self.body.addWidget(Hairline(color="border.default"))
        self.body.addWidget(_list_of(runs))
        self.body.addWidget(Hairline(color="border.default"))
        self.body.addLayout(_confinement(runs))
        self.body.addWidget(Hairline(color="border.default"))
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 12, 16, 12)
        buttons.setSpacing(8)
        buttons.addWidget(self.without)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.trust)
        self.body.addLayout(buttons)

    def _trust(self) -> None:
        self.close_sheet()
        self.trusted.emit(self._digest)

    def _go_without(self) -> None:
        self.close_sheet()
        self.gateless_wanted.emit()


def _lead(runs: RunsList) -> str:
    if not runs.items:
        return "It names nothing that would run."
    return (
        "Opening it ran nothing. A rehearsal with gates runs exactly this list. "
        "If the list changes, you are asked again."
    )


def _list_of(runs: RunsList) -> QScrollArea:
    """The list, kind by kind, each command in full."""
    rows = QWidget()
    rows.setProperty("surface", "code")
    grid = QGridLayout(rows)
    grid.setContentsMargins(16, 10, 16, 10)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(6)
    grid.setColumnMinimumWidth(1, 80)
    grid.setColumnStretch(2, 1)
    top = Qt.AlignmentFlag.AlignTop
    for row, (kind, name, value) in enumerate(runs.items):
        called = PlainLabel(KINDS.get(kind, kind), "small", "tertiary")
        called.setMinimumHeight(18)
        grid.addWidget(called, row, 0, top)
        grid.addWidget(Paragraph(name, "body", "text.primary"), row, 1, top)
        grid.addWidget(Paragraph(value, "code", "text.primary"), row, 2)
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setWidget(rows)
    area.setAccessibleName("What would run")
    area.setFixedHeight(min(_MOST, grid.heightForWidth(640 - 12)))
    return area


def _confinement(runs: RunsList) -> QHBoxLayout:
    """Where it runs; without a sandbox, what that means."""
    row = QHBoxLayout()
    row.setContentsMargins(16, 12, 16, 12)
    row.setSpacing(10)
    if runs.confined:
        name, color = "ui_lock", "text.secondary"
        words = (
            "In a sandbox. They see their own copy of the repository and the tools they need, "
            "not your other files, and have no network."
        )
    else:
        name, color = "ui_warning", "state.failed"
        words = (
            "Not confined: no sandbox was found on this computer. These commands run with your rights "
            "and can read and change everything that you can."
        )
    row.addWidget(Glyph(name, color), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(Paragraph(words, color="text.secondary" if runs.confined else "text.primary"), 1)
    return row
