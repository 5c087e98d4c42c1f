"""One worker in detail: transcript, diff, steps, hook and cost, and where the user speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.card import Card
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.wording import plural, show_money
from gastown_desktop.engine.api import EngineApi, Transcript
from gastown_desktop.ui.fleet.composer import Composer
from gastown_desktop.ui.fleet.detail_head import DetailHead
from gastown_desktop.ui.fleet.diff_view import DiffView
from gastown_desktop.ui.fleet.notice import Notice
from gastown_desktop.ui.fleet.transcript_view import TranscriptView
from gastown_desktop.ui.fleet.turn_tables import CostTable, HookTable, StepsTable
from gastown_desktop.ui.fleet.worker_actions import Subject, refusal
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.choices import TabBar
from gastown_desktop.ui.widgets.fields import SearchField
from gastown_desktop.ui.widgets.labels import PlainLabel
from gastown_desktop.ui.widgets.look_line import LookLine

TABS = {"transcript": "Transcript", "diff": "Diff", "steps": "Steps", "hook": "Hook", "cost": "Cost"}
_NOBODY = "Select a card to see what its worker does."


class DetailPane(QWidget):
    """Shows the current card; it asks the engine only for what is on the tab that is shown."""

    action_wanted = Signal(str)
    """An action by its id, for the shown card."""
    menu_wanted = Signal(object)
    """The place on the screen where the menu of actions is to stand."""
    message_wanted = Signal(str)
    """Text for the selected workers."""
    close_wanted = Signal()
    """Esc: the user goes back to the cards."""

    def __init__(
        self, view: TownView, api: EngineApi, now: Callable[[], datetime], parent: QWidget | None = None
    ) -> None:
        """Shows nobody.

        Args:
            view: what is shown.
            api: answers what was said and changed.
            now: the time.
            parent: owns it.
        """
        super().__init__(parent)
        self._view, self._api = view, api
        self.card: Card | None = None
        self._selected = 1
        self._told: Transcript | None = None
        self._asking: set[str] = set()
        self._again: set[str] = set()
        self.setAccessibleName("Detail")
        self.head = DetailHead()
        self.look = LookLine(most=2)
        self.tabs = TabBar()
        self.find_button = Button("", "quiet", icon="ui_search", small=True)
        self.find_bar = _FindBar()
        self.notice = Notice()
        self.transcript = TranscriptView(now)
        self.diff = DiffView()
        self.steps, self.hook, self.cost = StepsTable(), HookTable(), CostTable()
        self.stack = QStackedWidget()
        self.composer = Composer()
        self.nobody = PlainLabel(_NOBODY, "body", "secondary", wraps=True)
        self._build()
        self._connect()
        self.show_card(None)

    # --- what the page calls ---

    def show_card(self, card: Card | None, selected: int = 1) -> None:
        """Shows a card; another bead than before is asked for anew."""
        is_other = (card.bead if card else None) != (self.card.bead if self.card else None)
        self.card, self._selected = card, selected
        if is_other:
            self._told = None
            self.notice.dismiss()
            self.transcript.clear_all()
            self.diff.set_files(())
        for widget in (self.head, self._tab_row, self.stack, self.composer):
            widget.setVisible(card is not None)
        self.nobody.setVisible(card is None)
        self.look.show_changes(card.sensitive if card is not None else ())
        if card is None:
            return
        self._tell_head(card)
        self._tell_composer(card)
        self._tell_live(card)
        if is_other:
            self._show_told(Transcript(bead=card.bead, task="", turns=(), steps=()))
            self.ask()

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        card = self.card
        if card is None:
            return
        if card.bead in changes.turns or any(_is_about(one, card) for one in changes.envelopes):
            self.ask()
        if card.worker in changes.texts or card.bead in changes.beads:
            self._tell_live(card)

    def show_tab(self, name: str) -> None:
        """Shows one of `TABS`."""
        if name in TABS:
            self.tabs.select(name)
            self._open_tab(name)

    def ask(self) -> None:
        """Asks the engine for what the shown tab shows."""
        if self.tabs.current == "diff":
            self._run("diff", self._ask_diff)
        self._run("transcript", self._ask_transcript)

    def open_find(self) -> None:
        """Opens the line in which one types what to find in the transcript."""
        self.show_tab("transcript")
        self.find_bar.show()
        self.find_bar.field.setFocus()
        self.find_bar.field.selectAll()

    # --- building ---

    def _build(self) -> None:
        for name, text in TABS.items():
            self.tabs.add(name, text)
        self.find_button.setAccessibleName("Find in the transcript")
        self.find_button.setToolTip("Find in the transcript (Ctrl+F)")
        self.tabs.add_right(self.find_button)
        for widget in (self.transcript, self.diff, self.steps, self.hook, self.cost):
            self.stack.addWidget(widget)
        self._tab_row = QWidget()
        row = QHBoxLayout(self._tab_row)
        row.setContentsMargins(12, 0, 8, 0)
        row.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 0, 0, 0)
        column.setSpacing(0)
        self.nobody.setContentsMargins(12, 14, 12, 0)
        column.addWidget(self.nobody)
        self.look.setContentsMargins(12, 0, 12, 8)
        for widget in (self.head, self.look, self._tab_row, self.find_bar, self.notice):
            column.addWidget(widget)
        column.addWidget(self.stack, 1)
        column.addWidget(self.composer)
        column.setAlignment(self.nobody, Qt.AlignmentFlag.AlignTop)

    def _connect(self) -> None:
        self.head.pressed.connect(self.action_wanted)
        self.head.menu_wanted.connect(self.menu_wanted)
        self.tabs.chosen.connect(self._open_tab)
        self.find_button.clicked.connect(self.open_find)
        self.find_bar.find_wanted.connect(self._find)
        self.composer.sent.connect(self.message_wanted)

    # --- what Qt calls ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() == Qt.Key.Key_F3:
            self._find(self.find_bar.field.text(), shift, True)
        elif event.key() == Qt.Key.Key_F and control:
            self.open_find()
        elif event.key() == Qt.Key.Key_Escape and self.find_bar.isVisible():
            self.find_bar.hide()
            self.transcript.setFocus()
        elif event.key() == Qt.Key.Key_Escape:
            self.close_wanted.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.content"))
        painter.fillRect(0, 0, 1, self.height(), theme.color("border.default"))
        if self.card is not None:
            line = self._tab_row.geometry().bottom()
            painter.fillRect(0, line, self.width(), 1, theme.color("border.default"))

    # --- what is told ---

    def _tell_head(self, card: Card) -> None:
        subject = [Subject.of(self._view, card)]
        if subject[0].taken:
            action, words = "worker.give_back", "Give back"
        elif card.state in {"paused", "paused_budget"}:
            action, words = "worker.resume", "Resume"
        else:
            action, words = "worker.pause", "Pause"
        reason = refusal(action, subject)
        hidden = card.state in {"landed", "queued"} and bool(reason)
        self.head.show_card(card, "" if hidden else action, words)
        self.head.button.setEnabled(not reason)
        self.head.button.setToolTip(reason)

    def _tell_composer(self, card: Card) -> None:
        several = self._selected > 1
        name = plural(self._selected, "worker") if several else str(card.worker or "worker")
        turn = self._turn_of(card)
        words = f"Delivered when turn {turn} ends" if card.state != "queued" else "Delivered when it begins"
        self.composer.address(name, words, refusal("worker.message", [Subject.of(self._view, card)]))

    def _turn_of(self, card: Card) -> int:
        """The turn that runs."""
        turns = self._told.turns if self._told is not None else ()
        return (turns[-1].number if turns else 0) + 1

    def _tell_live(self, card: Card) -> None:
        is_live = card.worker is not None and card.state in {"working", "starting"}
        text = self._view.live.get(card.worker, "") if card.worker and is_live else ""
        held = f"{show_money(card.held)} held" if card.held else ""
        self.transcript.set_live(text, card.action if is_live else "", held)

    def _show_told(self, told: Transcript) -> None:
        self._told = told
        state = self._view.convoys.get(self.card.convoy) if self.card else None
        messages = state.messages.values() if state is not None else ()
        said = [one for one in messages if self.card and one.bead == self.card.bead]
        self.transcript.set_turns(told.turns, said)
        for table in (self.steps, self.hook, self.cost):
            table.show_transcript(told)

    # --- what is asked ---

    def _open_tab(self, name: str) -> None:
        self.stack.setCurrentIndex(list(TABS).index(name))
        if name != "transcript":
            self.find_bar.hide()
        if name == "diff" and self.card is not None:
            self._run("diff", self._ask_diff)

    def _run(self, what: str, ask: Callable[[Card], Coroutine[Any, Any, None]]) -> None:
        """Asks, once at a time: what comes meanwhile is asked for afterwards."""
        if self.card is None:
            return
        if what in self._asking:
            self._again.add(what)
            return
        self._asking.add(what)
        spawn(self._asked(what, ask, self.card), owner=self)

    async def _asked(self, what: str, ask: Callable[[Card], Coroutine[Any, Any, None]], card: Card) -> None:
        try:
            await ask(card)
        except GasTownError as error:
            if self._shows(card):
                self.notice.fail(error)
        finally:
            self._asking.discard(what)
        if what in self._again:
            self._again.discard(what)
            self._run(what, ask)

    def _shows(self, card: Card) -> bool:
        """Whether a card is still the one that is shown: what was asked for another is of no use."""
        return self.card is not None and self.card.bead == card.bead

    async def _ask_transcript(self, card: Card) -> None:
        told = await self._api.transcript(card.convoy, card.bead)
        if self.card is not None and self._shows(card):
            self._show_told(told)
            self._tell_composer(self.card)
            self._tell_live(self.card)

    async def _ask_diff(self, card: Card) -> None:
        files = await self._api.diff(card.convoy, card.bead)
        if self._shows(card):
            self.diff.set_files(files)

    def _find(self, words: str, back: bool, again: bool) -> None:
        if words:
            self.find_bar.tell(self.transcript.find_next(words, back=back, again=again))


def _is_about(envelope: Any, card: Card) -> bool:
    """Whether an event tells of a message to or from this bead, or of a new attempt."""
    event = envelope.event
    return getattr(event, "bead", None) == card.bead and event.kind in _HEARD


_HEARD: Sequence[str] = ("message_sent", "message_delivered", "bead_slung")


class _FindBar(QWidget):
    """A field that finds while one types; Enter goes on, Shift+Enter back."""

    find_wanted = Signal(str, bool, bool)
    """(words, backwards, go on behind the current place)."""

    def __init__(self) -> None:
        super().__init__()
        self.field = SearchField("Find in the transcript", width=220)
        self.words = PlainLabel("", "caption", "tertiary")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.field)
        row.addWidget(self.words, 1)
        self.field.textEdited.connect(lambda text: self.find_wanted.emit(text, False, False))
        self.hide()

    def tell(self, found: bool) -> None:
        """Says when there is no such place."""
        self.words.setText("" if found else "Not found")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.find_wanted.emit(self.field.text(), back, True)
            return
        super().keyPressEvent(event)
