"""Everything about the selected event or convoy."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.timeline import ConvoyRow, TimelineRow
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.event_facts import facts_of
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.wording import plural, show_clock, show_hidden, show_lines, show_model, show_money
from gastown_desktop.ui.history.rows import glyph_color
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece
from gastown_desktop.ui.widgets.rows_table import draw_cut

WIDTH = 404
_GATES = {"gate_run", "merge_state_changed", "bead_reopened"}
"""Kinds whose text is output of a program: shown in the code font."""


class HistoryDetail(QWidget):
    """The right pane of the history page."""

    fleet_wanted = Signal(str)
    evidence_wanted = Signal(str)
    """The user wants to see the report of a rehearsal, by its convoy."""

    def __init__(self, view: TownView, parent: QWidget | None = None) -> None:
        """Starts with nothing selected."""
        super().__init__(parent)
        self._view = view
        self._bead: BeadId | None = None
        self._convoy: ConvoyId | None = None
        self._shown: object = None
        self._head = _Head()
        self._bead_line = ElidedLabel("", "body")
        self._figures = Paragraph("", "small", "text.secondary")
        self._open = Button("Open in fleet", icon="ui_fleet", small=True)
        self._report = Button("Show report", icon="ui_file", small=True)
        self._facts = QWidget()
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setAcceptDrops(False)
        self._text.setMaximumBlockCount(5_000)
        self._text.setAccessibleName("What was said or printed")
        self._text.setViewportMargins(10, 8, 10, 0)
        self._open.clicked.connect(lambda: self._bead is not None and self.fleet_wanted.emit(self._bead))
        self._report.clicked.connect(
            lambda: self._convoy is not None and self.evidence_wanted.emit(self._convoy)
        )
        self._lay_out()
        self.show_nothing()

    @property
    def text(self) -> str:
        """The longer text that is shown."""
        return self._text.toPlainText()

    def show_nothing(self) -> None:
        """Nothing is selected."""
        self._shown = None
        self._head.show_words("", "text.tertiary", "Nothing selected", "")
        self._fill(None, "", "", (), "")

    def show_row(self, row: TimelineRow) -> None:
        """Shows an event."""
        state = self._view.convoys.get(row.convoy)
        view = state.beads.get(row.bead) if state is not None and row.bead is not None else None
        if (row, view) == self._shown:
            return
        self._shown = (row, view)
        self._convoy = row.convoy
        clock = show_clock(row.envelope.at, seconds=True)
        self._head.show_words(row.told.glyph, glyph_color(row.told.glyph), row.told.what, clock)
        title = f"{row.bead}  {view.bead.title}" if view is not None else row.told.detail
        figures: list[str] = []
        if view is not None:
            figures = [show_lines(view.lines_added, view.lines_removed), plural(view.files_changed, "file")]
            figures += [show_model(view.model)] if view.model else []
            figures.append(f"{show_money(view.cost)} in {plural(view.turns, 'turn')}")
        facts = facts_of(row.envelope.event)
        mono = row.envelope.event.kind in _GATES
        self._text.setFont(font("id") if mono else font("small"))
        self._fill(
            row.bead if view is not None else None, title, "   ".join(figures), facts.facts, facts.text
        )

    def show_convoy(self, row: ConvoyRow) -> None:
        """Shows a convoy."""
        if row == self._shown:
            return
        self._shown = row
        self._convoy = row.convoy
        self._head.show_words("ui_plan", "text.secondary", row.title, row.stage)
        facts = (
            ("Id", str(row.convoy)),
            ("Kind", "rehearsal, $0.00 spent" if row.rehearsal else "convoy"),
            ("Merged", row.count),
            ("At list price" if row.rehearsal else "Cost", show_money(row.cost)),
        )
        self._fill(None, "", "", facts, row.reason)
        self._report.setVisible(row.report)

    def _lay_out(self) -> None:
        inner = QVBoxLayout()
        inner.setContentsMargins(16, 8, 14, 10)
        inner.setSpacing(6)
        for part in (self._head, self._bead_line, self._figures):
            inner.addWidget(part)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._open)
        buttons.addWidget(self._report)
        buttons.addStretch(1)
        inner.addLayout(buttons)
        self._place = QVBoxLayout()
        self._place.setContentsMargins(16, 10, 14, 10)
        self._place.addWidget(self._facts)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inner)
        column.addWidget(Hairline())
        column.addLayout(self._place)
        column.addWidget(self._text, 1)
        column.addStretch(0)
        self._fallback = QWidget()
        column.addWidget(self._fallback, 1)

    def _fill(
        self, bead: BeadId | None, title: str, figures: str, facts: tuple[tuple[str, str], ...], text: str
    ) -> None:
        self._bead = bead
        self._bead_line.setText(title)
        self._bead_line.setVisible(bool(title))
        self._figures.setText(figures)
        self._figures.setVisible(bool(figures))
        self._open.setVisible(bead is not None)
        self._report.hide()
        table = _fact_table(facts)
        self._place.replaceWidget(self._facts, table)
        self._facts.deleteLater()
        self._facts = table
        self._text.setVisible(bool(text))
        self._fallback.setVisible(not text)
        self._text.setPlainText(show_hidden(text))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        painter.fillRect(QRectF(0, 0, 1, self.height()), theme.color("border.subtle"))


class _Head(QWidget):
    """Glyph, words and time."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self._right = ""
        self.setFixedHeight(26)

    def show_words(self, glyph: str, color: str, words: str, right: str) -> None:
        title = Piece(text=words, role="title", gap=8)
        self._pieces = [Piece(glyph=glyph, color=color, size=14), title] if glyph else [title]
        self._right = right
        self.setAccessibleName(f"{words}, {right}" if right else words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        right = Piece(text=self._right, color="text.tertiary")
        room = QRectF(self.rect()).adjusted(0, 0, -right.width - 8, 0)
        draw_cut(painter, self._pieces, room)
        draw_cut(painter, [right], QRectF(self.rect()), right=True)


def _fact_table(facts: tuple[tuple[str, str], ...]) -> QWidget:
    made = QWidget()
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(6)
    grid.setColumnMinimumWidth(0, 92)
    grid.setColumnStretch(1, 1)
    for row, (name, value) in enumerate(facts):
        grid.addWidget(PlainLabel(name, "small", "tertiary"), row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Paragraph(value, "small", "text.primary"), row, 1)
    return made
