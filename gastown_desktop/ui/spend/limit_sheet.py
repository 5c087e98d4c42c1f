"""The sheet at the limit: what is safe, and the three ways on. Closing it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import Card, card_of
from gastown_desktop.core.days import Day
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import LimitKind, limit_kind
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import plural, show_clock, show_money
from gastown_desktop.ui.limit_names import reached_words
from gastown_desktop.ui.spend.amounts import AmountField, next_limit
from gastown_desktop.ui.spend.gauge import Gauge, Legend, MoneyStanding
from gastown_desktop.ui.standing import limit_need
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
_RAISE: Mapping[LimitKind, str] = {
    "convoy": "Raise the limit",
    "day": "Raise the limit of a day",
    "town": "Raise the limit of everything",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFacts:
    """What is known when a limit is reached; amounts are nano-dollars."""

    convoy: ConvoyId
    """Which convoy it stopped."""
    at: datetime | None
    kind: LimitKind = "convoy"
    """Whose limit it is, and so which one is raised."""
    over: Day | None = None
    """The day whose limit it is, where another one has begun since."""
    standing: MoneyStanding
    paused: int
    """Workers that wait for money."""
    finished: int
    """Branches that are handed in and not merged."""
    rest: tuple[int, int] | None = None
    """What the open beads likely take and at most; None without a forecast for all of them."""


def limit_facts(view: TownView, state: Projection, now: datetime) -> LimitFacts:
    """What the sheet says of a convoy, and of the limit that stopped it.

    Histories that do not say which limit it was are taken to mean the convoy's own. Where all convoys have
    one meter together, all that are not landed are counted.

    Args:
        view: what is known.
        state: the convoy.
        now: the time.
    """
    need = limit_need(state)
    own = f"convoy:{state.convoy}"
    scope = need.scope if need is not None and need.scope else own
    kind, day = limit_kind(scope), Day.of(scope)
    meter = view.glance.meters.get(scope)
    states = [state]
    if meter is None and scope == own and (meter := view.meter()) is not None:
        states = [one for one in view.convoys.values() if one.stage != "landed"]
    known_cap = need.cap if need is not None and need.cap is not None else state.caps.get(scope)
    standing = MoneyStanding(cap=known_cap) if meter is None else MoneyStanding.of(meter)
    cards = [
        card for one in states for bead in one.beads if (card := card_of(one, view.glance, bead)) is not None
    ]
    return LimitFacts(
        convoy=state.convoy,
        kind=kind,
        over=day if day is not None and day.is_over(now.astimezone()) else None,
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
        super().__init__(host, width=640)
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
        self._raise_title = PlainLabel("", "body", weight=500)
        self._stay_words = _Line()
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

    @property
    def facts(self) -> LimitFacts:
        """What it says."""
        return self._facts

    def set_facts(self, facts: LimitFacts) -> None:
        """Says how things stand now; what is typed stays."""
        self._facts = facts
        standing = facts.standing
        title = reached_words(facts.kind, facts.over)
        self.setAccessibleName(title)
        self._title.set_words(title)
        self._title.set_time("" if facts.at is None else show_clock(facts.at, self._zone))
        self._raise_title.setText(_RAISE[facts.kind])
        self._stay_words.set_pieces([Piece(text=_staying(facts), color="text.secondary")])
        self._lead.setText(_lead(facts))
        self._gauge.set_standing(standing)
        self._legend.set_standing(standing)
        self._note.setText(_why(facts))
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
        stay = PlainLabel("Stay paused", "body", weight=500)
        finish = PlainLabel("Finish merges only", "body", weight=500)
        self._add_row(stay, self._stay_words, self.stay)
        self._add_row(self._raise_title, self._raise_words, self.amount, self.raise_button)
        self._add_row(finish, self._finish_words, self.finish)

    def _add_row(self, title: QWidget, words: QWidget, *controls: QWidget) -> None:
        row = QWidget()
        row.setFixedHeight(_ROW)
        across = QHBoxLayout(row)
        across.setContentsMargins(_EDGE - 1, 0, _EDGE - 1, 0)
        across.setSpacing(12)
        said = QVBoxLayout()
        said.setContentsMargins(0, 14, 0, 10)
        said.setSpacing(1)
        said.addWidget(title)
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


def _why(facts: LimitFacts) -> str:
    """Why nothing went on, and what the limit counts where it is not the convoy's own."""
    if facts.over is not None:
        return "That day is over. Resume goes on under the limit of the day that it is now."
    words = f"What waits could cost more than the {show_money(facts.standing.free or 0)} that is free"
    if facts.kind == "convoy":
        return f"{words}, so it does not fit."
    counted = "today’s work" if facts.kind == "day" else "all work"
    return f"It counts {counted} in every repository. {words}."


def _staying(facts: LimitFacts) -> str:
    if facts.kind == "day" and facts.over is None:
        return "Nothing more is spent, not tomorrow either, until you go on."
    return "Nothing more is spent. Continue whenever you like."


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
        self._words = PlainLabel("", "heading")
        row.addWidget(self._words, 1)
        self._time = PlainLabel("", "small", "tertiary")
        row.addWidget(self._time)

    def set_words(self, text: str) -> None:
        self._words.setText(text)

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
