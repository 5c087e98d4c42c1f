"""The spending limit: raising it, finishing only merges, and going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.ui.flows import settings

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow


async def raise_limit(window: MainWindow, convoy: ConvoyId, kind: LimitKind, cap: int) -> None:
    """Sets a higher limit, durably, and goes on.

    Changes: the convoy's cap, or the user's settings where the limit is that of a day or of everything; the
    convoy runs again.
    """
    if kind == "convoy":
        await window.api.set_cap(convoy, cap)
    else:
        name = "day_cap" if kind == "day" else "town_cap"
        settings.know(window, await window.api.set_setting(name, cap))
    window.close_sheets()
    await window.api.resume(convoy)


async def finish_merges(window: MainWindow, convoy: ConvoyId) -> None:
    """Lands what is handed in, with what was kept for it. Changes: merges go on, nothing else does."""
    window.close_sheets()
    await window.api.finish_merges(convoy)
