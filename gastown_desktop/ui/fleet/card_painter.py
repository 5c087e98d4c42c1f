"""How a card is painted: five lines in 264 × 112, each of them by itself where only that changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap

from gastown_desktop.core.card import Card
from gastown_desktop.core.wording import plural, show_held, show_model, show_money
from gastown_desktop.ui.fleet.ages import action_of, worked_for
from gastown_desktop.ui.fleet.steps_bar import draw_steps
from gastown_desktop.ui.fleet.written import Hand, cut, width_of, write
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.money_fill import draw_bar, held_brush
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import draw_focus

WIDTH, HEIGHT = 264, 112
_INSET = 12
_RIGHT = WIDTH - _INSET
_METER = QRectF(140, 95, 112, 4)
_NAME, _UNNAMED = Hand("strong"), Hand("body")
_WORD, _CAPTION, _ID = Hand("caption", 500), Hand("caption"), Hand("id")
_TITLE, _SMALL = Hand("small", 500), Hand("small")

HEAD, TITLE, ACTION, STEPS, COST = LINES = (
    QRect(2, 6, WIDTH - 4, 23),
    QRect(2, 29, WIDTH - 4, 18),
    QRect(2, 47, WIDTH - 4, 19),
    QRect(2, 67, WIDTH - 4, 20),
    QRect(2, 88, WIDTH - 4, 19),
)
"""Where each line is on the card."""

_ON_LINE: dict[str, QRect] = {
    "state": HEAD,
    "worker": HEAD,
    "model": HEAD,
    "title": TITLE,
    "action": ACTION,
    "action_since": ACTION,
    "steps_done": STEPS,
    "steps": STEPS,
    "added": STEPS,
    "removed": STEPS,
    "files": STEPS,
    "started_at": STEPS,
    "ended_at": STEPS,
    "cost": COST,
    "held": COST,
    "likely": COST,
    "at_most": COST,
}

BUTTONS = ("pause", "message", "more")
"""What the pointer finds on a card, from left to right; the first one pauses or goes on."""
_BUTTON = 22
_ICONS = {"message": "ui_user", "more": "ui_more"}


def changed_lines(before: Card, after: Card) -> list[QRect]:
    """Where two cards of one bead look different, in the card's own coordinates."""
    found: list[QRect] = []
    for name, line in _ON_LINE.items():
        if line not in found and getattr(before, name) != getattr(after, name):
            found.append(line)
    return found


def ticking_lines(card: Card) -> list[QRect]:
    """Where time goes on by itself."""
    found = [ACTION] if card.action_since is not None else []
    return [*found, STEPS] if card.started_at is not None and card.ended_at is None else found


def button_rects(card: QRect) -> dict[str, QRect]:
    """Where the buttons of a card are while the pointer is over it."""
    left = card.left() + WIDTH - 6 - len(BUTTONS) * _BUTTON
    return {
        name: QRect(left + place * _BUTTON, card.top() + 8, _BUTTON, _BUTTON)
        for place, name in enumerate(BUTTONS)
    }


_Line = Callable[[QPainter, Card, datetime], None]


