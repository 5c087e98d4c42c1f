"""The plan page: the newest convoy in waves, live, and what its plan says in figures."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.plan import COLUMNS, PlanModel, PlanRow, plan_rows
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.bead import Dependency
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.waves import Layout, Overlap, dag_of, lay_out, overlaps_of
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.api import EngineApi
from gastown_desktop.ui.frame.page_header import PageHeader, under_header
from gastown_desktop.ui.plan.canvas import PlanCanvas
from gastown_desktop.ui.plan.inspector import PlanInspector
from gastown_desktop.ui.theme.glyphs import glyph_of, state_token
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button, MenuButton
from gastown_desktop.ui.widgets.choices import SegmentedControl
from gastown_desktop.ui.widgets.empty import NoConvoy
from gastown_desktop.ui.widgets.labels import Hairline, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece, draw_row
from gastown_desktop.ui.widgets.rows_table import RowsTable


class PlanPage(QWidget):
    """The convoy as it was planned; what each bead does now is shown on it."""

    bead_wanted = Signal(str)
    """The user wants to see a bead in the fleet."""
    rehearse_wanted = Signal()

    def __init__(self, view: TownView, api: EngineApi, parent: QWidget | None = None) -> None:
        """Makes the page; it fills itself when it is shown.

        Args:
            view: what it shows.
            api: not asked yet: everything here is in the view.
            parent: owns it.
        """
        super().__init__(parent)
        self.setProperty("surface", "content")
        self._view = view
        self._planned: tuple[ConvoyId, tuple[BeadId, ...], tuple[Dependency, ...]] | None = None
        self._chosen: ConvoyId | None = None
        """The convoy that the user wants to see; None for the newest."""
        self._layout = Layout(nodes=(), waves=(), edges=(), critical=())
        self._overlaps: list[Overlap] = []
        self.model = PlanModel(self)
        self._make_parts()
        self._lay_out()
        self._empty.wanted.connect(self.rehearse_wanted)
        self._rehearse.clicked.connect(self.rehearse_wanted)
        self._tabs.chosen.connect(self._show_tab)
        self._fit.clicked.connect(self.canvas.fit)
        self.canvas.selected.connect(self.select_bead)
        self.canvas.activated.connect(self.bead_wanted)
        self.inspector.fleet_wanted.connect(self.bead_wanted)
        self.outline.selectionModel().selectionChanged.connect(self._row_selected)
        self.outline.activated.connect(self._row_activated)

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        if changes.beads or changes.convoys:
            self.refresh()

    def refresh(self) -> None:
        """Shows everything as it is now."""
        state = self._state()
        has_plan = state is not None and bool(state.works())
        self._stack.setCurrentWidget(self._content if has_plan else self._empty_whole)
        if state is None or not has_plan:
            return
        self._plan(state)
        overlapping = {bead for one in self._overlaps for bead in (one.one, one.other)}
        rows = plan_rows(self._view, state, self._layout, overlapping)
        self.model.set_values(rows)
        self.canvas.show_layout(self._layout, {row.bead: row for row in rows})
        if self.canvas.current not in {row.bead for row in rows}:
            self.canvas.select(None)
        self._tell(state)
        self.inspector.show_bead(self.canvas.current, self._overlaps)

    def select_bead(self, bead: str) -> None:
        """Selects a bead in the graph and in the outline."""
        known = BeadId(bead)
        owner = self._view.projection_of(known)
        if owner is not None and owner is not self._state():
            self.show_convoy(owner.convoy)
        if self.canvas.current != known:
            self.canvas.select(known)
        row = self.model.row_of(known)
        current: PlanRow | None = self.outline.current
        if row is not None and (current is None or current.bead != known):
            self.outline.select_row(row)
        self.inspector.show_bead(known, self._overlaps)

    def show_convoy(self, convoy: ConvoyId) -> None:
        """Shows the plan of another convoy; the newest is shown until then."""
        self._chosen = convoy
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    # --- building ---

    def _make_parts(self) -> None:
        self._header = PageHeader("Plan")
        self._stage = PlainLabel("", "caption", "secondary")
        self._convoys = MenuButton("Other convoys")
        self._tabs = SegmentedControl()
        self._tabs.add("graph", "Graph")
        self._tabs.add("outline", "Outline")
        self._fit = Button("", "quiet", icon="ui_fit")
        self._fit.setAccessibleName("Show all of it")
        self._fit.setToolTip("Show all of it")
        self.canvas = PlanCanvas()
        self.outline = RowsTable(
            self.model,
            _pieces,
            name="Outline of the plan",
            widths=(64, 0, 48, 84, 64, 150, 96, 72),
            stretch=1,
            gone_first=(5, 3, 4),
        )
        self.inspector = PlanInspector(self._view)
        self._legend = _Legend()
        self._figures = _Figures()
        self._rehearse = Button("Rehearse for $0")
        self._empty = NoConvoy()

    def _lay_out(self) -> None:
        self._header.add_left(self._stage)
        self._header.add_right(self._convoys)
        self._header.add_right(self._tabs)
        self._header.add_right(self._fit)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.canvas)
        self._middle.addWidget(self.outline)
        actions = QHBoxLayout()
        actions.setContentsMargins(14, 8, 14, 8)
        actions.addStretch(1)
        actions.addWidget(self._rehearse)
        left = QVBoxLayout()
        left.setSpacing(0)
        for part in (self._header, self._middle, self._legend, Hairline(), self._figures, Hairline()):
            left.addWidget(part, 1 if part is self._middle else 0)
        left.addLayout(actions)
        self._content = QWidget()
        row = QHBoxLayout(self._content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(left, 1)
        row.addWidget(self.inspector)
        self._empty_whole = under_header("Plan", self._empty)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty_whole)
        self._stack.addWidget(self._content)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self._stack)

    # --- showing ---

    def _state(self) -> Projection | None:
        chosen = self._view.convoys.get(self._chosen) if self._chosen is not None else None
        return chosen or self._view.current

    def _plan(self, state: Projection) -> None:
        """Lays out anew where beads or dependencies are others than before."""
        planned = (state.convoy, tuple(state.works()), tuple(state.dependencies))
        if planned != self._planned:
            dag = dag_of(state)
            self._planned, self._layout = planned, lay_out(dag)
            self._overlaps = overlaps_of(state, dag)

    def _tell(self, state: Projection) -> None:
        self._header.set_title(state.title or "Plan")
        self._offer_convoys(state)
        self._stage.setText(state.stage.replace("_", " "))
        beads, waves = len(self._layout.nodes), len(self._layout.waves)
        run = self._view.runs.get(state.convoy)
        size = run.polecats if run is not None and run.polecats else 0
        busy = sum(1 for worker in state.polecats.values() if worker.bead is not None)
        figures = [
            ("Beads", f"{beads} in {plural(waves, 'wave')}"),
            ("Critical path", plural(len(self._layout.critical), "step")),
            ("Overlaps", plural(len(self._overlaps), "pair")),
            ("Workers", f"{busy} of {size} busy" if size else plural(busy, "worker") + " busy"),
        ]
        self._figures.show_figures(figures)

    def _offer_convoys(self, state: Projection) -> None:
        """Lists the other convoys of the repository, newest first."""
        others = [one for one in reversed(self._view.convoys.values()) if one is not state]
        self._convoys.setVisible(bool(others))
        told = [f"{one.title} ({one.stage.replace('_', ' ')})" for one in others]
        if told != [action.text() for action in self._convoys.drop.actions()]:
            self._convoys.drop.clear()
            for one, text in zip(others, told, strict=True):
                action = self._convoys.drop.addAction(text)
                action.triggered.connect(partial(self.show_convoy, one.convoy))

    def _show_tab(self, name: str) -> None:
        self._middle.setCurrentIndex(("graph", "outline").index(name))
        self._legend.setVisible(name == "graph")
        self._fit.setVisible(name == "graph")

    def _row_selected(self) -> None:
        row = self.outline.current
        if isinstance(row, PlanRow):
            self.select_bead(row.bead)

    def _row_activated(self) -> None:
        row = self.outline.current
        if isinstance(row, PlanRow):
            self.bead_wanted.emit(row.bead)


class _Legend(QWidget):
    """What the signs of the graph mean."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(28)
        self.setAccessibleName(
            "Thick lines are the critical path; a bolt marks beads that expect the same file; "
            "cost is what it cost so far, before that the forecast's P50"
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        painter.fillRect(QRectF(12, 13, 16, 2), theme.color("text.primary"))
        words = [
            Piece(text="critical path", role="caption", color="text.secondary"),
            Piece(glyph="conflict", color="state.conflict", size=12, gap=16),
            Piece(text="same file expected", role="caption", color="text.secondary"),
            Piece(text="cost: so far, before that P50", role="caption", color="text.secondary", gap=16),
        ]
        draw_row(painter, words, QRectF(34, 0, self.width() - 34, self.height()))


class _Figures(QWidget):
    """The plan in figures, 60 high."""

    def __init__(self) -> None:
        super().__init__()
        self._figures: list[tuple[str, str]] = []
        self.setFixedHeight(60)

    def show_figures(self, figures: list[tuple[str, str]]) -> None:
        if figures != self._figures:
            self._figures = figures
            self.setAccessibleName("; ".join(f"{name}: {value}" for name, value in figures))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        left = 14.0
        for name, value in self._figures:
            top = Piece(text=name, role="caption", color="text.tertiary")
            bottom = Piece(text=value, weight=600)
            draw_row(painter, [top], QRectF(left, 13, 300, 16))
            draw_row(painter, [bottom], QRectF(left, 30, 300, 16))
            left += max(top.width, bottom.width) + 26


def _pieces(row: PlanRow, column: int) -> list[Piece]:
    text = COLUMNS[column].text(row)
    match column:
        case 1:
            pieces = [Piece(text=row.bead, role="id", color="text.tertiary")]
            if row.overlaps:
                pieces.append(Piece(glyph="conflict", color="state.conflict", size=12))
            return [*pieces, Piece(text=row.title, weight=600 if row.critical else 400)]
        case 5:
            return [Piece(text=text, role="id", color="text.secondary")]
        case 6:
            color = state_token("state", row.state)
            return [
                Piece(glyph=glyph_of(row.state), color=color, size=12),
                Piece(text=text, role="caption", weight=500, color=color, gap=5),
            ]
        case _:
            return [Piece(text=text, color="text.primary" if column in {0, 7} else "text.secondary")]
