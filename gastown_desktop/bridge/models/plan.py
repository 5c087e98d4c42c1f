"""The plan as an outline: a row per bead, wave by wave."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import WORDS, State, likely_cost
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.waves import Layout
from gastown_desktop.core.wording import plural, show_model, show_money


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One bead of the plan."""

    bead: BeadId
    wave: int
    title: str
    size: str
    model: str
    files: int
    waits_for: tuple[BeadId, ...]
    state: State
    likely: int | None
    """Forecast, P50, in nano-dollars; None where there is none."""
    cost: int
    critical: bool
    overlaps: bool
    """It expects a file that another bead expects that may run beside it."""

    @property
    def shown_cost(self) -> str:
        """What it cost, else what it likely costs; empty where neither is known."""
        if self.cost:
            return show_money(self.cost)
        return show_money(self.likely) if self.likely is not None else ""

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        waits = f", waits for {', '.join(self.waits_for)}" if self.waits_for else ""
        path = ", on the critical path" if self.critical else ""
        return f"Wave {self.wave}, {self.bead} {self.title}, {WORDS[self.state]}{waits}{path}"


COLUMNS = (
    Column[PlanRow]("Wave", lambda one: str(one.wave), sort=lambda one: one.wave),
    Column[PlanRow]("Bead", lambda one: f"{one.bead} {one.title}"),
    Column[PlanRow]("Size", lambda one: one.size),
    Column[PlanRow]("Model", lambda one: show_model(one.model) if one.model else ""),
    Column[PlanRow](
        "Files", lambda one: plural(one.files, "file") if one.files else "", sort=lambda one: one.files
    ),
    Column[PlanRow]("Waits for", lambda one: ", ".join(one.waits_for)),
    Column[PlanRow]("State", lambda one: WORDS[one.state]),
    Column[PlanRow]("Cost", lambda one: one.shown_cost, right=True, sort=lambda one: one.cost),
)


class PlanModel(RowsModel[PlanRow]):
    """All beads of a plan."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Starts empty."""
        super().__init__(COLUMNS, lambda one: one.bead, lambda one: one.spoken, parent)


def plan_rows(view: TownView, state: Projection, layout: Layout, overlapping: set[BeadId]) -> list[PlanRow]:
    """The rows of a convoy, wave by wave.

    Args:
        view: knows what each bead is doing.
        state: the convoy.
        layout: its waves.
        overlapping: beads that may collide with another.
    """
    waits: dict[BeadId, list[BeadId]] = {}
    for edge in layout.edges:
        waits.setdefault(edge.bead, []).append(edge.on)
    rows: list[PlanRow] = []
    for node in layout.nodes:
        bead = state.beads[node.bead]
        card = view.card(node.bead)
        rows.append(
            PlanRow(
                bead=node.bead,
                wave=node.wave,
                title=bead.bead.title,
                size=bead.bead.size,
                model=bead.model or bead.bead.model or "",
                files=len(bead.bead.files),
                waits_for=tuple(waits.get(node.bead, ())),
                state=card.state if card is not None else "queued",
                likely=likely_cost(state, node.bead),
                cost=card.cost if card is not None else bead.cost,
                critical=node.bead in layout.critical,
                overlaps=node.bead in overlapping,
            )
        )
    return rows
