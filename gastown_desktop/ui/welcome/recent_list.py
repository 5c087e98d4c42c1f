"""What was opened before: one row each, in fixed columns, so that figures line up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QAbstractButton, QMenu, QVBoxLayout, QWidget

from gastown_desktop.core.card import STATES
from gastown_desktop.core.wording import show_day, show_money
from gastown_desktop.engine.api import Recent
from gastown_desktop.ui.theme.glyphs import state_token
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.labels import plain_tooltip
from gastown_desktop.ui.widgets.pieces import Piece, baseline, draw_row, row_width

ROW, OUTDENT = 40, 12
"""Height of a row, and how far its ground reaches beyond its columns at both sides; pixels."""
_NAME, _BRANCH, _STATE, _MONEY, _DATE = 236.0, 56.0, 171.0, 106.0, 76.0
_GAP = 12.0
_INDENT = 27.0
"""Where the name begins, after the glyph."""
_STEP = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Left edges, or right ones of figures, in a row's own coordinates."""

    name: float
    name_end: float
    branch: float
    branch_end: float
    state: float
    state_end: float
    money_end: float
    date_end: float


def _columns(width: float) -> _Columns:
    """The columns in a row of this width; the name takes what is left over, or gives what lacks."""
    date_end = width - OUTDENT
    money_end = date_end - _DATE - _GAP
    state = money_end - _MONEY - _GAP - _STATE
    branch = state - _GAP - _BRANCH
    name = OUTDENT + _INDENT
    return _Columns(
        name=name,
        name_end=branch - _GAP,
        branch=branch,
        branch_end=branch + _BRANCH,
        state=state,
        state_end=state + _STATE,
        money_end=money_end,
        date_end=date_end,
    )