class CardPainter:
    """Paints cards in the theme in force; its colours are looked up once."""

    def __init__(self) -> None:
        """Reads the theme."""
        self.read_theme()

    def read_theme(self) -> None:
        """Takes the colours of the theme in force."""
        names = ("text.primary", "text.secondary", "text.tertiary", "diff.add_text", "diff.del_text")
        self._colors = {name: QPen(theme.color(name)) for name in names}

    def paint(
        self,
        painter: QPainter,
        at: QRect,
        card: Card,
        now: datetime,
        *,
        dirty: QRect,
        selected: bool = False,
        hovered: str | None = None,
        focused: bool = False,
    ) -> None:
        """Paints a card, or those of its lines that are dirty.

        Args:
            painter: paints, antialiased.
            at: the card's place, in the painter's coordinates.
            card: what is shown.
            now: the time.
            dirty: what has to be painted, in the painter's coordinates.
            selected: a border of ink.
            hovered: the button under the pointer, empty for none of them; None when the pointer is elsewhere.
            focused: a focus ring around it.
        """
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        painter.drawPixmap(at.topLeft(), _frame(selected, hovered is not None, theme.scheme, ratio))
        painter.translate(at.topLeft())
        local = dirty.translated(-at.topLeft())
        for line, draw in zip(LINES, self._lines(hovered), strict=True):
            if line.intersects(local):
                draw(painter, card, now)
        if hovered is not None:
            self._buttons(painter, card, hovered)
        if focused:
            draw_focus(painter, QRectF(-3, -3, WIDTH + 6, HEIGHT + 6), 8)
        painter.translate(-at.topLeft())

    def _lines(self, hovered: str | None) -> tuple[_Line, ...]:
        head = self._head if hovered is None else self._head_without_model
        return head, self._title_line, self._action_line, self._steps_line, self._cost_line

    def _head(self, painter: QPainter, card: Card, now: datetime) -> None:
        self._head_without_model(painter, card, now)
        model = show_model(card.model)
        if model:
            self._right(painter, model, 19, _CAPTION, "text.tertiary")

    def _head_without_model(self, painter: QPainter, card: Card, _now: datetime) -> None:
        color = state_color(card.state)
        draw_glyph(painter, glyph_of(card.state), color, QRectF(_INSET, 12, 14, 14))
        if card.worker:
            end = self._left(painter, 32, card.worker, 19, _NAME, "text.primary")
        else:
            end = self._left(painter, 32, "No worker yet", 19, _UNNAMED, "text.secondary")
        painter.setPen(color)
        write(painter, end + 6, 19, card.word, _WORD)

    def _title_line(self, painter: QPainter, card: Card, _now: datetime) -> None:
        end = self._left(painter, _INSET, card.bead, 38, _ID, "text.tertiary")
        text = cut(card.title, _TITLE, _RIGHT - end - 6)
        self._left(painter, end + 6, text, 38, _TITLE, "text.primary")

    def _action_line(self, painter: QPainter, card: Card, now: datetime) -> None:
        text = cut(action_of(card, now), _SMALL, _RIGHT - _INSET)
        self._left(painter, _INSET, text, 56, _SMALL, "text.secondary")

    def _steps_line(self, painter: QPainter, card: Card, now: datetime) -> None:
        if card.started_at is None:
            return
        time = worked_for(card, now)
        end = self._right(painter, time, 77, _CAPTION, "text.tertiary")
        if not card.steps:
            draw_steps(painter, QRectF(_INSET, 75, 56, 4), 0, 6)
            self._left(painter, 76, "no plan yet", 77, _CAPTION, "text.tertiary")
            return
        draw_steps(painter, QRectF(_INSET, 75, 52, 4), card.steps_done, card.steps)
        left = self._left(painter, 72, f"{card.steps_done}/{card.steps}", 77, _CAPTION, "text.tertiary")
        added, removed = f"+{card.added}", f"−{card.removed}"
        both = width_of(added, _CAPTION) + 4 + width_of(removed, _CAPTION)
        if left + 8 + both > end - 8:
            return
        left = self._left(painter, left + 8, added, 77, _CAPTION, "diff.add_text")
        left = self._left(painter, left + 4, removed, 77, _CAPTION, "diff.del_text")
        files = plural(card.files, "file")
        if left + 8 + width_of(files, _CAPTION) <= end - 8:
            self._left(painter, left + 8, files, 77, _CAPTION, "text.tertiary")

    def _cost_line(self, painter: QPainter, card: Card, _now: datetime) -> None:
        if card.started_at is None and not card.cost and not card.held:
            if card.likely is not None:
                words = f"about {show_money(card.likely)}"
                self._left(painter, _INSET, words, 97, _SMALL, "text.tertiary")
            return
        end = self._left(painter, _INSET, show_money(card.cost), 97, _TITLE, "text.primary")
        if card.held:
            words = f"{show_held(card.held)} held"
            self._left(painter, end + 8, words, 97, _CAPTION, "text.secondary")
        if card.at_most:
            settled, held = (
                round(_METER.width() * amount / card.at_most) for amount in (card.cost, card.held)
            )
            device = painter.device()
            ratio = device.devicePixelRatioF() if device is not None else 1.0
            painter.drawPixmap(_METER.topLeft(), _meter(settled, held, theme.scheme, ratio))

    def _buttons(self, painter: QPainter, card: Card, hovered: str) -> None:
        pauses = card.state not in {"paused", "paused_budget"}
        for name, rect in button_rects(QRect(0, 0, WIDTH, HEIGHT)).items():
            if name == hovered:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("surface.selection"))
                painter.drawRoundedRect(QRectF(rect), 4, 4)
            icon = _ICONS.get(name, "ui_pause" if pauses else "ui_play")
            draw_glyph(painter, icon, theme.color("text.secondary"), QRectF(rect).adjusted(4, 4, -4, -4))

    def _left(self, painter: QPainter, x: float, text: str, y: float, hand: Hand, color: str) -> float:
        """Writes a text centred on a height; returns where it ends."""
        painter.setPen(self._colors[color])
        return write(painter, x, y, text, hand)

    def _right(self, painter: QPainter, text: str, y: float, hand: Hand, color: str) -> float:
        """Writes a text that ends at the inset; returns where it begins."""
        left = _RIGHT - width_of(text, hand)
        self._left(painter, left, text, y, hand, color)
        return left


@lru_cache(maxsize=32)
def _frame(selected: bool, hovered: bool, _scheme: str, ratio: float) -> QPixmap:
    """An empty card on the page's ground; a round border costs more than all texts of a card."""
    made = QPixmap(round(WIDTH * ratio), round(HEIGHT * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(theme.color("surface.content"))
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(theme.color("surface.hover" if hovered else "surface.raised"))
    width = 2 if selected else 1
    painter.setPen(QPen(theme.color("text.primary" if selected else "border.default"), width))
    inset = width / 2
    place = QRectF(0, 0, WIDTH, HEIGHT).adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(place, 6 - inset, 6 - inset)
    painter.end()
    return made


@lru_cache(maxsize=1_000)
def _meter(settled: int, held: int, _scheme: str, ratio: float) -> QPixmap:
    """A painted meter, by the pixels of its parts: what changes between two cents is not to be seen."""
    made = QPixmap(round(_METER.width() * ratio), round(_METER.height() * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    spent = QBrush(theme.color("border.control"))
    parts = (settled / _METER.width(), spent), (held / _METER.width(), held_brush())
    draw_bar(painter, QRectF(QPointF(0, 0), _METER.size()), parts, track=theme.color("surface.sunken"))
    painter.end()
    return made
