"""Says in the status line, while it lasts, that nobody answers: until when, and what was spent of the sum."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.bridge.town_view import Changes
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.wording import show_clock, show_money
from gastown_desktop.engine.api import Absence

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow

_ASK_MS = 5_000
"""It is asked for at most once in this time."""


class AwayNotice(QObject):
    """Asks when convoys come, go or run, and again while money moves and the user is away."""

    def __init__(self, window: MainWindow) -> None:
        """Says nothing yet.

        Args:
            window: in whose status line it is said.
        """
        super().__init__(window)
        self._window = window
        self._absence: Absence | None = None
        self._of: ConvoyId | None = None
        self._stale = self._asking = self._ended = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_ASK_MS)
        self._pause.timeout.connect(self._ask_soon)

    def forget(self) -> None:
        """Another repository is about to be opened."""
        self._absence = self._of = None
        self.tell()

    def end(self) -> None:
        """The window goes: nothing more is asked."""
        self._ended = True
        self._pause.stop()

    def begin(self) -> None:
        """Asks, now or as soon as it may."""
        self._stale = True
        self._ask_soon()

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        state = self._window.view.current
        if state is None or state.rehearsal:
            self.forget()
        elif changes.convoys or (changes.money and self._absence is not None):
            self.begin()

    def tell(self) -> None:
        """Says it, or nothing where it is over by now."""
        self._window.frame.status.set_away(self._words())

    def _words(self) -> str:
        window, absence = self._window, self._absence
        state = window.view.current
        if absence is None or state is None or state.convoy != self._of:
            return ""
        if absence.until is None:
            lasts = window.runs(state.convoy)
        else:
            lasts = window.now() < absence.until and state.stage not in {"ready_to_land", "landed"}
        return away_words(absence) if lasts else ""

    def _ask_soon(self) -> None:
        if self._stale and not (self._asking or self._ended or self._pause.isActive()):
            self._asking = True
            spawn(self._ask(), owner=self._window)

    async def _ask(self) -> None:
        self._stale = False
        try:
            state = self._window.view.current
            if state is not None and self._window.rig is not None:
                self._absence, self._of = await self._window.api.absence(state.convoy), state.convoy
                self.tell()
        except GasTownError:
            self.forget()  # the repository is closed, or cannot be read: there is nothing to say
        finally:
            self._asking = False
            if not self._ended:
                self._pause.start()


def away_words(absence: Absence, zone: tzinfo | None = None) -> str:
    """`Unattended until 07:00, $3.20 of $20.00 used`.

    Args:
        absence: how it stands.
        zone: where the user is; None for the system's.
    """
    until = "" if absence.until is None else f" until {show_clock(absence.until, zone)}"
    of = "" if absence.at_most is None else f" of {show_money(absence.at_most)}"
    return f"Unattended{until}, {show_money(absence.spent)}{of} used"
