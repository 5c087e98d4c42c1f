"""The tour of a rehearsal that runs meanwhile: the real engine on the sample repository, nothing told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.bridge.engine_thread import EngineThread, RunningEngine
from gastown_desktop.bridge.event_pump import EventPump
from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core.errors import GasTownError
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.engine.api import RehearsalWish
from gastown_desktop.tour.screens import SCREENS
from gastown_desktop.tour.visit import Visit, calm
from gastown_desktop.ui.main_window import MainWindow

_LONGEST_S = 300.0
"""How long the rehearsal of the sample may take."""
_STOP_S = 30.0


async def visit_sample(visit: Visit, data_override: Path | None) -> list[Path]:
    """Rehearses the sample and visits the screens while it runs and after its end; returns the pictures.

    Args:
        visit: takes the pictures.
        data_override: keeps the data there; None for the user's own folder.

    Raises:
        GasTownError: the rehearsal could not be made, or did not end.
    """
    view = TownView()
    pump = EventPump(view, SystemClock().now)

    async def make() -> RunningEngine:
        from gastown_desktop.wiring.engine import Engine

        return await Engine(pump.put, data_override).start()

    engine = EngineThread(make)
    window = MainWindow(view, pump, engine.api, SystemClock().now)
    window.show()
    engine.start()
    try:
        window.engine_ready(None)
        await calm()
        taken = await visit.in_all_themes(window, ["01-welcome"])
        convoy = await _begin(window)
        taken += await _pages(visit, window, ["03-fleet", "05-merge"])
        await _end(view, convoy)
        window.show_evidence_of(convoy)
        await calm()
        taken += await visit.in_all_themes(window, ["09-evidence"])
        taken += await _pages(visit, window, ["02-plan", "04-graph", "07-spend", "10-history"])
    finally:
        pump.stop()
        engine.stop(_STOP_S)
        window.dispose()
    return [*taken, visit.signs()]


async def _begin(window: MainWindow) -> ConvoyId:
    api = window.api
    window.show_rig(await api.open(await api.make_sample()))
    gates = await api.gates()
    listed = await api.runs_list(gates)
    if not listed.trusted:
        await api.trust(listed.digest, gates)
    return await api.rehearse(RehearsalWish(gates=gates))


async def _pages(visit: Visit, window: MainWindow, names: list[str]) -> list[Path]:
    """Pictures of pages of the window as it is now."""
    taken: list[Path] = []
    for screen in SCREENS:
        if screen.name in names and screen.page in window.pages.by_name:
            window.frame.set_rail_open(screen.rail_open)
            window.show_page(screen.page)
            await calm()
            taken += await visit.in_all_themes(window, [screen.name])
    return taken


async def _end(view: TownView, convoy: ConvoyId) -> None:
    """Waits until the rehearsal has landed."""
    try:
        async with asyncio.timeout(_LONGEST_S):
            while convoy not in view.convoys or view.convoys[convoy].stage != "landed":  # noqa: ASYNC110 - Qt tells
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise GasTownError("The rehearsal of the sample did not end.") from None
