"""The publish sheet: which branches of the work, under which names, and what that would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.bridge.models.rows import Column, RowsModel
from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.wording import plural, show_hidden
from gastown_desktop.engine.api import BranchLine, EngineApi, TownBranch
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.checks import Check
from gastown_desktop.ui.widgets.fields import Field
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece
from gastown_desktop.ui.widgets.rows_table import RowsTable
from gastown_desktop.ui.widgets.sheets import Sheet

PREFIX = "gastown"
"""What names begin with where the user says nothing else."""
_GROUPS = {"convoy": "Convoys", "worker": "Workers", "landing": "Where rehearsals landed"}
_ROW, _MOST_ROWS, _MOST_LINES = 22, 8, 5


def _becomes(line: BranchLine) -> str:
    """What would become of a branch, or why nothing can."""
    if line.refusal:
        return line.refusal
    if line.before is None:
        return "would be new"
    return "is there already" if line.outcome == "there" else f"would go forward from {line.before[:10]}"


_COLUMNS = (
    Column[BranchLine]("Branch", lambda line: line.branch),
    Column[BranchLine]("Becomes", _becomes),
    Column[BranchLine]("Commit", lambda line: line.commit[:10]),
)


class PublishSheet(Sheet):
    """Copies branches of the work into the user's repository; nothing is written before the last button."""

    def __init__(
        self,
        host: QWidget,
        api: EngineApi,
        repository: str,
        branches: Sequence[TownBranch],
        title_of: Callable[[TownBranch], str],
    ) -> None:
        """Makes a sheet.

        Args:
            host: what it lies over.
            api: asked what would change, and told to do it.
            repository: the name of the user's.
            branches: what there is, convoys first.
            title_of: what a branch is about, in words.
        """
        super().__init__(host, width=640, name="Publish branches")
        self._api = api
        self._repository = repository
        self._shown: tuple[str, ...] = ()
        self.checks: list[tuple[Check, TownBranch]] = []
        self.prefix = Field("What names begin with", PREFIX, mono=True)
        self.prefix.setText(PREFIX)
        self.look = Button("Show what would change", "primary")
        self.publish = Button("Publish", "primary")
        self.close_button = Button("Cancel", "quiet")
        self._words = Paragraph("", "small", "text.secondary")
        self._lines = RowsModel[BranchLine](_COLUMNS, lambda line: line.branch, _spoken, self)
        self.table = RowsTable(
            self._lines, _pieces, name="What would change", widths=(0, 250, 96), stretch=0, height=28
        )
        self._lay_out(branches, title_of)
        self._forget()
        self.prefix.textEdited.connect(self._forget)
        self.look.clicked.connect(lambda: spawn(self._ask(), owner=self))
        self.publish.clicked.connect(lambda: spawn(self._do_publish(), owner=self))
        self.close_button.clicked.connect(self.close_sheet)

    def first_focus(self) -> QWidget | None:
        return self.checks[0][0] if self.checks else None

    @property
    def words(self) -> str:
        """What it says."""
        return self._words.text()

    # --- building ---

    def _lay_out(self, branches: Sequence[TownBranch], title_of: Callable[[TownBranch], str]) -> None:
        around = QVBoxLayout()
        around.setContentsMargins(20, 16, 20, 16)
        around.setSpacing(12)
        around.addWidget(PlainLabel("Publish branches", "title"))
        lead = f"Copies of these come to {self._repository}, where you can read, test and push them."
        around.addWidget(Paragraph(lead, "small"))
        around.addWidget(self._choices(branches, title_of))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(PlainLabel("Names begin with", "small", "tertiary"))
        row.addWidget(self.prefix, 1)
        around.addLayout(row)
        around.addWidget(self._words)
        around.addWidget(self.table)
        around.addWidget(Hairline())
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        for button in (self.close_button, self.look, self.publish):
            buttons.addWidget(button)
        around.addLayout(buttons)
        self.body.addLayout(around)

    def _choices(self, branches: Sequence[TownBranch], title_of: Callable[[TownBranch], str]) -> QScrollArea:
        """A box for each branch, kind by kind; the first convoy is ticked."""
        rows = QWidget()
        rows.setProperty("surface", "overlay")
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        kind = ""
        for one in branches:
            if one.kind != kind:
                column.addSpacing(6 if kind else 0)
                kind = one.kind
                column.addWidget(PlainLabel(_GROUPS[kind], "caption", "tertiary"))
            check = _check(one, show_hidden(title_of(one)))
            check.setChecked(not self.checks)
            check.toggled.connect(self._forget)
            column.addWidget(check)
            self.checks.append((check, one))
        column.addStretch(1)
        area = QScrollArea()
        area.setAccessibleName("Branches of the work")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(rows)
        area.setFixedHeight(min(column.sizeHint().height(), (_ROW + 4) * _MOST_ROWS))
        return area

    # --- acting ---

    @property
    def _chosen(self) -> tuple[str, ...]:
        return tuple(one.name for check, one in self.checks if check.isChecked())

    def _forget(self) -> None:
        """Something else is wanted: what was shown is no answer any more."""
        self._shown = ()
        self._lines.set_values(())
        self.table.hide()
        self.publish.hide()
        self.look.show()
        self.look.setEnabled(bool(self._chosen))
        self.primary = self.look
        self.close_button.set_words("Cancel")
        self._say("Nothing is written before you have seen what would change.")

    def _say(self, text: str, color: str = "text.secondary") -> None:
        self._words.setText(text)
        self._words.set_color(color)

    async def _ask(self) -> None:
        """Shows what publishing would change."""
        chosen, prefix = self._chosen, self.prefix.text().strip().strip("/")
        if not prefix:
            self._say("Say what the names begin with.", "state.failed")
            return
        self.look.setEnabled(False)
        try:
            lines = await self._api.publishing(chosen, prefix)
        except GasTownError as error:
            self._say(error.whole, "state.failed")
        else:
            if chosen == self._chosen:
                self._show(chosen, lines)
        finally:
            self.look.setEnabled(bool(self._chosen))

    def _show(self, chosen: tuple[str, ...], lines: Sequence[BranchLine]) -> None:
        self._show_lines(lines)
        refused = [line for line in lines if line.refusal]
        if refused:
            others = f" {len(refused) - 1} more cannot either." if len(refused) > 1 else ""
            self._say(f"{refused[0].refusal}{others} All of them are published, or none.", "state.failed")
            return
        changing = sum(line.outcome != "there" for line in lines)
        if not changing:
            self._say(f"{self._repository} has all of that already.")
            return
        self._shown = chosen
        self._say("Nothing else of your repository changes, and nothing is pushed.", "text.primary")
        self.publish.set_words(f"Publish {plural(changing, 'branch', 'branches')}")
        self.publish.show()
        self.look.hide()
        self.primary = self.publish
        self.publish.setFocus()

    def _show_lines(self, lines: Sequence[BranchLine]) -> None:
        self._lines.set_values(lines)
        self.table.setFixedHeight(26 + 28 * min(len(lines), _MOST_LINES))
        self.table.show()

    async def _do_publish(self) -> None:
        self.publish.setEnabled(False)
        try:
            done = await self._api.publish(self._shown, self.prefix.text().strip().strip("/"))
        except GasTownError as error:
            self._say(error.whole, "state.failed")
        else:
            self._end(done)
        finally:
            self.publish.setEnabled(True)

    def _end(self, done: Sequence[BranchLine]) -> None:
        self.table.hide()
        self.publish.hide()
        self._say(_ended(done, self._repository), "text.primary")
        self.close_button.set_words("Close")
        self.primary = self.close_button
        self.close_button.setFocus()


