"""The page that is shown while no repository is open."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.engine.api import Looked, Recent
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.welcome.answer_strip import AnswerStrip
from gastown_desktop.ui.welcome.drop_target import WIDTH, DropTarget
from gastown_desktop.ui.welcome.recent_list import OUTDENT, RecentList
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import Hairline, PlainLabel

_TOP = 72


class SampleRow(QWidget):
    """`Try the sample`, 56 high."""

    sample_wanted = Signal()

    def __init__(self) -> None:
        """Makes the row."""
        super().__init__()
        self.setFixedHeight(56)
        self.button = Button("Rehearse the sample")
        self.button.clicked.connect(self.sample_wanted)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(PlainLabel("Try the sample", "body", weight=500))
        words.addWidget(
            PlainLabel(
                "A small library with tests and one real conflict. No key, no cost, about 2 minutes.",
                "small",
                "secondary",
            )
        )
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(45, 0, 17, 0)
        row.addLayout(words, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.default"), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 7.5, 7.5)
        draw_glyph(painter, "ui_play", theme.color("text.secondary"), QRectF(17, 20, 16, 16))


class WelcomePage(QWidget):
    """Drop, choose, clone, the sample, and what was opened before. It decides nothing itself."""

    folder_chosen = Signal(Path)
    clone_wanted = Signal()
    sample_wanted = Signal()
    recent_chosen = Signal(Path)
    recent_forgotten = Signal(Path)
    answer_wanted = Signal(object)
    """The one action of the answer strip; carries the `Looked` that it was about."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes a page without recents."""
        super().__init__(parent)
        self.target = DropTarget()
        self.sample = SampleRow()
        self.answer = AnswerStrip()
        self.recents = RecentList()
        self._recent_head = QWidget()
        self._dialog: QFileDialog | None = None
        self._lay_out()
        self.target.choose_wanted.connect(self.choose_folder)
        self.target.clone_wanted.connect(self.clone_wanted)
        self.sample.sample_wanted.connect(self.sample_wanted)
        self.recents.chosen.connect(self.recent_chosen)
        self.recents.forgotten.connect(self.recent_forgotten)
        self.answer.action_wanted.connect(self._answered)
        self._show_recents(shown=False)

    def show_recents(self, recents: tuple[Recent, ...], now: datetime) -> None:
        """Shows what was opened before; nothing at all for none."""
        self.recents.show_recents(recents, now)
        self._show_recents(shown=bool(recents))

    def show_looked(self, looked: Looked) -> None:
        """Says in one sentence what a path turned out to be, with its one action."""
        self.answer.show_looked(looked)

    def show_trouble(self, sentence: str, safe: str = "", remedy: str = "") -> None:
        """Says what went wrong, in place."""
        self.answer.show_trouble(sentence, safe, remedy)

    def set_hovering(self, hovers: bool) -> None:  # a slot
        """Shows that a folder is held over the window."""
        self.target.set_hovering(hovers)

    def choose_folder(self) -> None:
        """Asks for a folder; `folder_chosen` tells which."""
        if self._dialog is None:
            self._dialog = QFileDialog(self, "Choose a Git repository", str(Path.home()))
            self._dialog.setFileMode(QFileDialog.FileMode.Directory)
            self._dialog.setOption(QFileDialog.Option.ShowDirsOnly)
            self._dialog.fileSelected.connect(lambda chosen: self.folder_chosen.emit(Path(chosen)))
        self._dialog.open()

    def _lay_out(self) -> None:
        column = QWidget()
        column.setProperty("surface", "content")
        column.setMaximumWidth(WIDTH + 2 * OUTDENT)
        rows = QVBoxLayout(column)
        rows.setContentsMargins(0, _TOP, 0, 12)
        rows.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(OUTDENT, 0, OUTDENT, 0)
        inner.setSpacing(0)
        inner.addWidget(PlainLabel("Open a repository", "figure"))
        inner.addSpacing(7)
        inner.addWidget(
            PlainLabel(
                "Up to 30 workers on their own branches. Your tests decide what lands. Your limit holds.",
                "title",
                "secondary",
                weight=400,
            )
        )
        inner.addSpacing(25)
        inner.addWidget(self.target)
        inner.addSpacing(12)
        inner.addWidget(self.answer)
        inner.addWidget(self.sample)
        inner.addSpacing(26)
        inner.addWidget(self._recent_head)
        rows.addLayout(inner)
        rows.addWidget(self.recents)
        rows.addStretch(1)
        self._fill_recent_head()
        self._put_in_scroll_area(column)

    def _fill_recent_head(self) -> None:
        head = QVBoxLayout(self._recent_head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(0)
        row = QHBoxLayout()
        row.setContentsMargins(0, 2, 0, 0)
        row.addWidget(PlainLabel("Recent", "strong"))
        row.addStretch(1)
        row.addWidget(PlainLabel("Last run", "caption", "tertiary"))
        head.addLayout(row)
        head.addWidget(Hairline(color="border.default"))
        self._recent_head.setFixedHeight(27)

    def _put_in_scroll_area(self, column: QWidget) -> None:
        ground = QWidget()
        ground.setProperty("surface", "content")
        across = QHBoxLayout(ground)
        across.setContentsMargins(0, 0, 0, 0)
        across.addStretch(1)
        across.addWidget(column, 1_000)
        across.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(ground)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def _show_recents(self, *, shown: bool) -> None:
        self._recent_head.setVisible(shown)
        self.recents.setVisible(shown)

    def _answered(self, looked: Looked) -> None:
        if looked.kind == "inside":
            self.folder_chosen.emit(looked.path)
        elif looked.kind == "plain_folder":
            self.answer_wanted.emit(looked)
        else:
            self.choose_folder()
