"""The sheet that asks before work is discarded: it shows the change and what waits for it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gastown_desktop.core.card import Card
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.api import FileDiff
from gastown_desktop.ui.fleet.diff_view import DiffView
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Paragraph, PlainLabel
from gastown_desktop.ui.widgets.sheets import Sheet

_DIFF_HEIGHT = 260
_MOST_NAMED = 6


class DiscardSheet(Sheet):
    """Nothing is discarded before a button of it is pressed."""

    decided = Signal(bool)
    """Discard; true with all beads that wait for these."""

    def __init__(
        self,
        host: QWidget,
        cards: Sequence[Card],
        waiting: Sequence[BeadId],
        files: Sequence[FileDiff],
    ) -> None:
        """Makes a sheet that is not shown yet.

        Args:
            host: what it lies over.
            cards: what would be discarded.
            waiting: beads that wait for these.
            files: what the work has changed.
        """
        super().__init__(host, name="Discard work")
        one = cards[0]
        what = f"{one.bead} {one.title}" if len(cards) == 1 else plural(len(cards), "bead")
        self.body.setContentsMargins(21, 17, 21, 17)
        self.body.setSpacing(8)
        self.body.addWidget(Paragraph(f"Discard {what}?", "strong", "text.primary"))
        safe = "Its work so far stays in Gas Town's own repository. What it cost is spent."
        self.body.addWidget(Paragraph(safe, "body", "text.secondary"))
        self.waiting = Paragraph(_waits(waiting), "body", "text.primary")
        self.body.addWidget(self.waiting)
        self.waiting.setVisible(bool(waiting))
        self.diff = DiffView()
        self.diff.set_files(files)
        self.diff.setFixedHeight(_DIFF_HEIGHT if files else 32)
        self.body.addWidget(self.diff)
        self.body.addLayout(self._buttons(len(waiting)))

    def _buttons(self, waiting: int) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(PlainLabel("Esc keeps everything.", "caption", "tertiary"))
        row.addStretch(1)
        self.keep = Button("Keep it")
        self.keep.clicked.connect(self.close_sheet)
        row.addWidget(self.keep)
        self.with_waiting = Button(
            f"Discard with {plural(waiting, 'bead')} that {'waits' if waiting == 1 else 'wait'}"
        )
        self.with_waiting.clicked.connect(lambda: self._decide(True))
        if waiting:
            row.addWidget(self.with_waiting)
        self.discard = Button("Discard only this" if waiting else "Discard")
        self.discard.clicked.connect(lambda: self._decide(False))
        row.addWidget(self.discard)
        self.primary = self.keep
        return row

    def _decide(self, with_waiting: bool) -> None:
        self.close_sheet()
        self.decided.emit(with_waiting)


def _waits(waiting: Sequence[BeadId]) -> str:
    named = ", ".join(waiting[:_MOST_NAMED])
    more = len(waiting) - _MOST_NAMED
    verb = "waits" if len(waiting) == 1 else "wait"
    return f"{named}{f' and {more} more' if more > 0 else ''} {verb} for it."
