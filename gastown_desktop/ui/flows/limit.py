"""The spending limit: raising it, finishing only merges, and going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gastown_desktop.core.ids import ConvoyId

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow


async def raise_limit(window: MainWindow, convoy: ConvoyId, cap: int) -> None:
    """Sets a higher limit, durably, and goes on. Changes: the cap, and the convoy runs again."""
    await window.api.set_cap(convoy, cap)
    window.close_sheets()
    await window.api.resume(convoy)


async def finish_merges(window: MainWindow, convoy: ConvoyId) -> None:
    """Lands what is handed in, with what was kept for it. Changes: merges go on, nothing else does."""
    window.close_sheets()
    await window.api.finish_merges(convoy)
