"""An own HOME, a bare repository behind the real objects adapter, and stacks with the spend gate."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pygit2
import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.processes import LocalLauncher
from tests.fakes.provider import Behaviour
from tests.fakes.spend_stack import Stack
from tests.fakes.stores import MemoryMoneyLog


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))


@pytest.fixture
def town_git(tmp_path: Path) -> Path:
    folder = tmp_path / "town.git"
    subprocess.run(["git", "init", "-q", "--bare", "--template=", str(folder)], check=True)
    return folder


@pytest_asyncio.fixture
async def objects(tmp_path: Path, town_git: Path) -> AsyncIterator[PygitObjects]:
    found = shutil.which("git")
    assert found
    launcher = LocalLauncher(tmp_path / "launcher" / "children.journal")
    git = GitCommand(launcher, Path(found), tmp_path / "launcher" / "no-hooks")
    opened = PygitObjects(git, town_git)
    pygit2.settings.enable_fsync_gitdir(False)  # the adapter's own tests have it on
    yield opened
    opened.close()
    await launcher.close()


@pytest_asyncio.fixture
async def stacks() -> AsyncIterator[Any]:
    made: list[Stack] = []

    async def make(*behaviours: Behaviour, log: MemoryMoneyLog | None = None) -> Stack:
        stack = Stack(*behaviours, log=log)
        made.append(stack)
        await stack.gate.open(stack.model)
        return stack

    yield make
    for stack in made:
        await stack.model.close()
