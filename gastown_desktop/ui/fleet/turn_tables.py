"""Steps, Hook and Cost: three small tables of one transcript."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.core.wording import show_clock, show_hidden, show_money, show_tokens
from gastown_desktop.engine.api import SpokenTurn, Transcript
from gastown_desktop.ui.widgets.labels import PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece
from gastown_desktop.ui.widgets.rows_table import RowsTable


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a worker's plan."""

    number: int
    text: str
    done: bool


class StepsTable(QWidget):
    """The plan, with ticks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        columns = (Column[Step]("Step", lambda one: one.text),)
        self.model = RowsModel[Step](columns, lambda one: one.number, _spoken_step, self)
        self.table = RowsTable(self.model, _step_pieces, name="Steps of the plan", widths=(200,), stretch=0)
        self.table.horizontalHeader().hide()
        self.words = _filled(self, self.table)

    def show_transcript(self, told: Transcript) -> None:
        """Shows its plan."""
        steps = [
            Step(number, show_hidden(text), done) for number, (text, done) in enumerate(told.steps, start=1)
        ]
        self.model.set_values(steps)
        done = sum(step.done for step in steps)
        self.words.setText(f"{done} of {len(steps)} steps done" if steps else "There is no plan yet.")


class HookTable(QWidget):
    """The turns that are kept, each with the tree of the worker's copy after it; newest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        columns = (
            Column[SpokenTurn]("Turn", lambda one: f"Turn {one.number}"),
            Column[SpokenTurn]("Time", lambda one: show_clock(one.at)),
            Column[SpokenTurn]("Copy", lambda one: str(one.tree or "")[:10] or "unchanged"),
            Column[SpokenTurn]("Request", lambda one: one.request_id),
        )
        self.model = RowsModel[SpokenTurn](columns, lambda one: one.number, _spoken_turn, self)
        widths = (84, 64, 112, 90)
        self.table = RowsTable(self.model, _hook_pieces, name="Kept turns", widths=widths, stretch=3)
        self.words = _filled(self, self.table)

    def show_transcript(self, told: Transcript) -> None:
        """Shows its turns."""
        self.model.set_values(reversed(told.turns))
        words = "Every turn is kept: nothing is lost when a worker stops."
        self.words.setText(words if told.turns else "No turn has ended yet.")


class CostTable(QWidget):
    """What each turn cost; newest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Is empty."""
        super().__init__(parent)
        columns = (
            Column[SpokenTurn]("Turn", lambda one: f"Turn {one.number}"),
            Column[SpokenTurn]("Read", lambda one: show_tokens(one.prompt_tokens), right=True),
            Column[SpokenTurn]("Written", lambda one: show_tokens(one.output_tokens), right=True),
            Column[SpokenTurn]("Cost", lambda one: show_money(one.cost), right=True),
        )
        self.model = RowsModel[SpokenTurn](columns, lambda one: one.number, _spoken_cost, self)
        widths = (84, 90, 80, 80)
        self.table = RowsTable(self.model, _cost_pieces, name="Cost by turn", widths=widths, stretch=0)
        self.words = _filled(self, self.table)

    def show_transcript(self, told: Transcript) -> None:
        """Shows what its turns cost."""
        self.model.set_values(reversed(told.turns))
        total = sum(turn.cost for turn in told.turns)
        words = f"{show_money(total)} in the turns of this attempt, at list price"
        self.words.setText(words if told.turns else "Nothing is spent yet.")


def _filled(host: QWidget, table: RowsTable) -> PlainLabel:
    """Puts a line of words above a table."""
    words = PlainLabel("", "small", "secondary")
    words.setContentsMargins(12, 8, 12, 6)
    column = QVBoxLayout(host)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(words)
    column.addWidget(table, 1)
    return words


def _step_pieces(value: Step, _column: int) -> list[Piece]:
    glyph, color = ("ui_check", "state.landed") if value.done else ("queued", "text.tertiary")
    tone = "text.secondary" if value.done else "text.primary"
    return [Piece(glyph=glyph, color=color), Piece(text=value.text, color=tone, gap=8)]


def _hook_pieces(value: SpokenTurn, column: int) -> list[Piece]:
    if column == 0:
        return [Piece(text=f"Turn {value.number}", weight=500)]
    if column == 1:
        return [Piece(text=show_clock(value.at), color="text.secondary")]
    if column == 2:
        text = str(value.tree)[:10] if value.tree else "unchanged"
        return [Piece(text=text, role="id" if value.tree else "caption", color="text.secondary")]
    return [Piece(text=show_hidden(value.request_id), role="id", color="text.tertiary")]


def _cost_pieces(value: SpokenTurn, column: int) -> list[Piece]:
    if column == 0:
        clock = Piece(text=show_clock(value.at), color="text.tertiary", gap=8)
        return [Piece(text=f"Turn {value.number}", weight=500), clock]
    if column == 3:
        return [Piece(text=show_money(value.cost), weight=500)]
    tokens = value.prompt_tokens if column == 1 else value.output_tokens
    return [Piece(text=show_tokens(tokens), color="text.secondary")]


def _spoken_step(value: Step) -> str:
    return f"Step {value.number}, {'done' if value.done else 'to do'}, {value.text}"


def _spoken_turn(value: SpokenTurn) -> str:
    return f"Turn {value.number}, {show_clock(value.at)}, copy {str(value.tree or 'unchanged')[:10]}"


def _spoken_cost(value: SpokenTurn) -> str:
    return f"Turn {value.number}, {show_money(value.cost)}"
