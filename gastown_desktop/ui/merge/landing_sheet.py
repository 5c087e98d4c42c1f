"""The landing sheet: which branch, what would land on it, and the answer of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.sensitive import SensitiveChange
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.api import EngineApi, LandingLine, LandingSheet, Outcome
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.checks import Check
from gastown_desktop.ui.widgets.fields import Field
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece
from gastown_desktop.ui.widgets.rows_table import RowsTable
from gastown_desktop.ui.widgets.sheets import Sheet

_MOST_ROWS, _FEWER_ROWS = 8, 4
"""Rows of a list before it scrolls: alone, and beside the list of what has to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One change that has to be looked at."""

    bead: BeadId
    change: SensitiveChange

    @property
    def spoken(self) -> str:
        """The row for a screen reader."""
        return f"{self.bead}, {self.change.words}"


_COLUMNS = (
    Column[LandingLine]("Bead", lambda line: f"{line.bead} {line.title}"),
    Column[LandingLine]("Files", lambda line: ", ".join(line.paths)),
)
_LOOKS = (
    Column[_Look]("Look at", lambda look: look.change.path),
    Column[_Look]("Because", lambda look: look.change.why),
    Column[_Look]("Bead", lambda look: look.bead),
)


class LandingSheetView(Sheet):
    """Lands a convoy on a branch that the user names; nothing happens before the last button.

    Where something of it has to be looked at, the button waits until the user says that they did.
    """

    landed = Signal(object)
    """`Outcome` of the landing."""

    def __init__(self, host: QWidget, api: EngineApi, convoy: ConvoyId, branch: str, hint: str) -> None:
        """Makes a sheet.

        Args:
            host: the page.
            api: asked what would land, and told to land it.
            convoy: what lands.
            branch: the name that stands in the field; empty where none is chosen for the user.
            hint: the repository's branch, shown while the field is empty.
        """
        super().__init__(host, width=640, name="Land on a branch")
        self._api, self._convoy = api, convoy
        self._found: LandingSheet | None = None
        self._field = Field("Branch to land on", hint, mono=True)
        self._field.setText(branch)
        self._look = Button("Show what would land", "primary")
        self._land = Button("Land", "primary")
        self._cancel = Button("Cancel", "quiet")
        self._words = Paragraph("", "small", "text.secondary")
        self._facts = Paragraph("", "small", "text.secondary")
        self._lines = RowsModel[LandingLine](
            _COLUMNS,
            lambda line: line.bead,
            lambda line: f"{line.bead} {line.title}, {', '.join(line.paths)}",
            self,
        )
        self._table = RowsTable(
            self._lines, _pieces, name="What would land", widths=(330, 200), stretch=1, height=28
        )
        self._looks = RowsModel[_Look](
            _LOOKS, lambda look: (look.bead, look.change), lambda look: look.spoken, self
        )
        self._look_table = RowsTable(
            self._looks, _look_pieces, name="What has to be looked at", widths=(0, 292, 84), stretch=0
        )
        self._looked = Check()
        self.primary = self._look
        self._lay_out()
        self._field.textEdited.connect(self._forget)
        self._look.clicked.connect(lambda: spawn(self._ask(), owner=self))
        self._land.clicked.connect(lambda: spawn(self._do_land(), owner=self))
        self._cancel.clicked.connect(self.close_sheet)
        self._looked.toggled.connect(self._agreed)

    def first_focus(self) -> QWidget | None:
        return self._field

    @property
    def words(self) -> str:
        """What it says."""
        return self._words.text()

    def _lay_out(self) -> None:
        around = QVBoxLayout()
        around.setContentsMargins(20, 16, 20, 16)
        around.setSpacing(12)
        around.addWidget(PlainLabel("Land on a branch", "title"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(PlainLabel("Branch", "small", "tertiary"))
        row.addWidget(self._field, 1)
        around.addLayout(row)
        around.addWidget(self._words)
        around.addWidget(self._table)
        around.addWidget(self._look_table)
        around.addWidget(self._looked)
        around.addWidget(self._facts)
        around.addWidget(Hairline())
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        for button in (self._cancel, self._look, self._land):
            buttons.addWidget(button)
        around.addLayout(buttons)
        self.body.addLayout(around)
        self._forget()

    def _forget(self) -> None:
        """Another branch is typed: what was shown is no answer any more."""
        self._found = None
        self._land.hide()
        self._look.show()
        self.primary = self._look
        self._table.hide()
        self._facts.hide()
        self._show_looks([])
        self._say("Nothing moves before you have seen what would land.")

    def _say(self, text: str, color: str = "text.secondary") -> None:
        self._words.setText(text)
        self._words.set_color(color)

    async def _ask(self) -> None:
        branch = self._field.text().strip()
        if not branch:
            self._say("Name the branch first.", "state.failed")
            return
        self._look.setEnabled(False)
        self._say(f"Looking at {branch}…")
        try:
            found = await self._api.landing(self._convoy, branch)
        except GasTownError as error:
            self._say(error.whole, "state.failed")
        else:
            self._show(found)
        finally:
            self._look.setEnabled(True)

    def _show(self, found: LandingSheet) -> None:
        self._found = found
        self._lines.set_values(found.lines)
        self._table.setVisible(bool(found.lines))
        looks = [_Look(bead=line.bead, change=one) for line in found.lines for one in line.sensitive]
        most = _FEWER_ROWS if looks else _MOST_ROWS
        self._table.setFixedHeight(26 + 28 * min(len(found.lines), most))
        self._facts.setText(_facts(found))
        self._facts.show()
        if found.stands_in_the_way:
            self._say(found.stands_in_the_way, "state.failed")
            return
        if not found.lines:
            self._say(f"{found.branch} has everything already.")
            return
        self._show_looks(looks)
        self._say(_would_land(found, len(looks)), "text.primary")
        self._land.set_words(f"Land {plural(len(found.lines), 'bead')} on {found.branch}")
        self._land.show()
        self._look.hide()
        self.primary = self._land
        (self._looked if looks else self._land).setFocus()

    def _show_looks(self, looks: Sequence[_Look]) -> None:
        """Lists what has to be looked at; nobody has agreed to it yet."""
        self._looks.set_values(looks)
        self._look_table.setFixedHeight(26 + 28 * min(len(looks), _FEWER_ROWS))
        self._look_table.setVisible(bool(looks))
        words = "this change" if len(looks) == 1 else f"these {len(looks)} changes"
        self._looked.set_words(f"I have looked at {words}")
        self._looked.setChecked(False)
        self._looked.setVisible(bool(looks))
        self._agreed()

    def _agreed(self) -> None:
        """The last button works once everything was looked at; until then it says why not."""
        able = not self._looks.values or self._looked.isChecked()
        self._land.setEnabled(able)
        self._land.setToolTip("" if able else "Look at the changes that are listed, and say so.")

    async def _do_land(self) -> None:
        found = self._found
        if found is None:
            return
        self._land.setEnabled(False)
        self._say(f"Landing on {found.branch}; the gates run on exactly what lands…")
        try:
            looked = self._looked.isChecked()
            outcome = await self._api.land(self._convoy, found.branch, found.approved, looked=looked)
        except GasTownError as error:
            self._say(error.whole, "state.failed")
        else:
            self._end(outcome)
        finally:
            self._agreed()

    def _end(self, outcome: Outcome) -> None:
        if outcome.done:
            self.landed.emit(outcome)
            self.close_sheet()
            return
        self._say(outcome.words, "state.failed")


def _pieces(line: LandingLine, column: int) -> list[Piece]:
    if column == 0:
        return [
            Piece(text=line.bead, role="id", color="text.tertiary"),
            Piece(text=line.title, weight=500),
        ]
    count = Piece(text=plural(len(line.paths), "file"))
    names = Piece(text=", ".join(line.paths), role="id", color="text.tertiary")
    return [count, names]


def _look_pieces(look: _Look, column: int) -> list[Piece]:
    match column:
        case 0:
            mark = Piece(glyph="review", color="state.review", size=12)
            return [mark, Piece(text=look.change.path, role="id", gap=7)]
        case 1:
            return [Piece(text=look.change.why)]
        case _:
            return [Piece(text=look.bead, role="id", color="text.tertiary")]


def _would_land(found: LandingSheet, looks: int) -> str:
    beads = f"{plural(len(found.lines), 'bead')} would land on {found.branch}."
    if not looks:
        return beads
    them = "1 change of it has" if looks == 1 else f"{looks} changes have"
    return f"{beads} {them} to be looked at first, whatever the gates say."


def _facts(found: LandingSheet) -> str:
    """What goes with it: gates, checkouts, signatures."""
    gates = f"Gates that prove it: {', '.join(found.gates)}." if found.gates else "No gate proves it."
    places = (
        f"{found.branch} is checked out in {', '.join(found.checked_out)}; its files follow."
        if found.checked_out
        else f"{found.branch} is checked out nowhere."
    )
    signed = " Commits are signed." if found.signed else ""
    return f"{gates} {places}{signed}"
