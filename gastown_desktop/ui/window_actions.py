"""The window's actions: what the palette, the menus and the shortcut sheet offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from gastown_desktop.ui.actions import Actions, ActionSpec
from gastown_desktop.ui.frame.rail import PAGES
from gastown_desktop.ui.widgets.labels import plain_tooltip

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow

_NO_REPOSITORY = "Open a repository first."
_NO_CONVOY = "There is no convoy yet."


def add_window_actions(actions: Actions, window: MainWindow) -> None:
    """Declares every action of the window."""
    _pages(actions, window)
    _repository(actions, window)
    _convoy(actions, window)
    _worker(actions, window)
    _window(actions, window)


REPOSITORY_MENU = (
    "repository.open",
    "repository.clone",
    "repository.sample",
    "repository.publish",
    "repository.welcome",
)
"""What the repository's button offers."""
FLEET_MENU = (
    "convoy.rehearse",
    "convoy.pause",
    "convoy.resume",
    "convoy.stop",
    "convoy.limit",
    "convoy.land",
)
"""What the fleet's button offers besides what it does itself."""


def fill_menu(menu: QMenu, actions: Actions, names: Sequence[str]) -> None:
    """Makes a menu of actions anew each time it opens; what cannot be done says why in its tooltip."""
    menu.setToolTipsVisible(True)

    def fill() -> None:
        menu.clear()
        for name in names:
            entry = menu.addAction(actions.action(name).text())
            refusal = actions.refusal(name)
            entry.setEnabled(not refusal)
            entry.setToolTip(plain_tooltip(refusal))
            entry.triggered.connect(lambda _=False, one=name: actions.trigger(one))

    menu.aboutToShow.connect(fill)
    fill()


def _pages(actions: Actions, window: MainWindow) -> None:
    for entry in PAGES:
        spec = ActionSpec(
            id=f"go.{entry.name}",
            text=f"Go to {entry.text}",
            group="Go to",
            shortcut=entry.key,
            synonyms=_PAGE_WORDS.get(entry.name, ()),
        )
        actions.add(spec, _shows(window, entry.name), lambda: _needs_repository(window))
    settings = ActionSpec(
        id="go.settings",
        text="Go to Settings",
        group="Go to",
        shortcut="Ctrl+,",
        synonyms=("preferences", "options", "configuration", "about", "licences", "version"),
    )
    actions.add(settings, window.show_settings)


def _repository(actions: Actions, window: MainWindow) -> None:
    specs: tuple[tuple[ActionSpec, Callable[[], object], Callable[[], str]], ...] = (
        (
            ActionSpec(
                id="repository.open",
                text="Open repository…",
                group="Repository",
                shortcut="Ctrl+O",
                synonyms=("choose folder", "load"),
            ),
            window.choose_folder,
            _never_refused,
        ),
        (
            ActionSpec(
                id="repository.clone",
                text="Clone from URL…",
                group="Repository",
                shortcut="Ctrl+Shift+O",
                synonyms=("download", "checkout", "remote"),
            ),
            window.ask_for_clone,
            _never_refused,
        ),
        (
            ActionSpec(
                id="repository.sample",
                text="Rehearse the sample",
                group="Repository",
                synonyms=("try", "demo", "example"),
            ),
            window.try_sample,
            _never_refused,
        ),
        (
            ActionSpec(
                id="repository.publish",
                text="Publish branches…",
                group="Repository",
                synonyms=("copy branches", "export", "work branches", "convoy branch"),
            ),
            window.ask_for_publishing,
            lambda: _needs_convoy(window),
        ),
        (
            ActionSpec(
                id="repository.welcome",
                text="Show recent repositories",
                group="Repository",
                synonyms=("start page", "home", "welcome"),
            ),
            window.show_welcome,
            _never_refused,
        ),
    )
    for spec, run, refusal in specs:
        actions.add(spec, run, refusal)


