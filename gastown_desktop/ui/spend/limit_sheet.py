"""The sheet at the limit: what is safe, and the three ways on. Closing it decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import Card, card_of
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import plural, show_clock, show_money
from gastown_desktop.ui.spend.amounts import AmountField, next_limit
from gastown_desktop.ui.spend.gauge import Gauge, Legend, MoneyStanding
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece, draw_row
from gastown_desktop.ui.widgets.sheets import BAND, Sheet

_FROM_LEFT = 184
"""Pixels at the left of the sheet, where groups and the first cards stay readable."""
_BUTTON = 148
_ROW = 59
_EDGE = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFacts:
    """What is known when the limit is reached; amounts are nano-dollars."""

    at: datetime | None
    standing: MoneyStanding
    paused: int
    """Workers that wait for money."""
    finished: int
    """Branches that are handed in and not merged."""
    rest: tuple[int, int] | None = None
    """What the open beads likely take and at most; None without a forecast for all of them."""


def limit_facts(view: TownView, state: Projection) -> LimitFacts:
    """What the sheet says of a convoy; of all that are not landed where the limit is the town's."""
    need = next((one for one in state.needs_you.values() if one.about == "limit"), None)
    meter = view.meter()
    states = [state]
    standing = MoneyStanding(cap=state.caps.get(f"convoy:{state.convoy}"))
    if meter is not None:
        if not meter.scope.startswith("convoy:"):
            states = [one for one in view.convoys.values() if one.stage != "landed"]
        standing = MoneyStanding.of(meter)
    cards = [
        card for one in states for bead in one.beads if (card := card_of(one, view.glance, bead)) is not None
    ]
    return LimitFacts(
        at=need.at if need is not None else None,
        standing=standing,
        paused=sum(card.state == "paused_budget" for card in cards),
        finished=sum(one.beads[bead].status == "submitted" for one in states for bead in one.works()),
        rest=_rest([card for card in cards if card.state not in {"landed", "merging"}]),
    )


def _rest(cards: list[Card]) -> tuple[int, int] | None:
    """What beads likely take and at most, beyond what they cost; None where one has no forecast."""
    likely, at_most = 0, 0
    for card in cards:
        if card.likely is None or card.at_most is None:
            return None
        likely += max(0, card.likely - card.cost)
        at_most += max(0, card.at_most - card.cost)
    return (likely, at_most) if cards else None


