"""Does what the user chose to do with workers; what goes wrong is said in place."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPoint, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QMenu, QWidget

from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.card import Card
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.api import EngineApi, FileDiff
from gastown_desktop.ui.actions import ActionSpec
from gastown_desktop.ui.fleet.discard_sheet import DiscardSheet
from gastown_desktop.ui.fleet.notice import Notice
from gastown_desktop.ui.fleet.worker_actions import BULK, SPECS, Subject, able, refusal, stop_question


class WorkerActions(QObject):
    """The actions of the Fleet page, for its selection; a registry may list them by `specs`."""

    message_wanted = Signal()
    """The user wants to write."""
    diff_wanted = Signal(object)
    """A bead whose diff is to be shown."""

    def __init__(
        self,
        view: TownView,
        api: EngineApi,
        page: QWidget,
        notice: Notice,
        selected: Callable[[], Sequence[Card]],
    ) -> None:
        """Makes them.

        Args:
            view: says what can be done.
            api: does it.
            page: sheets lie over it.
            notice: says what went wrong, and asks.
            selected: the cards in question.
        """
        super().__init__(page)
        self._view, self._api, self._page, self._notice = view, api, page, notice
        self._selected = selected
        self.sheet: DiscardSheet | None = None
        """The question that is open."""

    @property
    def specs(self) -> tuple[ActionSpec, ...]:
        """All actions."""
        return SPECS

    def refusal(self, action: str) -> str:
        """Why an action cannot be done with the selection; empty when it can."""
        return refusal(action, self._subjects())

    def trigger(self, action: str) -> None:
        """Does an action with those of the selection that it can be done with."""
        cards = able(action, self._subjects())
        if not cards or self.refusal(action):
            return
        doing: dict[str, Callable[[Sequence[Card]], object]] = {
            "worker.message": lambda _: self.message_wanted.emit(),
            "worker.pause": lambda some: self._each(some, self._api.pause_bead),
            "worker.resume": lambda some: self._each(some, self._api.resume_bead),
            "worker.stop": self._ask_stop,
            "worker.fresh": lambda some: self._run(self._start_fresh(some[0])),
            "worker.take_over": lambda some: self._run(self._take_over(some[0])),
            "worker.give_back": lambda some: self._run(self._give_back(some[0])),
            "worker.diff": lambda some: self.diff_wanted.emit(some[0].bead),
            "worker.discard": lambda some: self.ask_discard(some),
        }
        doing[action](cards)

    def send(self, text: str, failed: Callable[[str], None]) -> None:
        """Sends a message to the selected workers; `failed` gets it back when nobody took it."""
        self._run(self._send(able("worker.message", self._subjects()), text, failed))

    def ask_discard(self, cards: Sequence[Card]) -> None:
        """Opens the sheet that shows what would be discarded."""
        self._run(self._open_discard(tuple(cards)))

    def open_menu(self, at: QPoint) -> None:
        """Shows the menu of all actions at a place of the screen."""
        menu = QMenu(self._page)
        menu.setToolTipsVisible(True)
        menu.aboutToHide.connect(menu.deleteLater)
        several = len(self._subjects()) > 1
        for spec in SPECS:
            if several and spec.id not in BULK:
                continue
            if spec.id in {"worker.take_over", "worker.discard"}:
                menu.addSeparator()
            menu.addAction(self._entry(spec, menu))
        menu.popup(at)

    def _entry(self, spec: ActionSpec, menu: QMenu) -> QAction:
        entry = QAction(spec.text, menu)
        reason = self.refusal(spec.id)
        entry.setEnabled(not reason)
        entry.setToolTip(reason)
        entry.triggered.connect(lambda: self.trigger(spec.id))
        return entry

    def _subjects(self) -> list[Subject]:
        return [Subject.of(self._view, card) for card in self._selected()]

    # --- one flow each ---

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        spawn(self._said(work), owner=self)

    async def _said(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except GasTownError as error:
            self._notice.fail(error)

    def _each(self, cards: Sequence[Card], do: Callable[[Any, BeadId], Coroutine[Any, Any, None]]) -> None:
        self._run(self._do_each(tuple(cards), do))

    async def _do_each(
        self, cards: Sequence[Card], do: Callable[[Any, BeadId], Coroutine[Any, Any, None]]
    ) -> int:
        """Does it with all of them, says which it failed with, and answers with how many it was done."""
        failed: list[tuple[Card, GasTownError]] = []
        for card in cards:
            try:
                await do(card.convoy, card.bead)
            except GasTownError as error:
                failed.append((card, error))
        if len(cards) == len(failed) == 1:
            self._notice.fail(failed[0][1])
        elif failed:
            self._notice.say("\n".join(f"{card.bead}: {error}" for card, error in failed))
        return len(cards) - len(failed)

    def _ask_stop(self, cards: Sequence[Card]) -> None:
        def stop() -> None:
            self._each(cards, self._api.stop_bead)

        self._notice.say(stop_question(cards), [("Stop now", stop)], dismiss="Let it work")

    async def _start_fresh(self, card: Card) -> None:
        await self._api.fresh_context(card.convoy, card.bead)
        self._notice.say(f"{card.worker} begins a new conversation on the same copy after this turn.")

    async def _take_over(self, card: Card) -> None:
        folder = await self._api.take_over(card.convoy, card.bead)
        words = f"{card.bead} is in your hands, in {folder}. {card.worker} goes on when you give it back."
        self._notice.say(words, [("Open folder", lambda: _open(folder))])

    async def _give_back(self, card: Card) -> None:
        changes = await self._api.give_back(card.convoy, card.bead)
        what = plural(len(changes), "changed file") if changes else "no changes"
        self._notice.say(f"{card.bead} is given back with {what}; its worker is told of them.")

    async def _send(self, cards: Sequence[Card], text: str, failed: Callable[[str], None]) -> None:
        def tell(convoy: ConvoyId, bead: BeadId) -> Coroutine[Any, Any, None]:
            return self._api.message(convoy, bead, text)

        if not await self._do_each(cards, tell):
            failed(text)

    async def _open_discard(self, cards: Sequence[Card]) -> None:
        own = {card.bead for card in cards}
        led_along: set[BeadId] = set()
        waiting: list[BeadId] = []
        files: list[FileDiff] = []
        for card in cards:
            found = await self._api.dependants(card.convoy, card.bead)
            led_along |= own.intersection(found)
            waiting += [bead for bead in found if bead not in own and bead not in waiting]
            files += await self._api.diff(card.convoy, card.bead) if card.started_at is not None else ()
        if self.sheet is not None:
            self.sheet.close_sheet()
        sheet = DiscardSheet(self._page, cards, waiting, files)
        leaves_first = sorted(cards, key=lambda card: card.bead not in led_along)
        first = [card for card in cards if card.bead not in led_along]
        sheet.decided.connect(
            lambda all_: self._run(self._discard(first if all_ else leaves_first, with_waiting=all_))
        )
        sheet.closed.connect(sheet.deleteLater)
        sheet.closed.connect(self._forget_sheet)
        self.sheet = sheet
        sheet.open()

    def _forget_sheet(self) -> None:
        self.sheet = None

    async def _discard(self, cards: Sequence[Card], *, with_waiting: bool) -> None:
        words: list[str] = []
        for card in cards:
            ended = await self._api.discard(card.convoy, card.bead, with_dependants=with_waiting)
            words.append(ended.words)
        self._notice.say(" ".join(words))


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
