"""The evidence page: whether this work would have been faster with a fleet, and what it would have cost."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.core.wording import plural, show_hidden
from gastown_desktop.ui.evidence.pieces import Alarm, FigureRow, FileCounts, OracleLine, SilentDifferences
from gastown_desktop.ui.evidence.report import (
    Result,
    alarms_of,
    bound_of,
    conflicts_of,
    costs_of,
    curve_of,
    figures_of,
    gates_of,
    headline,
    knee_of,
    oracle_of,
    spent_of,
    title_of,
    tokens_of,
    verdict_of,
)
from gastown_desktop.ui.frame.page_header import PageHeader
from gastown_desktop.ui.plots.share_bars import AFTER, ShareBars
from gastown_desktop.ui.plots.speed_up import SpeedUpPlot
from gastown_desktop.ui.plots.width_bars import WidthBars
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.chips import Tag
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel

_NARROW = 900
"""Below this the two columns stand under each other."""
_MOST_ROWS = 12
_SIDE = 20


class EvidencePage(QWidget):
    """Shows the report of one rehearsal; scrolls where the window is small."""

    back_wanted = Signal()
    """The history's name was clicked."""
    export_wanted = Signal(object)
    """Write the report into a folder (Path)."""
    plan_wanted = Signal(int)
    """Plan with that many workers."""

    def __init__(self, result: Result, *, branch: str = "", parent: QWidget | None = None) -> None:
        """Makes the page.

        Args:
            result: the object that `rehearse --json` prints.
            branch: whose commits were rehearsed; empty where that is not known.
            parent: owns it.
        """
        super().__init__(parent)
        self._result = result
        self._workers: int = result["fit"]["knee"]
        self.export = Button("Export…", small=True)
        self.plan = Button(f"Plan with {plural(self._workers, 'worker')}", "primary", small=True)
        self.silent = SilentDifferences(result["silent_differences"])
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._between = Hairline(upright=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._header(branch))
        column.addWidget(self._scrolled(), 1)
        self.export.clicked.connect(self._choose_folder)
        self.plan.clicked.connect(lambda: self.plan_wanted.emit(self._workers))

    def resizeEvent(self, event: QResizeEvent) -> None:
        narrow = self.width() < _NARROW
        level, upright = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._columns.setDirection(upright if narrow else level)
        self._between.setVisible(not narrow)

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Export the report into a folder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda name: self.export_wanted.emit(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _header(self, branch: str) -> PageHeader:
        header = PageHeader(title_of(self._result, branch), above="History", reading=True)
        header.set_words(f"fit: {self._result['fit']['verdict']}")
        header.add_right(self.export)
        header.add_right(self.plan)
        header.back_wanted.connect(self.back_wanted)
        return header

    def _scrolled(self) -> QScrollArea:
        content = QWidget()
        content.setProperty("surface", "content")
        column = QVBoxLayout(content)
        column.setContentsMargins(_SIDE, 0, _SIDE, 20)
        column.setSpacing(0)
        column.addWidget(OracleLine(oracle_of(self._result), spent_of(self._result)))
        column.addWidget(Hairline())
        for text in alarms_of(self._result):
            column.addWidget(Alarm(text))
            column.addWidget(Hairline())
        column.addWidget(FigureRow(figures_of(self._result)))
        column.addWidget(Hairline())
        self._columns.setSpacing(0)
        self._columns.addLayout(self._left(), 1)
        self._columns.addWidget(self._between)
        self._columns.addLayout(self._right(), 1)
        column.addLayout(self._columns)
        column.addWidget(Hairline())
        column.addLayout(self._rest())
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName("Report")
        area.setWidget(content)
        bar = area.verticalScrollBar()

        def leave_room(_least: int, most: int) -> None:
            """Lets everything stand where it is, whether there is a scrollbar or not."""
            column.setContentsMargins(_SIDE, 0, _SIDE - (bar.sizeHint().width() if most else 0), 20)

        bar.rangeChanged.connect(leave_room)
        return area

    def _left(self) -> QVBoxLayout:
        result = self._result
        made = QVBoxLayout()
        made.setContentsMargins(0, 16, 19, 12)
        made.setSpacing(0)
        made.addLayout(_title("Speed-up", "simulated from the measured times of this run"))
        made.addSpacing(6)
        made.addWidget(SpeedUpPlot(curve_of(result), knee_of(result), bound_of(result)))
        made.addSpacing(5)
        made.addLayout(_title("How wide the work is", "beads that can run at the same time"))
        made.addSpacing(4)
        made.addWidget(WidthBars(headline(result)["waves"], self._workers))
        made.addStretch(1)
        return made

    def _right(self) -> QVBoxLayout:
        result = self._result
        made = QVBoxLayout()
        made.setContentsMargins(20, 16, 0, 12)
        made.setSpacing(0)
        made.addLayout(_title("Cost at list price", f"{plural(result['beads'], 'bead')}, estimate"))
        made.addSpacing(4)
        bars = ShareBars("Cost at list price", AFTER)
        bars.set_rows(costs_of(result))
        made.addWidget(bars)
        made.addSpacing(3)
        made.addWidget(PlainLabel(tokens_of(result), "caption", "tertiary"))
        made.addSpacing(18)
        found = result["silent_differences"]
        head = _title("Silent merge differences", "")
        if found:
            head.insertWidget(1, Tag("conflict", f"{len(found)}", outlined=True))
        made.addLayout(head)
        made.addSpacing(8)
        made.addWidget(self.silent)
        if result["hot_spots"]:
            rows = [(show_hidden(spot["path"]), spot["beads"]) for spot in result["hot_spots"]]
            made.addSpacing(20)
            made.addLayout(_title("Files that hold the work up", ""))
            made.addSpacing(4)
            made.addWidget(FileCounts(rows))
        made.addStretch(1)
        return made

    def _rest(self) -> QVBoxLayout:
        """What the figures do not say: the verdict's reasons, conflicts, gates, assumptions."""
        result = self._result
        made = QVBoxLayout()
        made.setContentsMargins(0, 16, 0, 0)
        made.setSpacing(4)
        made.addLayout(_title(f"Fit: {result['fit']['verdict']}", ""))
        made.addWidget(Paragraph(verdict_of(result), "body", "text.primary"))
        for reason in result["fit"]["reasons"]:
            made.addWidget(Paragraph(show_hidden(reason), "small"))
        _add_rows(made, "Conflicts", conflicts_of(result))
        _add_rows(made, "Gates", gates_of(result))
        waiting = [
            (show_hidden(item["bead"] or item["about"]), show_hidden(" ".join(item["text"].split())))
            for item in result["needs_you"]
        ]
        _add_rows(made, "Needs you", waiting)
        if result["proposed_config"]:
            made.addSpacing(14)
            made.addLayout(_title("So that files need not wait for each other", "for .gastown.toml"))
            made.addWidget(PlainLabel(show_hidden(result["proposed_config"].rstrip()), "code"))
        made.addSpacing(14)
        made.addLayout(_title("What the estimates rest on", ""))
        for text in result["assumptions"]:
            made.addWidget(Paragraph(text, "small"))
        return made


def _add_rows(made: QVBoxLayout, title: str, rows: list[tuple[str, str]]) -> None:
    """A title with rows of a name and what is said of it; nothing without rows."""
    if not rows:
        return
    made.addSpacing(14)
    made.addLayout(_title(title, ""))
    for name, words in rows[:_MOST_ROWS]:
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(Paragraph(name, "small", "text.primary"), 1, Qt.AlignmentFlag.AlignTop)
        row.addWidget(Paragraph(words, "small"), 3)
        made.addLayout(row)
    if len(rows) > _MOST_ROWS:
        made.addWidget(Paragraph(f"… and {len(rows) - _MOST_ROWS} more", "small", "text.tertiary"))


def _title(text: str, words: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(PlainLabel(text, "strong"))
    row.addWidget(PlainLabel(words, "small", "tertiary"))
    row.addStretch(1)
    return row
