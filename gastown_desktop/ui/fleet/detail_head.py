"""The head of the detail: who, in which state, on which bead, how far and at what cost."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from gastown_desktop.core.card import Card
from gastown_desktop.core.wording import show_held, show_model, show_money
from gastown_desktop.ui.fleet.steps_bar import draw_steps
from gastown_desktop.ui.fleet.written import Hand, cut, width_of, write
from gastown_desktop.ui.theme.glyphs import draw_glyph, glyph_of, state_color
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import plain_tooltip

HEIGHT = 85
_SIDE = 12
_NAME, _WORD = Hand("title"), Hand("caption", 500)
_ID, _TITLE = Hand("id"), Hand("small", 500)
_CAPTION, _COST, _HELD = Hand("caption"), Hand("small", 500), Hand("caption")
_WHO = QRect(_SIDE, 8, 220, 26)


class DetailHead(QWidget):
    """Three painted lines, one button and the menu of all other actions."""

    pressed = Signal(str)
    """The action that the button stands for just now."""
    menu_wanted = Signal(object)
    """The place on the screen where the menu is to stand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows nobody."""
        super().__init__(parent)
        self._card: Card | None = None
        self._action = ""
        self.setFixedHeight(HEIGHT)
        self.button = Button("Pause", small=True, parent=self)
        self.button.clicked.connect(lambda: self.pressed.emit(self._action))
        self.more = Button("", "quiet", icon="ui_more", small=True, parent=self)
        self.more.setAccessibleName("More actions")
        self.more.setToolTip("More actions")
        self.more.clicked.connect(self._open_menu)
        self.show_card(None, "", "")

    def show_card(self, card: Card | None, action: str, words: str) -> None:
        """Shows a bead.

        Args:
            card: the bead; None for none.
            action: what the button does; empty for no button.
            words: what it says.
        """
        self._card, self._action = card, action
        self.button.setVisible(bool(action) and card is not None)
        if action:
            self.button.set_words(words)
        self.more.setVisible(card is not None)
        self.setAccessibleName(card.spoken if card is not None else "Nobody is selected")
        self._place()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            card = self._card
            text = ""
            if card is not None:
                who = f"Worker · polecat {card.worker}" if card.worker else "No worker yet"
                text = who if _WHO.contains(event.pos()) else f"{card.bead} {card.title}"
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        card = self._card
        if card is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_who(painter, card)
        painter.setPen(theme.color("text.tertiary"))
        end = write(painter, _SIDE, 46, card.bead, _ID)
        painter.setPen(theme.color("text.primary"))
        write(painter, end + 4, 46, cut(card.title, _TITLE, self.width() - _SIDE - end - 4), _TITLE)
        self._paint_figures(painter, card)

    def _paint_who(self, painter: QPainter, card: Card) -> None:
        color = state_color(card.state)
        draw_glyph(painter, glyph_of(card.state), color, QRectF(_SIDE - 1, 13, 16, 16))
        painter.setPen(theme.color("text.primary" if card.worker else "text.secondary"))
        end = write(painter, 32, 21, card.worker or "No worker yet", _NAME)
        painter.setPen(color)
        write(painter, end + 7, 21, card.word, _WORD)

    def _paint_figures(self, painter: QPainter, card: Card) -> None:
        right = self._paint_cost(painter, card)
        x = float(_SIDE)
        if card.steps:
            draw_steps(painter, QRectF(x, 67, 52, 4), card.steps_done, card.steps)
            at_work = card.steps_done < card.steps and card.ended_at is None
            steps = f"{card.steps_done} of {card.steps} steps"
            painter.setPen(theme.color("text.tertiary"))
            words = f"step {card.steps_done + 1} of {card.steps}" if at_work else steps
            x = write(painter, 72, 69, words, _CAPTION) + 9
        for text, color, gap in self._figures(card):
            if x + width_of(text, _CAPTION) > right - 8:
                return
            painter.setPen(theme.color(color))
            x = write(painter, x, 69, text, _CAPTION) + gap

    @staticmethod
    def _figures(card: Card) -> list[tuple[str, str, int]]:
        lines = [(f"+{card.added}", "diff.add_text", 4), (f"−{card.removed}", "diff.del_text", 8)]
        model = [(show_model(card.model), "text.tertiary", 0)] if card.model else []
        return [*(lines if card.started_at is not None and card.steps else []), *model]

    def _paint_cost(self, painter: QPainter, card: Card) -> float:
        """Writes cost and held sum at the right; returns where they begin."""
        right = float(self.width() - _SIDE)
        if card.started_at is None and not card.cost:
            if card.likely is None:
                return right
            words = f"about {show_money(card.likely)}"
            painter.setPen(theme.color("text.tertiary"))
            write(painter, right - width_of(words, _HELD), 69, words, _HELD)
            return right - width_of(words, _HELD)
        if card.held:
            held = f"{show_held(card.held)} held"
            right -= width_of(held, _HELD)
            painter.setPen(theme.color("text.secondary"))
            write(painter, right, 69, held, _HELD)
            right -= 4
        cost = show_money(card.cost)
        right -= width_of(cost, _COST)
        painter.setPen(theme.color("text.primary"))
        write(painter, right, 69, cost, _COST)
        return right

    def _open_menu(self) -> None:
        self.menu_wanted.emit(self.more.mapToGlobal(QPoint(0, self.more.height() + 2)))

    def _place(self) -> None:
        more = self.more.sizeHint()
        left = self.width() - _SIDE - more.width()
        self.more.setGeometry(left, 9, more.width(), more.height())
        size = self.button.sizeHint()
        self.button.setGeometry(left - 7 - size.width(), 9, size.width(), size.height())