def _check(one: TownBranch, title: str) -> Check:
    name = one.convoy or one.bead or one.name
    who = f", {one.worker}" if one.worker is not None else ""
    pieces = [Piece(text=show_hidden(name), role="id", color="text.tertiary")]
    if one.worker is not None:
        pieces.append(Piece(text=show_hidden(one.worker), role="small", weight=500))
    pieces += [Piece(text=title, role="small")] if title else []
    return Check(f"{name}{who}, {title}".rstrip(", "), pieces)


def _spoken(line: BranchLine) -> str:
    return f"{line.branch}, {_becomes(line)}, {line.commit[:10]}"


def _pieces(line: BranchLine, column: int) -> list[Piece]:
    match column:
        case 0:
            return [Piece(text=line.branch, role="id")]
        case 1:
            mark = [Piece(glyph="failed", color="state.failed", size=12)] if line.refusal else []
            return [*mark, Piece(text=_becomes(line), gap=6)]
        case _:
            return [Piece(text=line.commit[:10], role="id", color="text.tertiary")]


def _ended(done: Sequence[BranchLine], repository: str) -> str:
    """How it ended, in one sentence."""
    if len(done) == 1:
        how = {"created": "is new", "moved": "went forward", "there": "was there already"}[done[0].outcome]
        return f"{done[0].branch} {how} in {repository}, at {done[0].commit[:10]}."
    counts = Counter(line.outcome for line in done)
    parts = [f"{counts['created']} are new"] if counts["created"] else []
    parts += [f"{counts['moved']} went forward"] if counts["moved"] else []
    parts += [f"{counts['there']} were there already"] if counts["there"] else []
    return f"Of {plural(len(done), 'branch', 'branches')} in {repository} {', '.join(parts)}."
