"""Needs you: what waits for the user, what blocks most first, each answered where it stands."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.answers import Answer, answers_to, kind_of, state_of
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.projection import NeedView, Projection
from gastown_desktop.core.wording import plural, show_minutes
from gastown_desktop.ui.theme.glyphs import draw_glyph, state_color
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button, Kind
from gastown_desktop.ui.widgets.labels import Hairline, Paragraph, PlainLabel

WIDTH = 470
_LONGEST = 600


class NeedRow(QWidget):
    """One item."""

    chosen = Signal(object)
    """The `Answer` that was taken; `text` holds what was typed."""
    entered = Signal()
    """The pointer or the keyboard came to it."""

    def __init__(
        self, state: Projection, need: NeedView, blocks: int, now: datetime, parent: QWidget | None = None
    ) -> None:
        """Shows an item.

        Args:
            state: its convoy.
            need: the item.
            blocks: how many beads wait for it.
            now: the time.
            parent: owns it.
        """
        super().__init__(parent)
        self.need = need
        self.convoy: ConvoyId = state.convoy
        self._current = False
        self._buttons: list[Button] = []
        view = state.beads.get(need.bead) if need.bead else None
        who = (view.polecat if view else None) or (need.bead or state.title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(36, 10, 14, 13)
        layout.setSpacing(3)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(PlainLabel(who, "strong"))
        kind = PlainLabel(kind_of(need), "small")
        kind.setStyleSheet(f"color: {state_color(state_of(need)).name()}")
        head.addWidget(kind)
        head.addStretch(1)
        age = show_minutes((now - need.at).total_seconds())
        held = f"blocks {plural(blocks, 'bead')}, {age}" if blocks else age
        head.addWidget(PlainLabel(held, "small", "tertiary"))
        layout.addLayout(head)
        text = _sentences(need.text)
        self.text = Paragraph(text if len(text) <= _LONGEST else text[:_LONGEST] + "…", color="text.primary")
        layout.addWidget(self.text)
        layout.addSpacing(6)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        for answer in answers_to(need):
            self._add(answer)
        self._row.addStretch(1)
        layout.addLayout(self._row)
        self.typed = QLineEdit()
        self.typed.setAcceptDrops(False)
        self.typed.setPlaceholderText("Your answer, then Enter")
        self.typed.setAccessibleName(f"Answer to {who}")
        self.typed.returnPressed.connect(self._send)
        self.typed.hide()
        layout.addWidget(self.typed)
        self.setAccessibleName(f"{who}, {kind_of(need)}: {text}")

    @property
    def answers(self) -> list[Button]:
        """Its buttons, in order."""
        return self._buttons

    def set_current(self, current: bool) -> None:
        """Only the current row has an orange button."""
        if current == self._current:
            return
        self._current = current
        for number, button in enumerate(self._buttons):
            button.set_kind("primary" if current and not number else self._plain_kind(button.property("do")))
            key = str(number + 1) if current and button.property("do") == "answer" else ""
            button.set_words(button.text(), key=key)
        self.update()

    def press(self, number: int) -> bool:
        """Takes the answer with this number, from 1; tells whether there is one."""
        if not 1 <= number <= len(self._buttons):
            return False
        self._buttons[number - 1].click()
        return True

    def enterEvent(self, event: QEvent) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.entered.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.entered.emit()
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ground = "surface.selection" if self._current else "surface.overlay"
        painter.fillRect(self.rect(), theme.color(ground))
        state = state_of(self.need)
        draw_glyph(painter, state, state_color(state), QRectF(14, 12, 14, 14))

    def _add(self, answer: Answer) -> None:
        button = Button(answer.words, self._plain_kind(answer.do), small=True)
        button.setProperty("do", answer.do)
        button.clicked.connect(lambda: self._take(answer))
        self._buttons.append(button)
        self._row.addWidget(button)

    @staticmethod
    def _plain_kind(button_does: object) -> Kind:
        return "quiet" if button_does in {"type", "discard"} else "plain"

    def _take(self, answer: Answer) -> None:
        if answer.do != "type":
            self.chosen.emit(answer)
            return
        self.typed.show()
        self.typed.setFocus()

    def _send(self) -> None:
        text = self.typed.text().strip()
        if text:
            self.chosen.emit(Answer(words=text, do="answer", text=text))


class NeedsList(QWidget):
    """All items; arrows and N move, digits answer, Enter takes the first answer."""

    answered = Signal(str, object, object)
    """(convoy, `NeedView`, `Answer`)."""

    def __init__(self, view: TownView, parent: QWidget | None = None) -> None:
        """Shows what waits now."""
        super().__init__(parent)
        self._view = view
        self.rows: list[NeedRow] = []
        self._at = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Needs you")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._head())
        layout.addWidget(Hairline())
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(Hairline())
        layout.addWidget(self._foot())

    def refresh(self, now: datetime) -> None:
        """Shows what waits now; the current item stays current."""
        current = self.rows[self._at].need.item if self._at < len(self.rows) else None
        box = QWidget()
        box.setProperty("surface", "overlay")
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.rows = []
        for state, need in self._view.needs():
            row = NeedRow(state, need, self._view.blocked_by(state, need), now)
            number = len(self.rows)
            row.chosen.connect(lambda answer, one=row: self.answered.emit(one.convoy, one.need, answer))
            row.entered.connect(lambda at=number: self.go_to(at))
            self.rows.append(row)
            column.addWidget(row)
            column.addWidget(Hairline())
        if not self.rows:
            nothing = PlainLabel("Nothing needs you.", tone="secondary")
            nothing.setContentsMargins(14, 14, 14, 14)
            column.addWidget(nothing)
        column.addStretch(1)
        self._scroll.setWidget(box)
        self._count.setText(str(len(self.rows)) if self.rows else "")
        found = [at for at, row in enumerate(self.rows) if row.need.item == current]
        self._at = -1
        self.go_to(found[0] if found else 0)

    def wanted_height(self) -> int:
        """How high all of it is."""
        box = self._scroll.widget()
        return 44 + 36 + (box.sizeHint().height() if box is not None else 0)

    def go_to(self, number: int) -> None:
        """Makes an item the current one."""
        if not self.rows or number == self._at:
            return
        self._at = max(0, min(number, len(self.rows) - 1))
        for at, row in enumerate(self.rows):
            row.set_current(at == self._at)
        self._scroll.ensureWidgetVisible(self.rows[self._at], 0, 0)

    def go_on(self) -> None:
        """The next item, after the last one the first."""
        if self.rows:
            self.go_to((self._at + 1) % len(self.rows))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.rows:
            super().keyPressEvent(event)
            return
        text = event.text()
        match event.key():
            case Qt.Key.Key_N:
                self.go_on()
            case Qt.Key.Key_Down:
                self.go_to(self._at + 1)
            case Qt.Key.Key_Up:
                self.go_to(self._at - 1)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.rows[self._at].press(1)
            case _ if text.isdigit() and self.rows[self._at].press(int(text)):
                pass
            case _:
                super().keyPressEvent(event)

    def _head(self) -> QWidget:
        head = QWidget()
        head.setFixedHeight(43)
        row = QHBoxLayout(head)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(8)
        row.addWidget(PlainLabel("Needs you", "title"))
        self._count = PlainLabel("", "body", "tertiary")
        row.addWidget(self._count)
        row.addStretch(1)
        row.addWidget(PlainLabel("blocking first, newest on top", "small", "tertiary"))
        return head

    @staticmethod
    def _foot() -> QWidget:
        foot = QWidget()
        foot.setFixedHeight(34)
        row = QHBoxLayout(foot)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(16)
        for words in ("N next", "Enter takes the first", "1 to 9 answers"):
            row.addWidget(PlainLabel(words, "caption", "tertiary"))
        row.addStretch(1)
        row.addWidget(PlainLabel("Esc closes", "caption", "tertiary"))
        return foot


def _sentences(text: str) -> str:
    """Lines as one paragraph; a line that ends without a stop gets one."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    ended = [line if line[-1] in ".!?:,;…" else f"{line}." for line in lines[:-1]]
    return " ".join([*ended, *lines[-1:]])
