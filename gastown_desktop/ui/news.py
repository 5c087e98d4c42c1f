"""What the town did, told round the page: in top bar, status line, strip, banner, tray and sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gastown_desktop.bridge.town_view import Changes
from gastown_desktop.core.history_words import headline
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import limit_kind
from gastown_desktop.core.wording import show_clock
from gastown_desktop.ui.limit_names import reached_words
from gastown_desktop.ui.spend.gauge import MoneyStanding
from gastown_desktop.ui.spend.limit_sheet import LimitSheet, limit_facts
from gastown_desktop.ui.standing import figures_of, shown_kind, standing_of
from gastown_desktop.ui.welcome.clone_sheet import CloneSheet

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow

_WITH_PRIMARY = frozenset({"evidence", "welcome"})
"""Pages that have an orange button of their own."""


class News:
    """Tells what changed in a tick, each thing where the user looks for it and as often as it is new."""

    def __init__(self, window: MainWindow) -> None:
        """Has told nothing yet.

        Args:
            window: where it is told.
        """
        self._window = window
        self._limits_told: set[str] = set()
        self._ran: set[ConvoyId] = set()

    def forget(self) -> None:
        """Another repository is about to be opened."""
        self._limits_told.clear()
        self._ran.clear()

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick."""
        window = self._window
        if changes.needs:
            window.needs.heed(window.now())
            window.tray.tell(len(window.view.needs()), hidden=not window.isVisible())
        if changes.progress:
            self._tell_progress()
        if changes.troubles:
            self._tell_troubles()
        if changes.envelopes:
            self._tell_newest(changes)
        if changes.money or changes.needs or changes.convoys or changes.beads:
            self.tell_standing()
        if changes.needs or changes.convoys:
            self._notice_limit()
        if changes.money or changes.needs:
            self._tell_money()
        if changes.convoys:
            self._notice_ends()

    def tell_standing(self) -> None:
        """The top bar: what the fleet does, what needs the user, what it costs."""
        window = self._window
        bar = window.frame.top_bar
        bar.fleet_button.setVisible(window.rig is not None)
        if window.rig is None:
            bar.set_needs(None)
            bar.set_money(None)
            return
        standing = standing_of(window.view, window.refusal_at_limit())
        bar.set_state(standing.state, standing.figure, standing.words)
        words = {"rehearse": "Rehearse for $0", "pause": "Pause", "resume": "Resume"}[standing.command]
        bar.fleet_button.set_words(words, icon="ui_pause" if standing.command == "pause" else "ui_play")
        bar.fleet_button.setEnabled(not standing.refusal)
        bar.fleet_button.setToolTip(standing.refusal)
        sheet = window.sheets.shown or window.needs.isVisible()
        other_primary = sheet or window.frame.shown in _WITH_PRIMARY
        bar.set_needs(len(window.view.needs()), "outlined" if other_primary else "filled")
        bar.set_money(figures_of(window.view, window.now()))

    def _tell_progress(self) -> None:
        window = self._window
        event = next(reversed(window.view.progress.values()))
        of = f" {event.done} of {event.all}" if event.all else ""
        window.say(f"{event.words}{of}")
        if event.task == "clone" and isinstance(window.sheets.sheet, CloneSheet):
            window.sheets.sheet.set_progress(event.words, event.done / event.all if event.all else None)

    def _tell_troubles(self) -> None:
        window = self._window
        for convoy, event in window.view.troubles.items():
            words = " ".join(part for part in (event.what, event.safe, event.remedy) if part)
            window.strip.say(words, words="Resume", act=lambda one=convoy: window.run(window.api.resume(one)))

    def _tell_newest(self, changes: Changes) -> None:
        """The status line says the newest event that is worth a line."""
        window = self._window
        for envelope in reversed(changes.envelopes):
            words = headline(window.view.convoys[envelope.event.convoy], envelope)
            if words:
                window.say(f"{show_clock(envelope.at, seconds=True)} {words}")
                return

    def _notice_limit(self) -> None:
        """Opens the sheet once for each time that the limit is reached."""
        window = self._window
        for state, need in window.view.needs():
            name = f"{need.item} {need.at}"
            if need.about == "limit" and name not in self._limits_told and self._is_live(state.convoy):
                self._limits_told.add(name)
                window.show_limit_sheet(state.convoy)
                window.tray.notify(f"{reached_words(limit_kind(need.scope))}.")

    def _notice_ends(self) -> None:
        """Offers the report of a rehearsal that just came to its end, until the next one begins."""
        window = self._window
        now = {name for name in window.view.convoys if window.view.runs_now(name)}
        if now - self._ran and window.strip.state == "landed":
            window.strip.dismiss()
        for name in self._ran - now:
            state = window.view.convoys[name]
            if state.rehearsal and state.stage == "landed" and name not in window.view.troubles:
                words = (
                    f"The rehearsal is finished: {len(state.merged())} of {len(state.works())} beads landed."
                )
                window.strip.say(
                    words,
                    state="landed",
                    words="Show report",
                    act=lambda one=name: window.show_evidence_of(one),
                )
                window.tray.notify("The rehearsal is finished.")
        self._ran = now

    def _tell_money(self) -> None:
        """The banner at 50, 80 and 95 percent, and the sheet at the limit where it is open."""
        window = self._window
        state, meter = window.view.current, window.view.meter()
        if state is None or meter is None:
            return
        sheet = window.sheets.sheet
        if isinstance(sheet, LimitSheet):
            stopped = window.view.convoys[sheet.facts.convoy]
            sheet.set_facts(limit_facts(window.view, stopped, window.now()))
        elif self._is_live(state.convoy):
            others = [one for one in window.view.meters() if one is not meter]
            for one in (*others, meter):
                window.banner.heed(state.convoy, MoneyStanding.of(one), shown_kind(window.view, one))

    def _is_live(self, convoy: ConvoyId) -> bool:
        window = self._window
        return convoy in window.view.runs
