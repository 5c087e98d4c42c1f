"""Publishing: branches of the work into the user's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gastown_desktop.engine.api import TownBranch

if TYPE_CHECKING:
    from gastown_desktop.bridge.town_view import TownView
    from gastown_desktop.ui.main_window import MainWindow


async def ask_for_publishing(window: MainWindow) -> None:
    """Opens the sheet with the branches that there are, or says that there are none."""
    branches = await window.api.branches()
    if not branches:
        window.strip.say("There is no branch to publish yet; a convoy that begins makes one.", state="queued")
        return
    window.show_publishing(branches)


def title_of(view: TownView, branch: TownBranch) -> str:
    """What a branch is about: the title of its convoy or bead; empty where that is not known."""
    if branch.convoy is not None:
        state = view.convoys.get(branch.convoy)
        return state.title if state is not None else ""
    state = view.projection_of(branch.bead) if branch.bead is not None else None
    return state.beads[branch.bead].bead.title if state is not None and branch.bead is not None else ""
