"""Settings: in force at the start, in force when they change, kept when they are changed elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from gastown_desktop.core.errors import GasTownError
from gastown_desktop.engine.api import SettingName, Settings
from gastown_desktop.ui.theme.motion import reduce_motion
from gastown_desktop.ui.theme.theme import theme

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow


async def apply_first(window: MainWindow) -> None:
    """Puts in force what the user's file gives, or says why it cannot be read.

    Changes: rail, look of the fleet, motion; the theme was there before the first paint.
    """
    settings = await window.api.settings()
    window.settings = settings
    if settings.trouble:
        words = f"{settings.trouble} {settings.remedy} Until then defaults hold."
        window.strip.say(words, words="Open Settings", act=window.show_settings)
    apply(window, settings, at_start=True)


def apply(window: MainWindow, settings: Settings, *, at_start: bool = False) -> None:
    """Puts theme, rail, look of the fleet and motion in force.

    Args:
        window: what is changed.
        settings: what is wanted.
        at_start: the theme is there already, and what the user's file does not say stays as it is.
    """
    said = (
        settings.given - {"theme"} if at_start else frozenset({"theme", "rail", "density", "reduced_motion"})
    )
    app = QApplication.instance()
    if "theme" in said and isinstance(app, QApplication):
        theme.apply(app, settings.theme)
    if "rail" in said:
        window.frame.set_rail_open(settings.rail == "open")
    if "density" in said:
        window.pages.fleet.show_look(settings.density)
    if "reduced_motion" in said:
        reduce_motion(reduced=settings.reduced_motion)


def seen(window: MainWindow, settings: Settings) -> None:
    """Takes what the file says now: a limit that was raised lets the convoy go on."""
    window.settings = settings
    window.news.tell_standing()


def changed(window: MainWindow, settings: Settings) -> None:
    """Puts in force what was changed on the page of the settings."""
    apply(window, settings)
    seen(window, settings)


def know(window: MainWindow, settings: Settings) -> None:
    """Shows settings that were written elsewhere than on their page."""
    window.pages.settings.show_settings(settings)
    seen(window, settings)


async def keep(window: MainWindow, name: SettingName, value: str) -> None:
    """Writes a setting that was changed elsewhere and is in force. Changes: the user's settings file."""
    try:
        know(window, await window.api.set_setting(name, value))
    except GasTownError as error:
        window.say(f"This holds until you quit. {error}")
