"""A launcher per test and a HOME that is nobody's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.processes import LocalLauncher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
