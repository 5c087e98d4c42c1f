"""Goes through the screens of the real window and saves a picture of each, the same ones every time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from gastown_desktop.bridge.event_pump import EventPump
from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.events import Envelope
from gastown_desktop.tour.glyph_sheet import HEIGHT, WIDTH, GlyphSheet
from gastown_desktop.tour.harbor import HarborEngine
from gastown_desktop.tour.moments import Moment
from gastown_desktop.tour.screens import SCREENS, Screen
from gastown_desktop.tour.story import story
from gastown_desktop.ui.main_window import MainWindow
from gastown_desktop.ui.theme.theme import theme
from gastown_desktop.ui.theme.tokens import Scheme

_STEP_S = 0.02
_CALM_S = 0.3
"""How long nothing may happen before a picture is taken: longer than any motion of the window."""
_MOST_S = 10.0


class StoryClock:
    """A clock that stands still until it is set."""

    def __init__(self, at: datetime) -> None:
        """Shows a time."""
        self.at = at

    def __call__(self) -> datetime:
        """The time."""
        return self.at


class Visit:
    """One tour: screens, themes, and where the pictures go."""

    def __init__(self, app: QApplication, out: Path, themes: Sequence[Scheme]) -> None:
        """Takes no picture yet.

        Args:
            app: the application.
            out: folder of the pictures, made when missing.
            themes: a picture of each screen in each of them.
        """
        self._app, self._out, self._themes = app, out, tuple(themes)
        out.mkdir(parents=True, exist_ok=True)
        app.setCursorFlashTime(0)

    async def harbor(self, screens: Sequence[Screen] = SCREENS) -> list[Path]:
        """Visits screens of the story; returns the pictures."""
        taken: list[Path] = []
        for scheme in self._themes:
            theme.apply(self._app, scheme)
            for screen in screens:
                window = await self._window_at(screen)
                if screen.page == "welcome" or screen.page in window.pages.by_name:
                    taken.append(self.take(window, screen.name))
                window.dispose()
        return [*taken, self.signs()]

    async def in_all_themes(self, window: MainWindow, names: Sequence[str]) -> list[Path]:
        """Saves pictures of a window as it is, in each theme."""
        taken: list[Path] = []
        for scheme in self._themes:
            theme.apply(self._app, scheme)
            await asyncio.sleep(_STEP_S)
            taken += [self.take(window, name) for name in names]
        return taken

    def take(self, window: MainWindow, name: str) -> Path:
        """Saves a picture of a window, named after the screen and the theme."""
        path = self._out / f"{name}-{theme.scheme}.png"
        window.grab().save(str(path))
        return path

    def signs(self) -> Path:
        """Saves the sheet of signs, light beside dark."""
        sheet = QImage(2 * WIDTH, HEIGHT, QImage.Format.Format_RGB32)
        painter = QPainter(sheet)
        before = theme.scheme
        schemes: tuple[Scheme, Scheme] = ("light", "dark")
        for place, scheme in enumerate(schemes):
            theme.apply(self._app, scheme)
            painter.drawPixmap(place * WIDTH, 0, GlyphSheet().grab())
        painter.end()
        theme.apply(self._app, before)
        path = self._out / "13-glyphs.png"
        sheet.save(str(path))
        return path

    async def _window_at(self, screen: Screen) -> MainWindow:
        """The window as it would be at a screen's moment."""
        clock, view = StoryClock(screen.moment.at), TownView()
        pump = EventPump(view, clock)
        engine = HarborEngine(screen.moment)
        window = MainWindow(view, pump, engine.api, clock)
        window.resize(*screen.size)
        window.frame.set_rail_open(screen.rail_open)
        window.show()
        window.engine_ready(None)
        await calm()
        if screen.page != "welcome":
            window.show_rig(await engine.api.open(Path("harbor")))
            tell(pump, clock, screen.moment)
            window.show_page(screen.page)
            if screen.prepare is not None and screen.page in window.pages.by_name:
                screen.prepare(window)
            await calm()
            if screen.then is not None:
                screen.then(window)
                await calm()
            window.banner.dismiss.click()  # the user has read that half of the limit is spent
        await calm()
        pump.stop()
        return window


def tell(pump: EventPump, clock: StoryClock, moment: Moment) -> None:
    """Brings the story to the screens, each thing at its own time."""
    for at, item in story(moment):
        clock.at = at
        pump.put(item)
        if not isinstance(item, Envelope):
            pump.flush()
    clock.at = moment.at
    pump.flush()


async def calm() -> None:
    """Waits until no task of the screen runs and all motion has ended."""
    waited = still = 0.0
    while still < _CALM_S and waited < _MOST_S:
        await asyncio.sleep(_STEP_S)
        waited += _STEP_S
        still = 0.0 if tasks.running() else still + _STEP_S