def _convoy(actions: Actions, window: MainWindow) -> None:
    def may_rehearse() -> str:
        return _needs_repository(window) or ("A convoy runs already." if window.something_runs() else "")

    def may_pause() -> str:
        return _needs_convoy(window) or ("" if window.something_runs() else "Nothing runs.")

    def may_resume() -> str:
        return _needs_convoy(window) or window.refusal_to_resume()

    def may_land() -> str:
        return _needs_convoy(window) or ("It runs; let it end first." if window.something_runs() else "")

    specs: tuple[tuple[ActionSpec, Callable[[], object], Callable[[], str]], ...] = (
        (
            ActionSpec(
                id="convoy.rehearse",
                text="Rehearse for $0…",
                group="Convoy",
                shortcut="Ctrl+R",
                synonyms=("simulate", "dry run", "history", "replay"),
            ),
            window.ask_for_rehearsal,
            may_rehearse,
        ),
        (
            ActionSpec(
                id="convoy.pause",
                text="Pause all workers",
                group="Convoy",
                shortcut="Ctrl+P",
                synonyms=("hold", "wait"),
            ),
            window.pause_all,
            may_pause,
        ),
        (
            ActionSpec(
                id="convoy.resume",
                text="Resume the convoy",
                group="Convoy",
                shortcut="Ctrl+Shift+P",
                synonyms=("continue", "go on"),
            ),
            window.resume,
            may_resume,
        ),
        (
            ActionSpec(
                id="convoy.stop",
                text="Stop all workers now",
                group="Convoy",
                synonyms=("kill", "cancel", "abort"),
            ),
            window.stop_all,
            may_pause,
        ),
        (
            ActionSpec(
                id="convoy.limit",
                text="Change spending limit…",
                group="Convoy",
                shortcut="Ctrl+L",
                synonyms=("cap", "budget", "money", "raise"),
            ),
            window.change_limit,
            lambda: _needs_convoy(window),
        ),
        (
            ActionSpec(
                id="convoy.evidence",
                text="Show the rehearsal's report",
                group="Convoy",
                shortcut="Ctrl+E",
                synonyms=("evidence", "verdict", "speed-up"),
            ),
            window.show_newest_evidence,
            lambda: _needs_convoy(window),
        ),
        (
            ActionSpec(
                id="convoy.land",
                text="Land…",
                group="Convoy",
                synonyms=("merge into branch", "deliver", "ship"),
            ),
            window.ask_for_landing,
            may_land,
        ),
    )
    for spec, run, refusal in specs:
        actions.add(spec, run, refusal)


def _worker(actions: Actions, window: MainWindow) -> None:
    """What can be done with the selected workers; the Fleet page does it."""
    for spec in window.pages.worker_actions.specs:
        actions.add(spec, _does(window, spec.id), _may(window, spec.id))


def _does(window: MainWindow, action: str) -> Callable[[], None]:
    def do() -> None:
        window.show_page("fleet")
        window.pages.worker_actions.trigger(action)

    return do


def _may(window: MainWindow, action: str) -> Callable[[], str]:
    return lambda: _needs_convoy(window) or window.pages.worker_actions.refusal(action)


def _window(actions: Actions, window: MainWindow) -> None:
    specs: tuple[tuple[ActionSpec, Callable[[], object]], ...] = (
        (
            ActionSpec(id="window.commands", text="Show all commands", group="Window", shortcut="Ctrl+K"),
            window.open_palette,
        ),
        (
            ActionSpec(
                id="window.shortcuts",
                text="Show all shortcuts",
                group="Window",
                shortcut="?",
                synonyms=("keys", "keyboard", "help"),
            ),
            window.open_shortcuts,
        ),
        (
            ActionSpec(
                id="window.needs",
                text="Show what needs you",
                group="Window",
                shortcut="Ctrl+N",
                synonyms=("inbox", "questions", "next"),
            ),
            window.open_needs,
        ),
        (
            ActionSpec(
                id="window.rail",
                text="Open or close the rail",
                group="Window",
                shortcut="Ctrl+B",
                synonyms=("sidebar", "navigation"),
            ),
            window.toggle_rail,
        ),
        (
            ActionSpec(
                id="window.theme",
                text="Switch between light and dark",
                group="Window",
                shortcut="Ctrl+Shift+T",
                synonyms=("theme", "colours", "night"),
            ),
            window.toggle_theme,
        ),
        (
            ActionSpec(
                id="window.quit", text="Quit", group="Window", shortcut="Ctrl+Q", synonyms=("exit", "close")
            ),
            window.quit,
        ),
    )
    for spec, run in specs:
        actions.add(spec, run)


_PAGE_WORDS = {
    "plan": ("convoy", "graph of beads", "dependencies", "mayor"),
    "fleet": ("workers", "polecats", "agents", "cards"),
    "graph": ("branches", "commits", "lanes"),
    "merge": ("refinery", "queue", "gates", "tests", "land"),
    "spend": ("money", "cost", "bill", "budget"),
    "history": ("events", "timeline", "log", "audit"),
}


def _shows(window: MainWindow, page: str) -> Callable[[], None]:
    return lambda: window.show_page(page)


def _never_refused() -> str:
    return ""


def _needs_repository(window: MainWindow) -> str:
    return "" if window.rig is not None else _NO_REPOSITORY


def _needs_convoy(window: MainWindow) -> str:
    return _needs_repository(window) or ("" if window.view.current is not None else _NO_CONVOY)