class LimitSheet(Sheet):
    """Not modal: the page behind stays live. Enter stays paused, Esc closes without deciding."""

    stay_paused = Signal()
    raise_to = Signal(object)
    """The new limit in nano-dollars (int; a Qt integer would be too small for it)."""
    finish_merges = Signal()

    def __init__(self, host: QWidget, facts: LimitFacts, zone: tzinfo | None = None) -> None:
        """Makes the sheet.

        Args:
            host: what it lies over.
            facts: what it says.
            zone: where the user is; None for the system's.
        """
        super().__init__(host, width=640, name="Spending limit reached")
        self._host = host
        self._zone = zone
        self._facts = facts
        self._title = _Title()
        self._lead = Paragraph()
        self._gauge = Gauge(thickness=20, scale=False, ground="money.free")
        self._legend = Legend()
        self._note = Paragraph("", "small", "text.tertiary")
        self.stay = Button("Stay paused", "primary", key="Enter")
        self.amount = AmountField("New limit in dollars")
        self.raise_button = Button("Raise limit…")
        self.finish = Button("Finish merges only")
        self._raise_words = _Line()
        self._finish_words = _Line()
        self.primary = self.stay
        self._lay_out()
        self.stay.clicked.connect(self._stay)
        self.amount.textChanged.connect(self._explain)
        self.amount.returnPressed.connect(self.raise_button.click)
        self.raise_button.clicked.connect(self._raise)
        self.finish.clicked.connect(self.finish_merges)
        self.amount.set_amount(next_limit(facts.standing.cap))
        self.set_facts(facts)

    def set_facts(self, facts: LimitFacts) -> None:
        """Says how things stand now; what is typed stays."""
        self._facts = facts
        standing = facts.standing
        self._title.set_time("" if facts.at is None else show_clock(facts.at, self._zone))
        self._lead.setText(_lead(facts))
        self._gauge.set_standing(standing)
        self._legend.set_standing(standing)
        free = show_money(standing.free or 0)
        self._note.setText(f"What waits could cost more than the {free} that is free, so it does not fit.")
        self._finish_words.set_pieces([Piece(text=_finishing(facts), color="text.secondary")])
        self.finish.setEnabled(facts.finished > 0)
        self._explain()

    def place(self) -> None:
        """Puts it 24 px below the page's head, towards the left."""
        super().place()
        left = max(0, min(_FROM_LEFT - BAND, self._host.width() - self.width()))
        self.move(left, min(40 + 24 - BAND, max(0, self._host.height() - self.height())))

    def _stay(self) -> None:
        self.stay_paused.emit()
        self.close_sheet()

    def _raise(self) -> None:
        amount = self.amount.amount()
        if amount is not None:
            self.raise_to.emit(amount)

    def _explain(self) -> None:
        """Says old → new as one types; only more than what is used, and than the limit, raises it."""
        standing, amount = self._facts.standing, self.amount.amount()
        enough = amount is not None and amount > max(standing.used, standing.cap or 0)
        self.raise_button.setEnabled(enough)
        old = "no limit" if standing.cap is None else show_money(standing.cap)
        pieces = [Piece(text=f"{old} →", color="text.secondary")]
        pieces.append(
            Piece(text="an amount in dollars", color="text.secondary", gap=3)
            if amount is None
            else Piece(text=show_money(amount), weight=600, gap=3)
        )
        if amount is not None:
            pieces.append(Piece(text=".", color="text.secondary", gap=0))
        if not enough and amount is not None:
            text = f"It has to be more than {show_money(max(standing.used, standing.cap or 0))}."
            pieces.append(Piece(text=text, color="text.secondary", gap=5))
        elif self._facts.rest is not None:
            likely, at_most = self._facts.rest
            text = f"The rest: likely {show_money(likely)} to {show_money(at_most)}."
            pieces.append(Piece(text=text, color="text.secondary", gap=5))
        self._raise_words.set_pieces(pieces)

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(_EDGE - 1, 16, _EDGE - 1, 14)
        head.setSpacing(0)
        for widget, below in (
            (self._title, 7),
            (self._lead, 13),
            (self._gauge, 7),
            (self._legend, 6),
            (self._note, 0),
        ):
            head.addWidget(widget)
            head.addSpacing(below)
        self.body.addLayout(head)
        stay = _Line(
            [Piece(text="Nothing more is spent. Continue whenever you like.", color="text.secondary")]
        )
        self._add_row("Stay paused", stay, self.stay)
        self._add_row("Raise the limit", self._raise_words, self.amount, self.raise_button)
        self._add_row("Finish merges only", self._finish_words, self.finish)

    def _add_row(self, title: str, words: QWidget, *controls: QWidget) -> None:
        row = QWidget()
        row.setFixedHeight(_ROW)
        across = QHBoxLayout(row)
        across.setContentsMargins(_EDGE - 1, 0, _EDGE - 1, 0)
        across.setSpacing(12)
        said = QVBoxLayout()
        said.setContentsMargins(0, 14, 0, 10)
        said.setSpacing(1)
        said.addWidget(PlainLabel(title, "body", weight=500))
        said.addWidget(words)
        across.addLayout(said, 1)
        for control in controls:
            if isinstance(control, Button):
                control.setFixedWidth(_BUTTON)
            across.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)
        self.body.addWidget(Hairline(color="border.default"))
        self.body.addWidget(row)


def _lead(facts: LimitFacts) -> str:
    cap = facts.standing.cap
    passed = "" if cap is None else f" No request could have passed {show_money(cap)}."
    if not facts.paused:
        return f"Nobody works any more, and all work is committed.{passed}"
    who = f"{plural(facts.paused, 'worker')} {'is' if facts.paused == 1 else 'are'} paused"
    return f"{who} and {'its' if facts.paused == 1 else 'their'} work is committed.{passed}"


def _finishing(facts: LimitFacts) -> str:
    if not facts.finished:
        return "No finished branch waits, so there is nothing to land."
    branches = plural(facts.finished, "finished branch", "finished branches")
    kept = facts.standing.kept
    with_what = f" with the {show_money(kept)} kept for it" if kept else ""
    return f"Lands the {branches}{with_what}. Gates cost nothing."


class _Title(QWidget):
    """The glyph, the heading and the time."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(26)
        row = QHBoxLayout(self)
        row.setContentsMargins(30, 0, 0, 0)
        row.addWidget(PlainLabel("Spending limit reached", "heading"), 1)
        self._time = PlainLabel("", "small", "tertiary")
        row.addWidget(self._time)

    def set_time(self, text: str) -> None:
        self._time.setText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        color = theme.color("state.paused_budget")
        draw_glyph(QPainter(self), "paused_budget", color, QRectF(0, 3, 20, 20))


class _Line(QWidget):
    """One line of texts in several weights."""

    def __init__(self, pieces: list[Piece] | None = None) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self.setFixedHeight(16)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_pieces(pieces or [])

    def set_pieces(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self.setAccessibleName(" ".join(piece.text for piece in pieces))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_row(QPainter(self), self._pieces, QRectF(self.rect()))
