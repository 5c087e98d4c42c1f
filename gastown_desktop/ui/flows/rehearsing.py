"""Rehearsing: from the sheet over the trust list to a running town, and its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.engine.api import RehearsalWish

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow


async def ask_for_rehearsal(window: MainWindow, polecats: int | None = None) -> None:
    """Opens the sheet with the gates that were found, and with a size of the fleet where one is wanted."""
    gates = await window.api.gates()
    settings = await window.api.settings()
    window.show_rehearsal_form(gates, polecats or settings.polecats, settings.rehearsal_limit)


async def rehearse(window: MainWindow, wish: RehearsalWish) -> ConvoyId | None:
    """Starts a rehearsal, asking for trust first where something of the repository would run.

    Changes: a new convoy, and the Fleet page shows it.
    """
    if wish.gates and not await _trusted(window, wish):
        return None
    return await start(window, wish)


async def start(window: MainWindow, wish: RehearsalWish) -> ConvoyId:
    """Plans and starts; the plan's progress shows in the status line."""
    window.say("Planning the rehearsal. Nothing of your repository is changed.")
    window.close_sheets()
    convoy = await window.api.rehearse(wish)
    window.show_page("fleet")
    return convoy


async def after_trust(
    window: MainWindow, wish: RehearsalWish, digest: str, answer: Literal["trust", "without"]
) -> ConvoyId:
    """Goes on with what was answered to the trust list."""
    if answer == "trust":
        await window.api.trust(digest, wish.gates)
        return await start(window, wish)
    return await start(window, replace(wish, gates=()))


async def show_evidence(window: MainWindow, convoy: ConvoyId) -> bool:
    """Shows the report of a rehearsal; tells whether there is one."""
    result = await window.api.evidence(convoy)
    if result is None:
        return False
    window.show_evidence(convoy, dict(result))
    return True


async def export_evidence(window: MainWindow, convoy: ConvoyId, folder: Path) -> None:
    """Writes the report of a rehearsal into a folder. Changes: files there; the status line names them."""
    files = await window.api.export_evidence(convoy, folder)
    window.say(f"The report is in {', '.join(file.name for file in files)}.")


async def _trusted(window: MainWindow, wish: RehearsalWish) -> bool:
    listed = await window.api.runs_list(wish.gates)
    if listed.trusted:
        return True
    window.show_trust(listed, wish)
    return False
