"""What is known of the selected merge request."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.core.projection import Projection
from gastown_desktop.core.queue_order import QueueEntry
from gastown_desktop.core.wording import plural, show_clock, show_lines, show_model, show_money
from gastown_desktop.ui.widgets.labels import ElidedLabel, Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.look_line import LookLine


class QueueDetail(QWidget):
    """Under the queue: the bead, who made it, and how it came to wait."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Starts hidden: nothing is selected."""
        super().__init__(parent)
        self._id = PlainLabel("", "id", "tertiary")
        self._title = ElidedLabel("", "strong")
        self._who = PlainLabel("", "small", "tertiary")
        self._words = Paragraph("", "small", "text.secondary")
        self.look = LookLine()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._id)
        head.addWidget(self._title, 1)
        head.addWidget(self._who)
        inner = QVBoxLayout()
        inner.setContentsMargins(20, 12, 20, 12)
        inner.setSpacing(6)
        inner.addLayout(head)
        inner.addWidget(self._words)
        inner.addWidget(self.look)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inner)
        column.addWidget(Hairline())
        self.hide()

    @property
    def words(self) -> str:
        """What it says."""
        return self._words.text()

    def show_entry(self, state: Projection | None, entry: QueueEntry | None) -> None:
        """Shows a merge request; hides itself for None."""
        self.setVisible(state is not None and entry is not None)
        if state is None or entry is None:
            return
        self._id.setText(entry.bead)
        self._title.setText(entry.title)
        parts = (entry.worker, show_model(entry.model) if entry.model else "", show_money(entry.cost))
        self._who.setText(", ".join(part for part in parts if part))
        self._words.setText(_story(state, entry))
        self.look.show_changes(entry.sensitive)


def _story(state: Projection, entry: QueueEntry) -> str:
    """How it came to wait, from what the town knows."""
    bead = state.beads[entry.bead]
    merge = state.merges[entry.merge]
    said = [f"Handed in at {show_clock(merge.submitted_at)}."]
    if bead.rework:
        said.append(f"Went back {plural(bead.rework, 'time')} before.")
    if merge.resolver is not None:
        said.append(f"Its conflict was resolved by {merge.resolver}.")
    if bead.files_changed:
        lines = show_lines(bead.lines_added, bead.lines_removed)
        said.append(f"Changes {plural(bead.files_changed, 'file')}, {lines}.")
    if entry.reason:
        said.append(entry.reason)
    return " ".join(said)
