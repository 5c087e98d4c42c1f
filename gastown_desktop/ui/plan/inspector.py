"""All fields of the selected bead, what it waits for and what it holds up."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.bead import WAITING_KINDS, Bead, Dependency
from gastown_desktop.core.card import Card
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.waves import Overlap, holds_up, waits_for
from gastown_desktop.core.wording import show_held, show_model, show_money
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.chips import Tag
from gastown_desktop.ui.widgets.labels import ElidedLabel, Hairline, Paragraph, PlainLabel

WIDTH = 256
_MOST_FILES = 40
_PRIORITIES = ("0, most urgent", "1, urgent", "2, normal", "3, low", "4, lowest")


class PlanInspector(QWidget):
    """The right pane of the plan."""

    fleet_wanted = Signal(str)

    def __init__(self, view: TownView, parent: QWidget | None = None) -> None:
        """Starts with nothing selected."""
        super().__init__(parent)
        self._view = view
        self._bead: BeadId | None = None
        self._told: object = None
        self.setFixedWidth(WIDTH)
        self._id = PlainLabel("", "id", "secondary")
        self._open = Button("Open in fleet", icon="ui_fleet", small=True)
        self._open.clicked.connect(lambda: self._bead is not None and self.fleet_wanted.emit(self._bead))
        head = QHBoxLayout()
        head.setContentsMargins(15, 0, 12, 0)
        head.addWidget(self._id)
        head.addStretch(1)
        head.addWidget(self._open)
        top = QWidget()
        top.setFixedHeight(40)
        top.setLayout(head)
        self._scroll = QScrollArea()
        self._scroll.setAccessibleName("What the selected bead is")
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setStyleSheet(
            "QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; }"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(Hairline())
        column.addWidget(self._scroll, 1)
        self.show_bead(None, ())

    def show_bead(self, bead: BeadId | None, overlaps: Sequence[Overlap]) -> None:
        """Shows a bead as it is now.

        Args:
            bead: which one; None for none.
            overlaps: pairs of beads that may collide.
        """
        self._bead = bead
        state = self._view.projection_of(bead) if bead is not None else None
        self._open.setVisible(state is not None)
        self._id.setText(bead if state is not None and bead is not None else "Nothing selected")
        if state is None or bead is None:
            self._put(QWidget(), None)
            return
        card = self._view.card(bead)
        view = state.beads[bead]
        told = (view, card, tuple(state.dependencies), tuple(overlaps))
        if told != self._told:
            own = [one for one in overlaps if bead in (one.one, one.other)]
            self._put(_fields(state, view.bead, card, own), told)

    def _put(self, content: QWidget, told: object) -> None:
        at = self._scroll.verticalScrollBar().value()
        self._told = told
        self._scroll.setWidget(content)
        self._scroll.verticalScrollBar().setValue(at)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.window"))
        painter.fillRect(QRectF(0, 0, 1, self.height()), theme.color("border.subtle"))


def _fields(state: Projection, bead: Bead, card: Card | None, overlaps: Sequence[Overlap]) -> QWidget:
    """Everything about a bead, from top to bottom."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(14, 12, 14, 16)
    column.setSpacing(8)
    column.addWidget(Paragraph(bead.title, "body", "text.primary", weight=600))
    if bead.description.strip():
        column.addWidget(Paragraph(bead.description.strip(), "small", "text.secondary"))
    column.addWidget(Hairline())
    column.addLayout(_table(bead, card))
    _add_beads(column, "Waits for", state, [(one, one.on) for one in waits_for(state, bead.id)])
    _add_beads(column, "Holds up", state, [(one, one.bead) for one in holds_up(state, bead.id)])
    if bead.files:
        column.addWidget(Hairline())
        column.addWidget(_title("Expected files"))
        for path in bead.files[:_MOST_FILES]:
            column.addWidget(ElidedLabel(path, "id", "text.primary", middle=True))
        if len(bead.files) > _MOST_FILES:
            column.addWidget(PlainLabel(f"and {len(bead.files) - _MOST_FILES} more", "caption", "tertiary"))
    for one in overlaps:
        other = one.other if one.one == bead.id else one.one
        text = f"May collide with {other} in {', '.join(one.files[:3])}"
        column.addWidget(Paragraph(text, "small", "state.conflict"))
    column.addStretch(1)
    return made


def _table(bead: Bead, card: Card | None) -> QGridLayout:
    """The short fields, name at the left."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(8)
    grid.setColumnMinimumWidth(0, 68)
    grid.setColumnStretch(1, 1)
    if card is not None:
        _row(grid, "State", Tag(card.state))
    if bead.acceptance.strip():
        _row(grid, "Acceptance", Paragraph(bead.acceptance.strip(), "small", "text.primary"))
    model = card.model if card is not None and card.model else bead.model
    texts = [
        ("Type", bead.kind),
        ("Size", bead.size),
        ("Priority", _PRIORITIES[bead.priority]),
        ("Model", show_model(model) if model else "the fleet's"),
        ("Labels", ", ".join(bead.labels)),
    ]
    if card is not None:
        texts += [("Worker", card.worker or "nobody yet"), ("Cost", _cost(card))]
        if card.likely is not None:
            texts.append(("Forecast", f"{show_money(card.likely)}, P90 {show_money(card.at_most)}"))
    for name, text in texts:
        if text:
            _row(grid, name, Paragraph(text, "small", "text.primary"))
    return grid


def _cost(card: Card) -> str:
    held = f" {show_held(card.held)} held" if card.held else ""
    return show_money(card.cost) + held


def _row(grid: QGridLayout, name: str, value: QWidget) -> None:
    row = grid.rowCount()
    grid.addWidget(PlainLabel(name, "small", "tertiary"), row, 0, Qt.AlignmentFlag.AlignTop)
    side = Qt.AlignmentFlag.AlignLeft if isinstance(value, Tag) else Qt.AlignmentFlag(0)
    grid.addWidget(value, row, 1, side)


def _title(text: str) -> PlainLabel:
    return PlainLabel(text, "small", "secondary", weight=600)


def _add_beads(
    column: QVBoxLayout, title: str, state: Projection, beads: Sequence[tuple[Dependency, BeadId]]
) -> None:
    if not beads:
        return
    column.addWidget(Hairline())
    column.addWidget(_title(title))
    for dependency, bead in beads:
        view = state.beads.get(bead)
        kind = "" if dependency.kind in WAITING_KINDS else f" ({dependency.kind})"
        text = f"{bead}  {view.bead.title if view is not None else ''}{kind}"
        column.addWidget(ElidedLabel(text, "small", "text.primary"))
