"""Cards of the fleet, in the order in which they are shown; nothing moves while the pointer is over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.card import STATES, Card, State, sort_key
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.projection import Projection

COLUMNS = (
    Column[Card]("State", lambda card: card.word, sort=lambda card: STATES.index(card.state)),
    Column[Card]("Worker", lambda card: card.worker or ""),
    Column[Card]("Bead", lambda card: card.title),
    Column[Card]("Last action", lambda card: card.action),
    Column[Card]("Steps", lambda card: f"{card.steps_done}/{card.steps}" if card.steps else ""),
    Column[Card]("Lines", lambda card: f"+{card.added} −{card.removed}", right=True),
    Column[Card]("Time", lambda _: "", right=True),
    Column[Card]("Cost, held", lambda _: "", right=True, sort=lambda card: card.cost + card.held),
)
"""Time and money are worded by the delegate, which knows the hour."""


class FleetModel(RowsModel[Card]):
    """Cards of the convoys at hand, and of one more that the user wants to look at."""

    def __init__(self, view: TownView, parent: QObject | None = None) -> None:
        """Shows what the view holds now."""
        super().__init__(COLUMNS, lambda card: card.bead, lambda card: card.spoken, parent)
        self._view = view
        self._held = False
        self._late = False
        self._planned: dict[BeadId, int] = {}
        self._at_hand: list[ConvoyId] = []
        self._looked_at: ConvoyId | None = None
        self.refresh()

    def heed(self, changes: Changes) -> None:
        """Takes a tick's changes: one signal where nothing moved."""
        if changes.convoys or self._at_hand != _names(self._view.at_hand()):
            self.refresh()
            return
        if not changes.beads:
            return
        shown = {*self._at_hand, self._looked_at}
        known = (self._view.card(bead) for bead in changes.beads)
        now = [card for card in known if card is not None and card.convoy in shown]
        self.update_values(now)
        if self._is_out_of_place(changes.beads, now):
            self.refresh()

    def look_at(self, bead: BeadId) -> None:
        """Shows the cards of a bead's convoy as well, until other convoys come to be at hand."""
        state = self._view.projection_of(bead)
        if state is not None and state.convoy not in self._at_hand:
            self._looked_at = state.convoy
            self.refresh()

    @property
    def is_held(self) -> bool:
        """Whether cards stay where they are."""
        return self._held

    def hold_order(self, held: bool) -> None:
        """While held, cards change but none moves; what should have moved does so afterwards."""
        self._held = held
        if not held and self._late:
            self.refresh()

    def refresh(self) -> None:
        """Shows every card at its place."""
        states = self._view.at_hand()
        if self._at_hand != _names(states):
            self._at_hand, self._looked_at = _names(states), None
        looked_at = [self._view.convoys[self._looked_at]] if self._looked_at is not None else []
        cards = self._view.cards([*looked_at, *states])
        self._planned = {card.bead: place for place, card in enumerate(cards)}
        if self._held:
            self._late = True
            cards = self._in_old_order(cards)
        else:
            self._late = False
            cards = sorted(cards, key=self._place)
        self.set_values(cards)

    def counts(self) -> dict[State, int]:
        """How many cards each state has, in the order of the states; states without any are left out."""
        counted = Counter(card.state for card in self.values)
        return {state: counted[state] for state in STATES if counted[state]}

    def _in_old_order(self, cards: Iterable[Card]) -> list[Card]:
        """Known cards where they are, new ones behind them."""
        last = self.rowCount()

        def place(card: Card) -> int:
            row = self.row_of(card.bead)
            return last if row is None else row

        return sorted(cards, key=place)

    def _is_out_of_place(self, touched: set[BeadId], now: list[Card]) -> bool:
        """Whether a touched card came, went, or belongs elsewhere than between its neighbours."""
        shown = {card.bead for card in now}
        for bead in touched:
            row = self.row_of(bead)
            if (row is None) != (bead not in shown):
                return True
            if row is not None and not self._fits(row):
                return True
        return False

    def _fits(self, row: int) -> bool:
        around = self.values[max(0, row - 1) : row + 2]
        places = [self._place(card) for card in around]
        return places == sorted(places)

    def _place(self, card: Card) -> tuple[int, int, int]:
        """Where a card belongs: planning order decides among equals."""
        return *sort_key(card), self._planned[card.bead]


def _names(states: Iterable[Projection]) -> list[ConvoyId]:
    return [state.convoy for state in states]


class ShownCards(QSortFilterProxyModel):
    """The cards that the filter lets through, in the model's order; both views of the page show it."""

    def __init__(self, cards: FleetModel, parent: QObject | None = None) -> None:
        """Lets all through."""
        super().__init__(parent)
        self.cards = cards
        self._states: frozenset[State] = frozenset()
        self._words: tuple[str, ...] = ()
        self.setSourceModel(cards)

    @property
    def states(self) -> frozenset[State]:
        """The states that are let through; none chosen lets all through."""
        return self._states

    def choose(self, *, states: Iterable[State] | None = None, typed: str | None = None) -> None:
        """Chooses what is let through; None leaves that part of the choice as it is.

        Args:
            states: one of these; none for every state.
            typed: words that are all to be found in worker, bead, title, action, model or state.
        """
        self._states = self._states if states is None else frozenset(states)
        self._words = self._words if typed is None else tuple(typed.lower().split())
        self.invalidate()

    def card(self, index: QModelIndex | QPersistentModelIndex) -> Card | None:
        """The card of an index of this model."""
        return self.cards.value(self.mapToSource(index)) if index.isValid() else None

    def shown(self) -> list[Card]:
        """All cards that are let through, in order."""
        values = self.cards.values
        root = QModelIndex()
        rows = (self.mapToSource(self.index(row, 0)).row() for row in range(self.rowCount(root)))
        return [values[row] for row in rows]

    def index_of(self, bead: BeadId, column: int = 0) -> QModelIndex:
        """The index of a bead; an invalid one when it is not let through."""
        index = self.mapFromSource(self.cards.index_of(bead))
        return index.siblingAtColumn(column) if index.isValid() else index

    def filterAcceptsRow(  # noqa: D102, N802 - as Qt has it
        self, source_row: int, source_parent: QModelIndex | QPersistentModelIndex
    ) -> bool:
        card = self.cards.value(self.cards.index(source_row, 0, source_parent))
        return card is not None and self._lets_through(card)

    def _lets_through(self, card: Card) -> bool:
        if self._states and card.state not in self._states:
            return False
        if not self._words:
            return True
        parts = (card.worker or "", card.bead, card.title, card.action, card.model, card.word)
        text = " ".join(parts).lower()
        return all(word in text for word in self._words)
