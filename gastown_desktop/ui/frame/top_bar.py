"""The top bar: which repository, what the fleet does, what needs the user, what it costs."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from gastown_desktop.core.card import WORDS, State
from gastown_desktop.ui.frame.rail import ICONS, OPEN
from gastown_desktop.ui.theme.glyphs import draw_mark, glyph_of, state_token
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button, MenuButton
from gastown_desktop.ui.widgets.meter import Figures, Meter
from gastown_desktop.ui.widgets.pieces import Piece, draw_row, row_width

HEIGHT = 44
_NARROW_BELOW = 1100
"""Window width in pixels below which the meter is short."""

Loudness = Literal["filled", "outlined", "quiet"]


class _Mark(QWidget):
    """The mark, centred over the icons or with the name over the open rail."""

    def __init__(self) -> None:
        super().__init__()
        self._open = True
        self.setAccessibleName("Gas Town")
        self.set_open(is_open=True)

    def set_open(self, *, is_open: bool) -> None:
        self._open = is_open
        self.setFixedSize(OPEN if is_open else ICONS + 4, HEIGHT - 1)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left = 14 if self._open else 17
        draw_mark(painter, QRectF(left, 11, 22, 22))
        if self._open:
            draw_row(painter, [Piece(text="Gas Town", role="strong")], QRectF(46, 0, 150, HEIGHT))


class _RigButton(MenuButton):
    """`harbor on main`."""

    def __init__(self) -> None:
        super().__init__("Open repository", icon="ui_folder")
        self._rig = ("", "")

    def set_rig(self, name: str, branch: str) -> None:
        self._rig = (name, branch)
        words = f"{name} on {branch}" if branch else name
        self.set_words(words or "Open repository")
        self.setAccessibleName(f"Repository {words}" if words else "Open repository")
        self.setToolTip("")

    def pieces(self) -> list[Piece]:
        name, branch = self._rig
        if not name:
            return super().pieces()
        made = [Piece(glyph="ui_folder", size=13), Piece(text=_short(name, 24), weight=600)]
        if branch:
            made.append(Piece(text="on", color="text.secondary"))
            made.append(Piece(text=_short(branch, 24), role="code"))
        return [*made, Piece(glyph="ui_chevron", gap=7)]


class _Words(QWidget):
    """Pieces in a row that is as wide as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_pieces(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self.setAccessibleName(" ".join(piece.text for piece in pieces if piece.text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(row_width(self._pieces)), 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_row(QPainter(self), self._pieces, QRectF(self.rect()))


class _NeedsButton(Button):
    """`Needs you 6`: filled, outlined beside another orange button, quiet with none."""

    def __init__(self) -> None:
        super().__init__("Needs you", "primary", small=True)
        self._count = 0

    def set_needs(self, count: int, loudness: Loudness) -> None:
        self._count = count
        kinds = {"filled": "primary", "outlined": "outlined", "quiet": "quiet"}
        self.set_kind(kinds[loudness])  # pyright: ignore[reportArgumentType] - the three are kinds
        self.set_words("Needs you" if count else "Nothing needs you")
        self.setAccessibleName(f"Needs you, {count}" if count else "Nothing needs you")

    def pieces(self) -> list[Piece]:
        color = {"primary": "accent.on", "outlined": "accent.text"}.get(self.kind, "text.secondary")
        weight = {"primary": 600, "outlined": 500}.get(self.kind, 400)
        made = [
            Piece(glyph="needs_you", color=color, size=13),
            Piece(text=self.text(), weight=weight, color=color),
        ]
        return [*made, Piece(text=str(self._count), weight=weight, color=color)] if self._count else made


class TopBar(QWidget):
    """44 high. It shows what it is told and says what was pressed."""

    needs_wanted = Signal()
    money_wanted = Signal()
    now_wanted = Signal()
    """Back to now, from a replay."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows that no repository is open."""
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.mark = _Mark()
        self.rig_button = _RigButton()
        self.fleet_button = MenuButton("Pause", icon="ui_pause", acts=True)
        """Its menu (`drop`) and its words are the window's to set."""
        self.needs_button = _NeedsButton()
        self.meter = Meter()
        self.now_button = Button("Back to now", "primary", small=True)
        self._nothing = _Words()
        self._state = _Words()
        self._lay_out()
        self._nothing.set_pieces([Piece(text="No repository open", color="text.tertiary")])
        self.needs_button.clicked.connect(self.needs_wanted)
        self.meter.clicked.connect(self.money_wanted)
        self.now_button.clicked.connect(self.now_wanted)
        self.set_rig("")
        self.set_replay("")
        self.set_state(None, "", "")
        self.set_needs(None)
        self.set_money(None)
        self.fleet_button.hide()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 12, 0)
        row.setSpacing(0)
        left = Qt.AlignmentFlag.AlignVCenter
        row.addWidget(self.mark)
        for widget, gap in (
            (self._nothing, 0),
            (self.rig_button, 12),
            (self._state, 8),
            (self.fleet_button, 0),
            (self.now_button, 0),
        ):
            row.addWidget(widget, 0, left)
            if gap:
                row.addSpacing(gap)
        row.addStretch(1)
        row.addWidget(self.needs_button, 0, left)
        row.addSpacing(12)
        row.addWidget(self.meter, 0, left)

    def set_rail_open(self, *, is_open: bool) -> None:
        """Shows the name beside the mark, or the mark alone."""
        self.mark.set_open(is_open=is_open)

    def set_rig(self, name: str, branch: str = "") -> None:
        """Names the open repository and the branch that work lands on; nothing for none."""
        self._nothing.setVisible(not name)
        self.rig_button.setVisible(bool(name))
        self.rig_button.set_rig(name, branch)

    def set_state(self, state: State | None, figure: str, words: str) -> None:
        """Says what the fleet does.

        Args:
            state: gives the glyph; None for none.
            figure: what changes, in ink: `11`.
            words: the rest: `of 30 running`.
        """
        made: list[Piece] = []
        if state is not None:
            made.append(Piece(glyph=glyph_of(state), color=state_token("state", state), size=10))
        if figure:
            made.append(Piece(text=figure, weight=600, gap=8))
        if words:
            made.append(Piece(text=words, color="text.secondary", gap=3 if figure else 8))
        self._state.set_pieces(made)
        self._state.setVisible(bool(made))
        if state is not None:
            self._state.setToolTip(WORDS[state])

    def set_replay(self, clock: str) -> None:
        """Says that the town is shown as it was at a time, with the way back; nothing for now."""
        self.now_button.setVisible(bool(clock))
        if clock:
            self.fleet_button.hide()
            self._state.set_pieces(
                [Piece(glyph="ui_history", size=14), Piece(text=f"Replaying {clock}", weight=600)]
            )
            self._state.show()

    def set_needs(self, count: int | None, loudness: Loudness = "filled") -> None:
        """Says how many items wait for the user; None where that makes no sense yet."""
        self.needs_button.setVisible(count is not None)
        self.needs_button.set_needs(count or 0, loudness if count else "quiet")

    def set_money(self, figures: Figures | None) -> None:
        """Shows the meter; None takes it away."""
        self.meter.setVisible(figures is not None)
        if figures is not None:
            self.meter.set_figures(figures)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.meter.set_narrow(narrow=self.width() < _NARROW_BELOW)
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.rail"))
        painter.fillRect(QRectF(0, HEIGHT - 1, self.width(), 1), theme.color("border.default"))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
