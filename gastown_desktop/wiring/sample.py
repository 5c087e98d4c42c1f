"""The sample repository, unpacked from its bundle on first use."""

from __future__ import annotations

import shutil
from pathlib import Path

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.core.errors import Refused
from gastown_desktop.paths import data_folder, resource


def sample_folder(data_override: Path | None) -> Path:
    """Where the sample lies once it is unpacked."""
    return data_folder(data_override) / "sample" / "harbor"


async def make_sample(data_override: Path | None) -> Path:
    """Unpacks the sample unless it is there; returns its folder.

    Raises:
        Refused: git is missing or too old.
    """
    folder = sample_folder(data_override)
    if (folder / ".git").is_dir():
        return folder
    data = data_folder(data_override)
    found = shutil.which("git")
    if found is None:
        raise Refused(
            "git is not installed.", remedy="Install git 2.39 or later from your system's packages."
        )
    launcher = LocalLauncher(data / "children")
    git = GitCommand(launcher, Path(found), data / "empty-hooks")
    await git.version()
    new = folder.with_name("harbor.new")
    shutil.rmtree(new, ignore_errors=True)
    new.parent.mkdir(parents=True, exist_ok=True)
    await git.run(
        "clone",
        "--quiet",
        "--template=",
        resource("sample/harbor.bundle"),
        new,
        git_dir=None,
        allow_protocol="file",
    )
    new.rename(folder)
    await launcher.close()
    return folder
