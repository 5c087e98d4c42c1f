"""A launcher per test and a HOME that is nobody's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.adapters.sandbox import Bubblewrap, Unconfined
from tests.abilities import lacking
from tests.adapters.sandboxes import Place, make

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gastown_desktop.engine.process_ports import Shell


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))


@pytest_asyncio.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[LocalLauncher]:
    launcher = LocalLauncher(tmp_path / "launcher" / "children.journal")
    yield launcher
    await launcher.close()


@pytest.fixture
def git_path() -> Path:
    found = shutil.which("git")
    assert found
    return Path(found)


@pytest.fixture
def git(launcher: LocalLauncher, git_path: Path, tmp_path: Path) -> GitCommand:
    return GitCommand(launcher, git_path, tmp_path / "launcher" / "no-hooks")


# --- sandboxes ------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="session")
def bubblewrap_works() -> bool:
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def _bubblewrap(bubblewrap_works: bool) -> None:
    if not bubblewrap_works:
        lacking("bubblewrap does not work here")


@pytest.fixture(params=["bubblewrap", "unconfined"])
def kind(request: pytest.FixtureRequest, bubblewrap_works: bool) -> str:
    if request.param == "bubblewrap" and not bubblewrap_works:
        lacking("bubblewrap does not work here")
    return request.param


@pytest.fixture
def sandbox(kind: str, launcher: LocalLauncher, place: Place) -> Bubblewrap | Unconfined:
    return make(kind, launcher, place)


@pytest.fixture
def caged(_bubblewrap: None, launcher: LocalLauncher, place: Place) -> Bubblewrap:
    sandbox = make("bubblewrap", launcher, place)
    assert isinstance(sandbox, Bubblewrap)
    return sandbox


@pytest_asyncio.fixture
async def shell(sandbox: Bubblewrap | Unconfined, place: Place) -> AsyncIterator[Shell]:
    shell = await sandbox.shell(place.confinement())
    yield shell
    await shell.close()
