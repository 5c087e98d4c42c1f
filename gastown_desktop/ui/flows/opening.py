"""Opening a repository: dropped, chosen, cloned, or the sample."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.core.errors import GasTownError
from gastown_desktop.engine.api import Looked

if TYPE_CHECKING:
    from gastown_desktop.ui.main_window import MainWindow
    from gastown_desktop.ui.welcome.clone_sheet import CloneSheet


async def open_folder(window: MainWindow, path: Path) -> bool:
    """Opens a folder, or says in one sentence why not and what can be done; tells whether it is open.

    Changes: the open repository, the screens' state, the list of recents.
    """
    window.welcome.answer.dismiss()
    if window.something_runs():
        ask_to_stop(window, path)
        return False
    looked = await window.api.look(path)
    if looked.kind != "repository":
        window.show_looked(looked)
        return False
    return await _open(window, looked.path)


def ask_to_stop(window: MainWindow, path: Path) -> None:
    """A fleet that runs is never stopped by opening something else: the user says so first."""
    rig = window.rig.name if window.rig is not None else "the open repository"
    window.strip.say(
        f"A convoy runs in {rig} and goes on. Stopping it keeps every finished turn; a reply that is being "
        "written counts as spent in full.",
        state="working",
        words=f"Stop it and open {path.name}",
        act=lambda: window.run(stop_and_open(window, path)),
    )


async def stop_and_open(window: MainWindow, path: Path) -> bool:
    """Stops the convoy that runs, then opens a folder. Changes: the convoy stands still, can be resumed."""
    state = window.view.current
    if state is not None:
        await window.api.stop(state.convoy)
    window.forget_town()
    return await open_folder(window, path)


async def act_on_answer(window: MainWindow, looked: Looked) -> bool:
    """Does the one thing that was offered for an odd folder; tells whether a repository is open then."""
    window.welcome.answer.dismiss()
    if looked.kind == "inside":
        return await _open(window, looked.path)
    if looked.kind == "plain_folder":
        return await _open(window, await window.api.initialise(looked.path))
    return False


async def open_sample(window: MainWindow) -> bool:
    """Opens the sample and asks how to rehearse it; tells whether it is open."""
    return await open_folder(window, await window.api.make_sample())


async def clone(window: MainWindow, sheet: CloneSheet, url: str, into: Path) -> bool:
    """Clones and opens; tells whether it is open. Cancelled, nothing is left behind."""
    sheet.set_progress("Asking the server", None)
    try:
        path = await window.api.clone(url, into)
    except asyncio.CancelledError:
        sheet.set_idle()
        raise
    except GasTownError as error:
        sheet.set_trouble(str(error), error.safe, error.remedy)
        return False
    sheet.set_idle()
    return await _open(window, path)


async def refresh_welcome(window: MainWindow) -> None:
    """Shows recents and what was found on this machine."""
    window.welcome.show_recents(await window.api.recents(), window.now())
    system = await window.api.system()
    sandbox = f"Sandbox: {system.sandbox}." if system.sandbox else "No sandbox was found."
    window.say(f"Ready. Git {system.git} found. {sandbox}")


async def _open(window: MainWindow, path: Path) -> bool:
    window.forget_town()
    window.show_rig(await window.api.open(path))
    return True
