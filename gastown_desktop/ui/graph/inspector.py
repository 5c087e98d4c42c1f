"""What is selected in the branch graph, and what else wants to be looked at."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import Card, group_of
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.wording import plural, show_clock, show_lines, show_model, show_money
from gastown_desktop.ui.theme.glyphs import glyph_of, state_token
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece, draw_row
from gastown_desktop.ui.widgets.rows_table import draw_cut

WIDTH = 276
_MOST_FILES = 8
_MOST_OTHERS = 6


class GraphInspector(QWidget):
    """The right pane of the graph."""

    fleet_wanted = Signal(str)
    """The user wants to see this bead in the fleet."""

    def __init__(self, view: TownView, parent: QWidget | None = None) -> None:
        """Starts with nothing selected."""
        super().__init__(parent)
        self._view = view
        self._bead: BeadId | None = None
        self.setFixedWidth(WIDTH)
        self._head = _Head()
        self._bead_line = _PiecesLine(22)
        self._figures = Paragraph("", "small", "text.secondary")
        self._action = Paragraph("", "small", "text.secondary")
        self._files_title = PlainLabel("Files it expects to touch", "small", "secondary", weight=600)
        self._files = [ElidedLabel("", "id", "text.secondary", middle=True) for _ in range(_MOST_FILES)]
        self._more_files = PlainLabel("", "caption", "tertiary")
        self._open = Button("Open in fleet", icon="ui_fleet")
        self._open.clicked.connect(lambda: self._bead is not None and self.fleet_wanted.emit(self._bead))
        self._others_title = PlainLabel("Also here", "small", "secondary", weight=600)
        self._others = [_PiecesLine(26) for _ in range(_MOST_OTHERS)]
        column = QVBoxLayout(self)
        column.setContentsMargins(15, 8, 14, 14)
        column.setSpacing(6)
        for part in (self._head, self._bead_line, self._figures, self._action, self._files_title):
            column.addWidget(part)
        for label in self._files:
            column.addWidget(label)
        column.addWidget(self._more_files)
        row = QHBoxLayout()
        row.setContentsMargins(0, 6, 0, 6)
        row.addWidget(self._open, 0, Qt.AlignmentFlag.AlignLeft)
        row.addStretch(1)
        column.addLayout(row)
        self._rule = Hairline()
        column.addWidget(self._rule)
        column.addWidget(self._others_title)
        for other in self._others:
            column.addWidget(other)
        column.addStretch(1)
        self.show_bead(None)

    def show_bead(self, bead: BeadId | None) -> None:
        """Shows a bead as it is now."""
        self._bead = bead
        state = self._view.projection_of(bead) if bead is not None else None
        card = self._view.card(bead) if bead is not None else None
        known = card is not None
        for part in (self._bead_line, self._figures, self._action, self._open):
            part.setVisible(known)
        files = state.beads[bead].bead.files if state is not None and bead is not None else ()
        self._show_files(files if known else ())
        if card is not None:
            self._show_card(card)
        else:
            self._head.show_pieces([Piece(text="Nothing selected", role="title")], "")
        self._show_others()

    @property
    def others(self) -> list[str]:
        """What it says of the beads whose turn it is for the user."""
        return [line.accessibleName() for line in self._others if not line.isHidden()]

    def _show_card(self, card: Card) -> None:
        color = state_token("state", card.state)
        pieces = [
            Piece(glyph=glyph_of(card.state), color=color, size=16),
            Piece(text=card.worker or "No worker yet", role="title", gap=8),
            Piece(text=card.word, role="caption", weight=500, color=color, gap=8),
        ]
        self._head.show_pieces(pieces, show_money(card.cost))
        title = Piece(text=card.title, weight=500)
        self._bead_line.show_pieces([Piece(text=card.bead, role="id", color="text.tertiary"), title])
        parts = [show_lines(card.added, card.removed), plural(card.files, "file")]
        parts += [show_model(card.model)] if card.model else []
        parts += [f"step {card.steps_done} of {card.steps}"] if card.steps else []
        self._figures.setText(", ".join(parts))
        since = f" since {show_clock(card.action_since)}" if card.action_since else ""
        ended = f" at {show_clock(card.ended_at)}" if card.ended_at else ""
        self._action.setText(f"{card.action}{since}{ended}")
        self._action.setVisible(bool(card.action))

    def _show_files(self, files: tuple[str, ...]) -> None:
        self._files_title.setVisible(bool(files))
        for place, label in enumerate(self._files):
            label.setVisible(place < len(files))
            label.setText(files[place] if place < len(files) else "")
        more = len(files) - _MOST_FILES
        self._more_files.setVisible(more > 0)
        self._more_files.setText(f"and {more} more")

    def _show_others(self) -> None:
        """Beads whose turn it is for the user."""
        cards = self._view.cards(self._view.at_hand())
        theirs = [card for card in cards if group_of(card.state) == "Your turn" and card.bead != self._bead]
        self._others_title.setVisible(bool(theirs))
        self._rule.setVisible(bool(theirs))
        for place, line in enumerate(self._others):
            line.setVisible(place < len(theirs))
            if place < len(theirs):
                line.show_pieces(_other(theirs[place]))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.window"))
        painter.fillRect(QRectF(0, 0, 1, self.height()), theme.color("border.subtle"))


class _PiecesLine(QWidget):
    """One line of pieces, cut at the right."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self.setFixedHeight(height)

    def show_pieces(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self.setAccessibleName(" ".join(piece.text for piece in pieces if piece.text))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_cut(QPainter(self), self._pieces, QRectF(self.rect()))


class _Head(QWidget):
    """Who it is, and what it cost."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self._right = ""
        self.setFixedHeight(28)

    def show_pieces(self, pieces: list[Piece], right: str) -> None:
        self._pieces, self._right = pieces, right
        self.setAccessibleName(" ".join([*(piece.text for piece in pieces if piece.text), right]))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        cost = Piece(text=self._right, weight=600)
        room = QRectF(self.rect()).adjusted(0, 0, -cost.width - 8, 0)
        draw_cut(painter, self._pieces, room)
        draw_row(painter, [cost], QRectF(self.width() - cost.width, 0, cost.width, self.height()))


def _other(card: Card) -> list[Piece]:
    color = state_token("state", card.state)
    who = card.worker or card.bead
    words = f"{who}, {card.action}" if card.action else f"{who}, {card.word}"
    return [Piece(glyph=glyph_of(card.state), color=color, size=12), Piece(text=words)]