class RecentRow(QAbstractButton):
    """One repository; pressed, it is opened. Delete takes it off the list."""

    chosen = Signal(Path)
    forgotten = Signal(Path)
    entered = Signal(object)
    """It has the keyboard now."""
    step_wanted = Signal(int)
    """The keyboard goes to the row below (1) or above (-1)."""

    def __init__(self, recent: Recent, now: datetime) -> None:
        """Shows a repository.

        Args:
            recent: what is known of it.
            now: decides between `today`, `yesterday` and a date.
        """
        super().__init__()
        self.recent = recent
        self._day = show_day(recent.at, now)
        self.is_current = False
        self.setFixedHeight(ROW)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(
            ", ".join(one for one in (recent.name, recent.branch, recent.words, self._day) if one)
        )
        self.setToolTip(plain_tooltip(str(recent.path)))
        self.clicked.connect(lambda: self.chosen.emit(recent.path))

    def sizeHint(self) -> QSize:
        return QSize(720 + 2 * OUTDENT, ROW)

    def set_current(self, *, current: bool) -> None:
        """Marks it as the one that Enter opens."""
        self.is_current = current
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.entered.emit(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.forgotten.emit(self.recent.path)
        elif key in _STEP:
            self.step_wanted.emit(_STEP[Qt.Key(key)])
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        self.menu().popup(event.globalPos() if by_mouse else self.mapToGlobal(QPoint(0, ROW)))

    def menu(self) -> QMenu:
        """What can be done with it."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open", self.click)
        menu.addAction("Take off this list", lambda: self.forgotten.emit(self.recent.path))
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inner = QRectF(OUTDENT, 0, self.width() - 2 * OUTDENT, ROW)
        if self.is_current or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface.selection" if self.is_current else "surface.hover"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        else:
            painter.fillRect(QRectF(inner.left(), ROW - 1, inner.width(), 1), theme.color("border.subtle"))
        rect = QRectF(0, 0, self.width(), ROW)
        glyph = Piece(glyph="ui_branch", color="text.tertiary", size=16)
        draw_row(painter, [glyph], rect.translated(OUTDENT, 0))
        places = _columns(self.width())
        self._paint_name(painter, rect, places)
        self._paint_state(painter, rect, places)
        self._paint_figures(painter, rect, places)

    def _paint_name(self, painter: QPainter, rect: QRectF, places: _Columns) -> None:
        room = places.name_end - places.name
        name_font, path_font = font("body", 500), font("small")
        level = baseline(name_font, rect)
        name = QFontMetricsF(name_font).elidedText(self.recent.name, Qt.TextElideMode.ElideRight, room)
        painter.setFont(name_font)
        painter.setPen(theme.color("text.primary"))
        painter.drawText(QPointF(places.name, level), name)
        left = places.name + QFontMetricsF(name_font).horizontalAdvance(name) + 4
        path = QFontMetricsF(path_font).elidedText(
            short_path(self.recent.path), Qt.TextElideMode.ElideMiddle, places.name_end - left
        )
        painter.setFont(path_font)
        painter.setPen(theme.color("text.tertiary"))
        painter.drawText(QPointF(left, level), path)

    def _paint_state(self, painter: QPainter, rect: QRectF, places: _Columns) -> None:
        metrics = QFontMetricsF(font("id"))
        branch = metrics.elidedText(
            self.recent.branch, Qt.TextElideMode.ElideMiddle, places.branch_end - places.branch
        )
        draw_row(
            painter,
            [Piece(text=branch, role="id", color="text.secondary")],
            rect.translated(places.branch, 0),
        )
        if not self.recent.words:
            return
        glyph, color = look_of(self.recent.state)
        room = places.state_end - places.state - 18
        words = QFontMetricsF(font("caption", 500)).elidedText(
            self.recent.words, Qt.TextElideMode.ElideRight, room
        )
        made = [
            Piece(glyph=glyph, color=color, size=12),
            Piece(text=words, role="caption", weight=500, color=color),
        ]
        draw_row(painter, made, rect.translated(places.state, 0))

    def _paint_figures(self, painter: QPainter, rect: QRectF, places: _Columns) -> None:
        money = show_money(self.recent.spent)
        if self.recent.cap is not None:
            money += f" of {show_money(self.recent.cap)}"
        for text, color, end in (
            (money if self.recent.state else "", "text.secondary", places.money_end),
            (self._day, "text.tertiary", places.date_end),
        ):
            piece = Piece(text=text, color=color)
            draw_row(painter, [piece], rect.translated(end - row_width([piece]), 0))


class RecentList(QWidget):
    """The rows; one of them is current, and the arrow keys go from one to the next."""

    chosen = Signal(Path)
    forgotten = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Makes an empty list."""
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.rows: list[RecentRow] = []
        self.setAccessibleName("Recent repositories")

    def show_recents(self, recents: tuple[Recent, ...], now: datetime) -> None:
        """Shows these, newest first as they are given; the first one is current."""
        for row in self.rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self.rows = [RecentRow(recent, now) for recent in recents]
        for place, row in enumerate(self.rows):
            row.set_current(current=place == 0)
            row.chosen.connect(self.chosen)
            row.forgotten.connect(self.forgotten)
            row.entered.connect(self._make_current)
            row.step_wanted.connect(self.step)
            self._column.addWidget(row)

    def step(self, by: int) -> None:
        """Gives the keyboard to the next row, or to the one before."""
        here = next((place for place, row in enumerate(self.rows) if row.is_current), 0)
        there = max(0, min(len(self.rows) - 1, here + by))
        self.rows[there].setFocus(Qt.FocusReason.TabFocusReason)

    def _make_current(self, current: RecentRow) -> None:
        for row in self.rows:
            row.set_current(current=row is current)


def look_of(state: str) -> tuple[str, str]:
    """Glyph and colour of how a repository's last run stands."""
    if state == "rehearsed":
        return "review", "state.review"
    if state in STATES:
        return ("ui_pause" if state == "paused" else state), state_token("state", state)
    if state == "missing":
        return "ui_warning", "text.tertiary"
    return "ui_history", "text.tertiary"


def short_path(path: Path) -> str:
    """A path as people write it, with `~` for the home folder."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
