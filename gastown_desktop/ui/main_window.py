"""The window: frame, pages and sheets. It shows the town, and turns what is pressed into flows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QMainWindow

from gastown_desktop.bridge.event_pump import EventPump
from gastown_desktop.bridge.tasks import only_log, spawn, tasks
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.core.plain_text import one_line
from gastown_desktop.engine.api import (
    Conflict,
    EngineApi,
    GateWish,
    Looked,
    OpenRig,
    RehearsalWish,
    RunsList,
    Settings,
    TownBranch,
)
from gastown_desktop.ui.actions import Actions
from gastown_desktop.ui.away_notice import AwayNotice
from gastown_desktop.ui.command_palette import CommandPalette
from gastown_desktop.ui.flows import answering, limit, opening, publishing, rehearsing, settings
from gastown_desktop.ui.frame.drop import FolderDrop
from gastown_desktop.ui.frame.frame import Frame
from gastown_desktop.ui.needs.conflict import ConflictPanel
from gastown_desktop.ui.needs.popover import NeedsPopover
from gastown_desktop.ui.news import News
from gastown_desktop.ui.pages import Pages
from gastown_desktop.ui.publish.sheet import PublishSheet
from gastown_desktop.ui.quitting import QuitSheet
from gastown_desktop.ui.rehearse.form import RehearsalForm
from gastown_desktop.ui.sheet_place import SheetPlace
from gastown_desktop.ui.shortcut_sheet import ShortcutSheet
from gastown_desktop.ui.spend.banners import LimitBanner
from gastown_desktop.ui.spend.limit_sheet import LimitSheet, limit_facts
from gastown_desktop.ui.standing import limit_reached, refusal_at_limit, running_workers, standing_of
from gastown_desktop.ui.strips import Strip
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.tray import Tray
from gastown_desktop.ui.welcome.clone_sheet import CloneSheet
from gastown_desktop.ui.welcome.page import WelcomePage
from gastown_desktop.ui.welcome.trust_sheet import TrustSheet
from gastown_desktop.ui.window_actions import FLEET_MENU, REPOSITORY_MENU, add_window_actions, fill_menu

_TICK_MS = 1_000
_SIZE = (1280, 800)


class MainWindow(QMainWindow):
    """One window for one open repository."""

    quit_wanted = Signal()
    """Everything was asked: the program may end."""
    painted = Signal()
    """The first paint is done."""
    usable = Signal()
    """The engine answered its first question."""

    def __init__(self, view: TownView, pump: EventPump, api: EngineApi, now: Callable[[], datetime]) -> None:
        """Shows the welcome page.

        Args:
            view: the screens' state.
            pump: tells what changes in it.
            api: the engine's commands.
            now: the time.
        """
        super().__init__()
        self.view, self.api, self.now = view, api, now
        self._pump = pump
        self.rig: OpenRig | None = None
        self.settings: Settings | None = None
        """As they were read or written last; None before the first time."""
        self._stopped: set[ConvoyId] = set()
        self._was_painted = False
        self.setWindowTitle("Gas Town")
        self.resize(*_SIZE)
        self.frame = Frame()
        self.strip, self.banner = Strip(), LimitBanner()
        self.frame.add_notice(self.banner)
        self.frame.add_notice(self.strip)
        self.setCentralWidget(self.frame)
        self.frame.watch_focus()
        self.welcome = WelcomePage()
        self.pages = Pages(view, api, now)
        self.news = News(self)
        self.away = AwayNotice(self)
        self.frame.add_page("welcome", self.welcome)
        for name, page in self.pages.by_name.items():
            self.frame.add_page(name, page)
        self.sheets = SheetPlace(self.frame.stack)
        self.actions_ = Actions(self)
        add_window_actions(self.actions_, self)
        fill_menu(self.frame.top_bar.rig_button.drop, self.actions_, REPOSITORY_MENU)
        fill_menu(self.frame.top_bar.fleet_button.drop, self.actions_, FLEET_MENU)
        self.palette_ = CommandPalette(self.actions_, self.frame)
        bar = self.frame.top_bar
        self.needs = NeedsPopover(self.frame, bar.needs_button, view, self._content_edge)
        self.tray = Tray(self)
        self._drop = FolderDrop(self)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._connect(pump)
        tasks.failed = self._task_failed
        self._enable_rail()
        self.show_welcome()

    # --- what is pressed ---

    def _connect(self, pump: EventPump) -> None:
        bar, welcome = self.frame.top_bar, self.welcome
        pump.changed.connect(self.heed)
        self._tick.timeout.connect(self.news.tell_standing)
        self._tick.timeout.connect(self.away.tell)
        self.frame.page_shown.connect(lambda _: self._page_shown())
        self.frame.status.commands_wanted.connect(self.open_palette)
        self.frame.status.shortcuts_wanted.connect(self.open_shortcuts)
        self.frame.status.money_wanted.connect(lambda: self.show_page("spend"))
        self.frame.rail.settings_wanted.connect(self.show_settings)
        bar.needs_wanted.connect(self.open_needs)
        bar.money_wanted.connect(lambda: self.show_page("spend"))
        bar.fleet_button.clicked.connect(self._fleet_pressed)
        self._drop.hovering.connect(welcome.set_hovering)
        self._drop.dropped.connect(self.open_folder)
        welcome.folder_chosen.connect(self.open_folder)
        welcome.recent_chosen.connect(self.open_folder)
        welcome.clone_wanted.connect(self.ask_for_clone)
        welcome.sample_wanted.connect(self.try_sample)
        welcome.recent_forgotten.connect(self._forget_recent)
        welcome.answer_wanted.connect(self._act_on_looked)
        self.needs.answered.connect(self._answered)
        for signal in (self.sheets.changed, self.needs.opened, self.needs.closed):
            signal.connect(self.news.tell_standing)
        self.tray.window_wanted.connect(self.come_to_front)
        self.tray.quit_wanted.connect(self.quit)
        self.banner.limit_wanted.connect(self.change_limit)
        self.banner.told.connect(self.tray.notify)
        self.pages.connect_to(self)

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs a flow; what goes wrong is said above the page."""
        spawn(work, owner=self)

    def open_folder(self, path: Path) -> None:
        """Opens a folder that was dropped, chosen or handed over."""
        self.run(opening.open_folder(self, path))

    def choose_folder(self) -> None:
        """Asks for a folder."""
        self.welcome.choose_folder()

    def ask_for_clone(self) -> None:
        """Asks what to clone, and where to."""
        sheet = CloneSheet(self.frame.stack, Path.home())
        sheet.clone_wanted.connect(lambda url, into: self._clone(sheet, url, into))
        self.sheets.show(sheet)

    def try_sample(self) -> None:
        """Opens the sample and its rehearsal sheet."""
        self.run(self._try_sample())

    def ask_for_rehearsal(self) -> None:
        """Opens the rehearsal sheet."""
        self.run(rehearsing.ask_for_rehearsal(self))

    def ask_for_rehearsal_with(self, polecats: int) -> None:
        """Opens the rehearsal sheet with the fleet that a report suggests."""
        self.run(rehearsing.ask_for_rehearsal(self, polecats))

    def pause_all(self) -> None:
        """Pauses the fleet: workers stop at the end of their turn."""
        if (convoy := self._convoy()) is not None:
            self.run(self.api.pause(convoy))

    def stop_all(self) -> None:
        """Stops the fleet at once."""
        if (convoy := self._convoy()) is not None:
            self._stopped.add(convoy)
            self.run(self.api.stop(convoy))

    def resume(self) -> None:
        """Goes on with the convoy."""
        if (convoy := self._convoy()) is not None:
            self._stopped.discard(convoy)
            self.run(self.api.resume(convoy))

    def change_limit(self, kind: LimitKind | None = None) -> None:
        """Opens the place where a limit is changed.

        Args:
            kind: whose; None for the one that stopped the convoy, else its own.
        """
        state = self.view.current
        if kind is None and state is not None and limit_reached(state):
            self.show_limit_sheet(state.convoy)
        elif kind in {"day", "town"}:
            self.show_settings()
            self.pages.settings.ask_for_limit(kind)
        else:
            self.show_page("spend")
            self.pages.ask_for_limit()

    def ask_for_landing(self) -> None:
        """Opens the landing sheet."""
        self.show_page("merge")
        self.pages.ask_for_landing()

    def ask_for_publishing(self) -> None:
        """Asks which branches of the work are copied into the user's repository."""
        self.run(publishing.ask_for_publishing(self))

    def show_newest_evidence(self) -> None:
        """Shows the report of the newest rehearsal."""
        if (convoy := self._convoy()) is not None:
            self.run(self._show_evidence(convoy))

    def show_evidence_of(self, convoy: ConvoyId) -> None:
        """Shows the report of a rehearsal."""
        self.run(self._show_evidence(convoy))

    def open_palette(self) -> None:
        """Opens the palette."""
        self.palette_.open()

    def open_shortcuts(self) -> None:
        """Opens the shortcut sheet."""
        self.sheets.show(ShortcutSheet(self.actions_, self.frame.stack))

    def open_needs(self) -> None:
        """Opens what needs the user, or goes to the next item where it is open."""
        if self.needs.isVisible():
            self.needs.list.go_on()
        else:
            self.needs.open_with(self.now())

    def toggle_rail(self) -> None:
        """Opens or closes the rail."""
        self.frame.set_rail_open(not self.frame.rail.is_open)
        self.run(settings.keep(self, "rail", "open" if self.frame.rail.is_open else "icons"))

    def toggle_theme(self) -> None:
        """Switches between light and dark."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, "light" if theme.dark else "dark")
        self.run(settings.keep(self, "theme", theme.scheme))

    def quit(self) -> None:
        """Quits, asking first where workers run."""
        convoy = self.view.current
        if convoy is None or not self.view.runs_now(convoy.convoy):
            self.quit_wanted.emit()
            return
        sheet = QuitSheet(self.frame.stack, has_tray=self.tray.there)
        sheet.quit_chosen.connect(self.quit_wanted)
        sheet.tray_chosen.connect(self.hide)
        sheet.set_count(running_workers(self.view))
        self.sheets.show(sheet)

    # --- what is shown ---

    def engine_ready(self, folder: Path | None) -> None:
        """The engine was started: shows what it knows, and opens a folder where one was given."""
        self._tick.start()
        self.run(self._first_questions(folder))

    def asked_by_another_start(self, folder: Path | None) -> None:
        """Another start of the program handed its folder over."""
        self.come_to_front()
        if folder is not None:
            self.open_folder(folder)

    def come_to_front(self) -> None:
        """Shows and raises the window."""
        self.show()
        self.setWindowState(self.windowState() & ~self.windowState().WindowMinimized)
        self.raise_()
        self.activateWindow()

    def show_welcome(self) -> None:
        """Shows the welcome page."""
        self.frame.show_page("welcome")
        if self._tick.isActive():
            self.run(opening.refresh_welcome(self))

    def show_page(self, name: str) -> None:
        """Shows a page of the open repository."""
        if self.rig is not None:
            self.frame.show_page(name)

    def show_settings(self) -> None:
        """Shows the settings page, which needs no repository."""
        self.frame.show_page("settings")

    def show_rig(self, rig: OpenRig) -> None:
        """Shows the repository that was opened."""
        self.rig = rig
        self.frame.top_bar.set_rig(rig.name, rig.branch)
        self.pages.merge.set_branch_hint(rig.branch)
        self.setWindowTitle(f"{one_line(rig.name)} — Gas Town")
        self._enable_rail()
        self.away.begin()
        self.pages.settings.show_repository()
        self.frame.show_page("fleet")
        self.strip.dismiss()
        self.say(rig.notes[0] if rig.notes else f"Opened {rig.name}. Nothing of it was changed.")
        self.news.tell_standing()

    def forget_town(self) -> None:
        """Another repository is about to be opened."""
        self.close_sheets()
        self._pump.flush()  # what the last repository still told
        self.view.forget()
        self._stopped.clear()
        self.news.forget()
        self.away.forget()
        self.pages.refresh()

    def say(self, text: str) -> None:
        """Says something in the status line."""
        self.frame.status.set_words(text)

    def show_looked(self, looked: Looked) -> None:
        """Says what a folder turned out to be, with the one thing that can be done."""
        self.frame.show_page("welcome")
        self.welcome.show_looked(looked)

    def show_rehearsal_form(
        self, gates: tuple[GateWish, ...], polecats: int | None = None, limit: int | None = None
    ) -> None:
        """Opens the rehearsal sheet, with a size of the fleet and a limit to begin with where wanted."""
        assert self.rig is not None
        form = RehearsalForm()
        form.show_rig(self.rig.commits, gates, polecats, limit)
        form.wanted.connect(lambda wish: self.run(rehearsing.rehearse(self, wish)))
        form.cancelled.connect(self.close_sheets)
        self.sheets.show_widget(form, "Rehearse", width=640, primary=form.start_button)

    def show_trust(self, listed: RunsList, wish: RehearsalWish) -> None:
        """Lists what would run, and goes on with the answer."""
        sheet = TrustSheet(self.frame.stack, self.rig.name if self.rig else "", listed)

        def answered(answer: Literal["trust", "without"]) -> None:
            self.run(rehearsing.after_trust(self, wish, listed.digest, answer))

        sheet.trusted.connect(lambda _: answered("trust"))
        sheet.gateless_wanted.connect(lambda: answered("without"))
        self.sheets.show(sheet)

    def show_publishing(self, branches: Sequence[TownBranch]) -> None:
        """Opens the sheet that publishes branches."""
        name = self.rig.name if self.rig is not None else ""
        titles = partial(publishing.title_of, self.view)
        self.sheets.show(PublishSheet(self.frame.stack, self.api, name, branches, titles))

    def show_conflict(self, convoy: ConvoyId, bead: BeadId, conflict: Conflict) -> None:
        """Opens a conflict."""
        panel = ConflictPanel(conflict)
        panel.aborted.connect(self.close_sheets)
        panel.finished.connect(lambda files: self.run(answering.hand_in(self, convoy, bead, conflict, files)))
        self.sheets.show_widget(panel, "Conflict", width=1040, primary=panel.finish_button, fills=True)

    def show_evidence(self, convoy: ConvoyId, result: dict[str, Any]) -> None:
        """Shows a report."""
        self.pages.show_evidence(self, convoy, result)
        self.frame.show_page("evidence")
        self.frame.rail.select("history")

    def show_limit_sheet(self, convoy: ConvoyId) -> None:
        """Opens the sheet at the limit."""
        state = self.view.convoys[convoy]
        self.frame.show_page("fleet")
        facts = limit_facts(self.view, state, self.now())
        sheet = LimitSheet(self.frame.stack, facts)
        sheet.stay_paused.connect(self.close_sheets)
        sheet.raise_to.connect(lambda cap: self.run(limit.raise_limit(self, convoy, facts.kind, cap)))
        sheet.finish_merges.connect(lambda: self.run(limit.finish_merges(self, convoy)))
        self.sheets.show(sheet)

    def open_bead(self, bead: BeadId, tab: str = "") -> None:
        """Shows a bead in the fleet."""
        self.frame.show_page("fleet")
        self.pages.open_bead(bead, tab)

    def close_sheets(self) -> None:
        """Closes whatever lies over the page."""
        self.sheets.clear()
        if self.needs.isVisible():
            self.needs.close_sheet()

    # --- what is known ---

    def something_runs(self) -> bool:
        """Whether the current convoy runs in this process."""
        convoy = self._convoy()
        return convoy is not None and self.view.runs_now(convoy)

    def refusal_to_resume(self) -> str:
        """Why the convoy cannot be resumed; empty when it can."""
        state = self.view.current
        if state is None:
            return "There is no convoy yet."
        run = self.view.runs.get(state.convoy)
        if run is not None and run.running:
            return "" if run.held else "It runs already."
        if state.stage == "landed":
            return "It has landed."
        return self.refusal_at_limit()

    def refusal_at_limit(self) -> str:
        """Why a limit lets the convoy not go on; empty where none does."""
        state = self.view.current
        return "" if state is None else refusal_at_limit(state, self.settings, self.now())

    def runs(self, convoy: ConvoyId) -> bool:
        """Whether a convoy runs in this process."""
        return self.view.runs_now(convoy)

    def was_stopped(self, convoy: ConvoyId) -> bool:
        """Whether the user stopped it."""
        return convoy in self._stopped

    def limit_reached(self, convoy: ConvoyId) -> bool:
        """Whether its spending limit is reached."""
        return convoy in self.view.convoys and limit_reached(self.view.convoys[convoy])

    # --- what changes ---

    def heed(self, changes: Changes) -> None:
        """Takes what changed in a tick, and gives it to the page that is shown."""
        self.pages.heed(changes, self.frame.shown)
        if changes.convoys:
            self._enable_rail()
        self.news.heed(changes)
        self.away.heed(changes)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.news.tell_standing()
        super().changeEvent(event)

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.UpdateRequest and not self._was_painted:
            self._was_painted = True
            self.painted.emit()
        return done

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.quit()

    def dispose(self) -> None:
        """Lets go of everything; the window is not used any more."""
        self._tick.stop()
        self.away.end()
        tasks.failed = only_log
        self.tray.hide()
        self.sheets.clear()
        self.hide()
        self.deleteLater()

    # --- pieces ---

    def _content_edge(self) -> int:
        """Where what a page is about ends, before its detail, in the frame's pixels."""
        return self.frame.stack.x() + self.pages.content_edge(self.frame.shown, self.frame.stack.width())

    def _convoy(self) -> ConvoyId | None:
        state = self.view.current
        return None if state is None else state.convoy

    async def _first_questions(self, folder: Path | None) -> None:
        await settings.apply_first(self)
        await opening.refresh_welcome(self)
        self.usable.emit()
        if folder is not None:
            await opening.open_folder(self, folder)

    async def _try_sample(self) -> None:
        if await opening.open_sample(self):
            await rehearsing.ask_for_rehearsal(self)

    def _clone(self, sheet: CloneSheet, url: str, into: Path) -> None:
        task = spawn(opening.clone(self, sheet, url, into), owner=self)
        sheet.cancel_wanted.connect(task.cancel)

    def _forget_recent(self, path: Path) -> None:
        async def forget() -> None:
            await self.api.forget(path)
            await opening.refresh_welcome(self)

        self.run(forget())

    def _act_on_looked(self, looked: Looked) -> None:
        self.run(opening.act_on_answer(self, looked))

    async def _show_evidence(self, convoy: ConvoyId) -> None:
        if not await rehearsing.show_evidence(self, convoy):
            self.strip.say("This rehearsal has no report yet; it is written when it ends.", state="queued")

    def _answered(self, convoy: str, need: Any, answer: Any) -> None:
        self.needs.close_sheet()
        self.run(answering.answer(self, ConvoyId(convoy), need, answer))

    def _fleet_pressed(self) -> None:
        command = standing_of(self.view, self.refusal_at_limit()).command
        {"rehearse": self.ask_for_rehearsal, "pause": self.pause_all, "resume": self.resume}[command]()

    def _page_shown(self) -> None:
        self.close_sheets()
        self.news.tell_standing()

    def _enable_rail(self) -> None:
        reason = "" if self.rig is not None else "Open a repository first."
        for name in self.pages.by_name:
            if name not in {"evidence", "settings"}:
                self.frame.rail.set_able(name, able=not reason, reason=reason)

    def _task_failed(self, owner: object, error: Exception) -> None:
        """What a flow could not do is said where the user looks."""
        if isinstance(error, GasTownError):
            words = error.whole
        else:
            words = f"The program met a defect of its own ({type(error).__name__}). The log says more."
        if self.frame.shown == "welcome" and isinstance(error, GasTownError):
            self.welcome.show_trouble(str(error), error.safe, error.remedy)
        else:
            self.strip.say(words)
