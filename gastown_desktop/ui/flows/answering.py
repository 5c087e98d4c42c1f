"""Answering what needs the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gastown_desktop.core.answers import Answer
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.projection import NeedView
from gastown_desktop.engine.api import Conflict

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow


async def answer(window: MainWindow, convoy: ConvoyId, need: NeedView, chosen: Answer) -> None:
    """Does what was chosen for an item. Changes: the item is answered, or a place opens where it can be."""
    match chosen.do:
        case "answer" | "retry":
            await window.api.answer(convoy, need.item, chosen.text)
            await go_on(window, convoy)
        case "resolve" if need.bead is not None:
            window.show_conflict(convoy, need.bead, await window.api.conflict(convoy, need.bead))
        case "give_back" if need.bead is not None:
            await window.api.give_back(convoy, need.bead)
            await go_on(window, convoy)
        case "diff" if need.bead is not None:
            window.open_bead(need.bead, tab="diff")
        case "discard" if need.bead is not None:
            window.open_bead(need.bead, tab="diff")
            window.pages.ask_discard(need.bead)
        case "limit":
            window.show_limit_sheet(convoy)
        case "land":
            window.show_page("merge")
        case _:
            window.show_page("fleet")


async def hand_in(
    window: MainWindow,
    convoy: ConvoyId,
    bead: BeadId,
    conflict: Conflict,
    files: Mapping[str, bytes | None],
) -> None:
    """Hands in a resolution made by hand. Changes: the bead is in the queue again, the town goes on."""
    wanted = {one.path for one in conflict.files}
    chosen = {path: data for path, data in files.items() if path in wanted}
    await window.api.resolve_conflict(convoy, bead, chosen, conflict.tip)
    window.close_sheets()
    await go_on(window, convoy)


async def go_on(window: MainWindow, convoy: ConvoyId) -> None:
    """Runs the convoy again where it had stopped only because nothing could go on without the user."""
    if not window.was_stopped(convoy) and not window.limit_reached(convoy):
        await window.api.go_on(convoy)
