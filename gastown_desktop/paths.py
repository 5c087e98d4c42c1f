"""Where things are: resources of the program and folders of the user."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """A file or folder of `resources/`: in the bundle, in the package, or in the source tree.

    Raises:
        FileNotFoundError: the program is incomplete.
    """
    bundle: str | None = getattr(sys, "_MEIPASS", None)
    roots = [Path(bundle)] if bundle else []
    for root in (*roots, _PACKAGE, _PACKAGE.parent):
        found = root / "resources" / name
        if found.exists():
            return found
    raise FileNotFoundError(f"The program lacks its file resources/{name}.")


def data_folder(override: Path | None) -> Path:
    """The data folder; made when missing, then for the user alone.

    Args:
        override: what `--data-dir` says.
    """
    if override is None:
        folder = Path(platformdirs.user_data_dir("gastown-desktop", appauthor=False))
    else:
        folder = override.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def settings_file(data_override: Path | None) -> Path:
    """The user's settings, which need not exist.

    Args:
        data_override: what `--data-dir` says; the settings are then read there.
    """
    if data_override is not None:
        return data_override.absolute() / "settings.toml"
    return Path(platformdirs.user_config_dir("gastown-desktop", appauthor=False)) / "settings.toml"


def slots_folder(data_override: Path | None) -> Path:
    """The folder of all slots, not made yet: short and without spaces, as many tools want it.

    Args:
        data_override: what `--data-dir` says; slots are then kept in it.
    """
    return Path.home() / ".gastown" / "wt" if data_override is None else data_override.absolute() / "wt"
