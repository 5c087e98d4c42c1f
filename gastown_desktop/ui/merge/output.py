"""What a round of the gates said: its gates, and the end of the output of the one that was red."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from gastown_desktop.core.card import Glance
from gastown_desktop.core.gate_rounds import Round, usual_seconds
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import show_hidden, show_percent, show_stopwatch, show_took
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import ElidedLabel, Hairline, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece, draw_piece
from gastown_desktop.ui.widgets.rows_table import draw_cut

WIDTH = 372
_PURPOSES = {
    "base": "the base, before anything is merged",
    "sabotage": "a broken source, to see whether it is noticed",
    "landing": "what would land",
}


class GateOutput(QWidget):
    """The right pane of the merge page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Starts empty."""
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self._title = PlainLabel("", "strong")
        self._about = ElidedLabel("", "small", "text.tertiary")
        self._gates = _GateLine()
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setAcceptDrops(False)
        self._text.setFont(font("id"))
        self._text.setMaximumBlockCount(5_000)
        self._text.setAccessibleName("Output of the gate")
        self._text.setViewportMargins(6, 6, 6, 0)
        self._progress = _Progress()
        head = QHBoxLayout()
        head.setContentsMargins(14, 12, 14, 0)
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addWidget(self._about, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._gates)
        column.addWidget(Hairline())
        column.addWidget(self._text, 1)
        column.addWidget(self._progress)

    def show_nothing(self) -> None:
        """No gate ran yet."""
        self._title.setText("No gate ran yet")
        self._about.setText("")
        self._gates.show_pieces([])
        self._set_text("")
        self._progress.hide()

    def show_round(self, states: Sequence[Projection], one: Round) -> None:
        """Shows a round that has ended."""
        self._title.setText(f"Gate run {one.number}")
        self._about.setText(_PURPOSES.get(one.purpose) or _whose(states, one.beads))
        pieces: list[Piece] = []
        for answer in one.answers:
            glyph, color = ("landed", "state.landed") if answer.green else ("failed", "state.failed")
            took = "known" if answer.cached else show_took(answer.seconds)
            pieces += _gate_pieces(glyph, color, answer.gate, took, first=not pieces)
        self._gates.show_pieces(pieces)
        said = "Nothing is kept of the output of a gate that was green." if one.green else one.tail
        self._set_text(said or "It printed nothing.")
        self._progress.hide()

    def show_running(
        self,
        states: Sequence[Projection],
        rounds: Sequence[Round],
        number: int,
        glance: Glance,
        now: datetime,
    ) -> None:
        """Shows the gate that runs now."""
        gate, since = glance.gate, glance.gate_since
        assert gate is not None
        elapsed = (now - since).total_seconds() if since is not None else 0.0
        usual = usual_seconds(rounds, gate.gate)
        self._title.setText(f"Gate run {number}")
        self._about.setText(_whose(states, gate.beads) or "the base, before anything is merged")
        took = show_stopwatch(elapsed) + (f" of {show_took(usual)}" if usual else "")
        self._gates.show_pieces(_gate_pieces("working", "state.working", gate.gate, took, first=True))
        self._set_text(f"{gate.gate} is running. What a red gate printed is shown here once it ended.")
        self._progress.setVisible(usual is not None)
        if usual:
            self._progress.show_share(min(1.0, elapsed / usual), max(0.0, usual - elapsed))

    @property
    def text(self) -> str:
        """What the output shows."""
        return self._text.toPlainText()

    def _set_text(self, text: str) -> None:
        shown = show_hidden(text)
        if shown == self._text.toPlainText():
            return
        self._text.setPlainText(shown)
        bar = self._text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        painter.fillRect(QRectF(0, 0, 1, self.height()), theme.color("border.subtle"))


class _GateLine(QWidget):
    """The gates of a round, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self.setFixedHeight(34)

    def show_pieces(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self.setAccessibleName(" ".join(piece.text for piece in pieces if piece.text))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_cut(QPainter(self), self._pieces, QRectF(14, 2, self.width() - 28, 26))


class _Progress(QWidget):
    """How far the gate is, by what it took before."""

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._words = ""
        self.setFixedHeight(32)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 32)

    def show_share(self, share: float, left_s: float) -> None:
        left = f", about {show_stopwatch(left_s)} left" if left_s else ", longer than usual"
        self._share, self._words = share, f"{show_percent(round(share, 2))}{left}"
        self.setAccessibleName(self._words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(QRectF(0, 0, self.width(), 1), theme.color("border.subtle"))
        painter.fillRect(QRectF(14, 14, 140, 4), theme.color("surface.sunken"))
        painter.fillRect(QRectF(14, 14, 140 * self._share, 4), theme.color("state.merging"))
        draw_piece(painter, Piece(text=self._words, color="text.secondary"), 162, QRectF(self.rect()))


def _gate_pieces(glyph: str, color: str, gate: str, took: str, *, first: bool) -> list[Piece]:
    return [
        Piece(glyph=glyph, color=color, size=12, gap=0 if first else 12),
        Piece(text=gate, weight=600),
        Piece(text=took, color="text.tertiary", gap=5),
    ]


def _whose(states: Sequence[Projection], beads: Sequence[str]) -> str:
    """Workers of the beads under test."""
    views = [state.beads[bead] for state in states for bead in state.beads if bead in beads]
    names = [view.polecat or view.bead.id for view in views]
    return ", ".join(names)
